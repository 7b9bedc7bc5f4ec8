"""Success on the test tasks: per task over runs, compared task by task."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.improvement import Gain, Success
from tracewarp.metrics import bca_interval, mcnemar_exact, paired_difference, paired_permutation_test, wilson_interval
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

    @classmethod
    def read(cls, run: Path) -> Outcomes:
        """Read a run."""
        successes: dict[str, list[float]] = {}
        infeasible: set[str] = set()
        plausible: list[bool] = []
        left_out = 0
        for trajectory in open_run(run):
            if trajectory.outcome.ending.transport_failure:
                left_out += 1
                continue
            success = bool(trajectory.outcome.success)
            successes.setdefault(trajectory.task.id, []).append(float(success))
            if is_infeasible(trajectory.task):
                infeasible.add(trajectory.task.id)
            if judge_plausible([trajectory])[0].kept:
                plausible.append(success)
        return cls(successes, frozenset(infeasible), len(plausible), sum(plausible), left_out)


def measure(tested: Outcomes, *, baselines: Mapping[str, Outcomes], seed: int) -> Success:
    """Success of a run, with its differences to baselines over the same tasks.

    Args:
        tested: the run.
        baselines: name -> another run.
        seed: of bootstrap and permutations.
    """
    run = tested.successes
    tasks = sorted(run)
    means = _means(run, tasks)
    n_runs = max(len(values) for values in run.values())
    interval = wilson_interval(int(means.sum()), len(tasks)) if n_runs == 1 else bca_interval(means, seed=seed)
    among = [task for task in tasks if task in tested.infeasible]
    return Success(
        rate=float(means.mean()),
        interval=(interval.low, interval.high),
        n_tasks=len(tasks),
        n_runs=n_runs,
        infeasible=float(_means(run, among).mean()) if among else None,
        n_infeasible=len(among),
        plausible=tested.plausible / sum(len(values) for values in run.values()),
        plausible_precision=tested.plausible_successes / tested.plausible if tested.plausible else None,
        gains=tuple(_gain(name, run, other.successes, seed=seed) for name, other in baselines.items()),
    )


def is_infeasible(task: Task) -> bool:
    """Is the right answer that the task cannot be done?"""
    answers = (task.extra.get("eval") or {}).get("reference_answers") or {}
    wanted = [answers.get("exact_match"), answers.get("fuzzy_match")]
    return any(isinstance(text, str) and text.strip().lower() == NOT_APPLICABLE for text in wanted)


def _gain(name: str, run: Mapping[str, Sequence[float]], other: Mapping[str, Sequence[float]], *, seed: int) -> Gain:
    tasks = sorted(set(run) & set(other))
    a, b = _means(run, tasks), _means(other, tasks)
    found = paired_difference(a, b, seed=seed)
    if all(len(run[task]) == len(other[task]) == 1 for task in tasks):
        test = mcnemar_exact(int((a > b).sum()), int((b > a).sum()))
    else:
        test = paired_permutation_test(a, b, seed=seed)
    return Gain(
        against=name,
        difference=found.difference,
        interval=(found.interval.low, found.interval.high),
        p_value=test.p_value,
        test=test.test,
    )


def _means(run: Mapping[str, Sequence[float]], tasks: Sequence[str]) -> NDArray[np.float64]:
    """Per task, the share of its episodes that succeeded: one independent unit a task."""
    return np.array([sum(run[task]) / len(run[task]) for task in tasks], dtype=np.float64)
