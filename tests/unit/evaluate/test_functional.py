"""Functional correctness, steps, endings and sites of hand-made runs."""

import pytest

from tracewarp.metrics import ClusterIndex, clustered_proportion
from tracewarp.trajectory import Observation, Step


def test_success_is_a_score_of_one_and_less_is_partial_credit(workshop):
    scores = [1.0, 1.0, 0.5, 0.999, 0.0]
    run = workshop.run("run", [workshop.episode(i, score=s) for i, s in enumerate(scores)])
    found = workshop.score(run).functional_correctness
    assert (found.successes, found.partial, found.unknown, found.n) == (2, 2, 0, 5)
    assert found.rate == clustered_proportion([1.0, 1.0, 0.0, 0.0, 0.0])
    assert found.mean_score.value == pytest.approx(sum(scores) / 5)
    assert found.bounds is None


def test_repeats_are_one_value_per_task(workshop):
    """20 tasks with 10 identical repeats each tell no more than 20 tasks: about [29, 71] and not [43, 57]."""
    run = workshop.run("run", [workshop.episode(i, repeat=r, score=float(i % 2)) for i in range(20) for r in range(10)])
    found = workshop.score(run).functional_correctness
    assert (found.n_tasks, found.n, found.successes) == (20, 200, 100)
    assert [round(100 * end) for end in (found.rate.interval.low, found.rate.interval.high)] == [29, 71]


