"""`tracewarp filter`: verdicts with their reasons, what was kept, balanced examples whose sides share no task."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner

from tracewarp.cli import group, main
from tracewarp.synthesize import read_examples
from tracewarp.trajectory import Ending, Observation, Outcome, Step, Task, Trajectory, open_run, write_trajectories

GOOD = ("click [1]", "type [2] [lamp] [1]", "stop [42]")
OTHER = ("click [3]", "click [4]", "stop [42]")
GIVES_UP = ("click [1]", "stop [N/A]")
LOOP = ("click [1]", "click [1]", "click [1]")


def trajectory(
    task: int, actions: Sequence[str], *, repeat: int = 0, score: float | None = None, ending: Ending = Ending.STOP
) -> Trajectory:
    steps = tuple(
        Step(
            observation=Observation(text=f"page {place}"),
            response=f"Let's think. ```{action}```",
            action=action,
            extra={"prompt": [{"role": "user", "content": f"task {task}, page {place}"}]},
        )
        for place, action in enumerate(actions)
    )
    site = "shop" if task % 2 else "forum"
    return Trajectory(
        task=Task(id=str(task), objective=f"objective {task}", sites=(site,), template=f"template {task % 3}"),
        repeat=repeat,
        steps=steps,
        outcome=Outcome(score=score, ending=ending),
    )


def judged() -> list[Trajectory]:
    """Ten tasks: four good and right, two good and wrong, two that give up, two loops that a limit ended."""
    return [
        *(trajectory(i, GOOD, score=1.0) for i in range(4)),
        *(trajectory(i, GOOD, score=0.0) for i in range(4, 6)),
        *(trajectory(i, GIVES_UP, score=0.0) for i in range(6, 8)),
        *(trajectory(i, LOOP, score=0.0, ending=Ending.REPEATED_ACTION) for i in range(8, 10)),
    ]


def run(tmp_path: Path, trajectories: Sequence[Trajectory], name: str = "run.jsonl") -> Path:
    write_trajectories(tmp_path / name, trajectories)
    return tmp_path / name


def call(*words: object) -> str:
    result = CliRunner().invoke(group, ["filter", *map(str, words)], catch_exceptions=False)
    assert result.exit_code == 0, result.output
    return result.output


def rows(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


def refused(capsys: pytest.CaptureFixture[str], *words: object) -> str:
    with pytest.raises(SystemExit) as leave:
        main(["filter", *map(str, words)])
    assert leave.value.code == 2
    return capsys.readouterr().err


def test_every_verdict_is_kept_with_its_reasons(tmp_path: Path) -> None:
    call(run(tmp_path, judged()), "--out", tmp_path / "data")
    verdicts = rows(tmp_path / "data" / "verdicts.jsonl")
    assert [row["kept"] for row in verdicts] == [True] * 6 + [False] * 4
    assert [[reason["rule"] for reason in row["reasons"]] for row in verdicts[6:]] == [
        ["gives_up"],
        ["gives_up"],
        ["early_stop", "loops"],
        ["early_stop", "loops"],
    ]
    assert verdicts[8]["reasons"][1]["reason"] == "'click [1]' occurs 3 times"
    assert [kept.task.id for kept in open_run(tmp_path / "data" / "kept.jsonl")] == list("012345")


def test_examples_are_balanced_and_their_sides_share_no_task(tmp_path: Path) -> None:
    call(run(tmp_path, judged()), "--out", tmp_path / "data", "--validation-share", 0.3)
    examples, train, held = (
        list(read_examples(tmp_path / "data" / f"{name}.jsonl")) for name in ("examples", "train", "validation")
    )
    assert [sum(e.place == place for e in examples) for place in ("first", "intermediate", "last")] == [6, 6, 6]
    assert sorted(e.id for e in [*train, *held]) == sorted(e.id for e in examples)
    assert {e.group for e in train}.isdisjoint({e.group for e in held})
    assert len({e.group for e in held}) == 2


def test_figures_where_the_truth_is_known(tmp_path: Path) -> None:
    found = json.loads(call(run(tmp_path, judged()), "--out", tmp_path / "data", "--json"))
    quality = found["quality"]
    assert (quality["n"], quality["kept"], quality["successes"]) == (10, 6, 4)
    assert quality["accuracy"] == pytest.approx(0.8)
    assert quality["precision"] == pytest.approx(4 / 6)
    assert quality["recall"] == 1.0
    assert quality["f1"] == pytest.approx(0.8)
    assert found["unfiltered"]["precision"] == pytest.approx(0.4)
    by_rule = {rule["rule"]: rule for rule in quality["rules"]}
    assert (by_rule["loops"]["objected"], by_rule["loops"]["alone"], by_rule["gives_up"]["alone"]) == (2, 0, 2)
    assert by_rule["gives_up"]["recall"] == pytest.approx(2 / 6)
    assert found["examples"] == {
        "all": 18, "train": 15, "validation": 3, "per_place": 6,
        "available": {"first": 6, "intermediate": 6, "last": 6},
    }  # fmt: skip
    assert json.loads((tmp_path / "data" / "filter.json").read_text())["quality"] == quality


def test_the_table_says_what_each_rule_did(tmp_path: Path) -> None:
    said = call(run(tmp_path, judged()), "--out", tmp_path / "data")
    line = next(line for line in said.splitlines() if line.startswith("gives_up "))
    assert line.split()[1:5] == ["2", "2", "1.000", "0.333"]
    assert "6 of 10" in said
    assert "4 of 10 judged episodes succeeded" in said
    assert "18 examples: 15 to train on, 3 for validation; 6 of each place" in said


def test_without_judged_episodes_nothing_is_claimed(tmp_path: Path) -> None:
    said = call(run(tmp_path, [trajectory(i, GOOD) for i in range(6)]), "--out", tmp_path / "data")
    assert "no episode was judged" in said


def test_rules_can_be_chosen_and_switched_off(tmp_path: Path) -> None:
    source = run(tmp_path, judged())
    call(source, "--rules", "gives_up", "--out", tmp_path / "one")
    assert sum(row["kept"] for row in rows(tmp_path / "one" / "verdicts.jsonl")) == 8
    call(source, "--rules", "paper-text", "--out", tmp_path / "text")
    assert {said["rule"] for row in rows(tmp_path / "text" / "verdicts.jsonl") for said in row["reasons"]} <= {
        "failure", "unparsable", "gives_up_in_any_response", "gives_up",
    }  # fmt: skip
    call(source, "--rules", "none", "--out", tmp_path / "none")
    assert all(row["kept"] for row in rows(tmp_path / "none" / "verdicts.jsonl"))


def test_samples_of_several_runs_agree_and_keep_their_names(tmp_path: Path) -> None:
    first = run(tmp_path, [trajectory(i, GOOD) for i in range(4)], "first.jsonl")
    second = run(tmp_path, [trajectory(i, OTHER if i == 3 else GOOD) for i in range(4)], "second.jsonl")
    call(first, second, "--agreement", 2, "--out", tmp_path / "all")
    verdicts = rows(tmp_path / "all" / "verdicts.jsonl")
    assert [(row["run"], row["task"], row["repeat"], row["kept_as_repeat"]) for row in verdicts if row["kept"]] == [
        *(("first", str(i), 0, 0) for i in range(3)),
        *(("second", str(i), 0, 1) for i in range(3)),
    ]
    assert {reason["rule"] for row in verdicts for reason in row["reasons"]} == {"agreement"}
    ids = [example.id for example in read_examples(tmp_path / "all" / "examples.jsonl")]
    assert len(set(ids)) == len(ids) == 18
    call(first, second, "--agreement", 2, "--one-of-each", "--min-examples", 1, "--out", tmp_path / "one")
    assert [trajectory.key for trajectory in open_run(tmp_path / "one" / "kept.jsonl")] == [
        ("0", 0),
        ("1", 0),
        ("2", 0),
    ]


@pytest.mark.parametrize("by", ["task", "site", "template", "capability"])
def test_held_out_tasks_are_in_no_file_but_the_list(tmp_path: Path, by: str) -> None:
    source = run(tmp_path, [trajectory(i, GOOD) for i in range(12)])
    call(source, "--holdout", by, "--out", tmp_path / "data")
    held = json.loads((tmp_path / "data" / "holdout.json").read_text())
    assert held["by"] == by
    assert set(held["held_out"]) | set(held["train"]) == {str(i) for i in range(12)}
    groups = {
        "task": lambda task: task,
        "site": lambda task: int(task) % 2,
        "template": lambda task: int(task) % 3,
        "capability": lambda task: int(task) % 3,
    }[by]
    assert {groups(task) for task in held["held_out"]}.isdisjoint({groups(task) for task in held["train"]})
    used = {row["task"] for row in rows(tmp_path / "data" / "verdicts.jsonl")}
    used |= {example.group for example in read_examples(tmp_path / "data" / "examples.jsonl")}
    assert used == set(held["train"])


def test_all_steps_instead_of_balanced_ones(tmp_path: Path) -> None:
    longer = ("click [1]", "click [2]", "click [3]", "stop [1]")
    call(run(tmp_path, [trajectory(i, longer) for i in range(5)]), "--all-steps", "--out", tmp_path / "data")
    assert len(rows(tmp_path / "data" / "examples.jsonl")) == 20


def test_the_same_command_writes_the_same_bytes(tmp_path: Path) -> None:
    source = run(tmp_path, judged())
    for name in ("a", "b"):
        call(source, "--out", tmp_path / name)
    for path in sorted((tmp_path / "a").iterdir()):
        assert path.read_bytes() == (tmp_path / "b" / path.name).read_bytes()


def test_nothing_left_says_which_rule_removed_what(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    call(run(tmp_path, judged()), "--out", tmp_path / "data")
    source = run(tmp_path, [trajectory(i, GIVES_UP) for i in range(3)], "worse.jsonl")
    said = refused(capsys, source, "--out", tmp_path / "data")
    assert "no trajectory of 3 was kept (objections: gives_up 3)" in said
    assert len(rows(tmp_path / "data" / "verdicts.jsonl")) == 3
    # Examples of the filtering before would not belong to these verdicts.
    assert not (tmp_path / "data" / "examples.jsonl").exists()


def test_bad_input_is_one_sentence(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    source = run(tmp_path, judged())
    out = ("--out", tmp_path / "data")
    assert "no such file or folder" in refused(capsys, tmp_path / "missing.jsonl", *out).lower()
    assert "expected some of early_stop" in refused(capsys, source, "--rules", "clever", *out)
    assert "m: expected an integer >= 2, got 1" in refused(capsys, source, "--agreement", 1, *out)
    assert "--one-of-each" in refused(capsys, source, "--one-of-each", *out)
    assert "expected at least 99, got 18 of 6 kept" in refused(capsys, source, "--min-examples", 99, *out)
    assert "validation_share: expected" in refused(capsys, source, "--validation-share", 1.5, *out)
    one = run(tmp_path, [trajectory(0, GOOD, repeat=i) for i in range(5)], "one.jsonl")
    assert "at least 2 tasks" in refused(capsys, one, *out)
    assert "at least 2 groups" in refused(capsys, one, "--holdout", "task", *out)
    empty = tmp_path / "file"
    empty.touch()
    assert "file" in refused(capsys, source, "--out", empty / "below")


def test_an_agent_without_a_model_gives_verdicts_but_no_examples(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    plain = [
        t.model_copy(update={"steps": tuple(s.model_copy(update={"extra": {}, "response": None}) for s in t.steps)})
        for t in judged()
    ]
    assert "gives no training data" in refused(capsys, run(tmp_path, plain), "--out", tmp_path / "data")
    assert len(rows(tmp_path / "data" / "verdicts.jsonl")) == 10
