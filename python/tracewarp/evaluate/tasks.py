"""The tasks of an evaluation in their order, with site, capability and whether they are trivial."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.capability_groups import CapabilityGroups, groups_of, trivial_task_ids
from tracewarp.evaluate.capability_labels import CapabilityLabels
from tracewarp.evaluate.episodes import LoadedRun
from tracewarp.evaluate.options import ClusterKind
from tracewarp.metrics.statistics import ClusterIndex
from tracewarp.trajectory import TaskSet
from tracewarp.trajectory.model import Task

UNKNOWN_SITE = "unknown"


def site_of(task: Task) -> str:
    """The task's sites, sorted and joined by `+`; `unknown` without any."""
    return "+".join(sorted(task.sites)) or UNKNOWN_SITE


def template_of(task: Task) -> Hashable:
    """What makes two tasks share a template: its id, else its text; None without either."""
    if task.template_id is not None:
        return ("id", task.template_id)
    return None if task.template is None else ("text", task.template.strip())


@dataclass(frozen=True, eq=False)
class TaskTable:
    """What is known about every task that some run attempted or the task file lists."""

    tasks: Mapping[str, Task]
    """By id, in the order of the task file, then in order of appearance."""
    groups: CapabilityGroups | None
    """None: nothing tells which tasks test the same capability."""
    trivial: frozenset[str] | None
    """Ids of the tasks that the agent that does nothing solves; None: not known."""
    trivial_source: str

    @cached_property
    def position(self) -> dict[str, int]:
        """Place of each task in the order."""
        return {task: i for i, task in enumerate(self.tasks)}

    def in_order(self, ids: Iterable[str]) -> list[str]:
        """`ids` in the order of the table."""
        return sorted(ids, key=self.position.__getitem__)

    def capability(self, task: str) -> int | None:
        """Label of the task's group; None where the groups do not know the task."""
        return None if self.groups is None else self.groups.labels.get(task)

    def unit(self, task: str) -> int | str:
        """Its capability, or the task itself where it has none: a capability of its own."""
        label = self.capability(task)
        return task if label is None else label

    def has_templates(self, tasks: Iterable[str]) -> bool:
        """True where any of the tasks has a template."""
        return any(template_of(self.tasks[task]) is not None for task in tasks)

    def clusters(self, tasks: Sequence[str], kind: ClusterKind) -> ClusterIndex:
        """The cluster of each task; a task without a template or capability is a cluster of its own."""
        return ClusterIndex.of([self._cluster(task, kind) for task in tasks], kind)

    def _cluster(self, task: str, kind: ClusterKind) -> Hashable:
        if kind == "site":
            return site_of(self.tasks[task])
        found: Hashable = None
        if kind == "template":
            found = template_of(self.tasks[task])
        elif kind == "capability":
            found = self.capability(task)
        return ("task", task) if found is None else found

    def is_trivial(self, task: str) -> bool:
        """True where the task is known to be trivial."""
        return self.trivial is not None and task in self.trivial


def task_table(
    runs: Sequence[LoadedRun],
    tasks: TaskSet | None,
    embed: Callable[[Sequence[str]], NDArray[np.float16]],
    *,
    encoder: str,
    labels: CapabilityLabels | None = None,
    trivial_run: LoadedRun | None = None,
    threads: int | None = None,
) -> TaskTable:
    """Tasks in order, their capability groups, and which of them are trivial.

    Groups: the given labels; else those that tasks carry themselves; else the published map for WebArena's ids; else
    computed from the templates; none where no task has a template.
    Trivial: the tasks that the trivial run solved, else the published list for WebArena's ids, else not known.
    """
    met: dict[str, Task] = {} if tasks is None else {task.id: task for task in tasks}
    known = frozenset(met)
    for run in runs:
        for task in run.tasks.values():
            met.setdefault(task.id, task)
    webarena = tasks is not None and tasks.is_webarena
    grouped = [task for task in met.values() if tasks is None or task.id in known]
    groups = groups_of(
        grouped,
        embed,
        encoder=encoder,
        is_webarena=webarena,
        given=None if labels is None else labels.of(grouped),
        own_source="records" if tasks is None else "task file",
        threads=threads,
    )
    if trivial_run is not None:
        trivial = frozenset(episode.task for episode in trivial_run.episodes if episode.success)
        return TaskTable(met, groups, trivial, f"successes of {trivial_run.path}")
    if webarena:
        return TaskTable(met, groups, trivial_task_ids(), "published")
    return TaskTable(met, groups, None, "none")
