"""Comparisons of hand-made runs on their common tasks."""

import pytest

from tracewarp.metrics import ClusterIndex, compare_paired, mcnemar_exact

PURPLE, GREEN = "paint the fence purple", "sell all green apples now"


def run_of(workshop, name, solved, n=8, **more):
    return workshop.run(name, [workshop.episode(i, score=float(i in solved), **more) for i in range(n)])


def test_success_is_compared_task_by_task_with_mcnemars_p_beside_it(workshop):
    run, baseline = run_of(workshop, "new", {0, 1, 2, 3, 4}), run_of(workshop, "old", {0, 5}, n=7)
    (found,) = workshop.scores(run, compare_to=baseline).comparisons
    assert (found.run, found.baseline, found.only_run, found.only_baseline) == ("new", "old", 4, 1)
    assert (found.n_tasks, found.left_out, found.episodes) == (7, 1, 1)
    success = found.functional_correctness
    assert success.paired == compare_paired([[0, 1, 1, 1, 1, -1, 0]], resamples=2_000)[0]
    assert success.paired.difference == pytest.approx(3 / 7)
    assert success.mcnemar_p == mcnemar_exact(4, 1).p_value
    assert success.tasks_needed.keys() == {"0.02", "0.05", "0.10"}
    assert found.vertex_dtw is None
    assert found.capability is None


def test_repeats_count_as_one_value_per_task(workshop):
    run = workshop.run("new", [workshop.episode(i, repeat=r, score=float(r < i)) for i in range(4) for r in range(3)])
    baseline = run_of(workshop, "old", {0}, n=4)
    (found,) = workshop.scores(run, compare_to=baseline).comparisons
    rows = [[0 - 1, 1 / 3, 2 / 3, 1]]
    assert found.functional_correctness.paired == compare_paired(rows, resamples=2_000)[0]
    assert found.functional_correctness.mcnemar_p is None
    # One episode of each task is compared where what counts depends on the number of attempts.
    assert (found.episodes, found.only_run, found.only_baseline) == (1, 3, 1)


def test_unequal_repeats_do_not_move_the_difference_away_from_the_two_rates(workshop):
    """Two tasks: 10 repeats of the solved one and 4 of the other gave 71.4 % against 40 %, and +20 points."""
    many = [workshop.episode(1, repeat=r) for r in range(10)]
    many += [workshop.episode(2, repeat=r, score=0.0) for r in range(4)]
    few = [workshop.episode(1, repeat=r, score=float(r < 3)) for r in range(5)]
    few += [workshop.episode(2, repeat=r, score=float(r < 1)) for r in range(5)]
    scores = workshop.scores(workshop.run("many", many), workshop.run("few", few))
    rates = [run.functional_correctness.rate.value for run in scores.runs]
    assert rates == [pytest.approx(0.5), pytest.approx(0.4)]
    assert scores.comparisons[0].functional_correctness.paired.difference == pytest.approx(rates[1] - rates[0])


