"""`tracewarp judge`: judge the episodes of a run again, from the evidence in their records."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from contextlib import closing, nullcontext
from pathlib import Path
from typing import TYPE_CHECKING, Any, get_args

import click
from rich.table import Table
from rich.text import Text

from tracewarp.cli._terminal import one_line, output_console, problem_lines, shortened
from tracewarp.envs.web.evaluators import Evaluator
from tracewarp.errors import OptionError
from tracewarp.evaluate.rejudge import Rejudged, rejudge
from tracewarp.trajectory import RunReader, Trajectory, open_run, write_trajectories

if TYPE_CHECKING:
    from tracewarp.models.base import Model

SHOWN_CHANGES = 50
SHOWN_PROBLEMS = 20
_REASON_CHARACTERS = 100


@click.command("judge", short_help="judge the episodes of a run again, from the evidence in their records")
@click.argument("run", type=click.Path(path_type=Path))
@click.option("--out", type=click.Path(path_type=Path), help="Write the run with its new scores to this file.")
@click.option("--judge-model", help="Compares answers by their meaning: openai:NAME or hf:NAME_OR_FOLDER.")
@click.option(
    "--judge-base-url",
    envvar="JUDGE_BASE_URL",
    help="Of the judge's server; otherwise JUDGE_BASE_URL, OPENAI_BASE_URL.",
)
@click.option(
    "--evaluator",
    type=click.Choice(get_args(Evaluator)),
    default="webarena",
    show_default=True,
    help="How checks compare: as WebArena does, or strict, without its known faults.",
)
@click.option("--response-cache", type=click.Path(path_type=Path), help="Keep the judge's answers in this file.")
@click.option("--strict", is_flag=True, help="Stop at the first record that cannot be read (exit code 2).")
@click.option("--json", "as_json", is_flag=True, help="Print the result as JSON.")
def command(
    run: Path,
    *,
    out: Path | None,
    judge_model: str | None,
    judge_base_url: str | None,
    evaluator: Evaluator,
    response_cache: Path | None,
    strict: bool,
    as_json: bool,
) -> None:
    """Judge the episodes of RUN again: a .jsonl[.gz|.zst] of trajectories or a run folder.

    The checks of each task are made on the evidence that was gathered at the end of its episode; no browser and no site
    is needed. Checks that compare meanings need a judge; without --judge-model they stay unknown. A key for the judge's
    server is read from JUDGE_API_KEY, else from OPENAI_API_KEY. Nothing is written without --out.

    \b
    Examples:
      tracewarp judge runs/base
      tracewarp judge runs/base --evaluator strict
      tracewarp judge runs/base --judge-model openai:judge --judge-base-url http://127.0.0.1:8000/v1 --out judged.jsonl
    """
    reader = open_run(run, strict=strict)
    if out is not None and _same_file(out, run):
        raise OptionError(f"--out {out}: it holds the run that is judged; expected another file")
    if judge_model is None and (response_cache is not None or _given("judge_base_url")):
        raise click.UsageError("--judge-base-url and --response-cache belong to a judge; name it with --judge-model")
    results: list[Rejudged] = []
    with _opened(judge_model, judge_base_url, response_cache) as model:
        judged = _judge_all(reader, model, evaluator, results)
        if out is None:
            for _ in judged:
                pass
        else:
            write_trajectories(out, judged)
    for line in problem_lines(reader.problems, SHOWN_PROBLEMS):
        click.echo(line, err=True)
    if as_json:
        click.echo(json.dumps(_as_json(run, judge_model, evaluator, results), indent=1, ensure_ascii=False))
    else:
        _print(results)
    if out is not None:
        click.echo(f"Wrote {out}.", err=True)


def _judge_all(
    reader: RunReader, model: Model | None, evaluator: Evaluator, results: list[Rejudged]
) -> Iterator[Trajectory]:
    """The new records, one by one; what is printed of them goes to `results`."""
    from tracewarp.evaluate.model_judge import ModelJudge

    judge = None if model is None else ModelJudge(model)
    for trajectory in reader:
        result = rejudge(trajectory, judge, judge_name=None if model is None else model.name, evaluator=evaluator)
        results.append(_light(result))
        yield result.after


def _light(result: Rejudged) -> Rejudged:
    """Without steps and evidence, so that long runs fit into memory."""
    before, after = (
        it.model_copy(update={"steps": (), "outcome": it.outcome.model_copy(update={"extra": {}})})
        for it in (result.before, result.after)
    )
    return Rejudged(before, after, result.judgement, result.problem)


def _opened(name: str | None, base_url: str | None, response_cache: Path | None) -> Any:
    """The judge's model, closed at the end; None without one."""
    if name is None:
        return nullcontext()
    import os

    from tracewarp.models import open_model

    key = os.environ.get("JUDGE_API_KEY")
    options = {"api_key": key} if key and name.startswith("openai:") else None
    return closing(open_model(name, base_url=base_url, response_cache=response_cache, options=options))


