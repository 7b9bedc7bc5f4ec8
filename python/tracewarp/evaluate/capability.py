"""Capability score: the share of capabilities that a run shows at least once."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence

from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.results import CapabilityScore
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, bca_interval


def acquired_groups(by_task: Mapping[str, Sequence[Episode]], table: TaskTable) -> tuple[int, ...]:
    """Labels of the groups with a success on a task that is not trivial, ascending."""
    acquired = {
        table.capability(task)
        for task, episodes in by_task.items()
        if not table.is_trivial(task) and any(episode.success for episode in episodes)
    }
    return tuple(sorted(label for label in acquired if label is not None))


def capability_score(
    by_task: Mapping[str, Sequence[Episode]],
    table: TaskTable,
    *,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> CapabilityScore | None:
    """Share of capability groups with at least one success on a non-trivial task.

    A group counts when the run attempted one of its tasks; it is reachable when one of those is not trivial. The
    interval resamples whole groups (0 or 1 each). Source: section 3.2 of the paper; `reachable` and interval are ours.

    Returns:
        None where there are no groups, or none that the run attempted.
    """
    if table.groups is None:
        return None
    attempted = _labels(by_task, table)
    if not attempted:
        return None
    reachable = _labels([task for task in by_task if not table.is_trivial(task)], table)
    acquired = acquired_groups(by_task, table)
    flags = [float(label in acquired) for label in sorted(attempted)]
    interval = bca_interval(flags, seed=seed, resamples=resamples, confidence=confidence)
    return CapabilityScore(
        source=table.groups.source,
        score=len(acquired) / len(attempted),
        interval=(interval.low, interval.high),
        interval_method=interval.method,
        reachable_score=len(acquired) / len(reachable) if reachable else None,
        groups=len(attempted),
        groups_in_tasks=len(_labels(table.tasks, table)),
        reachable=len(reachable),
        acquired=len(acquired),
        trivial_source=table.trivial_source,
        acquired_groups=acquired,
    )


def _labels(tasks: Collection[str], table: TaskTable) -> set[int]:
    return {label for task in tasks if (label := table.capability(task)) is not None}
