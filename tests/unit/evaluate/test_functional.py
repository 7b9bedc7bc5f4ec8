"""Functional correctness, steps, endings and sites of hand-made runs."""

import pytest

from tracewarp.metrics import wilson_interval


def test_success_is_a_score_of_one_and_less_is_partial_credit(workshop):
    scores = [1.0, 1.0, 0.5, 0.999, 0.0]
    run = workshop.run("run", [workshop.episode(i, score=s) for i, s in enumerate(scores)])
    found = workshop.score(run).functional_correctness
    assert (found.successes, found.partial, found.unknown, found.n) == (2, 2, 0, 5)
    assert found.rate == 0.4
    assert found.mean_score == pytest.approx(sum(scores) / 5)
    interval = wilson_interval(2, 5)
    assert found.interval == (interval.low, interval.high)
    assert found.bounds == (0.4, 0.4)


def test_episodes_without_steps_count(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2, actions=(), score=0.0)])
    found = workshop.score(run)
    assert (found.functional_correctness.n, found.functional_correctness.rate) == (2, 0.5)
    assert "1 episode without an executed step" in found.notes


def test_nobody_judged_gives_zero_with_bounds_up_to_one(workshop):
    run = workshop.run("run", [workshop.episode(i, score=None) for i in range(3)])
    found = workshop.score(run)
    assert found.functional_correctness.rate == 0.0
    assert found.functional_correctness.bounds == (0.0, 1.0)
    assert found.functional_correctness.unknown == 3
    assert [row.success for row in found.episodes] == [None, None, None]
    assert any("judged by nobody" in note for note in found.notes)


def test_confidence_is_an_option(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2, score=0.0)])
    interval = wilson_interval(1, 2, confidence=0.5)
    assert workshop.score(run, confidence=0.5).functional_correctness.interval == (interval.low, interval.high)


def test_one_episode_is_enough(workshop):
    found = workshop.score(workshop.run("run", [workshop.episode(7)]))
    assert (found.n_tasks, found.n_repeats, found.functional_correctness.rate) == (1, 1, 1.0)


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
    assert (found.total, found.mean, found.median) == (8, 2.0, 2.0)
    assert (found.invalid, found.unparsable, found.invalid_or_unparsable) == (2, 2, 3)
    assert found.invalid_rate == pytest.approx(3 / 8)
    assert [(row.steps, row.invalid, row.unparsable) for row in workshop.score(run).episodes] == [
        (3, 2, 1),
        (1, 0, 1),
        (0, 0, 0),
        (4, 0, 0),
    ]


def test_a_run_without_any_step_has_rates_of_zero(workshop):
    found = workshop.score(workshop.run("run", [workshop.episode(1, [])])).steps
    assert (found.total, found.mean, found.median, found.invalid_rate) == (0, 0.0, 0.0, 0.0)


def test_endings_are_counted_and_early_ones_are_the_runners(workshop):
    endings = ["stop", "step_limit", "step_limit", "repeated_action", "parse_failures", "environment_error", "unknown"]
    run = workshop.run("run", [workshop.episode(i, ending=ending) for i, ending in enumerate(endings)])
    found = workshop.score(run).steps
    assert (found.early_stops, found.environment_errors) == (4, 1)
    assert found.endings["step_limit"] == 2
    assert list(found.endings) == sorted(found.endings)
    assert sum(found.endings.values()) == 7


def test_sites_are_sorted_and_joined(workshop):
    tasks = workshop.tasks({1: ("t", ["shop", "map"]), 2: ("t", ["map", "shop"]), 3: ("t", ["map"]), 4: ("t", [])})
    run = workshop.run("run", [workshop.episode(i, score=float(i != 2)) for i in (4, 3, 2, 1, 5)])
    found = workshop.score(run, tasks=tasks)
    assert [site.site for site in found.sites] == ["map", "map+shop", "unknown"]
    assert [site.functional_correctness.rate for site in found.sites] == [1.0, 0.5, 1.0]
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
    assert found.functional_correctness.rate == 1.0
    assert any("attempted 1 of the task file's 3 tasks" in note for note in found.notes)
