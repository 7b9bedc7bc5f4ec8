"""VERTEX_DTW of a run: the best reference of every episode, the aggregates, the variants and the chance level."""

from __future__ import annotations

import math
from collections.abc import Callable, Collection, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import get_args

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.matches import Jobs, Matcher
from tracewarp.evaluate.options import ClusterKind
from tracewarp.evaluate.references import Reference, References
from tracewarp.evaluate.results import VertexScore
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, Estimate, clustered_mean
from tracewarp.metrics.vertex import Mode

BOUNDED_MODES = ("normalized", "eq1")
"""Modes whose scores lie in 0..1."""


@dataclass(frozen=True)
class EpisodeVertex:
    """Score of one episode on a referenced task."""

    score: float
    reference: Reference | None
    """The closest reference; None: the episode has no steps and scores 0."""
    last_step_cosine: float
    action_similarity: float


@dataclass(frozen=True)
class VertexOutcome:
    """The score of a run, and what it is made of."""

    result: VertexScore
    episodes: Mapping[tuple[str, int], EpisodeVertex]
    """By (task, repeat); an episode without a reference is absent."""
    tasks: Mapping[str, float]
    """Mean over the repeats of each referenced task, in task order."""


def score_vertex(
    run: LoadedRun,
    chooser: References,
    matcher: Matcher,
    table: TaskTable,
    *,
    encoder: str,
    step_template: str,
    cluster: ClusterKind,
    chance_draws: int = 5,
    seed: int = 0,
    resamples: int = DEFAULT_RESAMPLES,
    confidence: float = DEFAULT_CONFIDENCE,
) -> VertexOutcome | None:
    """Score a run's trajectories against the references of their tasks.

    For an episode: the aggregate over its references, 0 without steps. For a task: the mean over its episodes. For the
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

    def over_tasks(values: Mapping[str, float], *, bounded: bool) -> Estimate:
        return clustered_mean(
            list(values.values()),
            bounded=bounded,
            clusters=table.clusters(list(values), cluster),
            seed=seed,
            resamples=resamples,
            confidence=confidence,
        )

    ceilings = matcher.ceiling([group for task in tasks if len(group := chooser.of(task)) > 1])
    non_trivial = {task: score for task, score in tasks.items() if not table.is_trivial(task)}
    chance, chance_pairs = _chance(run, list(tasks), chooser, matcher, table, draws=chance_draws, seed=seed)
    result = VertexScore(
        mean=over_tasks(tasks, bounded=matcher.options.mode in BOUNDED_MODES),
        mean_non_trivial=_mean(non_trivial.values()) if non_trivial else None,
        by_capability_mean=_over_capabilities(tasks, table, _mean),
        by_capability_mean_non_trivial=_over_capabilities(non_trivial, table, _mean),
        by_capability=_over_capabilities(tasks, table, max),
        non_trivial=_over_capabilities(non_trivial, table, max),
        n_referenced=len(tasks),
        n_tasks=len(by_task),
        coverage=len(tasks) / len(by_task),
        chance=chance,
        chance_pairs=chance_pairs,
        ceiling=_mean(ceilings) if ceilings else None,
        ceiling_tasks=len(ceilings),
        last_step_cosine=over_tasks(
            _task_means({key: found.last_step_cosine for key, found in episodes.items()}), bounded=False
        ),
        action_similarity=over_tasks(
            _task_means({key: found.action_similarity for key, found in episodes.items()}), bounded=True
        ),
        few_references=len({e.task for e, references in jobs if len(references) < chooser.max_references}),
        no_test=sum(not any(episode.steps for episode in by_task[task]) for task in tasks),
        degenerate=sum(bool(matcher.degenerate[sorted(found)].all()) for found in of_task.values()),
        variants={mode: _variant(run, jobs, matcher, mode) for mode in get_args(Mode)},
        encoder=encoder,
        step_template=step_template,
    )
    return VertexOutcome(result, episodes, tasks)


def _jobs(run: LoadedRun, episodes: Sequence[Episode], chooser: References) -> Jobs:
    """The episodes of one task that have a reference, with their references; a trajectory is never its own."""
    jobs = [(episode, chooser.of_episode(run, episode)) for episode in episodes]
    return [(episode, found) for episode, found in jobs if found]


def _scored(run: LoadedRun, jobs: Jobs, matcher: Matcher, chooser: References) -> dict[tuple[str, int], EpisodeVertex]:
    found = {episode.key: EpisodeVertex(0.0, None, 0.0, 0.0) for episode, _ in jobs}
    with_steps = [job for job in jobs if job[0].steps]
    matched = zip(with_steps, matcher.matches(run, with_steps), matcher.neighbours(run, with_steps), strict=True)
    for (episode, _), match, beside in matched:
        found[episode.key] = EpisodeVertex(
            match.score, chooser.pool[match.reference], beside.last_step_cosine, beside.action_similarity
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
    for (episode, _), match in zip(with_steps, matcher.matches(run, with_steps, mode=mode), strict=True):
        scores[episode.key] = match.score
    return _mean(_task_means(scores).values())


def _over_capabilities(
    tasks: Mapping[str, float], table: TaskTable, of_one: Callable[[list[float]], float]
) -> float | None:
    """One value for each capability, then the mean over capabilities; tasks without a capability are left out."""
    scores: dict[int, list[float]] = {}
    for task, score in tasks.items():
        label = table.capability(task)
        if label is not None:
            scores.setdefault(label, []).append(score)
    return _mean([of_one(found) for found in scores.values()]) if scores else None


def _chance(
    run: LoadedRun,
    tasks: Sequence[str],
    chooser: References,
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
    scores = iter(matcher.matches(run, jobs))
    return _mean([_mean([next(scores).score for _ in range(size)]) for size in sizes]), len(sizes)


def _numbered(units: Sequence[Hashable]) -> NDArray[np.int64]:
    """The units as numbers, equal where they are equal."""
    numbers: dict[Hashable, int] = {}
    return np.array([numbers.setdefault(unit, len(numbers)) for unit in units], dtype=np.int64)


def _mean(values: Collection[float]) -> float:
    return math.fsum(values) / len(values)
