"""Tasks into capabilities: given labels, WebArena's published map, or groups computed from the texts of the templates.

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
from typing import Any, Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import EmptyInputError, ShapeError
from tracewarp.metrics import ClusterOptions, cluster, cosine_similarity
from tracewarp.metrics._arrays import as_choice
from tracewarp.metrics.capabilities import Method
from tracewarp.trajectory.model import Task

Key = Literal["text", "id"]
Scope = Literal["global", "site"]

KEYS = ("text", "id")
SCOPES = ("global", "site")

Source = Literal["file", "task file", "records", "published", "computed"]
"""Where groups come from: a file of labels, the tasks' own labels (in the task file, or in the records of the runs if
there is no task file), the published map of WebArena, or the texts of the templates."""


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

    source: Source
    labels: Mapping[str, int]
    """Task id -> label, from 0 in order of first appearance."""
    names: tuple[tuple[str, ...], ...]
    """The distinct template texts of each group, by label; of a task without a template its objective. Groups of given
    labels are called by their label."""
    joins: tuple[tuple[Join, ...], ...]
    """Who joined each group after its first template, in order; empty where nothing was computed."""
    without_template: tuple[str, ...]
    """Ids of the tasks that have no template: each is a capability of its own. Empty where nothing was computed."""
    without_label: tuple[str, ...] = ()
    """Ids of the tasks that have no given label: each is a capability of its own. Empty without given labels."""
    encoder: str | None = None
    """Name of the encoder behind the cosines; None where nothing was computed."""
    options: ClusterOptions | None = None
    """Threshold, method and strictness; None where nothing was computed."""
    key: Key | None = None
    """What makes two tasks share a template: its text, or its id."""
    scope: Scope | None = None
    """Which templates may join: all, or those of equal sets of sites."""

    @property
    def n_groups(self) -> int:
        """Number of capabilities that have a task."""
        return len(set(self.labels.values()))

    @property
    def threshold(self) -> float | None:
        """The cosine that templates must exceed; None where nothing was computed."""
        return None if self.options is None else self.options.threshold

    def tasks(self) -> dict[int, tuple[str, ...]]:
        """Label -> ids of its tasks, labels ascending."""
        members: dict[int, list[str]] = {label: [] for label in sorted(set(self.labels.values()))}
        for task, label in self.labels.items():
            members[label].append(task)
        return {label: tuple(group) for label, group in members.items()}

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
            "without_label": list(self.without_label),
            "groups": [
                {
                    "label": label,
                    "tasks": list(tasks),
                    "templates": list(self.names[label]),
                    "joins": [{"text": j.text, "to": j.to, "similarity": j.similarity} for j in self.joins[label]],
                }
                for label, tasks in self.tasks().items()
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


def given_groups(tasks: Iterable[Task], labels: Mapping[str, str], *, source: Source) -> CapabilityGroups:
    """Group tasks by labels that somebody gave.

    Args:
        tasks: with distinct ids; groups are numbered in their order.
        labels: task id -> label. A task without one is a capability of its own.
        source: where the labels come from, for the record.

    Raises:
        EmptyInputError: no tasks.
    """
    tasks = list(tasks)
    if not tasks:
        raise EmptyInputError("tasks: expected at least one task, got none")
    numbers: dict[tuple[str, str], int] = {}
    grouped: dict[str, int] = {}
    names: list[str] = []
    for task in tasks:
        label = labels.get(task.id)
        unit = ("task", task.id) if label is None else ("label", label)
        if unit not in numbers:
            numbers[unit] = len(numbers)
            names.append((task.objective or f"task {task.id}") if label is None else label)
        grouped[task.id] = numbers[unit]
    return CapabilityGroups(
        source=source,
        labels=grouped,
        names=tuple((name,) for name in names),
        joins=tuple(() for _ in names),
        without_template=(),
        without_label=tuple(task.id for task in tasks if task.id not in labels),
    )


def groups_of(
    tasks: Sequence[Task],
    embed: Callable[[Sequence[str]], NDArray[Any]],
    *,
    encoder: str,
    is_webarena: bool = False,
    given: Mapping[str, str] | None = None,
    own_source: Literal["task file", "records"] = "records",
    threads: int | None = None,
) -> CapabilityGroups | None:
    """Group tasks by the first of these that is there: given labels, own labels, the published map, their templates.

    Args:
        tasks: with distinct ids, at least one.
        embed: texts into rows; called only where groups are computed.
        encoder: its name, for the record.
        is_webarena: take the published map (see `TaskSet.is_webarena`).
        given: task id -> label, from a file.
        own_source: where the tasks' own labels stand, for the record.
        threads: default: the CPUs that this process may use.

    Returns:
        None where no task has a label or a template.
    """
    if given is not None:
        return given_groups(tasks, given, source="file")
    if own := own_labels(tasks):
        return given_groups(tasks, own, source=own_source)
    if is_webarena:
        return published_groups(tasks)
    if any(task.template is not None or task.template_id is not None for task in tasks):
        return group_tasks(tasks, embed, encoder=encoder, threads=threads)
    return None


def own_labels(tasks: Iterable[Task]) -> dict[str, str]:
    """The labels that tasks carry themselves, in `Task.capability`."""
    return {task.id: task.capability for task in tasks if task.capability is not None}


def trivial_task_ids() -> frozenset[str]:
    """The 38 tasks of WebArena's 812 that an agent solves that does nothing but answer `N/A` on the first page."""
    return frozenset(str(task) for task in _shipped("webarena-trivial-tasks.json"))


