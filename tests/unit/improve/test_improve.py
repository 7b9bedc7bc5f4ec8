"""Whole improvements of an agent of two layers in the world of boxes."""

from __future__ import annotations

import json
import random
import re
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("peft", reason="needs the extra train")

from box_world import N_TEST
from out_of_domain_writer import NOUNS, write

from tracewarp.collect.lock import RunLock
from tracewarp.embed.hashed import HashedEncoder
from tracewarp.errors import EmptyInputError, EncoderError, MissingExtraError, OptionError, RunLockedError
from tracewarp.evaluate.improvement import AgentRow, Improvement
from tracewarp.improve import Arm, ImproveOptions, improve
from tracewarp.improve.tiny import tiny_options
from tracewarp.models import Prompt, Sampling, ScriptedModel, TransformersModel
from tracewarp.report import improvement_rows, write_improvement_page
from tracewarp.synthesize import read_examples
from tracewarp.trajectory import open_run

TRAINING: dict[str, Any] = {
    "method": "lora",
    "dtype": "float32",
    "learning_rate": 2e-3,
    "max_epochs": 2,
    "micro_batch_size": 16,
    "gradient_checkpointing": False,
}


def options(base: Path, **changes: Any) -> ImproveOptions:
    given: dict[str, Any] = {
        "environment": "box_world:WORLD",
        "template": "web-cot/1-bare",
        "max_new_tokens": 24,
        "training": TRAINING,
        "sampled_runs": 1,
        "min_examples": 12,
        "out_of_domain": "environment",
        "device": "cpu",
    }
    return ImproveOptions(str(base), **{**given, **changes})


class Stages:
    """Hears the names of the stages."""

    def __init__(self) -> None:
        self.names: list[str] = []
        self.updates = 0

    def stage(self, name: str) -> None:
        self.names.append(name)

    def collecting(self, progress: object) -> None: ...

    def generating(self, examples: int, wanted: int) -> None: ...

    def training(self, epoch: int, step: int, steps: int, loss: float | None) -> None:
        self.updates += loss is not None


@pytest.fixture(scope="session")
def whole(box_agent: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, ImproveOptions, Improvement]:
    """Two rounds of the paper's filter, with out-of-domain examples and the random control in the first."""
    out = tmp_path_factory.mktemp("whole")
    arms = (Arm("paper", "A"), Arm("paper", "C"), Arm("random", "A"))
    chosen = options(box_agent, arms=arms, rounds=2, later_arms=("A",), train_limit=30)
    return out, chosen, improve(out, chosen)


def agent(result: Improvement, name: str) -> AgentRow:
    return next(row for row in result.agents if row.name == name)


