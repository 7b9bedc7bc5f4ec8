"""`tracewarp validate`: what is in a file of trajectories, and what is wrong with it."""

from __future__ import annotations

import json
import sys
from collections import Counter
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

import click
from rich.table import Table
from rich.text import Text

from tracewarp.cli._terminal import one_line, output_console, problem_lines, shortened
from tracewarp.errors import EmptyRunError
from tracewarp.trajectory import STANDARD_VERBS, RunReader, action_verb, open_run
from tracewarp.trajectory.problems import Problem

SHOWN_PROBLEMS = 20
SHOWN_VERBS = 10


@dataclass
class Findings:
    """Counts over one run."""

    episodes: int = 0
    empty_episodes: int = 0
    """Without a step."""
    judged: int = 0
    """With a score."""
    successes: int = 0
    """With a score of 1."""
    steps: int = 0
    executed_steps: int = 0
    unparsable_actions: int = 0
    """Of the executed steps."""
    refused_actions: int = 0
    """Executed, parsable, and not taken by the environment."""
    verbs_outside: Counter[str] = field(default_factory=Counter)
    """Verbs of neither standard dialect, and how often they came."""
    duplicate_keys: list[str] = field(default_factory=list)
    """One sentence for each (task, repeat) that came again."""


def examine(reader: RunReader) -> Findings:
    """Read a run to its end and count. Repeated keys are findings here, not errors."""
    found = Findings()
    seen: dict[tuple[str, int], str] = {}
    for located in reader.located():
        trajectory = located.trajectory
        if trajectory.key in seen:
            task, repeat = trajectory.key
            found.duplicate_keys.append(f"{located.where}: task {task}, repeat {repeat}, as at {seen[trajectory.key]}")
        seen.setdefault(trajectory.key, located.where)
        found.episodes += 1
        found.empty_episodes += not trajectory.steps
        found.judged += trajectory.outcome.score is not None
        found.successes += trajectory.outcome.success is True
        found.steps += len(trajectory.steps)
        for step in trajectory.executed_steps:
            found.executed_steps += 1
            found.unparsable_actions += step.action is None
            found.refused_actions += step.action is not None and step.valid is False
            verb = action_verb(step.action)
            if verb is not None and verb not in STANDARD_VERBS:
                found.verbs_outside[shortened(one_line(verb), 60)] += 1
    return found


@click.command("validate", short_help="check a file of trajectories, line by line")
@click.argument("file", type=click.Path(path_type=Path))
@click.option("--strict", is_flag=True, help="Stop at the first thing that cannot be read (exit code 2).")
@click.option("--json", "as_json", is_flag=True, help="Print the findings as JSON, with every problem.")
def command(file: Path, strict: bool, as_json: bool) -> None:
    """Check FILE: a .jsonl[.gz|.zst] of trajectories, a run folder or an AgentLab directory.

    \b
    Exit codes: 0 everything was read; 1 there were problems or repeated keys; 2 unreadable. Files that are left out on
    purpose (runs that were repeated later, files of another kind) are listed and are no problems.

    \b
    Example:
      tracewarp validate my-run.jsonl
    """
    reader = open_run(file, strict=strict)
    try:
        findings = examine(reader)
    except EmptyRunError:
        for line in problem_lines(reader.problems, SHOWN_PROBLEMS):
            click.echo(line, err=True)
        raise
    if as_json:
        click.echo(json.dumps(_as_json(reader, findings), indent=2))
    else:
        _print(reader, findings)
    if findings.duplicate_keys or not all(problem.notice for problem in reader.problems):
        sys.exit(1)


def _as_json(reader: RunReader, findings: Findings) -> dict[str, Any]:
    counts = asdict(findings) | {"verbs_outside": dict(_by_count(findings.verbs_outside))}
    problems = [asdict(problem) for problem in reader.problems]
    return {"path": str(reader.path), "name": reader.name, "format": reader.format, **counts, "problems": problems}


def _print(reader: RunReader, findings: Findings) -> None:
    verbs = _by_count(findings.verbs_outside)
    shown = ", ".join(f"{verb} {count}" for verb, count in verbs[:SHOWN_VERBS])
    more = f", ... ({len(verbs)} verbs)" if len(verbs) > SHOWN_VERBS else ""
    rows = [
        ("file", one_line(str(reader.path))),
        ("format", reader.format),
        ("episodes", f"{findings.episodes}, of these {findings.empty_episodes} without steps"),
        ("judged", f"{findings.judged}, of these {findings.successes} with score 1"),
        ("steps", f"{findings.steps}, of these {findings.executed_steps} executed"),
        ("actions", f"{findings.unparsable_actions} unparsable, {findings.refused_actions} refused by the environment"),
        ("other verbs", f"{shown}{more}" if verbs else "none"),
        ("repeated keys", str(len(findings.duplicate_keys))),
        ("problems", _counted(reader.problems)),
    ]
    table = Table(box=None, show_header=False, pad_edge=False)
    for name, value in rows:
        table.add_row(Text(name, style="bold"), Text(value))
    console = output_console()
    console.print(table)
    duplicates = [Problem(text, None, "a run holds each (task, repeat) once") for text in findings.duplicate_keys]
    for line in problem_lines([*reader.problems, *duplicates], SHOWN_PROBLEMS):
        console.print(Text(line), soft_wrap=True)


def _counted(problems: list[Problem]) -> str:
    notices = sum(problem.notice for problem in problems)
    return f"{len(problems) - notices}" + (f", and {notices} files left out on purpose" if notices else "")


def _by_count(verbs: Counter[str]) -> list[tuple[str, int]]:
    return sorted(verbs.items(), key=lambda item: (-item[1], item[0]))
