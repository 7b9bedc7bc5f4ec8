"""pass@k against brute force over all draws, consistency by hand."""

from itertools import combinations

import pytest

from tracewarp.errors import OptionError
from tracewarp.evaluate.repeats import pass_at_k


@pytest.mark.parametrize("n", [1, 2, 3, 5, 8])
def test_pass_at_k_is_the_share_of_draws_with_a_success(n):
    for c in range(n + 1):
        outcomes = [i < c for i in range(n)]
        for k in range(1, n + 1):
            draws = list(combinations(outcomes, k))
            assert pass_at_k(n, c, k) == pytest.approx(sum(map(any, draws)) / len(draws), abs=1e-12)


@pytest.mark.parametrize(("n", "c", "k"), [(0, 0, 1), (3, 4, 1), (3, -1, 1), (3, 1, 0), (3, 1, 4)])
def test_pass_at_k_refuses_impossible_counts(n, c, k):
    with pytest.raises(OptionError, match=rf"n = {n}, c = {c}, k = {k}"):
        pass_at_k(n, c, k)


def scores_of(workshop, table):
    """Task -> the scores of its repeats."""
    episodes = [
        workshop.episode(task, repeat=repeat, score=score)
        for task, scores in table.items()
        for repeat, score in enumerate(scores)
    ]
    return workshop.scores(workshop.run("run", episodes)).runs[0]


def test_a_run_without_repeats_has_no_such_figures(workshop):
    assert scores_of(workshop, {1: [1.0], 2: [0.0]}).repeats is None


def test_repeats_are_scored_over_tasks(workshop):
    found = scores_of(workshop, {1: [1.0, 1.0, 1.0], 2: [0.0, 1.0, 0.0], 3: [0.0, 0.5, None], 4: [1.0]}).repeats
    assert (found.n_tasks, found.consistency.value, found.all_succeed.value) == (
        3,
        pytest.approx(2 / 3),
        pytest.approx(1 / 3),
    )
    assert [(at.k, at.rate.n) for at in found.pass_at] == [(1, 4), (2, 3), (3, 3)]
    rates = [at.rate.value for at in found.pass_at]
    assert rates == pytest.approx([(1 + 1 / 3 + 0 + 1) / 4, (1 + 2 / 3 + 0) / 3, 2 / 3])
    assert found.consistency.reason == "3 tasks; an interval needs at least 6"


def test_pass_at_1_is_the_rate_of_success(workshop):
    found = scores_of(workshop, {task: [float((task + repeat) % 3 == 0) for repeat in range(4)] for task in range(9)})
    assert found.repeats.pass_at[0].rate == found.functional_correctness.rate
    assert found.repeats.consistency.interval.high > found.repeats.consistency.value
    assert [at.k for at in found.repeats.pass_at] == [1, 2, 4]


def test_an_agent_that_always_does_the_same_is_consistent_however_bad(workshop):
    found = scores_of(workshop, {1: [0.0, 0.0], 2: [1.0, 1.0]}).repeats
    assert (found.consistency.value, found.all_succeed.value) == (1.0, 0.5)
    assert [at.rate.value for at in found.pass_at] == [0.5, 0.5]
