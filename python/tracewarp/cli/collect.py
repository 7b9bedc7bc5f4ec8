"""`tracewarp collect`: a policy acts in an environment, and every episode is recorded."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

import click

from tracewarp.cli._collecting import CollectingDisplay, next_steps, summary
from tracewarp.cli._terminal import output_console
from tracewarp.collect import CollectOptions, Limits, collect
from tracewarp.collect.policies import read_value


@click.command("collect", short_help="let a policy act in an environment, and record every episode")
@click.option(
    "--env", "environment", default="arena", show_default=True, help="arena, miniwob, webarena, or module:object."
)
@click.option(
    "--policy",
    required=True,
    help="trivial, random, overlap, oracle, noisy, model, or module:factory of your own; settings behind a colon.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="The run folder.")
@click.option("--driver", help="What stands behind a web environment: browserless, http or chromium.")
@click.option("--profile", help="Of the environment (arena: full or small).")
@click.option(
    "--evaluator",
    type=click.Choice(["webarena", "strict"]),
    help="How the checks of a task compare: webarena (the default), or strict, without WebArena's known faults.",
)
@click.option("--list-dialog", is_flag=True, help="Tell the agent of the action dialog [accept] (web environments).")
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="Another setting of the environment.")
@click.option("--split", help="Only the tasks of this split; otherwise all.")
@click.option("--tasks", help="Only these tasks: references or ids, with commas between.")
@click.option("--limit", type=int, help="Only the first so many tasks.")
@click.option("--repeats", type=int, default=1, show_default=True, help="Episodes of each task.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every draw of the policy.")
@click.option("--workers", type=int, default=1, show_default=True, help="Episodes at a time; changes no record.")
@click.option("--max-steps", type=int, help="Actions in an episode; otherwise the environment's budget.")
@click.option("--max-seconds", type=float, help="Wall clock of an episode; otherwise no limit.")
@click.option("--overwrite", is_flag=True, help="Begin anew where the folder holds a run.")
@click.option(
    "--retry-errors",
    is_flag=True,
    help="Collect agent_error episodes again too; model_unavailable and environment_error always are.",
)
@click.option(
    "--stop-after-errors",
    type=click.IntRange(min=0),
    default=20,
    show_default=True,
    help="Stop after this many episodes in a row that ended in an error; 0: never.",
)
@click.option("--quiet", is_flag=True, help="No progress, no words at the end.")
def command(out: Path, max_steps: int | None, max_seconds: float | None, quiet: bool, **given: Any) -> None:
    """Let a POLICY act in an environment and record every episode in a run folder.

    The same command continues where an earlier one was stopped or killed; nothing that was finished is lost. A model
    must answer a request of one token before the first episode. Exit code 1: it did not, or --stop-after-errors stopped
    the run, or every episode ended in an error.

    \b
    Examples:
      tracewarp collect --policy oracle --out runs/oracle
      tracewarp collect --policy noisy:wrong=0.1,give_up=0.05 --repeats 5 --workers 4 --out runs/noisy
      tracewarp collect --policy random --driver chromium --limit 10 --out runs/random
      tracewarp collect --policy my_policy:MyPolicy --split test --out runs/mine
    """
    with CollectingDisplay(quiet=quiet) as display:
        collected = collect(out, _options(given, max_steps=max_steps, max_seconds=max_seconds), listener=display)
    output_console().print(summary(collected))
    if not quiet:
        click.echo(next_steps(collected), err=True)
    tally = collected.progress.tally
    if tally.all_failed:
        click.echo(f"Error: all {tally.done:,} episodes ended in an error.", err=True)
        sys.exit(1)


def _options(given: dict[str, Any], *, max_steps: int | None, max_seconds: float | None) -> CollectOptions:
    settings: dict[str, Any] = {name: given.pop(name) for name in ("driver", "profile", "evaluator")}
    settings["list_dialog"] = given.pop("list_dialog") or None
    for pair in given.pop("more"):
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"--set: expected NAME=VALUE, got {pair!r}")
        settings[name] = read_value(value)
    tasks = tuple(name.strip() for name in (given.pop("tasks") or "").split(",") if name.strip())
    return CollectOptions(
        settings={name: value for name, value in settings.items() if value is not None},
        tasks=tasks,
        stop_after_errors=given.pop("stop_after_errors") or None,
        limits=Limits(max_steps=max_steps, max_seconds=max_seconds),
        **given,
    )
