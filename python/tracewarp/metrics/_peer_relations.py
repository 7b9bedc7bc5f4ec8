"""What a foreign DTW result is, found from its figures: ours, a function of ours, or another measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp.metrics._peer_calls import accumulate, cosine_costs, unit_rows
from tracewarp.metrics._ragged import Ragged
from tracewarp.metrics.alignment import dtw_distance, dtw_pairs

Relation = Literal["same", "same after conversion", "another", "failed"]

TOLERANCE = 1e-6
"""Allowed difference a path cell: 1 - cos cancels in float32 for near-equal rows."""

EXPLAINED_CELLS = 400_000
"""A relation that needs a slow recurrence is looked for on the first pairs up to so many cells."""


@dataclass(frozen=True)
class Verdict:
    """What a result is."""

    relation: Relation
    why: str
    """Empty where the result is ours as it stands."""
    largest_difference: float | None
    """From our distances, after conversion; None for another measure."""


class Expected:
    """Our distances of some pairs, and the other measures that a package may have meant."""

    def __init__(self, xs: Ragged, ys: Ragged) -> None:
        self.xs, self.ys = xs, ys
        batch = dtw_pairs(xs, ys, paths=True)
        assert batch.path_offsets is not None
        self.distances = batch.distances
        self.lengths = np.diff(batch.path_offsets)

    @cached_property
    def few(self) -> int:
        """So many pairs are cheap enough for a recurrence in Python; at least one."""
        cells = np.cumsum(np.diff(self.xs.offsets) * np.diff(self.ys.offsets))
        return max(int(np.searchsorted(cells, EXPLAINED_CELLS, side="right")), 1)

    @cached_property
    def symmetric2(self) -> NDArray[np.float64]:
        """The first `few` distances with diagonal steps counted twice."""
        return np.array([accumulate(cosine_costs(self.xs[p], self.ys[p]), 2.0) for p in range(self.few)])

    @cached_property
    def euclidean(self) -> NDArray[np.float64]:
        """The first `few` distances with the Euclidean distance of unit rows as cost."""
        pairs = ((unit_rows(self.xs[p]), unit_rows(self.ys[p])) for p in range(self.few))
        return np.array([dtw_distance(x, y, metric="euclidean") for x, y in pairs])

    def judge(self, raw: NDArray[Any], caveat: str = "") -> Verdict:
        """Say what `raw`, the results of the first pairs, is.

        Args:
            raw: `(k,)`, k at most the number of pairs.
            caveat: Told even where the figures agree.
        """
        ours, lengths = self.distances[: raw.size], self.lengths[: raw.size]
        if agree(raw, ours, lengths):
            why = f"{caveat}; equal on these pairs" if caveat else ""
            return Verdict("same", why, difference(raw, ours))
        for converted, why in conversions(raw, lengths):
            if agree(converted, ours, lengths):
                return Verdict("same after conversion", why, difference(converted, ours))
        return Verdict("another", self._other(raw), None)

    def _other(self, raw: NDArray[Any]) -> str:
        """The measure that fits, in words."""
        few = raw[: self.few]
        lengths = self.lengths[: few.size]
        sums = (np.diff(self.xs.offsets) + np.diff(self.ys.offsets))[: few.size]
        if agree(few, self.symmetric2[: few.size], 2 * lengths):
            return "step pattern symmetric2: a diagonal step counts twice, so nothing converts it into the plain sum"
        if agree(few * sums, self.symmetric2[: few.size], 2 * lengths):
            return "step pattern symmetric2 (a diagonal step counts twice), divided by the sum of both lengths"
        # A Euclidean distance of near-equal rows is the root of what cancelled.
        if agree(few, self.euclidean[: few.size], 1e3 * lengths):
            return "sums of Euclidean distances of unit rows, not of their squares"
        ours = self.distances[: raw.size]
        if np.all(raw >= ours - TOLERANCE * self.lengths[: raw.size]):
            above = 100 * float(np.max(raw / np.maximum(ours, np.finfo(np.float64).tiny)) - 1)
            return f"never below the least distance, up to {above:.1f} % above it"
        return "no relation to the least sum of cosine distances was found"


def agree(raw: NDArray[Any], wanted: NDArray[Any], lengths: NDArray[Any]) -> bool:
    """Whether every result is within the tolerance for its path."""
    return bool(np.all(np.abs(raw - wanted) <= TOLERANCE * lengths))


def difference(raw: NDArray[Any], wanted: NDArray[Any]) -> float:
    """The largest absolute difference."""
    return float(np.max(np.abs(raw - wanted)))


def conversions(raw: NDArray[Any], lengths: NDArray[Any]) -> Iterator[tuple[NDArray[Any], str]]:
    """Exact functions of our distance that packages return, undone; on unit rows |u - v|^2 = 2 (1 - cos)."""
    yield raw**2 / 2, "the root of the sum of squared Euclidean distances of unit rows; squared and halved it is ours"
    yield raw / 2, "the sum of squared Euclidean distances of unit rows; halved it is ours"
    yield raw * lengths, "divided by the length of the warping path; multiplied by it, it is ours"
