"""Intervals and tests against textbook values and against slow loops."""

from math import comb, sqrt

import numpy as np
import pytest
from scipy import stats
from scipy.special import ndtr, ndtri

from tracewarp.errors import DtypeError, EmptyInputError, NonFiniteError, OptionError, ShapeError
from tracewarp.metrics import statistics as st
from tracewarp.metrics.statistics import intervals


def slow_bca(values, seed, resamples, confidence):
    """Efron and Tibshirani's equations, one resample at a time."""
    values = np.asarray(values, dtype=float)
    n = len(values)
    drawn = np.random.default_rng(seed).integers(0, n, (resamples, n))
    means = np.array([values[row].mean() for row in drawn])
    observed = values.mean()
    below = np.mean(means < observed - 1e-12)
    tied = np.mean(np.abs(means - observed) <= 1e-12)
    z0 = ndtri(below + tied / 2)
    jackknife = np.array([np.delete(values, i).mean() for i in range(n)])
    spread = jackknife.mean() - jackknife
    a = (spread**3).sum() / (6 * (spread**2).sum() ** 1.5)
    bounds = []
    for z in (ndtri((1 - confidence) / 2), ndtri((1 + confidence) / 2)):
        bounds.append(np.quantile(means, ndtr(z0 + (z0 + z) / (1 - a * (z0 + z)))))
    return bounds


def test_wilson_of_the_published_run():
    found = st.wilson_interval(563, 812)
    assert (round(found.low, 3), round(found.high, 3), found.method) == (0.661, 0.724, "wilson")


@pytest.mark.parametrize(("k", "n"), [(0, 5), (5, 5), (1, 1), (58, 812), (3, 7)])
def test_wilson_is_the_formula(k, n):
    z, p = 1.959963984540054, k / n
    half = z * sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    found = st.wilson_interval(k, n)
    assert found.low == pytest.approx((p + z * z / (2 * n) - half) / (1 + z * z / n), abs=1e-12)
    assert found.high == pytest.approx((p + z * z / (2 * n) + half) / (1 + z * z / n), abs=1e-12)


def test_wilson_narrows_with_less_confidence():
    wide, narrow = st.wilson_interval(3, 10, confidence=0.99), st.wilson_interval(3, 10, confidence=0.5)
    assert wide.low < narrow.low < narrow.high < wide.high


@pytest.mark.parametrize("n", [3, 4, 7, 20, 136])
@pytest.mark.parametrize("confidence", [0.95, 0.8])
def test_bca_is_the_slow_loop(n, confidence):
    values = np.random.default_rng(n).beta(0.5, 1.5, n)
    found = st.bca_interval(values, seed=5, resamples=2_000, confidence=confidence)
    assert found.method == "bca"
    assert [found.low, found.high] == pytest.approx(slow_bca(values, 5, 2_000, confidence), abs=1e-9)


def test_bca_of_zeros_and_ones_is_the_slow_loop():
    values = [1.0] * 21 + [0.0] * 115
    found = st.bca_interval(values, seed=0, resamples=4_000)
    assert [found.low, found.high] == pytest.approx(slow_bca(values, 0, 4_000, 0.95), abs=1e-9)
    assert 0.08 < found.low < 21 / 136 < found.high < 0.25


def test_bca_follows_its_seed():
    values = np.random.default_rng(1).random(30)
    assert st.bca_interval(values, seed=3) == st.bca_interval(values, seed=3)
    assert st.bca_interval(values, seed=3) != st.bca_interval(values, seed=4)


def test_bca_does_not_depend_on_the_unit():
    values = np.random.default_rng(1).random(31)
    one, thousand = st.bca_interval(values, seed=3), st.bca_interval(values * 1024, seed=3)
    assert (one.low * 1024, one.high * 1024) == (thousand.low, thousand.high)


@pytest.mark.parametrize("values", [[0.25], [0.0, 0.0], [1.0] * 9])
def test_bca_gives_no_interval_of_zero_width(values):
    assert st.bca_interval(values) is None