@cache
def _shipped(name: str) -> Any:
    return json.loads(resources.files("tracewarp.data").joinpath(name).read_text("utf-8"))


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
    """Group tasks whose templates have similar texts.

    Args:
        tasks: With distinct ids; `first_come` and the numbering of labels follow their order.
        embed: Texts into `(n, dim)` rows; called once.
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
    as_choice("key", key, KEYS)
    as_choice("scope", scope, SCOPES)
    tasks = list(tasks)
    if not tasks:
        raise EmptyInputError("tasks: expected at least one task, got none")
    template_of = {task.id: _template(task, key, scope) for task in tasks}
    texts = _texts(tasks, template_of)
    clusters = _cluster(texts, embed, options, scope, threads)
    numbers: dict[Hashable, int] = {}
    labels = {
        task: numbers.setdefault(clusters.number.get(template, template or task), len(numbers))
        for task, template in template_of.items()
    }
    joins: list[tuple[Join, ...]] = [() for _ in numbers]
    for cluster_number, found in enumerate(clusters.joins):
        joins[numbers[cluster_number]] = found
    return CapabilityGroups(
        source="computed",
        labels=labels,
        names=_names(tasks, labels, len(numbers)),
        joins=tuple(joins),
        without_template=tuple(task for task, template in template_of.items() if template is None),
        encoder=encoder,
        options=options,
        key=key,
        scope=scope,
    )


class _Template(NamedTuple):
    """What several tasks are instances of."""

    kind: str
    """Known by its `text` or by its `id`."""
    name: str
    sites: tuple[str, ...]
    """Sorted; empty where templates of all sites may join."""


def _template(task: Task, key: Key, scope: Scope) -> _Template | None:
    """The template of a task, or None: then the task is a capability of its own."""
    sites = tuple(sorted(set(task.sites))) if scope == "site" else ()
    names = {"text": (task.template or "").strip(), "id": task.template_id or ""}
    for kind in (key, *KEYS):
        if names[kind]:
            return _Template(kind, names[kind], sites)
    return None


def _texts(tasks: Sequence[Task], template_of: Mapping[str, _Template | None]) -> dict[_Template, str]:
    """The first text of each template; one that is known by its id alone has none, and is compared with nothing."""
    texts: dict[_Template, str] = {}
    for task in tasks:
        template, text = template_of[task.id], (task.template or "").strip()
        if template is not None and text:
            texts.setdefault(template, text)
    return texts


def _names(tasks: Sequence[Task], labels: Mapping[str, int], n_groups: int) -> tuple[tuple[str, ...], ...]:
    names: list[dict[str, None]] = [{} for _ in range(n_groups)]
    for task in tasks:
        text = (task.template or "").strip()
        names[labels[task.id]][text or task.objective or f"task {task.id}"] = None
    return tuple(tuple(group) for group in names)


class _Clustered(NamedTuple):
    """Templates in clusters."""

    number: dict[_Template | None, int]
    joins: list[tuple[Join, ...]]
    """By number of the cluster."""


def _cluster(
    texts: Mapping[_Template, str],
    embed: Callable[[Sequence[str]], NDArray[Any]],
    options: ClusterOptions,
    scope: Scope,
    threads: int | None,
) -> _Clustered:
    if not texts:
        return _Clustered({}, [])
    words = list(texts.values())
    rows = embed(words)
    if len(rows) != len(words):
        raise ShapeError(f"embed: expected {len(words)} rows, one a text, got {len(rows)}")
    clusters = cluster(
        rows,
        options.threshold,
        method=options.method,
        strict=options.strict,
        scope=None if scope == "global" else [template.sites for template in texts],
        # A text without a word has a zero row under a lexical encoder; it stands alone.
        zero="orthogonal",
        threads=threads,
    )
    members = [np.flatnonzero(clusters.labels == number) for number in range(clusters.n_clusters)]
    joins = [_joins(group, words, rows, options.method) for group in members]
    return _Clustered(dict(zip(texts, clusters.labels.tolist(), strict=True)), joins)


def _joins(members: NDArray[np.int64], words: Sequence[str], rows: NDArray[Any], method: Method) -> tuple[Join, ...]:
    """Who joined a cluster after its first member, and the nearest member that was there before.

    `first_come` knows its order: that of arrival. The closure has none, so the next to join is the one most similar to
    a member that is there (Prim's maximum spanning tree): each join shown is above the threshold.
    """
    table = cosine_similarity(rows[members].astype(np.float64), zero="orthogonal", threads=1)
    nearest = np.zeros(len(members), dtype=np.int64)
    similarity = table[0].copy()
    outside = np.ones(len(members), dtype=bool)
    outside[0] = False
    joins = []
    for arrival in range(1, len(members)):
        new = arrival if method == "first_come" else int(np.argmax(np.where(outside, similarity, -np.inf)))
        outside[new] = False
        joins.append(Join(words[members[new]], words[members[nearest[new]]], float(similarity[new])))
        closer = table[new] > similarity
        nearest[closer], similarity[closer] = new, table[new][closer]
    return tuple(joins)


def adjusted_rand_index(first: Sequence[Hashable], second: Sequence[Hashable]) -> float:
    """How far two groupings of the same items agree: 1 for the same groups, 0 on average for random ones.

    Args:
        first: One label an item; only equality of labels counts.
        second: One label an item, in the same order.

    Returns:
        At most 1; negative where they agree less than by chance. Counted in whole numbers, divided once.

    Raises:
        EmptyInputError: No items.
        ShapeError: Different lengths.

    Source: Hubert and Arabie 1985, eq. 5.
    """
    if len(first) != len(second):
        raise ShapeError(f"second: expected {len(first)} labels as in first, got {len(second)}")
    if len(first) == 0:
        raise EmptyInputError("first: expected at least one label, got none")
    both = _pairs_within(list(zip(first, second, strict=True)))
    in_first, in_second, total = _pairs_within(first), _pairs_within(second), comb(len(first), 2)
    # (both - expected) / (mean - expected), expected = in_first * in_second / total, times 2 total.
    numerator = 2 * (both * total - in_first * in_second)
    denominator = (in_first + in_second) * total - 2 * in_first * in_second
    # Both put everything apart, or everything together: the same groups.
    return 1.0 if denominator == 0 else numerator / denominator


def _pairs_within(labels: Sequence[Hashable]) -> int:
    """Pairs of items with equal labels."""
    return sum(comb(size, 2) for size in Counter(labels).values())
