"""Runs on the same tasks: paired differences with simultaneous intervals and tests, capabilities won and lost."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from statistics import fmean

from tracewarp.evaluate.capability import acquired_groups, capability_at_k
from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.options import ClusterKind
from tracewarp.evaluate.results import CapabilityChange, Comparison, Difference, FunctionalCorrectness
from tracewarp.evaluate.steps import per_task
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.evaluate.vertex import VertexOutcome
from tracewarp.metrics.statistics import (
    DEFAULT_CONFIDENCE,
    DEFAULT_RESAMPLES,
    ClusterIndex,
    Estimate,
    PairedDifference,
    clustered_ratio,
    compare_paired,
    detectable_difference,
    mcnemar_exact,
    units_needed,
)

SHARES = (0.02, 0.05, 0.10)
"""Differences for which the number of tasks that would detect them is given."""

Pair = tuple["Scored", "Scored"]
Tasks = Mapping[str, Sequence[Episode]]


@dataclass(frozen=True, eq=False)
class Scored:
    """A run and its scores, ready to be compared."""

    run: LoadedRun
    correctness: FunctionalCorrectness
    vertex: VertexOutcome | None


@dataclass(frozen=True)
class Compared:
    """The comparisons of one call."""

    comparisons: tuple[Comparison, ...] = ()
    reasons: Mapping[str, str] = field(default_factory=dict)
    """Name of a run -> why it was not compared."""


def compare_all(
    pairs: Sequence[Pair],
    table: TaskTable,
    *,
    cluster: ClusterKind,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Compared:
    """Compare each (run, baseline) on the tasks with a counted episode in every compared run.

    The p values and intervals of one kind are adjusted over all comparisons together (`compare_paired`). A run whose
    success rate is withheld, or that shares no task with those before it, is not compared.

    Args:
        pairs: what to compare; each run must be in a pair.
        table: tasks, clusters and capabilities.
        cluster: what was sampled.
        seed: random seed.
        resamples: number of sign patterns.
        confidence: simultaneous coverage of the intervals.
    """
    runs = list(dict.fromkeys(scored for pair in pairs for scored in (pair[1], pair[0])))
    by_task = {scored: scored.run.by_task() for scored in runs}
    reasons: dict[str, str] = {}
    common: set[str] | None = None
    attempted: set[str] = set()
    for scored in runs:
        shared = by_task[scored].keys() if common is None else common & by_task[scored].keys()
        if scored.correctness.withheld:
            reasons[scored.run.name] = scored.correctness.withheld
        elif not shared:
            reasons[scored.run.name] = "no task in common"
        else:
            common = set(shared)
            attempted |= {episode.task for episode in scored.run.episodes}
    kept = [pair for pair in pairs if all(scored.run.name not in reasons for scored in pair)]
    if not kept or not common:
        return Compared((), reasons)
    tasks = table.in_order(common)
    episodes = {
        scored: {task: found[task] for task in tasks}
        for scored, found in by_task.items()
        if scored.run.name not in reasons
    }
    k = min(len(found) for of in episodes.values() for found in of.values())
    family = _Family(table, cluster, seed, resamples, confidence)
    success = {
        scored: {task: fmean(e.success for e in found) for task, found in of.items()} for scored, of in episodes.items()
    }
    correctness = family.differences(kept, tasks, lambda scored: success[scored])
    referenced = set(common)
    with_vertex = [pair for pair in kept if all(scored.vertex is not None for scored in pair)]
    for scored in dict.fromkeys(scored for pair in with_vertex for scored in pair):
        assert scored.vertex is not None
        referenced &= scored.vertex.tasks.keys()
    vertex: dict[Pair, PairedDifference] = {}
    if with_vertex and referenced:
        found = family.differences(with_vertex, table.in_order(referenced), lambda scored: scored.vertex.tasks)  # type: ignore[union-attr]
        vertex = dict(zip(with_vertex, found, strict=True))
    comparisons = []
    for pair, paired in zip(kept, correctness, strict=True):
        ours, theirs = (episodes[scored] for scored in pair)
        first = [{task: found[:k] for task, found in of.items()} for of in (ours, theirs)]
        solved = [{task for task, found in of.items() if any(e.success for e in found)} for of in first]
        only_run, only_baseline = len(solved[0] - solved[1]), len(solved[1] - solved[0])
        once = cluster == "task" and all(len(found) == 1 for of in (ours, theirs) for found in of.values())
        comparisons.append(
            Comparison(
                run=pair[0].run.name,
                baseline=pair[1].run.name,
                n_tasks=len(tasks),
                left_out=len(attempted) - len(tasks),
                functional_correctness=_difference(
                    paired, mcnemar_exact(only_run, only_baseline).p_value if once else None
                ),
                only_run=only_run,
                only_baseline=only_baseline,
                episodes=k,
                vertex_dtw=_difference(vertex[pair], None) if pair in vertex else None,
                capability=_capability_change((ours, theirs), (first[0], first[1]), table, k),
                steps_ratio=family.ratio(ours, theirs, 0),
                invalid_ratio=family.ratio(ours, theirs, 1),
            )
        )
    return Compared(tuple(comparisons), reasons)


@dataclass(frozen=True)
class _Family:
    """How the comparisons of one call are computed."""

    table: TaskTable
    cluster: ClusterKind
    seed: int
    resamples: int
    confidence: float

    def clusters(self, tasks: Sequence[str]) -> ClusterIndex:
        return self.table.clusters(tasks, self.cluster)

    def differences(
        self, pairs: Sequence[Pair], tasks: Sequence[str], value: Callable[[Scored], Mapping[str, float]]
    ) -> tuple[PairedDifference, ...]:
        """Run minus baseline for each pair, adjusted over the pairs."""
        rows = [[_minus(value(run)[task], value(baseline)[task]) for task in tasks] for run, baseline in pairs]
        return compare_paired(
            rows,
            clusters=self.clusters(tasks),
            seed=self.seed,
            resamples=self.resamples,
            confidence=self.confidence,
        )

    def ratio(self, ours: Tasks, theirs: Tasks, which: int) -> Estimate | None:
        """Steps (0) or invalid actions (1) of the run over those of the baseline."""
        above, below = per_task(ours)[which], per_task(theirs)[which]
        if not any(below):
            return None
        return clustered_ratio(
            above,
            below,
            clusters=self.clusters(list(ours)),
            seed=self.seed,
            resamples=self.resamples,
            confidence=self.confidence,
        )


def _minus(run: float, baseline: float) -> float:
    """Subtract; 0 where the two differ by rounding, as means of different numbers of equal scores do."""
    return 0.0 if math.isclose(run, baseline, rel_tol=1e-12) else run - baseline


def _difference(paired: PairedDifference, mcnemar_p: float | None) -> Difference:
    error = paired.standard_error
    return Difference(
        paired=paired,
        mcnemar_p=mcnemar_p,
        detectable=detectable_difference(error) if error else None,
        tasks_needed={f"{share:.2f}": units_needed(error, paired.n, share) for share in SHARES} if error else {},
    )


def _capability_change(
    everything: tuple[Tasks, Tasks], first: tuple[Tasks, Tasks], table: TaskTable, k: int
) -> CapabilityChange | None:
    """Capabilities of both runs with k episodes per task: expected over draws, and by name in the first k."""
    if table.groups is None or not any(table.capability(task) is not None for task in everything[0]):
        return None
    now, before = (set(acquired_groups(of, table)) for of in first)
    ours, theirs = (capability_at_k(of, table, k) for of in everything)
    return CapabilityChange(
        episodes=k,
        run_at_k=ours,
        baseline_at_k=theirs,
        acquired=tuple(sorted(now - before)),
        lost=tuple(sorted(before - now)),
        kept=tuple(sorted(now & before)),
        net=len(now) - len(before),
    )
