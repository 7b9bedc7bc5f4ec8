"""The plots of the study as SVG files that stand alone."""

from __future__ import annotations

import textwrap
from collections.abc import Sequence

from markupsafe import Markup

from tracewarp.report.page import asset
from tracewarp.report.plots import EDGE, SERIES, WIDTH, Axis, Line, Mark, frame, interval_plot, marker
from tracewarp.report.svg import Scale, tag, ticks
from tracewarp.studies.validity.measures import Estimate
from tracewarp.studies.validity.results import AgentRow, DamageRow, SplitResult

WORDS = {
    "cut": "end cut off",
    "middle": "middle missing",
    "loop": "one step repeated",
    "other_task": "end of a task of another capability",
    "wrong_element": "wrong elements",
    "same_capability": "end of another task of the same capability",
    "no_end": "final message missing",
    "swapped": "halves swapped",
    "last_step": "last-step cosine",
    "actions": "action edit similarity",
    "same": "references of the same task",
    "other": "references of other tasks of the capability",
}
"""Names in tables and plots."""
PANEL = 128
"""Height of one panel."""
SHORT = {"other_task": "end of another task", "same_capability": "end of a task of the capability"}
"""Titles of panels that are half as wide."""


def alone(svg: Markup) -> str:
    """An SVG file with its own style sheet, readable on light and dark pages."""
    style = f"{asset('report.css')} svg.plot {{ font-family: system-ui, sans-serif; max-width: none; }}"
    ground = '<rect width="100%" height="100%" style="fill: var(--page)"/>'
    opened = str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="720" ', 1)
    start = opened.index(">") + 1
    return f"{opened[:start]}<style>{style}</style>{ground}{opened[start:]}\n"


def grid_plot(split: SplitResult) -> Markup:
    """Kendall's tau of every candidate with its interval."""
    lines = [
        Line(row.label, (_mark(row.label, row.tau),)) for row in sorted(split.grid, key=_by_tau) if row.tau is not None
    ]
    title = f"Kendall's tau between agents' success and score, {split.name}"
    words = "; ".join(f"{line.label}: {line.marks[0].text}" for line in lines)
    return interval_plot("tau", title, words, lines, Axis(-1.0, 1.0, lambda value: f"{value:g}", zero=True))


def _by_tau(row: object) -> float:
    tau = getattr(row, "tau", None)
    return 0.0 if tau is None else -tau.value


def _mark(name: str, estimate: Estimate) -> Mark:
    interval = "" if estimate.interval is None else f" [{estimate.interval[0]:.2f}, {estimate.interval[1]:.2f}]"
    return Mark(0, name, estimate.value, estimate.interval, f"{estimate.value:.2f}{interval}")


def agents_plot(agents: Sequence[AgentRow], labels: Sequence[str], references: str, *, name: str) -> Markup:
    """Success against mean score of every agent; one panel for each setting."""
    title = f"Success (across) and mean score (up) of each agent, {name}, {WORDS[references]}"
    parts = _title(title)
    top = 6.0 + 15 * len(parts)
    left, right = 46, WIDTH - EDGE - 14
    success = [row.success for row in agents]
    edge = max(0.0, min(success) - 0.05)
    for series, label in enumerate(labels):
        points = [(row.success, row.scores[label][references], row.agent) for row in agents]
        parts.append(marker(series, EDGE + 4, top + 8))
        parts.append(tag("text", label, class_="label", x=EDGE + 14, y=top + 12))
        across = Scale(edge, 1.0, left, right)
        scores = [score for _, score, _ in points]
        margin = (max(scores) - min(scores)) / 12 or 0.02
        up = Scale(min(scores) - margin, max(scores) + margin, top + PANEL, top + 20)
        for value in ticks(up.low, up.high, 4):
            parts.append(tag("line", class_="grid", x1=left, x2=right, y1=up(value), y2=up(value)))
            parts.append(tag("text", f"{value:g}", class_="tick", x=left - 6, y=up(value) + 4, text_anchor="end"))
        for one, score, agent in points:
            hint = tag("title", f"{agent}: success {one:.3f}, score {score:.3f}")
            parts.append(tag("g", hint, marker(series, across(one), up(score))))
        for value in ticks(edge, 1.0, 6):
            y = top + PANEL + 16
            parts.append(tag("text", f"{100 * value:g} %", class_="tick", x=across(value), y=y, text_anchor="middle"))
        top += PANEL + 34
    words = "; ".join(
        f"{row.agent}: {row.success:.3f}, " + ", ".join(f"{row.scores[label][references]:.3f}" for label in labels)
        for row in agents
    )
    return frame("agents", title, words, parts, top)


def doses_plot(rows: Sequence[DamageRow], labels: Sequence[str], references: str, *, name: str) -> Markup:
    """Mean score by dose, relative to the originals; one panel for each damage, one line for each score."""
    title = f"Mean score by share of damaged steps, relative to the undamaged solution, {name}, {WORDS[references]}"
    chosen = {row.label: row for row in rows if row.references == references and row.label in labels}
    damages = [c.damage for row in list(chosen.values())[:1] for c in row.curves if c.never_rises is not None]
    parts = _title(title)
    top = 6.0 + 15 * len(parts)
    for series, label in enumerate(labels):
        parts.append(marker(series, EDGE + 4, top + 6))
        parts.append(tag("text", WORDS.get(label, label), class_="label", x=EDGE + 14, y=top + 10))
        top += 16
    top += 8
    told = []
    half = (WIDTH - 2 * EDGE) / 2
    for number, damage in enumerate(damages):
        left = EDGE + (number % 2) * half
        across = Scale(0.0, 0.6, left + 28, left + half - 14)
        means = [
            mean / c.original for row in chosen.values() for c in row.curves if c.damage == damage for mean in c.means
        ]
        up = Scale(0.0, max([1.05, *means]), top + PANEL, top + 22)
        parts.append(tag("text", SHORT.get(damage, WORDS[damage]), class_="tick", x=left + 4, y=top + 10))
        for value in (0.0, 0.5, 1.0):
            parts.append(tag("line", class_="grid", x1=left + 28, x2=left + half - 14, y1=up(value), y2=up(value)))
            parts.append(tag("text", f"{value:g}", class_="tick", x=left + 24, y=up(value) + 4, text_anchor="end"))
        for value in (0.0, 0.2, 0.4, 0.6):
            y = top + PANEL + 17
            parts.append(tag("text", f"{100 * value:g} %", class_="tick", x=across(value), y=y, text_anchor="middle"))
        for series, label in enumerate(labels):
            curve = next((c for c in chosen[label].curves if c.damage == damage), None) if label in chosen else None
            if curve is None:
                continue
            points = [(0.0, 1.0)] + [
                (dose or 0.0, mean / curve.original) for dose, mean in zip(curve.doses, curve.means, strict=True)
            ]
            line = " ".join(f"{across(x):.1f},{up(y):.1f}" for x, y in points)
            parts.append(tag("polyline", class_=f"curve s{series % SERIES}", points=line))
            parts += [marker(series, across(x), up(y)) for x, y in points[1:]]
            told.append(f"{WORDS[damage]}, {WORDS.get(label, label)}: " + ", ".join(f"{y:.2f}" for _, y in points))
        if number % 2 or number == len(damages) - 1:
            top += PANEL + 32
    return frame("doses", title, "; ".join(told), parts, top)


def _title(text: str) -> list[Markup]:
    """The title in lines that fit."""
    lines = textwrap.wrap(text, 58)
    return [tag("text", line, class_="label", x=EDGE, y=16 + 15 * place) for place, line in enumerate(lines)]
