"""The report's plots as inline SVG: dots with intervals, and mirrored histograms.

Every plot is 400 units wide, so that its text is legible on a telephone without scaling. Colours are classes of the
page's style sheet (`s0`..`s5`: one a run, each with a marker of its own), so that light and dark need no second plot.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tracewarp.report.svg import Scale, tag, ticks
from tracewarp.report.words import shorten

WIDTH = 400
EDGE = 12
SERIES = 6
"""Colours and markers; a seventh run takes the first again."""


@dataclass(frozen=True)
class Mark:
    """One estimate on a row."""

    series: int
    """Which run: picks colour and marker."""
    name: str
    """Told when the mark is pointed at."""
    value: float
    interval: tuple[float, float] | None
    text: str
    """The figure, printed beside the mark."""
    chance: float | None = None
    """What unrelated pairs get: a dashed line across the row."""


@dataclass(frozen=True)
class Line:
    """One labelled row of estimates."""

    label: str
    marks: tuple[Mark, ...]


@dataclass(frozen=True)
class Axis:
    """The horizontal axis of a plot."""

    low: float
    high: float
    write: Callable[[float], str]
    """A tick's value as text."""
    zero: bool = False
    """Draw zero as a line of its own."""


def interval_plot(key: str, title: str, description: str, lines: Sequence[Line], axis: Axis) -> Markup:
    """Rows of dots with their intervals, each row's label above it and the figures at the right.

    Args:
        key: Unique in the page; names the plot's parts.
        title: What the plot shows.
        description: The same figures in words, for those who do not see the plot.
        lines: Rows, from the top.
        axis: Domain and ticks.
    """
    scale = Scale(axis.low, axis.high, EDGE, WIDTH - 152)
    drawn: list[Markup] = []
    top = 6.0
    for line in lines:
        drawn.append(tag("text", shorten(line.label, 54), class_="label", x=EDGE + 4, y=top + 11))
        top += 18
        for mark in line.marks:
            drawn.append(one_mark(mark, scale, top + 8))
            top += 30 if mark.chance is not None else 18
        top += 6
    return frame(key, title, description, [*grid(axis, scale, 4, top), *drawn], top + 20)


def grid(axis: Axis, scale: Scale, top: float, bottom: float) -> list[Markup]:
    """Vertical lines at round values, and their labels below."""
    parts: list[Markup] = []
    for value in ticks(axis.low, axis.high):
        x = scale(value)
        kind = "zero" if axis.zero and value == 0 else "grid"
        parts.append(tag("line", class_=kind, x1=x, x2=x, y1=top, y2=bottom))
        parts.append(tag("text", axis.write(value), class_="tick", x=x, y=bottom + 14, text_anchor="middle"))
    return parts


def one_mark(mark: Mark, scale: Scale, y: float) -> Markup:
    """An interval, its dot, its figure, and the chance level if there is one."""
    colour = f"s{mark.series % SERIES}"
    parts = [tag("title", f"{shorten(mark.name, 80)}: {mark.text}")]
    if mark.chance is not None:
        x = scale(mark.chance)
        anchor = "start" if x < WIDTH / 2 - 64 else "end"
        nudge = 4 if anchor == "start" else -4
        parts.append(tag("line", class_="chance", x1=x, x2=x, y1=y - 9, y2=y + 19))
        parts.append(tag("text", f"chance {mark.chance:.3f}", class_="tick", x=x + nudge, y=y + 19, text_anchor=anchor))
    if mark.interval is not None:
        low, high = (scale(end) for end in mark.interval)
        parts.append(tag("line", class_=f"whisker {colour}", x1=low, x2=high, y1=y, y2=y))
        parts += [tag("line", class_=f"whisker {colour}", x1=x, x2=x, y1=y - 4, y2=y + 4) for x in (low, high)]
    parts.append(marker(mark.series, scale(mark.value), y))
    parts.append(tag("text", mark.text, class_="value", x=WIDTH - 2, y=y + 4, text_anchor="end"))
    return tag("g", *parts)


