"""`tracewarp evaluate`: runs in, a table, scores.json and a report out."""

from __future__ import annotations

import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any, get_args

import click
from click.core import ParameterSource
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskID, TextColumn, TimeRemainingColumn

from tracewarp.cli._terminal import one_line, output_console, shortened
from tracewarp.embed import STEP_TEMPLATES
from tracewarp.errors import FileError
from tracewarp.evaluate import EvaluateOptions, Scores, evaluate, scores_json, write_scores
from tracewarp.evaluate import Progress as Reading
from tracewarp.evaluate.options import CLUSTER_KINDS, DEFAULT_MAX_REFERENCES, PRESETS, ScoredSteps
from tracewarp.metrics import VertexOptions
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES
from tracewarp.metrics.vertex import BASELINES, DECAYS, MODES, REFERENCE_AGGREGATES
from tracewarp.report import print_scores, write_report

SHOWN_PROBLEMS = 5
NAME_CHARS = 24
LOG_SECONDS = 20.0
"""Between two lines of progress where stderr is no terminal."""

_RUN = click.Path(path_type=Path)
_VERTEX = ("mode", "gamma", "decay", "strength", "z")


@click.command("evaluate", short_help="score runs against references, with intervals, and write a report")
@click.argument("runs", metavar="RUN...", nargs=-1, required=True, type=_RUN)
@click.option("--tasks", type=_RUN, help="Task file (WebArena's test.raw.json, or one task a line).")
@click.option("--capabilities", type=_RUN, help="JSON file of capability labels: an object of task id to label.")
@click.option("--references", multiple=True, type=_RUN, help="Run with reference trajectories; may be repeated.")
@click.option(
    "--references-from",
    type=click.Choice(["capability"]),
    help="capability: refer to the trajectories of the other tasks of the same capability.",
)
@click.option(
    "--all-references/--successful-references",
    default=False,
    help="Also refer to trajectories that did not succeed; by default only successful ones are references.",
)
@click.option(
    "--max-references",
    type=int,
    default=DEFAULT_MAX_REFERENCES,
    show_default=True,
    help="Maximum number of references per task, drawn with --seed; 0 uses all.",
)
@click.option(
    "--reference-aggregate",
    type=click.Choice(REFERENCE_AGGREGATES),
    default="max",
    show_default=True,
    help="How the scores against several references become one.",
)
@click.option(
    "--steps",
    type=click.Choice(get_args(ScoredSteps)),
    default="accepted",
    show_default=True,
    help="Steps that VERTEX_DTW compares; accepted leaves out unreadable and refused actions.",
)
@click.option(
    "--preset",
    type=click.Choice(list(PRESETS)),
    help="Use the settings of the paper for VERTEX_DTW; options given explicitly override them.",
)
@click.option("--trivial", type=_RUN, help="Run of an agent that does nothing: trivial tasks and baseline.")
@click.option("--compare-to", type=_RUN, help="Run to compare every RUN with; otherwise all pairs are compared.")
@click.option(
    "--encoder", default="hashed", show_default=True, help="hashed, minilm, paper, or a sentence-transformers model."
)
@click.option(
    "--step-template",
    type=click.Choice(STEP_TEMPLATES),
    default="action_first",
    show_default=True,
    help="What an encoder reads of a step.",
)
@click.option("--include-reasoning", is_flag=True, help="Also embed the thought before the action.")
@click.option("--cache", type=_RUN, help="File of the embedding cache; otherwise the user's.")
@click.option("--no-cache", is_flag=True, help="Keep no embeddings on disk.")
@click.option(
    "--mode", type=click.Choice(MODES), default="normalized", show_default=True, help="How VERTEX_DTW scores a cell."
)
@click.option("--gamma", type=float, default=1.0, show_default=True, help="Bandwidth of the step similarity.")
@click.option("--decay", type=click.Choice(DECAYS), default="hyperbolic", show_default=True, help="Weight by position.")
@click.option(
    "--strength", type=float, default=1.0, show_default=True, help="How fast the weight falls under --decay relative."
)
@click.option(
    "--z", type=click.Choice(BASELINES), default="zero_pad", show_default=True, help="Baseline from the trivial agent."
)
@click.option(
    "--cluster",
    type=click.Choice(CLUSTER_KINDS),
    help="What intervals and tests are taken over; by default templates where tasks have them, else tasks.",
)
@click.option("--seed", type=int, default=0, show_default=True, help="Of every bootstrap and random draw.")
@click.option("--resamples", type=int, default=DEFAULT_RESAMPLES, show_default=True, help="Of every bootstrap.")
@click.option("--confidence", type=float, default=DEFAULT_CONFIDENCE, show_default=True, help="Of the intervals.")
@click.option(
    "--chance-draws", type=int, default=5, show_default=True, help="Other tasks a task for the chance level; 0: none."
)
@click.option("--threads", type=int, help="Threads; otherwise the CPUs that this process may use.")
@click.option("--strict", is_flag=True, help="Stop at the first record that cannot be read (exit code 2).")
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), help="Folder for scores.json and report.html.")
@click.option("--json", "as_json", is_flag=True, help="Print the content of scores.json instead of the table.")
def command(runs: tuple[Path, ...], out: Path | None, as_json: bool, **options: Any) -> None:
    """Score each RUN: success, capabilities, VERTEX_DTW against references, steps; with intervals and comparisons.

    RUN is a .jsonl[.gz|.zst] of trajectories, a run folder or an AgentLab directory. What cannot be scored is said.

    \b
    Examples:
      tracewarp evaluate my-run.jsonl
      tracewarp evaluate my-run.jsonl --tasks tasks.json --references-from capability --out out/
      tracewarp evaluate new.jsonl --compare-to old.jsonl --references gold.jsonl --out out/
      tracewarp evaluate my-run.jsonl --references gold.jsonl --json > scores.json
    """
    chosen = _options(options)
    if out is not None:
        _make_folder(out)
    with _progress() as progress:
        scores = evaluate(runs, chosen, listener=ReadingProgress(progress))
    _tell_problems(scores)
    if out is not None:
        write_scores(scores, out / "scores.json")
        write_report(scores, out / "report.html")
    if as_json:
        click.echo(scores_json(scores))
    else:
        print_scores(scores, output_console())
    if out is not None:
        click.echo(f"Wrote {out / 'scores.json'} and {out / 'report.html'}.", err=True)


