"""An improvement as one self-contained page that works offline."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from markupsafe import Markup

from tracewarp.evaluate.improvement import AgentRow, Improvement, RuleRow
from tracewarp.metrics.statistics.clusters import plural
from tracewarp.report import words
from tracewarp.report.agents import BASE, Cell, Grid, closer_look, controls, gain, headline
from tracewarp.report.curves import curve_plot
from tracewarp.report.figures import Figure, percent_tick, plotted
from tracewarp.report.page import asset, environment, flat, policy, write_page
from tracewarp.report.plots import Axis, Line, Mark
from tracewarp.report.svg import domain
from tracewarp.synthesize import RULES_IN_WORDS

RULE_WORDS = {
    **RULES_IN_WORDS,
    "agreement": "too few plausible samples of the task took the same actions",
}
GREEDY, SAMPLED = 0, 1
"""Series of the plots: circles are greedy runs, squares sampled ones."""


def write_improvement_page(result: Improvement, path: str | Path) -> None:
    """Write the page of an improvement: one HTML file without a single external request.

    Args:
        result: What `tracewarp.improve.improve` returned.
        path: The file to write; its folder is made where it is missing.

    Raises:
        FileError: The folder or the file cannot be written.
    """
    write_page(render(result), Path(path))


def render(result: Improvement) -> str:
    """The page as text."""
    style = asset("report.css")
    learners = [agent for agent in result.agents if agent.selection is not None]
    return (
        environment()
        .get_template("improvement.html")
        .render(
            result=result,
            model=words.plain(Path(str(result.options.get("model", ""))).name),
            policy=policy("", style),
            style=Markup(style),  # noqa: S704 - our own file, not input
            words=words,
            method=method(result),
            caption=caption(result),
            headline=headline(result),
            closer=closer_look(result),
            figures=[figure for figure in (success(result), gains(result)) if figure is not None],
            curves=curves(learners),
            selections=selections(learners),
            filters=filters(learners),
            refusals=refusals(learners),
            trainings=trainings(learners),
            settings=flat(result.options),
        )
    )


def method(result: Improvement) -> str:
    """One paragraph: how the figures came about."""
    options, first = result.options, result.agents[0].greedy
    sampled = result.agents[0].sampled
    runs = "" if sampled is None else f" Runs of a task at T = 1: {sampled.n_runs:,}."
    return words.plain(
        f"Learnt on split {options.get('train_split')}, episodes a task: {options.get('samples')}; tested on "
        f"{first.n_tasks:,} tasks of split {options.get('test_split')}.{runs} Intervals: 95 %, over "
        f"{first.rate.clusters:,} {plural(first.rate.cluster, first.rate.clusters)}. Differences are taken task by "
        "task; their intervals and p values are adjusted over all agents. Greedy success is the headline: a gain "
        "at T = 1 alone may be what a lower temperature gives without any learning."
    )


def caption(result: Improvement) -> str:
    """Of the headline: which tasks were scored, and which were learnt from."""
    options = result.options
    return words.plain(
        f"Success on {result.agents[0].greedy.n_tasks:,} tasks of split {options.get('test_split')}, learnt on split "
        f"{options.get('train_split')}; differences in percentage points, task by task"
    )


def success(result: Improvement) -> Figure | None:
    """Success of every agent, greedy and sampled."""
    lines = []
    for agent in result.agents:
        marks = [
            Mark(
                series,
                f"{agent.name}, {kind}",
                of.rate.value,
                words.ends(of.rate.interval),
                words.percent(of.rate.value),
            )
            for series, kind, of in ((GREEDY, "greedy", agent.greedy), (SAMPLED, "T = 1", agent.sampled))
            if of is not None
        ]
        lines.append(Line(agent.name, tuple(marks)))
    caption = "Circles: greedy. Squares: at T = 1, mean over runs. With 95 % intervals. More is better."
    return plotted("success", "Success on the test tasks", caption, lines, Axis(0, 1, percent_tick))


def gains(result: Improvement) -> Figure | None:
    """What every agent gained over the base, and over the random control."""
    lines, ends = [], [0.0]
    for names, what in (((BASE,), "the base"), (controls(result), "the random control")):
        for agent in result.agents:
            marks = []
            for series, kind, found in (
                (GREEDY, "greedy", gain(agent.greedy, names)),
                (SAMPLED, "T = 1", gain(agent.sampled, names) if agent.sampled is not None else None),
            ):
                if found is not None:
                    paired, interval = found.paired, words.ends(found.paired.interval)
                    text = f"{words.points(paired.difference)} {words.points_interval(paired.interval)}"
                    marks.append(Mark(series, f"{agent.name}, {kind}", paired.difference, interval, text))
                    ends += [paired.difference, *(interval or ())]
            if marks:
                lines.append(Line(f"{agent.name} minus {what}", tuple(marks)))
    caption = (
        "Percentage points on the same tasks, with the 95 % interval of the paired difference. Circles: greedy. "
        "Squares: at T = 1. An interval that holds 0 shows no difference; no interval says that all tasks came out "
        "alike, or that there are too few clusters."
    )
    axis = Axis(*domain(ends), lambda value: words.signed(100 * value, 0), zero=True)
    return plotted("gains", "Gains", caption, lines, axis)


def curves(learners: Sequence[AgentRow]) -> list[Figure]:
    """Validation perplexity by epoch of every training."""
    figures = []
    for place, agent in enumerate(learners):
        training = agent.training
        if training is None:
            continue
        values = [(epoch, perplexity) for epoch, _, perplexity in training.curve]
        best = f"Best epoch {training.best_epoch} of {training.epochs}, kept epoch {training.kept_epoch}"
        caption = f"Validation perplexity by epoch; less is better. {best}."
        if training.kept_epoch == 0:
            caption += " Epoch 0 is the start: this agent is the one that it began with."
        told = "; ".join(f"epoch {epoch}: {words.number(value)}" for epoch, value in values)
        plot = curve_plot(
            f"curve-{place}", agent.name, f"{caption} {told}", values, kept=training.kept_epoch, series=place
        )
        figures.append(Figure(agent.name, plot, caption))
    return figures


def selections(learners: Sequence[AgentRow]) -> Grid:
    """What every agent learnt from, and how well that was chosen where the truth is known."""
    head = (
        "Agent", "Collected", "Successes", "Kept", "From the round before", "Precision", "Recall", "Accuracy", "F1",
        "First, intermediate, last steps", "In-domain examples", "Out-of-domain examples",
    )  # fmt: skip
    rows = []
    for agent in learners:
        row = agent.selection
        assert row is not None, "learners have one"
        places = ", ".join(f"{count:,}" for count in row.available.values())
        rows.append(
            tuple(
                map(
                    Cell,
                    (
                        words.plain(agent.name),
                        f"{row.collected:,}",
                        words.MISSING if row.successes is None else f"{row.successes:,}",
                        f"{row.kept:,}",
                        f"{row.fallbacks:,}",
                        *(words.number(value) for value in (row.precision, row.recall, row.accuracy, row.f1)),
                        f"{places}; " + ("all" if row.per_place is None else f"{row.per_place:,} of each"),
                        f"{row.in_domain:,}",
                        f"{row.out_of_domain:,}",
                    ),
                )
            )
        )
    return Grid(head, tuple(rows))


def filters(learners: Sequence[AgentRow]) -> Grid:
    """What each rule removed: a column for the agents that share trajectories and rules; controls ask none."""
    shared: dict[tuple[int, tuple[RuleRow, ...]], list[str]] = {}
    for agent in learners:
        row = agent.selection
        if row is not None and any(rule.rule in RULE_WORDS for rule in row.rules):
            shared.setdefault((row.collected, row.rules), []).append(words.plain(agent.name))
    names = list(dict.fromkeys(rule.rule for _, rules in shared for rule in rules))
    by_column = [{rule.rule: rule for rule in rules} for _, rules in shared]
    rows = [
        (Cell(name, RULE_WORDS.get(name, "")), *(_rule(column.get(name)) for column in by_column)) for name in names
    ]
    return Grid(("Rule", *("; ".join(agents) for agents in shared.values())), tuple(rows))


def _rule(rule: RuleRow | None) -> Cell:
    if rule is None:
        return Cell(words.MISSING)
    found = f"precision {words.number(rule.precision)}, recall {words.number(rule.recall)}"
    return Cell(f"{rule.objected:,}, alone {rule.alone:,}", found if rule.objected else "")


def refusals(learners: Sequence[AgentRow]) -> list[tuple[str, list[tuple[str, int]]]]:
    """Agent, and reason with count, of the answers that the out-of-domain generation refused."""
    return [
        (words.plain(agent.name), [(words.plain(reason), count) for reason, count in agent.selection.refusals.items()])
        for agent in learners
        if agent.selection is not None and agent.selection.refusals
    ]


def trainings(learners: Sequence[AgentRow]) -> Grid:
    """How every training went."""
    head = ("Agent", "Examples", "Validation", "Too long, left out", "Epochs", "Best", "Kept", "Updates", "Seconds")
    rows = []
    for agent in learners:
        t = agent.training
        assert t is not None, "learners were trained"
        counts = (t.n_train, t.n_validation, t.too_long, t.epochs, t.best_epoch, t.kept_epoch, t.updates)
        cells = (words.plain(agent.name), *(f"{count:,}" for count in counts), words.number(t.seconds, 1))
        rows.append(tuple(map(Cell, cells)))
    return Grid(head, tuple(rows))
