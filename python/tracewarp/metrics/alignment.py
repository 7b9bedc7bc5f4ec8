"""Dynamic time warping of embedded trajectories: one pair, many pairs, all pairs, and the nearest.

Definition, conventions and where they come from: docs/definitions/dtw.md.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import EmptyInputError, OptionError, ShapeError
from tracewarp.metrics._arrays import (
    FloatArray,
    as_choice,
    as_flag,
    as_index,
    as_integer,
    as_number,
    as_pairs,
    as_rows,
    default_threads,
    pair_threads,
    promote,
    require_memory,
    same_dim,
)
from tracewarp.metrics._ragged import (
    Ragged,
    Sequences,
    as_ragged,
    promote_sets,
    require_one_path_memory,
    require_path_memory,
)

Metric = Literal["cosine", "euclidean", "sqeuclidean"]
Ties = Literal["diagonal", "fastdtw-py", "fastdtw-cy"]
Normalize = Literal["none", "path"]
Zero = Literal["error", "orthogonal"]

METRICS = ("cosine", "euclidean", "sqeuclidean")
TIES = ("diagonal", "fastdtw-py", "fastdtw-cy")
NORMALIZATIONS = ("none", "path")
ZEROS = ("error", "orthogonal")


@dataclass(frozen=True, kw_only=True)
class DtwOptions:
    """Everything that a DTW distance depends on beside its two sequences.

    Args:
        metric: Local cost: `cosine` (1 - cos, clamped to [0, 2]), `euclidean`, `sqeuclidean`.
        window_steps: Cells off the diagonal: -w - max(0, m-n) <= j - i <= w + max(0, n-m); None is free.
        open_begin: The path may begin at any step of the second sequence.
        open_end: The path may end at any step of the second sequence (the lowest of the best).
        normalize: `none` reports the plain sum of costs; `path` divides it by the length of the path.
        max_distance: The result is infinity, with an empty path, exactly when the plain sum exceeds this.
        ties: Who wins among equal predecessors: `diagonal` (then up, then left), or as one of the builds of fastdtw.
        zero: A zero vector under the cosine: `error`, or `orthogonal` (cosine 0 with anything).

    Raises:
        OptionError: An option outside its range.
    """

    metric: Metric = "cosine"
    window_steps: int | None = None
    open_begin: bool = False
    open_end: bool = False
    normalize: Normalize = "none"
    max_distance: float = math.inf
    ties: Ties = "diagonal"
    zero: Zero = "error"

    def __post_init__(self) -> None:
        as_choice("metric", self.metric, METRICS)
        if self.window_steps is not None:
            object.__setattr__(self, "window_steps", as_integer("window_steps", self.window_steps, least=0))
        if type(self.open_begin) is not bool:
            object.__setattr__(self, "open_begin", as_flag("open_begin", self.open_begin))
        if type(self.open_end) is not bool:
            object.__setattr__(self, "open_end", as_flag("open_end", self.open_end))
        as_choice("normalize", self.normalize, NORMALIZATIONS)
        if type(self.max_distance) is not float:
            object.__setattr__(self, "max_distance", as_number("max_distance", self.max_distance))
        if math.isnan(self.max_distance):
            raise OptionError("max_distance: expected a number, or infinity for no limit, got NaN")
        as_choice("ties", self.ties, TIES)
        as_choice("zero", self.zero, ZEROS)

    def _core(self) -> tuple[str, int | None, bool, bool, str, float, str, str]:
        # A band wider than any sequence is no band; the binary's integers end at 2^64.
        window = None if self.window_steps is None or self.window_steps >= 2**31 else self.window_steps
        return (
            self.metric,
            window,
            self.open_begin,
            self.open_end,
            self.normalize,
            self.max_distance,
            self.ties,
            self.zero,
        )


@dataclass(frozen=True, eq=False)
class DtwResult:
    """One alignment."""

    distance: float
    """In the unit of the local cost; larger is more different. Infinity where it exceeds `max_distance`."""
    path: NDArray[np.int32]
    """`(T, 2)`: (step of x, step of y) of each cell, first cell first; empty beside infinity."""
    options: DtwOptions

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"distance": self.distance, "path": self.path.tolist(), "options": asdict(self.options)}


@dataclass(frozen=True, eq=False)
class DtwBatch:
    """Many alignments, flat: path `p` is `paths_flat[path_offsets[p]:path_offsets[p + 1]]`."""

    distances: NDArray[np.float64]
    """`(p,)`."""
    paths_flat: NDArray[np.int32] | None
    """`(k, 2)`; None where no paths were asked for."""
    path_offsets: NDArray[np.int64] | None
    """`(p + 1,)`; None where no paths were asked for."""
    options: DtwOptions

    def __len__(self) -> int:
        return int(self.distances.size)

    def __getitem__(self, index: int) -> DtwResult:
        p = as_index(index, len(self))
        if self.paths_flat is None or self.path_offsets is None:
            path = np.empty((0, 2), dtype=np.int32)
        else:
            path = self.paths_flat[self.path_offsets[p] : self.path_offsets[p + 1]]
        return DtwResult(float(self.distances[p]), path, self.options)

    def __iter__(self) -> Iterator[DtwResult]:
        return (self[index] for index in range(len(self)))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "distances": self.distances.tolist(),
            "paths_flat": None if self.paths_flat is None else self.paths_flat.tolist(),
            "path_offsets": None if self.path_offsets is None else self.path_offsets.tolist(),
            "options": asdict(self.options),
        }


@dataclass(frozen=True, eq=False)
class Neighbours:
    """The nearest sequences of each query, nearest first."""

    indices: NDArray[np.int64]
    """`(n, k)` into `ys`; -1 where `max_distance` left fewer."""
    distances: NDArray[np.float64]
    """`(n, k)`; infinity beside -1."""
    options: DtwOptions

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "indices": self.indices.tolist(),
            "distances": self.distances.tolist(),
            "options": asdict(self.options),
        }


def dtw(
    x: FloatArray,
    y: FloatArray,
    *,
    metric: Metric = "cosine",
    window_steps: int | None = None,
    open_begin: bool = False,
    open_end: bool = False,
    normalize: Normalize = "none",
    max_distance: float = math.inf,
    ties: Ties = "diagonal",
    zero: Zero = "error",
) -> DtwResult:
    """Align two sequences: the least sum of costs over monotone paths, with the path.

    Steps (1,1), (1,0), (0,1) of weight 1, both ends fixed (Sakoe and Chiba 1978 without slope weights). A long pair is
    shared among the CPUs that this process may use (`dtw_pairs` takes `threads`); the result does not depend on it.

    Args:
        x: `(m, dim)`, the rows of the path; float16, float32 or float64. Under another metric than the cosine also
            `(m,)`, a series of numbers.
        y: `(n, dim)`, its columns; the narrower dtype is promoted.
        metric: See `DtwOptions`, as for all that follow.
        window_steps: Cells off the diagonal.
        open_begin: Free the beginning of y.
        open_end: Free the end of y.
        normalize: `none` or `path`.
        max_distance: Limit of the plain sum.
        ties: Who wins among equals.
        zero: What a zero vector means.

    Returns:
        Distance >= 0 in float64 and the path, `max(m, n) <= T <= m + n - 1`.

    Raises:
        EmptyInputError, ShapeError, DtypeError, NonFiniteError, ZeroVectorError, OptionError: By argument name.
    """
    options = DtwOptions(
        metric=metric,
        window_steps=window_steps,
        open_begin=open_begin,
        open_end=open_end,
        normalize=normalize,
        max_distance=max_distance,
        ties=ties,
        zero=zero,
    )
    distance, path = _single(x, y, options, paths=True)
    assert path is not None
    return DtwResult(distance, path, options)


def dtw_distance(x: FloatArray, y: FloatArray, **options: Any) -> float:
    """As `dtw` without the path: in memory linear in n, except for `normalize="path"`, which has to find the path.

    Raises:
        As `dtw`.
    """
    return _single(x, y, _options(options), paths=False)[0]


def _single(
    x: FloatArray, y: FloatArray, options: DtwOptions, *, paths: bool
) -> tuple[float, NDArray[np.int32] | None]:
    """A batch of one: the same code, so the same bits."""
    series = options.metric != "cosine"
    first, second = promote(as_rows("x", x, series=series), as_rows("y", y, series=series))
    same_dim("x", first, "y", second)
    if not (len(first) and len(second)):
        name, rows = ("y", second) if len(first) else ("x", first)
        raise EmptyInputError(f"{name}: expected at least one step, got shape {rows.shape}")
    if paths or options.normalize == "path":
        require_one_path_memory(first, second)
    return _core.dtw_pair(first, second, paths, options._core(), pair_threads(first, second))


def _sets(xs: Sequences, ys: Sequences, options: DtwOptions) -> tuple[Ragged, Ragged]:
    """Two sets of one dimension in one dtype; numbers have distances but no direction."""
    series = options.metric != "cosine"
    first, second = promote_sets(as_ragged("xs", xs, series=series), as_ragged("ys", ys, series=series))
    same_dim("xs", first.rows, "ys", second.rows)
    return first, second


_USUAL: Final = DtwOptions()


def _options(options: dict[str, Any]) -> DtwOptions:
    if not options:
        return _USUAL
    try:
        return DtwOptions(**options)
    except TypeError as error:
        known = ", ".join(DtwOptions.__dataclass_fields__)
        unknown = ", ".join(sorted(set(options) - set(DtwOptions.__dataclass_fields__)))
        raise OptionError(f"options: expected names among {known}, got {unknown}") from error


def dtw_from_costs(costs: FloatArray, **options: Any) -> DtwResult:
    """Align over a precomputed matrix of local costs.

    Args:
        costs: `(m, n)`, values in 0 to 1e298; `metric` and `zero` have no meaning here.
        **options: As in `DtwOptions`.

    Raises:
        EmptyInputError, ShapeError, DtypeError, NonFiniteError, OptionError: By argument name.
    """
    chosen = _options(options)
    if isinstance(costs, np.ndarray) and costs.ndim == 2 and 0 in costs.shape:
        raise EmptyInputError(f"costs: expected at least one row and one column, got shape {costs.shape}")
    matrix = as_rows("costs", costs)
    distances, found = _core.dtw_from_costs(matrix, chosen._core())
    assert found is not None
    return DtwResult(float(distances[0]), found[0], chosen)


def dtw_pairs(
    xs: Sequences,
    ys: Sequences,
    pairs: object = None,
    *,
    paths: bool = False,
    threads: int | None = None,
    **options: Any,
) -> DtwBatch:
    """Align many pairs in one call; each gives the bits that `dtw` gives, for any number of threads.

    Args:
        xs: First sequences (rows of the paths): a `Ragged` or a list of `(steps, dim)` arrays.
        ys: Second sequences.
        pairs: `(p, 2)` indices into xs and ys; None aligns the i-th with the i-th.
        paths: Return the paths too.
        threads: Default: the CPUs that this process may use.
        **options: As in `DtwOptions`.

    Raises:
        As `dtw`; RowIndexError for an index outside its set, ShapeError where `pairs` is None and the sizes differ.
    """
    chosen = _options(options)
    first, second = _sets(xs, ys, chosen)
    if pairs is None:
        if len(first) != len(second):
            raise ShapeError(f"ys: expected as many sequences as in xs, {len(first)}, got {len(second)}")
        index = np.repeat(np.arange(len(first), dtype=np.int64), 2).reshape(-1, 2)
    else:
        index = as_pairs("pairs", pairs)
    wanted, count = as_flag("paths", paths), default_threads(threads)
    if wanted or chosen.normalize == "path":
        require_path_memory(first.offsets, second.offsets, index, count)
    sets = ((first.rows, first.offsets), (second.rows, second.offsets))
    distances, found = _core.dtw_pairs(*sets, index, wanted, chosen._core(), count)
    flat, offsets = (None, None) if found is None else found
    return DtwBatch(distances, flat, offsets, chosen)


def dtw_matrix(
    xs: Sequences, ys: Sequences | None = None, *, threads: int | None = None, **options: Any
) -> NDArray[np.float64]:
    """Distances of every sequence to every other.

    Args:
        xs: `n` sequences.
        ys: `m` sequences; None compares xs with itself (computed once a pair where the distance is symmetric).
        threads: Default: the CPUs that this process may use.
        **options: As in `DtwOptions`.

    Returns:
        `(n, m)` float64.

    Raises:
        As `dtw_pairs`; TooLargeError with the number of bytes.
    """
    chosen = _options(options)
    if ys is None:
        first = as_ragged("xs", xs, series=chosen.metric != "cosine")
        require_memory("the matrix of distances", 8 * len(first) ** 2)
        return _core.dtw_matrix((first.rows, first.offsets), None, chosen._core(), default_threads(threads))
    first, second = _sets(xs, ys, chosen)
    require_memory("the matrix of distances", 8 * len(first) * len(second))
    sets = ((first.rows, first.offsets), (second.rows, second.offsets))
    return _core.dtw_matrix(*sets, chosen._core(), default_threads(threads))


def dtw_nearest(xs: Sequences, ys: Sequences, k: int = 1, *, threads: int | None = None, **options: Any) -> Neighbours:
    """Find the `k` sequences of ys nearest to each of xs, by distance, then by lower index; exact.

    Raises:
        As `dtw_pairs`; OptionError for `k` outside 1 to the number of sequences in ys.
    """
    chosen = _options(options)
    first, second = _sets(xs, ys, chosen)
    if as_integer("k", k, least=1) > len(second):
        raise OptionError(f"k: expected 1 to the {len(second)} sequences in ys, got {k}")
    require_memory("the neighbours", 16 * len(first) * int(k))
    sets = ((first.rows, first.offsets), (second.rows, second.offsets))
    indices, distances = _core.dtw_nearest(*sets, int(k), chosen._core(), default_threads(threads))
    return Neighbours(indices, distances, chosen)