def _options(given: dict[str, Any]) -> EvaluateOptions:
    """The command line's words as options; out of range is told here, before any work."""
    use_cache = not given.pop("no_cache")
    if not use_cache and given["cache"] is not None:
        raise click.UsageError("--cache and --no-cache exclude each other")
    preset = given.pop("preset")
    if preset is None:
        vertex = VertexOptions(**{name: given.pop(name) for name in _VERTEX})
        return EvaluateOptions(vertex=vertex, use_cache=use_cache, **given)
    source = click.get_current_context().get_parameter_source
    explicit = {name: value for name, value in given.items() if source(name) is not ParameterSource.DEFAULT}
    vertex = replace(PRESETS[preset]["vertex"], **{name: explicit.pop(name) for name in _VERTEX if name in explicit})
    return EvaluateOptions.from_preset(preset, vertex=vertex, use_cache=use_cache, **explicit)


def _make_folder(out: Path) -> None:
    """Make the folder before the work, so that a wrong one is told at once."""
    try:
        out.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"--out {out}: the folder cannot be made ({error.strerror or error})") from None


def _progress() -> Progress:
    return Progress(
        TextColumn("{task.description}"),
        BarColumn(bar_width=12),
        MofNCompleteColumn(),
        TextColumn("episodes, {task.fields[steps]:,} steps ({task.fields[encoded]:,} encoded)"),
        TimeRemainingColumn(),
        console=Console(stderr=True, markup=False, highlight=False),
    )


class ReadingProgress:
    """Shows how the reading of each run goes on: episodes, steps, and the time left."""

    def __init__(self, display: Progress) -> None:
        self.display = display
        self.bars: dict[str, TaskID] = {}
        self.told = time.monotonic()

    def __call__(self, progress: Reading) -> None:
        """Move the bar of a run."""
        if progress.run not in self.bars:
            self.bars[progress.run] = self.display.add_task(
                shortened(one_line(progress.run), NAME_CHARS), total=progress.expected_episodes, steps=0, encoded=0
            )
        self.display.update(
            self.bars[progress.run],
            completed=progress.episodes,
            total=progress.episodes if progress.done else progress.expected_episodes,
            steps=progress.steps,
            encoded=progress.encoded,
        )
        # Where nobody looks at a terminal a bar draws nothing: a line now and then goes to the log instead.
        if not self.display.console.is_terminal and time.monotonic() - self.told > LOG_SECONDS:
            self.told = time.monotonic()
            known = "" if progress.expected_episodes is None else f" of {progress.expected_episodes:,}"
            click.echo(
                f"{shortened(one_line(progress.run), NAME_CHARS)}: {progress.episodes:,}{known} episodes read, "
                f"{progress.steps:,} steps ({progress.encoded:,} encoded)",
                err=True,
            )


def _tell_problems(scores: Scores) -> None:
    """Say on stderr what could not be read."""
    for source in scores.settings["sources"]:
        for problem in source["problems"][:SHOWN_PROBLEMS]:
            click.echo(one_line(problem), err=True)
        if source["n_problems"] > SHOWN_PROBLEMS:
            click.echo(f"... and {source['n_problems'] - SHOWN_PROBLEMS} more in {one_line(source['path'])}", err=True)
    sys.stderr.flush()
