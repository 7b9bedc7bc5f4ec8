"""Tests against references in batches: the best reference of each test."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracewarp.evaluate.episodes import Episode, LoadedRun
from tracewarp.evaluate.references import Reference
from tracewarp.metrics import Ragged, vertex_dtw_pairs
from tracewarp.metrics.vertex import Mode, VertexBatch, VertexOptions

PAIRS_A_CALL = 50_000
"""Pairs scored at once: bounds the memory of their warping paths. Scores do not depend on it."""


@dataclass(frozen=True)
class Match:
    """The best reference of a test: the highest score, the lowest index on ties."""

    score: float
    reference: int


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

    def best(
        self,
        run: LoadedRun,
        jobs: Sequence[tuple[Episode, Sequence[int]]],
        *,
        mode: Mode | None = None,
    ) -> list[Match]:
        """The best match of each job: an episode with steps, and the indices (ascending) of its references.

        Args:
            run: the run that the episodes belong to.
            jobs: each with at least one reference.
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
        scores = np.concatenate([batch.scores for batch in batches])
        matches, start = [], 0
        for count in counts:
            first = start + int(np.argmax(scores[start : start + count]))
            matches.append(Match(float(scores[first]), int(chosen[first])))
            start += count
        return matches

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