def test_every_agent_is_tested_and_compared(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    _, _, result = whole
    assert [row.name for row in result.agents] == [
        "base",
        "A, round 1",
        "C, round 1",
        "random-A, round 1",
        "A, round 2",
    ]
    assert {row.greedy.n_tasks for row in result.agents} == {N_TEST}
    base = agent(result, "base")
    assert base.cooled is not None
    assert base.greedy.gains == ()
    against = {row.name: [gain.against for gain in row.greedy.gains] for row in result.agents}
    assert against["A, round 1"] == ["base", "random-A, round 1"]
    assert against["A, round 2"] == ["base", "A, round 1"]
    assert against["random-A, round 1"] == ["base"]
    sampled = agent(result, "A, round 1").sampled
    assert sampled is not None
    assert [gain.against for gain in sampled.gains] == ["base", "random-A, round 1", "base, temperature 0.5"]


def test_the_base_can_do_something_and_has_its_habit(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    """Else everything here would be about nothing."""
    _, _, result = whole
    assert 0.2 < agent(result, "base").greedy.rate.value < 0.9


def test_success_is_what_the_runs_on_disk_say(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    out, _, result = whole
    for name, folder in (("base", "base"), ("A, round 2", "round-2/A")):
        scores = [episode.outcome.success for episode in open_run(out / folder / "greedy")]
        assert agent(result, name).greedy.rate.value == pytest.approx(sum(map(bool, scores)) / N_TEST)
        run = next(run for run in result.scores.runs if run.name == name)
        assert run.functional_correctness.successes == sum(map(bool, scores))


def test_arms_of_a_round_share_what_was_collected(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    out, _, result = whole
    assert len(list(open_run(out / "round-1" / "collected"))) == 30
    assert len(list(open_run(out / "round-2" / "A" / "collected"))) == 30
    a, c = agent(result, "A, round 1").selection, agent(result, "C, round 1").selection
    assert a is not None
    assert c is not None
    assert (a.kept, a.rules) == (c.kept, c.rules)
    assert (a.out_of_domain, c.out_of_domain) == (0, c.in_domain)


def test_examples_are_those_of_the_mixture(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    out, _, result = whole
    for name, source in (("A", {"in_domain"}), ("C", {"out_of_domain"})):
        sides = [list(read_examples(out / "round-1" / name / f"{side}.jsonl")) for side in ("train", "validation")]
        assert {one.source for side in sides for one in side} == source
        assert not {one.group for one in sides[0]} & {one.group for one in sides[1]}
        row = agent(result, f"{name}, round 1").training
        assert row is not None
        assert (row.n_train, row.n_validation) == tuple(map(len, sides))
    note = next(note for note in result.notes if note.startswith("out-of-domain pages"))
    assert "of templates neither collected on nor tested" in note


def test_round_two_trains_on_from_round_one(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    out, _, _ = whole
    begun = json.loads((out / "round-2" / "A" / "training" / "begun.json").read_text())
    assert begun["from_adapter"] == str(out / "round-1" / "A" / "training" / "adapter")
    first = next(iter(open_run(out / "round-2" / "A" / "collected")))
    assert first.provenance.model is not None


def test_nothing_is_learnt_from_test_tasks(whole: tuple[Path, ImproveOptions, Improvement]) -> None:
    out, _, _ = whole
    tested = {episode.task.id for episode in open_run(out / "base" / "greedy")}
    for path in out.glob("round-*/*/train.jsonl"):
        for one in read_examples(path):
            assert one.group not in tested
            assert one.extra.get("task_ref", "").split("/")[1:2] != ["test"]


def test_a_finished_improvement_is_read_back_without_a_model(
    whole: tuple[Path, ImproveOptions, Improvement], monkeypatch: pytest.MonkeyPatch
) -> None:
    out, chosen, result = whole

    def refuse(*_: object, **__: object) -> None:
        raise AssertionError("a model is loaded")

    monkeypatch.setattr(TransformersModel, "__init__", refuse)
    heard = Stages()
    assert improve(out, replace(chosen, workers=3), listener=heard) == result.model_copy(
        update={"options": {**result.options, "workers": 3}}
    )
    assert heard.updates == 0


def test_the_result_reads_back_and_makes_a_page(
    whole: tuple[Path, ImproveOptions, Improvement], tmp_path: Path
) -> None:
    out, _, result = whole
    read = Improvement.model_validate_json((out / "improvement.json").read_text())
    assert read.model_copy(update={"options": result.options}) == result
    write_improvement_page(result, tmp_path / "page.html")
    page = (tmp_path / "page.html").read_text()
    head, rows = improvement_rows(result)
    assert all(row[0] in page for row in rows)
    assert len(rows) == len(result.agents) + 1
    assert {len(row) for row in rows} == {len(head)}


def test_pages_that_a_model_writes_become_examples(
    box_agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The agent of boxes acts and learns; it cannot write pages, so a scripted model answers the writing stages."""
    chosen = options(
        box_agent, arms=(Arm("paper", "B"), Arm("paper", "C")), out_of_domain="model", train_limit=30, sampled_runs=0,
        min_examples=6,
    )  # fmt: skip
    asked: list[str] = []

    def scripted(name: str, **_: object) -> ScriptedModel:
        asked.append(name)
        return ScriptedModel(write)

    monkeypatch.setattr("tracewarp.improve.generation.open_model", scripted)
    result = improve(tmp_path, chosen)
    assert asked == [f"hf:{box_agent}"]  # once: the arms of a selection share what was written
    written = list(read_examples(tmp_path / "round-1" / "out-of-domain-paper" / "examples.jsonl"))
    for name in ("B, round 1", "C, round 1"):
        row = agent(result, name).selection
        assert row is not None
        assert row.out_of_domain == row.in_domain == len(written)
        assert {"objective:form", "plan:steps", "page:absent"} <= set(row.refusals)
    assert not any("pages and objectives" in note for note in result.notes)
    sides = [one for path in tmp_path.glob("round-1/C/*.jsonl") for one in read_examples(path)]
    assert {one.id for one in sides} == {one.id for one in written}
    for one in written:
        assert one.objective in one.prompt[-1].content
        assert one.page in one.prompt[-1].content


HOSTS = re.compile(r"^URL: (\S+)$", re.MULTILINE)


def write_of(host: str, prompts: list[str]) -> Callable[[Prompt, Sampling], str]:
    """A writer that names a host of the agent's own site now and then, and keeps what it is asked."""

    def answer(prompt: Prompt, sampling: Sampling) -> str:
        prompts.append(prompt[0].content)
        said = write(prompt, sampling)
        if said.startswith("OBJECTIVE:") and random.Random(sampling.seed).random() < 0.3:
            return HOSTS.sub(f"URL: {host}", said)
        return said.replace("Because", "Because \ud83d")  # half a character: models send such, and it must be repaired

    return answer


def test_the_writer_is_shown_the_hosts_that_the_agent_sees_and_may_use_none_of_them(
    box_agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    prompts: list[str] = []
    monkeypatch.setattr(
        "tracewarp.improve.generation.open_model", lambda *_, **__: ScriptedModel(write_of("www.boxes.test", prompts))
    )
    chosen = options(
        box_agent, arms=(Arm("paper", "C"),), out_of_domain="model", train_limit=30, sampled_runs=0, min_examples=6
    )
    result = improve(tmp_path, chosen)
    asked = [text for text in prompts if "of another kind" in text]
    shown = {host for text in asked for host in HOSTS.findall(text)}
    assert "boxes.test" in shown and "site" not in shown
    row = agent(result, "C, round 1").selection
    assert row is not None and row.refusals["objective:known_site"] >= 1
    written = list(read_examples(tmp_path / "round-1" / "out-of-domain-paper" / "examples.jsonl"))
    assert shown - {"boxes.test"} <= {f"{noun}.net" for noun in NOUNS}, "the other shots are earlier generated ones"
    assert written and all(one.site != "boxes.test" and one.site not in one.objective for one in written)
    assert any("Because \ufffd" in one.completion for one in written)


def test_examples_beside_arena_name_none_of_its_hosts(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """The agent that ships acts in arena and learns; the writing stages are answered by a script."""
    prompts: list[str] = []
    monkeypatch.setattr(
        "tracewarp.improve.generation.open_model", lambda *_, **__: ScriptedModel(write_of("shop.arena.test", prompts))
    )
    suits = tiny_options()
    chosen = ImproveOptions(**{
        **suits, "arms": (Arm("all", "C"),), "out_of_domain": "model", "train_limit": 16, "test_limit": 1,
        "sampled_runs": 0, "control_temperature": None, "min_examples": 3,
        "training": {**suits["training"], "max_epochs": 1, "min_updates": 1},
    })  # fmt: skip
    result = improve(tmp_path, chosen)
    asked = [text for text in prompts if "of another kind" in text]
    shown = {host for text in asked for host in HOSTS.findall(text)}
    assert "site" not in shown
    assert {host for host in shown if host.endswith(".arena.test")}
    assert all(host.endswith((".arena.test", ".net")) for host in shown)
    row = agent(result, "all-C, round 1").selection
    assert row is not None and row.refusals["objective:known_site"] >= 1
    written = list(read_examples(tmp_path / "round-1" / "out-of-domain-all" / "examples.jsonl"))
    assert written and not any(one.site.endswith("arena.test") for one in written if one.site)


def test_an_unknown_encoder_of_the_diversity_filter_is_refused_before_any_work(tmp_path: Path) -> None:
    chosen = options(
        tmp_path / "no-model", arms=(Arm("paper", "C"),), out_of_domain="model", diversity_encoder="no-such-encoder",
        train_limit=30, sampled_runs=0,
    )  # fmt: skip
    with pytest.raises((EncoderError, MissingExtraError), match="no-such-encoder"):
        improve(tmp_path, chosen)
    assert not (tmp_path / "base").exists()


def test_the_diversity_filter_asks_the_chosen_encoder(
    box_agent: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def encoder(name: str) -> HashedEncoder:
        asked.append(name)
        return HashedEncoder()

    monkeypatch.setattr("tracewarp.improve.generation.get_encoder", encoder)
    monkeypatch.setattr("tracewarp.improve.run.get_encoder", encoder)
    monkeypatch.setattr("tracewarp.improve.generation.open_model", lambda *_, **__: ScriptedModel(write))
    chosen = options(
        box_agent, arms=(Arm("paper", "C"),), out_of_domain="model", diversity_encoder="another", train_limit=30,
        sampled_runs=0, min_examples=6,
    )  # fmt: skip
    improve(tmp_path, chosen)
    assert asked == ["another", "another"]


def test_it_acts_and_learns_in_four_bits(box_agent: Path, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs the extra train")
    training = {**TRAINING, "method": "qlora", "max_epochs": 1}
    result = improve(tmp_path, options(box_agent, training=training, train_limit=18, test_limit=9, sampled_runs=0))
    assert [row.name for row in result.agents] == ["base", "A, round 1"]
    for run in (tmp_path / "base" / "greedy", tmp_path / "round-1" / "A" / "greedy"):
        provenance = next(iter(open_run(run))).provenance
        assert "'quantization': 'nf4'" in str(provenance.extra) + str(json.loads((run / "run.json").read_text()))
    assert agent(result, "A, round 1").training is not None


def test_two_processes_do_not_improve_in_one_folder(box_agent: Path, tmp_path: Path) -> None:
    with RunLock(tmp_path), pytest.raises(RunLockedError, match="another process"):
        improve(tmp_path, options(box_agent))


def test_without_a_plausible_trajectory_nothing_is_trained(box_agent: Path, tmp_path: Path) -> None:
    """Three new tokens hold no action."""
    with pytest.raises(EmptyInputError) as raised:
        improve(tmp_path, options(box_agent, max_new_tokens=3, train_limit=4, test_limit=2, control_temperature=None))
    assert "none of 4 trajectories was kept (" in str(raised.value)
    assert "unparsable 4" in str(raised.value)
    assert not list(tmp_path.glob("round-1/*/training"))


def test_too_few_examples_are_not_trained_on(box_agent: Path, tmp_path: Path) -> None:
    small = options(box_agent, train_limit=4, test_limit=2, control_temperature=None, min_examples=13)
    with pytest.raises(EmptyInputError, match=r"at least 13 examples \(min_examples\), got \d+ of the steps of"):
        improve(tmp_path, small)
    assert not list(tmp_path.glob("round-1/*/training"))


def test_an_arm_with_nothing_to_learn_from_is_a_note_where_others_have(box_agent: Path, tmp_path: Path) -> None:
    arms = (Arm("agreement", "A"), Arm("all", "A"))
    few = options(
        box_agent, arms=arms, agreement=2, samples=2, temperature=8.0, top_p=1.0, test_limit=2, train_limit=9,
        control_temperature=None, min_examples=3,
    )  # fmt: skip
    try:
        result = improve(tmp_path, few)
    except EmptyInputError as error:  # where even everything is too little, the sentence names both arms
        assert "agreement-A, round 1, was not trained" in str(error)
        assert "all-A, round 1, was not trained" in str(error)
        return
    assert any(note.startswith("agreement-A, round 1, was not trained") for note in result.notes)


def test_a_folder_whose_name_would_break_a_policy_is_refused(box_agent: Path, tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="out: expected a path without , and"):
        improve(tmp_path / "a,b", options(box_agent))


@pytest.mark.slow
def test_all_weights_can_learn_too_over_two_rounds(box_agent: Path, tmp_path: Path) -> None:
    full = {**TRAINING, "method": "full", "learning_rate": 1e-4, "max_epochs": 1}
    result = improve(
        tmp_path,
        options(box_agent, training=full, rounds=2, test_limit=3, control_temperature=None),
    )
    assert [row.name for row in result.agents] == ["base", "A, round 1", "A, round 2"]
    begun = json.loads((tmp_path / "round-2" / "A" / "training" / "begun.json").read_text())
    assert begun["base"] == str(tmp_path / "round-1" / "A" / "training" / "adapter")
