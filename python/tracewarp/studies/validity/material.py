"""What the scores are compared on: solutions, damaged copies of them, other orders of them, and agents' attempts."""

from __future__ import annotations

import hashlib
import random
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import EmptyInputError
from tracewarp.studies.validity.damages import Copy, copies, wrong_twin
from tracewarp.trajectory import Step, Task, Trajectory, action_verb

Kind = Literal["solution", "copy", "reordered", "attempt"]
References = Literal["same", "other"]
REFERENCES: tuple[References, ...] = ("same", "other")
"""References of the same task, or of the other tasks of its capability."""
TRIVIAL_ACTION = "stop [N/A]"


@dataclass(frozen=True)
class Item:
    """One trajectory that is scored."""

    kind: Kind
    task: int
    rows: tuple[int, ...]
    """Places of its steps in the table of steps."""
    copy: Copy | None = None
    """How a copy was damaged."""
    agent: int = -1
    success: bool = True
    ending: str = ""
    origin: int = -1
    """Which reference it is itself, if it is one; an attempt is never compared with itself."""


@dataclass(frozen=True)
class Reference:
    """A known solution, or a successful attempt."""

    task: int
    rows: tuple[int, ...]
    trivial_row: int
    """Place of the trivial agent's step on its first page."""
    label: str


@dataclass(frozen=True, eq=False)
class Material:
    """Everything that one set of tasks gives."""

    name: str
    """Of the split, or of the recordings."""
    tasks: tuple[Task, ...]
    capability: tuple[str, ...]
    """Of each task."""
    agents: tuple[str, ...]
    steps: tuple[tuple[Task, Step], ...]
    """The table of steps: what is embedded."""
    references: tuple[Reference, ...]
    items: tuple[Item, ...]
    max_references: int
    seed: int

    @cached_property
    def digest(self) -> str:
        """Identifies the content, so that a finished cell is used again only for the same material."""
        told = hashlib.sha256(repr((self.name, self.max_references, self.seed)).encode())
        for task in self.tasks:
            told.update(task.id.encode("utf-8", "replace"))
        for task, step in self.steps:
            told.update(f"{task.id}\0{step.action}\0{step.valid}\0{step.observation.text}".encode("utf-8", "replace"))
        for item in self.items:
            told.update(repr((item.kind, item.task, item.rows, item.success)).encode())
        return told.hexdigest()[:16]

    @cached_property
    def accepted(self) -> NDArray[np.bool_]:
        """Of each step in the table: its action could be read and was not refused."""
        return np.array([step.accepted for _, step in self.steps], dtype=np.bool_)

    @cached_property
    def of_capability(self) -> NDArray[np.int64]:
        """Number of the capability of each task."""
        return numbered(self.capability)

    @cached_property
    def task_of_item(self) -> NDArray[np.int64]:
        """Task of each item."""
        return np.array([item.task for item in self.items], dtype=np.int64)

    def where(self, kind: Kind) -> NDArray[np.int64]:
        """Places of the items of a kind."""
        return np.array([i for i, item in enumerate(self.items) if item.kind == kind], dtype=np.int64)

    def pairs(self, references: References) -> NDArray[np.int64]:
        """(reference, item) of every comparison, by item, `(p, 2)`."""
        return self._same if references == "same" else self._other

    @cached_property
    def _same(self) -> NDArray[np.int64]:
        by_task: dict[int, list[int]] = {}
        for r, reference in enumerate(self.references):
            by_task.setdefault(reference.task, []).append(r)
        return self._paired(by_task)

    @cached_property
    def _other(self) -> NDArray[np.int64]:
        by_capability: dict[str, list[int]] = {}
        for r, reference in enumerate(self.references):
            by_capability.setdefault(self.capability[reference.task], []).append(r)
        return self._paired(
            {
                task: [r for r in by_capability.get(label, ()) if self.references[r].task != task]
                for task, label in enumerate(self.capability)
            }
        )

    def _paired(self, of_task: Mapping[int, Sequence[int]]) -> NDArray[np.int64]:
        chosen: dict[tuple[int, int], list[int]] = {}
        pairs: list[tuple[int, int]] = []
        for i, item in enumerate(self.items):
            own = item.origin if item.kind == "attempt" else -1
            if (item.task, own) not in chosen:
                chosen[item.task, own] = self._chosen(item.task, [r for r in of_task.get(item.task, ()) if r != own])
            pairs.extend((r, i) for r in chosen[item.task, own])
        return np.array(pairs, dtype=np.int64).reshape(-1, 2)

    def _chosen(self, task: int, candidates: Sequence[int]) -> list[int]:
        """At most `max_references` of the candidates, by a hash of the seed, the task and the reference."""

        def key(r: int) -> bytes:
            return hashlib.sha256(f"{self.seed}\0{self.tasks[task].id}\0{self.references[r].label}".encode()).digest()

        most = self.max_references or len(candidates)
        return sorted(sorted(candidates, key=key)[:most])


def numbered(labels: Sequence[str]) -> NDArray[np.int64]:
    """Labels as numbers, equal where they are equal, in order of first appearance."""
    numbers: dict[str, int] = {}
    return np.array([numbers.setdefault(label, len(numbers)) for label in labels], dtype=np.int64)


@dataclass(frozen=True)
class Source:
    """Trajectories with the name of the agent that made them."""

    agent: str
    trajectories: Iterable[Trajectory]


