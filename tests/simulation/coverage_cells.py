"""Coverage and error rates of the product's intervals and tests, by simulation, one cell after the other.

    python tests/simulation/coverage_cells.py [--cells PATTERN] [--minutes N]

computes the cells that docs/studies/coverage.json lacks, or holds for other sources of the statistics, and writes each
one there when it is done; then it writes their table into docs/definitions/statistics.md. A cell is one figure under
one design; its random numbers depend on its name alone. Values are drawn here, intervals and p values come from the
product's own functions.

Designs. `tasks-T`: T tasks, each its own cluster. `webarena-D`: 812 tasks in WebArena's 190 templates. `skewed-T-D`: T
tasks in 19 clusters of which the largest holds a fifth of them. D is the design effect 1 + (sum m^2 / T - 1) ICC of one
episode per task, from which the intra-cluster correlation (ICC) follows.

Outcomes. Without clusters a task has its own chance of success, drawn from a Beta distribution with mean p whose ICC is
the correlation of repeats within the task, and the episodes are binomial. With clusters a cluster has its own chance,
drawn from a Beta distribution with mean p and the ICC of the design. Scores are 0 with probability `zero`, else
Beta(6, 2); with clusters a task takes its cluster's score with probability sqrt(ICC), else one of its own.
"""

from __future__ import annotations

import argparse
import ast
import fnmatch
import hashlib
import json
import math
import os
import sys
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cache
from pathlib import Path

import numpy as np

from tracewarp.evaluate.capability import capability_score
from tracewarp.evaluate.capability_groups import CapabilityGroups
from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import ClusterIndex, clustered_mean, clustered_proportion, compare_paired
from tracewarp.trajectory.model import Ending, Task

ROOT = Path(__file__).parents[2]
PAGE = ROOT / "docs" / "definitions" / "statistics.md"
RECORD = ROOT / "docs" / "studies" / "coverage.json"
SOURCES = ROOT / "python" / "tracewarp"
HASHED = ("metrics/statistics/*.py", "evaluate/capability.py", "evaluate/repeats.py")
DATA = SOURCES / "data"

PROPORTIONS = (0.07, 0.3, 0.7)
ZEROS = (0.1, 0.5, 0.9)
REPEATS = ((1, 0.0), *((repeats, rho) for repeats in (3, 10) for rho in (0.0, 0.3, 0.7)))
FEW_REPEATS = ((1, 0.0), (3, 0.3), (10, 0.7))
"""Of the comparisons, which are slow."""
TASKS = (50, 200, 812)
CLUSTERED = ("webarena-2.4", "webarena-4.5", "skewed-200-2.4", "skewed-200-4", "skewed-812-2.4", "skewed-812-4")
RUNS, RUNS_WITH_RESAMPLING = 4_000, 1_000
RESAMPLES = 2_000
"""Fewest that the product accepts; its default of 10,000 would take five times as long."""
BETTER = 0.1
"""True difference of the paired comparisons."""
EQUAL_AGENTS = 4


# ---- designs -------------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Design:
    """Which tasks share a cluster, and how alike they are."""

    labels: tuple[int, ...]
    """The cluster of each task."""
    icc: float
    """Correlation of two tasks of a cluster."""

    @property
    def alone(self) -> bool:
        """True where each task is its own cluster."""
        return len(set(self.labels)) == len(self.labels)


@cache
def design_of(name: str) -> Design:
    """The design of that name."""
    kind, *numbers = name.split("-")
    if kind == "tasks":
        return Design(tuple(range(int(numbers[0]))), 0.0)
    if kind == "webarena":
        labels = read_map("webarena-template-ids.json")
    else:
        tasks = int(numbers[0])
        largest = round(tasks / 5)
        sizes = [largest, *(len(part) for part in np.array_split(np.arange(tasks - largest), 18))]
        labels = [g for g, size in enumerate(sizes) for _ in range(size)]
    sizes = np.bincount(labels)
    alike = float((sizes**2).sum() / sizes.sum())
    return Design(tuple(labels), (float(numbers[-1]) - 1) / (alike - 1))


