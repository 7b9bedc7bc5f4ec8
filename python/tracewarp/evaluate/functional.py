"""Functional correctness: how often tasks are solved."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Mapping, Sequence

from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.options import ClusterKind
from tracewarp.evaluate.results import FunctionalCorrectness
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, clustered_mean, clustered_proportion

MOST_TRANSPORT_FAILURES = 0.05
"""With a larger share of transport failures no rate is given: who is left may be another kind of task."""


def functional_correctness(
    by_task: Mapping[str, Sequence[Episode]],
    table: TaskTable,
    *,
    cluster: ClusterKind,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> FunctionalCorrectness:
    """Success rate of tasks: every task is one value, the mean over its counted episodes.

    Transport failures are not counted. Definition: docs/definitions/evaluation.md; source: Zhou et al. 2023 (WebArena),
    section 3.2.

    Args:
        by_task: every episode of each attempted task, at least one per task.
        table: tells the clusters.
        cluster: what was sampled.
        seed: random seed.
        resamples: number of resamples of a bootstrap.
        confidence: coverage of the intervals.
    """
    everything = [episode for episodes in by_task.values() for episode in episodes]
    counted = {task: kept for task, episodes in by_task.items() if (kept := [e for e in episodes if e.counted])}
    episodes = [episode for kept in counted.values() for episode in kept]
    failures = len(everything) - len(episodes)
    failure_rate = _mean_over_tasks(by_task, lambda e: not e.counted)
    clusters = table.clusters(list(counted), cluster) if counted else None

    def rate(of: Callable[[Episode], float]) -> list[float]:
        return [_mean(of(episode) for episode in kept) for kept in counted.values()]

    solved = rate(lambda e: e.success)
    unknown = sum(episode.score is None for episode in episodes)
    bounds = None
    if unknown or failures:
        bounds = (
            _mean_over_tasks(by_task, lambda e: e.counted and e.success),
            _mean_over_tasks(by_task, lambda e: e.success or e.score is None or not e.counted),
        )
    templates = table.clusters(list(counted), "template") if counted and table.has_templates(counted) else None
    return FunctionalCorrectness(
        rate=clustered_proportion(solved, episodes=len(episodes), clusters=clusters, confidence=confidence)
        if counted
        else None,
        withheld=None if counted else "every episode is a transport failure",
        by_template=None if templates is None else clustered_proportion(solved, clusters=templates).mean_of_clusters,
        bounds=bounds,
        mean_score=clustered_mean(
            rate(lambda e: e.score or 0.0),
            bounded=True,
            clusters=clusters,
            seed=seed,
            resamples=resamples,
            confidence=confidence,
        )
        if counted
        else None,
        n_tasks=len(counted),
        n=len(episodes),
        successes=sum(episode.success for episode in episodes),
        partial=sum(episode.score is not None and 0.0 < episode.score < 1.0 for episode in episodes),
        unknown=unknown,
        transport_failures=failures,
        transport_failure_rate=failure_rate,
        agent_failures=sum(episode.agent_failure for episode in episodes),
        agent_failure_rate=clustered_proportion(
            rate(lambda e: e.agent_failure), episodes=len(episodes), clusters=clusters, confidence=confidence
        )
        if counted
        else None,
    )


def as_headline(found: FunctionalCorrectness) -> FunctionalCorrectness:
    """The same without its rates where more than 5 % of the episodes are transport failures."""
    episodes = found.n + found.transport_failures
    if found.withheld or found.transport_failures <= MOST_TRANSPORT_FAILURES * episodes:
        return found
    withheld = (
        f"{found.transport_failures:,} of {episodes:,} episodes are transport failures, more than "
        f"{100 * MOST_TRANSPORT_FAILURES:g} %: collect them again"
    )
    return found.model_copy(update={"rate": None, "mean_score": None, "by_template": None, "withheld": withheld})


def _mean_over_tasks(by_task: Mapping[str, Sequence[Episode]], of: Callable[[Episode], float]) -> float:
    return _mean(_mean(of(episode) for episode in episodes) for episodes in by_task.values())


def _mean(values: Iterable[float]) -> float:
    found = [float(value) for value in values]
    return math.fsum(found) / len(found)
