"""How a training shows itself, and its plan."""

from __future__ import annotations

import os
import time
from pathlib import Path
from types import TracebackType
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tracewarp.collect.policies import read_value
from tracewarp.data import tiny_agent_path
from tracewarp.improve.tiny import TINY
from tracewarp.report.table import table as plain_table
from tracewarp.report.words import of
from tracewarp.train import Estimate, TrainConfig, TrainingData, TrainingPlan

if TYPE_CHECKING:
    from tracewarp.train.loop import Moment

LOG_SECONDS = 5.0
"""Between two lines of progress where stderr is no terminal."""


def speaks() -> bool:
    """Is this the process that speaks? Of those that a launcher starts, only the first one does."""
    return os.environ.get("RANK", "0") == "0"


class TrainingDisplay:
    """Shows updates, loss and the time left on stderr."""

    def __init__(self, *, title: str = "training") -> None:
        console = Console(stderr=True, markup=False, highlight=False)
        self.title = title
        self.live = console.is_terminal and speaks()
        self.display = Progress(
            TextColumn(title),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("updates, {task.fields[words]}"),
            TimeRemainingColumn(),
            console=console,
            disable=not self.live,
        )
        self.bar = self.display.add_task(title, total=None, words="")
        self.told = 0.0

    def __enter__(self) -> TrainingDisplay:
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.stop()

    def __call__(self, moment: Moment) -> None:
        """Hear how the training stands."""
        words = f"epoch {moment.epoch}"
        if moment.loss is not None:
            words += f", loss {moment.loss:.4f}"
        if moment.last is not None:
            words += f", validation perplexity {moment.last.perplexity:,.4f}"
        if self.live:
            self.display.update(self.bar, total=moment.steps, completed=moment.step, words=words)
        elif time.monotonic() - self.told >= LOG_SECONDS:
            self.told = time.monotonic()
            click.echo(f"{self.title}: {moment.step} of {moment.steps} updates, {words}", err=True)


def named_base(base: str) -> str:
    """Return the folder of the model that ships where its name is given; any other base is returned as it is."""
    return str(tiny_agent_path()) if base == TINY and not Path(base).exists() else base


def setting(pair: str, *, option: str = "--set") -> tuple[str, Any]:
    """Read NAME=VALUE.

    Raises:
        UsageError: another form.
    """
    name, equals, value = pair.partition("=")
    if not equals or not name.isidentifier():
        raise click.UsageError(f"{option}: expected NAME=VALUE, got {pair!r}")
    return name, read_value(value)


def plan_table(need: Estimate, config: TrainConfig) -> Any:
    """What a training will need on each device, in GiB, as cards are sold."""
    grid = plain_table()
    grid.add_column("On each device")
    grid.add_column("", justify="right")
    length = f"{config.micro_batch_size} x {need.tokens:,} tokens"
    for name, value in (
        ("Parameters", f"{need.parameters:,}"),
        ("  that learn", f"{need.trained_parameters:,}"),
        ("Weights", _gib(need.weights)),
        ("Gradients and optimiser", _gib(need.optimiser)),
        (f"Kept for the way back, {length}", "in RAM" if config.offload_activations else _gib(need.kept)),
        ("Working set of a layer", _gib(need.working)),
        (f"Scores of {config.micro_batch_size} x {need.trained_tokens:,} tokens", _gib(need.scores)),
        ("Runtime", _gib(need.runtime)),
    ):
        grid.add_row(name, value)
    grid.add_row("Together, an estimate", _gib(need.total), style="bold")
    grid.add_row(f"Saved {'model' if config.method == 'full' else 'adapter'}", f"{need.saved:,} bytes")
    return grid


def work_table(plan: TrainingPlan, data: TrainingData) -> Any:
    """How much there is to train on, and in which forms it was read."""
    config, grid = plan.config, plain_table()
    grid.add_column("Training")
    grid.add_column("", justify="right")
    grid.add_row("Examples", f"{plan.n_train:,}")
    for form, count in data.forms.items():
        grid.add_row(f"  rows of {form}", f"{count:,}")
    grid.add_row("  for validation", "none yet" if plan.n_validation is None else f"{plan.n_validation:,}")
    if plan.tokens is None or plan.trained_tokens is None:
        grid.add_row("Tokens", f"not counted, at most {config.max_tokens:,} an example")
    else:
        grid.add_row("  too long", f"{plan.too_long:,}")
        grid.add_row("Tokens an epoch", f"{plan.tokens:,}")
        grid.add_row("  that carry loss", of(plan.trained_tokens, plan.tokens))
    if plan.thoughts:
        grid.add_row("Answers with a thought", f"{plan.thoughts:,}")
        grid.add_row("  which the chat template leaves out", f"{plan.thoughts_left_out:,}")
    grid.add_row("Updates an epoch", f"{plan.updates_per_epoch:,}")
    grid.add_row("  at most", f"{plan.updates:,} in {config.epochs(plan.n_train):,} epochs")
    return grid


def _gib(size: float) -> str:
    return f"{size / 2**30:,.1f} GiB" if size >= 0.05 * 2**30 else f"{size / 2**20:,.1f} MiB"
