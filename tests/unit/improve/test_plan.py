"""Options are checked when they are made; the plan says what will happen, and its commands are real ones."""

from __future__ import annotations

import errno
import json
import shlex
from dataclasses import replace
from pathlib import Path
from typing import Any

import click
import pytest

from tracewarp.cli import group
from tracewarp.errors import FileError, OptionError, RunMismatchError
from tracewarp.improve import Arm, ImproveOptions, improve, make_plan
from tracewarp.improve.folders import Folders

SMALL: dict[str, Any] = {"environment": "box_world:WORLD", "template": "web-cot/1-bare"}


@pytest.mark.parametrize(
    ("text", "arm", "name"),
    [
        ("A", Arm("paper", "A"), "A"),
        ("agreement/B", Arm("agreement", "B"), "agreement-B"),
        ("true/C", Arm("true", "C"), "true-C"),
    ],
)
def test_an_arm_is_a_selection_and_a_mixture(text: str, arm: Arm, name: str) -> None:
    assert Arm.parse(text) == arm
    assert arm.name == name


@pytest.mark.parametrize("text", ["D", "wrong/A", "A/agreement", "", "agreement-A"])
def test_an_arm_of_another_form_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match="arm: expected A, B or C"):
        Arm.parse(text)


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"rounds": 0}, "rounds: expected an integer >= 1, got 0"),
        ({"samples": 1, "arms": (Arm("agreement", "A"),)}, "samples: expected at least 2 for agreement, got 1"),
        ({"agreement": 1}, "agreement: expected an integer >= 2"),
        ({"train_limit": 0}, "train_limit: expected an integer >= 1"),
        ({"min_examples": 2}, "min_examples: expected an integer >= 3"),
        ({"arms": ()}, "arms: expected at least one"),
        ({"arms": (Arm("paper", "A"), Arm("paper", "A"))}, "arms: expected each once, got A, A"),
        ({"later_arms": ("B",)}, "later_arms: expected some of A, got 'B'"),
        ({"template": "none"}, "template: expected one of"),
        ({"round_start": "best"}, "round_start: expected previous or base"),
        ({"out_of_domain": "nobody"}, "out_of_domain: expected model or environment"),
        ({"training_preset": "quick"}, "preset: expected one of"),
        ({"training": {"speed": 1}}, "training: expected settings among"),
        ({"temperature": 0.0}, "temperature: expected a number > 0"),
        ({"top_p": 1.5}, "top_p: expected a number in"),
        ({"model": "a,b"}, "model: expected a name or path without"),
    ],
)
def test_an_option_outside_its_range_is_refused(given: dict[str, Any], message: str) -> None:
    with pytest.raises(OptionError, match=message):
        ImproveOptions(**{"model": "base", **given})


def test_the_acting_model_is_quantised_as_it_is_trained() -> None:
    assert ImproveOptions("base", training={"method": "qlora"}).acts_in_4_bits
    assert not ImproveOptions("base", training={"method": "lora"}).acts_in_4_bits
    assert not ImproveOptions("base", training={"method": "qlora"}, quantization="none").acts_in_4_bits


def test_the_plan_counts_every_episode() -> None:
    options = ImproveOptions(
        "base", arms=(Arm("paper", "A"), Arm("agreement", "B")), rounds=2, later_arms=("A",), samples=3, **SMALL
    )
    plan = make_plan("out", options)
    by_name = {stage.name: stage.episodes for stage in plan.stages}
    test = plan.test_tasks * 4
    assert (plan.train_tasks, plan.test_tasks) == (36, 21)
    assert by_name == {
        "base: test tasks": test + plan.test_tasks * 3,
        "round 1: training tasks": 108,
        "A, round 1: training (qlora)": 0,
        "A, round 1: test tasks": test,
        "agreement-B, round 1: out-of-domain examples": 0,
        "agreement-B, round 1: training (qlora)": 0,
        "agreement-B, round 1: test tasks": test,
        "A, round 2: training tasks": 108,
        "A, round 2: training (qlora)": 0,
        "A, round 2: test tasks": test,
    }
    assert plan.episodes == sum(by_name.values())
    assert plan.actions == plan.episodes * 6
    assert plan.tokens == plan.actions * plan.tokens_per_action
    updates = {stage.name: stage.updates for stage in plan.stages if stage.updates}
    # 3 examples a trajectory, nine in ten of them for training; B has as many again.
    assert updates["A, round 1: training (qlora)"] == options.config.max_epochs * 19
    assert updates["agreement-B, round 1: training (qlora)"] == options.config.max_epochs * 39