@pytest.mark.parametrize("unit", [1e-300, 1e300])
def test_bca_neither_underflows_nor_overflows(unit):
    values = np.random.default_rng(1).random(31)
    found, expected = st.bca_interval(values * unit), st.bca_interval(values)
    assert [found.low / unit, found.high / unit] == pytest.approx([expected.low, expected.high], rel=1e-9)


def test_bca_covers_the_mean_about_as_often_as_it_says():
    rng = np.random.default_rng(11)
    hits = 0
    for trial in range(200):
        found = st.bca_interval(rng.beta(0.5, 1.5, 40), seed=trial, resamples=2_000)
        hits += found.low <= 0.25 <= found.high
    assert 0.88 <= hits / 200 <= 0.99


@pytest.mark.parametrize(("x", "y"), [(0, 0), (1, 0), (5, 1), (6, 6), (3, 19)])
def test_mcnemar_is_the_binomial_tail(x, y):
    n = x + y
    expected = min(1.0, 2 * sum(comb(n, i) for i in range(min(x, y) + 1)) / 2**n)
    assert st.mcnemar_exact(x, y).p_value == pytest.approx(expected)
    assert st.mcnemar_exact(y, x) == st.mcnemar_exact(x, y)


@pytest.mark.parametrize(
    ("call", "error", "names"),
    [
        (lambda: st.wilson_interval(0, 0), EmptyInputError, "n:"),
        (lambda: st.wilson_interval(3, 2), OptionError, "successes"),
        (lambda: st.wilson_interval(-1, 2), OptionError, "successes"),
        (lambda: st.wilson_interval(1, 2, confidence=1.0), OptionError, "confidence"),
        (lambda: st.bca_interval([]), EmptyInputError, "values"),
        (lambda: st.bca_interval([[1.0, 2.0]]), ShapeError, "values"),
        (lambda: st.bca_interval(["much", "more"]), DtypeError, "values"),
        (lambda: st.bca_interval([[1.0], [2.0, 3.0]]), DtypeError, "values"),
        (lambda: st.bca_interval([0.0, np.nan]), NonFiniteError, "index 1"),
        (lambda: st.bca_interval([0.0, 1.0], resamples=100), OptionError, "resamples"),
        (lambda: st.bca_interval([0.0, 1.0], seed=-1), OptionError, "seed"),
        (lambda: st.bca_interval([0.0, 1.0], confidence=0.0), OptionError, "confidence"),
        (lambda: st.mcnemar_exact(-1, 2), OptionError, "only_x"),
    ],
)
def test_bad_input_is_named(call, error, names):
    with pytest.raises(error, match=names):
        call()


@pytest.mark.parametrize("n", [2, 5, 40, 812])
def test_bca_gives_the_numbers_of_scipy(n):
    values = np.random.default_rng(n).integers(0, 64, n) / 64  # sums are exact in any order
    expected = stats.bootstrap(
        (values,), np.mean, n_resamples=2_000, method="BCa", rng=np.random.default_rng(3), batch=100
    ).confidence_interval
    found = st.bca_interval(values, seed=3, resamples=2_000)
    assert [found.low, found.high] == pytest.approx([expected.low, expected.high], rel=1e-12)


def test_pieces_change_no_number(monkeypatch):
    values = np.random.default_rng(4).random(300)
    expected = st.bca_interval(values, resamples=2_000)
    for draws in (150, 299, 300, 1000):
        monkeypatch.setattr(intervals, "_DRAWS", draws)
        found = st.bca_interval(values, resamples=2_000)
        assert [found.low, found.high] == pytest.approx([expected.low, expected.high], rel=1e-12)


def test_parts_of_a_long_resample_are_the_draws_of_the_whole():
    values = np.random.default_rng(0).random(3 * 2**20 + 5)
    sums = intervals._resampled_sums(values, np.ones(len(values)), 2, np.random.default_rng(0))
    drawn = np.random.default_rng(0).integers(0, len(values), (2, len(values)))
    assert [next(sums)[0][0], next(sums)[0][0]] == pytest.approx(values[drawn].sum(axis=1))