def test_tasks_of_a_template_are_one_cluster(workshop):
    names = {i: f"template {i // 3}" for i in range(24)}
    new = workshop.run("new", [workshop.episode(i, template=names[i], score=float(i % 4 > 0)) for i in range(24)])
    old = workshop.run("old", [workshop.episode(i, template=names[i], score=float(i % 5 > 2)) for i in range(24)])
    rows = [[float(i % 4 > 0) - float(i % 5 > 2) for i in range(24)]]
    for kind, keys in (("template", [i // 3 for i in range(24)]), ("task", list(range(24)))):
        (found,) = workshop.scores(new, compare_to=old, cluster=kind).comparisons
        expected = compare_paired(rows, clusters=ClusterIndex.of(keys, kind), resamples=2_000)[0]
        assert found.functional_correctness.paired == expected
        assert (found.functional_correctness.mcnemar_p is None) == (kind == "template")
    assert workshop.scores(new, compare_to=old).settings["cluster"] == "template"


def test_an_agent_does_not_differ_from_itself_with_more_repeats(workshop):
    once = workshop.run("once", [workshop.episode(i, score=float(i % 3 == 0)) for i in range(12)])
    often = workshop.run(
        "often", [workshop.episode(i, repeat=r, score=float(i % 3 == 0)) for i in range(12) for r in range(5)]
    )
    (found,) = workshop.scores(often, compare_to=once).comparisons
    assert found.functional_correctness.paired.p_value == 1.0
    assert (found.only_run, found.only_baseline) == (0, 0)


def test_failures_of_the_transport_leave_the_tasks_that_are_compared(workshop):
    ours = [
        workshop.episode(i, score=float(i < 20), ending="model_unavailable" if i == 0 else "stop") for i in range(40)
    ]
    new = workshop.run("new", ours)
    (found,) = workshop.scores(new, compare_to=run_of(workshop, "old", set(range(10)), n=40)).comparisons
    assert (found.n_tasks, found.left_out) == (39, 1)
    assert found.functional_correctness.paired.difference == pytest.approx(10 / 39)


def test_a_run_without_a_success_rate_is_not_compared(workshop):
    ours = [workshop.episode(i, ending="environment_error" if i < 3 else "stop") for i in range(40)]
    scores = workshop.scores(workshop.run("new", ours), run_of(workshop, "old", {1}, n=40))
    assert scores.comparisons == ()
    assert scores.runs[0].functional_correctness.rate is None
    assert any("no success rate: 3 of 40 episodes are transport failures" in note for note in scores.runs[0].notes)
    assert any("not compared with other runs: 3 of 40" in note for note in scores.runs[0].notes)


def test_lengths_and_invalid_actions_are_compared_as_ratios(workshop):
    def invalid(task, count):
        refused = [workshop.step("click [1]", valid=False)] * count
        return workshop.episode(task, [*refused, "stop [x]"])

    new = workshop.run("new", [invalid(i, 3 + i % 3) for i in range(12)])
    old = workshop.run("old", [invalid(i, 1 + i % 2) for i in range(12)])
    (found,) = workshop.scores(new, compare_to=old).comparisons
    assert found.steps_ratio.value == pytest.approx(5 / 2.5)
    assert found.invalid_ratio.value == pytest.approx(4 / 1.5)
    for ratio in (found.steps_ratio, found.invalid_ratio):
        assert ratio.interval.low < ratio.value < ratio.interval.high


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
    solved = {"a": set(), "b": {0, 1, 2, 3, 4, 5, 6}, "c": {0}}
    runs = [run_of(workshop, name, found) for name, found in solved.items()]
    comparisons = workshop.scores(*runs).comparisons
    rows = [[float(i in solved[c.run]) - float(i in solved[c.baseline]) for i in range(8)] for c in comparisons]
    assert tuple(c.functional_correctness.paired for c in comparisons) == compare_paired(rows, resamples=2_000)


def test_runs_without_a_common_task_are_not_compared(workshop):
    a = workshop.run("a", [workshop.episode(1)])
    b = workshop.run("b", [workshop.episode(2)])
    scores = workshop.scores(a, b)
    assert scores.comparisons == ()
    assert any("not compared with other runs: no task in common" in note for note in scores.runs[1].notes)


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
    assert found.paired.n == 4
    assert found.paired.difference == pytest.approx((sum(x) - sum(y)) / 4)
    rows = [[a - b for a, b in zip(x, y, strict=True)]]
    assert found.paired == compare_paired(rows, resamples=2_000)[0]


def test_capabilities_won_and_lost_come_from_the_common_tasks(workshop):
    tasks = workshop.tasks({0: PURPLE, 1: PURPLE, 2: GREEN, 3: GREEN, 4: "how many red cars are there", 5: None})
    new = workshop.run("new", [workshop.episode(i, score=float(i in (0, 4, 5))) for i in (0, 1, 2, 4, 5)])
    old = workshop.run("old", [workshop.episode(i, score=float(i in (1, 2))) for i in (0, 1, 2, 3, 4)])
    scores = workshop.scores(new, tasks=tasks, compare_to=old)
    label = {row.task: row.capability for row in scores.runs[0].episodes}
    change = scores.comparisons[0].capability
    assert (change.acquired, change.lost, change.kept) == ((label["4"],), (label["2"],), (label["0"],))
    assert (change.net, change.episodes) == (0, 1)
    assert (change.run_at_k, change.baseline_at_k) == (pytest.approx(2 / 3), pytest.approx(2 / 3))