def read_map(name: str) -> list[int]:
    """A map of WebArena's task ids, as numbers from 0 by first appearance, in the order of the ids."""
    found: dict[int, int] = {}
    raw = json.loads((DATA / name).read_text(encoding="utf-8"))
    return [found.setdefault(raw[str(task)], len(found)) for task in range(len(raw))]


def site_of(design: Design) -> list[int]:
    """Return the tasks of one site: every fifth cluster, or every second one of 19, with the largest among them."""
    every = 2 if len(set(design.labels)) == 19 else 5
    return [task for task, label in enumerate(design.labels) if label % every == 0]


def capabilities_of(design: Design) -> list[int]:
    """The capability of each task.

    812 tasks as in WebArena (136 capabilities), fewer tasks in the sizes of every fourth or sixteenth capability there;
    the clusters of a clustered design are capabilities, but WebArena's templates are joined as they are published.
    """
    published = read_map("published-capability-labels.json")
    if not design.alone and len(set(design.labels)) == 190:
        return _joined(list(design.labels), published)
    if not design.alone:
        return list(design.labels)
    tasks = len(design.labels)
    if tasks == len(published):
        return published
    sizes = sorted(Counter(published).values())[:: len(published) // tasks]
    labels = [g for g, size in enumerate(sizes) for _ in range(size)]
    return [*labels, *range(len(sizes), len(sizes) + tasks)][:tasks]


def _joined(templates: list[int], published: list[int]) -> list[int]:
    """Connected components of templates and published labels."""
    parent: dict[tuple[str, int], tuple[str, int]] = {}

    def root(x: tuple[str, int]) -> tuple[str, int]:
        parent.setdefault(x, x)
        while parent[x] != x:
            x = parent[x]
        return x

    for template, label in zip(templates, published, strict=True):
        parent[root(("template", template))] = root(("label", label))
    numbers: dict[tuple[str, int], int] = {}
    return [numbers.setdefault(root(("template", template)), len(numbers)) for template in templates]


# ---- drawing -------------------------------------------------------------------------------------------------------


def beta(rng: np.random.Generator, mean: float, icc: float, size: tuple[int, int]) -> np.ndarray:
    """Chances of success with that mean, two draws of which are correlated by `icc`."""
    if icc == 0.0:
        return np.full(size, mean)
    return rng.beta(mean * (1 / icc - 1), (1 - mean) * (1 / icc - 1), size)


def successes(rng: np.random.Generator, design: Design, p: float, repeats: int, rho: float, runs: int) -> np.ndarray:
    """(runs, tasks) successful episodes of each task."""
    labels = np.array(design.labels)
    if design.alone:
        return rng.binomial(repeats, beta(rng, p, rho, (runs, len(labels))))
    return rng.binomial(repeats, beta(rng, p, design.icc, (runs, labels.max() + 1))[:, labels])


def scores(rng: np.random.Generator, design: Design, zero: float, runs: int) -> np.ndarray:
    """(runs, tasks) scores: 0 or Beta(6, 2)."""

    def some(n: int) -> np.ndarray:
        return np.where(rng.random((runs, n)) < zero, 0.0, rng.beta(6, 2, (runs, n)))

    labels = np.array(design.labels)
    own = some(len(labels))
    if design.alone:
        return own
    common = some(labels.max() + 1)[:, labels]
    return np.where(rng.random(own.shape) < math.sqrt(design.icc), common, own)


# ---- figures: each yields, run after run, whether the interval holds the truth or the test rejects; None: no interval


@dataclass(frozen=True)
class Cell:
    """One figure under one design."""

    figure: str
    design: str
    p: float
    """Of a success; of scores: the share of zeros."""
    repeats: int = 1
    rho: float = 0.0

    @property
    def name(self) -> str:
        """figure/design/p/repeats."""
        repeats = f"/{self.repeats} repeats of correlation {self.rho:g}" if self.repeats > 1 else ""
        return f"{self.figure}/{self.design}/{self.p:g}{repeats}"

    @property
    def runs(self) -> int:
        """Simulated runs."""
        return RUNS if self.figure in ("success", "site", "capability@1") else RUNS_WITH_RESAMPLING

    @property
    def seed(self) -> int:
        """Of the drawing."""
        return zlib.crc32(self.name.encode())

    @property
    def is_error(self) -> bool:
        """True where the value is an error rate and not a coverage."""
        return self.figure in ("type-I", "family-wise")

    def outcomes(self, runs: int) -> Iterator[bool | None]:
        """Simulate; hits of the interval, or rejections."""
        return FIGURES[self.figure](self, np.random.default_rng(self.seed), runs)


def blocks(runs: int, at_once: int = 250) -> Iterator[int]:
    """Sizes of the parts that are drawn at once: memory."""
    for start in range(0, runs, at_once):
        yield min(at_once, runs - start)


def clusters_of(design: Design, tasks: list[int] | None = None) -> ClusterIndex:
    """The clusters of these tasks, of all without any."""
    return ClusterIndex.of(design.labels if tasks is None else [design.labels[task] for task in tasks])


def success(cell: Cell, rng: np.random.Generator, runs: int) -> Iterator[bool | None]:
    """The success rate of a run, or of one of its sites."""
    design = design_of(cell.design)
    tasks = site_of(design) if cell.figure == "site" else list(range(len(design.labels)))
    clusters = clusters_of(design, tasks)
    for some in blocks(runs):
        rates = successes(rng, design, cell.p, cell.repeats, cell.rho, some)[:, tasks] / cell.repeats
        for row in rates:
            found = clustered_proportion(row, episodes=len(tasks) * cell.repeats, clusters=clusters)
            yield found.interval and found.interval.low <= cell.p <= found.interval.high


def capability(cell: Cell, rng: np.random.Generator, runs: int) -> Iterator[bool | None]:
    """capability@1, against 1 - E[product over the capability's tasks of (1 - chance)] in closed form."""
    design = design_of(cell.design)
    groups = capabilities_of(design)
    table = TaskTable(
        tasks={str(t): Task(id=str(t), objective=str(t)) for t in range(len(groups))},
        groups=CapabilityGroups("file", {str(t): g for t, g in enumerate(groups)}, (), joins=(), without_template=()),
        trivial=None,
        trivial_source="none",
    )
    truth = capability_truth(design, groups, cell.p)
    solved, failed = (
        Episode(
            task="",
            repeat=0,
            score=score,
            ending=Ending.STOP,
            steps=1,
            invalid=0,
            unparsable=0,
            invalid_or_unparsable=0,
            first_row=None,
            trivial_row=None,
        )
        for score in (1.0, 0.0)
    )
    episodes = [(solved,) * c + (failed,) * (cell.repeats - c) for c in range(cell.repeats + 1)]
    names = [str(t) for t in range(len(groups))]
    for some in blocks(runs):
        for row in successes(rng, design, cell.p, cell.repeats, cell.rho, some):
            found = capability_score({t: episodes[c] for t, c in zip(names, row, strict=True)}, table)
            assert found is not None
            interval = found.at_1.interval
            yield interval and interval.low <= truth <= interval.high


def capability_truth(design: Design, groups: list[int], p: float) -> float:
    """Mean over capabilities of the chance of a success; tasks of a cluster share its Beta-distributed chance."""
    missed: dict[int, float] = {}
    for (group, _), m in Counter(zip(groups, design.labels, strict=True)).items():
        a, b = (x * (1 / design.icc - 1) if design.icc else math.inf for x in (p, 1 - p))
        # E[(1 - q)^m] of q ~ Beta(a, b)
        chance = math.prod((b + i) / (a + b + i) for i in range(m)) if design.icc else (1 - p) ** m
        missed[group] = missed.get(group, 1.0) * chance
    return 1 - math.fsum(missed.values()) / len(missed)


def score(cell: Cell, rng: np.random.Generator, runs: int) -> Iterator[bool | None]:
    """Mean score."""
    design = design_of(cell.design)
    clusters, truth = clusters_of(design), (1 - cell.p) * 6 / 8
    for some in blocks(runs):
        for i, row in enumerate(scores(rng, design, cell.p, some)):
            found = clustered_mean(row, bounded=True, clusters=clusters, seed=i, resamples=RESAMPLES)
            yield found.interval and found.interval.low <= truth <= found.interval.high


def paired(cell: Cell, rng: np.random.Generator, runs: int) -> Iterator[bool | None]:
    """The difference of two agents, of which the first solves 10 points more, each with its own strengths."""
    design = design_of(cell.design)
    clusters = clusters_of(design)
    for some in blocks(runs):
        first, second = (
            successes(rng, design, p, cell.repeats, cell.rho, some) / cell.repeats for p in (cell.p + BETTER, cell.p)
        )
        for i, row in enumerate(first - second):
            (found,) = compare_paired([row], clusters=clusters, seed=i, resamples=RESAMPLES)
            yield found.interval and found.interval.low <= BETTER <= found.interval.high


def equal_agents(cell: Cell, rng: np.random.Generator, runs: int) -> Iterator[bool | None]:
    """Is a difference claimed between agents that solve equally much, each with strengths of its own?"""
    design = design_of(cell.design)
    clusters = clusters_of(design)
    agents = 2 if cell.figure == "type-I" else EQUAL_AGENTS
    pairs = [(j, i) for j in range(agents) for i in range(j)]
    for some in blocks(runs):
        rates = [successes(rng, design, cell.p, cell.repeats, cell.rho, some) / cell.repeats for _ in range(agents)]
        for run in range(some):
            found = compare_paired(
                [rates[j][run] - rates[i][run] for j, i in pairs], clusters=clusters, seed=run, resamples=RESAMPLES
            )
            claimed = any(one.p_value <= 0.05 for one in found)
            left_out = any(one.interval and not one.interval.low <= 0.0 <= one.interval.high for one in found)
            assert claimed >= left_out, "an interval leaves out 0 although p is above .05"
            yield claimed


FIGURES: dict[str, Callable[[Cell, np.random.Generator, int], Iterator[bool | None]]] = {
    "success": success,
    "site": success,
    "score": score,
    "paired difference": paired,
    "type-I": equal_agents,
    "family-wise": equal_agents,
    "capability@1": capability,
}


def all_cells() -> list[Cell]:
    """Every cell, quick figures first."""
    cells = []
    for figure in FIGURES:
        shares = ZEROS if figure == "score" else PROPORTIONS
        compared = figure in ("paired difference", "type-I", "family-wise")
        repeats = ((1, 0.0),) if figure == "score" else FEW_REPEATS if compared else REPEATS
        cells += [Cell(figure, f"tasks-{n}", p, *of) for n in TASKS for p in shares for of in repeats]
        cells += [Cell(figure, design, p) for design in CLUSTERED for p in shares]
    return cells


# ---- the record ----------------------------------------------------------------------------------------------------


def wilson(hits: int, n: int, z: float = 1.959964) -> tuple[float, float]:
    """95 % Monte Carlo interval of a share."""
    p = hits / n
    centre, half = p + z * z / (2 * n), z * math.sqrt(p * (1 - p) / n + z * z / (4 * n * n))
    return max(0.0, (centre - half) / (1 + z * z / n)), min(1.0, (centre + half) / (1 + z * z / n))


def simulate(cell: Cell, runs: int | None = None) -> dict[str, object]:
    """What the record says about a cell: n runs with an interval, the share of hits or rejections and its interval."""
    outcomes = Counter(None if found is None else bool(found) for found in cell.outcomes(runs or cell.runs))
    n = outcomes[True] + outcomes[False]
    return {
        "n": n,
        "without_interval": outcomes[None],
        "seed": cell.seed,
        "value": round(outcomes[True] / n, 5),
        "interval": [round(bound, 5) for bound in wilson(outcomes[True], n)],
        "sources": sources_hash(),
    }


@cache
def sources_hash() -> str:
    """SHA-256 of the product's statistics without docstrings and comments, which change no figure."""
    found = hashlib.sha256()
    for pattern in HASHED:
        for path in sorted(SOURCES.glob(pattern)):
            tree = ast.parse(path.read_text(encoding="utf-8"))
            for node in ast.walk(tree):
                body = getattr(node, "body", None)
                if isinstance(body, list):
                    kept = [
                        one for one in body if not (isinstance(one, ast.Expr) and isinstance(one.value, ast.Constant))
                    ]
                    node.body = kept or [ast.Pass()]  # type: ignore[attr-defined]
            found.update(f"{path.name}\0{ast.unparse(tree)}\0".encode())
    return found.hexdigest()[:16]


def recorded() -> dict[str, dict[str, object]]:
    """Finished cells by name."""
    return json.loads(RECORD.read_text(encoding="utf-8"))["cells"] if RECORD.exists() else {}


def table() -> str:
    """Markdown: the lowest and highest value of each figure under each design, over all shares and repeats."""
    rows = ["| figure | design | cells | runs per cell | lowest | highest |", "|---|---|---|---|---|---|"]
    found: dict[tuple[str, str], list[dict[str, object]]] = {}
    for cell in all_cells():
        if cell.name in (known := recorded()):
            found.setdefault((cell.figure, cell.design), []).append(known[cell.name])
    for (figure, design), cells in found.items():
        values = [float(one["value"]) for one in cells]  # type: ignore[arg-type]
        runs = max(int(one["n"]) for one in cells)  # type: ignore[call-overload]
        rows.append(f"| {figure} | {design} | {len(cells)} | {runs:,} | {min(values):.3f} | {max(values):.3f} |")
    return "\n".join(rows)


def write_page() -> None:
    """Put the table in the place of the one that the page has."""
    text = PAGE.read_text(encoding="utf-8")
    start = text.index("| figure | design |")
    end = text.find("\n\n", start)
    rest = "\n" if end < 0 else text[end:]
    PAGE.write_text(text[:start] + table() + rest, encoding="utf-8")


def fresh(cell: Cell) -> dict[str, object] | None:
    """What the record says about the cell, if it was computed with these sources and this number of runs."""
    found = recorded().get(cell.name)
    if found is None or found["sources"] != sources_hash():
        return None
    return found if found["n"] + found["without_interval"] == cell.runs else None  # type: ignore[operator]


def record(cell: Cell, found: dict[str, object]) -> None:
    """Add a finished cell; several processes may do so at once."""
    with _locked():
        known = {**recorded(), cell.name: found}
        names = [one.name for one in all_cells()]
        cells = {name: known[name] for name in names if name in known}
        lines = ",\n".join(f"  {json.dumps(name)}: {json.dumps(row)}" for name, row in cells.items())
        facts = json.dumps({"confidence": 0.95, "resamples": RESAMPLES, "better_by": BETTER})
        part = RECORD.with_suffix(".part")
        part.write_text(f'{{"settings": {facts},\n "cells": {{\n{lines}\n }}\n}}\n', encoding="utf-8")
        part.replace(RECORD)


@contextmanager
def _locked() -> Iterator[None]:
    import fcntl

    folder = os.open(RECORD.parent, os.O_RDONLY)
    try:
        fcntl.flock(folder, fcntl.LOCK_EX)
        yield
    finally:
        os.close(folder)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--cells", default="*", help="Pattern of the names of the cells to compute.")
    parser.add_argument("--minutes", type=float, default=math.inf, help="Start no cell after this many minutes.")
    chosen = parser.parse_args()
    end = time.monotonic() + 60 * chosen.minutes
    for cell in all_cells():
        if not fnmatch.fnmatch(cell.name, chosen.cells) or fresh(cell) or time.monotonic() > end:
            continue
        start = time.monotonic()
        found = simulate(cell)
        record(cell, found)
        print(f"{cell.name}: {found['value']:.4f} ({time.monotonic() - start:.0f} s)", flush=True)
    write_page()


if __name__ == "__main__":
    sys.exit(main())
