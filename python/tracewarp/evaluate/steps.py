"""How long the episodes were, what went wrong in them, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from statistics import fmean, median

from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.options import ClusterKind
from tracewarp.evaluate.results import StepStatistics
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, clustered_mean, clustered_ratio


def step_statistics(
    by_task: Mapping[str, Sequence[Episode]],
    table: TaskTable,
    *,
    cluster: ClusterKind,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> StepStatistics | None:
    """Statistics of the executed steps; every task is one value, the mean over its counted episodes.

    Args:
        by_task: every episode of each attempted task.
        table: tells the clusters.
        cluster: what was sampled.
        seed: random seed.
        resamples: number of resamples of a bootstrap.
        confidence: coverage of the intervals.

    Returns:
        None where no episode is counted.
    """
    counted = {task: kept for task, episodes in by_task.items() if (kept := [e for e in episodes if e.counted])}
    if not counted:
        return None
    episodes = [episode for kept in counted.values() for episode in kept]
    clusters = table.clusters(list(counted), cluster)
    steps, wrong = per_task(counted)
    endings = Counter(episode.ending for found in by_task.values() for episode in found)
    return StepStatistics(
        total=sum(episode.steps for episode in episodes),
        mean=clustered_mean(steps, clusters=clusters, seed=seed, resamples=resamples, confidence=confidence),
        median=float(median(episode.steps for episode in episodes)),
        invalid=sum(episode.invalid for episode in episodes),
        unparsable=sum(episode.unparsable for episode in episodes),
        invalid_or_unparsable=sum(episode.invalid_or_unparsable for episode in episodes),
        invalid_rate=clustered_ratio(
            wrong, steps, proportion=True, clusters=clusters, seed=seed, resamples=resamples, confidence=confidence
        )
        if any(steps)
        else None,
        early_stops=sum(episode.ending.early for episode in episodes),
        endings={ending.value: endings[ending] for ending in sorted(endings, key=lambda e: e.value)},
    )


def per_task(counted: Mapping[str, Sequence[Episode]]) -> tuple[list[float], list[float]]:
    """Mean steps per episode, and mean invalid or unparsable ones, of each task."""
    steps = [fmean(episode.steps for episode in kept) for kept in counted.values()]
    wrong = [fmean(episode.invalid_or_unparsable for episode in kept) for kept in counted.values()]
    return steps, wrong
