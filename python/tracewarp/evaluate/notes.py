"""What a run's scores need said beside them: what could not be read or scored, and why."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Sequence

from tracewarp.evaluate.compare import Compared, Scored
from tracewarp.evaluate.episodes import LoadedRun
from tracewarp.evaluate.options import EvaluateOptions
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.trajectory import TaskSet

MAX_NAMED_TASKS = 10
"""Tasks that a note names before it says how many more there are."""


def notes(
    found: Scored,
    table: TaskTable,
    tasks: TaskSet | None,
    compared: Compared,
    options: EvaluateOptions,
    *,
    set_aside: Sequence[LoadedRun] = (),
) -> Iterator[str]:
    """What could not be read or scored, and why.

    Args:
        found: The run and its score.
        table: The tasks of the evaluation.
        tasks: The task file.
        compared: The comparisons of all runs.
        options: Of the evaluation.
        set_aside: Reference runs that do not serve because they are compared themselves.
    """
    run, correctness = found.run, found.correctness
    if run.problems:
        yield f"{_count(len(run.problems), 'problem')} while reading; the first: {run.problems[0]}"
    attempted = {episode.task for episode in run.episodes}
    if tasks is not None:
        foreign = [task for task in table.in_order(attempted) if tasks.find(task) is None]
        if foreign:
            yield (
                f"{_count(len(foreign), 'task')} of the run not in the task file (no site, no capability): "
                f"{_listed(foreign)}"
            )
        if len(attempted) - len(foreign) < len(tasks):
            yield (
                f"the run attempted {len(attempted) - len(foreign)} of the task file's {len(tasks)} tasks; the others "
                "count in no figure"
            )
    if correctness.unknown:
        yield f"{_count(correctness.unknown, 'episode')} not judged: counted as failures; bounds are shown"
    failed = Counter(episode.ending.value for episode in run.episodes if episode.ending.transport_failure)
    if failed:
        kinds = ", ".join(f"{count} {ending}" for ending, count in sorted(failed.items()))
        yield (
            f"{_count(failed.total(), 'episode')} ended by a failure of the model server or the environment ({kinds}): "
            "excluded, because they say nothing about the agent; run the same collect command again to repeat them"
        )
    if correctness.withheld:
        yield f"no success rate: {correctness.withheld}"
    strict = sum(episode.strict for episode in run.episodes)
    if strict:
        differing = list(dict.fromkeys(episode.task for episode in run.episodes if episode.differs))
        where = f"gives other scores on the tasks {_listed(differing)}" if differing else "gives the same scores"
        yield f"{_count(strict, 'episode')} judged by the strict evaluator; WebArena's own {where}"
    if correctness.agent_failures:
        yield (
            f"{_count(correctness.agent_failures, 'agent failure')} (the policy raised an exception, its prompt was "
            "too long, or its last answer was cut at the token limit): counted as 0; tracewarp show prints the errors"
        )
    empty = sum(episode.steps == 0 for episode in run.episodes)
    if empty:
        yield f"{_count(empty, 'episode')} without an executed step"
    if table.groups is None:
        yield "no capability score: no task has a template or a capability (give --tasks or --capabilities)"
    elif table.trivial is None:
        yield "no list of trivial tasks is known: every task counts as evidence of a capability (give --trivial)"
    if table.groups is not None and table.groups.without_label:
        yield (
            f"{_count(len(table.groups.without_label), 'task')} without a capability label, each a capability of its "
            f"own: {_listed(table.groups.without_label)}"
        )
    yield from _of_vertex(found, table, options, set_aside)
    if run.name in compared.reasons:
        yield f"not compared with other runs: {compared.reasons[run.name]}"


def _of_vertex(
    found: Scored, table: TaskTable, options: EvaluateOptions, set_aside: Sequence[LoadedRun]
) -> Iterator[str]:
    """What VERTEX_DTW was computed from, and how to read it."""
    if set_aside:
        yield (
            f"{', '.join(run.name for run in set_aside)}: compared itself, so that its trajectories are no references "
            "for the same task (all compared runs meet the same references)"
        )
    if found.vertex is None:
        yield _why_no_vertex(table, options)
        return
    score = found.vertex.result
    if not options.all_references:
        yield "references: successful trajectories only"
    if options.max_references:
        yield (
            f"references: at most {options.max_references} per task, drawn with seed {options.seed} "
            f"(--max-references); tasks with fewer: {score.few_references} of {score.n_referenced}"
        )
    yield (
        "last-step cosine and action edit similarity stand beside VERTEX_DTW because on clean data they separate "
        "success from failure better than it does"
    )
    if options.vertex.z == "scalar_mean":
        yield (
            "with references of other tasks, z scalar_mean separates success from failure worst of all baselines (AUC "
            ".78 within a task and .69 within a capability; zero_pad .88 and .77): use zero_pad"
        )


def _why_no_vertex(table: TaskTable, options: EvaluateOptions) -> str:
    if not options.wants_references:
        return "no VERTEX_DTW: no references (give --references RUN, or --references-from capability)"
    if options.references_from is not None and table.groups is None:
        return "no VERTEX_DTW: references by capability need tasks with templates or capabilities (give --tasks)"
    kind = "trajectory" if options.all_references else "successful trajectory"
    whose = "its own tasks" if options.references_from is None else "the other tasks of its capabilities"
    return f"no VERTEX_DTW: the references hold no {kind} of {whose}"


def _count(n: int, noun: str) -> str:
    return f"{n} {noun}{'' if n == 1 else 's'}"


def _listed(tasks: Sequence[str]) -> str:
    more = len(tasks) - MAX_NAMED_TASKS
    return ", ".join(tasks[:MAX_NAMED_TASKS]) + (f" and {more} more" if more > 0 else "")
