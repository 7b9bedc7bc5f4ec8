"""Turn the folder of a study into docs/studies: task by task results, tables, plots.

PYTHONPATH=python python tools/study/write.py --from out/study --to docs/studies    # reads the folder first
PYTHONPATH=python python tools/study/write.py --to docs/studies                     # from the results that are there
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Sequence
from pathlib import Path

import numpy as np
from experiments import (
    BASE_SEEDS,
    BY_NAME,
    EXPERIMENTS,
    SAMPLED_RUNS,
    SAMPLES,
    TEST_TASKS,
    TRAIN_TASKS,
    TRAINING_SEEDS,
)
from intervals import Estimate, nested
from markupsafe import Markup
from numpy.typing import NDArray
from results import Results, Row, gather, merged, read, rows_of, save, success, words_of

from tracewarp.improve.tiny import TINY_TRAINING
from tracewarp.report.page import asset
from tracewarp.report.plots import Axis, Line, Mark, interval_plot
from tracewarp.report.svg import domain
from tracewarp.report.words import MISSING, number, percent, points, points_interval, signed

NAME = "self-improvement"
HEADLINES = {"planted faults": ("main", "further"), "faults that nobody planted": ("unplanted",)}
"""Headline -> the experiments whose bases it is about."""
GREEDY, SAMPLED, COOLED = "greedy", "sampled", "cooled"
Agent = tuple[str, str, int]
"""Experiment, agent, round."""
WORDS = {
    "base": "base",
    "A": "the paper's filter, mixture A",
    "B": "the paper's filter, mixture B",
    "C": "the paper's filter, mixture C",
    "agreement-A": "agreement",
    "random-A": "random, as many as the filter keeps",
    "all-A": "everything",
    "true-A": "true successes (needs the truth)",
}


def by_base(
    cells: dict[tuple[int, int], Row], value: Callable[[int, int, Row], NDArray[np.float64]]
) -> Estimate | None:
    """An estimate from one array of tasks a cell."""
    bases = []
    for base in sorted({base for base, _ in cells}):
        bases.append(np.stack([value(*place, row) for place, row in sorted(cells.items()) if place[0] == base]))
    return nested(bases) if bases else None


def once_a_base(cells: dict[tuple[int, int], Row]) -> dict[tuple[int, int], Row]:
    """The first cell of each base."""
    return {place: row for place, row in cells.items() if place == min(p for p in cells if p[0] == place[0])}


class Tables:
    """Every table of the study, from its results."""

    def __init__(self, results: Results) -> None:
        self.results = results

    def rate(self, agent: Agent, kind: str) -> Estimate | None:
        """Success of an agent."""
        cells = self._with(agent, kind)
        if agent[1] == "base":  # the base is the same in every training seed
            cells = once_a_base(cells)
        return by_base(cells, lambda _, __, row: success(row, kind))

    def gain(self, agent: Agent, other: Agent | None, kind: str, other_kind: str | None = None) -> Estimate | None:
        """Success of an agent minus that of another one, on the same tasks of the same base and training seed.

        None where one of the cells of the agent has no counterpart.
        """
        if other is None or agent == other:
            return None
        cells, others = self._with(agent, kind), self._with(other, other_kind or kind)
        if not others.keys() >= cells.keys():
            return None
        return by_base(
            cells, lambda base, seed, row: success(row, kind) - success(others[base, seed], other_kind or kind)
        )

    def _with(self, agent: Agent, kind: str) -> dict[tuple[int, int], Row]:
        return {place: row for place, row in self.results.found(*agent).items() if kind in row}

    def agents(self, experiments: Sequence[str]) -> list[Agent]:
        """All agents of some experiments that have results, bases included."""
        return [(name, agent, number) for name in experiments for agent, number in self.results.agents(name)]

    def success(self, agents: Sequence[Agent], label: Callable[[Agent], str], *, rounds: bool = False) -> list[str]:
        """Success and gains.

        Args:
            agents: rows.
            label: of a row.
            rounds: compare with the round before instead of with the random control.
        """
        other = "minus round before" if rounds else "minus random"
        head = (
            "", "cells", "examples", "kept epoch", "greedy", "minus base", other, "T = 1", "minus base", other,
            "minus base at T = 0.5",
        )  # fmt: skip
        rows = []
        for agent in agents:
            experiment, name, _ = agent
            base: Agent = (experiment, "base", 0)
            beside = before(agent) if rounds else control_of(agent)
            cells = self.results.found(*agent)
            if name == "base":  # the same in every training seed
                cells = {
                    place: row for place, row in cells.items() if place == min(p for p in cells if p[0] == place[0])
                }
            rows.append(
                (
                    label(agent),
                    str(len(cells)),
                    span([row.get("examples") for row in cells.values()]),
                    span([row.get("kept_epoch") for row in cells.values()]),
                    share(self.rate(agent, GREEDY)),
                    difference(self.gain(agent, base, GREEDY)),
                    difference(self.gain(agent, beside, GREEDY)),
                    share(self.rate(agent, SAMPLED)),
                    difference(self.gain(agent, base, SAMPLED)),
                    difference(self.gain(agent, beside, SAMPLED)),
                    MISSING if name == "base" else difference(self.gain(agent, base, SAMPLED, COOLED)),
                )
            )
        return table(head, rows)

    def against(self, agents: Sequence[Agent], other: Agent) -> list[str]:
        """Differences to one other agent."""
        head = (f"minus {label_of(other)}", "cells", "greedy", "T = 1")
        rows = []
        for agent in agents:
            gains = [difference(self.gain(agent, other, kind)) for kind in (GREEDY, SAMPLED)]
            rows.append((label_of(agent), str(len(self.results.found(*agent))), *gains))
        return table(head, rows)

    def single_bases(self, agents: Sequence[Agent]) -> list[str]:
        """Greedy gains of each base alone."""
        head = (
            "greedy",
            *(f"base {seed}" for seed in BASE_SEEDS),
            *(f"base {seed}, minus random" for seed in BASE_SEEDS),
        )
        rows = []
        for agent in agents:
            present = sorted({base for base, _ in self._with(agent, GREEDY)})
            texts = []
            for other in ((agent[0], "base", 0), control_of(agent)):
                found = self.gain(agent, other, GREEDY)
                known = {} if found is None else dict(zip(present, found.bases, strict=True))
                texts += [signed(100 * known[base], 1) if base in known else MISSING for base in BASE_SEEDS]
            rows.append((label_of(agent), *texts))
        return table(head, rows)

    def over_bases(self, agents: Sequence[Agent]) -> list[str]:
        """Gains over the base, with both intervals."""
        head = (
            "minus base", "bases", "greedy", "nested bootstrap", "t over bases", "T = 1", "nested bootstrap",
            "t over bases",
        )  # fmt: skip
        rows = []
        for agent in agents:
            found = [self.gain(agent, (agent[0], "base", 0), kind) for kind in (GREEDY, SAMPLED)]
            texts = [text for one in found for text in both_intervals(one)]
            rows.append((label_of(agent), MISSING if found[0] is None else str(len(found[0].bases)), *texts))
        return table(head, rows)

    def headline(self, experiments: Sequence[str], agent: str = "A") -> Estimate | None:
        """The greedy gain of an agent over its base, over the bases of several experiments together."""
        bases: list[NDArray[np.float64]] = []
        for name in experiments:
            cells, others = self._with((name, agent, 1), GREEDY), self._with((name, "base", 0), GREEDY)
            for base in sorted({base for base, _ in cells}):
                places = [place for place in sorted(cells) if place[0] == base and place in others]
                if places:
                    bases.append(np.stack([success(cells[p], GREEDY) - success(others[p], GREEDY) for p in places]))
        return nested(bases) if bases else None

    def headlines(self) -> list[str]:
        """The headline for planted and for unplanted bases, base by base."""
        head = ("bases", "agent", "bases done", "greedy, minus base", "nested bootstrap", "t over bases", "each base")
        rows = []
        for words, names in HEADLINES.items():
            for agent in ("A", "agreement-A", "random-A"):
                found = self.headline(names, agent)
                if found is not None:
                    each = " ".join(signed(100 * value, 1) for value in found.bases)
                    rows.append((words, WORDS[agent], str(len(found.bases)), *both_intervals(found), each))
        return table(head, rows)

    def ways(self, agents: Sequence[Agent], label: Callable[[Agent], str]) -> list[str]:
        """What rose and what fell with success."""
        head = (
            "", "infeasible tasks, greedy", "feasible tasks, greedy", "plausible, greedy", "right among these",
            "plausible, T = 1", "right among these", "steps a task, greedy", "VERTEX_DTW, greedy",
        )  # fmt: skip
        rows = []
        for agent in agents:
            cells = self.results.found(*agent)
            found = list(cells.values())
            rows.append(
                (
                    label(agent),
                    percent(mean([masked(row, infeasible=True) for row in found])),
                    percent(mean([masked(row, infeasible=False) for row in found])),
                    *(text for kind in (GREEDY, SAMPLED) for text in plausible(found, kind)),
                    number(mean([row[GREEDY]["steps"] / len(row[GREEDY]["successes"]) for row in found]), 2),
                    number(mean([row["vertex_dtw"] for row in found if row["vertex_dtw"] is not None])),
                )
            )
        return table(head, rows)

    def filters(self, experiments: Sequence[str]) -> list[str]:
        """How often each filter is right about the episodes of a round 1; each base counts once."""
        head = ("base and filter", "episodes", "successes", "kept", "precision", "recall")
        rows = []
        for experiment, name, round_number in self.agents(experiments):
            cells = self.results.found(experiment, name, round_number)
            found = [row for (_, seed), row in cells.items() if seed == TRAINING_SEEDS[0] and "kept" in row]
            if not found or name not in ("A", "agreement-A", "random-A"):
                continue
            rows.append(
                (
                    f"{BY_NAME[experiment].base}: {name}, round {round_number}"
                    + (f", {words_of(experiment)}" if experiment.startswith("agree-") else ""),
                    f"{sum(row['collected'] for row in found):,}",
                    percent(sum(row["successful"] for row in found) / sum(row["collected"] for row in found)),
                    percent(sum(row["kept"] for row in found) / sum(row["collected"] for row in found)),
                    span([row["precision"] for row in found], number),
                    span([row["recall"] for row in found], number),
                )
            )
        return table(head, rows)

    def rules(self) -> list[str]:
        """What each rule removes of what the bases with the habit collected."""
        head = ("rule", "objects to", "alone", "failures among these", "share of all failures")
        found = [row for (_, seed), row in self.results.found("main", "A", 1).items() if seed == TRAINING_SEEDS[0]]
        rows = []
        for name in dict.fromkeys(rule[0] for row in found for rule in row["rules"]):
            own = [rule for row in found for rule in row["rules"] if rule[0] == name]
            rows.append(
                (
                    name,
                    f"{sum(rule[1] for rule in own):,}",
                    f"{sum(rule[2] for rule in own):,}",
                    span([rule[3] for rule in own if rule[1]], number),
                    span([rule[4] for rule in own], number),
                )
            )
        return table(head, rows)

    def epochs(self) -> list[str]:
        """Which epochs were kept: a training that keeps epoch 0 gives exactly the agent that it began with."""
        head = ("experiment and agent", "trainings", "epochs done", "best epoch of each", "kept epoch 0")
        rows = []
        for experiment, name, round_number in self.agents([one.name for one in EXPERIMENTS]):
            cells = self.results.found(experiment, name, round_number).values()
            shared = BY_NAME[experiment].first_rounds and round_number == 1
            found = [row for row in cells if "best_epoch" in row and row["experiment"] == experiment and not shared]
            if found:
                best = " ".join(str(row["best_epoch"]) for row in found)
                kept = sum(row["kept_epoch"] == 0 for row in found)
                done = span([row["epochs"] for row in found])
                rows.append((f"{experiment}: {name}, round {round_number}", str(len(found)), done, best, str(kept)))
        return table(head, rows)

    def plot(self, key: str, title: str, agents: Sequence[Agent], label: Callable[[Agent], str]) -> Markup | None:
        """Gains over the base, greedy and at T = 1."""
        lines, ends = [], [0.0]
        for agent in agents:
            marks = []
            for series, kind in ((0, GREEDY), (1, SAMPLED)):
                found = self.gain(agent, (agent[0], "base", 0), kind)
                if found is not None:
                    interval = (found.low, found.high)
                    text = f"{points(found.mean)} {points_interval(interval)}"
                    marks.append(Mark(series, f"{label(agent)}, {kind}", found.mean, interval, text))
                    ends += interval
            if marks:
                lines.append(Line(label(agent), tuple(marks)))
        if not lines:
            return None
        told = "; ".join(f"{mark.name}: {mark.text}" for line in lines for mark in line.marks)
        axis = Axis(*domain(ends), lambda value: signed(100 * value, 0), zero=True)
        return interval_plot(key, title, told, lines, axis)


def label_of(agent: Agent) -> str:
    """Agent and round in words."""
    experiment, name, round_number = agent
    if experiment == "forced":
        return "random, all epochs forced"
    return WORDS.get(name, name) + (f", round {round_number}" if round_number > 1 else "")


def control_of(agent: Agent) -> Agent | None:
    """The random control of the same setting and round; None: there is none, or the agent is no arm."""
    experiment, name, number = agent
    one = BY_NAME[experiment]
    if name in ("base", "random-A") or number > 1:
        return None
    if "random/A" in one.arms:
        return experiment, "random-A", number
    return (one.shares, "random-A", number) if one.shares and not one.changes and not one.training else None


def before(agent: Agent) -> Agent | None:
    """The same arm a round before."""
    experiment, name, number = agent
    return (experiment, name, number - 1) if number > 1 else None


def varied(agent: Agent) -> str:
    """What the experiment varies."""
    experiment, name, _ = agent
    if experiment == "main":
        return f"as in the main setting ({label_of(agent)})"
    if experiment == "no-habit":
        return "70% (as in the table without habit)"
    return words_of(experiment) + (" (base)" if name == "base" else "")


def staged(agent: Agent) -> str:
    """Arm and round, and how the fallback was."""
    experiment, _, number = agent
    return f"{label_of(agent)}{'' if number > 1 else ', round 1'}" + (
        " (off by one)" if experiment == "off-by-one" and number > 1 else ""
    )


def span(values: Sequence[float | int | None], write: Callable[[float], str] = lambda value: f"{value:,}") -> str:
    """Least to largest."""
    known = [value for value in values if value is not None]
    if not known:
        return MISSING
    low, high = write(min(known)), write(max(known))
    return low if low == high else f"{low} to {high}"


def mean(values: Sequence[float | None]) -> float | None:
    """The mean of what is known."""
    known = [value for value in values if value is not None]
    return float(np.mean(known)) if known else None


def masked(row: Row, *, infeasible: bool) -> float | None:
    """Greedy success on tasks whose right answer is N/A, or on the others."""
    chosen = np.array([sign == "1" for sign in row[GREEDY]["infeasible"]]) == infeasible
    return float(success(row, GREEDY)[chosen].mean()) if chosen.any() else None


def plausible(rows: Sequence[Row], kind: str) -> tuple[str, str]:
    """Share of episodes that the paper's filter would keep, and of successes among those."""
    runs = [row[kind] for row in rows if kind in row]
    if not runs:
        return MISSING, MISSING
    kept, episodes = sum(run["plausible"] for run in runs), sum(len(run["successes"]) * run["runs"] for run in runs)
    return percent(kept / episodes), percent(sum(run["plausible_successes"] for run in runs) / kept if kept else None)


