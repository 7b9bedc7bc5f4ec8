"""VERTEX_DTW: how well a trajectory follows a reference; and the kernels behind it.

Definition, modes and where they differ from the paper: docs/definitions/vertex_dtw.md.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.metrics._arrays import (
    FloatArray,
    as_choice,
    as_index,
    as_number,
    as_pairs,
    as_rows,
    default_threads,
    pair_threads,
    promote,
    same_dim,
    widened,
)
from tracewarp.metrics._ragged import (
    FIRST,
    Ragged,
    Sequences,
    as_ragged,
    require_one_path_memory,
    require_path_memory,
    whole,
)
from tracewarp.metrics.alignment import TIES, Ties

Mode = Literal["normalized", "eq1", "released"]
Decay = Literal["hyperbolic", "relative", "none"]
Baseline = Literal["zero_pad", "hold_last", "scalar_mean", "none"]
ReferenceAggregate = Literal["max", "mean", "median"]

MODES = ("normalized", "eq1", "released")
DECAYS = ("hyperbolic", "relative", "none")
BASELINES = ("zero_pad", "hold_last", "scalar_mean", "none")
REFERENCE_AGGREGATES = ("max", "mean", "median")


@dataclass(frozen=True, kw_only=True)
class VertexOptions:
    """Everything that a VERTEX_DTW score depends on beside its sequences.

    Args:
        mode: `normalized`: w clip((k - z) / (1 - z), 0, 1); `eq1`: clip(w k - z, 0, 1) (paper, equation 1);
            `released`: w (clip(k, 0, 1) - z).
        gamma: Bandwidth of k = exp(-gamma |u - v|^2) on unit rows; above 0.
        decay: w = 1 / (1 + |i - j|) (`hyperbolic`), 1 / (1 + strength |i/(m-1) - j/(n-1)|) (`relative`; a position is 0
            in a sequence of one step), or 1 (`none`).
        strength: How fast the relative decay falls, above 0. The other decays have no strength: they accept only 1.
        z: Baseline of a reference step from the trivial trajectory: `zero_pad`, `hold_last`, `scalar_mean`, `none`.
        min_headroom: In mode `normalized`, cells with 1 - z below this are left out of sum and count; in [0, 1).
        ties: Who wins among equal predecessors, see `DtwOptions`.

    Raises:
        OptionError: An option outside its range.
    """

    mode: Mode = "normalized"
    gamma: float = 1.0
    decay: Decay = "hyperbolic"
    strength: float = 1.0
    z: Baseline = "zero_pad"
    min_headroom: float = 1e-3
    ties: Ties = "diagonal"

    def __post_init__(self) -> None:
        as_choice("mode", self.mode, MODES)
        object.__setattr__(self, "gamma", as_number("gamma", self.gamma))
        if not 0.0 < self.gamma < np.inf:
            raise OptionError(f"gamma: expected a finite number above 0, got {self.gamma}")
        as_choice("decay", self.decay, DECAYS)
        object.__setattr__(self, "strength", as_number("strength", self.strength))
        if not 0.0 < self.strength < np.inf:
            raise OptionError(f"strength: expected a finite number above 0, got {self.strength}")
        if self.decay != "relative" and self.strength != 1.0:
            raise OptionError(
                f'strength: expected 1 under decay "{self.decay}", got {self.strength}; only decay "relative" has a '
                "strength"
            )
        as_choice("z", self.z, BASELINES)
        object.__setattr__(self, "min_headroom", as_number("min_headroom", self.min_headroom))
        if not 0.0 <= self.min_headroom < 1.0:
            raise OptionError(f"min_headroom: expected a number of at least 0 and below 1, got {self.min_headroom}")
        as_choice("ties", self.ties, TIES)

    def _core(self) -> tuple[str, float, str, float, str, float, str]:
        return (self.mode, self.gamma, self.decay, self.strength, self.z, self.min_headroom, self.ties)


@dataclass(frozen=True, eq=False)
class VertexResult:
    """The score of one test against one reference, with its parts."""

    score: float
    """In [0, 1] for `normalized` and `eq1`, in [-1, 1] for `released`; larger follows the reference more closely."""
    path: NDArray[np.int32]
    """`(T, 2)`: (reference step, test step)."""
    similarity: NDArray[np.float64]
    """`(T,)`: k of each cell."""
    decay: NDArray[np.float64]
    """`(T,)`: w of each cell."""
    z: NDArray[np.float64]
    """`(T,)`: baseline of each cell's reference step."""
    counted: int
    """Cells in the mean; 0 means that the reference leaves nothing to measure, and the score is 0."""
    options: VertexOptions

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "score": self.score,
            "path": self.path.tolist(),
            "similarity": self.similarity.tolist(),
            "decay": self.decay.tolist(),
            "z": self.z.tolist(),
            "counted": self.counted,
            "options": asdict(self.options),
        }


