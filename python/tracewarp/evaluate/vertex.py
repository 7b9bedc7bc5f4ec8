"""VERTEX_DTW of a run: the best reference of every episode, the aggregates, the variants and the chance level."""

from __future__ import annotations

import math
from collections.abc import Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.matches import Matcher
from tracewarp.evaluate.references import Reference, ReferenceChooser
from tracewarp.evaluate.results import VertexScore
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, bca_interval
from tracewarp.metrics.vertex import Mode


@dataclass(frozen=True)
class EpisodeVertex:
    """Score of one episode on a referenced task."""

    score: float
    reference: Reference | None
    """None: the episode has no steps and scores 0."""


@dataclass(frozen=True)
class VertexOutcome:
    """The score of a run, and what it is made of."""

    result: VertexScore
    episodes: Mapping[tuple[str, int], EpisodeVertex]
    """By (task, repeat); an episode without a reference is absent."""
    tasks: Mapping[str, float]
    """Mean over the repeats of each referenced task, in task order."""


Jobs = Sequence[tuple[Episode, Sequence[int]]]


def score_vertex(
    run: LoadedRun,
    chooser: ReferenceChooser,
    matcher: Matcher,
    table: TaskTable,
    *,
    encoder: str,
    step_template: str,
    chance_draws: int = 5,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> VertexOutcome | None:
    """Score a run's trajectories against the references of their tasks.

    For an episode: the maximum over its references, 0 without steps. For a task: the mean over its episodes. For the
    run: the mean over the tasks that have a reference. Definitions: docs/definitions/evaluation.md; source: section 3.3
    and appendix D of the paper.

    Returns:
        None where no task of the run has a reference.
    """
    by_task = run.by_task()
    jobs = [job for task in table.in_order(by_task) for job in _jobs(run, by_task[task], chooser)]
    if not jobs:
        return None
    episodes = _scored(run, jobs, matcher, chooser)
    tasks = _task_means({key: found.score for key, found in episodes.items()})
    of_task: dict[str, set[int]] = {}
    for episode, references in jobs:
        of_task.setdefault(episode.task, set()).update(references)
    interval = bca_interval(list(tasks.values()), seed=seed, resamples=resamples, confidence=confidence)
    chance, chance_pairs = _chance(run, list(tasks), chooser, matcher, table, draws=chance_draws, seed=seed)
    result = VertexScore(
        mean=_mean(tasks.values()),
        interval=(interval.low, interval.high),
        interval_method=interval.method,
        by_capability=_best_of_capability(tasks, table, trivial=True),
        non_trivial=_best_of_capability(tasks, table, trivial=False),
        n_referenced=len(tasks),
        n_tasks=len(by_task),
        coverage=len(tasks) / len(by_task),
        chance=chance,
        chance_pairs=chance_pairs,
        no_test=sum(not any(episode.steps for episode in by_task[task]) for task in tasks),
        degenerate=sum(bool(matcher.degenerate[sorted(found)].all()) for found in of_task.values()),
        variants={mode: _variant(run, jobs, matcher, mode) for mode in get_args(Mode)},
        encoder=encoder,
        step_template=step_template,
    )
    return VertexOutcome(result, episodes, tasks)


def _jobs(run: LoadedRun, episodes: Sequence[Episode], chooser: ReferenceChooser) -> Jobs:
    """The episodes of one task that have a reference, with their references; a trajectory is never its own."""
    if not episodes:
        return []
    references = chooser.of(episodes[0].task)
    jobs = [(e, [r for r in references if not chooser.pool[r].is_episode(run, e)]) for e in episodes]
    return [(episode, found) for episode, found in jobs if found]


def _scored(
    run: LoadedRun, jobs: Jobs, matcher: Matcher, chooser: ReferenceChooser
) -> dict[tuple[str, int], EpisodeVertex]:
    matches = iter(matcher.best(run, [job for job in jobs if job[0].steps]))
    found = {}
    for episode, _ in jobs:
        match = next(matches) if episode.steps else None
        found[episode.key] = (
            EpisodeVertex(0.0, None) if match is None else EpisodeVertex(match.score, chooser.pool[match.reference])
        )
    return found


def _task_means(scores: Mapping[tuple[str, int], float]) -> dict[str, float]:
    by_task: dict[str, list[float]] = {}
    for (task, _), score in scores.items():
        by_task.setdefault(task, []).append(score)
    return {task: _mean(found) for task, found in by_task.items()}


def _variant(run: LoadedRun, jobs: Jobs, matcher: Matcher, mode: Mode) -> float:
    """The mean over tasks under another mode."""
    with_steps = [job for job in jobs if job[0].steps]
    scores = {episode.key: 0.0 for episode, _ in jobs}
    for (episode, _), match in zip(with_steps, matcher.best(run, with_steps, mode=mode), strict=True):
        scores[episode.key] = match.score
    return _mean(_task_means(scores).values())


def _best_of_capability(tasks: Mapping[str, float], table: TaskTable, *, trivial: bool) -> float | None:
    """Best task of each capability, then the mean over capabilities; tasks without a capability are left out."""
    best: dict[int, float] = {}
    for task, score in tasks.items():
        label = table.capability(task)
        if label is not None and (trivial or not table.is_trivial(task)):
            best[label] = max(score, best.get(label, score))
    return _mean(best.values()) if best else None


def _chance(
    run: LoadedRun,
    tasks: Sequence[str],
    chooser: ReferenceChooser,
    matcher: Matcher,
    table: TaskTable,
    *,
    draws: int,
    seed: int,
) -> tuple[float | None, int]:
    """Mean score of tests against the references of a random other task of another capability, and how many draws.

    In each draw every referenced task with a test that has steps gets one other referenced task, uniformly: candidate
    `rng.integers(len(candidates))`, tasks and candidates in order. References of another capability's task never hold
    the test itself.
    """
    by_task = run.by_task()
    units = _numbered([table.unit(task) for task in tasks])
    rng = np.random.default_rng(seed)
    jobs: list[tuple[Episode, Sequence[int]]] = []
    sizes: list[int] = []
    for _ in range(draws):
        for i, task in enumerate(tasks):
            tests = [episode for episode in by_task[task] if episode.steps]
            candidates = np.flatnonzero(units != units[i])
            if not tests or not len(candidates):
                continue
            other = chooser.of(tasks[candidates[rng.integers(len(candidates))]])
            jobs.extend((episode, other) for episode in tests)
            sizes.append(len(tests))
    if not sizes:
        return None, 0
    scores = iter(matcher.best(run, jobs))
    return _mean([_mean([next(scores).score for _ in range(size)]) for size in sizes]), len(sizes)


def _numbered(units: Sequence[Hashable]) -> NDArray[np.int64]:
    """The units as numbers, equal where they are equal."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)


def _mean(values: Collection[float]) -> float:
    return math.fsum(values) / len(values)
