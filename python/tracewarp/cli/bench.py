"""`tracewarp bench`: the DTW implementations that are installed, on the user's own shapes."""

from __future__ import annotations

import json
import os
import re
import sys
from pathlib import Path

import click
import numpy as np
from numpy.typing import NDArray
from rich.console import Console

from tracewarp.cli._terminal import output_console
from tracewarp.embed import StepEmbedder, get_encoder
from tracewarp.errors import EmptyRunError, FileError
from tracewarp.metrics import Ragged
from tracewarp.metrics.peers import compare_peers, random_walks
from tracewarp.report import print_comparison, write_comparison
from tracewarp.trajectory import open_run


def _steps(_context: click.Context, parameter: click.Parameter, value: str | None) -> tuple[int, int] | None:
    """`30`, or `3-60`, as the least and the most."""
    if value is None:
        return None
    found = re.fullmatch(r"(\d{1,7})(?:-(\d{1,7}))?", value)
    low, high = (int(found[1]), int(found[2] or found[1])) if found else (0, 0)
    if not 1 <= low <= high:
        expected = "expected a number of steps such as 30, or a range such as 3-60"
        raise click.BadParameter(f"{expected}, got {value!r}", param=parameter)
    return low, high


@click.command("bench", short_help="compare the installed DTW implementations on shapes of your own")
@click.option("--pairs", type=click.IntRange(min=1), default=200, show_default=True, help="Pairs of sequences.")
@click.option(
    "--steps",
    callback=_steps,
    metavar="N|LOW-HIGH",
    help="Steps of a sequence, 30 or a range such as 3-60.  [default: 30]",
)
@click.option("--dim", type=click.IntRange(min=1), help="Numbers a step.  [default: 768]")
@click.option(
    "--from",
    "run",
    type=click.Path(path_type=Path),
    help="Pairs of episodes of this RUN, embedded, instead of random walks.",
)
@click.option("--encoder", default="hashed", show_default=True, help="With --from: as for evaluate.")
@click.option("--threads", type=int, help="Of tracewarp's second row; otherwise the CPUs that this process may use.")
@click.option("--seed", type=click.IntRange(min=0), default=0, show_default=True, help="Of the walks, or of the pairs.")
@click.option("--repeats", type=click.IntRange(min=1), default=5, show_default=True, help="Rounds.")
@click.option("--seconds", type=float, default=2.0, show_default=True, help="About so long for each implementation.")
@click.option(
    "--out",
    type=click.Path(path_type=Path, file_okay=False),
    default=Path("tracewarp-bench"),
    show_default=True,
    help="Folder for bench.html and bench.json.",
)
@click.option("--json", "as_json", is_flag=True, help="Print the content of bench.json instead of the table.")
def command(
    pairs: int,
    *,
    steps: tuple[int, int] | None,
    dim: int | None,
    run: Path | None,
    encoder: str,
    threads: int | None,
    seed: int,
    repeats: int,
    seconds: float,
    out: Path,
    as_json: bool,
) -> None:
    """Time DTW of embedded sequences: tracewarp, plain numpy, and every known package that is installed.

    Says who gives the same distances, and what the others compute instead. Exit code 1 where plain numpy and tracewarp
    disagree.

    \b
    Examples:
      tracewarp bench
      tracewarp bench --pairs 200 --steps 30 --dim 768
      tracewarp bench --steps 3-60 --dim 384 --out bench/
      tracewarp bench --from my-run.jsonl --pairs 50
    """
    if run is not None and (steps is not None or dim is not None):
        raise click.UsageError("--from takes steps and dimension from the run: leave --steps and --dim out")
    _make_folder(out)
    if run is not None:
        xs, ys = episode_pairs(run, encoder, pairs, seed)
    else:
        xs, ys = (random_walks(pairs, steps or (30, 30), dim or 768, seed=2 * seed + side) for side in (0, 1))
    with Console(stderr=True).status("preparing") as status:
        found = compare_peers(xs, ys, threads=threads, repeats=repeats, seconds=seconds, progress=status.update)
    text = json.dumps(found.to_dict() | {"seed": seed, "run": None if run is None else str(run)}, indent=1)
    write_comparison(found, out / "bench.html")
    _write(out / "bench.json", text + "\n")
    if as_json:
        click.echo(text)
    else:
        print_comparison(found, output_console())
    click.echo(f"Wrote {out / 'bench.html'} and {out / 'bench.json'}.", err=True)
    if not found.agrees:
        click.echo("tracewarp and plain numpy disagree on these sequences.", err=True)
        sys.exit(1)


def episode_pairs(run: Path, encoder: str, pairs: int, seed: int) -> tuple[Ragged, Ragged]:
    """Embed episodes of a run, and draw pairs of different ones.

    Raises:
        EmptyRunError: Fewer than two episodes with steps.
    """
    reader = open_run(run)
    episodes = [episode for episode in reader if episode.steps]
    if reader.problems:
        click.echo(f"{run}: {len(reader.problems)} problems; `tracewarp validate` lists them.", err=True)
    if len(episodes) < 2:
        raise EmptyRunError(f"{run}: expected at least two episodes with steps, got {len(episodes)}")
    rng = np.random.default_rng(seed)
    first = rng.integers(0, len(episodes), pairs)
    second = (first + rng.integers(1, len(episodes), pairs)) % len(episodes)
    used = np.unique(np.concatenate([first, second]))
    rows: dict[int, NDArray[np.float16]] = {}
    embedder = StepEmbedder(get_encoder(encoder))
    for k in used.tolist():
        steps = episodes[k].steps
        rows[k] = embedder.embed(((episodes[k].task, step) for step in steps), total=len(steps))
    return Ragged.from_list([rows[k] for k in first.tolist()]), Ragged.from_list([rows[k] for k in second.tolist()])


def _make_folder(out: Path) -> None:
    """Make the folder before the work, so that a wrong one is told at once."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"--out {out}: the folder cannot be made ({error.strerror or error})") from None


def _write(path: Path, text: str) -> None:
    """Write beside `path`, then rename."""
    beside = path.with_name(f".{path.name}.{os.getpid()}.tmp")
    try:
        beside.write_text(text, "utf-8")
        beside.replace(path)
    except OSError as error:
        raise FileError(f"{path}: cannot be written ({error.strerror or error})") from None
    finally:
        beside.unlink(missing_ok=True)
