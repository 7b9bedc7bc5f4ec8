"""When two tasks are the same task, whatever they are called: what must not be on both sides of a division.

definition  Two tasks are the same if they have the same id; or the same sites, start page, template and parameters; or
            the same sites, start page and objective. Objectives are compared without regard to case and blanks. Tasks
            without a start page (text worlds whose objective does not tell their state) are compared by id, and by
            template and parameters where they tell them.
"""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterable, Mapping, Sequence

from tracewarp.trajectory import Task

PARAMETERS = "instantiation_dict"
"""Key of `Task.extra`: the values that fill the template (WebArena's name for them)."""


def identities(task: Task) -> tuple[Hashable, ...]:
    """Everything that names a task: two tasks that share one of these are the same."""
    found: list[Hashable] = [("id", task.id)]
    place = (tuple(sorted(task.sites)), (task.start_url or "").rstrip("/"))
    parameters = task.extra.get(PARAMETERS)
    if (task.template or task.template_id) and isinstance(parameters, Mapping):
        values = json.dumps(parameters, sort_keys=True, default=str)
        found.append(("instance", place, task.template_id, task.template, values))
    objective = " ".join(task.objective.casefold().split())
    if task.start_url and objective:
        found.append(("objective", place, objective))
    return tuple(found)


def shared(tasks: Iterable[Task], others: Iterable[Task]) -> tuple[Task, ...]:
    """Return the tasks that are also among `others`, in order."""
    theirs = {name for other in others for name in identities(other)}
    return tuple(task for task in tasks if not theirs.isdisjoint(identities(task)))


def merged(names: Sequence[Sequence[Hashable]]) -> list[int]:
    """Put things into groups: those that share a name, directly or through others, have the same group.

    Args:
        names: the names of each thing.

    Returns:
        For each thing the index of the first thing of its group.
    """
    parents = list(range(len(names)))

    def root(index: int) -> int:
        while parents[index] != index:
            parents[index] = parents[parents[index]]
            index = parents[index]
        return index

    first: dict[Hashable, int] = {}
    for index, own in enumerate(names):
        for name in own:
            a, b = root(first.setdefault(name, index)), root(index)
            parents[max(a, b)] = min(a, b)
    return [root(index) for index in range(len(names))]