def _given(option: str) -> bool:
    """Was an option given on the command line, and not by a variable of the environment?"""
    source = click.get_current_context().get_parameter_source(option)
    return source is click.core.ParameterSource.COMMANDLINE


def _same_file(out: Path, run: Path) -> bool:
    return out.exists() and any(path.exists() and out.samefile(path) for path in (run, run / "trajectories.jsonl"))


def _as_json(run: Path, judge_model: str | None, evaluator: Evaluator, results: list[Rejudged]) -> dict[str, Any]:
    return {
        "run": str(run),
        "judge": judge_model,
        "evaluator": evaluator,
        "differ_from_webarena": _differing(results),
        "episodes": [
            {
                "task": result.before.task.id,
                "repeat": result.before.repeat,
                "before": result.before.outcome.score,
                "after": result.after.outcome.score,
                "problem": result.problem,
                "judgement": None if result.judgement is None else result.judgement.to_json(),
            }
            for result in results
        ],
    }


def _print(results: list[Rejudged]) -> None:
    console = output_console()
    changed = [result for result in results if result.changed]
    if changed:
        table = Table(box=None, pad_edge=False, header_style="bold")
        for name, side in (
            ("task", "left"),
            ("repeat", "right"),
            ("before", "right"),
            ("after", "right"),
            ("why", "left"),
        ):
            table.add_column(name, justify="right" if side == "right" else "left", no_wrap=name != "why")
        for result in changed[:SHOWN_CHANGES]:
            why = shortened(one_line("; ".join(result.reasons)), _REASON_CHARACTERS) or "every check holds"
            scores = (_score(it.outcome.score) for it in (result.before, result.after))
            table.add_row(Text(one_line(result.before.task.id)), str(result.before.repeat), *scores, Text(why))
        console.print(table)
        if len(changed) > SHOWN_CHANGES:
            console.print(f"... and {len(changed) - SHOWN_CHANGES} more changes")
    judged = [result for result in results if result.judgement is not None]
    unknown = sum(result.after.outcome.score is None for result in judged)
    console.print(
        f"{len(results)} episodes: {len(judged)} judged, {len(changed)} with a changed score; "
        f"successes {_successes(results, 'before')} before, {_successes(results, 'after')} after, {unknown} unknown"
    )
    if differing := _differing(results):
        more = f" and {len(differing) - SHOWN_CHANGES} more" if len(differing) > SHOWN_CHANGES else ""
        tasks = one_line(", ".join(differing[:SHOWN_CHANGES]))
        console.print(Text(f"WebArena's own evaluator gives other scores on the tasks {tasks}{more}"), soft_wrap=True)
    for problem, count in Counter(result.problem for result in results if result.problem).most_common():
        console.print(Text(f"{count} not judged: {one_line(problem)}"), soft_wrap=True)


def _differing(results: list[Rejudged]) -> list[str]:
    """The tasks on which WebArena's own evaluator gives an episode another score."""
    return list(dict.fromkeys(result.before.task.id for result in results if result.differs))


def _successes(results: list[Rejudged], when: str) -> int:
    return sum(getattr(result, when).outcome.success is True for result in results)


def _score(score: float | None) -> str:
    return "unknown" if score is None else f"{score:g}"
