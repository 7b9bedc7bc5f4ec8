"""Out-of-domain generation: what is read and refused, and the stages driven by a scripted writer."""

from __future__ import annotations

import json
import random
import re
from collections import Counter
from pathlib import Path

import pytest
from out_of_domain_writer import OPENING, moment, write

from tracewarp.embed import get_encoder
from tracewarp.errors import EmptyInputError, ModelError, OptionError, RunMismatchError
from tracewarp.models import Prompt, Sampling, ScriptedModel
from tracewarp.synthesize import Example, read_examples
from tracewarp.synthesize.examples import Turn
from tracewarp.synthesize.out_of_domain import (
    Agent,
    Generated,
    GenerationSettings,
    Refused,
    Shot,
    generate_out_of_domain,
)
from tracewarp.synthesize.out_of_domain.reading import (
    read_address,
    read_moment,
    read_objective,
    read_page,
    read_plan,
)
from tracewarp.synthesize.out_of_domain.stages import draw_step

AGENT = Agent(grammar="click [id]", opening=OPENING, closing="In summary, the next action I will perform is")
TASKS = [Shot(f"Buy the {what}", "shop.arena.test") for what in ("lamp", "chair", "desk", "rug", "mirror")]


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("OBJECTIVE: Book a flight\nURL: flights.net", None),
        ("Sure!\nOBJECTIVE: Book a flight\nURL: https://www.flights.net/", None),
        ("OBJECTIVE: Book a flight", "form"),
        ("OBJECTIVE: a\nURL: a.com\nOBJECTIVE: b\nURL: b.com", "form"),
        (f"OBJECTIVE: {'a ' * 300}\nURL: a.com", "length"),
        ("OBJECTIVE: Book a flight\nURL: localhost", "host"),
        ("OBJECTIVE: Book a flight\nURL: example.com", "host"),
        ("OBJECTIVE: Buy\nURL: shop.arena.test", "known_site"),
    ],
)
def test_objectives(text: str, reason: str | None) -> None:
    if reason is None:
        taken = frozenset({"shop.arena.test"})
        assert read_objective(text, taken_hosts=taken) == ("Book a flight", "flights.net")
    else:
        with pytest.raises(Refused, match=f"^{reason}$"):
            read_objective(text, taken_hosts=frozenset({"shop.arena.test"}))


def test_plans_keep_the_lines_that_act() -> None:
    text = "1. Scroll down\n2) Click on Flights\n- Remember the price\n* **\nStep 3: type Rome\nStop with the price"
    assert read_plan(text) == ("Click on Flights", "type Rome", "Stop with the price")
    with pytest.raises(Refused, match="steps"):
        read_plan("Click on Flights")


@pytest.mark.parametrize("text", ["http://b.com/x", "https://a.com/{id}", "https://a.com/123", "two words", ""])
def test_addresses_of_other_sites_and_placeholders_are_refused(text: str) -> None:
    with pytest.raises(Refused, match="address"):
        read_address(text, host="a.com")


@pytest.mark.parametrize("text", ["https://a.com/x?y=7", "a.com/x", "`https://www.a.com/x`", "http://m.a.com/"])
def test_addresses_of_the_site_are_taken(text: str) -> None:
    assert "a.com/" in read_address(text, host="a.com")


@pytest.mark.parametrize(
    ("text", "first", "reason"),
    [
        (moment("click [12]"), True, None),
        (moment("stop [42]", "click [3] where [3] is link 'x'"), False, None),
        (moment("click [12]") + "\nNEXT ACTION: again", True, "fields"),
        ("NEXT ACTION: x\nPREVIOUS ACTION: y\nWEBPAGE: z", True, "fields"),
        (moment("click [12]", opening="Well."), True, "opening"),
        (moment("click [1]``` or ```click [2]"), True, "fence"),
        (moment("click [12]") + " and then?", True, "fence"),
        (moment("press_all [12]"), True, "verb"),
        (moment("click [login]"), True, "element"),
        (moment("click [12]", "click [3]"), True, "previous"),
        (moment("click [12]"), False, "previous"),
        (moment("click [12]", "I looked around"), False, "previous"),
    ],
)
def test_moments(text: str, first: bool, reason: str | None) -> None:
    if reason is None:
        assert read_moment(text, opening=OPENING, first=first).action in ("click [12]", "stop [42]")
    else:
        with pytest.raises(Refused, match=f"^{reason}$"):
            read_moment(text, opening=OPENING, first=first)


def test_pages_must_hold_the_element() -> None:
    assert read_page("WEBPAGE:\n\t[12] link 'x'", element=12) == "\t[12] link 'x'".strip("\n ")
    assert read_page("WEBPAGE:\n[1] link 'x'", element=None) == "[1] link 'x'"
    for text, reason in (("[12] link 'x'", "fields"), ("WEBPAGE: nothing", "page"), ("WEBPAGE: [121] link", "absent")):
        with pytest.raises(Refused, match=f"^{reason}$"):
            read_page(text, element=12)


