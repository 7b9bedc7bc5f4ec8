"""`tracewarp study`: experiments that one command reproduces."""

from __future__ import annotations

import time
from pathlib import Path
from types import TracebackType
from typing import Any

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeElapsedColumn

from tracewarp.cli._groups import Group
from tracewarp.cli._terminal import one_line, shortened
from tracewarp.collect.policies import read_value

_PATH = click.Path(path_type=Path)
_STAGE_CHARS = 48
_LOG_SECONDS = 20.0
"""Between two lines of progress where stderr is no terminal."""
_SPLITS = {"arena": ("capability-train", "capability-test"), "miniwob": ("test",)}
"""Splits of the environments that ship: chosen on the first, confirmed on the second."""


@click.group("study", cls=Group, short_help="reproduce an experiment: how far the score can be trusted")
def command() -> None:
    """Experiments that one command reproduces. Each writes tables (Markdown and JSON) and plots (SVG).

    \b
    Examples:
      tracewarp study validity --env arena --out out/validity
      tracewarp study validity my-run.jsonl --out out/validity
    """


@command.command("validity")
@click.argument("runs", metavar="[RUN]...", nargs=-1, type=_PATH)
@click.option("--env", "environment", help="Environment that knows solutions: arena, miniwob, or module:object.")
@click.option("--profile", help="Profile of the environment (arena: full or small).")
@click.option("--set", "more", multiple=True, metavar="NAME=VALUE", help="Another setting of the environment.")
@click.option("--split", "splits", multiple=True, help="Split to study; may be repeated. The first one chooses.")
@click.option("--limit", type=click.IntRange(min=1), help="Only the first so many tasks of each split.")
@click.option("--agent", "agents", multiple=True, help="Another policy that attempts every task; may be repeated.")
@click.option("--repeats", type=int, default=2, show_default=True, help="Attempts of each agent at each task.")
@click.option("--chosen", type=_PATH, help="JSON file of an earlier study, whose choice is confirmed here.")
@click.option("--tasks", type=_PATH, help="Task file of the recordings (templates, capabilities).")
@click.option("--name", default="recordings", show_default=True, help="Name of the results of recordings.")
@click.option("--max-references", type=int, default=3, show_default=True, help="References of each task (0 uses all).")
@click.option("--encoder", "encoders", multiple=True, help="Encoder to compare with hashed; may be repeated.")
@click.option("--encoder-tasks", type=int, default=40, show_default=True, help="Tasks for that comparison.")
@click.option("--seed", type=int, default=0, show_default=True, help="Random seed.")
@click.option("--resamples", type=int, default=2_000, show_default=True, help="Bootstrap resamples.")
@click.option("--workers", type=int, default=1, show_default=True, help="Episodes at a time; changes no result.")
@click.option("--threads", type=int, help="Threads for scoring; otherwise the CPUs that this process may use.")
@click.option(
    "--work",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tracewarp-validity"),
    show_default=True,
    help="Folder for collected runs and finished cells; the same command continues there.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Output directory.")
def validity(runs: tuple[Path, ...], environment: str | None, work: Path, out: Path, **given: Any) -> None:
    """Measure how far VERTEX_DTW can be trusted: does it tell success, rank agents, and notice known damage?

    With --env, agents of planted quality attempt every task of an environment that knows solutions, and a default is
    chosen by the rule of docs/decisions/0028. With RUN, recordings that people or evaluators labelled are studied, one
    RUN for each agent. Both end with a leak audit: what start time, first page and manner of ending alone say about
    success.

    \b
    Examples:
      tracewarp study validity --env arena --out docs/studies/validity
      tracewarp study validity --env arena --profile small --limit 30 --repeats 1 --out out/validity
      tracewarp study validity --env miniwob --chosen docs/studies/validity/arena.json --out docs/studies/validity
      tracewarp study validity labelled.jsonl --tasks tasks.json --name mine --out out/validity
    """
    from tracewarp.studies.validity import (
        RecordingOptions,
        ValidityOptions,
        planted_agents,
        setting_of,
        study_environment,
        study_recordings,
        write_study,
    )

    if bool(runs) == (environment is not None):
        raise click.UsageError("expected either --env or at least one RUN, got " + ("both" if runs else "neither"))
    prefer = None if given["chosen"] is None else setting_of(given["chosen"])
    both = {name: given[name] for name in ("max_references", "encoder_tasks", "seed", "resamples", "threads")}
    with StudyDisplay() as display:
        if environment is None:
            _refuse(given, "profile", "more", "splits", "limit", "agents", why="belongs to --env")
            recorded = RecordingOptions(tasks=given["tasks"], encoders=("hashed", *given["encoders"]), **both)
            result = study_recordings(runs, recorded, work, name=given["name"], prefer=prefer, listener=display)
        else:
            _refuse(given, "tasks", why="belongs to recordings")
            settings = {"profile": given["profile"]} | _settings(given["more"])
            options = ValidityOptions(
                environment=environment,
                settings={name: value for name, value in settings.items() if value is not None},
                splits=given["splits"] or _SPLITS.get(environment, ("test",)),
                chosen_elsewhere=prefer is not None,
                agents=tuple(dict.fromkeys((*planted_agents(), *given["agents"]))),
                limit=given["limit"],
                repeats=given["repeats"],
                encoders=("hashed", *given["encoders"]),
                workers=given["workers"],
                **both,
            )
            result = study_environment(options, work, prefer=prefer, listener=display)
    files = write_study(result, out)
    for split in result.splits:
        if split.choice is not None:
            click.echo(f"{split.name}: the rule gives {split.choice.chosen.label}")
    if result.chosen:
        click.echo(f"chosen: {result.chosen}")
    click.echo(f"Wrote {files[0]} and {len(files) - 1} more files.", err=True)


def _refuse(given: dict[str, Any], *names: str, why: str) -> None:
    for name in names:
        if given[name]:
            option = {"more": "set", "splits": "split", "agents": "agent"}.get(name, name)
            raise click.UsageError(f"--{option}: {why}")


def _settings(pairs: tuple[str, ...]) -> dict[str, Any]:
    found = {}
    for pair in pairs:
        name, equals, value = pair.partition("=")
        if not equals or not name.isidentifier():
            raise click.UsageError(f"--set: expected NAME=VALUE, got {pair!r}")
        found[name] = read_value(value)
    return found


class StudyDisplay:
    """One bar for each stage on a terminal; elsewhere a line now and then."""

    def __init__(self) -> None:
        self.display = Progress(
            TextColumn("{task.description}"),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TimeElapsedColumn(),
            console=Console(stderr=True, markup=False, highlight=False),
        )
        self.bars: dict[str, TaskID] = {}
        self.told = time.monotonic()

    def __enter__(self) -> StudyDisplay:
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.stop()

    def __call__(self, stage: str, done: int, total: int) -> None:
        """Move the bar of a stage."""
        words = shortened(one_line(stage), _STAGE_CHARS)
        if stage not in self.bars:
            for other, bar in list(self.bars.items()):
                self.display.remove_task(bar)
                del self.bars[other]
            self.bars[stage] = self.display.add_task(words, total=total)
        self.display.update(self.bars[stage], completed=done, total=total)
        if not self.display.console.is_terminal and time.monotonic() - self.told > _LOG_SECONDS:
            self.told = time.monotonic()
            click.echo(f"{words}: {done:,} of {total:,}", err=True)
