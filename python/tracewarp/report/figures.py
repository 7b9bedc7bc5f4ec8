"""Which plots the report shows, and what stands below each."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass

from markupsafe import Markup

from tracewarp.evaluate.results import Comparison, EpisodeScore, RunScores, Scores
from tracewarp.metrics.statistics.clusters import plural
from tracewarp.report.headline import encoders, shown_runs, variant_names
from tracewarp.report.plots import Axis, Histogram, Line, Mark, histogram, interval_plot, mirror_plot
from tracewarp.report.svg import domain
from tracewarp.report.words import (
    difference_interval,
    ends,
    level,
    number,
    percent,
    plain,
    points,
    points_interval,
    score_interval,
    share_interval,
    shorten,
    signed,
)

MOST_STEP_BINS = 30
SCORE_BINS = 20


@dataclass(frozen=True)
class Figure:
    """A plot with its heading and its caption."""

    title: str
    svg: Markup
    caption: str


def figures(scores: Scores) -> list[Figure]:
    """Every plot for which the scores hold figures."""
    drawn = [correctness(scores), vertex(scores), variants(scores), sites(scores)]
    drawn += [correctness_differences(scores), vertex_differences(scores)]
    drawn += [separation(run, index) for index, run in enumerate(shown_runs(scores))]
    drawn += [lengths(scores, run, index) for index, run in enumerate(shown_runs(scores))]
    return [figure for figure in drawn if figure is not None]


def correctness(scores: Scores) -> Figure | None:
    """Functional correctness of each run."""
    lines = [
        Line(
            run.name,
            (
                Mark(
                    index,
                    run.name,
                    rate.value,
                    ends(rate.interval),
                    f"{percent(rate.value)} {share_interval(rate.interval)}",
                ),
            ),
        )
        for index, run in enumerate(shown_runs(scores))
        if (rate := run.functional_correctness.rate) is not None
    ]
    caption = f"Mean success rate of the tasks, with its {interval_name(scores)} (Wilson). More is better."
    return plotted("correctness", "Success rate", caption, lines, Axis(0, 1, percent_tick))


def sites(scores: Scores) -> Figure | None:
    """Functional correctness by site, the runs below each other."""
    lines = []
    for site in dict.fromkeys(entry.site for run in shown_runs(scores) for entry in run.sites):
        marks = [
            Mark(
                index,
                f"{run.name}, {site}",
                rate.value,
                ends(rate.interval),
                f"{percent(rate.value)} of {rate.n:,} {plural('task', rate.n)}",
            )
            for index, run in enumerate(shown_runs(scores))
            for entry in run.sites
            if entry.site == site and (rate := entry.functional_correctness.rate) is not None
        ]
        lines.append(Line(site or "no site", tuple(marks)))
    caption = (
        f"Mean success rate of the tasks of each site, with {interval_name(scores)}s (Wilson). A site without an "
        "interval has too few clusters for one."
    )
    return plotted("sites", "Success rate by site", caption, lines, Axis(0, 1, percent_tick))


def vertex(scores: Scores) -> Figure | None:
    """VERTEX_DTW of each run, with the chance level of its own data."""
    lines, values = [], []
    for index, run in enumerate(shown_runs(scores)):
        if (score := run.vertex_dtw) is not None and math.isfinite(score.mean.value):
            mean, interval = score.mean.value, ends(score.mean.interval)
            text = f"{number(mean)} {score_interval(score.mean.interval)}"
            lines.append(Line(run.name, (Mark(index, run.name, mean, interval, text, score.chance),)))
            values += [mean, *(interval or ()), *([] if score.chance is None else [score.chance])]
    caption = (
        f"Mean over tasks with a reference, with its {interval_name(scores)}. The dashed line is what unrelated "
        f"trajectories get: only what lies right of it counts. {encoder_words(scores)} More is better."
    )
    return plotted("vertex", "VERTEX_DTW", caption, lines, Axis(*domain(values), score_tick))


def variants(scores: Scores) -> Figure | None:
    """VERTEX_DTW under each of its published forms."""
    lines, values = [], []
    for mode in variant_names(shown_runs(scores)):
        marks = []
        for index, run in enumerate(shown_runs(scores)):
            if run.vertex_dtw is not None and mode in run.vertex_dtw.variants:
                value = run.vertex_dtw.variants[mode]
                marks.append(Mark(index, f"{run.name}, {mode}", value, None, number(value)))
                values.append(value)
        lines.append(Line(mode, tuple(marks)))
    caption = (
        "The same alignments scored in three ways; they differ in how the trivial agent's similarity is taken off, so "
        f"compare runs within a mode, never across modes. {encoder_words(scores)}"
    )
    return plotted("variants", "VERTEX_DTW by mode", caption, lines, Axis(*domain(values), score_tick, zero=True))


def correctness_differences(scores: Scores) -> Figure | None:
    """Difference of functional correctness for each comparison."""
    lines, values = [], []
    for comparison in scores.comparisons:
        d = comparison.functional_correctness.paired
        name, interval = versus(comparison), ends(d.interval)
        text = f"{points(d.difference)} {points_interval(d.interval)}"
        lines.append(Line(name, (Mark(0, name, d.difference, interval, text),)))
        values += [d.difference, *(interval or ())]
    caption = (
        f"Percentage points on the same tasks, with simultaneous {interval_name(scores)}s of the paired "
        "differences. An interval that holds 0 shows no difference."
    )
    axis = Axis(*domain(values), lambda value: signed(100 * value, 0), zero=True)
    return plotted("correctness-differences", "Difference in success rate", caption, lines, axis)


def vertex_differences(scores: Scores) -> Figure | None:
    """Difference of VERTEX_DTW for each comparison."""
    lines, values = [], []
    for comparison in scores.comparisons:
        if comparison.vertex_dtw is not None:
            d = comparison.vertex_dtw.paired
            name, interval = versus(comparison), ends(d.interval)
            text = f"{signed(d.difference)} {difference_interval(d.interval)}"
            lines.append(Line(name, (Mark(0, name, d.difference, interval, text),)))
            values += [d.difference, *(interval or ())]
    caption = (
        f"On the same tasks, with simultaneous {interval_name(scores)}s of the paired differences. "
        f"{encoder_words(scores)}"
    )
    axis = Axis(*domain(values), lambda value: signed(value, 2), zero=True)
    return plotted("vertex-differences", "Difference in VERTEX_DTW", caption, lines, axis)


def separation(run: RunScores, index: int) -> Figure | None:
    """The scores of solved and of unsolved episodes of one run."""
    if run.vertex_dtw is None:
        return None
    scored = [(e, e.vertex_dtw) for e in run.episodes if e.vertex_dtw is not None and math.isfinite(e.vertex_dtw)]
    low, high = min([0.0, *(value for _, value in scored)]), max([1.0, *(value for _, value in scored)])
    edges = [low + (high - low) * index / SCORE_BINS for index in range(SCORE_BINS + 1)]
    caption = (
        f"{plain(run.name)}: VERTEX_DTW of solved (up) and unsolved episodes (down; partial credit among them), "
        "each as a share of its group. "
        "A gap between the two shows association, not validity: how an episode ended can drive both. "
        f"Encoder {run.vertex_dtw.encoder}, step template {run.vertex_dtw.step_template}."
    )
    title = f"Success and VERTEX_DTW: {shorten(run.name, 60)}"
    return mirrored(f"separation-{index}", title, caption, scored, edges=edges, write=score_tick)


def lengths(scores: Scores, run: RunScores, index: int) -> Figure | None:
    """The lengths of solved and of unsolved episodes of one run, on an axis that all runs share."""
    longest = max((episode.steps for run in shown_runs(scores) for episode in run.episodes), default=0)
    width = max(1, math.ceil((longest + 1) / MOST_STEP_BINS))
    edges = [float(edge) for edge in range(0, longest + width + 1, width)]
    counted = [(episode, float(episode.steps)) for episode in run.episodes]
    each = "one step" if width == 1 else f"{width} steps"
    caption = (
        f"{plain(run.name)}: executed steps of solved (up) and unsolved episodes (down; partial credit among "
        "them), each as a share of its group; "
        f"a bar is {each} wide."
    )
    title = f"Steps per episode: {shorten(run.name, 60)}"
    return mirrored(f"steps-{index}", title, caption, counted, edges=edges, write=lambda value: f"{value:g}")


def mirrored(
    key: str,
    title: str,
    caption: str,
    values: Sequence[tuple[EpisodeScore, float]],
    *,
    edges: Sequence[float],
    write: Callable[[float], str],
) -> Figure | None:
    """A mirrored histogram of judged episodes; None where there are none."""
    solved = [value for episode, value in values if episode.success is True]
    unsolved = [value for episode, value in values if episode.success is False]
    if not solved and not unsolved:
        return None
    data = histogram(solved, unsolved, edges)
    description = f"{caption} Solved: {spoken(data, data.up, write)}. Unsolved: {spoken(data, data.down, write)}."
    return Figure(title, mirror_plot(key, title, description, data, write), caption)


def spoken(data: Histogram, counts: Sequence[int], write: Callable[[float], str]) -> str:
    """A histogram in words: the bins that hold something."""
    held = [f"from {write(edge)}, {count}" for edge, count in zip(data.edges, counts, strict=False) if count]
    return "; ".join(held) or "none"


def plotted(key: str, title: str, caption: str, lines: Sequence[Line], axis: Axis) -> Figure | None:
    """A plot of intervals; None where no line has a mark."""
    held = [line for line in lines if line.marks]
    if not held:
        return None
    description = f"{caption} " + "; ".join(f"{plain(mark.name)}: {mark.text}" for line in held for mark in line.marks)
    return Figure(title, interval_plot(key, title, description, held, axis), caption)


def versus(comparison: Comparison) -> str:
    """The two runs of a comparison."""
    return f"{shorten(comparison.run, 26)} minus {shorten(comparison.baseline, 26)}"


def interval_name(scores: Scores) -> str:
    """`95 % interval`."""
    return f"{level(scores.settings)} interval".strip()


def encoder_words(scores: Scores) -> str:
    """Encoder and step template as a sentence; empty without VERTEX figures."""
    names = encoders(shown_runs(scores))
    return f"Encoder and step template: {plain(names)}." if names else ""


def percent_tick(share: float) -> str:
    """A tick of an axis of shares."""
    return f"{100 * share:g} %"


def score_tick(value: float) -> str:
    """A tick of an axis of scores."""
    return f"{value:g}" if value >= 0 else f"−{-value:g}"
