"""Which trajectories a task is compared with."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
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


class Candidates(Protocol):
    """Says which trajectories may be the references of a task."""

    @property
    def pool(self) -> Sequence[Reference]:
        """Everything that may be a reference."""
        ...

    def of(self, task: str) -> list[int]:
        """Indices into `pool`, ascending."""
        ...


@dataclass(frozen=True, eq=False)
class SameTask:
    """The candidates of a task are the pool's trajectories of that task."""

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
    """The candidates of a task are the pool's trajectories of the other tasks of its capability."""

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


@dataclass(frozen=True, eq=False)
class References:
    """The references that each task meets: all candidates, or as many as are allowed, drawn by hash.

    The draw depends on seed, task and candidate alone, so that every compared run meets the same references.
    """

    candidates: Candidates
    max_references: int
    """0: all."""
    seed: int
    _ranked: dict[str, list[int]] = field(default_factory=dict, repr=False)

    @property
    def pool(self) -> Sequence[Reference]:
        """Everything that may be a reference."""
        return self.candidates.pool

    def of(self, task: str) -> list[int]:
        """The references of a task: indices into `pool`, ascending."""
        return sorted(self._first(self._in_order(task)))

    def of_episode(self, run: LoadedRun, episode: Episode) -> list[int]:
        """Those of the episode's task; where the episode is one of them, the next candidate takes its place."""
        return sorted(
            self._first([i for i in self._in_order(episode.task) if not self.pool[i].is_episode(run, episode)])
        )

    def _first(self, ranked: list[int]) -> list[int]:
        return ranked[: self.max_references] if self.max_references else ranked

    def _in_order(self, task: str) -> list[int]:
        if task not in self._ranked:
            found = self.candidates.of(task)
            if self.max_references:
                found = sorted(found, key=lambda i: reference_hash(self.seed, task, self.pool[i]))
            self._ranked[task] = found
        return self._ranked[task]


def reference_hash(seed: int, task: str, reference: Reference) -> bytes:
    """SHA-256 of the JSON list [seed, scored task, name of the reference's run, its task, its repeat]."""
    parts = [seed, task, reference.run.name, reference.episode.task, reference.episode.repeat]
    return hashlib.sha256(json.dumps(parts).encode("ascii")).digest()
