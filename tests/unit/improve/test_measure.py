"""Success on the test tasks, and paired differences."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

import pytest

from tracewarp.errors import CollectionStoppedError
from tracewarp.improve.measure import Outcomes, gains, is_infeasible, measure
from tracewarp.improve.runs import check_run
from tracewarp.metrics import ClusterIndex, clustered_proportion, compare_paired
from tracewarp.trajectory import Ending, Task, Trajectory, write_trajectories

Make = Callable[..., Trajectory]


def outcomes(successes: Mapping[str, Sequence[float]], *, infeasible: Sequence[str] = ()) -> Outcomes:
    return Outcomes(successes, frozenset(infeasible), plausible=0, plausible_successes=0)


def test_a_rate_is_the_mean_over_tasks_of_the_share_of_successes() -> None:
    found = measure(outcomes({"a": [1.0, 0.0], "b": [1.0, 1.0], "c": [0.0, 0.0]}))
    assert found.rate.value == pytest.approx(0.5)
    assert (found.n_tasks, found.n_runs, found.rate.reason) == (3, 2, "3 tasks; an interval needs at least 6")


def test_tasks_of_one_template_are_a_cluster() -> None:
    successes = {str(i): [float(i % 12 < 5)] for i in range(48)}
    templates = {str(i): i % 12 for i in range(48)}
    found = measure(Outcomes(successes, frozenset(), 0, 0, templates=templates)).rate
    expected = clustered_proportion(
        [float(int(i) % 12 < 5) for i in sorted(successes)],
        clusters=ClusterIndex.of([templates[i] for i in sorted(successes)], "template"),
    )
    assert found == expected
    assert found.design_effect is not None and found.design_effect > 3


def test_gains_are_taken_task_by_task_and_adjusted_over_all_of_them() -> None:
    ours, theirs, other = (outcomes({str(i): [float(i < most)] for i in range(20)}) for most in (12, 4, 11))
    found = gains([(ours, "base", theirs), (ours, "other", other)], seed=0)
    rows = [[float(i < 12) - float(i < 4) for i in range(20)], [float(i < 12) - float(i < 11) for i in range(20)]]
    order = sorted(range(20), key=str)
    expected = compare_paired([[row[i] for i in order] for row in rows], clusters=ClusterIndex.single(20))
    assert [gain.against for gain in found] == ["base", "other"]
    assert tuple(gain.paired for gain in found) == expected
    assert found[0].paired.difference == pytest.approx(0.4)
    assert found[0].paired.interval is not None and found[0].paired.interval.low > 0


def test_an_agent_gains_nothing_over_itself() -> None:
    run = outcomes({str(i): [float(i % 3 == 0)] for i in range(9)})
    (gain,) = gains([(run, "base", run)], seed=0)
    assert (gain.paired.difference, gain.paired.interval, gain.paired.p_value) == (0.0, None, 1.0)
    assert gains([], seed=0) == []


def test_infeasible_tasks_have_a_figure_of_their_own() -> None:
    found = measure(outcomes({"a": [1.0], "b": [0.0], "c": [0.0]}, infeasible=["a", "b"]))
    assert (found.infeasible, found.n_infeasible) == (0.5, 2)
    assert measure(outcomes({"a": [1.0]})).infeasible is None


@pytest.mark.parametrize(
    ("answers", "expected"),
    [({"exact_match": "N/A"}, True), ({"fuzzy_match": "n/a "}, True), ({"fuzzy_match": ["N/A"]}, False), (None, False)],
)
def test_a_task_is_infeasible_where_its_answer_is_not_applicable(answers: object, expected: bool) -> None:
    assert is_infeasible(Task(id="1", objective="o", extra={"eval": {"reference_answers": answers}})) is expected


def test_a_run_is_read_once_for_everything(make: Make, tmp_path: Path) -> None:
    good, up = ("click [1]", "stop [yes]"), ("stop [N/A]",)
    episodes = [
        make(good, task="a", score=1.0),
        make(good, task="b", score=0.0),
        make(up, task="c", score=1.0),
        make(good, task="d", score=None),
    ]
    write_trajectories(tmp_path / "run.jsonl", episodes)
    found = Outcomes.read(tmp_path / "run.jsonl")
    assert found.successes == {"a": [1.0], "b": [0.0], "c": [1.0], "d": [0.0]}
    assert (found.plausible, found.plausible_successes) == (3, 1)
    told = measure(found)
    assert told.plausible == 0.75
    assert told.plausible_precision == pytest.approx(1 / 3)


def test_failures_of_server_and_environment_are_left_out_and_counted(make: Make, tmp_path: Path) -> None:
    good, gone, wrong = (
        make(["stop [x]"], task=name, score=score) for name, score in (("a", 1.0), ("b", None), ("c", 0.0))
    )
    endings = {"b": Ending.MODEL_UNAVAILABLE, "c": Ending.AGENT_ERROR}
    ended = [
        one.model_copy(
            update={"outcome": one.outcome.model_copy(update={"ending": endings.get(one.task.id, Ending.STOP)})}
        )
        for one in (good, gone, wrong)
    ]
    write_trajectories(tmp_path / "run.jsonl", ended)
    found = Outcomes.read(tmp_path / "run.jsonl")
    assert dict(found.successes) == {"a": [1.0], "c": [0.0]}
    assert found.left_out == 1
    assert measure(found).rate.value == 0.5


def test_a_run_in_which_every_episode_failed_is_no_result(make: Make, tmp_path: Path) -> None:
    one = make(["stop [x]"], score=None)
    failed = one.outcome.model_copy(update={"ending": Ending.ENVIRONMENT_ERROR, "error": "the site is down"})
    write_trajectories(tmp_path / "run.jsonl", [one.model_copy(update={"outcome": failed})])
    with pytest.raises(CollectionStoppedError, match=r"every episode ended in an error.*\(the site is down\)"):
        check_run(tmp_path / "run.jsonl")
    other = make(["stop [x]"], task="2")
    write_trajectories(tmp_path / "run.jsonl", [one.model_copy(update={"outcome": failed}), other])
    check_run(tmp_path / "run.jsonl")
