"""An incremental filter that keeps the rows that differ enough from every row kept before.

Definition, conventions and where they come from: docs/definitions/diversity_filter.md.
"""

from __future__ import annotations

import math
import os
import threading
import weakref
import zipfile
import zlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import (
    FileError,
    InputError,
    OptionError,
    SchemaVersionError,
    ShapeError,
    UnreadableFileError,
)
from tracewarp.metrics._arrays import (
    FloatArray,
    as_choice,
    as_integer,
    as_rows,
    default_threads,
    widened,
)
from tracewarp.metrics.similarity import Effort, Zero, as_cosine
from tracewarp.trajectory.paths import require_regular_file

SCHEMA_VERSION = 1
"""Version of the file that `DiversityFilter.save` writes."""

_FIELDS = ("schema_version", "threshold", "zero", "rows", "indices", "seen")


@dataclass(frozen=True, eq=False)
class Accepted:
    """What became of each row of one call."""

    accepted: NDArray[np.bool_]
    """`(n,)`: True where the row was kept."""
    witness: NDArray[np.int64]
    """`(n,)`: of a rejected row the arrival number of the lowest-numbered kept row that is too similar; else -1."""
    similarity: NDArray[np.float64]
    """`(n,)`: of a rejected row its cosine with the witness; else NaN."""
    effort: Effort

    def __len__(self) -> int:
        return self.accepted.size

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; NaN becomes None."""
        similarity = [None if math.isnan(value) else value for value in self.similarity.tolist()]
        return {"accepted": self.accepted.tolist(), "witness": self.witness.tolist(), "similarity": similarity}


class DiversityFilter:
    """Accepts a row only when its cosine with every row accepted before is below the threshold.

    Rows are judged in order of arrival, and numbered by it since the filter was made, across calls. How they are cut
    into calls does not matter, nor does saving and loading in between. A filter may be used from several threads: calls
    take turns. It can be copied and pickled, and each copy goes on by itself. It can be used in a forked process: a
    fork waits for the calls that run, so that the child has the filter as it was between two calls.

    Args:
        dim: Numbers a row.
        threshold: A cosine in [-1, 1]; a row at it or above is rejected.
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).

    Raises:
        OptionError: An option outside its range.
    """

    def __init__(self, dim: int, threshold: float = 0.70, *, zero: Zero = "error") -> None:
        self._dim = as_integer("dim", dim, least=1)
        if self._dim > _MOST_NUMBERS:
            raise OptionError(f"dim: expected at most {_MOST_NUMBERS}, got {dim}")
        self._threshold = as_cosine("threshold", threshold)
        self._zero = as_choice("zero", zero, ("error", "orthogonal"))
        self._core = _core.DiversityFilter(self._dim, self._threshold, self._zero)
        self._turn = _turn_of(self)

    @property
    def dim(self) -> int:
        """Numbers a row."""
        return self._dim

    @property
    def threshold(self) -> float:
        """A row with this cosine or more to a kept row is rejected."""
        return self._threshold

    @property
    def zero(self) -> str:
        """What a zero vector is: `error` or `orthogonal`."""
        return self._zero

    @property
    def indices(self) -> NDArray[np.int64]:
        """`(len,)` arrival numbers of the accepted rows, ascending."""
        with self._turn:
            return self._core.indices

    @property
    def rows(self) -> FloatArray:
        """`(len, dim)`: a copy of the accepted rows, in the widest dtype that was added."""
        with self._turn:
            return self._core.rows()

    @property
    def seen(self) -> int:
        """Number of rows judged so far, accepted or not."""
        with self._turn:
            return self._core.seen

    def __len__(self) -> int:
        with self._turn:
            return len(self._core)

    def __repr__(self) -> str:
        options = f"dim={self.dim}, threshold={self.threshold}, zero={self.zero!r}"
        return f"DiversityFilter({options}): {len(self)} of {self.seen} rows accepted"

    def add(self, rows: FloatArray, *, threads: int | None = None) -> Accepted:
        """Judge rows in order and keep the accepted ones. On an error, or Ctrl-C, nothing has been added.

        Args:
            rows: `(n, dim)` float16, float32 or float64, n >= 1, finite; one row may come as `(dim,)`.
            threads: Default: the CPUs that this process may use. The result does not depend on it.

        Raises:
            DtypeError, ShapeError, EmptyInputError, NonFiniteError, ZeroVectorError, OptionError, TooLargeError.
        """
        rows = as_rows("rows", rows, row=True)
        if rows.shape[1] != self._dim:
            raise ShapeError(f"rows: expected rows of {self._dim} numbers, got {rows.shape[1]}")
        threads = default_threads(threads)
        with self._turn:
            wide = np.promote_types(self._core.dtype, rows.dtype)
            self._core.widen(wide.name)
            accepted, witness, similarity, effort = self._core.add(widened(rows, wide), threads)
        return Accepted(accepted, witness, similarity, Effort(*effort))

    def save(self, path: str | Path) -> None:
        """Write the whole state as a versioned .npz (no pickle), beside `path` and then renamed.

        Raises:
            FileError: The system refuses to write.
        """
        path = _as_path(path)
        # Two threads may save at once, each its own state.
        beside = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
        try:
            with beside.open("wb") as file:
                np.savez(file, **self._state())
            beside.replace(path)
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror or error})") from None
        finally:
            beside.unlink(missing_ok=True)

    def _state(self) -> dict[str, Any]:
        """The options, and what was accepted of how many rows, at one moment."""
        with self._turn:
            state = {"rows": self._core.rows(), "indices": self._core.indices, "seen": np.int64(self._core.seen)}
        options = {"schema_version": np.int64(SCHEMA_VERSION), "threshold": np.float64(self._threshold)}
        return {**options, "zero": np.str_(self._zero), **state}

    def __getstate__(self) -> dict[str, Any]:
        others = {name: value for name, value in self.__dict__.items() if name not in {"_core", "_turn"}}
        return {**others, "_state": self._state()}

    def __setstate__(self, state: dict[str, Any]) -> None:
        kept = state["_state"]
        if int(kept["schema_version"]) != SCHEMA_VERSION:
            raise SchemaVersionError(f"a pickled filter of version {kept['schema_version']}, not {SCHEMA_VERSION}")
        self.__dict__.update({name: value for name, value in state.items() if name != "_state"})
        self._core = _core.DiversityFilter.restore(
            self._threshold, self._zero, kept["rows"], kept["indices"], int(kept["seen"])
        )
        self._turn = _turn_of(self)

    @classmethod
    def load(cls, path: str | Path) -> DiversityFilter:
        """Read a filter that `save` wrote; it goes on as if it had never been saved.

        Raises:
            UnreadableFileError: Missing, truncated, or not a saved filter.
            SchemaVersionError: Written by a release that this one does not know.
        """
        path = _as_path(path)
        state = _read(path)
        try:
            rows = as_rows("rows", state["rows"])
            made = cls(rows.shape[1], float(state["threshold"]), zero=str(state["zero"]))  # type: ignore[arg-type]
            made._core = _core.DiversityFilter.restore(
                made.threshold, made.zero, rows, np.ascontiguousarray(state["indices"]), int(state["seen"])
            )
        except (InputError, TypeError, ValueError, OverflowError) as error:
            raise UnreadableFileError(f"{path}: not the state of a diversity filter ({error})") from None
        return made


_MOST_NUMBERS = 2**48
"""Numbers that a row may have: more than any memory holds."""

_filters: weakref.WeakSet[DiversityFilter] = weakref.WeakSet()
_registry = threading.RLock()
_held_for_fork: list[Any] = []


def _turn_of(made: DiversityFilter) -> Any:
    """A lock for the calls of one filter, which a fork holds while it copies the process."""
    turn = threading.RLock()
    with _registry:
        _filters.add(made)
    return turn


def _hold() -> None:
    _registry.acquire()
    _held_for_fork.append(_registry)
    for made in list(_filters):
        turn = getattr(made, "_turn", None)  # None: it is still being made
        if turn is not None:
            turn.acquire()
            _held_for_fork.append(turn)


def _let_go() -> None:
    while _held_for_fork:
        _held_for_fork.pop().release()


if hasattr(os, "register_at_fork"):
    # Without this, a child made while another thread adds would wait for that thread, which it does not have.
    os.register_at_fork(before=_hold, after_in_parent=_let_go, after_in_child=_let_go)


def _as_path(path: object) -> Path:
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"path: expected a str or a Path, got {type(path).__name__}")
    return Path(path)


def _read(path: Path) -> dict[str, NDArray[Any]]:
    """The arrays of a saved filter, of a version that is known."""
    expected = "expected a file that DiversityFilter.save wrote"
    require_regular_file(path, expected=expected)
    try:
        with path.open("rb") as file:
            if not zipfile.is_zipfile(file):
                raise zipfile.BadZipFile("no archive of arrays, or one that is cut off")
            file.seek(0)
            with np.load(file, allow_pickle=False) as archive:
                state = {name: archive[name] for name in _FIELDS if name in archive}
    except (OSError, ValueError, EOFError, KeyError, TypeError, AttributeError, RuntimeError, MemoryError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error).splitlines()[0]
        raise UnreadableFileError(f"{path}: cannot be read ({reason}); {expected}") from None
    except (zipfile.BadZipFile, zlib.error) as error:
        raise UnreadableFileError(f"{path}: cannot be read ({error}); {expected}") from None
    missing = [name for name in _FIELDS if name not in state]
    if missing:
        raise UnreadableFileError(f"{path}: holds no {', '.join(missing)}; {expected}")
    version = state["schema_version"]
    if version.shape != () or version.dtype.kind not in "iu" or int(version) != SCHEMA_VERSION:
        raise SchemaVersionError(f"{path}: schema version {version}; this release reads version {SCHEMA_VERSION}")
    return state