def test_limits_shrink_the_plan() -> None:
    plan = make_plan("out", ImproveOptions("base", train_limit=5, test_limit=4, sampled_runs=0, **SMALL))
    assert (plan.train_tasks, plan.test_tasks, plan.episodes) == (5, 4, 5 + 4 + 4)


def test_a_split_without_tasks_is_refused() -> None:
    with pytest.raises(OptionError, match="split"):
        make_plan("out", ImproveOptions("base", train_split="nowhere", **SMALL))


@pytest.mark.parametrize("selection", ["paper", "agreement", "all", "random"])
@pytest.mark.parametrize("method", ["qlora", "lora", "full"])
def test_every_command_of_the_plan_is_one(selection: str, method: str) -> None:
    options = ImproveOptions(
        "my base", arms=(Arm(selection, "A"),), settings={"profile": "small", "driver": "browserless", "seed": 3},
        samples=4, train_limit=10, test_limit=20, template="web-cot/1-zero-shot", training={"method": method},
    )  # fmt: skip
    lines = make_plan("an out", options).commands
    assert [shlex.split(line)[1] for line in lines] == ["collect", "filter", "train", "collect", "evaluate"]
    for line in lines:
        program, name, *words = shlex.split(line)
        command = group.get_command(click.Context(group), name)
        assert program == "tracewarp"
        assert command is not None
        command.make_context(name, words)  # raises where the command knows an option not
    assert "--limit 10" in lines[0]
    assert "--profile small" in lines[0]
    assert "--set seed=3" in lines[0]
    assert "template=web-cot/1-zero-shot" in lines[0]
    assert ("quantization=nf4" in lines[0]) == (method == "qlora")
    assert "temperature=0.0" in lines[3]


def test_a_folder_goes_on_with_the_options_it_was_begun_with(tmp_path: Path) -> None:
    options = ImproveOptions("base")
    Folders(tmp_path).begin(options)
    Folders(tmp_path).begin(replace(options, workers=2, rounds=3, device="cpu"))
    with pytest.raises(RunMismatchError, match="was begun with seed 0, not 1"):
        Folders(tmp_path).begin(replace(options, seed=1))


def test_a_folder_that_was_begun_before_an_option_existed_goes_on_with_its_default(tmp_path: Path) -> None:
    options = ImproveOptions("base")
    Folders(tmp_path).begin(options)
    path = tmp_path / "options.json"
    begun = json.loads(path.read_text())
    path.write_text(json.dumps({name: value for name, value in begun.items() if name not in ("rules", "all_steps")}))
    with pytest.raises(RunMismatchError, match="was begun with all_steps False, not True"):
        Folders(tmp_path).begin(replace(options, all_steps=True))
    Folders(tmp_path).begin(options)
    assert json.loads(path.read_text()) == begun


def test_a_full_disk_is_a_sentence_that_says_what_is_kept(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr("os.fsync", full)
    with pytest.raises(FileError, match=r"No space left on device\); what is finished is kept"):
        improve(tmp_path, ImproveOptions("base", settings={"profile": "small"}))
    assert not list(tmp_path.glob("*.json"))


def test_the_plan_of_every_step_has_room_for_every_step() -> None:
    some = ImproveOptions("base", settings={"profile": "small"}, train_limit=4, test_limit=3)
    assert make_plan("out", replace(some, all_steps=True)).updates > make_plan("out", some).updates
