"""Means, proportions and ratios over tasks, with intervals over the clusters of the tasks."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracewarp.errors import OptionError, ShapeError
from tracewarp.metrics.statistics.checks import (
    DEFAULT_CONFIDENCE,
    DEFAULT_RESAMPLES,
    check_confidence,
    check_resampling,
    finite_vector,
    scaled,
    unscaled,
)
from tracewarp.metrics.statistics.clusters import ClusterIndex, effective_number, matching
from tracewarp.metrics.statistics.intervals import (
    Interval,
    all_equal,
    ratio_bca,
    ratio_error,
    ratio_studentised,
    score_interval,
)

MANY_CLUSTERS = 50
"""Effective clusters from which BCa is used; below, it covers too rarely (docs/definitions/statistics.md)."""
EQUAL = "all values are equal"
TOO_ALIKE = "too few values differ"


@dataclass(frozen=True)
class Estimate:
    """A mean, proportion or ratio over tasks, and how far it may be off."""

    value: float
    interval: Interval | None
    """None: `reason` says why."""
    reason: str | None
    n: int
    """Tasks."""
    cluster: str
    """What was taken as sampled: task, template, capability or site."""
    clusters: int
    """G."""
    effective_clusters: float
    """G*: the number of clusters of one size that would tell as much about the spread; the size of a cluster is its
    number of tasks, in a ratio its denominator."""
    design_effect: float | None
    """Variance over clusters / variance as if tasks were independent; None where the values do not vary."""
    mean_of_clusters: float
    """Mean over clusters of the cluster's own value: every cluster weighs the same. In a ratio a cluster without a
    denominator has no value of its own."""


def clustered_proportion(
    values: ArrayLike,
    *,
    episodes: int | None = None,
    clusters: ClusterIndex | None = None,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Estimate:
    """Mean of success rates with Wilson's interval at the effective number of trials.

    With the linearised variance v over the clusters, n_eff = p (1 - p) / v, kept in [G*, episodes], times
    (z / t_{G* - 1})^2; for p = 0 or 1, G* takes the place of p (1 - p) / v. Source: Korn and Graubard 1998, Survey
    Methodology 24, 193-201, with Wilson's interval in place of Clopper's and Pearson's.

    Args:
        values: (n,) numbers in 0..1, one per task: the mean over its episodes.
        episodes: number of episodes behind the values; None: one per task.
        clusters: the cluster of each task; None: each task is its own.
        confidence: coverage in (0, 1).

    Returns:
        The proportion; without an interval below 6 clusters.

    Raises:
        EmptyInputError: no values.
        ShapeError: not one-dimensional, or the clusters are those of another number of values.
        NonFiniteError: NaN or infinity.
        OptionError: a value outside 0..1, fewer episodes than tasks, or confidence outside (0, 1).
    """
    data = finite_vector(values, "values")
    check_confidence(confidence)
    outside = np.flatnonzero((data < 0.0) | (data > 1.0))
    if len(outside):
        raise OptionError(f"values[{outside[0]}]: expected a number in 0..1, got {data[outside[0]]}")
    n = len(data)
    if episodes is not None and episodes < n:
        raise OptionError(f"episodes: expected at least one per task ({n}), got {episodes}")
    clusters = matching(clusters, n)
    reason = clusters.too_few()
    interval = None if reason else _wilson(data, clusters, episodes or n, confidence)
    return _estimate((clusters.sums(data), clusters.sizes), (data, np.ones(n)), clusters, interval, reason)


def clustered_mean(
    values: ArrayLike,
    *,
    bounded: bool = False,
    clusters: ClusterIndex | None = None,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Estimate:
    """Mean of scores with an interval over clusters.

    From 50 effective clusters: BCa (`bca_interval`). Below, BCa covers too rarely: Wilson's interval at the effective
    number of trials where the scores are bounded by 0 and 1, else the studentised bootstrap.

    Args:
        values: (n,) finite numbers, one per task.
        bounded: the scores cannot leave 0..1.
        clusters: the cluster of each task; None: each task is its own.
        seed: random seed.
        resamples: number of resamples, at least 2,000.
        confidence: coverage in (0, 1).

    Returns:
        The mean; without an interval below 6 clusters or where all values are equal.

    Raises:
        EmptyInputError: no values.
        ShapeError: not one-dimensional, or the clusters are those of another number of values.
        NonFiniteError: NaN or infinity.
        OptionError: an option outside its range.
    """
    data = finite_vector(values, "values")
    return clustered_ratio(
        data,
        np.ones(len(data)),
        bounded=bounded,
        clusters=clusters,
        seed=seed,
        resamples=resamples,
        confidence=confidence,
    )


def clustered_ratio(
    numerators: ArrayLike,
    denominators: ArrayLike,
    *,
    bounded: bool = False,
    proportion: bool = False,
    clusters: ClusterIndex | None = None,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Estimate:
    """Ratio sum(numerators) / sum(denominators) with an interval over clusters, chosen as in `clustered_mean`.

    Args:
        numerators: (n,) finite numbers, one per task, such as its invalid actions.
        denominators: (n,) numbers >= 0, one per task, such as its steps; not all 0. A cluster without a denominator
            counts with its numerators, as everywhere.
        bounded: each numerator lies between 0 and its denominator.
        proportion: bounded, and the numerators count what the denominators count: a ratio of 0 or 1 then has Wilson's
            interval, with G* trials.
        clusters: the cluster of each task; None: each task is its own.
        seed: random seed.
        resamples: number of resamples, at least 2,000.
        confidence: coverage in (0, 1).

    Returns:
        The ratio; without an interval below 6 clusters or where all clusters have the same ratio.

    Raises:
        EmptyInputError: no values.
        ShapeError: the arrays differ in length, or the clusters are those of another number of values.
        NonFiniteError: NaN or infinity.
        OptionError: a negative denominator, only zeros, or an option outside its range.
    """
    above, below = finite_vector(numerators, "numerators"), finite_vector(denominators, "denominators")
    check_resampling(seed=seed, resamples=resamples, confidence=confidence)
    if len(above) != len(below):
        raise ShapeError(f"numerators, denominators: expected pairs, got {len(above)} and {len(below)} values")
    if (below < 0.0).any() or not below.any():
        raise OptionError("denominators: expected numbers >= 0, not all of them 0")
    clusters = matching(clusters, len(above))
    # Wilson's formula needs the ratio itself.
    above, exponent = (above, 0) if bounded or proportion else scaled(above)
    sums, sizes = clusters.sums(above), clusters.sums(below)
    effective, value = effective_number(sizes), math.fsum(above) / math.fsum(below)
    reason = clusters.too_few()
    interval: Interval | None = None
    if reason is None and proportion and value in (0.0, 1.0):
        interval = score_interval(value, effective * _shrinkage(effective, confidence), confidence)
    elif reason is None and all_equal(sums, sizes):
        reason = EQUAL
    elif reason is None:
        if effective >= MANY_CLUSTERS:
            interval = ratio_bca(sums, sizes, seed=seed, resamples=resamples, confidence=confidence)
        elif bounded or proportion:
            p = min(max(float(sums.sum() / sizes.sum()), 0.0), 1.0)  # rounding may leave the bounds
            trials = max(p * (1 - p) / ratio_error(sums, sizes) ** 2, effective)
            interval = score_interval(p, trials * _shrinkage(effective, confidence), confidence)
        else:
            interval = ratio_studentised(sums, sizes, seed=seed, resamples=resamples, confidence=confidence)
        reason = None if interval else TOO_ALIKE
    return _unscaled(_estimate((sums, sizes), (above, below), clusters, interval, reason), exponent)


def _unscaled(found: Estimate, exponent: int) -> Estimate:
    """An estimate of numerators that were divided by 2^exponent."""
    if exponent == 0:
        return found
    interval = found.interval
    if interval is not None:
        interval = replace(interval, low=unscaled(interval.low, exponent), high=unscaled(interval.high, exponent))
    return replace(
        found,
        value=unscaled(found.value, exponent),
        interval=interval,
        mean_of_clusters=unscaled(found.mean_of_clusters, exponent),
    )


def _wilson(data: NDArray[np.float64], clusters: ClusterIndex, episodes: int, confidence: float) -> Interval:
    p, effective = math.fsum(data) / len(data), clusters.effective
    error = ratio_error(clusters.sums(data), clusters.sizes)
    trials = effective if p in (0.0, 1.0) else (p * (1 - p) / error**2 if error else math.inf)
    trials = min(max(trials, effective), episodes)
    return score_interval(p, trials * _shrinkage(effective, confidence), confidence)


def _shrinkage(effective: float, confidence: float) -> float:
    """(z / t)^2: few clusters tell their own variance badly."""
    from scipy.special import ndtri, stdtrit

    level = (1 + confidence) / 2
    return float(ndtri(level) / stdtrit(effective - 1, level)) ** 2


def _estimate(
    by_cluster: tuple[NDArray[np.float64], NDArray[np.float64]],
    by_task: tuple[NDArray[np.float64], NDArray[np.float64]],
    clusters: ClusterIndex,
    interval: Interval | None,
    reason: str | None,
) -> Estimate:
    (sums, sizes), (above, below) = by_cluster, by_task
    counted = sizes > 0.0
    alone = ratio_error(above, below) if len(above) > 1 else 0.0
    together = ratio_error(sums, sizes) if len(sums) > 1 else 0.0
    return Estimate(
        value=math.fsum(above) / math.fsum(below),
        interval=interval,
        reason=reason,
        n=len(above),
        cluster=clusters.kind,
        clusters=clusters.count,
        effective_clusters=effective_number(sizes),
        design_effect=(together / alone) ** 2 if alone and together else None,
        mean_of_clusters=math.fsum(sums[counted] / sizes[counted]) / int(counted.sum()),
    )
