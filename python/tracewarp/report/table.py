"""Scores as tables in the terminal."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from rich import box
from rich.console import Console, Group, RenderableType
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from tracewarp.evaluate.results import Comparison, Difference, RunScores, Scores
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
    share_interval,
    shorten_middle,
    signed,
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
        words.append(f"{level(settings)} intervals: Wilson for shares of episodes, BCa bootstrap{drawn} for scores.")
    if "seed" in settings:
        words.append(f"Seed {settings['seed']}.")
    if encoders(shown_runs(scores)):
        words.append(f"VERTEX_DTW: encoder and step template {encoders(shown_runs(scores))}.")
    return " ".join(words)


def of_runs(scores: Scores) -> str:
    """The number of episodes of each run; one number where all agree."""
    counts = list(dict.fromkeys(f"{run.functional_correctness.n:,}" for run in shown_runs(scores)))
    return f"{' / '.join(counts)} episodes" + (" a run" if len(counts) == 1 and len(shown_runs(scores)) > 1 else "")


def site_table(scores: Scores) -> Table:
    """One line for each site and run."""
    grid = table()
    runs = shown_runs(scores)
    several = len(runs) > 1
    grid.add_column("Site", overflow="fold")
    if several:
        grid.add_column("Run", no_wrap=True)
    for name in ("Solved", "Share", f"{level(scores.settings)} interval".strip(), "VERTEX", "Refs", "Steps"):
        grid.add_column(name, justify="right", no_wrap=True)
    for site in dict.fromkeys(entry.site for run in runs for entry in run.sites):
        name = plain(site) or MISSING
        for run in runs:
            for entry in (entry for entry in run.sites if entry.site == site):
                correct = entry.functional_correctness
                grid.add_row(
                    Text(name),
                    *([Text(shorten_middle(run.name, NAME_CELLS))] if several else []),
                    f"{correct.successes:,}/{correct.n:,}",
                    percent(correct.rate),
                    share_interval(correct.interval),
                    number(entry.vertex_dtw),
                    f"{entry.n_referenced:,}",
                    number(entry.mean_steps, 1),
                )
                name = ""
        if several:
            grid.add_section()
    return grid


def comparison_table(comparison: Comparison, scores: Scores) -> Table:
    """One comparison: each measure's difference, its interval and its p-values."""
    grid = table()
    grid.add_column("", no_wrap=True)
    for name in ("Difference", f"{level(scores.settings)} interval".strip(), "p", "p, Holm", "n"):
        grid.add_column(name, justify="right", no_wrap=True)
    correct = comparison.functional_correctness
    add_difference(
        grid, "Functional correctness", correct, points(correct.difference), points_interval(correct.interval)
    )
    if (vertex := comparison.vertex_dtw) is not None:
        add_difference(grid, "VERTEX_DTW", vertex, signed(vertex.difference), difference_interval(vertex.interval))
    return grid


def add_difference(grid: Table, label: str, difference: Difference, value: str, interval: str) -> None:
    """One line of a comparison."""
    p, holm = p_value(difference.p_value), p_value(difference.p_holm)
    grid.add_row(label, value, interval, p, holm, f"{difference.n:,}")


def counts(comparison: Comparison) -> str:
    """The tasks and capabilities in which the two differ, in words."""
    solved = f"Solved by the first alone {comparison.only_run:,}, by the second alone {comparison.only_baseline:,}."
    if (change := comparison.capability) is None:
        return solved
    return (
        f"{solved} Capabilities: acquired {len(change.acquired):,}, lost {len(change.lost):,}, "
        f"kept {len(change.kept):,}, net {signed(change.net, 0)}."
    )


def tests(comparison: Comparison) -> str:
    """Which test gave each p-value."""
    words = f"Tests: functional correctness by {comparison.functional_correctness.test}"
    return f"{words}; VERTEX_DTW by {v.test}." if (v := comparison.vertex_dtw) is not None else f"{words}."


def notes(run: RunScores) -> RenderableType:
    """What could not be scored, and why."""
    lines = [Text.assemble(("Notes on ", "bold"), (plain(run.name), "bold"))]
    lines += [Text(f"- {plain(note)}") for note in run.notes]
    return Constrain(Text("\n").join(lines), PARAGRAPH_CELLS)