@dataclass(frozen=True, eq=False)
class BestReferences:
    """For each test, its score over all of its references, and the reference that it follows most closely."""

    scores: NDArray[np.float64]
    """`(n_tests,)`: maximum, mean or median over the references; NaN for a test without a pair."""
    references: NDArray[np.int64]
    """`(n_tests,)` index of the reference with the highest score, the lowest among equals; -1 without a pair."""

    def __iter__(self) -> Iterator[NDArray[Any]]:
        return iter((self.scores, self.references))


@dataclass(frozen=True, eq=False)
class VertexBatch:
    """The scores of many pairs, flat: path `p` is `paths_flat[path_offsets[p]:path_offsets[p + 1]]`."""

    scores: NDArray[np.float64]
    """`(p,)`."""
    paths_flat: NDArray[np.int32]
    """`(k, 2)`."""
    path_offsets: NDArray[np.int64]
    """`(p + 1,)`."""
    counted: NDArray[np.int64]
    """`(p,)`: cells in the mean of each score; 0 where the reference leaves nothing to measure."""
    pairs: NDArray[np.int64]
    """`(p, 2)`: (reference, test) of each score."""
    n_tests: int
    options: VertexOptions

    def __len__(self) -> int:
        return int(self.scores.size)

    def path(self, index: int) -> NDArray[np.int32]:
        """The warping path of one pair, `(T, 2)`."""
        p = as_index(index, len(self))
        return self.paths_flat[self.path_offsets[p] : self.path_offsets[p + 1]]

    def best(self, *, reference_aggregate: ReferenceAggregate = "max") -> BestReferences:
        """Combine the scores of each test against its references, and name the closest reference.

        Args:
            reference_aggregate: `max`, `mean` or `median` over the pairs of a test.

        Raises:
            OptionError: An unknown aggregate.
        """
        as_choice("reference_aggregate", reference_aggregate, REFERENCE_AGGREGATES)
        scores = np.full(self.n_tests, np.nan)
        references = np.full(self.n_tests, -1, dtype=np.int64)
        # Ascending by test, then worst first: of each test the last one is the best, with the lowest index.
        order = np.lexsort((-self.pairs[:, 0], self.scores, self.pairs[:, 1]))
        tests, ascending = self.pairs[order, 1], self.scores[order]
        last = np.flatnonzero(np.append(tests[1:] != tests[:-1], True)) if tests.size else np.empty(0, dtype=np.int64)
        references[tests[last]] = self.pairs[order[last], 0]
        if reference_aggregate == "max":
            scores[tests[last]] = ascending[last]
        else:
            first = np.append(0, last[:-1] + 1)
            for test, start, stop in zip(tests[last], first, last + 1, strict=False):
                scores[test] = aggregate_scores(ascending[start:stop], reference_aggregate)
        return BestReferences(scores, references)

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "scores": self.scores.tolist(),
            "counted": self.counted.tolist(),
            "pairs": self.pairs.tolist(),
            "paths_flat": self.paths_flat.tolist(),
            "path_offsets": self.path_offsets.tolist(),
            "n_tests": self.n_tests,
            "options": asdict(self.options),
        }


def aggregate_scores(scores: NDArray[np.float64], reference_aggregate: ReferenceAggregate) -> float:
    """Return the maximum, mean or median of the scores of one test against its references, at least one."""
    if reference_aggregate == "max":
        return float(scores.max())
    return float(scores.mean() if reference_aggregate == "mean" else np.median(scores))


def vertex_dtw(
    reference: FloatArray,
    test: FloatArray,
    *,
    trivial: FloatArray | None = None,
    mode: Mode = "normalized",
    gamma: float = 1.0,
    decay: Decay = "hyperbolic",
    strength: float = 1.0,
    z: Baseline = "zero_pad",
    min_headroom: float = 1e-3,
    ties: Ties = "diagonal",
) -> VertexResult:
    """Score one test trajectory against one reference.

    Rows are normalised first. The two are aligned by DTW under the cosine; each cell (i, j) of the path gives
    k = exp(-2 gamma c(i, j)), a decay w and the baseline z_i; `mode` says how they become a score.

    Args:
        reference: `(m, dim)`.
        test: `(n, dim)`.
        trivial: `(t, dim)`, the trajectory of an agent that does nothing; None means z = 0.
        mode: See `VertexOptions`, as for all that follow.
        gamma: Bandwidth.
        decay: Weight by position.
        strength: How fast the relative decay falls.
        z: Baseline.
        min_headroom: Cells left out.
        ties: Who wins among equals.

    Raises:
        EmptyInputError, ShapeError, DtypeError, NonFiniteError, ZeroVectorError, OptionError: By argument name.
    """
    options = VertexOptions(
        mode=mode, gamma=gamma, decay=decay, strength=strength, z=z, min_headroom=min_headroom, ties=ties
    )
    named = {"reference": reference, "test": test} | ({} if trivial is None else {"trivial": trivial})
    rows = {name: as_rows(name, value) for name, value in named.items()}
    for name, value in rows.items():
        same_dim("reference", rows["reference"], name, value)
        if value.shape[0] == 0:
            raise EmptyInputError(f"{name}: expected at least one step, got shape {value.shape}")
    wide = np.result_type(*{value.dtype for value in rows.values()})
    sets = [whole(widened(value, wide)) for value in rows.values()]
    trivials = sets[2] if len(sets) == 3 else None
    require_one_path_memory(sets[0][0], sets[1][0])
    threads = pair_threads(sets[0][0], sets[1][0])
    scores, counted, path, _, parts = _core.vertex_pairs(
        sets[0], sets[1], FIRST, trivials, single=True, options=options._core(), threads=threads
    )
    assert parts is not None
    return VertexResult(float(scores[0]), path, parts[0], parts[1], parts[2], int(counted[0]), options)


