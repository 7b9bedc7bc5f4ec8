from __future__ import annotations

import pytest

from tracewarp.embed import STEP_TEMPLATES, UNPARSABLE, render_step
from tracewarp.embed.templates import template_id
from tracewarp.errors import OptionError
from tracewarp.trajectory.model import Observation, Step, Task

TASK = Task(id="7", objective="Find the  best\nseller")
TREE = "RootWebArea 'Orders'\n\t[12] link 'http://10.0.0.1:7780/admin/x'\n\t[13] link 'http://example.org/'"
STEP = Step(
    observation=Observation(text=TREE, url="http://10.0.0.1:7780/admin/orders?page=2#top"),
    response="<think>The link.</think> click('12')",
    reasoning="The\nlink.",
    action="click('12')",
)


def text(template: str = "action_first", *, step: Step = STEP, include_reasoning: bool = False) -> list[str]:
    return [part.text for part in render_step(TASK, step, template=template, include_reasoning=include_reasoning)]


def changed(**fields: object) -> Step:
    return STEP.model_copy(update=fields)


def at(url: str | None) -> Step:
    return changed(observation=Observation(text="page", url=url))


def test_action_first_is_action_url_objective_tree():
    assert text() == [
        "click('12')\n/admin/orders?page=2#top\nFind the best seller\n"
        "RootWebArea 'Orders'\n\t[12] link '/admin/x'\n\t[13] link 'http://example.org/'"
    ]


def test_reasoning_comes_after_the_action_and_only_when_asked_for():
    assert "The link." not in text()[0]
    assert text(include_reasoning=True)[0].startswith("click('12')\nThe link.\n/admin/orders")


def test_paper_is_the_page_and_then_the_whole_response_as_they_came():
    assert text("paper") == [f"{TREE}\n{STEP.response}"]


def test_paper_without_a_response_takes_the_action():
    assert text("paper", step=changed(response=None)) == [f"{TREE}\nclick('12')"]


def test_split_is_observation_and_action_apart():
    observation, action = text("split")
    assert action == "click('12')"
    assert observation.startswith("/admin/orders?page=2#top\nFind the best seller\nRootWebArea")


@pytest.mark.parametrize("template", STEP_TEMPLATES)
def test_an_unparsable_action_is_a_marker(template: str):
    assert UNPARSABLE in text(template, step=changed(action=None, response=None))[-1]


@pytest.mark.parametrize(
    ("url", "shown"),
    [
        ("http://localhost/admin", "/admin"),
        ("https://user@shop.test:9999?q=1", "?q=1"),
        ("http://shop.test", "/"),
        ("about:blank", "about:blank"),
        ("http://[broken", "http://[broken"),
        ("not a url", "not a url"),
    ],
)
def test_only_the_part_after_the_host_is_shown(url: str, shown: str):
    assert text(step=at(url))[0].split("\n")[1] == shown


def test_the_same_page_on_another_host_gives_the_same_text():
    def on(host: str) -> list[str]:
        page = Observation(text=f"[1] link '{host}/cart'", url=f"{host}/shop")
        return text(step=Step(observation=page, action=f"goto('{host}/cart')"))

    assert on("http://10.0.0.1:7770") == on("https://shop.example")


def test_a_missing_url_leaves_no_empty_line():
    assert text(step=at(None)) == ["click('12')\nFind the best seller\npage"]


def test_ids_carry_a_version_and_tell_the_parts_apart():
    assert template_id("action_first") == "action_first/1"
    assert template_id("action_first", include_reasoning=True) == "action_first+reasoning/1"
    assert template_id("paper", include_reasoning=True) == "paper/1"
    assert [part.template for part in render_step(TASK, STEP, template="split")] == [
        "split/1:observation",
        "split/1:action",
    ]


def test_an_unknown_template_is_refused_by_name():
    with pytest.raises(OptionError, match="template: expected one of action_first, paper, split, got 'page_first'"):
        render_step(TASK, STEP, template="page_first")
