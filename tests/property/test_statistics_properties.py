"""Relations that intervals and tests keep for any input."""

import math

import pytest
from hypothesis import given, settings
from hypothesis import strategies as some

from tracewarp.errors import InputError
from tracewarp.metrics import (
    bca_interval,
    holm,
    mcnemar_exact,
    paired_difference,
    paired_permutation_test,
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
    slack = 1e-9 * max(map(abs, values))
    assert min(values) - slack <= found.low <= found.high <= max(values) + slack


@settings(max_examples=40, deadline=None)
@given(pairs)
def test_swapping_the_runs_flips_the_difference_and_keeps_the_p_value(drawn):
    x, y = zip(*drawn, strict=True)
    assert paired_difference(x, y, resamples=2_000).difference == -paired_difference(y, x, resamples=2_000).difference
    p = paired_permutation_test(x, y, resamples=5_000)
    assert p.test == "sign flips, exact"
    assert 0 < p.p_value <= 1
    assert p.p_value == paired_permutation_test(y, x, resamples=5_000).p_value


@settings(deadline=None)
@given(some.integers(0, 2000), some.integers(0, 2000))
def test_mcnemar_is_symmetric_and_a_probability(only_x, only_y):
    found = mcnemar_exact(only_x, only_y)
    assert 0 <= found.p_value <= 1
    assert found == mcnemar_exact(only_y, only_x)


@settings(deadline=None)
@given(some.lists(scores, max_size=20))
def test_holm_is_between_the_p_value_and_bonferroni(p_values):
    for p, adjusted in zip(p_values, holm(p_values), strict=True):
        assert p <= adjusted <= min(1.0, len(p_values) * p) or math.isclose(adjusted, p)


@settings(deadline=None)
@given(some.lists(some.floats(), max_size=6), some.integers(-5, 5), some.integers(-5, 5000), some.floats())
def test_whatever_comes_only_our_own_errors_leave(values, seed, resamples, confidence):
    for call in (
        lambda: wilson_interval(seed, resamples, confidence=confidence),
        lambda: bca_interval(values, seed=seed, resamples=resamples, confidence=confidence),
        lambda: paired_permutation_test(values, values[::-1], seed=seed, resamples=resamples),
        lambda: mcnemar_exact(seed, resamples),
        lambda: holm(values),
    ):
        try:
            call()
        except InputError as error:
            assert str(error)
