"""Whether agents differ: one resampling over all comparisons of a metric gives adjusted p values and intervals."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracewarp.errors import EmptyInputError, OptionError, ShapeError
from tracewarp.metrics._arrays import require_memory
from tracewarp.metrics.statistics.checks import (
    DEFAULT_CONFIDENCE,
    DEFAULT_RESAMPLES,
    check_resampling,
    finite_vector,
    scaled,
    unscaled,
)
from tracewarp.metrics.statistics.clusters import ClusterIndex, matching
from tracewarp.metrics.statistics.estimates import EQUAL
from tracewarp.metrics.statistics.intervals import Interval, ratio_error

_DRAWS = 2**20
"""Signs drawn at once: Ctrl-C is heard in between. The numbers do not depend on it."""
_TIE = 1e-9
"""Statistics closer than this, relatively, are equal: they differ by rounding."""


@dataclass(frozen=True)
class PairedDifference:
    """The mean difference between two agents over the same tasks."""

    difference: float
    standard_error: float | None
    """Over clusters; None for one cluster."""
    interval: Interval | None
    """Simultaneous over all comparisons of the family; None: `reason` says why."""
    reason: str | None
    p_value: float
    """Two-sided, adjusted over all comparisons of the family (single-step max-T)."""
    comparisons: int
    """Comparisons in the family."""
    n: int
    """Tasks."""
    cluster: str
    """What was taken as sampled: task, template, capability or site."""
    clusters: int
    effective_clusters: float


@dataclass(frozen=True)
class PairedTest:
    """A two-sided test."""

    p_value: float
    test: str
    """`mcnemar exact`."""
    n: int
    """Pairs that entered the test."""


def compare_paired(
    differences: Sequence[ArrayLike],
    *,
    clusters: ClusterIndex | None = None,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> tuple[PairedDifference, ...]:
    """Compare agents over the same tasks, all comparisons of one metric at once.

    T_j = d_j / se_j with the standard error over clusters. Each resample flips the signs of whole clusters, the same
    ones in all comparisons, and computes every T*_j with its own standard error. p_j = (1 + #{max_i |T*_i| >= |T_j|}) /
    (resamples + 1); the interval is d_j -+ q se_j, q the quantile of max |T*| at which p_j crosses 1 - confidence. So
    an interval leaves out 0 exactly where p_j <= 1 - confidence, and all intervals hold together. Source: Westfall and
    Young 1993, Resampling-Based Multiple Testing, chapter 2 (single-step max-T); Phipson and Smyth 2010.

    Args:
        differences: for each comparison (n,) finite numbers, one per task: the first agent's value minus the second's.
        clusters: the cluster of each task; None: each task is its own.
        seed: random seed.
        resamples: number of sign patterns, at least 2,000.
        confidence: coverage in (0, 1).

    Returns:
        One result for each comparison. Without an interval below 6 clusters, or where all differences are equal.

    Raises:
        EmptyInputError: no comparison, or no values.
        ShapeError: comparisons of different length, or the clusters are those of another number of values.
        NonFiniteError: NaN or infinity.
        OptionError: an option outside its range.
    """
    check_resampling(seed=seed, resamples=resamples, confidence=confidence)
    if not len(differences):
        raise EmptyInputError("differences: expected at least one comparison, got none")
    given = [finite_vector(row, f"differences[{j}]") for j, row in enumerate(differences)]
    rows, exponents = zip(*map(scaled, given), strict=True)
    for j, row in enumerate(rows):
        if len(row) != len(rows[0]):
            raise ShapeError(f"differences[{j}]: expected {len(rows[0])} values as in differences[0], got {len(row)}")
    n = len(rows[0])
    clusters = matching(clusters, n)
    sums, sizes = np.stack([clusters.sums(row) for row in rows]), clusters.sizes
    means = [math.fsum(row) / n for row in rows]
    errors = [ratio_error(row, sizes) if clusters.count > 1 else None for row in sums]
    observed = [
        _statistic(mean, error, np.abs(row).max()) for mean, error, row in zip(means, errors, rows, strict=True)
    ]
    highest = np.sort(_maxima(sums, sizes, resamples, seed))
    allowed = math.floor((1 - confidence) * (resamples + 1) + _TIE) - 1
    quantile = float(highest[resamples - 1 - allowed]) if allowed >= 0 else math.inf
    found = []
    for mean, error, statistic, row, exponent in zip(means, errors, observed, rows, exponents, strict=True):
        as_high = resamples - int(np.searchsorted(highest, statistic * (1 - _TIE)))
        p_value = (1 + as_high) / (resamples + 1)
        reason = clusters.too_few() or (EQUAL if not error or np.all(row == row[0]) else None)
        if reason is None and not math.isfinite(quantile):
            reason = "too few clusters differ"
        interval = None
        if reason is None and error is not None:
            low, high = mean - quantile * error, mean + quantile * error
            if p_value > 1 - confidence:  # a tie by rounding must not let the interval leave out 0
                low, high = min(low, 0.0), max(high, 0.0)
            interval = Interval(unscaled(low, exponent), unscaled(high, exponent), "max-t", confidence)
        found.append(
            PairedDifference(
                difference=unscaled(mean, exponent),
                standard_error=None if error is None else unscaled(error, exponent),
                interval=interval,
                reason=reason,
                p_value=p_value,
                comparisons=len(rows),
                n=n,
                cluster=clusters.kind,
                clusters=clusters.count,
                effective_clusters=clusters.effective,
            )
        )
    return tuple(found)


def mcnemar_exact(only_x: int, only_y: int) -> PairedTest:
    """McNemar's exact test: of the pairs where just one succeeded, is each side as likely?

    p = min(1, 2 P(K <= min(only_x, only_y))), K binomial with only_x + only_y trials of probability 1/2; 1 without
    such pairs. Source: McNemar 1947, Psychometrika 12, 153-157, in its exact (binomial) form.

    Args:
        only_x: pairs where only the first succeeded, >= 0.
        only_y: pairs where only the second succeeded, >= 0.

    Raises:
        OptionError: a negative count.
    """
    if only_x < 0 or only_y < 0:
        raise OptionError(f"only_x, only_y: expected counts >= 0, got {only_x} and {only_y}")
    from scipy import stats

    n = only_x + only_y
    p_value = 1.0 if n == 0 else float(stats.binomtest(only_x, n, 0.5).pvalue)
    return PairedTest(p_value, "mcnemar exact", n)


def _statistic(mean: float, error: float | None, largest: float) -> float:
    """|T|: 0 without a difference; infinite where all clusters differ by the same."""
    if abs(mean) <= 1e-15 * largest or error is None:
        return 0.0
    return abs(mean) / error if error > _TIE * abs(mean) else math.inf


def _maxima(sums: NDArray[np.float64], sizes: NDArray[np.float64], resamples: int, seed: int) -> NDArray[np.float64]:
    """Maximum over comparisons of |T*| under each pattern of signs: (resamples,).

    sums is (comparisons, G), sizes (G,).
    """
    g, total = sums.shape[1], sizes.sum()
    require_memory("the sign patterns", 8 * resamples)
    highest = np.zeros(resamples)
    if g < 2:
        return highest
    rng, at_once = np.random.default_rng(seed), max(1, _DRAWS // g)
    squares, size_squares = (sums**2).sum(axis=1), (sizes**2).sum()
    for start in range(0, resamples, at_once):
        rows = min(at_once, resamples - start)
        signs = 2.0 * rng.integers(0, 2, (rows, g)) - 1.0
        means = signs @ sums.T / total
        # The residuals of the flipped sums: sum (e s - m mean)^2, multiplied out.
        spread = squares - 2 * means * (signs @ (sums * sizes).T) + means**2 * size_squares
        errors = np.sqrt(g / (g - 1) * np.maximum(spread, 0.0)) / total
        none = np.abs(means) * total <= 1e-12 * np.sqrt(squares)
        with np.errstate(divide="ignore", invalid="ignore"):
            statistics = np.where(spread <= 1e-12 * squares, np.inf, np.abs(means) / errors)
        highest[start : start + rows] = np.where(none, 0.0, statistics).max(axis=1)
    return highest
