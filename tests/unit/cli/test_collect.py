"""The command: what it says, and how it ends."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest

from tracewarp.cli import main
from tracewarp.cli._collecting import standing_words, success_rate
from tracewarp.collect.run import Progress
from tracewarp.collect.tally import Facts, Tally
from tracewarp.trajectory import Ending, Outcome, Task, Trajectory, open_run

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
    assert "Success not shown: 1 of 3 episodes are transport failures, more than 5 %" in lines
    assert "counted 2 of 2 episodes of 2 tasks" in lines
    assert "not counted 1 (the model's server or the environment failed)" in lines
    assert "bounds 66.7 % to 100.0 %, if these had all failed, or all succeeded" in lines
    assert (
        "success 100.0 % (no interval: 1 template; an interval needs at least 6), 1 transport failure (not counted)"
        in err
    )
    assert "ended by environment_error 1" in lines
    assert (
        "First error: environment_error in task fail-3, repeat 0: EnvironmentFailure: counter: the site is down" in err
    )
    assert "In 1 episode the environment or the model's server failed. Run the same command again" in err


def facts(
    task: str, score: float | None, ending: Ending = Ending.STOP, *, repeat: int = 0, template: str | None = None
) -> Facts:
    outcome = Outcome(score=score, ending=ending)
    return Facts.of(Trajectory(task=Task(id=task, template=template), repeat=repeat, outcome=outcome))


def tallied(*every: Facts) -> Tally:
    tally = Tally()
    for one in every:
        tally.add(one)
    return tally


def test_every_task_is_one_value_however_many_episodes_it_has() -> None:
    often = [facts("often", 1.0, repeat=i) for i in range(10)]
    rare = [facts(f"rare-{i}", float(i < 2)) for i in range(6)]
    found = success_rate(tallied(*often, *rare))
    assert found is not None
    assert found.value == pytest.approx(3 / 7), "not 12 of 16 episodes"
    assert (found.n, found.cluster, found.clusters) == (7, "task", 7)
    halves = success_rate(tallied(*(facts(str(i // 2), float(i % 2), repeat=i % 2) for i in range(12))))
    assert halves is not None and halves.value == 0.5


def test_identical_repeats_do_not_narrow_the_interval() -> None:
    """validity.md: 20 tasks with 10 identical repeats each printed [43.1, 56.9]; about [29, 71] is right."""
    tally = tallied(*(facts(str(task), float(task % 2), repeat=i) for task in range(20) for i in range(10)))
    found = success_rate(tally)
    assert found is not None and found.interval is not None
    assert (found.interval.low, found.interval.high) == pytest.approx((0.29, 0.71), abs=0.02)


def test_the_interval_is_over_templates_where_tasks_have_them() -> None:
    alike = [facts(str(i), float(i // 10 % 2), template=f"template {i // 10}") for i in range(100)]
    apart = [facts(str(i), float(i // 10 % 2)) for i in range(100)]
    by_template, by_task = success_rate(tallied(*alike)), success_rate(tallied(*apart))
    assert by_template is not None and by_task is not None
    assert (by_template.cluster, by_template.clusters, by_task.cluster) == ("template", 10, "task")
    assert by_template.interval is not None and by_task.interval is not None
    assert by_template.interval.low < by_task.interval.low < by_task.interval.high < by_template.interval.high


def test_transport_failures_are_left_out_and_agent_failures_count_as_failures() -> None:
    tally = tallied(
        facts("1", 1.0),
        facts("1", None, Ending.MODEL_UNAVAILABLE, repeat=1),
        facts("2", 0.0, Ending.AGENT_ERROR),
        facts("3", None, Ending.ENVIRONMENT_ERROR),
        facts("4", None),
    )
    assert tally.rates == [1.0, 0.0, 0.0]
    assert (tally.transport_failures, tally.agent_failures, tally.errors) == (2, 1, 3)
    assert tally.bounds == ((0.5 + 0 + 0 + 0) / 4, (1 + 0 + 1 + 1) / 4)
    assert success_rate(tallied(facts("3", None, Ending.ENVIRONMENT_ERROR))) is None
    assert Tally().bounds is None


def test_progress_names_both_kinds_of_errors_apart() -> None:
    tally = tallied(
        facts("1", 0.0, Ending.AGENT_ERROR),
        facts("2", 0.0, Ending.AGENT_ERROR),
        facts("3", None, Ending.MODEL_UNAVAILABLE),
    )
    words = standing_words(Progress(total=9, resumed=0, tally=tally, steps_now=0, seconds=1.0))
    assert "2 agent errors, 1 transport failure (not counted)" in words


def test_errors_are_printed_in_quiet_too_and_all_of_them_exit_1(run: Run) -> None:
    broken = ("--env", "counter_world:WORLD", "--tasks", "fail-3,crash-3", "--policy", "oracle", "--quiet")
    code, out, err = run(*broken)
    assert code == 1
    assert err.splitlines() == [
        "First error: environment_error in task fail-3, repeat 0: EnvironmentFailure: counter: the site is down",
        "Error: all 2 episodes ended in an error.",
    ]
    assert "Success not shown: 2 of 2 episodes are transport failures" in " ".join(out.split())


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
