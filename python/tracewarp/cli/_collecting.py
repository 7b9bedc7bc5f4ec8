"""How a collection shows itself: a live line on a terminal, plain lines elsewhere, a table at the end."""

from __future__ import annotations

import shlex
import time
from types import TracebackType

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table
from rich.text import Text

from tracewarp.cli._terminal import one_line, printable, shortened
from tracewarp.collect import Collected
from tracewarp.collect import Progress as Standing
from tracewarp.collect.tally import Facts, Tally
from tracewarp.evaluate.functional import MOST_TRANSPORT_FAILURES
from tracewarp.metrics import ClusterIndex, clustered_proportion
from tracewarp.metrics.statistics import Estimate
from tracewarp.report.table import table as plain_table
from tracewarp.report.words import of, percent, share_interval
from tracewarp.trajectory import Ending

ERROR_CHARS = 1_000
"""How much of an error's message is printed while a collection runs."""
LOG_SECONDS = 5.0
"""Between two lines of progress where stderr is no terminal."""


class CollectingDisplay:
    """Shows a collection on stderr.

    Args:
        quiet: show nothing.
        title: what stands before the bar.
    """

    def __init__(self, *, quiet: bool, title: str = "collecting") -> None:
        console = Console(stderr=True, markup=False, highlight=False)
        self.quiet = quiet
        self.title = title
        self.live = console.is_terminal and not quiet
        self.display = Progress(
            TextColumn(title),
            BarColumn(bar_width=16),
            MofNCompleteColumn(),
            TextColumn("{task.fields[words]}"),
            TimeRemainingColumn(),
            TextColumn("left"),
            console=console,
            disable=not self.live,
        )
        self.bar = self.display.add_task("collecting", total=None, words="")
        self.told = 0.0
        self.error_told = False

    def __enter__(self) -> CollectingDisplay:
        self.display.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.display.stop()

    def __call__(self, progress: Standing) -> None:
        """Hear how the collection stands."""
        if progress.first_error is not None and not self.error_told:
            self.error_told = True
            # Also where nothing else is shown: whoever waits for hours wants to know at once.
            self.display.console.print(first_error(progress.first_error), soft_wrap=True)
        if self.live:
            self.display.update(
                self.bar, total=progress.total, completed=progress.tally.done, words=standing_words(progress)
            )
        elif not self.quiet and (
            time.monotonic() - self.told >= LOG_SECONDS or progress.tally.done in (progress.total, progress.resumed)
        ):
            self.told = time.monotonic()
            done = of(progress.tally.done, progress.total)
            left = "" if (seconds := time_left(progress)) is None else f", {seconds:,.0f} s left"
            words = ", ".join(filter(None, (f"{done} episodes", standing_words(progress))))
            click.echo(f"{self.title}: {words}{left}", err=True)


def standing_words(standing: Standing) -> str:
    """Success with its interval, errors, transport failures, speed and tokens, in a line."""
    tally = standing.tally
    words = [f"success {success(standing)}"] if tally.done else []
    if tally.agent_failures:
        words.append(_counted(tally.agent_failures, "agent error"))
    if tally.transport_failures:
        words.append(f"{_counted(tally.transport_failures, 'transport failure')} (not counted)")
    if tally.cut:
        words.append(f"{tally.cut:,} answer{'' if tally.cut == 1 else 's'} cut at max_new_tokens")
    if standing.steps_now:
        words.append(f"{standing.steps_now / max(standing.seconds, 1e-9):,.1f} steps/s")
    if tokens := tally.prompt_tokens + tally.completion_tokens:
        words.append(f"{tokens:,} tokens")
    if standing.resumed:
        words.append(f"{standing.resumed:,} from before")
    return ", ".join(words)


def success_rate(tally: Tally) -> Estimate | None:
    """Success with one value per task, the mean over its episodes; None without a counted episode.

    As in `tracewarp evaluate`, transport failures are not counted, and the interval is over templates where tasks have
    them.
    """
    tasks = tally.counted_tasks
    if not tasks:
        return None
    kind = "task" if all(task.template is None for task in tasks) else "template"
    keys = [(place, None) if task.template is None else task.template for place, task in enumerate(tasks)]
    episodes = sum(task.counted for task in tasks)
    return clustered_proportion(tally.rates, episodes=episodes, clusters=ClusterIndex.of(keys, kind))


