"""`tracewarp train`: examples into an adapter."""

from __future__ import annotations

import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import click

from tracewarp.cli._terminal import output_console
from tracewarp.cli._training import TrainingDisplay, named_base, plan_table, setting, speaks, work_table
from tracewarp.errors import OptionError
from tracewarp.report.table import table as plain_table
from tracewarp.train import (
    PRESETS,
    Conversation,
    TrainConfig,
    Trained,
    fine_tune,
    plan_training,
    preset,
    read_training_data,
    serving_lines,
)

_FILE = click.Path(path_type=Path, dir_okay=False)


@click.command("train", short_help="fine-tune a model with LoRA or QLoRA on examples")
@click.argument("data", type=_FILE)
@click.option("--base", required=True, help="Folder or name of a causal language model of transformers, or tiny-agent.")
@click.option("--validation", type=_FILE, help="Examples that decide when to stop.")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the training.")
@click.option("--adapter", type=click.Path(path_type=Path, file_okay=False), help="Train on from this adapter.")
@click.option(
    "--preset", "name", type=click.Choice(list(PRESETS)), default="default", show_default=True,
    help="Settings to begin with.",
)  # fmt: skip
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="Another setting, such as learning_rate=1e-4.")
@click.option("--device", default="auto", show_default=True, help="auto or cpu.")
@click.option("--dry-run", is_flag=True, help="Say what it will take, and stop.")
def command(data: Path, *, base: str, validation: Path | None, out: Path, adapter: Path | None, name: str,
            more: tuple[str, ...], device: str, dry_run: bool) -> None:  # fmt: skip
    """Fine-tune a model on DATA: prompt and completion, messages, ShareGPT or Alpaca, as JSON lines, JSON or Parquet.

    Loss is carried by the answers alone, end token included. The epoch of the best validation perplexity is kept. The
    same command goes on after a kill. Several GPUs: accelerate launch --num_processes N -m tracewarp.cli train ...

    \b
    Examples:
      tracewarp train train.jsonl --validation validation.jsonl --base MODEL --out trained
      tracewarp train train.jsonl --validation validation.jsonl --base MODEL --preset paper --out trained
      tracewarp train train.jsonl --base meta-llama/Meta-Llama-3-70B-Instruct --preset paper --out plan --dry-run
    """
    config = preset(name, dict(setting(pair) for pair in more))
    base = named_base(base)
    examples = read_training_data(data)
    held = read_training_data(validation) if validation is not None else None
    if held is not None and (warning := repeated(examples.conversations, held.conversations)) and speaks():
        click.echo(warning, err=True)
    if dry_run:
        beside = None if held is None else held.conversations
        plan = plan_training(base, examples.conversations, beside, config, adapter=str(adapter) if adapter else None)
        output_console().print(work_table(plan, examples))
        if plan.need is not None:
            output_console().print(plan_table(plan.need, config))
        else:
            click.echo(f"Memory is not estimated: {plan.no_estimate}")
        words = ["train", str(data), "--validation", str(validation or "VALIDATION"), "--base", base]
        words += ["--preset", name, *(word for pair in more for word in ("--set", pair))]
        words += [] if adapter is None else ["--adapter", str(adapter)]
        words += [] if device == "auto" else ["--device", device]
        lines = _commands(shlex.join([*words, "--out", str(out)]), base, out, config)
        click.echo("\n".join(["Commands, on one GPU or on two, and then:", *(f"  {line}" for line in lines)]))
        return
    if held is None:
        raise OptionError("--validation: expected a file of examples of other tasks; it decides when to stop")
    with TrainingDisplay() as display:
        trained = fine_tune(
            base,
            examples.conversations,
            held.conversations,
            config,
            out=out,
            adapter=str(adapter) if adapter is not None else None,
            device=device,
            progress=display,
        )
    if speaks():
        output_console().print(_summary(trained))
        for note in trained.notes:
            click.echo(note, err=True)
        whole = trained.config.method == "full"
        lines = serving_lines(base, trained.adapter, whole=whole, rank=trained.config.rank)
        said = "\n".join(f"  {line}" for line in lines)
        what = "model" if whole else "adapter"
        click.echo(f"The {what} is in {trained.adapter}. Let it act, or serve it:\n{said}", err=True)


def repeated(train: Sequence[Conversation], held: Sequence[Conversation]) -> str | None:
    """Say how many validation examples ask what a training example asks; None where none does."""
    known = {_asked(one) for one in train}
    count = sum(_asked(one) in known for one in held)
    if not count:
        return None
    return (
        f"Warning: {count:,} of {len(held):,} validation examples have the prompt of a training example, so that "
        "validation rewards memory; take validation examples of other tasks."
    )


def _asked(one: Conversation) -> str:
    prompt = [(turn.role, turn.content) for turn in one.turns if not turn.train]
    return repr(prompt or one.turns)


def _commands(train: str, base: str, out: Path, config: TrainConfig) -> tuple[str, ...]:
    """The training on one GPU and on two, and what comes after it."""
    return (
        f"tracewarp {train}",
        f"accelerate launch --num_processes 2 -m tracewarp.cli {train}",
        *serving_lines(base, out / "adapter", whole=config.method == "full", rank=config.rank)[:2],
    )


def _summary(trained: Trained) -> Any:
    curve = trained.curve
    grid = plain_table()
    grid.add_column("Epoch", justify="right")
    grid.add_column("Training loss", justify="right")
    grid.add_column("Validation perplexity", justify="right")
    grid.add_column("")
    for epoch in curve.epochs:
        loss = "" if epoch.train_loss is None else f"{epoch.train_loss:.4f}"
        mark = "kept" if epoch.epoch == curve.kept_epoch else ""
        grid.add_row(str(epoch.epoch), loss, f"{epoch.perplexity:,.4f}", mark)
    grid.caption = (
        f"{trained.n_train:,} examples, {trained.n_validation:,} for validation, {trained.too_long:,} too long; "
        f"{trained.trained_parameters:,} of {trained.parameters:,} parameters learnt"
    )
    grid.caption_justify = "left"
    return grid
