"""Scores as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from tracewarp.evaluate.results import Comparison, Difference, RunScores, Scores
from tracewarp.metrics.statistics.clusters import plural
from tracewarp.report.headline import encoders, headline_rows, shown_runs
from tracewarp.report.words import (
    MINUS,
    MISSING,
    difference_interval,
    level,
    number,
    p_value,
    percent,
    plain,
    points,
    points_interval,
    score_interval,
    share_interval,
    shorten_middle,
    signed,
    verdict,
)

LABEL_CELLS = 30
"""Columns that the labels of the headline table take, with their padding."""
RUN_CELLS = 17
"""Columns that one run takes at least."""
NAME_CELLS = 18
"""Columns of a run's name where it is repeated; it stands in full above the headline."""
PARAGRAPH_CELLS = 100
PLAIN = str.maketrans({MISSING: "-", MINUS: "-", "…": "."})
"""What stands for our signs where the encoding lacks them; other characters that it lacks become `?`."""


def print_scores(scores: Scores, console: Console) -> None:
    """Print the headline, the sites, the comparisons and the notes of an evaluation.

    Runs stand side by side as far as the console's width allows, then in further tables. Without a terminal behind the
    console nothing is coloured; where its encoding lacks a character, a plain one is printed instead.

    Args:
        scores: What `tracewarp.evaluate.evaluate` returned.
        console: Where to print.
    """
    if console.encoding.lower().startswith("utf"):
        print_parts(scores, console)
        return
    with console.capture() as drawn:
        print_parts(scores, console)
    known = drawn.get().translate(PLAIN).encode(console.encoding, "replace").decode(console.encoding)
    console.out(known, highlight=False, end="")


def print_parts(scores: Scores, console: Console) -> None:
    """Every part, with an empty line after each."""
    for part in parts(scores, console.width):
        console.print(part)
        console.print()


def parts(scores: Scores, width: int) -> Iterator[RenderableType]:
    """The tables and paragraphs in order."""
    for runs in side_by_side(shown_runs(scores), width):
        yield headline_table(scores, runs)
    yield paragraph(method(scores))
    if any(run.sites for run in shown_runs(scores)):
        yield titled("By site", site_table(scores))
    for comparison in scores.comparisons:
        title = f"{plain(comparison.run)} minus {plain(comparison.baseline)}, on the same tasks"
        yield titled(
            title, comparison_table(comparison, scores), Text(f"{counts(comparison)} {tests(comparison)}", style="dim")
        )
    for run in shown_runs(scores):
        if run.notes:
            yield notes(run)


