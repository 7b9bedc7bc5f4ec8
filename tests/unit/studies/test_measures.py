import itertools

import numpy as np
import pytest
from scipy.stats import kendalltau

from tracewarp.errors import OptionError, ShapeError
from tracewarp.studies.validity.measures import (
    auc_within,
    kendall_tau,
    least_of,
    mean_of,
    resample,
    tau_of_agents,
    wins,
)


def test_wins_counts_pairs_and_halves_of_ties():
    scores = np.array([0.9, 0.5, 0.5, 0.1])
    success = np.array([True, True, False, False])
    assert wins(scores, success) == (3.5, 4)
    assert wins(scores, np.ones(4, dtype=bool)) == (0.0, 0)


def test_auc_counts_pairs_of_the_same_group_only():
    """Across the groups the order is backwards; within each it is perfect, then half."""
    scores = np.array([0.2, 0.1, 0.9, 0.9])
    success = np.array([True, False, True, False])
    weights = resample(2, 500, 0)
    found = auc_within(scores, success, np.array([0, 0, 1, 1]), 2, weights)
    assert (found.value, found.n, found.clusters) == (0.75, 2, 2)
    assert set(np.round(found.draws, 6)) <= {0.5, 0.75, 1.0}


def test_auc_equals_the_count_over_all_pairs_of_each_group():
    rng = np.random.default_rng(3)
    scores, success, groups = rng.integers(0, 6, 200) / 6, rng.random(200) < 0.4, rng.integers(0, 9, 200)
    pairs = [
        (scores[i] > scores[j]) + (scores[i] == scores[j]) / 2
        for i, j in itertools.product(range(200), repeat=2)
        if groups[i] == groups[j] and success[i] and not success[j]
    ]
    found = auc_within(scores, success, groups, 9, resample(9, 200, 0))
    assert found.n == len(pairs)
    assert found.value == pytest.approx(sum(pairs) / len(pairs), abs=1e-12)


def test_an_episode_without_a_score_is_in_no_pair():
    scores = np.array([np.nan, 0.9, 0.1])
    found = auc_within(scores, np.array([False, True, False]), np.zeros(3, dtype=np.int64), 1, resample(1, 200, 0))
    assert (found.value, found.n) == (1.0, 1)


def test_scores_and_groups_of_different_length_are_refused():
    with pytest.raises(ShapeError, match="expected equal lengths, got 2, 1 and 2"):
        auc_within(np.zeros(2), np.zeros(1, dtype=bool), np.zeros(2, dtype=np.int64), 1, resample(1, 200, 0))


def test_tau_is_that_of_scipy_with_and_without_ties():
    rng = np.random.default_rng(0)
    x, y = rng.integers(0, 5, (50, 7)) / 4, rng.integers(0, 4, (50, 7)) / 3
    expected = [kendalltau(a, b).statistic for a, b in zip(x, y, strict=True)]
    assert kendall_tau(x, y) == pytest.approx(np.nan_to_num(expected), abs=1e-12)
    assert kendall_tau(np.ones((1, 4)), rng.random((1, 4)))[0] == 0


def test_tau_of_agents_is_that_of_their_means():
    success = np.array([[1.0, 1.0, 1.0], [1.0, 0.0, 1.0], [0.0, 0.0, 1.0]])
    backwards = 1 - success
    weights = resample(3, 400, 1)
    assert tau_of_agents(success, success, weights).value == 1
    assert tau_of_agents(success, backwards, weights).value == -1


def test_the_interval_holds_the_truth_about_as_often_as_it_says():
    """Share of successes that beat a failure, 40 groups with one pair each: 95 % nominal."""
    rng = np.random.default_rng(7)
    weights = resample(40, 1_000, 0)
    groups = np.repeat(np.arange(40), 2)
    success = np.tile([True, False], 40)
    held = 0
    for _ in range(400):
        scores = rng.normal(size=80) + np.where(success, 0.7416, 0)  # P(win) = Phi(.7416 / sqrt 2) = .7
        found = auc_within(scores, success, groups, 40, weights).estimate()
        assert found.interval is not None
        held += found.interval[0] <= 0.7 <= found.interval[1]
    assert 0.90 <= held / 400 <= 0.98


def test_equal_figures_differ_by_nothing_on_the_same_resamples():
    rng = np.random.default_rng(5)
    scores, success = rng.random(120), rng.random(120) < 0.5
    groups = np.repeat(np.arange(12), 10)
    weights = resample(12, 300, 0)
    one = auc_within(scores, success, groups, 12, weights)
    same = auc_within(3 * scores - 1, success, groups, 12, weights)
    assert one.minus(same).interval == (0.0, 0.0)
    other = auc_within(rng.random(120), success, groups, 12, weights)
    assert mean_of([one, other]).value == pytest.approx((one.value + other.value) / 2)
    assert least_of([one, other]).value == min(one.value, other.value)
    assert (least_of([one, other]).draws <= mean_of([one, other]).draws).all()


def test_few_clusters_get_no_interval():
    scores, success = np.array([1.0, 0.0] * 5), np.array([True, False] * 5)
    assert auc_within(scores, success, np.repeat(np.arange(5), 2), 5, resample(5, 200, 0)).estimate().interval is None


def test_resamples_draw_as_many_clusters_as_there_are():
    weights = resample(30, 200, 0)
    assert (weights.sum(axis=1) == 30).all()
    assert (weights == resample(30, 200, 0)).all()
    assert abs(weights.mean() - 1) < 1e-12
    with pytest.raises(OptionError, match="at least one to resample"):
        resample(0, 10, 0)