def share(found: Estimate | None) -> str:
    """A share with its interval."""
    return MISSING if found is None else f"{percent(found.mean)} [{100 * found.low:.1f}, {100 * found.high:.1f}]"


def difference(found: Estimate | None) -> str:
    """A difference in percentage points with its interval."""
    return MISSING if found is None else f"{signed(100 * found.mean, 1)} {points_interval((found.low, found.high))}"


def both_intervals(found: Estimate | None) -> tuple[str, str, str]:
    """A difference, its nested interval, and its t interval over bases."""
    if found is None:
        return MISSING, MISSING, MISSING
    t = MISSING if found.t is None else points_interval(found.t)
    # Equal values resample to themselves: an interval of no width would claim what nobody knows.
    nested_interval = MISSING if found.low == found.high else points_interval((found.low, found.high))
    return signed(100 * found.mean, 1), nested_interval, t


def table(head: Sequence[str], rows: Sequence[Sequence[str]]) -> list[str]:
    """As Markdown."""
    lines = ["| " + " | ".join(head) + " |", "|" + "---|" * len(head)]
    return [*lines, *("| " + " | ".join(row) + " |" for row in rows), ""]


def alone(svg: Markup) -> str:
    """A plot as a file of its own: with its name space, the colours of the page, and a ground."""
    style = f"{asset('report.css')} svg.plot {{ font-family: system-ui, sans-serif; max-width: none; }}"
    ground = '<rect width="100%" height="100%" style="fill: var(--page)"/>'
    opened = str(svg).replace("<svg ", '<svg xmlns="http://www.w3.org/2000/svg" width="720" ', 1)
    start = opened.index(">") + 1
    return f"{opened[:start]}<style>{style}</style>{ground}{opened[start:]}\n"