def success(standing: Standing) -> str:
    """The success rate with its interval, or the reason why there is none."""
    found = success_rate(standing.tally)
    if found is None:
        return "not known"
    if found.interval is None:
        return f"{percent(found.value)} (no interval: {found.reason})"
    return f"{percent(found.value)} {share_interval(found.interval)}"


def first_error(facts: Facts) -> str:
    """The first episode that ended in an error, in a line, with the words of whoever failed."""
    task, repeat = facts.key
    words = shortened(one_line(facts.error or "no reason given"), ERROR_CHARS)
    return f"First error: {facts.ending.value} in task {one_line(task)}, repeat {repeat}: {words}"


def time_left(standing: Standing) -> float | None:
    """Seconds until the last episode, at the speed of this collection so far; None before its first episode."""
    done = standing.tally.done - standing.resumed
    return (standing.total - standing.tally.done) * standing.seconds / done if done else None


def summary(collected: Collected) -> Table:
    """What a finished collection holds."""
    standing = collected.progress
    tally, info = standing.tally, collected.info
    grid = plain_table()
    grid.add_column(Text(one_line(str(collected.path))), no_wrap=True)
    grid.add_column(Text(one_line(" on ".join(filter(None, (info.agent, info.driver))))), overflow="fold")
    counted = tally.done - tally.transport_failures
    grid.add_row("Success", headline(standing), style="bold")
    grid.add_row("  counted", f"{of(tally.successes, counted)} episodes of {_counted(len(tally.rates), 'task')}")
    unjudged = sum(task.unknown for task in tally.tasks.values())
    if unjudged:
        grid.add_row("  not judged", f"{_counted(unjudged, 'episode')}, as failures")
    if tally.transport_failures:
        grid.add_row("  not counted", f"{tally.transport_failures:,} (the model's server or the environment failed)")
    if (unjudged or tally.transport_failures) and tally.bounds is not None:
        low, high = tally.bounds
        grid.add_row("  bounds", f"{percent(low)} to {percent(high)}, if these had all failed, or all succeeded")
    for ending, count in sorted(tally.endings.items(), key=lambda entry: (-entry[1], entry[0].value)):
        grid.add_row(f"  ended by {ending.value}", f"{count:,}")
    grid.add_row("Steps", f"{tally.steps:,}, {tally.steps / tally.done:.1f} an episode")
    if tally.prompt_tokens or tally.completion_tokens:
        grid.add_row("Tokens", f"{tally.prompt_tokens:,} read, {tally.completion_tokens:,} written")
    if tally.cut:
        grid.add_row("Answers", f"{of(tally.cut, tally.answers)} cut at max_new_tokens")
    speed = f", {standing.steps_now / standing.seconds:,.1f} steps/s" if standing.steps_now else ""
    grid.add_row("Time", f"{standing.seconds:,.1f} s{speed}")
    if standing.resumed:
        grid.add_row("  from before", f"{standing.resumed:,} episodes")
    return grid


def headline(standing: Standing) -> str:
    """Success, or why there is none: with many transport failures, those who are left may be another kind of task."""
    tally = standing.tally
    if tally.done and tally.transport_failures > MOST_TRANSPORT_FAILURES * tally.done:
        most = f"more than {100 * MOST_TRANSPORT_FAILURES:g} %"
        return f"not shown: {of(tally.transport_failures, tally.done)} episodes are transport failures, {most}"
    return success(standing)


def next_steps(collected: Collected) -> str:
    """What to do with the run."""
    run = printable(shlex.quote(str(collected.path)))
    lines = [
        "Next:",
        f"  tracewarp show {run}",
        f"  tracewarp evaluate {run} --references-from capability --out {run}",
    ]
    tally = collected.progress.tally
    if count := tally.transport_failures:
        lines.append(
            f"In {_counted(count, 'episode')} the environment or the model's server failed. "
            "Run the same command again to repeat them."
        )
    if count := tally.endings[Ending.AGENT_ERROR]:
        lines.append(f"In {_counted(count, 'episode')} the agent failed. Add --retry-errors to repeat them.")
    return "\n".join(lines)


def _counted(count: int, noun: str) -> str:
    return f"{count:,} {noun}{'' if count == 1 else 's'}"