def marker(series: int, x: float, y: float) -> Markup:
    """A dot whose shape tells the run without colour."""
    series %= SERIES
    colour = f"dot s{series}"
    if series == 0:
        return tag("circle", class_=colour, cx=x, cy=y, r=4.5)
    if series == 1:
        return tag("rect", class_=colour, x=x - 4, y=y - 4, width=8, height=8)
    corners = {
        2: ((0, -6), (6, 0), (0, 6), (-6, 0)),
        3: ((0, -5.5), (5.5, 4), (-5.5, 4)),
        4: ((0, 5.5), (5.5, -4), (-5.5, -4)),
        5: ((-5, -2), (-2, -5), (2, -5), (5, -2), (5, 2), (2, 5), (-2, 5), (-5, 2)),
    }[series]
    return tag("polygon", class_=colour, points=" ".join(f"{x + dx:.1f},{y + dy:.1f}" for dx, dy in corners))


def legend_marker(series: int) -> Markup:
    """The marker alone, for the legend."""
    return tag("svg", marker(series, 8, 8), viewBox="0 0 16 16", width=16, height=16, aria_hidden="true")


@dataclass(frozen=True)
class Histogram:
    """Counts of two groups over the same bins."""

    edges: tuple[float, ...]
    """Ascending; one more than there are bins. The last bin is closed on the right."""
    up: tuple[int, ...]
    """Solved episodes, drawn upwards."""
    down: tuple[int, ...]
    """Episodes that were not solved, drawn downwards."""


def histogram(up: Sequence[float], down: Sequence[float], edges: Sequence[float]) -> Histogram:
    """Count values into bins; what lies outside falls into the first or the last."""

    def count(values: Sequence[float]) -> tuple[int, ...]:
        bins = [0] * (len(edges) - 1)
        for value in values:
            place = math.floor((value - edges[0]) / (edges[1] - edges[0]) + 1e-9)
            bins[min(max(place, 0), len(bins) - 1)] += 1
        return tuple(bins)

    return Histogram(tuple(edges), count(up), count(down))


def mirror_plot(key: str, title: str, description: str, data: Histogram, write: Callable[[float], str]) -> Markup:
    """Solved episodes upwards, the others downwards, each as a share of its own group.

    Args:
        key: Unique in the page; names the plot's parts.
        title: What the plot shows.
        description: The same in words.
        data: Counts by bin.
        write: A tick of the horizontal axis as text.
    """
    across = Scale(data.edges[0], data.edges[-1], 46, WIDTH - EDGE)
    groups = [("solved", data.up, -1), ("unsolved", data.down, 1)]
    tallest = max([count / sum(counts) for _, counts, _ in groups if sum(counts) for count in counts], default=1.0)
    middle, reach = 100.0, 76.0
    up = Scale(0.0, tallest, 0, reach)
    parts: list[Markup] = []
    for share in ticks(0, tallest, 3):
        for sign in (-1, 1):
            y = middle + sign * up(share)
            parts.append(tag("line", class_="grid", x1=46, x2=WIDTH - EDGE, y1=y, y2=y))
            parts.append(tag("text", f"{100 * share:g} %", class_="tick", x=42, y=y + 4, text_anchor="end"))
    for name, counts, sign in groups:
        for index, count in enumerate(counts):
            if count:
                left, right = across(data.edges[index]), across(data.edges[index + 1])
                height = up(count / sum(counts))
                y = middle - height if sign < 0 else middle
                span = f"{write(data.edges[index])} to {write(data.edges[index + 1])}"
                hint = tag("title", f"{span}: {count:,} of {sum(counts):,} {name}")
                parts.append(tag("rect", hint, class_=name, x=left + 0.5, y=y, width=right - left - 1, height=height))
        y = middle + sign * reach + (-10 if sign < 0 else 18)
        words = f"{name}, n = {sum(counts):,}"
        parts.append(tag("text", words, class_="label", x=WIDTH - EDGE, y=y, text_anchor="end"))
    parts.append(tag("line", class_="zero", x1=46, x2=WIDTH - EDGE, y1=middle, y2=middle))
    bottom = middle + reach + 26
    for value in ticks(data.edges[0], data.edges[-1], 8):
        parts.append(tag("text", write(value), class_="tick", x=across(value), y=bottom + 12, text_anchor="middle"))
    return frame(key, title, description, parts, bottom + 20)


def frame(key: str, title: str, description: str, parts: Sequence[Markup], height: float) -> Markup:
    """The plot's outer element, with a title and a description for those who do not see it."""
    key = f"plot-{key}"
    return tag(
        "svg",
        tag("title", title, id=f"{key}-title"),
        tag("desc", description, id=f"{key}-desc"),
        *parts,
        class_="plot",
        viewBox=f"0 0 {WIDTH} {height:.0f}",
        role="img",
        aria_labelledby=f"{key}-title {key}-desc",
    )