def test_tasks_of_one_template_are_a_cluster_unless_told_otherwise(workshop):
    solved = {i: float(i // 4 % 2) for i in range(40)}
    run = workshop.run("run", [workshop.episode(i, template=f"t {i // 4}", score=solved[i]) for i in range(40)])
    values = list(solved.values())
    by_template = workshop.score(run).functional_correctness
    assert by_template.rate == clustered_proportion(
        values, clusters=ClusterIndex.of([i // 4 for i in range(40)], "template")
    )
    assert by_template.by_template == pytest.approx(0.5)
    assert workshop.score(run, cluster="task").functional_correctness.rate == clustered_proportion(values)
    site = workshop.score(run, cluster="site").functional_correctness.rate
    assert (site.interval, site.reason) == (None, "1 site; an interval needs at least 6")


def test_transport_failures_are_excluded_with_bounds(workshop):
    endings = {0: "model_unavailable", 1: "environment_error"}
    run = workshop.run(
        "run",
        [
            workshop.episode(i, score=None if i in endings else float(i % 2), ending=endings.get(i, "stop"))
            for i in range(50)
        ],
    )
    found = workshop.score(run).functional_correctness
    assert (found.n_tasks, found.n, found.transport_failures) == (48, 48, 2)
    assert found.rate.value == pytest.approx(24 / 48)
    assert found.bounds == (pytest.approx(24 / 50), pytest.approx(26 / 50))
    assert found.transport_failure_rate == pytest.approx(2 / 50)


def test_more_than_five_percent_of_transport_failures_leave_no_rate(workshop):
    def run(failed):
        return workshop.run(
            f"run {failed}",
            [workshop.episode(i, ending="environment_error" if i < failed else "stop") for i in range(40)],
        )

    assert workshop.score(run(2)).functional_correctness.rate.value == 1.0
    found = workshop.score(run(3))
    assert (found.functional_correctness.rate, found.functional_correctness.mean_score) == (None, None)
    assert found.functional_correctness.bounds == (pytest.approx(37 / 40), 1.0)
    assert "3 of 40 episodes" in found.functional_correctness.withheld


def test_nothing_but_transport_failures_gives_no_figure_and_no_error(workshop):
    found = workshop.score(workshop.run("run", [workshop.episode(1, ending="model_unavailable", score=None)]))
    assert (found.functional_correctness.rate, found.steps, found.capability) == (None, None, None)
    assert found.functional_correctness.bounds == (0.0, 1.0)


def test_agent_failures_count_as_0_and_have_a_rate(workshop):
    cut = Step(observation=Observation(text="page"), action="click [1]", finish_reason="length")
    run = workshop.run(
        "run",
        [
            workshop.episode(1),
            workshop.episode(2, score=0.0, ending="agent_error"),
            workshop.episode(3, [cut], score=0.0),
            workshop.episode(4, [cut, "stop [x]"], score=0.0),
            workshop.episode(5, [cut], score=1.0),
            workshop.episode(6, score=0.0),
        ],
    )
    found = workshop.score(run).functional_correctness
    assert (found.n, found.successes, found.agent_failures) == (6, 2, 2)
    assert found.agent_failure_rate.value == pytest.approx(2 / 6)


def test_episodes_without_steps_count(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2, actions=(), score=0.0)])
    found = workshop.score(run)
    assert (found.functional_correctness.n, found.functional_correctness.rate.value) == (2, 0.5)
    assert "1 episode without an executed step" in found.notes


def test_nobody_judged_gives_zero_with_bounds_up_to_one(workshop):
    run = workshop.run("run", [workshop.episode(i, score=None) for i in range(3)])
    found = workshop.score(run)
    assert found.functional_correctness.rate.value == 0.0
    assert found.functional_correctness.bounds == (0.0, 1.0)
    assert found.functional_correctness.unknown == 3
    assert [row.success for row in found.episodes] == [None, None, None]
    assert any("3 episodes not judged" in note for note in found.notes)


def test_confidence_is_an_option(workshop):
    run = workshop.run("run", [workshop.episode(i, score=float(i < 4)) for i in range(8)])
    expected = clustered_proportion([1.0] * 4 + [0.0] * 4, confidence=0.5)
    assert workshop.score(run, confidence=0.5).functional_correctness.rate == expected


def test_one_episode_is_enough(workshop):
    found = workshop.score(workshop.run("run", [workshop.episode(7)]))
    assert (found.n_tasks, found.n_repeats, found.functional_correctness.rate.value) == (1, 1, 1.0)


def test_steps_count_what_was_executed_only(workshop):
    after_the_end = workshop.step("click [9]", executed=False, valid=False)
    run = workshop.run(
        "run",
        [
            workshop.episode(
                1, [workshop.step("click [1]", valid=False), workshop.step(None, valid=False), "stop [x]"]
            ),
            workshop.episode(2, [workshop.step(None), after_the_end]),
            workshop.episode(3, []),
            workshop.episode(4, ["a", "b", "c", "d"]),
        ],
    )
    found = workshop.score(run).steps
    assert (found.total, found.mean.value, found.median) == (8, 2.0, 2.0)
    assert (found.invalid, found.unparsable, found.invalid_or_unparsable) == (2, 2, 3)
    assert found.invalid_rate.value == pytest.approx(3 / 8)
    assert [(row.steps, row.invalid, row.unparsable) for row in workshop.score(run).episodes] == [
        (3, 2, 1),
        (1, 0, 1),
        (0, 0, 0),
        (4, 0, 0),
    ]


def test_a_run_without_any_step_has_no_rate_of_invalid_actions(workshop):
    found = workshop.score(workshop.run("run", [workshop.episode(1, [])])).steps
    assert (found.total, found.mean.value, found.median, found.invalid_rate) == (0, 0.0, 0.0, None)


def test_endings_are_counted_and_early_ones_are_the_runners(workshop):
    endings = ["stop", "step_limit", "step_limit", "repeated_action", "parse_failures", "environment_error", "unknown"]
    run = workshop.run("run", [workshop.episode(i, ending=ending) for i, ending in enumerate(endings)])
    found = workshop.score(run).steps
    assert (found.early_stops, found.endings["environment_error"]) == (4, 1)
    assert found.endings["step_limit"] == 2
    assert list(found.endings) == sorted(found.endings)
    assert sum(found.endings.values()) == 7


def test_sites_are_sorted_and_joined(workshop):
    tasks = workshop.tasks({1: ("t", ["shop", "map"]), 2: ("t", ["map", "shop"]), 3: ("t", ["map"]), 4: ("t", [])})
    run = workshop.run("run", [workshop.episode(i, score=float(i != 2)) for i in (4, 3, 2, 1, 5)])
    found = workshop.score(run, tasks=tasks)
    assert [site.site for site in found.sites] == ["map", "map+shop", "unknown"]
    assert [site.functional_correctness.rate.value for site in found.sites] == [1.0, 0.5, 1.0]
    assert [site.functional_correctness.n for site in found.sites] == [1, 2, 2]
    assert all(site.mean_steps == 2.0 and site.vertex_dtw is None for site in found.sites)
    assert any("1 task of the run not in the task file" in note and note.endswith(": 5") for note in found.notes)


def test_rows_follow_the_task_file_and_then_the_run(workshop):
    tasks = workshop.tasks({3: "t", 1: "t", 2: "t"})
    run = workshop.run("run", [workshop.episode(i, repeat=r) for i, r in ((9, 0), (1, 1), (1, 0), (3, 0))])
    found = workshop.score(run, tasks=tasks)
    assert [(row.task, row.repeat) for row in found.episodes] == [("3", 0), ("1", 0), ("1", 1), ("9", 0)]
    assert (found.n_tasks, found.n_repeats) == (3, 2)


def test_tasks_that_were_not_attempted_are_no_failures(workshop):
    run = workshop.run("run", [workshop.episode(1)])
    found = workshop.score(run, tasks=workshop.tasks({1: "t", 2: "t", 3: "u"}))
    assert found.functional_correctness.rate.value == 1.0
    assert any("attempted 1 of the task file's 3 tasks" in note for note in found.notes)
