"""Which episodes a run consists of, in order."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from pydantic_core import PydanticSerializationError

from tracewarp.collect.options import CollectOptions
from tracewarp.collect.record import plain
from tracewarp.envs.base import TaskRef, TaskSource
from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.trajectory import Task

SHOWN_TASKS = 5


@dataclass(frozen=True, slots=True)
class Job:
    """One episode to collect."""

    ref: TaskRef
    task: Task
    repeat: int

    @property
    def key(self) -> tuple[str, int]:
        """(task id, repeat), as in the record."""
        return (self.task.id, self.repeat)


@dataclass(frozen=True)
class Plan:
    """The episodes of a run: tasks in the order of the source, repeats within a task."""

    jobs: tuple[Job, ...]
    selection: dict[str, Any]
    """How they were chosen, for run.json."""


def plan(source: TaskSource, options: CollectOptions) -> Plan:
    """Choose the tasks.

    Raises:
        OptionError: an unknown split or task, or two tasks with one id.
        EmptyInputError: no task is left.
    """
    refs = source.split("all" if options.split is None else options.split)
    if options.tasks:
        refs = _named(source, refs, options.tasks)
    refs = refs[: options.limit]
    if not refs:
        raise EmptyInputError(f"tasks: the split {options.split or 'all'} of {options.environment} has none")
    tasks = [_written(source.task(ref)) for ref in refs]
    first: dict[str, TaskRef] = {}
    for ref, task in zip(refs, tasks, strict=True):
        if first.setdefault(task.id, ref) != ref:
            raise OptionError(f"tasks: {first[task.id]} and {ref} have the same id {task.id}; a run holds each id once")
    return Plan(
        jobs=tuple(
            Job(ref, task, repeat) for ref, task in zip(refs, tasks, strict=True) for repeat in range(options.repeats)
        ),
        selection={
            "split": options.split,
            "tasks": list(options.tasks) or None,
            "limit": options.limit,
            "repeats": options.repeats,
            "n_tasks": len(refs),
            "refs_sha256": hashlib.sha256("\n".join(map(str, refs)).encode("utf-8", "surrogatepass")).hexdigest(),
        },
    )


def _written(task: Task) -> Task:
    """The task as a record can hold it: without lone surrogates."""
    try:
        task.model_dump_json()
    except PydanticSerializationError:
        return Task.model_validate(plain(task.model_dump()))
    return task


def _named(source: TaskSource, refs: Sequence[TaskRef], names: Sequence[str]) -> tuple[TaskRef, ...]:
    """The tasks of these names, in the order of the names, each once."""
    by_ref = {str(ref): ref for ref in refs}
    by_id = {source.task(ref).id: ref for ref in refs}
    found: dict[TaskRef, None] = {}
    for name in names:
        ref = by_ref.get(name) or by_id.get(name)
        if ref is None and "/" in name:
            ref = TaskRef.parse(name)
            source.task(ref)  # a generated task stands in no split; one that is not there at all raises
        if ref is None:
            raise OptionError(
                f"tasks: {name!r} is no task of the split; expected references like "
                f"{', '.join(list(by_ref)[:2])}, or ids like {', '.join(list(by_id)[:SHOWN_TASKS])}"
            )
        found[ref] = None
    return tuple(found)
