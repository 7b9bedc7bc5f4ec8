"""The command: what it says, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tracewarp.cli import main
from tracewarp.trajectory import open_run

Run = Callable[..., tuple[int, str, str]]
COUNTING = ("--env", "counter_world:WORLD", "--split", "train")


@pytest.fixture
def run(capsys: pytest.CaptureFixture[str], tmp_path: Path) -> Run:
    def call(*words: object) -> tuple[int, str, str]:
        with pytest.raises(SystemExit) as left:
            main(["collect", "--out", str(tmp_path / "run"), *map(str, words)])
            raise SystemExit(0)
        told = capsys.readouterr()
        return int(left.value.code or 0), told.out, told.err

    return call


def test_the_summary_counts_what_says_something_about_the_agent(run: Run) -> None:
    broken = ("--env", "counter_world:WORLD", "--tasks", "count-1,count-2,fail-3", "--policy", "oracle")
    code, out, err = run(*broken)
    assert code == 0
    lines = " ".join(out.split())
    assert "Success 2 of 2, 100.0 % [34.2, 100.0]" in lines
    assert "not counted 1 (the model's server or the environment failed)" in lines
    assert "ended by environment_error 1" in lines
    assert (
        "First error: environment_error in task fail-3, repeat 0: EnvironmentFailure: counter: the site is down" in err
    )
    assert "In 1 episode the environment or the model's server failed. Run the same command again" in err


def test_errors_are_printed_in_quiet_too_and_all_of_them_exit_1(run: Run) -> None:
    broken = ("--env", "counter_world:WORLD", "--tasks", "fail-3,crash-3", "--policy", "oracle", "--quiet")
    code, out, err = run(*broken)
    assert code == 1
    assert err.splitlines() == [
        "First error: environment_error in task fail-3, repeat 0: EnvironmentFailure: counter: the site is down",
        "Error: all 2 episodes ended in an error.",
    ]
    assert "Success 0 of 0, not known" in " ".join(out.split())


def test_the_run_stops_after_errors_in_a_row_with_exit_1(run: Run) -> None:
    code, out, err = run(*COUNTING, "--policy", "misbehaving_policies:Raises", "--stop-after-errors", 3)
    assert (code, out) == (1, "")
    assert "Error: stopped after 3 episodes in a row that ended in an error, the last one in agent_error" in err
    code, _, err = run(*COUNTING, "--policy", "misbehaving_policies:Raises", "--stop-after-errors", 0)
    assert code == 1
    assert "Error: all 16 episodes ended in an error." in err


def test_a_pipe_in_the_place_of_the_episodes_is_a_sentence(run: Run, tmp_path: Path) -> None:
    import os

    (tmp_path / "run").mkdir()
    os.mkfifo(tmp_path / "run" / "trajectories.jsonl")
    code, _, err = run(*COUNTING, "--policy", "oracle")
    assert code == 2
    assert "trajectories.jsonl: a named pipe, not a regular file" in err


@pytest.mark.parametrize("name", ["tiny-agent", "hf:tiny-agent"])
def test_the_model_that_ships_acts_by_its_name(run: Run, tmp_path: Path, name: str) -> None:
    pytest.importorskip("torch", reason="needs the extra train")
    code, _, err = run(
        "--profile", "small", "--split", "test", "--limit", 3, "--policy", f"model:name={name},temperature=0"
    )
    assert code == 0, err
    episodes = list(open_run(tmp_path / "run"))
    assert {episode.outcome.ending.failure for episode in episodes} == {False}
    assert all(step.action for episode in episodes for step in episode.steps)
    said = episodes[0].steps[0].extra
    assert len(said["prompt"]) == 1, "the prompt that it was trained on"
    assert said["sampling"]["max_new_tokens"] == 40
