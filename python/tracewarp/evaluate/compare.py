"""Two runs on the same tasks: paired differences with intervals and tests, capabilities won and lost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tracewarp.evaluate.capability import acquired_groups
from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.results import CapabilityChange, Comparison, Difference
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.evaluate.vertex import VertexOutcome
from tracewarp.metrics.statistics import (
    DEFAULT_CONFIDENCE,
    DEFAULT_RESAMPLES,
    PairedTest,
    holm,
    mcnemar_exact,
    paired_difference,
    paired_permutation_test,
)


@dataclass(frozen=True, eq=False)
class Scored:
    """A run and its VERTEX_DTW scores, ready to be compared."""

    run: LoadedRun
    vertex: VertexOutcome | None


def compare_all(
    pairs: Sequence[tuple[Scored, Scored]],
    table: TaskTable,
    *,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> tuple[Comparison, ...]:
    """Compare each (run, baseline) that shares at least one task; p-values adjusted by Holm over all of one kind."""
    compared = [
        found
        for run, baseline in pairs
        if (found := compare(run, baseline, table, seed=seed, resamples=resamples, confidence=confidence)) is not None
    ]
    functional = iter(holm([c.functional_correctness.p_value for c in compared]))
    vertex = iter(holm([c.vertex_dtw.p_value for c in compared if c.vertex_dtw is not None]))
    return tuple(
        c.model_copy(
            update={
                "functional_correctness": c.functional_correctness.model_copy(update={"p_holm": next(functional)}),
                "vertex_dtw": c.vertex_dtw and c.vertex_dtw.model_copy(update={"p_holm": next(vertex)}),
            }
        )
        for c in compared
    )


def compare(
    run: Scored,
    baseline: Scored,
    table: TaskTable,
    *,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> Comparison | None:
    """Compare a run with a baseline on the tasks that both attempted; `p_holm` is that of a single comparison.

    Success of a task is the share of its episodes that succeeded. Where both have one episode of every common task the
    test is McNemar's, else the paired permutation test.

    Returns:
        None where the two have no task in common.
    """
    ours, theirs = run.run.by_task(), baseline.run.by_task()
    common = table.in_order(ours.keys() & theirs.keys())
    if not common:
        return None
    x, y = [_success(ours[task]) for task in common], [_success(theirs[task]) for task in common]
    only_run = sum(a > 0.0 and b == 0.0 for a, b in zip(x, y, strict=True))
    only_baseline = sum(b > 0.0 and a == 0.0 for a, b in zip(x, y, strict=True))
    if all(len(ours[task]) == len(theirs[task]) == 1 for task in common):
        test = mcnemar_exact(only_run, only_baseline)
    else:
        test = paired_permutation_test(x, y, seed=seed, resamples=resamples)
    return Comparison(
        run=run.run.name,
        baseline=baseline.run.name,
        functional_correctness=_difference(x, y, test, seed=seed, resamples=resamples, confidence=confidence),
        only_run=only_run,
        only_baseline=only_baseline,
        vertex_dtw=_vertex_difference(run, baseline, table, seed=seed, resamples=resamples, confidence=confidence),
        capability=_capability_change(
            {task: ours[task] for task in common}, {task: theirs[task] for task in common}, table
        ),
    )


def _success(episodes: Sequence[Episode]) -> float:
    return sum(episode.success for episode in episodes) / len(episodes)


def _difference(
    x: Sequence[float], y: Sequence[float], test: PairedTest, *, seed: int, resamples: int, confidence: float
) -> Difference:
    found = paired_difference(x, y, seed=seed, resamples=resamples, confidence=confidence)
    return Difference(
        difference=found.difference,
        interval=(found.interval.low, found.interval.high),
        interval_method=found.interval.method,
        p_value=test.p_value,
        p_holm=test.p_value,
        test=test.test,
        n=found.n,
    )


def _vertex_difference(
    run: Scored, baseline: Scored, table: TaskTable, *, seed: int, resamples: int, confidence: float
) -> Difference | None:
    if run.vertex is None or baseline.vertex is None:
        return None
    common = table.in_order(run.vertex.tasks.keys() & baseline.vertex.tasks.keys())
    if not common:
        return None
    x, y = [run.vertex.tasks[task] for task in common], [baseline.vertex.tasks[task] for task in common]
    test = paired_permutation_test(x, y, seed=seed, resamples=resamples)
    return _difference(x, y, test, seed=seed, resamples=resamples, confidence=confidence)


def _capability_change(
    ours: Mapping[str, Sequence[Episode]], theirs: Mapping[str, Sequence[Episode]], table: TaskTable
) -> CapabilityChange | None:
    if table.groups is None:
        return None
    now, before = set(acquired_groups(ours, table)), set(acquired_groups(theirs, table))
    return CapabilityChange(
        acquired=tuple(sorted(now - before)),
        lost=tuple(sorted(before - now)),
        kept=tuple(sorted(now & before)),
        net=len(now) - len(before),
    )