def test_the_step_is_drawn_with_the_papers_odds() -> None:
    drawn = Counter(draw_step(5, random.Random(i)) for i in range(4000))
    assert drawn[0] == pytest.approx(1000, abs=110)  # 27 is one standard deviation
    assert drawn[4] == pytest.approx(1000, abs=110)
    assert all(drawn[i] == pytest.approx(2000 / 3, abs=95) for i in (1, 2, 3))
    assert Counter(draw_step(2, random.Random(i)) for i in range(1000))[0] == pytest.approx(500, abs=65)


def shots() -> list[Example]:
    places = ("first", "intermediate", "last")
    return [
        Example(
            id=f"{i}/0/0", source="in_domain", place=place, group=str(i), prompt=(), completion="```stop [x]```",
            action="stop [x]", objective="o", page="[1] link 'p'",
            previous_action=None if place == "first" else "click [1]",
        )
        for i, place in enumerate(places * 3)
    ]  # fmt: skip


def format_prompt(*, objective: str, page: str, address: str, previous_action: str | None) -> tuple[Turn, ...]:
    return (Turn(role="user", content=f"{objective}\n{page}\n{address}\n{previous_action}"),)


def run(out: Path, *, model: ScriptedModel | None = None, **settings: float) -> Generated:
    return generate_out_of_domain(
        model or ScriptedModel(write),
        GenerationSettings(**{"n": 12, "wave": 4, "tries": 4, "seed": 3, **settings}),  # type: ignore[arg-type]
        tasks=TASKS,
        examples=shots(),
        agent=AGENT,
        encoder=get_encoder("hashed"),
        format_prompt=format_prompt,
        out=out,
    )


def test_examples_are_generated_and_every_refusal_is_counted(tmp_path: Path) -> None:
    made = run(tmp_path)
    assert made.complete
    assert len(made.examples) == 12
    assert tuple(read_examples(tmp_path / "examples.jsonl")) == made.examples
    assert {"objective:form", "plan:steps", "actions:fields", "page:absent"} <= set(made.refusals)
    for example in made.examples:
        assert example.source == "out_of_domain"
        assert example.objective in example.prompt[0].content
        assert (example.place == "first") == (example.previous_action is None)
        number = re.search(r"\d+", example.action)
        assert number is not None
        assert f"[{number[0]}] " in example.page
    assert json.loads((tmp_path / "summary.json").read_text())["examples"] == 12


def test_no_two_objectives_resemble_each_other(tmp_path: Path) -> None:
    objectives = [example.objective for example in run(tmp_path, n=20, threshold=0.5, tries=9).examples]
    rows = get_encoder("hashed").encode(objectives).astype("float64")
    rows /= (rows**2).sum(axis=1, keepdims=True) ** 0.5
    cosines = rows @ rows.T
    assert max(cosines[i, j] for i in range(20) for j in range(i)) < 0.5


def test_a_generation_that_was_killed_goes_on_to_the_same_examples(tmp_path: Path) -> None:
    whole = run(tmp_path / "whole")
    left = iter(range(37))

    def dies(prompt: Prompt, sampling: Sampling) -> str:
        if next(left, None) is None:
            raise ModelError("killed")
        return write(prompt, sampling)

    with pytest.raises(ModelError, match="killed"):
        run(tmp_path / "killed", model=ScriptedModel(dies))
    assert list((tmp_path / "killed").glob("wave-*.json"))
    assert run(tmp_path / "killed") == whole


def test_more_examples_of_the_same_settings_keep_the_earlier_ones(tmp_path: Path) -> None:
    few = run(tmp_path, n=5)
    assert run(tmp_path, n=12).examples[:5] == few.examples
    with pytest.raises(RunMismatchError, match=r"was begun with threshold 0.7, not 0.6"):
        run(tmp_path, threshold=0.6)


def test_a_writer_that_never_obeys_ends_within_bounds(tmp_path: Path) -> None:
    made = run(tmp_path, model=ScriptedModel(lambda prompt, sampling: "no"), max_candidates=8, tries=2)
    assert (made.complete, made.candidates, made.lost) == (False, 8, {"objective": 8})
    assert made.refusals == {"objective:form": 16}


def test_shots_are_needed(tmp_path: Path) -> None:
    settings = GenerationSettings(n=1)
    common = {"agent": AGENT, "encoder": get_encoder("hashed"), "format_prompt": format_prompt, "out": tmp_path}
    model = ScriptedModel(write)
    with pytest.raises(EmptyInputError, match="none that is first or intermediate or last"):
        generate_out_of_domain(model, settings, tasks=TASKS, examples=[], **common)  # type: ignore[arg-type]
    with pytest.raises(EmptyInputError, match="at least one objective"):
        generate_out_of_domain(model, settings, tasks=[], examples=shots(), **common)  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="threshold"):
        GenerationSettings(n=1, threshold=0)
