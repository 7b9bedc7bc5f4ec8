"""Cosine similarity of rows: the whole table, the nearest rows, or the pairs above a threshold.

Definition, conventions and where they come from: docs/definitions/cosine_similarity.md.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import OptionError, TooLargeError
from tracewarp.metrics._arrays import (
    FloatArray,
    as_choice,
    as_flag,
    as_integer,
    as_number,
    as_rows,
    default_threads,
    promote,
    require_memory,
    same_dim,
)

Zero = Literal["error", "orthogonal"]

_ZEROS = ("error", "orthogonal")


@dataclass(frozen=True)
class Effort:
    """What a search took: every other pair of rows was skipped. Depends on machine and threads; results do not."""

    compared: int
    """Pairs that were compared in eight bits."""
    judged: int
    """Pairs among them that eight bits could not rule out, decided in float64."""


@dataclass(frozen=True, kw_only=True)
class TopKOptions:
    """Everything that the nearest rows depend on beside the rows.

    Args:
        k: Rows a query.
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).

    Raises:
        OptionError: An option outside its range.
    """

    k: int
    zero: Zero = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "k", as_integer("k", self.k, least=1))
        as_choice("zero", self.zero, _ZEROS)


@dataclass(frozen=True, eq=False)
class TopK:
    """The nearest rows of each query, nearest first."""

    indices: NDArray[np.int64]
    """`(n, k)` row numbers; among equal similarities the lower number first."""
    similarities: NDArray[np.float64]
    """`(n, k)` cosines in [-1, 1], descending."""
    options: TopKOptions
    effort: Effort

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "indices": self.indices.tolist(),
            "similarities": self.similarities.tolist(),
            "options": asdict(self.options),
        }


@dataclass(frozen=True, kw_only=True)
class PairOptions:
    """Everything that the similar pairs depend on beside the rows.

    Args:
        threshold: A cosine in [-1, 1].
        strict: A pair passes above the threshold (True), or at it already (False).
        max_pairs: Keep the first so many pairs in ascending order; None keeps all.
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).

    Raises:
        OptionError: An option outside its range.
    """

    threshold: float
    strict: bool = True
    max_pairs: int | None = None
    zero: Zero = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", as_cosine("threshold", self.threshold))
        object.__setattr__(self, "strict", as_flag("strict", self.strict))
        if self.max_pairs is not None:
            object.__setattr__(self, "max_pairs", as_integer("max_pairs", self.max_pairs, least=1))
        as_choice("zero", self.zero, _ZEROS)


@dataclass(frozen=True, eq=False)
class SimilarPairs:
    """Pairs of rows that pass a threshold, in ascending order of (i, j)."""

    i: NDArray[np.int64]
    """`(p,)` row numbers in `x`."""
    j: NDArray[np.int64]
    """`(p,)` row numbers in `y`; without `y` in `x`, and then above `i`."""
    similarity: NDArray[np.float64]
    """`(p,)` cosines in [-1, 1]."""
    truncated: bool
    """True where there were more than `max_pairs`."""
    options: PairOptions
    effort: Effort

    def __len__(self) -> int:
        return self.i.size

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {
            "i": self.i.tolist(),
            "j": self.j.tolist(),
            "similarity": self.similarity.tolist(),
            "truncated": self.truncated,
            "options": asdict(self.options),
        }


def cosine_similarity(
    x: FloatArray, y: FloatArray | None = None, *, zero: Zero = "error", threads: int | None = None
) -> NDArray[np.float64]:
    """Cosine of every row of `x` with every row of `y`: u.v / (|u| |v|).

    Args:
        x: `(n, dim)` float16, float32 or float64, n >= 1, finite.
        y: `(m, dim)`, m >= 1; None stands for `x` itself (each pair is then computed once).
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).
        threads: Default: the CPUs that this process may use. The values do not depend on it.

    Returns:
        `(n, m)` cosines in [-1, 1], more is more alike; equal rows have exactly 1. Summed in float32 for float16 and
        float32 rows: within 2 (dim + 2) 2^-24 of the value in float64.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NonFiniteError, ZeroVectorError, OptionError, TooLargeError.
    """
    x, y = _one_or_two(x, y)
    columns = x.shape[0] if y is None else y.shape[0]
    # Beside the table, every row is held once more with length 1.
    units = (x.size + (0 if y is None else y.size)) * (8 if x.dtype == np.float64 else 4)
    require_memory("the table of cosines", 8 * x.shape[0] * columns + units)
    return _core.cosine_similarity(x, y, as_choice("zero", zero, _ZEROS), default_threads(threads))


def cosine_top_k(
    queries: FloatArray, rows: FloatArray, k: int, *, zero: Zero = "error", threads: int | None = None
) -> TopK:
    """Find the `k` rows of largest cosine for each query, ranked by their value in float64, then by lower row number.

    Args:
        queries: `(n, dim)` float16, float32 or float64, n >= 1, finite.
        rows: `(m, dim)`, m >= 1.
        k: From 1 to m.
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).
        threads: Default: the CPUs that this process may use. The result does not depend on it.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NonFiniteError, ZeroVectorError, OptionError, TooLargeError.
    """
    options = TopKOptions(k=k, zero=zero)
    queries, rows = as_rows("queries", queries), as_rows("rows", rows)
    same_dim("queries", queries, "rows", rows)
    if options.k > rows.shape[0] > 0:
        raise OptionError(f"k: expected at most the number of rows, {rows.shape[0]}, got {options.k}")
    queries, rows = promote(queries, rows)
    require_memory("the nearest rows", 16 * queries.shape[0] * options.k)
    threads = default_threads(threads)
    indices, similarities, effort = _core.cosine_top_k(queries, rows, min(options.k, 2**62), options.zero, threads)
    return TopK(indices, similarities, options, Effort(*effort))


def cosine_pairs(
    x: FloatArray,
    y: FloatArray | None = None,
    *,
    threshold: float,
    strict: bool = True,
    max_pairs: int | None = None,
    zero: Zero = "error",
    threads: int | None = None,
) -> SimilarPairs:
    """Find the pairs of rows whose cosine passes `threshold`, without ever holding the table of all pairs.

    Args:
        x: `(n, dim)` float16, float32 or float64, n >= 1, finite.
        y: `(m, dim)`, m >= 1; None looks for pairs i < j within `x`.
        threshold: A cosine in [-1, 1].
        strict: A pair passes above the threshold (True), or at it already (False).
        max_pairs: Keep the first so many pairs in ascending order of (i, j); `truncated` says whether there were more.
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).
        threads: Default: the CPUs that this process may use. The result does not depend on it.

    Returns:
        The pairs with their cosines in float64. Eight bits rule out most pairs; who passes is decided in float64.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NonFiniteError, ZeroVectorError, OptionError, TooLargeError.
    """
    options = PairOptions(threshold=threshold, strict=strict, max_pairs=max_pairs, zero=zero)
    x, y = _one_or_two(x, y)
    # The binary's integers end at 2^64, and so many pairs there never are.
    most = None if options.max_pairs is None else min(options.max_pairs, 2**62)
    try:
        i, j, similarity, truncated, effort = _core.cosine_pairs(
            x, y, options.threshold, options.strict, most, options.zero, default_threads(threads)
        )
    except TooLargeError as error:
        raise TooLargeError(f"{error}; a higher threshold or max_pairs leaves fewer pairs") from None
    return SimilarPairs(i, j, similarity, truncated, options, Effort(*effort))


def as_cosine(option: str, value: object) -> float:
    """Return a number in [-1, 1].

    Raises:
        OptionError: Not a number, NaN, or outside.
    """
    number = as_number(option, value)
    if not -1.0 <= number <= 1.0:
        raise OptionError(f"{option}: expected a cosine in [-1, 1], got {number}")
    return number


def _one_or_two(x: FloatArray, y: FloatArray | None) -> tuple[FloatArray, FloatArray | None]:
    """Check one set of rows, or two of one dimension, and bring them to one dtype."""
    x = as_rows("x", x)
    if y is None:
        return x, None
    y = as_rows("y", y)
    same_dim("x", x, "y", y)
    return promote(x, y)
