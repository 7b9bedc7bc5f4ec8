"""The agents of an improvement as tables: one list of columns for the terminal and the page."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from tracewarp.evaluate.improvement import AgentRow, Gain, Improvement, Success
from tracewarp.evaluate.results import RunScores
from tracewarp.report.words import (
    MISSING,
    number,
    of,
    p_value,
    percent,
    plain,
    points,
    points_interval,
    score_interval,
    share_interval,
)

BASE = "base"


@dataclass(frozen=True)
class Cell:
    """A figure, and what belongs to it."""

    text: str
    more: str = ""
    """Interval, p-value, counts."""


@dataclass(frozen=True)
class Grid:
    """A table: its columns' names, and rows that begin with a name."""

    head: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]


NONE = Cell(MISSING)


def improvement_rows(result: Improvement) -> tuple[tuple[str, ...], tuple[tuple[str, ...], ...]]:
    """The headline as plain text, for a terminal."""
    grid = headline(result)
    return grid.head, tuple(tuple(" ".join(filter(None, (cell.text, cell.more))) for cell in row) for row in grid.rows)


def headline(result: Improvement) -> Grid:
    """Success of every agent, greedy and sampled, and what was gained; the base's control of temperature last."""
    rows = [
        (
            Cell(plain(agent.name)),
            _success(agent.greedy),
            _gain(agent.greedy, (BASE,)),
            _gain(agent.greedy, controls(result)),
            NONE if agent.sampled is None else _success(agent.sampled),
            NONE if agent.sampled is None else _gain(agent.sampled, (BASE,)),
        )
        for agent in result.agents
    ]
    rows += [
        (Cell(cooled_name(result)), NONE, NONE, NONE, _success(agent.cooled), NONE)
        for agent in result.agents
        if agent.cooled is not None
    ]
    head = ("Agent", "Greedy success", "over the base", "over the random control", "Success at T = 1", "over the base")
    return _without_empty(Grid(head, tuple(rows)))


def closer_look(result: Improvement) -> Grid:
    """What success alone does not say: by which way it came, and at which price."""
    rows = []
    for agent in result.agents:
        run = run_of(result, agent)
        rows.append(
            (
                Cell(plain(agent.name)),
                _infeasible(agent.greedy),
                _capability(run),
                _vertex(run),
                NONE if agent.sampled is None else Cell(percent(agent.sampled.plausible)),
                NONE if agent.sampled is None else Cell(percent(agent.sampled.plausible_precision)),
                NONE if agent.sampled is None else _gain(agent.sampled, (cooled_name(result),)),
                *_steps(run),
            )
        )
    head = (
        "Agent",
        "Infeasible tasks solved",
        "capability@1",
        "VERTEX_DTW",
        "Plausible at T = 1",
        "Successes among them",
        f"T = 1 over {cooled_name(result)}",
        "Invalid actions",
        "Mean steps per episode",
    )
    return _without_empty(Grid(head, tuple(rows)))


def controls(result: Improvement) -> tuple[str, ...]:
    """The names of the agents that learnt from random trajectories."""
    return tuple(agent.name for agent in result.agents if (agent.arm or "").startswith("random-"))


def cooled_name(result: Improvement) -> str:
    """What the base at the control's temperature is called."""
    temperature = result.options.get("control_temperature")
    return f"{BASE}, temperature {temperature:g}" if isinstance(temperature, (int, float)) else f"{BASE}, cooled"


def gain(success: Success, against: Iterable[str]) -> Gain | None:
    """The first difference to one of some agents."""
    names = set(against)
    return next((found for found in success.gains if found.against in names), None)


def run_of(result: Improvement, agent: AgentRow) -> RunScores:
    """The scores of an agent's greedy run."""
    return next(run for run in result.scores.runs if run.name == agent.name)


def _success(success: Success) -> Cell:
    return Cell(percent(success.rate.value), share_interval(success.rate.interval))


def _gain(success: Success, against: Iterable[str]) -> Cell:
    found = gain(success, against)
    if found is None:
        return NONE
    paired = found.paired
    return Cell(points(paired.difference), f"{points_interval(paired.interval)}, p {_p(paired.p_value)}")


def _p(value: float) -> str:
    text = p_value(value)
    return text if text.startswith("<") else f"= {text}"


def _infeasible(success: Success) -> Cell:
    if success.infeasible is None:
        return NONE
    return Cell(percent(success.infeasible), of(round(success.infeasible * success.n_infeasible), success.n_infeasible))


def _capability(run: RunScores) -> Cell:
    found = run.capability
    return NONE if found is None else Cell(percent(found.at_1.value), share_interval(found.at_1.interval))


def _vertex(run: RunScores) -> Cell:
    found = run.vertex_dtw
    return NONE if found is None else Cell(number(found.mean.value), score_interval(found.mean.interval))


def _steps(run: RunScores) -> tuple[Cell, Cell]:
    """Invalid actions, and mean steps per episode."""
    if run.steps is None:
        return NONE, NONE
    rate = run.steps.invalid_rate
    invalid = NONE if rate is None else Cell(percent(rate.value), share_interval(rate.interval))
    return invalid, Cell(number(run.steps.mean.value, 1))


def _without_empty(grid: Grid) -> Grid:
    """The same table without columns that hold nothing."""
    kept = [place for place in range(len(grid.head)) if any(row[place].text != MISSING for row in grid.rows)]
    return Grid(tuple(grid.head[i] for i in kept), tuple(tuple(row[i] for i in kept) for row in grid.rows))
