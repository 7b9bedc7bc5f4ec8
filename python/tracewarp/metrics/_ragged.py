"""A set of sequences of different lengths as one matrix and offsets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import DtypeError, EmptyInputError, OffsetsError, ShapeError
from tracewarp.metrics._arrays import (
    FloatArray,
    as_index,
    as_rows,
    joined,
    plain_array,
    require_memory,
    widened,
)


@dataclass(frozen=True, eq=False)
class Ragged:
    """Sequence `s` is `rows[offsets[s]:offsets[s + 1]]`; a view, checked when it is made.

    Args:
        rows: `(n_rows, dim)` float16, float32 or float64.
        offsets: `(n_sequences + 1,)` whole numbers: start at 0, never descend, end at `n_rows`.

    Raises:
        DtypeError, ShapeError, OffsetsError: With the argument's name.
    """

    rows: FloatArray
    offsets: NDArray[np.int64]

    def __post_init__(self) -> None:
        rows = as_rows("rows", self.rows)
        offsets = _whole_numbers(self.offsets)
        if offsets.dtype.kind not in "iu" or offsets.dtype == np.uint64:
            raise DtypeError(f"offsets: expected whole numbers that fit int64, got {offsets.dtype}")
        if offsets.ndim != 1 or offsets.size == 0:
            raise ShapeError(f"offsets: expected shape (n_sequences + 1,), got {offsets.shape}")
        offsets = np.ascontiguousarray(offsets, dtype=np.int64)
        descents = np.flatnonzero(offsets[1:] < offsets[:-1])
        if offsets[0] != 0 or offsets[-1] != rows.shape[0] or descents.size:
            raise OffsetsError(
                f"offsets: expected to start at 0, ascend, and end at the {rows.shape[0]} rows, "
                f"got first {offsets[0]}, last {offsets[-1]}, "
                + (f"a descent at position {descents[0] + 1}" if descents.size else "no descent")
            )
        object.__setattr__(self, "rows", rows)
        object.__setattr__(self, "offsets", offsets)

    @classmethod
    def from_list(cls, sequences: Sequence[FloatArray], *, argument: str = "sequences", series: bool = False) -> Ragged:
        """Copy a list of `(steps, dim)` arrays into one set, once, in the widest of their dtypes.

        Args:
            sequences: Arrays, or what becomes one as in every metric (tensors, tables, lists of rows); a series of them
                and an array of three axes are lists too.
            argument: Name for messages.
            series: Take arrays of one axis as well, as steps of one number each.

        Raises:
            EmptyInputError: No sequences at all (their dimension would be unknown).
            DtypeError, ShapeError: Naming the sequence.
        """
        listed = _listed(argument, sequences)
        if len(listed) == 0:
            raise EmptyInputError(f"{argument}: expected at least one sequence, got none")
        parts = [as_rows(f"{argument}[{s}]", part, series=series) for s, part in enumerate(listed)]
        dim = parts[0].shape[1]
        for s, part in enumerate(parts):
            if part.shape[1] != dim:
                raise ShapeError(f"{argument}[{s}]: expected rows of {dim} numbers, got {part.shape[1]}")
        offsets = np.zeros(len(parts) + 1, dtype=np.int64)
        np.cumsum([part.shape[0] for part in parts], out=offsets[1:])
        return cls(joined(argument, parts), offsets)

    def __len__(self) -> int:
        return self.offsets.size - 1

    def __getitem__(self, index: int) -> FloatArray:
        s = as_index(index, len(self))
        return self.rows[self.offsets[s] : self.offsets[s + 1]]

    @property
    def dim(self) -> int:
        """Numbers a row."""
        return int(self.rows.shape[1])


Sequences = Ragged | Sequence[FloatArray]
"""What the batch functions accept: a `Ragged`, or a list of `(steps, dim)` arrays."""


def _whole_numbers(value: object) -> NDArray[Any]:
    """Offsets as an array of whatever shape; they are few, so that a list of them is read at once."""
    try:
        return np.asarray(value) if isinstance(value, (int, list, tuple)) else plain_array("offsets", value)
    except ValueError as error:
        if isinstance(error, DtypeError):
            raise DtypeError(f"offsets: expected whole numbers that fit int64, got {type(value).__name__}") from error
        raise ShapeError("offsets: expected shape (n_sequences + 1,), got rows of different lengths") from error


def _listed(argument: str, value: object) -> Sequence[object]:
    """The sequences of a set one by one."""
    if isinstance(value, (list, tuple)):
        return value
    expected = f"{argument}: expected a list of (steps, dim) arrays or a Ragged, got"
    if isinstance(value, np.ndarray) and value.ndim == 3:
        return list(value)
    package = type(value).__module__.partition(".")[0]
    if package in {"pandas", "polars"} and not hasattr(value, "columns") and hasattr(value, "to_list"):
        return list(value.to_list())
    if hasattr(value, "ndim") or hasattr(value, "__array__"):
        array = plain_array(argument, value)
        if array.ndim == 3:
            return list(array)
        raise DtypeError(f"{expected} one array of shape {array.shape}; [{argument}] is a list of one sequence")
    raise DtypeError(f"{expected} {type(value).__name__}")


def as_ragged(argument: str, value: object, *, series: bool = False) -> Ragged:
    """Return a `Ragged`: the one that came, or a copy of a list of arrays."""
    if isinstance(value, Ragged):
        return value
    return Ragged.from_list(value, argument=argument, series=series)  # type: ignore[arg-type]


def promote_sets(first: Ragged, second: Ragged) -> tuple[Ragged, Ragged]:
    """Both sets in the wider of their dtypes; the narrower one is copied."""
    wide = np.promote_types(first.rows.dtype, second.rows.dtype)
    return (
        first if first.rows.dtype == wide else Ragged(widened(first.rows, wide), first.offsets),
        second if second.rows.dtype == wide else Ragged(widened(second.rows, wide), second.offsets),
    )


FIRST = np.zeros((1, 2), dtype=np.int64)
"""The pair of the first sequence of each set."""
FIRST.flags.writeable = False


def whole(rows: FloatArray) -> tuple[FloatArray, NDArray[np.int64]]:
    """Return a set of one sequence as the binary takes it."""
    return rows, np.array((0, rows.shape[0]), dtype=np.int64)


_PAIRS = 2**18
"""Pairs that are looked at together."""


def require_path_memory(
    x_offsets: NDArray[np.int64], y_offsets: NDArray[np.int64], pairs: NDArray[np.int64], threads: int
) -> None:
    """Refuse paths whose directions (2 bits a cell, a pair a thread) and cells (8 bytes) would not fit.

    Raises:
        TooLargeError: As `require_memory`.
    """
    largest = cells = count = 0
    for start in range(0, len(pairs), _PAIRS):
        some = pairs[start : start + _PAIRS]
        inside = ((some >= 0) & (some < (x_offsets.size - 1, y_offsets.size - 1))).all(
            axis=1
        )  # the binary names the others
        i, j = some[inside].T
        m, n = x_offsets[i + 1] - x_offsets[i], y_offsets[j + 1] - y_offsets[j]
        if m.size:
            largest = max(largest, int((m.astype(np.float64) * n).max()))
            cells, count = cells + int((m + n).sum()), count + m.size
    if count:
        require_memory("the warping paths", largest // 4 * min(threads, count) + 8 * cells)


def require_one_path_memory(first: FloatArray, second: FloatArray) -> None:
    """As `require_path_memory`, for one pair.

    Raises:
        TooLargeError: As `require_memory`.
    """
    m, n = first.shape[0], second.shape[0]
    require_memory("the warping paths", m * n // 4 + 8 * (m + n))
