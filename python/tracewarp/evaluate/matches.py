"""Tests against references in batches: the score of each test over its references, and its closest one."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.neighbours import action_similarity, cosines
from tracewarp.evaluate.references import Reference
from tracewarp.metrics import Ragged, vertex_dtw_pairs
from tracewarp.metrics.vertex import Mode, ReferenceAggregate, VertexBatch, VertexOptions, aggregate_scores

PAIRS_A_CALL = 50_000
"""Pairs scored at once: bounds the memory of their warping paths. Scores do not depend on it."""


@dataclass(frozen=True)
class Match:
    """A test against its references."""

    score: float
    """Aggregate over the references."""
    reference: int
    """The reference with the highest score, the lowest index on ties."""


@dataclass(frozen=True)
class Neighbours:
    """The neighbours of a score: aggregates over the same references."""

    last_step_cosine: float
    action_similarity: float


Jobs = Sequence[tuple[Episode, Sequence[int]]]
"""Episodes with steps, each with the indices (ascending) of its references, at least one."""


@dataclass(frozen=True, eq=False)
class Matcher:
    """Scores trajectories against a pool of references.

    The trivial trajectory of a reference is the trivial run's first trajectory with steps of that task, else the
    reference's own first page answered with `stop [N/A]`.
    """

    pool: Sequence[Reference]
    """At least one."""
    trivial_run: LoadedRun | None
    options: VertexOptions
    threads: int | None
    reference_aggregate: ReferenceAggregate = "max"

    @cached_property
    def trivials(self) -> list[NDArray[np.float16]]:
        """One trivial trajectory for each reference."""
        given: dict[str, NDArray[np.float16]] = {}
        if self.trivial_run is not None:
            by_task = self.trivial_run.by_task()
            for task in {reference.episode.task for reference in self.pool}:
                first = next((episode for episode in by_task.get(task, ()) if episode.steps), None)
                if first is not None:
                    given[task] = self.trivial_run.steps_of(first)
        return [r.run.trivial_of(r.episode) if (own := given.get(r.episode.task)) is None else own for r in self.pool]

    @cached_property
    def degenerate(self) -> NDArray[np.bool_]:
        """References that leave nothing to measure: none of their steps has headroom above the baseline.

        Read off the match with itself in mode `normalized`, whose path visits every step.
        """
        own = np.repeat(np.arange(len(self.pool), dtype=np.int64)[:, None], 2, axis=1)
        steps = [r.run.steps_of(r.episode) for r in self.pool]
        counted = [batch.counted for batch in self._batches(steps, own, "normalized")]
        degenerate: NDArray[np.bool_] = np.concatenate(counted) == 0
        return degenerate

    @cached_property
    def last_rows(self) -> NDArray[np.float64]:
        """The last scored step of each reference, (references, dim)."""
        return np.stack([r.run.steps_of(r.episode)[-1] for r in self.pool]).astype(np.float64)

    def matches(self, run: LoadedRun, jobs: Jobs, *, mode: Mode | None = None) -> list[Match]:
        """Match each episode with its references.

        Args:
            run: the run that the episodes belong to.
            jobs: the episodes and their references.
            mode: instead of the mode of the options.
        """
        if not jobs:
            return []
        places: dict[tuple[str, int], int] = {}
        tests: list[NDArray[np.float16]] = []
        for episode, _ in jobs:
            if episode.key not in places:
                places[episode.key] = len(tests)
                tests.append(run.steps_of(episode))
        counts = [len(references) for _, references in jobs]
        chosen = np.array([r for _, references in jobs for r in references], dtype=np.int64)
        pairs = np.stack([chosen, np.repeat([places[episode.key] for episode, _ in jobs], counts)], axis=1)
        batches = self._batches(tests, pairs, mode or self.options.mode)
        parts = np.split(np.concatenate([batch.scores for batch in batches]), np.cumsum(counts)[:-1])
        return [
            Match(aggregate_scores(scores, self.reference_aggregate), references[int(np.argmax(scores))])
            for scores, (_, references) in zip(parts, jobs, strict=True)
        ]

    def neighbours(self, run: LoadedRun, jobs: Jobs) -> list[Neighbours]:
        """Compare each episode with its references by the last step and by the sequence of actions."""
        found = []
        for episode, references in jobs:
            last = run.steps_of(episode)[-1].astype(np.float64)
            similarities = [action_similarity(episode.actions, self.pool[r].episode.actions) for r in references]
            found.append(
                Neighbours(
                    aggregate_scores(cosines(self.last_rows[list(references)], last), self.reference_aggregate),
                    aggregate_scores(np.array(similarities), self.reference_aggregate),
                )
            )
        return found

    def ceiling(self, groups: Sequence[Sequence[int]]) -> list[float]:
        """Score each reference of a group against the others of it; the mean over the group.

        Args:
            groups: indices of references, at least two in each.
        """
        if not groups:
            return []
        pairs = [(other, r) for group in groups for r in group for other in group if other != r]
        steps = [r.run.steps_of(r.episode) for r in self.pool]
        batches = self._batches(steps, np.array(pairs, dtype=np.int64), self.options.mode)
        scores = np.concatenate([batch.scores for batch in batches])
        means, start = [], 0
        for group in groups:
            stop = start + len(group) * (len(group) - 1)
            of_each = scores[start:stop].reshape(len(group), len(group) - 1)
            means.append(float(np.mean([aggregate_scores(one, self.reference_aggregate) for one in of_each])))
            start = stop
        return means

    def _batches(
        self, tests: Sequence[NDArray[np.float16]], pairs: NDArray[np.int64], mode: Mode
    ) -> Iterator[VertexBatch]:
        """Score the pairs (reference, test), shape (p, 2), some at a time.

        Rows are float16 on disk and float64 here: `normalized` divides by the headroom 1 - z, which would magnify the
        rounding of float32 costs beyond 1e-6. Only the sequences of the pairs at hand are widened.
        """
        options = asdict(replace(self.options, mode=mode))
        for start in range(0, len(pairs), PAIRS_A_CALL):
            part = pairs[start : start + PAIRS_A_CALL]
            used, reference = np.unique(part[:, 0], return_inverse=True)
            met, test = np.unique(part[:, 1], return_inverse=True)
            yield vertex_dtw_pairs(
                _widened([self.pool[i].run.steps_of(self.pool[i].episode) for i in used]),
                _widened([tests[i] for i in met]),
                np.stack([reference, test], axis=1),
                trivials=_widened([self.trivials[i] for i in used]),
                threads=self.threads,
                **options,
            )


def _widened(sequences: Sequence[NDArray[np.float16]]) -> Ragged:
    return Ragged.from_list([rows.astype(np.float64) for rows in sequences])