def gather(
    name: str,
    *,
    tasks: Sequence[Task],
    capability: Sequence[str],
    solutions: Mapping[str, Trajectory] | None,
    attempts: Iterable[Source],
    reordered: Mapping[str, Trajectory] | None = None,
    max_references: int = 3,
    seed: int = 0,
) -> Material:
    """Put the material of one set of tasks together.

    Args:
        name: of the split, or of the recordings.
        tasks: those that count; attempts at others are left out.
        capability: of each task.
        solutions: a known solution of each task, by task id; None: the successes among the attempts are the references.
        attempts: what agents did.
        reordered: the same subtasks in another valid order, by task id.
        max_references: of each task; 0: all.
        seed: of every draw.

    Raises:
        EmptyInputError: no attempt is left.
    """
    building = _Building(tasks, seed)
    for task, found in (solutions or {}).items():
        if task in building.place:
            building.solution(found)
    for source in attempts:
        building.agents.append(source.agent)
        for trajectory in source.trajectories:
            building.attempt(trajectory, serves=solutions is None)
    if not any(item.kind == "attempt" for item in building.items):
        raise EmptyInputError(f"{name}: expected attempts at its {len(tasks)} tasks, got none")
    building.damage(capability)
    for task, found in (reordered or {}).items():
        if task in building.place:
            building.add("reordered", found)
    return Material(
        name=name,
        tasks=tuple(tasks),
        capability=tuple(capability),
        agents=tuple(building.agents),
        steps=tuple(building.steps),
        references=tuple(building.references),
        items=tuple(building.items),
        max_references=max_references,
        seed=seed,
    )


class _Building:
    """The state of `gather`."""

    def __init__(self, tasks: Sequence[Task], seed: int) -> None:
        self.tasks = tasks
        self.place = {task.id: i for i, task in enumerate(tasks)}
        self.seed = seed
        self.agents: list[str] = []
        self.steps: list[tuple[Task, Step]] = []
        self.references: list[Reference] = []
        self.of_reference: list[tuple[Step, ...]] = []
        self.items: list[Item] = []

    def rows(self, task: Task, steps: Iterable[Step]) -> tuple[int, ...]:
        start = len(self.steps)
        self.steps.extend((task, step) for step in steps)
        return tuple(range(start, len(self.steps)))

    def refer(self, trajectory: Trajectory, rows: tuple[int, ...], agent: str) -> int:
        first = trajectory.executed_steps[0]
        trivial = first.model_copy(update={"action": TRIVIAL_ACTION, "response": TRIVIAL_ACTION, "reasoning": None})
        (row,) = self.rows(trajectory.task, [trivial])
        label = f"{agent}\0{trajectory.task.id}\0{trajectory.repeat}"
        self.references.append(Reference(self.place[trajectory.task.id], rows, row, label))
        self.of_reference.append(trajectory.executed_steps)
        return len(self.references) - 1

    def solution(self, trajectory: Trajectory) -> None:
        rows = self.rows(trajectory.task, trajectory.executed_steps)
        self.refer(trajectory, rows, "oracle")

    def attempt(self, trajectory: Trajectory, *, serves: bool) -> None:
        task = self.place.get(trajectory.task.id)
        success = trajectory.outcome.success
        if task is None or success is None or trajectory.outcome.ending.transport_failure:
            return
        rows = self.rows(trajectory.task, trajectory.executed_steps)
        origin = self.refer(trajectory, rows, self.agents[-1]) if serves and success and rows else -1
        agent, ending = len(self.agents) - 1, trajectory.outcome.ending.value
        self.items.append(Item("attempt", task, rows, agent=agent, success=success, ending=ending, origin=origin))

    def add(self, kind: Kind, trajectory: Trajectory) -> None:
        rows = self.rows(trajectory.task, trajectory.executed_steps)
        self.items.append(Item(kind, self.place[trajectory.task.id], rows))

    def damage(self, capability: Sequence[str]) -> None:
        """Damaged copies of one reference of each task."""
        first: dict[int, int] = {}
        for r, reference in enumerate(self.references):
            first.setdefault(reference.task, r)
        for task, r in first.items():
            own, steps = self.references[r], self.of_reference[r]
            rng = random.Random(f"{self.seed}\0{self.tasks[task].id}")  # noqa: S311 (a benchmark, no secret)
            strangers = [s for other, s in first.items() if capability[other] != capability[task]]
            siblings = [s for other, s in first.items() if other != task and capability[other] == capability[task]]
            drawn = [found[rng.randrange(len(found))] if found else None for found in (strangers, siblings)]
            twins: dict[int, int] = {}
            for place, step in enumerate(steps):
                if (twin := wrong_twin(step, rng)) is not None:
                    (twins[place],) = self.rows(self.steps[own.rows[place]][0], [twin])
            tables: dict[str, Mapping[int, int] | tuple[int, ...]] = {"own": own.rows, "wrong": twins}
            for source, chosen in zip(("other", "same"), drawn, strict=True):
                tables[source] = () if chosen is None else self.references[chosen].rows
            self.items.append(Item("solution", task, own.rows, origin=r))
            made = copies(
                len(steps),
                wrong=tuple(twins),
                other=len(tables["other"]) or None,
                same=len(tables["same"]) or None,
                ends_by_message=action_verb(steps[-1].action or "") in ("stop", "send_msg_to_user"),
                rng=rng,
            )
            for copy in made:
                rows = tuple(tables[source][place] for source, place in copy.steps)
                self.items.append(Item("copy", task, rows, copy=copy, origin=r))
