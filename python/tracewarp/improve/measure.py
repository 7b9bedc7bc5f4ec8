"""Success on the test tasks: per task over runs, compared task by task."""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from statistics import fmean

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.improvement import Gain, Success
from tracewarp.evaluate.tasks import template_of
from tracewarp.metrics import ClusterIndex, clustered_proportion, compare_paired
from tracewarp.synthesize import judge_plausible
from tracewarp.trajectory import Task, open_run

NOT_APPLICABLE = "n/a"


@dataclass(frozen=True)
class Outcomes:
    """A test run, read once."""

    successes: Mapping[str, Sequence[float]]
    """Task id -> success (0 or 1) of each episode; what nobody judged counts 0. Episodes that a failure of the
    environment or of the model's server ended are left out."""
    infeasible: frozenset[str]
    """The tasks whose reference answer is N/A."""
    plausible: int
    """Episodes that the paper's filter would keep."""
    plausible_successes: int
    left_out: int = 0
    """Episodes that say nothing about the agent: the environment or the model's server failed."""
    templates: Mapping[str, Hashable] = field(default_factory=dict)
    """Task id -> what its template is known by; tasks without a template are absent."""

    def means(self, tasks: Sequence[str]) -> NDArray[np.float64]:
        """Of each task, the share of its episodes that succeeded."""
        return np.array([fmean(self.successes[task]) for task in tasks], dtype=np.float64)

    def clusters(self, tasks: Sequence[str]) -> ClusterIndex:
        """Tasks of one template belong together; without any template each task is its own cluster."""
        return ClusterIndex.of(
            [self.templates.get(task, ("task", task)) for task in tasks], "template" if self.templates else "task"
        )

    @classmethod
    def read(cls, run: Path) -> Outcomes:
        """Read a run."""
        successes: dict[str, list[float]] = {}
        infeasible: set[str] = set()
        plausible: list[bool] = []
        templates: dict[str, Hashable] = {}
        left_out = 0
        for trajectory in open_run(run):
            if trajectory.outcome.ending.transport_failure:
                left_out += 1
                continue
            success = bool(trajectory.outcome.success)
            successes.setdefault(trajectory.task.id, []).append(float(success))
            if (template := template_of(trajectory.task)) is not None:
                templates[trajectory.task.id] = template
            if is_infeasible(trajectory.task):
                infeasible.add(trajectory.task.id)
            if judge_plausible([trajectory])[0].kept:
                plausible.append(success)
        return cls(successes, frozenset(infeasible), len(plausible), sum(plausible), left_out, templates)


def measure(tested: Outcomes) -> Success:
    """Success of a run, without gains.

    Args:
        tested: the run.
    """
    tasks = sorted(tested.successes)
    among = [task for task in tasks if task in tested.infeasible]
    n_episodes = sum(len(values) for values in tested.successes.values())
    return Success(
        rate=clustered_proportion(tested.means(tasks), episodes=n_episodes, clusters=tested.clusters(tasks)),
        n_tasks=len(tasks),
        n_runs=max(len(values) for values in tested.successes.values()),
        infeasible=float(tested.means(among).mean()) if among else None,
        n_infeasible=len(among),
        plausible=tested.plausible / n_episodes,
        plausible_precision=tested.plausible_successes / tested.plausible if tested.plausible else None,
        gains=(),
    )


def gains(pairs: Sequence[tuple[Outcomes, str, Outcomes]], *, seed: int) -> list[Gain]:
    """Paired differences in success, adjusted over all of them, on the tasks that every run has.

    Args:
        pairs: (a run, name of a baseline, the baseline).
        seed: random seed.
    """
    if not pairs:
        return []
    tasks = sorted(set.intersection(*(set(run.successes) for first, _, second in pairs for run in (first, second))))
    rows = [first.means(tasks) - second.means(tasks) for first, _, second in pairs]
    found = compare_paired(rows, clusters=pairs[0][0].clusters(tasks), seed=seed)
    return [Gain(against=name, paired=paired) for (_, name, _), paired in zip(pairs, found, strict=True)]


def is_infeasible(task: Task) -> bool:
    """Is the right answer that the task cannot be done?"""
    answers = (task.extra.get("eval") or {}).get("reference_answers") or {}
    wanted = [answers.get("exact_match"), answers.get("fuzzy_match")]
    return any(isinstance(text, str) and text.strip().lower() == NOT_APPLICABLE for text in wanted)
