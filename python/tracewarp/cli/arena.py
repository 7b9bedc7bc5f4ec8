"""`tracewarp arena`: the embedded sites for a person, the proof of their tasks, and the tasks themselves."""

from __future__ import annotations

import json
import sys
from collections.abc import Iterable
from typing import TYPE_CHECKING, Any

import click
from rich.console import Console
from rich.progress import Progress
from rich.table import Table
from rich.text import Text

from tracewarp.cli._groups import Group
from tracewarp.cli._terminal import one_line, output_console

if TYPE_CHECKING:
    from tracewarp.envs.arena.check import ArenaReport, Proof

_PROFILE = click.option(
    "--profile", default="full", show_default=True, help="full, or small for models of a few million parameters."
)
_SEED = click.option("--seed", type=int, default=0, show_default=True, help="Of the content; 0 is the benchmark's.")
_INSTANCES = click.option(
    "--instances", type=int, help="Generate so many tasks instead of the listed benchmark, in turns over the templates."
)
_SHOWN_PROBLEMS = 20


@click.group("arena", cls=Group, short_help="six embedded web sites with their tasks: serve, check, parity, tasks")
def command() -> None:
    """Six small web sites with tasks in WebArena's schema, embedded in the package.

    \b
    Examples:
      tracewarp arena serve
      tracewarp arena check
      tracewarp arena tasks --format json > arena.json
    """


@command.command("serve")
@click.option("--port", type=int, default=0, show_default=True, help="0 takes a free one.")
@_PROFILE
@_SEED
def serve(port: int, profile: str, seed: int) -> None:
    """Serve the sites to a browser on this machine, until Ctrl-C.

    What a visitor changes lasts until the server ends.

    \b
    Examples:
      tracewarp arena serve --port 8008
    """
    from tracewarp.envs.arena.registry import SITES
    from tracewarp.envs.arena.serve import ArenaServer
    from tracewarp.envs.arena.world import world

    with ArenaServer(world(profile, seed), port=port) as server:
        for site in SITES.values():
            click.echo(f"{site.title:22} http://{site.name}.localhost:{server.port}/")
        click.echo("Only this machine reaches them. Ctrl-C ends.", err=True)
        server.wait()


@command.command("check")
@_PROFILE
@_SEED
@_INSTANCES
@click.option("--driver", default="browserless", show_default=True, help="browserless, http or chromium.")
@click.option("--template", "templates", multiple=True, help="Only these templates (shop.buy, or shop for a site).")
@click.option("--json", "as_json", is_flag=True, help="Print every proof as JSON.")
def check(
    *, profile: str, seed: int, instances: int | None, driver: Any, templates: tuple[str, ...], as_json: bool
) -> None:
    """Prove every task: its solution succeeds, nothing holds before acting, doing nothing succeeds only where marked.

    Exit code 1 where a task is not proved.

    \b
    Examples:
      tracewarp arena check
      tracewarp arena check --profile small --instances 1700
      tracewarp arena check --driver chromium --template forum
    """
    from tracewarp.envs.arena.check import ArenaReport
    from tracewarp.envs.arena.check import check as prove
    from tracewarp.envs.arena.environment import make_arena

    with (
        make_arena(driver=driver, profile=profile, seed=seed, instances=instances) as environment,
        Progress(console=_errors(), transient=True) as progress,
    ):
        refs = [ref for ref in environment.source if not templates or _named(ref.key, templates)]
        if not refs:
            raise click.UsageError(f"--template: no template is called {', '.join(templates)}")
        report = ArenaReport(tuple(progress.track(prove(environment, refs), total=len(refs), description="proving")))
    if as_json:
        click.echo(json.dumps([_as_json(proof) for proof in report.proofs], indent=1))
    else:
        _print(report)
    for proof in report.failures[:_SHOWN_PROBLEMS]:
        click.echo(f"{proof.ref}: {'; '.join(proof.problems)}", err=True)
    sys.exit(1 if report.failures else 0)


