"""What a study came to, cell by cell and task by task: small enough to lie in the repository."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
from experiments import BY_NAME, EXPERIMENTS, FURTHER, options
from numpy.typing import NDArray

from run import ALIAS, cell_folder, check
from tracewarp.evaluate.improvement import AgentRow, Improvement
from tracewarp.improve.measure import Outcomes
from tracewarp.trajectory import open_run

Row = dict[str, Any]


def gather(out: Path) -> list[Row]:
    """Read every finished cell: one row an agent.

    Raises:
        RunMismatchError: a cell was done with other options than those of today.
    """
    rows: list[Row] = []
    for experiment in (*EXPERIMENTS, *FURTHER):
        for base in experiment.bases:
            for seed in experiment.seeds:
                folder = cell_folder(out, experiment.name, base, seed)
                where = {"experiment": experiment.name, "base": base, "seed": seed}
                if (folder / ALIAS).exists():
                    rows.append({**where, "same": "main"})
                elif (folder / "improvement.json").exists():
                    check(folder, options(experiment, "", base, seed))
                    rows += [{**where, **row} for row in agents(folder)]
    return rows


def merged(before: list[Row], new: list[Row]) -> list[Row]:
    """Rows of a file and those of a folder; a cell that is in both is taken from the folder."""
    cells = {(row["experiment"], row["base"], row["seed"]) for row in new}
    kept = [row for row in before if (row["experiment"], row["base"], row["seed"]) not in cells]
    order = [one.name for one in (*EXPERIMENTS, *FURTHER)]
    return sorted([*kept, *new], key=lambda row: (order.index(row["experiment"]), row["base"], row["seed"]))


def save(path: Path, rows: list[Row]) -> None:
    """Write rows beside what is there, then in its place."""
    text = ",\n".join(json.dumps(row, separators=(",", ":")) for row in rows)
    beside = path.with_suffix(".partial")
    beside.write_text(f'{{"cells":[\n{text}\n]}}\n', encoding="utf-8")
    beside.replace(path)


def agents(folder: Path) -> Iterator[Row]:
    """The rows of one improvement."""
    text = (folder / "improvement.json").read_text(encoding="utf-8")
    result = Improvement.model_validate_json(text)
    scores = {run.name: run for run in result.scores.runs}
    for agent in result.agents:
        where = folder / "base" if agent.arm is None else folder / f"round-{agent.round}" / agent.arm
        row: Row = {"agent": agent.name if agent.arm is None else agent.arm, "round": agent.round}
        for kind in ("greedy", "sampled", "cooled"):
            if (where / kind).exists():
                row[kind] = tested(where / kind)
        vertex = scores[agent.name].vertex_dtw
        row["vertex_dtw"] = None if vertex is None else round(vertex.mean.value, 4)
        yield row | learnt(agent)


def tested(run: Path) -> Row:
    """Successes of each task as one figure, tasks in the order of their names."""
    outcomes = Outcomes.read(run)
    tasks = sorted(outcomes.successes)
    return {
        "runs": max(len(found) for found in outcomes.successes.values()),
        "successes": "".join(str(int(sum(outcomes.successes[task]))) for task in tasks),
        "infeasible": "".join(str(int(task in outcomes.infeasible)) for task in tasks),
        "plausible": outcomes.plausible,
        "plausible_successes": outcomes.plausible_successes,
        "steps": sum(len(trajectory.steps) for trajectory in open_run(run)),
    }


def learnt(agent: AgentRow) -> Row:
    """What an agent learnt from, and how."""
    if agent.selection is None or agent.training is None:
        return {}
    chosen, trained = agent.selection, agent.training
    return {
        "collected": chosen.collected,
        "successful": chosen.successes,
        "kept": chosen.kept,
        "fallbacks": chosen.fallbacks,
        "precision": chosen.precision,
        "recall": chosen.recall,
        "rules": [[rule.rule, rule.objected, rule.alone, rule.precision, rule.recall] for rule in chosen.rules],
        "examples": trained.n_train,
        "epochs": trained.epochs,
        "best_epoch": trained.best_epoch,
        "kept_epoch": trained.kept_epoch,
        "perplexity": [round(value, 4) for _, _, value in trained.curve],
    }


class Results:
    """Rows by experiment and agent; a cell that repeats another one has its figures."""

    def __init__(self, rows: list[Row]) -> None:
        self.rows = rows
        self._same = {(row["experiment"], row["base"], row["seed"]) for row in rows if "same" in row}
        self._by_cell = {
            (row["experiment"], row["agent"], row["round"], row["base"], row["seed"]): row
            for row in rows
            if "same" not in row
        }

    def found(self, experiment: str, agent: str, number: int) -> dict[tuple[int, int], Row]:
        """(base, training seed) -> row."""
        cells = {}
        for base in BY_NAME[experiment].bases:
            for seed in BY_NAME[experiment].seeds:
                place = "main" if (experiment, base, seed) in self._same else experiment
                row = self._by_cell.get((place, agent, number, base, seed))
                if row is not None:
                    cells[base, seed] = row
        return cells

    def repeated(self, experiment: str) -> int:
        """Cells that were not trained, since they would have learnt from what main learnt from."""
        return sum(name == experiment for name, _, _ in self._same)

    def agents(self, experiment: str) -> list[tuple[str, int]]:
        """(agent, round) in the order in which they were tested."""
        own = [(row["agent"], row["round"]) for row in self.rows if row["experiment"] == experiment and "agent" in row]
        return list(dict.fromkeys(own)) or ([("base", 0), ("A", 1)] if self.repeated(experiment) else [])


def success(row: Row, kind: str) -> NDArray[np.float64]:
    """Success of each task, 0..1."""
    return np.array([int(sign) for sign in row[kind]["successes"]]) / float(row[kind]["runs"])


def rows_of(path: Path) -> list[Row]:
    """The rows of a file; none where it is missing."""
    if not path.exists():
        return []
    found: list[Row] = json.loads(path.read_text(encoding="utf-8"))["cells"]
    return found


def read(path: Path) -> Results:
    """Read the rows from a file."""
    return Results(rows_of(path))


def words_of(experiment: str) -> str:
    """What an experiment varies."""
    return BY_NAME[experiment].words
