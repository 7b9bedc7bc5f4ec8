"""Tasks into capabilities: the published map of WebArena, or groups computed from the texts of the templates.

Definition, conventions and where they come from: docs/definitions/capabilities.md.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable, Collection, Hashable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import resources
from math import comb
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import EmptyInputError, OptionError, ShapeError
from tracewarp.metrics import ClusterOptions, Clusters, cluster, cosine_similarity
from tracewarp.metrics.capabilities import Method
from tracewarp.trajectory.model import Task

Key = Literal["text", "id"]
Scope = Literal["global", "site"]

KEYS = ("text", "id")
SCOPES = ("global", "site")


@dataclass(frozen=True)
class Join:
    """One template that joined a group, and the member that it was nearest to."""

    text: str
    to: str
    """The nearest of the templates that were in the group before."""
    similarity: float
    """Their cosine, in float64."""


@dataclass(frozen=True)
class CapabilityGroups:
    """Which capability each task tests."""

    source: Literal["published", "computed"]
    labels: Mapping[str, int]
    """Task id -> label, from 0 in order of first appearance."""
    names: tuple[tuple[str, ...], ...]
    """The distinct template texts of each group, by label; of a task without a template its objective."""
    joins: tuple[tuple[Join, ...], ...]
    """Who joined each group after its first template, in order; empty for the published map."""
    without_template: tuple[str, ...]
    """Ids of the tasks that have no template: each is a capability of its own."""
    encoder: str | None = None
    """Name of the encoder behind the cosines; None for the published map."""
    options: ClusterOptions | None = None
    """Threshold, method and strictness; None for the published map."""
    key: Key | None = None
    """What makes two tasks share a template: its text, or its id."""
    scope: Scope | None = None
    """Which templates may join: all, or those of equal sets of sites."""

    @property
    def n_groups(self) -> int:
        """Number of capabilities."""
        return len(self.names)

    @property
    def threshold(self) -> float | None:
        """The cosine that templates must exceed; None for the published map."""
        return None if self.options is None else self.options.threshold

    def tasks(self) -> tuple[tuple[str, ...], ...]:
        """Ids of the tasks of each group, by label."""
        members: list[list[str]] = [[] for _ in self.names]
        for task, label in self.labels.items():
            members[label].append(task)
        return tuple(tuple(group) for group in members)

    def reachable(self, trivial: Collection[str]) -> int:
        """Number of groups with at least one task that is not in `trivial`."""
        return len({label for task, label in self.labels.items() if task not in trivial})

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "source": self.source,
            "encoder": self.encoder,
            "threshold": self.threshold,
            "method": None if self.options is None else self.options.method,
            "strict": None if self.options is None else self.options.strict,
            "key": self.key,
            "scope": self.scope,
            "n_groups": self.n_groups,
            "without_template": list(self.without_template),
            "groups": [
                {
                    "label": label,
                    "tasks": list(tasks),
                    "templates": list(self.names[label]),
                    "joins": [{"text": j.text, "to": j.to, "similarity": j.similarity} for j in self.joins[label]],
                }
                for label, tasks in enumerate(self.tasks())
            ],
        }


def published_labels() -> dict[str, int]:
    """The capability label of each of WebArena's 812 tasks as the paper's authors released it (144 labels).

    Source: repository AjayP13/webdreamer, MIT licence, copyright (c) 2024 Ajay Patel (see the licence beside the file).
    """
    labels = _shipped("published-capability-labels.json")
    assert isinstance(labels, dict)
    return {task: int(label) for task, label in labels.items()}


def published_groups(tasks: Iterable[Task] = ()) -> CapabilityGroups:
    """WebArena's 136 capabilities: the connected components of template ids joined with their released labels.

    A released label is the id of another template, but the released grouping does not close transitively; the closure
    gives the paper's count. Labels are numbered by first appearance in the order of task ids.

    Args:
        tasks: Where the groups take their names from; without them a group has none.
    """
    labels = published_labels()
    templates = _shipped("webarena-template-ids.json")
    parent: dict[int, int] = {}

    def root(template: int) -> int:
        while (above := parent.setdefault(template, template)) != template:
            template = above
        return template

    for task, label in labels.items():
        parent[root(int(templates[task]))] = root(label)
    numbers: dict[int, int] = {}
    in_order = sorted(labels, key=int)
    groups = {task: numbers.setdefault(root(labels[task]), len(numbers)) for task in in_order}
    names: list[dict[str, None]] = [{} for _ in numbers]
    for named in tasks:
        if named.template is not None and named.id in groups:
            names[groups[named.id]][named.template.strip()] = None
    return CapabilityGroups(
        source="published",
        labels=groups,
        names=tuple(tuple(group) for group in names),
        joins=tuple(() for _ in names),
        without_template=(),
    )


def trivial_task_ids() -> frozenset[str]:
    """The 38 tasks of WebArena's 812 that an agent solves that does nothing but answer `N/A` on the first page."""
    return frozenset(str(task) for task in _shipped("webarena-trivial-tasks.json"))


