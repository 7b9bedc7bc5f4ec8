"""The command: its plan, and what it refuses. What it does is in tests/unit/improve."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tracewarp.cli import main

LARGE = {"Qwen/Qwen1.5-72B-Chat": 72.3, "meta-llama/Meta-Llama-3-70B-Instruct": 70.6}
"""The paper's bases -> parameters in billions, as published."""

Run = Callable[..., tuple[int, str, str]]


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str]) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["improve", *map(str, words)])
            raise SystemExit(0)
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


def figure(table: str, name: str) -> float:
    line = next(line for line in table.splitlines() if line.startswith(name))
    return float(line.removeprefix(name).split()[0].replace(",", ""))


@pytest.mark.parametrize("base", LARGE)
def test_a_dry_run_of_the_paper_says_what_it_takes(run: Run, base: str, tmp_path: Path) -> None:
    pytest.importorskip("peft", reason="needs the extra train")
    code, out, err = run("--model", base, "--preset", "paper", "--out", tmp_path / "plan", "--dry-run")
    assert (code, err) == (0, "")
    assert figure(out, "Parameters") / 1e9 == pytest.approx(LARGE[base], abs=0.1)
    together = figure(out, "Together, an estimate")
    assert 36 < together < 48
    assert f"2 devices of 48 GB each; this estimate leaves {48 - together:.1f} GiB of that free" in out
    for stage in ("base: test tasks", "round 1: training tasks", "A, round 1: training (qlora)", "At most"):
        assert stage in out
    for command in ("collect", "filter", "train", "evaluate"):
        assert f"\n  tracewarp {command} " in out
    assert f"--base {base} --preset paper" in out
    assert "million" in out
    assert not (tmp_path / "plan").exists()


def test_the_plan_counts_tasks_of_the_profile(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("--model", "x", "--profile", "small", "--train-limit", 7, "--test-limit", 5, "--sampled-runs", 0,
                       "--out", tmp_path, "--dry-run")  # fmt: skip
    assert code == 0
    assert "7 training tasks, 5 test tasks" in out
    assert "Memory: not known before the base is loaded" in out


def test_arms_and_mixtures_are_all_in_the_plan(run: Run, tmp_path: Path) -> None:
    words = ("--arm", "agreement/A", "--arm", "paper/B", "--arm", "random/A", "--samples", 4, "--rounds", 2)
    code, out, _ = run("--model", "x", *words, "--later-arm", "agreement-A", "--out", tmp_path, "--dry-run")
    assert code == 0
    for name in ("B, round 1: out-of-domain examples", "random-A, round 1: test tasks", "agreement-A, round 2: test"):
        assert name in out
    assert "B, round 2" not in out
    assert "--agreement 2" in out


def test_the_tiny_agent_brings_what_suits_it(run: Run, tmp_path: Path) -> None:
    code, out, _ = run("--model", "tiny-agent", "--out", tmp_path, "--dry-run")
    assert code == 0
    assert "587 training tasks, 292 test tasks" in out
    for words in ("template=web-cot/1-bare", "top_p=1.0", "max_new_tokens=40", "method=lora", "learning_rate=0.0005"):
        assert words in out
    assert "training (lora)" in out


def test_what_is_said_of_the_tiny_agent_holds(run: Run, tmp_path: Path) -> None:
    words = ("--env-set", "templates=shop.add-to-cart", "--max-new-tokens", 50, "--set", "learning_rate=1e-3")
    code, out, _ = run("--model", "tiny-agent", *words, "--out", tmp_path, "--dry-run")
    assert code == 0
    for words in ("--set templates=shop.add-to-cart", "max_new_tokens=50", "learning_rate=0.001", "method=lora"):
        assert words in out
    code, out, _ = run("--model", "tiny-agent", "--preset", "paper", "--out", tmp_path, "--dry-run")
    assert code == 0
    assert "training (qlora)" in out


def test_other_rules_and_all_steps_are_in_the_commands_by_hand(run: Run, tmp_path: Path) -> None:
    words = ("--rules", "early_stop,loops", "--all-steps")
    code, out, _ = run("--model", "x", *words, "--out", tmp_path, "--dry-run")
    assert code == 0
    assert "--rules early_stop,loops --all-steps" in out


@pytest.mark.parametrize(
    ("words", "sentence"),
    [
        (("--arm", "best/A"), "arm: expected A, B or C, with one of paper, agreement, random, all, true"),
        (("--arm", "agreement/A"), "samples: expected at least 2 for agreement, got 1"),
        (("--rules", "best"), "rules: expected names of early_stop"),
        (("--rounds", "0"), "rounds: expected an integer >= 1, got 0"),
        (("--set", "speed=9"), "training: expected settings among"),
        (("--set", "learning_rate=-1"), "learning_rate: expected a number > 0"),
        (("--set", "fast"), "--set: expected NAME=VALUE, got 'fast'"),
        (("--env-set", "fast"), "--env-set: expected NAME=VALUE, got 'fast'"),
        (("--env-set", "colour=red"), "colour: the environment arena has no such setting"),
        (("--env", "nowhere"), "environment: expected one of arena"),
        (("--train-split", "dev"), "split: expected all or one of"),
        (("--test-split", "train"), "test_split: 228 of the 228 test tasks of 'train' are also among the 228 training"),
        (("--train-split", "all"), "test_split: 137 of the 137 test tasks of 'test' are also among the 417 training"),
        (("--later-arm", "B"), "later_arms: expected some of A, got 'B'"),
        (("--mixture", "D"), "Invalid value for '--mixture'"),
        (("--mixture", "A", "--mixture", "A"), "arms: expected each once"),
        (("--template", "free"), "template: expected one of web-cot/1"),
        (("--preset", "quick"), "Invalid value for '--preset'"),
        (("--profile", "tiny"), "profile"),
    ],
)
def test_a_bad_option_is_a_sentence(run: Run, words: tuple[str, ...], sentence: str, tmp_path: Path) -> None:
    code, out, err = run("--model", "x", "--out", tmp_path / "out", "--dry-run", *words)
    assert code == 2
    assert out == ""
    assert sentence in err
    assert "Traceback" not in err
    assert not (tmp_path / "out").exists()


def test_a_base_that_is_not_there_is_a_sentence(run: Run, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    words = ("--model", tmp_path / "nowhere", "--train-limit", 1, "--test-limit", 1, "--set", "method=lora")
    code, _, err = run(*words, "--out", tmp_path / "out")
    assert code == 2
    assert "nowhere" in err
    assert "Traceback" not in err
