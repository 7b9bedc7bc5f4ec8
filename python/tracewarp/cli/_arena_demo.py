"""`tracewarp demo --policies`: policies act in arena, and are scored, compared and reported on."""

from __future__ import annotations

import time
from pathlib import Path

import click

from tracewarp.cli._collecting import CollectingDisplay
from tracewarp.cli._terminal import output_console
from tracewarp.collect import CollectOptions, collect
from tracewarp.evaluate import EvaluateOptions, evaluate, write_scores
from tracewarp.metrics.machine import available_threads
from tracewarp.report import print_scores, write_report

POLICIES = {
    "oracle": "oracle",
    "trivial": "trivial",
    "random": "random",
    "noisy-often": "noisy:wrong=0.12,give_up=0.06,loop=0.04,malformed=0.1",
    "noisy-seldom": "noisy:wrong=0.03,give_up=0.015,loop=0.01,malformed=0.025",
}
"""Run -> policy. The noisy ones follow the known solution with errors at these rates a step, often at four times those
of seldom: every score should find noisy-seldom ahead."""
MAX_WORKERS = 4
FEW_TASKS = 50
"""A worker process takes about as long to begin as so many tasks in this one."""


def arena_demo(out: Path, *, encoder: str, limit: int | None) -> Path:
    """Collect on arena's test split with five policies, score four of them against the known solutions, and report.

    Args:
        out: folder for runs, scores.json and report.html; it is there.
        encoder: of the steps, as for evaluate.
        limit: only the first so many tasks; None: all.

    Returns:
        The report.
    """
    began = time.monotonic()
    click.echo("Collecting on arena, six small sites that ship with the package; no browser is needed ...", err=True)
    workers = 1 if limit is not None and limit <= FEW_TASKS else min(MAX_WORKERS, available_threads())
    for name, policy in POLICIES.items():
        options = CollectOptions("arena", policy, split="test", limit=limit, workers=workers, overwrite=True)
        with CollectingDisplay(quiet=False, title=f"{name:12}") as display:
            collect(out / "runs" / name, options, listener=display)
    runs = {name: out / "runs" / name for name in POLICIES}
    oracle = runs.pop("oracle")
    click.echo("Scoring against the known solutions ...", err=True)
    scores = evaluate(
        list(runs.values()),
        EvaluateOptions(references=(oracle,), trivial=runs["trivial"], encoder=encoder, use_cache=encoder != "hashed"),
    )
    report = out / "report.html"
    write_scores(scores, out / "scores.json")
    write_report(scores, report)
    print_scores(scores, output_console())
    click.echo(closing_words(out, report, seconds=time.monotonic() - began))
    return report


def closing_words(out: Path, report: Path, *, seconds: float) -> str:
    """Where everything is, and what to try next."""
    return (
        f"Collected and scored in {seconds:.0f} s. The report is {report}: open it in a browser; it works offline.\n\n"
        "Read an episode:\n\n"
        f"  tracewarp show {out / 'runs' / 'noisy-often'}\n\n"
        "Watch an agent in a real browser (extra `browser`, and a Chromium):\n\n"
        "  tracewarp collect --policy noisy:wrong=0.1 --driver chromium --set headless=false --limit 5 --out seen\n\n"
        "Let a model of an OpenAI-compatible server act:\n\n"
        "  tracewarp collect --policy model:name=openai:MODEL,base_url=http://localhost:8000/v1 --out runs/model\n\n"
        "Real WebArena episodes of a published agent: tracewarp demo --recorded"
    )
