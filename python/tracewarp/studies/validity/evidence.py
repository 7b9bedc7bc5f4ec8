"""Scores into evidence: how well a setting tells success, ranks agents, and notices damage."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracewarp.studies.validity.damages import GRADED, NOT_IN_RULE, SINGLE
from tracewarp.studies.validity.material import REFERENCES, Item, Material, References
from tracewarp.studies.validity.measures import (
    Estimate,
    Measured,
    auc_within,
    least_of,
    mean_of,
    ratio,
    resample,
    tau_of_agents,
)

Floats = NDArray[np.float64]
Scored = Callable[[References], Floats]
"""Scores of every item by one setting (or neighbour) with references of one kind."""
TOLERANCE = 1e-9
"""A smaller fall is rounding."""


@dataclass(frozen=True)
class DamageCurve:
    """What one damage does to the scores of one setting."""

    damage: str
    doses: tuple[float | None, ...]
    falls: tuple[Estimate, ...]
    """By dose: share of the damaged copies that score lower than their original."""
    means: tuple[float, ...]
    """By dose: mean score of the copies."""
    original: float
    """Mean score of their originals."""
    never_rises: float | None
    """Share of the solutions whose score never rises with the dose; None: a damage without a dose."""
    always_falls: float | None
    """Share of the solutions whose score falls with every dose that changes more steps."""
    n: int
    """Solutions."""


class Evidence:
    """The measures of one material. Every figure of it uses the same resamples, so that settings can be paired.

    Args:
        material: what was scored.
        resamples: of the bootstrap.
        confidence: of its intervals.
        seed: of its draws.
    """

    def __init__(self, material: Material, *, resamples: int = 2_000, confidence: float = 0.95, seed: int = 0) -> None:
        self.material = material
        self.confidence = confidence
        self.by_task = resample(len(material.tasks), resamples, seed)
        self.by_capability = resample(len(set(material.capability)), resamples, seed)
        self.attempts = material.where("attempt")
        items = [material.items[i] for i in self.attempts]
        self.success = np.array([item.success for item in items], dtype=np.bool_)
        self.task = np.array([item.task for item in items], dtype=np.int64)
        self.agent = np.array([item.agent for item in items], dtype=np.int64)
        self.originals = {item.task: i for i, item in enumerate(material.items) if item.kind == "solution"}

    def auc_task(self, scores: Floats, among: NDArray[np.bool_] | None = None) -> Measured:
        """AUC over pairs of attempts at the same task.

        Args:
            scores: of every item.
            among: only these attempts; None: all.
        """
        chosen = np.ones(len(self.attempts), dtype=np.bool_) if among is None else among
        return auc_within(
            scores[self.attempts][chosen],
            self.success[chosen],
            self.task[chosen],
            len(self.material.tasks),
            self.by_task,
        )

    def auc_capability(self, scores: Floats) -> Measured:
        """AUC over pairs of attempts at tasks of the same capability."""
        groups = self.material.of_capability[self.task]
        return auc_within(scores[self.attempts], self.success, groups, self.by_capability.shape[1], self.by_capability)

    def tau(self, scores: Floats) -> Measured | None:
        """Kendall's tau between the agents' success and score, over tasks that every agent tried and that have scores.

        None: fewer than three agents, or no such task.
        """
        table = self.agent_table(scores)
        if table is None or len(self.material.agents) < 3:
            return None
        success, score, tasks = table
        return tau_of_agents(success, score, self.by_task[:, tasks])

    def agent_table(self, scores: Floats) -> tuple[Floats, Floats, NDArray[np.int64]] | None:
        """Success and score of every agent at every task, `(agents, tasks)` each, and which tasks those are."""
        n_agents, n_tasks = len(self.material.agents), len(self.material.tasks)
        place = self.agent * n_tasks + self.task
        counts = np.bincount(place, minlength=n_agents * n_tasks).reshape(n_agents, n_tasks)
        values = scores[self.attempts]
        with np.errstate(invalid="ignore", divide="ignore"):
            means = [
                np.bincount(place, weights=v, minlength=n_agents * n_tasks).reshape(n_agents, n_tasks) / counts
                for v in (self.success.astype(np.float64), values)
            ]
        tasks = np.flatnonzero(np.isfinite(means[1]).all(axis=0))
        if not tasks.size:
            return None
        return means[0][:, tasks], means[1][:, tasks], tasks

    @cached_property
    def _copies(self) -> dict[tuple[str, float | None], NDArray[np.int64]]:
        """Places of the copies, by damage and dose."""
        found: dict[tuple[str, float | None], list[int]] = {}
        for i, item in enumerate(self.material.items):
            if item.copy is not None:
                found.setdefault((item.copy.damage, item.copy.dose), []).append(i)
        return {key: np.array(places, dtype=np.int64) for key, places in found.items()}

    def falls(self, scores: Floats, damage: str, dose: float | None = -1.0) -> Measured:
        """Share of the copies with a damage that score lower than their original; over all doses by default."""
        n_tasks = len(self.material.tasks)
        lower, counted = np.zeros(n_tasks), np.zeros(n_tasks)
        for (its_damage, its_dose), places in self._copies.items():
            if its_damage == damage and dose in (-1.0, its_dose):
                tasks, drop, known = self._drop(scores, places)
                np.add.at(lower, tasks[known], drop[known] > TOLERANCE)
                np.add.at(counted, tasks[known], 1.0)
        return ratio(lower, counted, self.by_task)

    def _drop(self, scores: Floats, places: NDArray[np.int64]) -> tuple[NDArray[np.int64], Floats, NDArray[np.bool_]]:
        """Task of each copy, by how much it scores lower than its original, and whether that is known.

        An original that scores 0 cannot fall.
        """
        tasks = self.material.task_of_item[places]
        before = scores[[self.originals[task] for task in tasks]]
        return tasks, before - scores[places], np.isfinite(scores[places]) & (before > TOLERANCE)

    def damages(self, scores: Floats) -> list[DamageCurve]:
        """What each damage does."""
        curves = []
        for damage in (*GRADED, *SINGLE):
            doses: list[float | None] = [dose for its, dose in self._copies if its == damage]
            if not doses:
                continue
            falls = [self.falls(scores, damage, dose).estimate(self.confidence) for dose in doses]
            table, originals, changed = self._by_dose(scores, damage, doses)
            known = np.isfinite(table).all(axis=1) & (originals > TOLERANCE)
            never = always = None
            if damage in GRADED and known.any():
                steps = np.diff(np.column_stack([originals, table])[known], axis=1)
                more = np.diff(np.column_stack([np.zeros(len(changed)), changed])[known], axis=1) > 0
                never = float((steps <= TOLERANCE).all(axis=1).mean())
                always = float(((steps < -TOLERANCE) | ~more).all(axis=1).mean())
            if known.any():
                means = tuple(float(mean) for mean in table[known].mean(axis=0))
                original = float(originals[known].mean())
                curves.append(
                    DamageCurve(damage, tuple(doses), tuple(falls), means, original, never, always, int(known.sum()))
                )
        return curves

    def _by_dose(
        self, scores: Floats, damage: str, doses: Sequence[float | None]
    ) -> tuple[Floats, Floats, NDArray[np.int64]]:
        """Scores of the copies, `(solutions, doses)`, of their originals, and how many steps each dose changed."""
        by_task: dict[int, dict[float | None, int]] = {}
        for dose in doses:
            for place in self._copies[damage, dose]:
                by_task.setdefault(int(self.material.task_of_item[place]), {})[dose] = int(place)
        whole = {task: found for task, found in by_task.items() if len(found) == len(doses)}
        places = np.array([[found[dose] for dose in doses] for found in whole.values()], dtype=np.int64)
        changed = np.array([[self._changed(place) for place in row] for row in places], dtype=np.int64)
        return scores[places], scores[[self.originals[task] for task in whole]], changed

    def _changed(self, place: int) -> int:
        copy = self.material.items[place].copy
        assert copy is not None
        return copy.changed

    def reordered(self, scores: Floats) -> tuple[Estimate, float, float] | None:
        """Valid solutions in another order: share that scores lower, their mean score and that of their originals."""
        places = self.material.where("reordered")
        places = np.array([p for p in places if self.material.task_of_item[p] in self.originals], dtype=np.int64)
        if not places.size:
            return None
        tasks, drop, known = self._drop(scores, places)
        if not known.any():
            return None
        lower, counted = np.zeros(len(self.material.tasks)), np.zeros(len(self.material.tasks))
        np.add.at(lower, tasks[known], drop[known] > TOLERANCE)
        np.add.at(counted, tasks[known], 1.0)
        after = float(scores[places][known].mean())
        return ratio(lower, counted, self.by_task).estimate(self.confidence), after, after + float(drop[known].mean())

    # What the rule asks, over both kinds of references.

    def rule_tau(self, scored: Scored) -> Measured | None:
        """The mean of tau with references of the same task and of other tasks."""
        found = [tau for which in REFERENCES if (tau := self.tau(scored(which))) is not None]
        return mean_of(found) if found else None

    def rule_damage(self, scored: Scored) -> Measured | None:
        """The worst damage and kind of references: the smallest share of copies that score lower."""
        counted = sorted({damage for damage, _ in self._copies} - NOT_IN_RULE)
        found = [self.falls(scored(which), damage) for which in REFERENCES for damage in counted]
        known = [part for part in found if part.n]
        return least_of(known) if known else None

    def rule_auc(self, scored: Scored) -> Measured | None:
        """The mean of the AUC within a task with references of the same task and of other tasks."""
        found = [self.auc_task(scored(which)) for which in REFERENCES]
        known = [part for part in found if part.n]
        return mean_of(known) if known else None

    def failing(self, chosen: Callable[[Item], bool]) -> NDArray[np.bool_]:
        """The successes, and the failures that are chosen: for the AUC against one kind of failure."""
        items = [self.material.items[i] for i in self.attempts]
        return np.array([item.success or chosen(item) for item in items], dtype=np.bool_)