def vertex_dtw_pairs(
    references: Sequences,
    tests: Sequences,
    pairs: object,
    *,
    trivials: Sequences | None = None,
    threads: int | None = None,
    **options: Any,
) -> VertexBatch:
    """Score many pairs in one call; each gives the bits that `vertex_dtw` gives, for any number of threads.

    Args:
        references: A `Ragged` or a list of `(steps, dim)` arrays.
        tests: Likewise.
        pairs: `(p, 2)`: (index of a reference, index of a test).
        trivials: One sequence a reference; None means z = 0.
        threads: Default: the CPUs that this process may use.
        **options: As in `VertexOptions`.

    Raises:
        As `vertex_dtw`; RowIndexError for an index outside its set.
    """
    chosen = _options(options)
    sets = {"references": as_ragged("references", references), "tests": as_ragged("tests", tests)}
    if trivials is not None:
        sets["trivials"] = as_ragged("trivials", trivials)
    for name, one in sets.items():
        same_dim("references", sets["references"].rows, name, one.rows)
    wide = np.result_type(*{one.rows.dtype for one in sets.values()})
    core = {
        name: (one if one.rows.dtype == wide else Ragged(widened(one.rows, wide), one.offsets))
        for name, one in sets.items()
    }
    flat = {name: (one.rows, one.offsets) for name, one in core.items()}
    index = as_pairs("pairs", pairs)
    count = default_threads(threads)
    require_path_memory(flat["references"][1], flat["tests"][1], index, count)
    scores, counted, paths, offsets, _ = _core.vertex_pairs(
        flat["references"],
        flat["tests"],
        index,
        flat.get("trivials"),
        single=False,
        options=chosen._core(),
        threads=count,
    )
    return VertexBatch(scores, paths, offsets, counted, index, len(core["tests"]), chosen)


def _options(options: dict[str, Any]) -> VertexOptions:
    try:
        return VertexOptions(**options)
    except TypeError as error:
        known = ", ".join(VertexOptions.__dataclass_fields__)
        unknown = ", ".join(sorted(set(options) - set(VertexOptions.__dataclass_fields__)))
        raise OptionError(f"options: expected names among {known}, got {unknown}") from error


def gaussian_similarity(u: FloatArray, v: FloatArray, *, gamma: float = 1.0) -> NDArray[np.float64]:
    """k(u_i, v_i) = exp(-gamma |u_i - v_i|^2) for each i, on the rows as they are.

    Args:
        u: `(n, dim)`.
        v: `(n, dim)`.
        gamma: Above 0.

    Returns:
        `(n,)` in [0, 1]; 1 for equal rows.

    Raises:
        EmptyInputError, ShapeError, DtypeError, NonFiniteError, OptionError: By argument name.
    """
    first, second = promote(as_rows("u", u), as_rows("v", v))
    return _core.gaussian_similarity(first, second, as_number("gamma", gamma))


def mmd2(
    x: FloatArray,
    y: FloatArray,
    *,
    gamma: float | list[float] | tuple[float, ...] = 1.0,
    estimator: Literal["biased", "unbiased"] = "biased",
    combine: Literal["mean", "sum"] = "mean",
) -> float:
    """Squared maximum mean discrepancy between two sets of rows under Gaussian kernels, on the rows as they are.

    Gretton et al. 2012: the biased V-statistic (equation 5, at least 0) or the unbiased U-statistic (equation 3, may
    be negative, needs two rows a set).

    Args:
        x: `(n, dim)`.
        y: `(m, dim)`.
        gamma: One bandwidth or several.
        estimator: `biased` or `unbiased`.
        combine: `mean` or `sum` over the bandwidths.

    Raises:
        EmptyInputError, ShapeError, DtypeError, NonFiniteError, OptionError: By argument name.
    """
    as_choice("estimator", estimator, ("biased", "unbiased"))
    as_choice("combine", combine, ("mean", "sum"))
    several = isinstance(gamma, (list, tuple)) or (isinstance(gamma, np.ndarray) and gamma.ndim > 0)
    gammas = [as_number("gamma", one) for one in gamma] if several else [as_number("gamma", gamma)]  # type: ignore[union-attr]
    first, second = promote(as_rows("x", x), as_rows("y", y))
    same_dim("x", first, "y", second)
    return _core.mmd2(first, second, gammas, estimator == "unbiased", combine)
