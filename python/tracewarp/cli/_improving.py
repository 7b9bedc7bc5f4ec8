"""How an improvement shows itself: its plan, its stages, its table."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, Progress, TextColumn, TimeElapsedColumn

from tracewarp.cli._collecting import first_error, standing_words
from tracewarp.cli._terminal import one_line, printable
from tracewarp.cli._training import plan_table
from tracewarp.collect import Progress as Collecting
from tracewarp.improve import Improvement, ImproveOptions, Plan, improve
from tracewarp.report import improvement_rows, write_improvement_page, write_report
from tracewarp.report.table import table as plain_table

LOG_SECONDS = 10.0
"""Between two lines of progress where stderr is no terminal."""
PAPER_DEVICE_BYTES = 48 * 2**30
"""Of each of the two GPUs that Patel et al. 2024 trained on."""


class ImprovingDisplay:
    """Shows each stage with a bar of its own, and how far it is."""

    def __init__(self) -> None:
        console = Console(stderr=True, markup=False, highlight=False)
        self.live = console.is_terminal
        self.display = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            TextColumn("{task.fields[words]}"),
            TimeElapsedColumn(),
            console=console,
            disable=not self.live,
        )
        self.bar: Any = None
        self.name = ""
        self.told = 0.0
        self.error_told = False

    def __enter__(self) -> ImprovingDisplay:
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.stop()

    def stage(self, name: str) -> None:
        """A stage begins."""
        self.name, self.told, self.error_told = name, time.monotonic(), False
        if self.live:
            if self.bar is not None:
                self.display.stop_task(self.bar)
            self.bar = self.display.add_task(name, total=None, words="")
        else:
            click.echo(f"{name} ...", err=True)

    def collecting(self, progress: Collecting) -> None:
        """Of a collection."""
        if progress.first_error is not None and not self.error_told:
            self.error_told = True
            self.display.console.print(first_error(progress.first_error), soft_wrap=True)
        self._tell(progress.tally.done, progress.total, standing_words(progress))

    def generating(self, examples: int, wanted: int) -> None:
        """Of out-of-domain examples."""
        self._tell(examples, wanted, f"{examples} of {wanted} examples")

    def training(self, epoch: int, step: int, steps: int, loss: float | None) -> None:
        """Of a training."""
        self._tell(step, steps, f"epoch {epoch}" + ("" if loss is None else f", loss {loss:.4f}"))

    def _tell(self, done: int, total: int, words: str) -> None:
        if self.live:
            self.display.update(self.bar, total=total, completed=done, words=words)
        elif time.monotonic() - self.told >= LOG_SECONDS:
            self.told = time.monotonic()
            click.echo(", ".join(filter(None, (f"{self.name}: {done} of {total}", words))), err=True)


def run_improvement(out: Path, options: ImproveOptions, console: Console) -> None:
    """Improve, and write and print what came out."""
    with ImprovingDisplay() as display:
        result = improve(out, options, listener=display)
    write_report(result.scores, out / "report.html")
    write_improvement_page(result, out / "improvement.html")
    print_improvement(result, console)
    where = printable(str(out))
    click.echo(f"Wrote {where}/improvement.json, {where}/improvement.html and {where}/report.html.", err=True)


def print_plan(plan: Plan, console: Console) -> None:
    """The stages, what they cost at most, and what the training takes."""
    grid = plain_table()
    grid.add_column("Plan")
    for name in ("Episodes", "Actions", "Updates"):
        grid.add_column(name, justify="right")
    grid.add_column("Folder", overflow="fold")
    for stage in plan.stages:
        grid.add_row(stage.name, *map(_count, (stage.episodes, stage.actions, stage.updates)), stage.folder)
    grid.add_row("At most", *map(_count, (plan.episodes, plan.actions, plan.updates)), "", style="bold")
    grid.caption = (
        f"{plan.train_tasks:,} training tasks, {plan.test_tasks:,} test tasks; at most {plan.tokens / 1e6:,.1f} "
        f"million tokens read and written ({plan.tokens_per_action:,} an action)"
    )
    grid.caption_justify = "left"
    console.print(grid)
    if plan.memory is not None:
        console.print(plan_table(plan.memory, plan.config))
        if plan.preset == "paper":
            left = PAPER_DEVICE_BYTES - plan.memory.total
            words = f"leaves {left / 2**30:,.1f} GiB of that free" if left >= 0 else "does not fit into that"
            console.print(f"Published for the preset paper: 2 devices of 48 GB each; this estimate {words}.")
    else:
        console.print("Memory: not known before the base is loaded; a folder with config.json would tell.")
    commands = "\n".join(f"  {printable(line)}" for line in plan.commands)
    console.print(f"Round 1, mixture A, by hand:\n{commands}", soft_wrap=True)


def _count(number: int) -> str:
    return f"{number:,}" if number else ""


def print_improvement(result: Improvement, console: Console) -> None:
    """The agents, their success, and the differences with their intervals."""
    head, rows = improvement_rows(result)
    for note in result.notes:
        console.print(f"Note: {one_line(note).rstrip('.')}.")
    grid = plain_table()
    for place, name in enumerate(head):
        grid.add_column(name, justify="left" if place == 0 else "right")
    for row in rows:
        grid.add_row(*row)
    console.print(grid)
