"""`tracewarp demo`: from nothing to a report, on arena or on recorded WebArena episodes."""

from __future__ import annotations

import webbrowser
from pathlib import Path

import click

from tracewarp.cli._arena_demo import arena_demo
from tracewarp.cli._improvement_demo import improvement_demo
from tracewarp.cli._recorded_demo import recorded_demo
from tracewarp.errors import FileError


@click.command("demo", short_help="let the model that ships improve itself on the embedded sites, and report")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    help="Folder for runs, scores and pages.  [default: tracewarp-demo, with the option's name behind it]",
)
@click.option("--policies", is_flag=True, help="Let scripted policies act and be compared instead; needs no torch.")
@click.option("--recorded", is_flag=True, help="Score real WebArena episodes that ship with the package instead.")
@click.option("--limit", type=click.IntRange(min=1), help="At most so many tasks of arena.")
@click.option("--encoder", help="Encoder of the steps with --policies and --recorded.  [default: hashed]")
@click.option("--open/--no-open", "show", default=False, help="Open the report in a browser.  [default: no-open]")
def command(
    out: Path | None, *, policies: bool, recorded: bool, limit: int | None, encoder: str | None, show: bool
) -> None:
    """Let a tiny model act in arena, learn from its own trajectories in two rounds, and measure what that gave.

    The paper's three mixtures, the agreement filter and three controls learn from what was collected; all are compared
    with the base on tasks that nothing was learnt from, greedily and at temperature 1. Takes less than ten minutes on
    two cores, needs the extra `train`, and no network, browser or GPU. A demo that was stopped goes on.

    With --policies, five scripted policies (nothing, random, the known solution, and that with planted errors at two
    rates) act on the test split and are scored; less than two minutes, runs of an earlier demo are replaced.

    \b
    Examples:
      tracewarp demo
      tracewarp demo --policies --open
      tracewarp demo --recorded --out webarena
    """
    if policies and recorded:
        raise click.UsageError("--policies and --recorded: choose one of the two")
    if recorded and limit is not None:
        raise click.UsageError("--limit is about arena; it does not go with --recorded")
    if encoder is not None and not (policies or recorded):
        raise click.UsageError("--encoder goes with --policies or --recorded")
    if out is None:
        out = Path("tracewarp-demo" + ("-policies" if policies else "-recorded" if recorded else ""))
    make_folder(out)
    if recorded:
        report = recorded_demo(out, encoder=encoder or "hashed")
    elif policies:
        report = arena_demo(out, encoder=encoder or "hashed", limit=limit)
    else:
        report = improvement_demo(out, limit=limit)
    if show:
        webbrowser.open(report.resolve().as_uri())


def make_folder(out: Path) -> None:
    """Make the folder before the work, so that a wrong one is told at once."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"--out {out}: the folder cannot be made ({error.strerror or error})") from None