def side_by_side(runs: Sequence[RunScores], width: int) -> Iterator[Sequence[RunScores]]:
    """Runs in groups of nearly equal size that fit beside each other."""
    most = max(1, (width - LABEL_CELLS) // RUN_CELLS)
    tables = -(-len(runs) // most)
    size = -(-len(runs) // max(tables, 1))
    return (runs[start : start + size] for start in range(0, len(runs), size or 1))


def paragraph(text: str) -> RenderableType:
    """Words below a table, in lines that can be read on a wide terminal too."""
    return Constrain(Text(text, style="dim"), PARAGRAPH_CELLS)


def titled(title: str, *body: RenderableType) -> RenderableType:
    """A heading, and what stands below it."""
    return Group(Text(title, style="bold"), *body)


def table() -> Table:
    """The look that all tables share."""
    return Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False, collapse_padding=True)


def headline_table(scores: Scores, runs: Sequence[RunScores]) -> Table:
    """Metrics as rows, runs as columns."""
    grid = table()
    grid.add_column("", no_wrap=True)
    for run in runs:
        grid.add_column(Text(plain(run.name)), justify="right", overflow="fold")
    for row in headline_rows(scores, runs):
        style = "bold" if row.main else ""
        label = row.label if row.main else f"  {row.label}"
        grid.add_row(Text(label), *(Text(cell) for cell in row.cells), style=style)
    return grid


def method(scores: Scores) -> str:
    """One paragraph: how the figures came about."""
    settings = scores.settings
    words = [f"n = {of_runs(scores)}."]
    if level(settings):
        resamples = settings.get("resamples")
        drawn = f" ({resamples:,} resamples)" if isinstance(resamples, int) else ""
        words.append(
            f"{level(settings)} intervals: Wilson for success rates, BCa bootstrap{drawn} for scores, over "
            f"{over(scores)}. Every task is one value, the mean over its episodes."
        )
    if "seed" in settings:
        words.append(f"Seed {settings['seed']}.")
    if encoders(shown_runs(scores)):
        words.append(f"VERTEX_DTW: encoder and step template {encoders(shown_runs(scores))}.")
    return " ".join(words)


def over(scores: Scores) -> str:
    """What was taken as sampled: `190 templates`."""
    cluster = str(scores.settings.get("cluster", "task"))
    counts = sorted({found.clusters for run in shown_runs(scores) if (found := run.functional_correctness.rate)})
    number = " / ".join(f"{count:,}" for count in counts)
    return f"{number} {plural(cluster, counts[0] if len(counts) == 1 else 0)}".strip()


def of_runs(scores: Scores) -> str:
    """The number of tasks and episodes of each run; one number where all agree."""
    several = len(shown_runs(scores)) > 1
    counts = list(
        dict.fromkeys(
            f"{run.functional_correctness.n_tasks:,} tasks, {run.functional_correctness.n:,} episodes"
            for run in shown_runs(scores)
        )
    )
    return " / ".join(counts) + (" per run" if len(counts) == 1 and several else "")


def site_table(scores: Scores) -> Table:
    """One line for each site and run."""
    grid = table()
    runs = shown_runs(scores)
    several = len(runs) > 1
    grid.add_column("Site", overflow="fold")
    if several:
        grid.add_column("Run", no_wrap=True)
    for name in ("Tasks", "Success", f"{level(scores.settings)} interval".strip(), "VERTEX", "Refs", "Steps"):
        grid.add_column(name, justify="right", no_wrap=True)
    for site in dict.fromkeys(entry.site for run in runs for entry in run.sites):
        name = plain(site) or MISSING
        for run in runs:
            for entry in (entry for entry in run.sites if entry.site == site):
                correct, vertex = entry.functional_correctness, entry.vertex_dtw
                rate = correct.rate
                grid.add_row(
                    Text(name),
                    *([Text(shorten_middle(run.name, NAME_CELLS))] if several else []),
                    f"{correct.n_tasks:,}",
                    percent(None if rate is None else rate.value),
                    share_interval(None if rate is None else rate.interval),
                    number(None if vertex is None else vertex.value),
                    f"{entry.n_referenced:,}",
                    number(entry.mean_steps, 1),
                )
                name = ""
        if several:
            grid.add_section()
    return grid


def comparison_table(comparison: Comparison, scores: Scores) -> Table:
    """One comparison: what it shows, the adjusted p value, the difference and its simultaneous interval."""
    grid = table()
    grid.add_column("", no_wrap=True)
    grid.add_column("p", justify="right", no_wrap=True)
    grid.add_column("", no_wrap=True)
    for name in ("Difference", f"{level(scores.settings)} interval".strip(), "n"):
        grid.add_column(name, justify="right", no_wrap=True)
    for label, difference, (shown, value, interval, _, n) in difference_rows(comparison, scores):
        grid.add_row(Text(label), p_value(difference.paired.p_value), shown, value, interval, n)
    return grid


def difference_rows(
    comparison: Comparison, scores: Scores
) -> list[tuple[str, Difference, tuple[str, str, str, str, str]]]:
    """Label, difference and cells (verdict, difference, interval, detectable, n) of each measure."""
    confidence = float(scores.settings.get("confidence", 0.95))
    correct = comparison.functional_correctness
    found = [("Success rate", correct, points(correct.paired.difference), points_interval(correct.paired.interval))]
    if (vertex := comparison.vertex_dtw) is not None:
        paired = vertex.paired
        found.append(("VERTEX_DTW", vertex, signed(paired.difference), difference_interval(paired.interval)))
    rows: list[tuple[str, Difference, tuple[str, str, str, str, str]]] = []
    for label, difference, value, interval in found:
        detectable = difference.detectable
        least = MISSING
        if detectable is not None:
            least = f"{number(100 * detectable, 1)} pp" if difference is correct else number(detectable)
        cells = (verdict(difference.paired.p_value, confidence), value, interval, least, f"{difference.paired.n:,}")
        rows.append((label, difference, cells))
    return rows


def counts(comparison: Comparison) -> str:
    """The tasks and capabilities in which the two differ, in words."""
    k, first = comparison.episodes, ""
    if k > 1 or comparison.functional_correctness.mcnemar_p is None:
        first = f" in the first {k:,} episodes of each task" if k > 1 else " in the first episode of each task"
    words = [
        f"Solved by the first alone{first} {comparison.only_run:,}, by the second alone {comparison.only_baseline:,}."
    ]
    if (change := comparison.capability) is not None:
        words.append(
            f"capability@{change.episodes}: {percent(change.run_at_k)} against {percent(change.baseline_at_k)}; "
            f"acquired {len(change.acquired):,}, lost {len(change.lost):,}, kept {len(change.kept):,}, "
            f"net {signed(change.net, 0)}."
        )
    ratios = [
        f"{name} {number(ratio.value, 2)}" + (f" {score_interval(ratio.interval, 2)}" if ratio.interval else "")
        for name, ratio in (("steps", comparison.steps_ratio), ("invalid actions", comparison.invalid_ratio))
        if ratio is not None
    ]
    if ratios:
        words.append(f"Ratios, first to second: {', '.join(ratios)}.")
    if comparison.left_out:
        words.append(f"{comparison.left_out:,} tasks left out: some compared run has no counted episode of them.")
    return " ".join(words)


def tests(comparison: Comparison) -> str:
    """How the p values came about, and how many tasks smaller differences need."""
    correct = comparison.functional_correctness
    paired = correct.paired
    family = "" if paired.comparisons == 1 else f", adjusted over {paired.comparisons:,} comparisons (max-T)"
    words = [f"p: sign flips of {paired.clusters:,} {plural(paired.cluster, paired.clusters)}{family}."]
    if correct.mcnemar_p is not None:
        words.append(f"McNemar's exact p, unadjusted: {p_value(correct.mcnemar_p)}.")
    if correct.detectable is not None:
        words.append(f"These tasks can show a difference in success of {number(100 * correct.detectable, 1)} pp.")
    if correct.tasks_needed:
        needed = ", ".join(f"{100 * float(share):g} pp {tasks:,}" for share, tasks in correct.tasks_needed.items())
        words.append(f"Tasks needed to detect a difference in success (power .80): {needed}.")
    return " ".join(words)


def notes(run: RunScores) -> RenderableType:
    """What could not be scored, and why."""
    lines = [Text.assemble(("Notes on ", "bold"), (plain(run.name), "bold"))]
    lines += [Text(f"- {plain(note)}") for note in run.notes]
    return Constrain(Text("\n").join(lines), PARAGRAPH_CELLS)
