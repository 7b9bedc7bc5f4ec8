"""Comparisons of hand-made runs on their common tasks."""

import pytest

from tracewarp.metrics import bca_interval, mcnemar_exact, paired_permutation_test

PURPLE, GREEN = "paint the fence purple", "sell all green apples now"


def run_of(workshop, name, solved, n=8, **more):
    return workshop.run(name, [workshop.episode(i, score=float(i in solved), **more) for i in range(n)])


def test_success_is_compared_by_mcnemars_test_on_the_same_tasks(workshop):
    run, baseline = run_of(workshop, "new", {0, 1, 2, 3, 4}), run_of(workshop, "old", {0, 5}, n=7)
    (found,) = workshop.scores(run, compare_to=baseline).comparisons
    assert (found.run, found.baseline, found.only_run, found.only_baseline) == ("new", "old", 4, 1)
    success = found.functional_correctness
    assert (success.n, success.difference) == (7, pytest.approx(3 / 7))
    assert (success.test, success.p_value) == ("mcnemar exact", mcnemar_exact(4, 1).p_value)
    interval = bca_interval([0, 1, 1, 1, 1, -1, 0], resamples=2_000)
    assert success.interval == pytest.approx((interval.low, interval.high))
    assert found.vertex_dtw is None
    assert found.capability is None


def test_repeats_are_compared_by_the_permutation_test(workshop):
    run = workshop.run("new", [workshop.episode(i, repeat=r, score=float(r < i)) for i in range(4) for r in range(3)])
    baseline = run_of(workshop, "old", {0}, n=4)
    (found,) = workshop.scores(run, compare_to=baseline).comparisons
    x, y = [0, 1 / 3, 2 / 3, 1], [1, 0, 0, 0]
    assert found.functional_correctness.difference == pytest.approx(sum(x) / 4 - 1 / 4)
    assert found.functional_correctness.test == "sign flips, exact"
    assert found.functional_correctness.p_value == paired_permutation_test(x, y).p_value
    assert (found.only_run, found.only_baseline) == (3, 1)


def test_without_a_baseline_every_pair_is_compared(workshop):
    runs = [run_of(workshop, name, solved) for name, solved in (("a", {1}), ("b", {1, 2}), ("c", {3}))]
    scores = workshop.scores(*runs)
    assert [(c.run, c.baseline) for c in scores.comparisons] == [("b", "a"), ("c", "a"), ("c", "b")]
    assert [run.name for run in scores.runs] == ["a", "b", "c"]
    assert scores.baseline is None


def test_the_baseline_is_scored_but_is_no_run(workshop):
    runs = [run_of(workshop, name, {1}) for name in ("a", "b")]
    scores = workshop.scores(*runs, compare_to=run_of(workshop, "old", {2}))
    assert [(c.run, c.baseline) for c in scores.comparisons] == [("a", "old"), ("b", "old")]
    assert [run.name for run in scores.runs] == ["a", "b"]
    assert scores.baseline.name == "old"


def test_a_baseline_among_the_runs_is_not_compared_with_itself(workshop):
    a, b = run_of(workshop, "a", {1}), run_of(workshop, "b", {2})
    scores = workshop.scores(a, b, compare_to=a)
    assert [(c.run, c.baseline) for c in scores.comparisons] == [("b", "a")]
    assert scores.baseline is None


def test_p_values_are_adjusted_over_the_call(workshop):
    runs = [run_of(workshop, name, solved) for name, solved in (("a", set()), ("b", {0, 1, 2, 3, 4, 5, 6}), ("c", {0}))]
    comparisons = workshop.scores(*runs).comparisons
    p = [c.functional_correctness.p_value for c in comparisons]
    adjusted = [c.functional_correctness.p_holm for c in comparisons]
    assert adjusted[0] == pytest.approx(min(1, 3 * p[0]))
    assert all(a >= b for a, b in zip(adjusted, p, strict=True))


def test_runs_without_a_common_task_are_not_compared(workshop):
    a = workshop.run("a", [workshop.episode(1)])
    b = workshop.run("b", [workshop.episode(2)])
    scores = workshop.scores(a, b)
    assert scores.comparisons == ()
    assert any("not compared with a: no task in common" in note for note in scores.runs[1].notes)


def test_vertex_scores_are_compared_over_tasks_referenced_in_both(workshop):
    gold = workshop.run("gold", [workshop.episode(i, ["click [1]", "stop [x]"]) for i in range(5)])
    good = workshop.run("good", [workshop.episode(i, ["click [1]", "stop [x]"]) for i in range(6)])
    poor = workshop.run("poor", [workshop.episode(i, [f"type [{i}] [y]", "goto [z]"]) for i in range(1, 6)])
    scores = workshop.scores(good, references=(gold,), compare_to=poor)
    found = scores.comparisons[0].vertex_dtw
    theirs = {row.task: row.vertex_dtw for row in scores.baseline.episodes if row.vertex_dtw is not None}
    ours = {row.task: row.vertex_dtw for row in scores.runs[0].episodes if row.vertex_dtw is not None}
    common = sorted(ours.keys() & theirs.keys())
    assert common == ["1", "2", "3", "4"]
    x, y = [ours[t] for t in common], [theirs[t] for t in common]
    assert found.n == 4
    assert found.difference == pytest.approx((sum(x) - sum(y)) / 4)
    assert (found.test, found.p_value) == ("sign flips, exact", paired_permutation_test(x, y).p_value)


def test_capabilities_won_and_lost_come_from_the_common_tasks(workshop):
    tasks = workshop.tasks({0: PURPLE, 1: PURPLE, 2: GREEN, 3: GREEN, 4: "how many red cars are there", 5: None})
    new = workshop.run("new", [workshop.episode(i, score=float(i in (0, 4, 5))) for i in (0, 1, 2, 4, 5)])
    old = workshop.run("old", [workshop.episode(i, score=float(i in (1, 2))) for i in (0, 1, 2, 3, 4)])
    scores = workshop.scores(new, tasks=tasks, compare_to=old)
    label = {row.task: row.capability for row in scores.runs[0].episodes}
    change = scores.comparisons[0].capability
    assert (change.acquired, change.lost, change.kept) == ((label["4"],), (label["2"],), (label["0"],))
    assert change.net == 0
