"""Capability score: the share of capabilities that a run shows at least once."""

from __future__ import annotations

import math
from collections.abc import Collection, Mapping, Sequence
from dataclasses import replace

from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.repeats import pass_at_k
from tracewarp.evaluate.results import CapabilityScore
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import (
    DEFAULT_CONFIDENCE,
    ClusterIndex,
    Estimate,
    Interval,
    clustered_proportion,
)
from tracewarp.metrics.statistics.intervals import score_interval

Tasks = Mapping[str, Sequence[Episode]]


def acquired_groups(by_task: Tasks, table: TaskTable) -> tuple[int, ...]:
    """Labels of the groups with a success on a task that is not trivial, ascending."""
    acquired = {
        table.capability(task)
        for task, episodes in by_task.items()
        if not table.is_trivial(task) and any(episode.success for episode in episodes)
    }
    return tuple(sorted(label for label in acquired if label is not None))


def chances(by_task: Tasks, table: TaskTable, k: int) -> dict[int, float]:
    """Of each attempted group, the chance of a success on a non-trivial task when k episodes of each task are drawn.

    Draws are without replacement and independent between tasks: 1 - product over tasks of C(n - c, k) / C(n, k), with
    n episodes of which c succeeded. Labels ascending.

    Args:
        by_task: episodes of each task, at least k.
        table: tells the group of a task, and which tasks are trivial.
        k: number of episodes, k >= 1.
    """
    missed: dict[int, float] = {}
    for task, episodes in by_task.items():
        label = table.capability(task)
        if label is None:
            continue
        solved = 0.0
        if not table.is_trivial(task):
            solved = pass_at_k(len(episodes), sum(episode.success for episode in episodes), k)
        missed[label] = missed.get(label, 1.0) * (1.0 - solved)
    return {label: 1.0 - missed[label] for label in sorted(missed)}


def capability_at_k(by_task: Tasks, table: TaskTable, k: int) -> float:
    """capability@k: the mean over attempted groups of `chances`."""
    return _mean(chances(by_task, table, k).values())


def capability_score(
    by_task: Tasks, table: TaskTable, *, confidence: float = DEFAULT_CONFIDENCE
) -> CapabilityScore | None:
    """Share of capability groups with at least one success on a non-trivial task.

    A group counts when the run attempted one of its tasks; it is reachable when one of those is not trivial. Intervals:
    Wilson with n = groups. Source: section 3.2 of the paper; `reachable`, `@1` and the intervals are ours.

    Args:
        by_task: counted episodes of each task, at least one per task.
        table: groups and trivial tasks.
        confidence: coverage of the intervals.

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
    once = chances(by_task, table, 1)
    flags = [float(label in acquired) for label in sorted(attempted)]
    return CapabilityScore(
        source=table.groups.source,
        at_1=_over_groups(list(once.values()), confidence),
        at_all=_over_groups(flags, confidence),
        most_episodes=max(len(episodes) for episodes in by_task.values()),
        reachable_at_1=_mean([once[label] for label in reachable]) if reachable else None,
        reachable_at_all=len(acquired) / len(reachable) if reachable else None,
        groups=len(attempted),
        groups_in_tasks=len(_labels(table.tasks, table)),
        reachable=len(reachable),
        acquired=len(acquired),
        trivial_source=table.trivial_source,
        acquired_groups=acquired,
    )


def _over_groups(values: Sequence[float], confidence: float) -> Estimate:
    """A mean over groups with Wilson's interval: groups were sampled, and each is one trial."""
    found = clustered_proportion(values, clusters=ClusterIndex.single(len(values), "capability"), confidence=confidence)
    interval: Interval | None = None
    if found.interval is not None:
        interval = score_interval(found.value, len(values), confidence)
    return replace(found, interval=interval)


def _labels(tasks: Collection[str], table: TaskTable) -> set[int]:
    return {label for task in tasks if (label := table.capability(task)) is not None}


def _mean(values: Collection[float]) -> float:
    return math.fsum(values) / len(values)
