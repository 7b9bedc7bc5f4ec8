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
    def references(self) -> Ragged:
        """The embedded references."""
        return Ragged.from_list([r.run.steps_of(r.episode) for r in self.pool])

    @cached_property
    def trivials(self) -> Ragged:
        """One trivial trajectory for each reference."""
        given: dict[str, NDArray[np.float16]] = {}
        if self.trivial_run is not None:
            for task, episodes in self.trivial_run.by_task().items():
                with_steps = [episode for episode in episodes if episode.steps]
                if with_steps:
                    given[task] = self.trivial_run.steps_of(with_steps[0])
        own = (r.run.trivial_of(r.episode) if r.episode.task not in given else given[r.episode.task] for r in self.pool)
        return Ragged.from_list(list(own))

    @cached_property
    def degenerate(self) -> NDArray[np.bool_]:
        """References that leave nothing to measure: none of their steps has headroom above the baseline.

        Read off the match with itself in mode `normalized`, whose path visits every step.
        """
        own = np.repeat(np.arange(len(self.pool), dtype=np.int64)[:, None], 2, axis=1)
        counted = [batch.counted for batch in self._batches(self.references, own, "normalized")]
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
        batches = self._batches(Ragged.from_list(tests), pairs, mode or self.options.mode)
        scores = np.concatenate([batch.scores for batch in batches])
        matches, start = [], 0
        for count in counts:
            first = start + int(np.argmax(scores[start : start + count]))
            matches.append(Match(float(scores[first]), int(chosen[first])))
            start += count
        return matches

    def _batches(self, tests: Ragged, pairs: NDArray[np.int64], mode: Mode) -> Iterator[VertexBatch]:
        """Score the pairs (reference, test), shape (p, 2)."""
        options = asdict(replace(self.options, mode=mode))
        for start in range(0, len(pairs), PAIRS_A_CALL):
            yield vertex_dtw_pairs(
                self.references,
                tests,
                pairs[start : start + PAIRS_A_CALL],
                trivials=self.trivials,
                threads=self.threads,
                **options,
            )
