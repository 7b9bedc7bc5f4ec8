"""`tracewarp show`: the episodes of a run as a table, or one episode to read."""

from __future__ import annotations

from pathlib import Path

import click
from rich.console import Console
from rich.rule import Rule
from rich.table import Table
from rich.text import Text

from tracewarp.cli._terminal import one_line, output_console, printable, problem_lines, shortened
from tracewarp.errors import InputError
from tracewarp.trajectory import RunReader, Step, Trajectory, open_run
from tracewarp.trajectory.answers import CUT, finish_reasons
from tracewarp.trajectory.names import task_id_of

TREE_LINES = 12
REASONING_CHARS = 400
TRACEBACK_LINES = 20
OBJECTIVE_CHARS = 80
SHOWN_PROBLEMS = 5


@click.command("show", short_help="read an episode in the terminal")
@click.argument("run", type=click.Path(path_type=Path))
@click.argument("task", required=False)
@click.option("--repeat", type=click.IntRange(min=0), help="Which repeat of the task; the first in the file otherwise.")
@click.option("--step", "only", type=click.IntRange(min=0), help="Only this step (the first is 0).")
@click.option("--full", is_flag=True, help="Whole pages and whole reasoning.")
def command(run: Path, task: str | None, repeat: int | None, only: int | None, full: bool) -> None:
    """Read a RUN: the table of its episodes, or the episode of one TASK, step by step.

    RUN is a .jsonl[.gz|.zst] of trajectories, a run folder or an AgentLab directory.

    \b
    Examples:
      tracewarp show my-run.jsonl
      tracewarp show my-run.jsonl 42 --full
      tracewarp show my-run.jsonl 42 --repeat 1 --step 3
    """
    reader = open_run(run)
    console = output_console()
    if task is None:
        if only is not None or repeat is not None:
            raise InputError("--step and --repeat choose within one task; name the TASK as well")
        console.print(_table(reader))
    else:
        _print_episode(console, _find(reader, task, repeat), only=only, full=full)
    for line in problem_lines(reader.problems, SHOWN_PROBLEMS):
        click.echo(line, err=True)


def _find(reader: RunReader, task: str, repeat: int | None) -> Trajectory:
    wanted = {task, task_id_of(task)}
    others: list[str] = []
    for trajectory in reader:
        if trajectory.task.id in wanted:
            if repeat in (None, trajectory.repeat):
                return trajectory
            others.append(f"{trajectory.task.id} repeat {trajectory.repeat}")
        elif len(others) < 5:
            others.append(trajectory.task.id)
    asked = task if repeat is None else f"{task}, repeat {repeat}"
    raise InputError(f"TASK: {reader.path} has no episode of {asked}; it has e.g. {one_line(', '.join(others[-5:]))}")


def _table(reader: RunReader) -> Table:
    table = Table(title=Text(one_line(f"{reader.name} ({reader.format})")), title_justify="left")
    for name in ("task", "repeat", "steps", "score"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("ending", no_wrap=True)
    table.add_column("objective")
    for trajectory in reader:
        table.add_row(
            Text(one_line(trajectory.task.id)),
            str(trajectory.repeat),
            str(len(trajectory.executed_steps)),
            _score(trajectory),
            trajectory.outcome.ending.value,
            Text(shortened(one_line(trajectory.task.objective), OBJECTIVE_CHARS)),
        )
    return table


def _print_episode(console: Console, trajectory: Trajectory, *, only: int | None, full: bool) -> None:
    if only is not None and only >= len(trajectory.steps):
        raise InputError(f"--step: the episode has {len(trajectory.steps)} steps, the first is 0; got {only}")
    task = trajectory.task
    console.print(Text(f"task {one_line(task.id)}, repeat {trajectory.repeat}", style="bold"))
    console.print(Text(printable(task.objective)))
    for number, step in enumerate(trajectory.steps):
        if only in (None, number):
            _print_step(console, number, step, full=full)
    outcome = trajectory.outcome
    console.print(Rule(Text("outcome"), align="left"))
    steps = f"{len(trajectory.executed_steps)} executed steps"
    console.print(Text(f"score {_score(trajectory)}, ending {outcome.ending.value}, {steps}", style="bold"))
    cut = sum(reason == CUT for step in trajectory.steps for reason in finish_reasons(step))
    if cut:
        console.print(Text(f"{cut} of the model's answers were cut at max_new_tokens", style="yellow"))
    if outcome.error:
        console.print(Text(_cut(outcome.error, REASONING_CHARS, full=full), style="red"))
    if outcome.traceback:
        _print_traceback(console, outcome.traceback, full=full)


def _print_step(console: Console, number: int, step: Step, *, full: bool) -> None:
    page = " ".join(one_line(part) for part in (step.observation.title, step.observation.url) if part)
    console.print(Rule(Text(f"step {number}"), align="left"))
    console.print(Text(page or "(no URL)", style="cyan"))
    lines = printable(step.observation.text).expandtabs(2).splitlines()
    shown = lines if full else lines[:TREE_LINES]
    # soft_wrap: a terminal cuts long lines better than a fixed width does, and a pipe gets them whole
    for line in shown:
        console.print(Text(f"  {line}", style="dim"), soft_wrap=True)
    if len(lines) > len(shown):
        console.print(Text(f"  ... {len(lines) - len(shown)} more lines (--full shows them)", style="dim italic"))
    if step.thinking:
        thinking = _cut(step.thinking, REASONING_CHARS, full=full)
        console.print(Text(f"(thinking) {thinking}", style="dim italic"))
    if step.reasoning:
        console.print(Text(_cut(step.reasoning, REASONING_CHARS, full=full), style="italic"))
    action = Text(
        printable(step.action) if step.action is not None else "(no action could be parsed)", style="bold green"
    )
    if not step.executed:
        action = Text.assemble(action, Text("  (recorded after the end, not executed)", style="yellow"))
    console.print(Text.assemble(Text("> ", style="bold"), action), soft_wrap=True)
    reasons = finish_reasons(step)
    if CUT in reasons:
        which = f"{reasons.count(CUT)} of {len(reasons)} answers were" if len(reasons) > 1 else "the answer was"
        console.print(Text(f"({which} cut at max_new_tokens)", style="yellow"))
    if step.error or step.valid is False:
        console.print(Text(_cut(step.error or "refused by the environment", REASONING_CHARS, full=full), style="red"))
    if step.reward:
        console.print(Text(f"reward {step.reward:g}", style="bold"))


def _print_traceback(console: Console, text: str, *, full: bool) -> None:
    lines = printable(text).splitlines()
    shown = lines if full else lines[-TRACEBACK_LINES:]
    if len(lines) > len(shown):
        console.print(Text(f"... {len(lines) - len(shown)} earlier lines (--full shows them)", style="dim italic"))
    for line in shown:
        console.print(Text(line, style="dim"), soft_wrap=True)


def _cut(text: str, length: int, *, full: bool) -> str:
    return printable(text) if full else shortened(one_line(text), length)


def _score(trajectory: Trajectory) -> str:
    score = trajectory.outcome.score
    return "not judged" if score is None else f"{score:.3g}"