@command.command("parity")
@_PROFILE
@click.option("--limit", type=click.IntRange(min=1), help="Only every n-th task, so that about so many remain.")
@click.option("--template", "templates", multiple=True, help="Only these templates (shop.buy, or shop for a site).")
def parity(*, profile: str, limit: int | None, templates: tuple[str, ...]) -> None:
    """Follow every solution in a real Chromium and without a browser: text, ids, actions and scores must be equal.

    Exit code 1 where they are not. Needs the extra `browser` and a Chromium; takes about a second a task.

    \b
    Examples:
      tracewarp arena parity --limit 50
    """
    from tracewarp.envs.arena.environment import make_arena
    from tracewarp.envs.arena.parity import compare_drivers

    with (
        make_arena(driver="browserless", profile=profile) as plain,
        make_arena(driver="chromium", profile=profile) as real,
        Progress(console=_errors(), transient=True) as progress,
    ):
        refs = [ref for ref in plain.source if not templates or _named(ref.key, templates)]
        refs = refs[:: max(1, len(refs) // limit)] if limit else refs
        pairs = list(progress.track(compare_drivers(plain, real, refs), total=len(refs), description="comparing"))
        grid = Table("site", box=None, pad_edge=False)
        for name in ("tasks", "equal", "observations", str(plain.spec.driver), f"{real.spec.driver}, s a task"):
            grid.add_column(name, justify="right")
    for site in [*dict.fromkeys(pair.site for pair in pairs), "together"]:
        mine = [pair for pair in pairs if site in (pair.site, "together")]
        seconds = [f"{sum(pair.seconds[place] for pair in mine) / len(mine):.3f}" for place in (0, 1)]
        equal = sum(pair.difference is None for pair in mine)
        observations = sum(pair.observations for pair in mine)
        grid.add_row(site, str(len(mine)), str(equal), str(observations), *seconds)
    output_console().print(grid)
    different = [pair for pair in pairs if pair.difference is not None]
    for pair in different[:_SHOWN_PROBLEMS]:
        click.echo(one_line(f"{pair.ref}: {pair.difference}"), err=True)
    sys.exit(1 if different else 0)


@command.command("tasks")
@_PROFILE
@_SEED
@_INSTANCES
@click.option("--split", default="all", show_default=True, help="all, train, validation, test, capability-train, ...")
@click.option("--template", "templates", multiple=True, help="Only these templates (shop.buy, or shop for a site).")
@click.option("--kind", type=click.Choice(["information", "navigation", "change"]), help="Only tasks of one kind.")
@click.option(
    "--format",
    "form",
    type=click.Choice(["table", "json", "labels"]),
    default="table",
    show_default=True,
    help="json: WebArena's schema. labels: task id to number of the capability.",
)
def tasks(
    *,
    profile: str,
    seed: int,
    instances: int | None,
    split: str,
    templates: tuple[str, ...],
    kind: str | None,
    form: str,
) -> None:
    """List the tasks, or write them in WebArena's schema.

    \b
    Examples:
      tracewarp arena tasks --template shop --kind change
      tracewarp arena tasks --format json > arena.json
      tracewarp arena tasks --instances 1700 --profile small --split train --format json > train.json
    """
    from tracewarp.envs.arena.benchmark import capability_labels
    from tracewarp.envs.arena.source import ArenaSource

    source = ArenaSource(profile=profile, seed=seed, instances=instances)
    chosen = [ref for ref in source.split(split) if not templates or _named(ref.key, templates)]
    every = {ref: source.find(ref) for ref in chosen}
    found = {ref: task for ref, task in every.items() if kind in (None, task.template.kind)}
    if form == "json":
        click.echo(json.dumps([task.record() for task in found.values()], indent=1, ensure_ascii=False))
    elif form == "labels":
        click.echo(json.dumps(capability_labels(found.values()), indent=0))
    else:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for heading in ("id", "reference", "capability", "intent"):
            table.add_column(heading, overflow="fold")
        for ref, task in found.items():
            table.add_row(str(task.id), str(ref), task.template.capability, Text(one_line(task.intent)))
        output_console().print(table)
        click.echo(f"{len(found)} tasks", err=True)


def _named(key: str, names: tuple[str, ...]) -> bool:
    return any(key == name or key.startswith(f"{name}.") for name in names)


def _errors() -> Console:
    return Console(stderr=True)


def _as_json(proof: Proof) -> dict[str, Any]:
    return {
        "task": str(proof.ref),
        "steps": proof.steps,
        "pages": proof.pages,
        "most_nodes": proof.most_nodes,
        "trivial": proof.trivial,
        "problems": list(proof.problems),
    }


def _print(report: ArenaReport) -> None:
    table = Table(box=None, pad_edge=False, header_style="bold")
    for heading in ("template", "kind", "capability"):
        table.add_column(heading)
    for heading in ("tasks", "proved", "steps", "pages", "trivial"):
        table.add_column(heading, justify="right")
    for template, proofs in report.by_template().items():
        table.add_row(
            template.key,
            template.kind,
            template.capability,
            str(len(proofs)),
            str(sum(not proof.problems for proof in proofs)),
            _span(proof.steps for proof in proofs),
            _span(proof.pages for proof in proofs),
            str(sum(proof.trivial for proof in proofs) or ""),
        )
    console = output_console()
    console.print(table)
    console.print()
    capabilities = {template.capability for template in report.by_template()}
    summary = Table(box=None, show_header=False, pad_edge=False)
    for name, text in (
        ("tasks", f"{len(report.proofs)}, proved {len(report.proofs) - len(report.failures)}"),
        ("templates", f"{len(report.by_template())}, {len(capabilities)} capabilities"),
        ("sites", ", ".join(f"{name} {number}" for name, number in report.by_site().items())),
        ("kinds", ", ".join(f"{name} {number}" for name, number in report.by_kind().items())),
        ("steps", f"median {report.median_steps:g} of the solutions, stop included"),
        ("pages", f"{report.long_templates(4)} templates need 4 or more"),
        ("trivial", f"{report.trivial} tasks are solved by stop [N/A] at once, as they are marked"),
    ):
        summary.add_row(Text(name, style="bold"), Text(text))
    console.print(summary)


def _span(numbers: Iterable[int]) -> str:
    found = sorted(numbers)
    return str(found[0]) if found[0] == found[-1] else f"{found[0]}-{found[-1]}"