def document(tables: Tables, folder: Path) -> str:
    """The tables, with their plots beside them."""
    names = {one.name for one in EXPERIMENTS}

    def starting(*starts: str) -> list[str]:
        return [one.name for one in EXPERIMENTS if one.name.startswith(starts)]

    def drawn(key: str, title: str, agents: Sequence[Agent], label: Callable[[Agent], str]) -> list[str]:
        svg = tables.plot(key, title, [agent for agent in agents if agent[1] != "base"], label)
        if svg is None:
            return []
        (folder / f"{NAME}-{key}.svg").write_text(alone(svg), encoding="utf-8")
        caption = "Success minus the base's, in percentage points. Circles: greedy. Squares: at T = 1."
        return [f"![{title}]({NAME}-{key}.svg)", "", caption, ""]

    beside_main = [one for one in tables.agents(["forced", "mixtures"]) if one[1] != "base"]
    main: list[Agent] = [*tables.agents(["main"]), *beside_main]
    reference: list[Agent] = [("main", "A", 1)]
    often = [one.name for one in EXPERIMENTS if "sampled_runs" not in one.changes]
    lines = [
        "# Tables of the study of self-improvement",
        "",
        "Written by `tools/study/write.py` from `self-improvement.json`; what they say is in"
        " [self-improvement](self-improvement.md).",
        "",
        f"Bases: {len(BASE_SEEDS)} seeds, each with its own world; of each world {TRAIN_TASKS} training tasks,"
        f" {SAMPLES} episodes each, and {TEST_TASKS} other tasks to test on ({TEST_TASKS * len(BASE_SEEDS)} together)."
        f" Training seeds: {len(TRAINING_SEEDS)} a base. T = 1: {SAMPLED_RUNS} runs a task in {', '.join(often)};"
        " one in the others, whose base may have more. Training: "
        + ", ".join(f"{name} {value}" for name, value in TINY_TRAINING.items())
        + ".",
        "",
        "Shares in percent, differences in percentage points, with 95 % intervals over bases, training seeds and tasks"
        " (nested bootstrap). Three bases are few, and tasks of one template are alike: they are too narrow for claims"
        " about other bases."
        " `cells`: base x training seed; of a base, how many bases. `kept epoch`: 0 means that the training gave back"
        " what it began with. The random control is drawn once a base.",
        "",
        "## Main setting",
        "",
        *tables.success(main, label_of),
        *drawn("main", "Gains over the base", main, label_of),
        "Early stopping gives back the base where nothing made validation better (see Epochs). That makes an easy"
        " control; against the same one with all its epochs forced:",
        "",
        *tables.against([("main", "A", 1), ("main", "agreement-A", 1)], ("forced", "random-A", 1)),
        "Each base alone:",
        "",
        *tables.single_bases([agent for agent in main if agent[1] != "base"]),
        "The same gains with a t interval over bases beside the nested bootstrap. A claim about bases of this kind"
        " rests on the t interval; three bases cannot narrow it down.",
        "",
        *tables.over_bases([agent for agent in main if agent[1] != "base"]),
        "The headline over every base that was done:",
        "",
        *tables.headlines(),
        "What else changed:",
        "",
        *tables.ways(main, label_of),
        "## What the filters keep",
        "",
        *tables.filters(["main", *starting("agree-"), "no-habit", *starting("visible-")]),
        *tables.rules(),
        "## A base without the habit",
        "",
        *tables.success(tables.agents(["no-habit"]), label_of),
        *drawn("no-habit", "Without the habit: gains over the base", tables.agents(["no-habit"]), label_of),
        *tables.single_bases([agent for agent in tables.agents(["no-habit"]) if agent[1] != "base"]),
        "## Held-out capabilities",
        "",
        *tables.success(tables.agents(["capability"]), label_of),
        *drawn("capability", "Held-out capabilities: gains over the base", tables.agents(["capability"]), label_of),
        *tables.single_bases([agent for agent in tables.agents(["capability"]) if agent[1] != "base"]),
    ]
    rounds = [one for one in tables.agents(["rounds"]) if one[1] != "base"]
    rounds += [one for one in tables.agents(["off-by-one"]) if one[2] > 1]
    lines += ["## Rounds", "", *tables.success(rounds, staged, rounds=True)]
    lines += drawn("rounds", "Two rounds: gains over the base", rounds, staged)
    lines += ["What else changed:", "", *tables.ways(rounds, staged)]
    factors = {
        "agreement": ("Agreement: m of k samples", starting("agree-"), [("main", "agreement-A", 1)]),
        "rate": ("Learning rate", sorted(starting("rate-"), key=lambda name: float(words_of(name))), reference),
        "balance": ("Balance", starting("all-steps"), reference),
        "rules": ("Rules of the filter, one left out at a time", starting("without-"), reference),
        "visible": (
            "Share of visible slips (bases without habit)", starting("visible-"), [("no-habit", "A", 1)],
        ),
    }  # fmt: skip
    for key, (title, experiments, beside) in factors.items():
        assert names.issuperset(experiments)
        agents = beside + [one for one in tables.agents(experiments) if one[1] != "base" or key == "visible"]
        lines += [f"## {title}", "", *tables.success(agents, varied), *drawn(key, title, agents, varied)]
        again = {name: tables.results.repeated(name) for name in experiments if tables.results.repeated(name)}
        if again:
            told = ", ".join(
                f"{name} {count} of {len(BASE_SEEDS) * len(TRAINING_SEEDS)}" for name, count in again.items()
            )
            lines += [f"Cells that keep what the main setting keeps, and so have its figures: {told}.", ""]
    lines += ["## Epochs", "", *tables.epochs()]
    return "\n".join(lines).rstrip() + "\n"


def main() -> None:
    """Gather, and write."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--from", dest="source", type=Path)
    parser.add_argument("--to", type=Path, required=True)
    args = parser.parse_args()
    args.to.mkdir(parents=True, exist_ok=True)
    path = args.to / f"{NAME}.json"
    if args.source is not None:
        save(path, merged(rows_of(path), gather(args.source)))
    (args.to / f"{NAME}-tables.md").write_text(document(Tables(read(path)), args.to), encoding="utf-8")


if __name__ == "__main__":
    main()
