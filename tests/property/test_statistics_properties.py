"""Relations that intervals and tests keep for any input."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tracewarp.errors import InputError
from tracewarp.metrics import (
    ClusterIndex,
    bca_interval,
    clustered_mean,
    clustered_proportion,
    compare_paired,
    mcnemar_exact,
    wilson_interval,
)

numbers = some.floats(allow_nan=False, allow_infinity=False, min_value=-1e300, max_value=1e300)
scores = some.floats(min_value=0, max_value=1)
vectors = some.lists(numbers, min_size=1, max_size=12)
pairs = some.lists(some.tuples(scores, scores), min_size=1, max_size=12)


@settings(deadline=None)
@given(some.integers(1, 5000), some.data())
def test_wilson_holds_the_rate_and_mirrors(n, data):
    k = data.draw(some.integers(0, n))
    found, mirrored = wilson_interval(k, n), wilson_interval(n - k, n)
    assert 0 <= found.low <= k / n <= found.high <= 1
    assert found.low == pytest.approx(1 - mirrored.high, abs=1e-12)


@settings(max_examples=60, deadline=None)
@given(vectors, some.integers(0, 2**32))
def test_bca_stays_within_the_values(values, seed):
    found = bca_interval(values, seed=seed, resamples=2_000)
    if found is None:  # all values are equal
        assert max(values) - min(values) <= 1e-12 * max(map(abs, values))
        return
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack


@settings(max_examples=60, deadline=None)
@given(some.lists(some.tuples(scores, some.integers(0, 12)), min_size=1, max_size=40), some.integers(1, 4))
def test_the_interval_of_a_proportion_holds_it_and_stays_within_0_and_1(drawn, repeats):
    values, keys = zip(*drawn, strict=True)
    found = clustered_proportion(values, episodes=repeats * len(values), clusters=ClusterIndex.of(keys))
    assert found.effective_clusters <= found.clusters + 1e-9
    if found.interval is not None:
        assert 0 <= found.interval.low <= found.value + 1e-12
        assert found.value - 1e-12 <= found.interval.high <= 1
        assert found.interval.low < found.interval.high
    else:
        assert found.reason


@settings(max_examples=40, deadline=None)
@given(pairs, some.integers(0, 99))
def test_swapping_the_runs_flips_the_difference_and_keeps_the_p_value(drawn, seed):
    x, y = (np.array(side) for side in zip(*drawn, strict=True))
    (one,), (other,) = (compare_paired([d], seed=seed, resamples=2_000) for d in (x - y, y - x))
    assert one.difference == -other.difference
    assert 0 < one.p_value <= 1
    assert one.p_value == other.p_value


@settings(deadline=None)
@given(some.integers(0, 2000), some.integers(0, 2000))
def test_mcnemar_is_symmetric_and_a_probability(only_x, only_y):
    found = mcnemar_exact(only_x, only_y)
    assert 0 <= found.p_value <= 1
    assert found == mcnemar_exact(only_y, only_x)


@settings(deadline=None)
@given(some.lists(some.floats(), max_size=6), some.integers(-5, 5), some.integers(-5, 5000), some.floats())
def test_whatever_comes_only_our_own_errors_leave(values, seed, resamples, confidence):
    for call in (
        lambda: wilson_interval(seed, resamples, confidence=confidence),
        lambda: bca_interval(values, seed=seed, resamples=resamples, confidence=confidence),
        lambda: clustered_proportion(values, episodes=resamples, confidence=confidence),
        lambda: clustered_mean(values, seed=seed, resamples=resamples, confidence=confidence),
        lambda: compare_paired([values], seed=seed, resamples=resamples, confidence=confidence),
        lambda: mcnemar_exact(seed, resamples),
    ):
        try:
            call()
        except InputError as error:
            assert str(error)
