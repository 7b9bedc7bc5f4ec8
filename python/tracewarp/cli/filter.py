"""`tracewarp filter`: runs into verdicts, kept trajectories and training examples."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any, Literal

import click

from tracewarp.cli._embedding import TextEmbedding
from tracewarp.cli._terminal import output_console
from tracewarp.errors import OptionError
from tracewarp.evaluate.capability_groups import groups_of
from tracewarp.report.table import table as plain_table
from tracewarp.report.words import number, of
from tracewarp.synthesize import HOLDOUTS, RULE_SETS, RULES, RULES_IN_WORDS, FilterQuality, Holdout, hold_out
from tracewarp.synthesize.agreement import AGREEMENT
from tracewarp.synthesize.filtering import (
    Filtered,
    TrainingData,
    drop_training_data,
    filter_samples,
    make_training_data,
    read_samples,
    summary,
    tasks_of,
    write_filtered,
    write_training_data,
)
from tracewarp.trajectory import Task, TaskSet


@click.command("filter", short_help="choose trajectories to learn from without knowing the truth, and make examples")
@click.argument("runs", type=click.Path(path_type=Path), nargs=-1, required=True, metavar="RUN...")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of the result.")
@click.option(
    "--rules", default="paper", show_default=True,
    help=f"Names separated by commas, of {', '.join(RULES)}; or a set: paper (the authors' released code), "
    "paper-text (section 2.1 of the paper), none.",
)  # fmt: skip
@click.option("--agreement", type=int, metavar="M", help="Keep only what M samples of a task did in the same way.")
@click.option("--one-of-each", is_flag=True, help="Of samples that agree, keep the first only.")
@click.option("--holdout", type=click.Choice(list(HOLDOUTS)), help="Leave out some tasks, to score on them.")
@click.option("--holdout-share", type=float, default=0.3, show_default=True, help="Of the groups that are left out.")
@click.option(
    "--encoder",
    default="hashed",
    show_default=True,
    help="For --holdout capability, where tasks have no capability of their own.",
)
@click.option("--all-steps", is_flag=True, help="Every step is an example; otherwise places are balanced.")
@click.option("--min-examples", type=click.IntRange(min=1), default=10, show_default=True, help="Fewer are refused.")
@click.option("--validation-share", type=float, default=0.1, show_default=True, help="Of the tasks.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every draw.")
@click.option("--json", "as_json", is_flag=True, help="Print the figures as JSON.")
def command(runs: tuple[Path, ...], *, out: Path, rules: str, agreement: int | None, one_of_each: bool,
            holdout: str | None, holdout_share: float, encoder: str, all_steps: bool, min_examples: int,
            validation_share: float, seed: int, as_json: bool) -> None:  # fmt: skip
    """Choose trajectories of RUNs to learn from by rules that need no ground truth, and make training examples of them.

    Every verdict is kept with its reasons (verdicts.jsonl), beside kept.jsonl, balanced examples.jsonl, and their two
    sides train.jsonl and validation.jsonl, which share no task. Where episodes were judged, the table says how often
    each rule was right. Runs of the same tasks count as samples of these tasks.

    \b
    Examples:
      tracewarp filter runs/base --out data
      tracewarp filter runs/base --rules early_stop,failure,unparsable --out data
      tracewarp filter runs/first runs/second --agreement 2 --holdout capability --out data
    """
    if one_of_each and agreement is None:
        raise OptionError("--one-of-each: expected with --agreement M, whose groups it is about")
    samples = read_samples(runs)
    chosen = read_rules(rules)
    left_out = _holdout(tasks_of(samples), holdout, share=holdout_share, seed=seed, encoder=encoder)
    keep: Literal["all", "one"] = "one" if one_of_each else "all"
    filtered = filter_samples(samples, rules=chosen, agreement=agreement, keep=keep, holdout=left_out)
    write_filtered(out, filtered)
    drop_training_data(out)
    if not as_json:
        _print(filtered)
    data = make_training_data(
        filtered, balanced=not all_steps, min_examples=min_examples, validation_share=validation_share, seed=seed
    )
    write_training_data(out, data)
    if as_json:
        click.echo(json.dumps(summary(filtered) | {"examples": _counts(data)}, indent=1))
        return
    output_console().print(_data_line(data))
    click.echo(_next_steps(out, filtered), err=True)


def read_rules(text: str) -> tuple[str, ...]:
    """The rules that `--rules` names."""
    if text in RULE_SETS:
        return RULE_SETS[text]
    return tuple(dict.fromkeys(name.strip() for name in text.split(",") if name.strip()))


def _holdout(tasks: Sequence[Task], by: str | None, *, share: float, seed: int, encoder: str) -> Holdout | None:
    """The tasks that are left out."""
    if by is None:
        return None
    capabilities = None
    if by == "capability":
        embedding = TextEmbedding(encoder, use_cache=True)
        webarena = TaskSet(tuple(tasks), sha256="").is_webarena
        groups = groups_of(tasks, embedding, encoder=embedding.name, is_webarena=webarena)
        if groups is None:
            raise OptionError("holdout by capability: no task has a template or a capability label")
        capabilities = {task: str(label) for task, label in groups.labels.items()}
    return hold_out(tasks, by=by, share=share, seed=seed, capabilities=capabilities)


def _print(filtered: Filtered) -> None:
    console = output_console()
    quality = filtered.quality
    words = {**RULES_IN_WORDS, AGREEMENT: f"fewer than {filtered.agreement} samples of the task took these actions"}
    grid = plain_table()
    grid.add_column("Rule")
    for heading in ("objects to", "alone", "right", "finds"):
        grid.add_column(heading, justify="right")
    grid.add_column("")
    for rule in quality.rules:
        figures = (f"{rule.objected:,}", f"{rule.alone:,}", number(rule.precision), number(rule.recall))
        grid.add_row(rule.rule, *figures, words[rule.rule])
    grid.caption = "alone: no other rule objects; right: failures among these; finds: these among the failures"
    grid.caption_justify = "left"
    if quality.rules:
        console.print(grid)
        console.print()
    console.print(_quality_table(filtered))
    if filtered.holdout is not None:
        held = filtered.holdout
        n_tasks = len(held.held_out) + len(held.train) + len(held.on_both_sides)
        both = f", and {len(held.on_both_sides):,} tasks on sites of both sides left out" if held.on_both_sides else ""
        console.print(
            f"Held out by {held.by}: {of(len(held.held_out), n_tasks)} tasks{both}; {filtered.left_out:,} trajectories "
            "are not trained on (holdout.json)"
        )


def _quality_table(filtered: Filtered) -> Any:
    """The filter beside no filter, where the truth is known."""
    grid = plain_table()
    grid.add_column("")
    for heading in ("kept", "accuracy", "F1", "precision", "recall"):
        grid.add_column(heading, justify="right")
    for name, quality in (("Unfiltered", filtered.unfiltered), ("Filtered", filtered.quality)):
        grid.add_row(name, of(quality.kept, quality.n), *_figures(quality))
    judged = filtered.quality.judged
    if judged:
        grid.caption = f"{of(filtered.quality.successes, judged)} judged episodes succeeded"
    else:
        grid.caption = "no episode was judged: how good the filter is cannot be said"
    grid.caption_justify = "left"
    return grid


def _figures(quality: FilterQuality) -> tuple[str, ...]:
    return tuple(number(value) for value in (quality.accuracy, quality.f1, quality.precision, quality.recall))


def _counts(data: TrainingData) -> dict[str, Any]:
    counts: dict[str, Any] = {"all": len(data.examples), "train": len(data.train), "validation": len(data.validation)}
    return counts | {"available": dict(data.balanced.available), "per_place": data.balanced.per_place}


def _data_line(data: TrainingData) -> str:
    line = f"{len(data.examples):,} examples: {len(data.train):,} to train on, {len(data.validation):,} for validation"
    available = ", ".join(f"{count:,} {place}" for place, count in data.balanced.available.items())
    if data.balanced.per_place is None:
        return f"{line} ({available})"
    return f"{line}; {data.balanced.per_place:,} of each place (available: {available})"


def _next_steps(out: Path, filtered: Filtered) -> str:
    train = f"tracewarp train {out / 'train.jsonl'} --validation {out / 'validation.jsonl'} --base MODEL --out trained"
    lines = [f"Wrote {out}. Next:", f"  {train}"]
    if filtered.holdout is not None:
        lines.append("Score on the tasks under held_out in holdout.json alone.")
    return "\n".join(lines)
