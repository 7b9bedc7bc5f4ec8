"""Interval estimates: Wilson's score interval, two bootstraps over clusters, and Student's t.

The bootstraps are computed here in small pieces: SciPy's time grows with the square of the number of values, and it
does not hear Ctrl-C meanwhile. SciPy is imported inside the functions, because it takes half a second to load.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.metrics._arrays import require_memory
from tracewarp.metrics.statistics.checks import (
    DEFAULT_CONFIDENCE,
    DEFAULT_RESAMPLES,
    check_confidence,
    check_resampling,
    finite_vector,
)
from tracewarp.metrics.statistics.clusters import ClusterIndex, matching

_DRAWS = 2**20
"""Random numbers drawn at once, in about 10 ms: Ctrl-C is heard in between. The numbers do not depend on it."""


@dataclass(frozen=True)
class Interval:
    """An interval estimate."""

    low: float
    high: float
    method: str
    """`wilson`, `bca`, `studentised bootstrap`, `t` or `max-t`; `percentile` where BCa is undefined because all
    resamples lie on one side of the estimate."""
    confidence: float


def wilson_interval(successes: int, n: int, *, confidence: float = DEFAULT_CONFIDENCE) -> Interval:
    """Wilson's score interval for a share of `successes` out of `n` independent trials.

    Source: Wilson 1927, J. Am. Stat. Assoc. 22, 209-212; without continuity correction.

    Args:
        successes: 0 <= successes <= n.
        n: number of trials, n >= 1.
        confidence: coverage in (0, 1).

    Raises:
        EmptyInputError: n is 0.
        OptionError: successes outside 0..n, or confidence outside (0, 1).
    """
    if n == 0:
        raise EmptyInputError("n: expected at least 1 trial, got 0")
    if not 0 <= successes <= n:
        raise OptionError(f"successes: expected a number in 0..{n}, got {successes}")
    check_confidence(confidence)
    return score_interval(successes / n, n, confidence)


def score_interval(p: float, n: float, confidence: float) -> Interval:
    """Wilson's formula for a share p of n trials, where n may be an effective number.

    (p + z^2/2n -+ z sqrt(p(1-p)/n + z^2/4n^2)) / (1 + z^2/n), z the normal quantile of (1 + confidence) / 2.
    """
    from scipy.special import ndtri

    z = float(ndtri((1 + confidence) / 2))
    centre, scale = p + z * z / (2 * n), 1 + z * z / n
    half = z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    low = 0.0 if p == 0.0 else max(0.0, (centre - half) / scale)
    high = 1.0 if p == 1.0 else min(1.0, (centre + half) / scale)
    return Interval(low, high, "wilson", confidence)


def t_interval(values: ArrayLike, *, confidence: float = DEFAULT_CONFIDENCE) -> Interval | None:
    """Student's t interval for the mean of independent values.

    Args:
        values: (n,) finite numbers, n >= 1.
        confidence: coverage in (0, 1).

    Returns:
        None for one value, or values that are all equal.

    Raises:
        EmptyInputError: no values.
        NonFiniteError: NaN or infinity.
        OptionError: confidence outside (0, 1).
    """
    from scipy.special import stdtrit

    data = finite_vector(values, "values")
    check_confidence(confidence)
    n = len(data)
    if n < 2 or np.all(data == data[0]):
        return None
    half = float(stdtrit(n - 1, (1 + confidence) / 2)) * float(data.std(ddof=1)) / math.sqrt(n)
    return Interval(float(data.mean()) - half, float(data.mean()) + half, "t", confidence)


def bca_interval(
    values: ArrayLike,
    *,
    clusters: ClusterIndex | None = None,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Interval | None:
    """Bias-corrected and accelerated bootstrap interval for the mean of `values`, resampling whole clusters.

    Resample b takes the clusters `default_rng(seed).integers(0, G, (resamples, G))[b]`; its mean is the sum of their
    values over the number of their values. Source: Efron 1987, J. Am. Stat. Assoc. 82, 171-185; Efron and Tibshirani
    1993, eq. 14.9-14.15, with the jackknife means in closed form. Sums are first rounded to a grid on which adding is
    exact (an error below n 2^-52 of the largest one), so that resamples whose mean equals the observed one are
    recognised whatever the order of summation.

    Args:
        values: (n,) finite numbers, n >= 1, one per task.
        clusters: the cluster of each value; None: each value is its own.
        seed: random seed.
        resamples: number of resamples, at least 2,000.
        confidence: coverage in (0, 1).

    Returns:
        None where all clusters have the same mean: the bootstrap then says nothing.

    Raises:
        EmptyInputError: no values.
        ShapeError: not one-dimensional, or the clusters are those of another number of values.
        NonFiniteError: NaN or infinity.
        OptionError: an option outside its range.
    """
    data = finite_vector(values, "values")
    check_resampling(seed=seed, resamples=resamples, confidence=confidence)
    clusters = matching(clusters, len(data))
    return ratio_bca(clusters.sums(data), clusters.sizes, seed=seed, resamples=resamples, confidence=confidence)


def ratio_bca(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], *, seed: int, resamples: int, confidence: float
) -> Interval | None:
    """BCa for sum(sums) / sum(sizes), resampling the pairs; None where all pairs have one ratio.

    Sizes are > 0, or >= 0 with 50 effective pairs or more: a resample without any size then does not occur.
    """
    if all_equal(sums, sizes):
        return None
    require_memory("the means of the resamples", 8 * resamples)
    exact, up = _as_exact_integers(sums)
    weights, down = _as_exact_integers(sizes)
    drawn = np.empty(resamples)
    start = 0
    for some, of in _resampled_sums(exact, weights, resamples, np.random.default_rng(seed)):
        drawn[start : start + len(some)] = some / of
        start += len(some)
    levels = _bca_levels(exact, weights, drawn, confidence)
    method = "bca"
    if not np.isfinite(levels).all():  # every resample lies on one side of the estimate
        levels, method = ((1 - confidence) / 2, (1 + confidence) / 2), "percentile"
    low, high = (math.ldexp(float(bound), up - down) for bound in np.quantile(drawn, levels))
    return Interval(low, high, method, confidence)


def ratio_studentised(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], *, seed: int, resamples: int, confidence: float
) -> Interval | None:
    """Studentised bootstrap for the ratio sum(sums) / sum(sizes), resampling the pairs; sizes >= 0, not all of them 0.

    Each resample's estimate is divided by its own linearised standard error. Source: Efron and Tibshirani 1993, section
    12.5. None where all pairs have one ratio, or where so few differ that the quantiles are infinite.
    """
    if all_equal(sums, sizes):
        return None
    g = len(sums)
    estimate, error = float(sums.sum() / sizes.sum()), ratio_error(sums, sizes)
    rng, at_once = np.random.default_rng(seed), max(1, _DRAWS // g)
    require_memory("the resamples", 8 * resamples)
    pivots = np.empty(resamples)
    for start in range(0, resamples, at_once):
        drawn = rng.integers(0, g, (min(at_once, resamples - start), g))
        some, of = sums[drawn], sizes[drawn]
        total = of.sum(axis=1)
        with np.errstate(divide="ignore", invalid="ignore"):
            means = some.sum(axis=1) / total
            squares = ((some - means[:, None] * of) ** 2).sum(axis=1)
            alike = squares <= 1e-24 * (some**2).sum(axis=1)  # rounding of equal ratios
            errors = np.where(alike, 0.0, np.sqrt(g / (g - 1) * squares) / total)
            away = np.where(np.isclose(means, estimate, rtol=1e-12, atol=0.0), 0.0, means - estimate)
            found = np.where(away == 0.0, 0.0, away / errors)
        pivots[start : start + len(drawn)] = np.where(total > 0.0, found, np.inf)
    low = float(np.quantile(pivots, (1 - confidence) / 2, method="lower"))
    high = float(np.quantile(pivots, (1 + confidence) / 2, method="higher"))
    if not (math.isfinite(low) and math.isfinite(high)):
        return None
    return Interval(estimate - high * error, estimate - low * error, "studentised bootstrap", confidence)


def ratio_error(sums: NDArray[np.float64], sizes: NDArray[np.float64]) -> float:
    """Linearised standard error of sum(sums) / sum(sizes) over G >= 2 pairs (docs/definitions/statistics.md)."""
    if all_equal(sums, sizes):
        return 0.0
    g, total = len(sums), sizes.sum()
    residuals = sums - sums.sum() / total * sizes
    return math.sqrt(g / (g - 1) * float((residuals**2).sum())) / float(total)


def all_equal(sums: NDArray[np.float64], sizes: NDArray[np.float64]) -> bool:
    """True where all pairs have the same ratio, but for rounding."""
    return bool(np.all(np.abs(sums - sums.sum() / sizes.sum() * sizes) <= 1e-12 * np.abs(sums)))


def _resampled_sums(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], resamples: int, rng: np.random.Generator
) -> Iterator[tuple[NDArray[np.float64], NDArray[np.float64]]]:
    """The two sums of pairs drawn with replacement, resample after resample; whole numbers, so that order is free."""
    g = len(sums)
    alike = bool(np.all(sizes == sizes[0]))
    at_once = max(1, _DRAWS // g)
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        total, of = np.zeros(rows), np.full(rows, g * sizes[0] if alike else 0.0)
        for column in range(0, g, _DRAWS):
            drawn = rng.integers(0, g, (rows, min(g, column + _DRAWS) - column))
            total += sums[drawn].sum(axis=1)
            if not alike:
                of += sizes[drawn].sum(axis=1)
        yield total, of


def _bca_levels(
    sums: NDArray[np.float64], sizes: NDArray[np.float64], drawn: NDArray[np.float64], confidence: float
) -> tuple[float, float]:
    """The quantiles of the resamples that are the bounds (Efron and Tibshirani 1993, equations 14.9 to 14.15)."""
    from scipy.special import ndtr, ndtri

    g, total, size = len(sums), sums.sum(), sizes.sum()
    observed = total / size
    below = np.count_nonzero(drawn < observed) + np.count_nonzero(drawn <= observed)
    bias = ndtri(below / (2 * len(drawn)))

    # The estimates without each of the pairs; all sums are exact.
    def jackknife(k: int) -> NDArray[np.float64]:
        found: NDArray[np.float64] = (total - sums[k : k + _DRAWS]) / (size - sizes[k : k + _DRAWS])
        return found

    parts = range(0, g, _DRAWS)
    centre = sum(jackknife(k).sum() for k in parts) / g
    cubes = squares = 0.0
    for k in parts:
        influence = (g - 1) * (centre - jackknife(k))
        squares += (influence**2).sum()
        cubes += (influence**2 * influence).sum()
    acceleration = cubes / g**3 / (6 * (squares / g**2) ** 1.5)
    bounds = []
    for z in (ndtri((1 - confidence) / 2), ndtri((1 + confidence) / 2)):
        with np.errstate(invalid="ignore"):
            bounds.append(float(ndtr(bias + (bias + z) / (1 - acceleration * (bias + z)))))
    return bounds[0], bounds[1]


def _as_exact_integers(data: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Whole numbers k_i and an exponent e with k_i 2^e = data_i (rounded), any n of which sum without rounding."""
    largest = float(np.abs(data).max())
    # |sum| <= n * largest < 2^bits, and a float64 holds 53 bits.
    bits = math.frexp(largest)[1] + len(data).bit_length()
    return np.rint(np.ldexp(data, 53 - bits)), bits - 53
