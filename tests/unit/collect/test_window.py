"""`scroll` moves the runner's window over a page that is longer than the agent's budget."""

from dataclasses import replace
from typing import Any

import pytest

from tracewarp.collect.model_policy import ModelPolicy
from tracewarp.collect.policy import Start, View
from tracewarp.collect.window import ObservationWindow
from tracewarp.envs.base import EnvSpec, Observation
from tracewarp.models import ScriptedModel
from tracewarp.models.tokens import CharacterCounter
from tracewarp.trajectory import Task

LINES = [f"[{number}] link 'Number {number}'" for number in range(1, 41)]
PAGE = Observation("\n".join(["Tab 0 (current): Long", "", *LINES]), "Find it", url="http://a.test/", title="Long")
BUDGET = 75
"""300 characters."""


def window(**options: Any) -> ObservationWindow:
    return ObservationWindow(CharacterCounter().cut, BUDGET, **options)


def view(action: str | None = None, *, page: Observation = PAGE, error: str | None = None, attempt: int = 0) -> View:
    return View(page, 0, action, error, attempt)


def lines(text: str) -> list[str]:
    head, _, body = text.partition("\n\n")
    assert head == "Tab 0 (current): Long"
    return body.split("\n")


def test_the_first_window_is_the_beginning_of_the_page_as_it_was() -> None:
    assert window().show(view()) == PAGE.text[: BUDGET * 4]
    short = replace(PAGE, text="Tab 0 (current): Long\n\n[1] link 'x'")
    assert window().show(view(page=short)) == short.text


def test_scrolling_to_the_end_shows_every_line_whole_and_within_the_budget() -> None:
    running = window()
    seen = [running.show(view())]
    while len(seen) < 2 or running.number > len(seen) - 2:
        seen.append(running.show(view("scroll [down]")))
    assert all(len(text) <= BUDGET * 4 for text in seen)
    assert seen[-1] == seen[-2]  # the end: nothing lies below
    shown = [line for text in seen for line in lines(text)]
    assert [line for line in LINES if line not in shown] == []
    assert lines(seen[1])[0] == lines(seen[0])[-1] or lines(seen[1])[0].startswith(lines(seen[0])[-1])


def test_up_goes_back_and_stays_at_the_top() -> None:
    running = window()
    first = running.show(view())
    second = running.show(view("scroll [down]"))
    assert second != first
    assert running.show(view("scroll(0, 500)")) != second
    assert running.show(view("scroll [up]")) == second
    assert running.show(view("scroll [up]")) == first
    assert running.show(view("scroll [up]")) == first


@pytest.mark.parametrize(
    "stays",
    [
        view("click [3] where [3] is link 'scroll [down]'"),
        view("type [3] [x] [0]"),
        view("scroll [down]", error="refused"),
        view("scroll [down]", attempt=1),  # the same step again: it has moved already
        view("scroll sideways"),
    ],
)
def test_other_actions_leave_the_window_where_it_is(stays: View) -> None:
    running = window()
    running.show(view())
    second = running.show(view("scroll [down]"))
    assert running.show(stays) == second


def test_another_page_begins_at_its_top() -> None:
    running = window()
    running.show(view())
    running.show(view("scroll [down]"))
    other = replace(PAGE, url="http://a.test/2")
    assert running.show(view("scroll [down]", page=other)) == PAGE.text[: BUDGET * 4]


def test_a_page_that_became_shorter_shows_its_last_window() -> None:
    running = window()
    running.show(view())
    for _ in range(3):
        running.show(view("scroll [down]"))
    short = replace(PAGE, text="\n".join(["Tab 0 (current): Long", "", *LINES[:20]]))
    assert LINES[19] in running.show(view("press [Tab]", page=short))
    assert running.number == 1


def test_a_line_longer_than_the_budget_does_not_stop_the_window() -> None:
    page = replace(PAGE, text="Tab 0 (current): Long\n\n" + "x" * 2000 + "\n[1] link 'end'")
    running = window()
    running.show(view(page=page))
    assert any("[1] link 'end'" in running.show(view("scroll [down]", page=page)) for _ in range(4))


def test_the_window_can_be_held_at_the_top() -> None:
    running = window(moves=False)
    first = running.show(view())
    assert running.show(view("scroll [down]")) == first


@pytest.mark.parametrize(
    ("settings", "extent", "moves"),
    [({}, "page", True), ({}, "viewport", False), ({"scroll_window": False}, "page", False)],
)
def test_a_models_policy_shows_the_window(settings: dict[str, Any], extent: str, moves: bool) -> None:
    asked: list[str] = []

    def answer(prompt: Any, sampling: Any) -> str:
        asked.append(prompt[-1].content)
        return "```scroll [down]```"

    policy = ModelPolicy(ScriptedModel(answer), observation_tokens=BUDGET, **settings)
    spec = EnvSpec("own", None, "grammar", 5, "rule", settings={"extent": extent})
    policy.start(Start(Task(id="1", objective="Find it"), 0, 0, spec, None))  # type: ignore[arg-type]
    policy.act(view())
    decision = policy.act(view("scroll [down]"))
    assert (asked[0] != asked[1].replace("scroll [down]", "None")) == moves
    assert decision.extra.get("window") == (1 if moves else None)
    assert policy.describe()["scroll_window"] == settings.get("scroll_window", True)
