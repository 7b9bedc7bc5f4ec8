"""What the study measures: AUC within groups, Kendall's tau between agents, and one bootstrap that all of them share.

Definitions: docs/definitions/validity.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import OptionError, ShapeError

Floats = NDArray[np.float64]
MIN_CLUSTERS = 6
"""Below this many clusters a bootstrap says little, and no interval is printed."""


@dataclass(frozen=True)
class Estimate:
    """A figure with its percentile bootstrap interval."""

    value: float
    interval: tuple[float, float] | None
    """None: fewer than `MIN_CLUSTERS` clusters."""
    n: int
    """What was counted: pairs, episodes or tasks."""
    clusters: int
    """What was resampled."""


@dataclass(frozen=True, eq=False)
class Measured:
    """A figure and its value in every resample, so that two figures can be compared on the same resamples."""

    value: float
    draws: Floats
    """`(resamples,)`; NaN where a resample holds nothing to measure."""
    n: int
    clusters: int

    def estimate(self, confidence: float = 0.95) -> Estimate:
        """The figure with its interval."""
        return Estimate(self.value, _interval(self.draws, self.clusters, confidence), self.n, self.clusters)

    def minus(self, other: Measured, confidence: float = 0.95) -> Estimate:
        """The paired difference, from the same resamples."""
        clusters = min(self.clusters, other.clusters)
        interval = _interval(self.draws - other.draws, clusters, confidence)
        return Estimate(self.value - other.value, interval, min(self.n, other.n), clusters)


def mean_of(parts: Sequence[Measured]) -> Measured:
    """The mean of figures that share their resamples."""
    return _combined(parts, "mean")


def least_of(parts: Sequence[Measured]) -> Measured:
    """The smallest of figures that share their resamples, in every resample anew."""
    return _combined(parts, "min")


def _combined(parts: Sequence[Measured], how: str) -> Measured:
    values, draws = np.array([part.value for part in parts]), np.stack([part.draws for part in parts])
    reduce = np.mean if how == "mean" else np.min
    return Measured(
        float(reduce(values)),
        np.asarray(reduce(draws, axis=0)),
        sum(part.n for part in parts),
        min(part.clusters for part in parts),
    )


def _interval(draws: Floats, clusters: int, confidence: float) -> tuple[float, float] | None:
    known = draws[np.isfinite(draws)]
    if clusters < MIN_CLUSTERS or not known.size:
        return None
    low, high = np.quantile(known, [(1 - confidence) / 2, (1 + confidence) / 2])
    return float(low), float(high)


def resample(n: int, resamples: int, seed: int) -> Floats:
    """How often each of `n` clusters is drawn in each resample, `(resamples, n)`; rows sum to `n`."""
    if n < 1:
        raise OptionError("clusters: expected at least one to resample, got none")
    return np.random.default_rng(seed).multinomial(n, np.full(n, 1 / n), size=resamples).astype(np.float64)


def ratio(numerators: Floats, denominators: Floats, weights: Floats) -> Measured:
    """Sum of the clusters' numerators over the sum of their denominators.

    Args:
        numerators: `(clusters,)`.
        denominators: `(clusters,)`; their sum is what was counted.
        weights: from `resample`, `(resamples, clusters)`.
    """
    total = denominators.sum()
    with np.errstate(invalid="ignore", divide="ignore"):
        draws = (weights @ numerators) / (weights @ denominators)
        value = float(numerators.sum() / total) if total else float("nan")
    return Measured(value, draws, round(float(total)), int(np.count_nonzero(denominators)))


def wins(scores: Floats, success: NDArray[np.bool_]) -> tuple[float, int]:
    """Count the pairs of a success and a failure in which the success scores higher (ties: half), and all pairs.

    The quotient is the area under the ROC curve (Mann-Whitney).
    """
    from scipy.stats import rankdata

    n_good = int(success.sum())
    pairs = n_good * (len(success) - n_good)
    if not pairs:
        return 0.0, 0
    # Scores of equal episodes may differ in their last bits only.
    ranks = rankdata(np.round(scores, 9))
    return float(ranks[success].sum() - n_good * (n_good + 1) / 2), pairs


def auc_within(
    scores: Floats, success: NDArray[np.bool_], groups: NDArray[np.int64], n_groups: int, weights: Floats
) -> Measured:
    """AUC over the pairs of a success and a failure of the same group, resampled by group.

    Args:
        scores: `(episodes,)`; NaN marks an episode without a score, which is left out.
        success: `(episodes,)`.
        groups: `(episodes,)`, in `0..n_groups - 1`.
        n_groups: how many groups there are.
        weights: from `resample`, `(resamples, n_groups)`.
    """
    if not len(scores) == len(success) == len(groups):
        raise ShapeError(
            f"scores, success, groups: expected equal lengths, got {len(scores)}, {len(success)} and {len(groups)}"
        )
    won, pairs = np.zeros(n_groups), np.zeros(n_groups)
    known = np.flatnonzero(np.isfinite(scores))
    order = known[np.argsort(groups[known], kind="stable")]
    edges = np.flatnonzero(np.diff(groups[order])) + 1
    for part in np.split(order, edges):
        if len(part):
            won[groups[part[0]]], pairs[groups[part[0]]] = wins(scores[part], success[part])
    return ratio(won, pairs, weights)


def kendall_tau(x: Floats, y: Floats) -> Floats:
    """Kendall's tau-b of each row of `x` with the same row of `y`, both `(rows, agents)`; 0 where one is constant.

    The definition of `scipy.stats.kendalltau`, for many rows at once.
    """
    first, second = np.triu_indices(x.shape[1], 1)
    signs = [np.sign(np.round(v[:, first] - v[:, second], 12)) for v in (x, y)]
    untied = [np.abs(s).sum(axis=1) for s in signs]
    scale = np.sqrt(untied[0] * untied[1])
    tau: Floats = np.divide((signs[0] * signs[1]).sum(axis=1), scale, out=np.zeros(len(x)), where=scale > 0)
    return tau


def tau_of_agents(success: Floats, scores: Floats, weights: Floats) -> Measured:
    """Kendall's tau between the agents' success and their mean scores, resampled by task.

    Args:
        success: `(agents, tasks)`, the mean over the attempts of each.
        scores: likewise.
        weights: from `resample`, `(resamples, tasks)`.
    """
    value = kendall_tau(success.mean(axis=1)[None], scores.mean(axis=1)[None])[0]
    n = weights.sum(axis=1, keepdims=True)
    draws = kendall_tau(weights @ success.T / n, weights @ scores.T / n)
    return Measured(float(value), draws, success.shape[0], success.shape[1])
