"""`tracewarp capabilities`: tasks into groups, their sizes, and who joined whom at which similarity."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final

import click
from rich.table import Table
from rich.text import Text

from tracewarp.cli._embedding import TextEmbedding
from tracewarp.cli._terminal import one_line, output_console
from tracewarp.errors import OptionError
from tracewarp.evaluate.capability_groups import (
    KEYS,
    SCOPES,
    CapabilityGroups,
    Key,
    Scope,
    Source,
    adjusted_rand_index,
    given_groups,
    group_tasks,
    own_labels,
    published_groups,
    published_labels,
    trivial_task_ids,
)
from tracewarp.evaluate.capability_labels import read_labels
from tracewarp.metrics import ClusterOptions
from tracewarp.metrics.capabilities import METHODS, Method
from tracewarp.trajectory import TaskSet, load_tasks

PAPER_THRESHOLD = 0.60


@dataclass(frozen=True)
class Facts:
    """The counts above the table of groups."""

    tasks: int
    templates: int
    template_ids: int
    labels: int | None
    """Labels as released; None for computed groups."""
    groups: int
    without_template: int
    reachable: int | None
    """Groups with a task that is not trivial; None where the trivial tasks are not known."""
    adjusted_rand_index: float | None
    """Against given labels, else against the published map, over the tasks; None where there is nothing to compare."""
    compared_with: Source | None = None
    """What `adjusted_rand_index` compares with."""
    compared_groups: int | None = None
    """Groups of what is compared with."""
    without_label: int | None = None
    """Tasks without a given label: each is a capability of its own. None without given labels."""


@click.command("capabilities", short_help="group tasks into capabilities, and say who joined whom")
@click.argument("tasks", type=click.Path(path_type=Path))
@click.option(
    "--threshold",
    type=float,
    default=PAPER_THRESHOLD,
    show_default=True,
    help="Templates above this cosine join; 0.60 belongs to the paper's encoder.",
)
@click.option(
    "--method",
    type=click.Choice(METHODS),
    default="single_link",
    show_default=True,
    help="The closure, or the paper's rule in order of arrival.",
)
@click.option("--key", type=click.Choice(KEYS), default="text", show_default=True, help="What makes a template one.")
@click.option(
    "--scope",
    type=click.Choice(SCOPES),
    default="global",
    show_default=True,
    help="site: only templates of equal sets of sites join.",
)
@click.option(
    "--encoder", default="hashed", show_default=True, help="hashed, minilm, paper-capabilities, or a model's name."
)
@click.option("--no-cache", is_flag=True, help="Keep no embeddings on disk.")
@click.option(
    "--capabilities",
    "labels",
    type=click.Path(path_type=Path),
    help="JSON file of labels to compare with: an object of task id to label. Default: the tasks' own labels.",
)
@click.option("--published", is_flag=True, help="Show the published map instead (WebArena's tasks only).")
@click.option("--json", "as_json", is_flag=True, help="Print the groups as JSON.")
def command(
    tasks: Path,
    *,
    threshold: float,
    method: Method,
    key: Key,
    scope: Scope,
    encoder: str,
    no_cache: bool,
    labels: Path | None,
    published: bool,
    as_json: bool,
) -> None:
    """Group the tasks of the file TASKS into capabilities: tasks whose templates have similar texts.

    TASKS is WebArena's test.raw.json or a file in its schema. A task without a template is a capability of its own.
    The groups are compared with the labels of --capabilities, else with those in TASKS (field `capability`), else, for
    WebArena's tasks, with the map that the paper's authors released.

    \b
    Examples:
      tracewarp capabilities tasks.json
      tracewarp capabilities test.raw.json --published
      tracewarp capabilities tasks.json --encoder minilm --threshold 0.7 --json
      tracewarp capabilities tasks.json --capabilities labels.json
    """
    ClusterOptions(threshold=threshold, method=method)  # out of range is told before any work
    task_set = load_tasks(tasks)
    given = given_labels(task_set, labels)
    if published:
        if not task_set.is_webarena:
            raise OptionError(f"--published: expected WebArena's tasks, {tasks} has other ids or template ids")
        every = published_groups(task_set)
        groups = replace(every, labels={task: label for task, label in every.labels.items() if task_set.find(task)})
    else:
        embedding = TextEmbedding(encoder, use_cache=not no_cache)
        groups = group_tasks(
            task_set, embedding, threshold=threshold, method=method, key=key, scope=scope, encoder=embedding.name
        )
        if threshold == PAPER_THRESHOLD and encoder != "paper-capabilities":
            click.echo(
                f"Note: the threshold 0.60 belongs to the paper's encoder; with {embedding.name} the number of groups "
                "means another thing.",
                err=True,
            )
    facts = examine(task_set, groups, given)
    if as_json:
        click.echo(json.dumps({"facts": asdict(facts), **groups.to_dict()}, indent=1))
    else:
        _print(groups, facts)


def given_labels(tasks: TaskSet, file: Path | None) -> CapabilityGroups | None:
    """Group tasks by the labels in a file, else by their own; None where they have none."""
    if file is not None:
        return given_groups(tasks, read_labels(file).of(tasks), source="file")
    own = own_labels(tasks)
    return given_groups(tasks, own, source="task file") if own else None


def examine(tasks: TaskSet, groups: CapabilityGroups, given: CapabilityGroups | None = None) -> Facts:
    """Count, and compare the groups with given ones, else with the published map."""
    released = published_labels()
    known = given
    if known is None and tasks.is_webarena and groups.source == "computed":
        known = published_groups(tasks)
    agreement, compared_groups = None, None
    if known is not None:
        theirs = [known.labels[task] for task in groups.labels]
        agreement = adjusted_rand_index(list(groups.labels.values()), theirs)
        compared_groups = len(set(theirs))
    return Facts(
        tasks=len(tasks),
        templates=tasks.n_templates,
        template_ids=tasks.n_template_ids,
        labels=len({released[task] for task in groups.labels}) if groups.source == "published" else None,
        groups=groups.n_groups,
        without_template=len(groups.without_template),
        reachable=groups.reachable(trivial_task_ids()) if tasks.is_webarena else None,
        adjusted_rand_index=agreement,
        compared_with=None if known is None else known.source,
        compared_groups=compared_groups,
        without_label=None if given is None else len(given.without_label),
    )


def _print(groups: CapabilityGroups, facts: Facts) -> None:
    console = output_console()
    summary = Table(box=None, show_header=False, pad_edge=False)
    for name, value in _summary(groups, facts):
        summary.add_row(Text(name, style="bold"), Text(value))
    console.print(summary)
    console.print()
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("group", "tasks", "cosine"):
        table.add_column(heading, justify="right", no_wrap=True)
    table.add_column("template, and those that joined it")
    for label, tasks in groups.tasks().items():
        joins, names = groups.joins[label], groups.names[label] or ("(no template text)",)
        first = joins[0].to if joins else names[0]
        table.add_row(str(label), str(len(tasks)), "", Text(one_line(first)))
        for join in joins:
            table.add_row("", "", f"{join.similarity:.4f}", _joined(join.text, join.to))
        for name in names:
            if name != first and all(name != join.text for join in joins):
                # It came with a template id that is in the group, not by its text.
                table.add_row("", "", "id", Text(one_line(name)))
    console.print(table)


def _joined(text: str, to: str) -> Text:
    return Text(f"{one_line(text)}  ").append(f"<- {one_line(to)}", style="dim")


_COMPARED: Final[dict[str, str]] = {
    "published": "the published map",
    "file": "the labels of --capabilities",
    "task file": "the labels in the task file",
}


def _summary(groups: CapabilityGroups, facts: Facts) -> list[tuple[str, str]]:
    rows = [
        ("tasks", f"{facts.tasks}, of these {facts.without_template} without a template"),
        ("templates", f"{facts.templates} texts, {facts.template_ids} ids"),
    ]
    if groups.options is None:
        rows.append(("groups", f"{facts.groups}: connected components of the {facts.labels} published labels"))
    else:
        options = groups.options
        above = f"cosine > {options.threshold:g}, {options.method}, key {groups.key}, scope {groups.scope}"
        rows.append(("groups", f"{facts.groups}: computed with {groups.encoder} ({above})"))
    if facts.reachable is not None:
        rows.append(("reachable", f"{facts.reachable}: groups with a task that doing nothing does not solve"))
    if facts.adjusted_rand_index is not None and facts.compared_with is not None:
        other = f"{_COMPARED[facts.compared_with]} ({facts.compared_groups} groups)"
        rows.append(("adjusted Rand", f"{facts.adjusted_rand_index:.4f} against {other}, over tasks"))
    if facts.without_label:
        rows.append(("without a label", f"{facts.without_label}: each is a capability of its own"))
    return rows
