"""Holdouts without leaks: one part of the tasks is collected on, the other is scored.

The paper trains on trajectories of the very tasks that it scores. Here what is held out shares no task, no template,
no capability, or no site with what is trained on; every table names which. Tasks are the same by what they ask, not by
their ids (`tracewarp.synthesize.sameness`).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Final

from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.synthesize.dice import rank
from tracewarp.synthesize.sameness import identities, merged
from tracewarp.trajectory import Task

HOLDOUTS: Final = {
    "task": "other tasks of the same templates and sites",
    "template": "tasks of templates that were never trained on",
    "capability": "tasks of capabilities that were never trained on",
    "site": "tasks of sites that were never trained on",
}


@dataclass(frozen=True, slots=True)
class Holdout:
    """Two disjoint parts of a set of tasks."""

    by: str
    train: tuple[str, ...]
    """Task ids."""
    held_out: tuple[str, ...]
    on_both_sides: tuple[str, ...]
    """Ids of tasks on several sites of which only some were held out: neither trained on nor scored."""
    held_out_groups: tuple[str, ...]
    """The templates, capabilities or sites that were held out; for `task` the task ids."""
    seed: int


def hold_out(
    tasks: Sequence[Task],
    *,
    by: str,
    share: float = 0.3,
    seed: int = 0,
    capabilities: Mapping[str, str] | None = None,
) -> Holdout:
    """Divide tasks.

    Args:
        tasks: all of them.
        by: `task`, `template`, `capability` or `site`. A task without a template is a template of its own.
        share: in (0, 1), of groups that are held out; at least one group on each side.
        seed: of the draw.
        capabilities: task id -> capability, needed for `capability`.

    Raises:
        OptionError: another word for `by`, a share outside (0, 1), or capabilities that are missing.
        EmptyInputError: fewer than two groups.
    """
    if by not in HOLDOUTS:
        raise OptionError(f"holdout: expected one of {', '.join(HOLDOUTS)}, got {by!r}")
    if not 0 < share < 1:
        raise OptionError(f"share: expected a number in (0, 1), got {share}")
    groups = _groups(tasks, by, capabilities)
    ranked = sorted(set().union(*groups.values()), key=lambda group: rank(seed, group))
    if len(ranked) < 2:
        raise EmptyInputError(f"holdout by {by}: expected tasks of at least 2 groups, got {len(ranked)}")
    held = set(ranked[: min(len(ranked) - 1, max(1, round(share * len(ranked))))])
    train = tuple(task.id for task in tasks if held.isdisjoint(groups[task.id]))
    held_out = tuple(task.id for task in tasks if groups[task.id] <= held)
    if not train or not held_out:
        raise EmptyInputError(f"holdout by {by}: every task is of several groups, so that none is left on one side")
    return Holdout(
        by=by,
        train=train,
        held_out=held_out,
        on_both_sides=tuple(task.id for task in tasks if task.id not in {*train, *held_out}),
        held_out_groups=tuple(
            sorted(task.id for task in tasks if task.id in held_out) if by == "task" else sorted(held)
        ),
        seed=seed,
    )


def _groups(tasks: Sequence[Task], by: str, capabilities: Mapping[str, str] | None) -> dict[str, frozenset[str]]:
    """The groups of each task: one, or every site that it is on."""
    if by == "site":
        return {task.id: frozenset(task.sites or ("",)) for task in tasks}
    same = merged([identities(task) for task in tasks])
    if by == "task":
        return {task.id: frozenset((tasks[first].id,)) for task, first in zip(tasks, same, strict=True)}
    if by == "template":
        groups = {task.id: _template(task, tasks[first]) for task, first in zip(tasks, same, strict=True)}
    else:
        for task in tasks:
            if capabilities is None or task.id not in capabilities:
                raise OptionError(f"holdout by capability: task {task.id} has no capability")
        assert capabilities is not None
        groups = dict(capabilities)
    found: dict[int, set[str]] = {}
    for task, first in zip(tasks, same, strict=True):
        found.setdefault(first, set()).add(groups[task.id])
    return {task.id: frozenset(found[first]) for task, first in zip(tasks, same, strict=True)}


def _template(task: Task, first: Task) -> str:
    """What a task's template is known by: its id, else its text; a task without one is known by its first id."""
    text = (task.template or "").strip()
    if task.template_id is not None:
        return f"template {task.template_id}"
    return f"template {text!r}" if text else f"task {first.id}"
