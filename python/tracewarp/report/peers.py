"""A comparison of DTW implementations as a table in the terminal, and as one page with a plot."""

from __future__ import annotations

import math
from pathlib import Path

from markupsafe import Markup, escape
from rich import box
from rich.console import Console
from rich.constrain import Constrain
from rich.table import Table
from rich.text import Text

from tracewarp.metrics.peers import PeerComparison, PeerTiming
from tracewarp.report.page import asset, environment, policy, write_page
from tracewarp.report.plots import Axis, Line, Mark, interval_plot
from tracewarp.report.svg import tag
from tracewarp.report.words import MISSING, plain

PARAGRAPH_CELLS = 100
SERIES = {"same": 0, "same after conversion": 0, "another": 1, "failed": 1}
"""Circles give our result, squares another."""


def print_comparison(comparison: PeerComparison, console: Console) -> None:
    """Print one line for each implementation, then who gives something else and why, and what is missing."""
    grid = Table(box=box.SIMPLE_HEAD, pad_edge=False, show_edge=False)
    grid.add_column("implementation", no_wrap=True)
    grid.add_column("call", overflow="fold")
    for name in ("a pair", "ratio", "pairs"):
        grid.add_column(name, justify="right", no_wrap=True)
    grid.add_column("same distance?", no_wrap=True)
    for one in comparison.timings:
        grid.add_row(
            Text(f"{one.name} {one.version}"),
            Text(one.call),
            duration(one.seconds_per_pair),
            ratio(one.ratio),
            f"{one.pairs:,}",
            one.relation,
            style="bold" if one.name == "tracewarp" else "",
        )
    console.print(Text(comparison.shape, style="bold"))
    console.print(grid)
    console.print()
    for line in (*comparison.notes, method(comparison)):
        console.print(Constrain(Text(plain(line)), PARAGRAPH_CELLS))


def write_comparison(comparison: PeerComparison, path: str | Path) -> None:
    """Write the comparison as one self-contained HTML file.

    Args:
        comparison: What `tracewarp.metrics.peers.compare_peers` returned.
        path: The file to write; its folder is made where it is missing.

    Raises:
        FileError: The folder or the file cannot be written.
    """
    style = asset("report.css")
    text = (
        environment()
        .get_template("peers.html")
        .render(
            comparison=comparison,
            policy=policy("", style),
            style=Markup(style),  # noqa: S704 - our own file, not input
            plot=plot(comparison),
            method=method(comparison),
            duration=duration,
            ratio=ratio,
            coded=coded,
        )
    )
    write_page(text, Path(path))


def coded(text: str) -> Markup:
    """Text with what stands between backticks as code."""
    parts = plain(text).split("`")
    return Markup("").join(tag("code", part) if place % 2 else escape(part) for place, part in enumerate(parts))


def plot(comparison: PeerComparison) -> Markup:
    """Time a pair of each implementation, best to worst round, on a logarithmic axis of at least three decades."""
    drawn = [one for one in comparison.timings if math.isfinite(one.seconds_per_pair)]
    low = math.floor(min(math.log10(one.seconds_per_pair) for one in drawn))
    high = max(math.ceil(max(math.log10(one.slowest) for one in drawn)), low + 3)
    lines = [Line(f"{one.name} {one.call}", (mark(one),)) for one in drawn]
    words = "; ".join(f"{one.name} {one.call}: {duration(one.seconds_per_pair)} a pair" for one in drawn)
    axis = Axis(low - 0.12, high, lambda power: duration(10.0**power, digits=1))
    return interval_plot("peers", f"Time a pair, {comparison.shape}", words, lines, axis)


def mark(one: PeerTiming) -> Mark:
    """The best round as a dot, the span to the worst as a line."""
    span = (math.log10(one.seconds_per_pair), math.log10(one.slowest))
    text = f"{duration(one.seconds_per_pair)}, {ratio(one.ratio)}"
    return Mark(SERIES[one.relation], one.call, span[0], span, text)


def method(comparison: PeerComparison) -> str:
    """One paragraph: how the figures came about."""
    return (
        f"Best of {comparison.repeats} rounds in turns, after warming up. Every implementation reads the same rows, "
        "and what it makes of them is timed. ratio: times as long as tracewarp with one thread. "
        f"Kernels of tracewarp: {comparison.instruction_set}. Linear algebra below numpy: {comparison.blas}."
    )


def duration(seconds: float, *, digits: int = 3) -> str:
    """A time with so many significant digits: `46.2 µs`, `1.08 ms`, `12 s`."""
    if not math.isfinite(seconds):
        return MISSING
    unit, factor = next(
        ((unit, factor) for unit, factor in (("s", 1.0), ("ms", 1e3), ("µs", 1e6)) if seconds * factor >= 1),
        ("ns", 1e9),
    )
    value = seconds * factor
    decimals = max(digits - 1 - math.floor(math.log10(value) + 1e-9), 0) if value > 0 else 0
    return f"{value:,.{decimals}f} {unit}"


def ratio(value: float) -> str:
    """Times as long: `1.50x`, `18x`."""
    return MISSING if not math.isfinite(value) else f"{value:.2f}x" if value < 9.995 else f"{value:,.0f}x"
