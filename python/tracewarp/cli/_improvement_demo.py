"""`tracewarp demo`: the tiny agent that ships acts in arena, learns from its own trajectories, and is compared."""

from __future__ import annotations

import importlib.util
import time
from pathlib import Path

import click

from tracewarp.cli._improving import run_improvement
from tracewarp.cli._terminal import output_console
from tracewarp.errors import MissingExtraError
from tracewarp.improve import Arm, ImproveOptions
from tracewarp.improve.tiny import tiny_options

ARMS = ("A", "B", "C", "agreement/A", "random/A", "all/A", "true/A")
"""The three mixtures after the paper's filter, the agreement filter, and the controls."""
GO_ON = ("A", "agreement-A")
"""Arms of the second round."""
NEEDED = ("torch", "transformers", "peft", "accelerate")
TRAIN_TASKS, SAMPLES, TEST_TASKS, SAMPLED_RUNS = 100, 3, 100, 1
MIN_EXAMPLES = 12
"""Enough for a demo of few tasks to go on."""


def improvement_demo(out: Path, *, limit: int | None) -> Path:
    """Let the tiny agent improve itself in two rounds, in every way, and report.

    Args:
        out: folder of everything; it is there. What an earlier demo finished in it is not done again.
        limit: at most so many training and test tasks; None: as many as the demo takes.

    Returns:
        The page.

    Raises:
        MissingExtraError: torch and its company are not installed.
    """
    missing = [name for name in NEEDED if importlib.util.find_spec(name) is None]
    if missing:
        raise MissingExtraError(
            f"the demo trains a model, which needs {', '.join(missing)}: pip install 'tracewarp[train]'; without it: "
            "tracewarp demo --policies, or tracewarp demo --recorded"
        )
    began = time.monotonic()
    click.echo(
        "A model of a million weights acts on arena, six small sites that ship with the package, and learns from what "
        "it did; no browser, no network and no GPU are needed. Slips and a habit were planted in it; improving "
        "means unlearning them.",
        err=True,
    )
    if (out / "improvement.json").exists():
        click.echo(f"An earlier demo is in {out}: what it finished is read back. Delete it to begin anew.", err=True)
    run_improvement(out, demo_options(limit), output_console())
    click.echo(closing_words(out, seconds=time.monotonic() - began))
    return out / "improvement.html"


def demo_options(limit: int | None) -> ImproveOptions:
    """What the demo does."""

    def at_most(count: int) -> int:
        return count if limit is None else min(limit, count)

    return ImproveOptions(
        arms=tuple(Arm.parse(text) for text in ARMS),
        rounds=2,
        later_arms=GO_ON,
        samples=SAMPLES,
        train_limit=at_most(TRAIN_TASKS),
        test_limit=at_most(TEST_TASKS),
        sampled_runs=SAMPLED_RUNS,
        min_examples=MIN_EXAMPLES,
        **tiny_options(),
    )


def closing_words(out: Path, *, seconds: float) -> str:
    """Where everything is, and what to try next."""
    return (
        f"Done in {seconds / 60:.1f} minutes. The page is {out / 'improvement.html'}: open it in a browser; it works "
        "offline.\n\n"
        "Read an episode of the base:\n\n"
        f"  tracewarp show {out / 'base' / 'greedy'}\n\n"
        "Choose arms, rounds and settings yourself (--dry-run shows the plan and every stage as a command):\n\n"
        "  tracewarp improve --model tiny-agent --arm agreement/A --arm random/A --samples 4 --out improved\n\n"
        "Scripted policies instead of a model, in half a minute: tracewarp demo --policies\n\n"
        "Real WebArena episodes of a published agent: tracewarp demo --recorded"
    )
