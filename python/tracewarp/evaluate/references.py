"""Which trajectories a task is compared with."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Protocol

from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.tasks import TaskTable


@dataclass(frozen=True, eq=False)
class Reference:
    """One trajectory that others are compared with."""

    run: LoadedRun
    episode: Episode

    @property
    def label(self) -> str:
        """`task#repeat`."""
        return f"{self.episode.task}#{self.episode.repeat}"

    def is_episode(self, run: LoadedRun, episode: Episode) -> bool:
        """True where the test is this very trajectory."""
        return run is self.run and episode.key == self.episode.key


def reference_pool(runs: Sequence[LoadedRun], table: TaskTable, *, all_references: bool = False) -> list[Reference]:
    """The trajectories of `runs` that may serve: those with steps that succeeded (or all with steps).

    Order, which decides ties: by run, then by task, then by repeat.
    """
    pool = []
    for run in runs:
        by_task = run.by_task()
        for task in table.in_order(by_task):
            for episode in by_task[task]:
                if episode.steps and (all_references or episode.success):
                    pool.append(Reference(run, episode))
    return pool


class ReferenceChooser(Protocol):
    """Says which references a task has."""

    @property
    def pool(self) -> Sequence[Reference]:
        """Everything that may be a reference."""
        ...

    def of(self, task: str) -> list[int]:
        """Indices into `pool`, ascending."""
        ...


@dataclass(frozen=True, eq=False)
class SameTask:
    """The references of a task are the pool's trajectories of that task."""

    pool: Sequence[Reference]

    @cached_property
    def _by_task(self) -> dict[str, list[int]]:
        found: dict[str, list[int]] = {}
        for i, reference in enumerate(self.pool):
            found.setdefault(reference.episode.task, []).append(i)
        return found

    def of(self, task: str) -> list[int]:
        """Indices into the pool, ascending."""
        return self._by_task.get(task, [])


@dataclass(frozen=True, eq=False)
class SameCapability:
    """The references of a task are the pool's trajectories of the other tasks of its capability."""

    pool: Sequence[Reference]
    table: TaskTable

    @cached_property
    def _by_group(self) -> dict[int, list[int]]:
        found: dict[int, list[int]] = {}
        for i, reference in enumerate(self.pool):
            label = self.table.capability(reference.episode.task)
            if label is not None:
                found.setdefault(label, []).append(i)
        return found

    def of(self, task: str) -> list[int]:
        """Indices into the pool, ascending; none where the task has no capability."""
        label = self.table.capability(task)
        if label is None:
            return []
        return [i for i in self._by_group.get(label, []) if self.pool[i].episode.task != task]
