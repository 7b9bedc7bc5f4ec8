"""Leak audit of a recording: what its start times, first pages and manners of ending alone say about success.

A recording can tell success by how it was made: failures that were run again days later, pages that differ before any
action. Any figure for "does the score tell success from failure" needs this audit beside it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import numpy as np
from numpy.typing import NDArray

from tracewarp.embed import HashedEncoder
from tracewarp.errors import EmptyInputError
from tracewarp.studies.validity.material import numbered
from tracewarp.studies.validity.measures import Estimate, Measured, auc_within, resample
from tracewarp.trajectory import Trajectory, action_verb

Floats = NDArray[np.float64]
FOLDS = 10
BINS = 20
"""Start times are cut into this many equally full bins."""
PRIOR = 2.0
"""Weight, in episodes, of the overall rate in the rate of a group."""
RIDGE = 1.0
N_CUES = 4
PAGE_CHARS = 20_000
"""The first page is read so far."""


@dataclass(frozen=True)
class Leak:
    """What one cue says about success."""

    cue: str
    overall: Estimate | None
    """AUC over all pairs of a success and a failure; tasks are resampled. None: the recording does not hold the cue."""
    within: Estimate | None
    """AUC over pairs of attempts at the same task. None: no task has both outcomes."""
    known: int
    """Episodes that hold the cue."""
    leaks: bool
    """Whether one of the two is above one half, with all intervals of the audit holding together (Bonferroni)."""


def audit(
    trajectories: Sequence[Trajectory], *, resamples: int = 2_000, confidence: float = 0.95, seed: int = 0
) -> tuple[Leak, ...]:
    """Predict success from each cue alone, out of fold; tasks are kept together in folds.

    Args:
        trajectories: judged ones are used.
        resamples: of the bootstrap over tasks.
        confidence: of the intervals.
        seed: of folds and bootstrap.

    Raises:
        EmptyInputError: no judged trajectory.
    """
    judged = [one for one in trajectories if one.outcome.success is not None]
    if not judged:
        raise EmptyInputError("trajectories: expected some with a judgement, got none")
    success = np.array([bool(one.outcome.success) for one in judged])
    task = numbered([one.task.id for one in judged])
    folds = np.random.default_rng(seed).permutation(int(task.max()) + 1)[task] % FOLDS
    weights = resample(int(task.max()) + 1, resamples, seed)
    times = _start_times(judged)
    pages = [one.steps[0].observation.text[:PAGE_CHARS] if one.steps else "" for one in judged]
    cues: list[tuple[str, Floats, NDArray[np.bool_]]] = []
    if len(np.unique(times[np.isfinite(times)])) > 1:
        known = np.isfinite(times)
        cues.append(("start time", _by_group(_binned(times), success, folds), known))
    else:
        cues.append(("start time", np.zeros(len(judged)), np.zeros(len(judged), dtype=np.bool_)))
    cues.append(("first page", _by_page(pages, success, folds), np.array([bool(page) for page in pages])))
    endings = numbered([f"{one.outcome.ending.value}\0{_last_verb(one)}" for one in judged])
    cues.append(("manner of ending", _by_group(endings, success, folds), np.ones(len(judged), dtype=np.bool_)))
    lengths = numbered([str(min(len(one.executed_steps), 30)) for one in judged])
    cues.append(("number of steps", _by_group(lengths, success, folds), np.ones(len(judged), dtype=np.bool_)))
    return tuple(_leak(*cue, success=success, task=task, weights=weights, confidence=confidence) for cue in cues)


def _leak(
    cue: str,
    predicted: Floats,
    known: NDArray[np.bool_],
    *,
    success: NDArray[np.bool_],
    task: NDArray[np.int64],
    weights: Floats,
    confidence: float,
) -> Leak:
    if not known.any():
        return Leak(cue, None, None, 0, leaks=False)
    overall = _overall(predicted[known], success[known], task[known], weights)
    within = auc_within(predicted[known], success[known], task[known], weights.shape[1], weights)
    figures = [figure for figure in (overall, within) if figure is not None and figure.n]
    together = 1 - (1 - confidence) / (2 * N_CUES)
    strict = [figure.estimate(together).interval for figure in figures]
    return Leak(
        cue,
        None if overall is None else overall.estimate(confidence),
        within.estimate(confidence) if within.n else None,
        int(known.sum()),
        leaks=any(interval is not None and interval[0] > 0.5 for interval in strict),
    )


def _overall(
    predicted: Floats, success: NDArray[np.bool_], task: NDArray[np.int64], weights: Floats
) -> Measured | None:
    """AUC over all pairs. In a resample an episode counts as often as its task was drawn."""
    pairs = int(success.sum()) * int((~success).sum())
    if not pairs:
        return None
    order = np.argsort(predicted, kind="stable")
    value, good = np.round(predicted[order], 9), success[order]
    group = np.concatenate([[0], np.cumsum(np.diff(value) > 0)])  # equal predictions
    sums = np.zeros((2, int(group[-1]) + 1, weights.shape[1]))
    np.add.at(sums, (good.astype(np.int64), group, task[order]), 1.0)

    def auc(drawn: Floats) -> Floats:
        failures, successes = (side @ drawn.T for side in sums)  # (groups, resamples)
        below = np.cumsum(failures, axis=0) - failures
        with np.errstate(invalid="ignore", divide="ignore"):
            return np.asarray(
                (successes * (below + failures / 2)).sum(axis=0) / (successes.sum(axis=0) * failures.sum(axis=0))
            )

    value_now = float(auc(np.ones((1, weights.shape[1])))[0])
    return Measured(value_now, auc(weights), pairs, len(np.unique(task)))


def _start_times(trajectories: Sequence[Trajectory]) -> Floats:
    """Seconds since 1970; NaN where the record does not say."""
    times = []
    for one in trajectories:
        try:
            times.append(datetime.fromisoformat(str(one.provenance.started_at).replace("Z", "+00:00")).timestamp())
        except ValueError:
            times.append(float("nan"))
    return np.array(times)


def _binned(times: Floats) -> NDArray[np.int64]:
    ranks = np.argsort(np.argsort(np.where(np.isfinite(times), times, np.inf), kind="stable"), kind="stable")
    return np.asarray(ranks * BINS // max(len(times), 1), dtype=np.int64)


def _last_verb(trajectory: Trajectory) -> str:
    steps = trajectory.executed_steps
    return "" if not steps else action_verb(steps[-1].action or "") or "unreadable"


def _by_group(groups: NDArray[np.int64], success: NDArray[np.bool_], folds: NDArray[np.int64]) -> Floats:
    """Rate of success of each episode's group in the other folds, drawn towards the overall rate where it is small.

    The rate is compared with the overall rate of the same folds: otherwise a fold with more successes leaves a lower
    rate for itself, and predictions of different folds could not be ranked together.
    """
    predicted = np.zeros(len(success))
    for fold in np.unique(folds):
        train = folds != fold
        if not train.any():
            continue
        overall = success[train].mean()
        n = np.bincount(groups[train], minlength=int(groups.max()) + 1)
        good = np.bincount(groups[train], weights=success[train], minlength=int(groups.max()) + 1)
        rates = (good + PRIOR * overall) / (n + PRIOR)
        predicted[~train] = rates[groups[~train]] - overall
    return predicted


def _by_page(pages: Sequence[str], success: NDArray[np.bool_], folds: NDArray[np.int64]) -> Floats:
    """Ridge regression of success on the hashed n-grams of the first page, relative to the mean of the other folds."""
    texts = sorted(set(pages))
    place = {text: i for i, text in enumerate(texts)}
    rows = HashedEncoder().encode([text or "[no page]" for text in texts]).astype(np.float64)
    x = rows[[place[page] for page in pages]]
    y = success.astype(np.float64)
    predicted = np.zeros(len(y))
    for fold in np.unique(folds):
        train = folds != fold
        if not train.any():
            continue
        centre, mean = x[train].mean(axis=0), y[train].mean()
        a = x[train] - centre
        coefficients = np.linalg.solve(a.T @ a + RIDGE * np.eye(a.shape[1]), a.T @ (y[train] - mean))
        predicted[~train] = (x[~train] - centre) @ coefficients
    return predicted