@cache
def _shipped(name: str) -> Any:
    return json.loads(resources.files("tracewarp.data").joinpath(name).read_text("utf-8"))


@dataclass
class _Template:
    """One node of the clustering: what several tasks are instances of."""

    text: str | None
    """Its first text, stripped; None: it is known by its id alone and compared with nothing."""
    scope: tuple[str, ...]


def group_tasks(
    tasks: Iterable[Task],
    embed: Callable[[Sequence[str]], NDArray[Any]],
    *,
    threshold: float = 0.60,
    method: Method = "single_link",
    strict: bool = True,
    key: Key = "text",
    scope: Scope = "global",
    encoder: str | None = None,
    threads: int | None = None,
) -> CapabilityGroups:
    """Group tasks whose templates' texts are similar.

    Args:
        tasks: In the order that `first_come` and the numbering of labels follow.
        embed: Texts into `(n, dim)` rows; called once, with each distinct text once.
        threshold: Templates above this cosine join. 0.60 belongs to the paper's encoder (all-distilroberta-v1).
        method: `single_link` (connected components) or `first_come` (the paper's rule).
        strict: Join above the threshold (True), or at it already (False).
        key: What makes tasks share a template: `text` (after strip) or `id` (with the first text of that id).
        scope: `global`, or `site`: only templates of equal sets of sites join.
        encoder: Name of the encoder, for the record.
        threads: Default: the CPUs that this process may use.

    Raises:
        EmptyInputError: No tasks.
        OptionError: An option outside its range.
    """
    options = ClusterOptions(threshold=threshold, method=method, strict=strict)
    for option, value, known in (("key", key, KEYS), ("scope", scope, SCOPES)):
        if value not in known:
            raise OptionError(f"{option}: expected one of {', '.join(known)}, got {value!r}")
    tasks = list(tasks)
    if not tasks:
        raise EmptyInputError("tasks: expected at least one task, got none")
    templates: dict[Hashable, _Template] = {}
    node_of: dict[str, Hashable] = {}
    for task in tasks:
        node = _node(task, key, scope)
        node_of[task.id] = ("task", task.id) if node is None else node
        if node is not None:
            known_text = templates.setdefault(node, _Template(None, _sites(task)))
            known_text.text = known_text.text or _text(task)
    compared = {node: template for node, template in templates.items() if template.text}
    rows, clusters = _cluster_templates(list(compared.values()), embed, options, scope, threads)
    cluster_of: dict[Hashable, Hashable] = dict(zip(compared, clusters.labels.tolist() if clusters else (), strict=True))
    numbers: dict[Hashable, int] = {}
    labels = {
        task: numbers.setdefault(cluster_of.get(node, node), len(numbers)) for task, node in node_of.items()
    }
    joins: list[tuple[Join, ...]] = [() for _ in numbers]
    for found in range(len(clusters) if clusters else 0):
        members = np.flatnonzero(clusters.labels == found)
        joins[numbers[found]] = _joins(members, [t.text or "" for t in compared.values()], rows, method)
    names: list[dict[str, None]] = [{} for _ in numbers]
    for task in tasks:
        names[labels[task.id]][_text(task) or task.objective or f"task {task.id}"] = None
    return CapabilityGroups(
        source="computed",
        labels=labels,
        names=tuple(tuple(group) for group in names),
        joins=tuple(joins),
        without_template=tuple(task for task, node in node_of.items() if node not in templates),
        encoder=encoder,
        options=options,
        key=key,
        scope=scope,
    )
