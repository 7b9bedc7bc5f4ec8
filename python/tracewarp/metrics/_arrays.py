"""Arrays at the door: coerced once, checked by argument name, then handed to the binary as they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import DtypeError, OptionError, RowIndexError, ShapeError, TooLargeError
from tracewarp.metrics.machine import available_memory

FloatArray = NDArray[Any]
"""float16, float32 or float64."""

_FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))


def as_rows(argument: str, value: object, *, axes: int = 2) -> FloatArray:
    """Return `value` as a C-contiguous, aligned, native-endian array of floats; copied only where it is not one.

    Args:
        argument: Name for the message.
        value: A numpy array, normally `(n, dim)`.
        axes: How many axes it must have.

    Raises:
        DtypeError: Not a numpy array (or one with a mask, which would be lost), or not float16, float32 or float64.
        ShapeError: Another number of axes, or rows of zero numbers.
    """
    # Nearly every call: nothing is wrong, and nothing has to be copied.
    if type(value) is np.ndarray and value.ndim == axes == 2 and value.dtype in _FLOATS and value.shape[1]:
        flags = value.flags
        if flags.c_contiguous and flags.aligned:
            return value
    if not isinstance(value, np.ndarray):
        raise DtypeError(f"{argument}: expected a numpy array of floats, got {type(value).__name__}")
    if isinstance(value, np.ma.MaskedArray):
        raise DtypeError(f"{argument}: expected an array without a mask, got a masked array")
    if value.dtype.newbyteorder("=") not in _FLOATS:
        raise DtypeError(f"{argument}: expected float16, float32 or float64, got {value.dtype}")
    if value.ndim != axes:
        raise ShapeError(f"{argument}: expected {axes} axes, got shape {value.shape}")
    if value.shape[-1] == 0 and axes == 2:
        raise ShapeError(f"{argument}: expected rows of at least one number, got shape {value.shape}")
    return np.require(value, dtype=value.dtype.newbyteorder("="), requirements=("C", "ALIGNED", "ENSUREARRAY"))


def promote(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both arrays in the wider of their dtypes; the narrower one is copied."""
    if first.dtype == second.dtype:
        return first, second
    wide = np.promote_types(first.dtype, second.dtype)
    return first.astype(wide, copy=False), second.astype(wide, copy=False)


def same_dim(first_name: str, first: FloatArray, second_name: str, second: FloatArray) -> None:
    """Refuse rows of different dimension.

    Raises:
        ShapeError: The last axes differ.
    """
    if first.shape[-1] != second.shape[-1]:
        raise ShapeError(
            f"{second_name}: expected rows of {first.shape[-1]} numbers as in {first_name}, got {second.shape[-1]}"
        )


def as_integer(option: str, value: object, *, least: int | None = None) -> int:
    """Return a whole number, numpy's included.

    Raises:
        OptionError: Not a whole number, or below `least`.
    """
    wanted = "a whole number" if least is None else f"a whole number of at least {least}"
    if isinstance(value, bool) or not isinstance(value, (int, np.integer)) or (least is not None and value < least):
        raise OptionError(f"{option}: expected {wanted}, got {value!r}")
    return int(value)


def as_index(index: object, length: int) -> int:
    """Return an index into something of `length` entries, counted from the front.

    Raises:
        OptionError: Not a whole number.
        RowIndexError: Outside `0..length`; also an `IndexError`, as the iteration protocol wants it.
    """
    number = as_integer("index", index)
    if not 0 <= number < length:
        raise RowIndexError(f"index: expected 0 to {length - 1}, got {number}" if length else "index: nothing to index")
    return number


def as_number(option: str, value: object) -> float:
    """Return a float; NaN is left to the function whose option it is.

    Raises:
        OptionError: Not a number.
    """
    if isinstance(value, bool) or not isinstance(value, (int, float, np.integer, np.floating)):
        raise OptionError(f"{option}: expected a number, got {value!r}")
    try:
        return float(value)
    except OverflowError:
        return math.inf if value > 0 else -math.inf


def as_flag(option: str, value: object) -> bool:
    """Return a boolean.

    Raises:
        OptionError: Not a boolean.
    """
    if not isinstance(value, (bool, np.bool_)):
        raise OptionError(f"{option}: expected True or False, got {value!r}")
    return bool(value)


def as_choice(option: str, value: object, choices: tuple[str, ...]) -> str:
    """Return one of the names in `choices`.

    Raises:
        OptionError: Another value.
    """
    if not isinstance(value, str) or value not in choices:
        raise OptionError(f"{option}: expected one of {', '.join(choices)}, got {value!r}")
    return value


def as_pairs(argument: str, value: object) -> NDArray[np.int64]:
    """Return `(p, 2)` indices as int64, contiguous.

    Raises:
        DtypeError: Not whole numbers.
        ShapeError: Not `(p, 2)`.
    """
    try:
        array = np.asarray(value)
    except ValueError as error:
        raise ShapeError(f"{argument}: expected shape (p, 2), got rows of different lengths") from error
    if array.shape in {(0,), (0, 2)}:
        return np.empty((0, 2), dtype=np.int64)
    if array.dtype.kind not in "iu" or array.dtype == np.uint64:
        raise DtypeError(f"{argument}: expected whole numbers that fit int64, got {array.dtype}")
    if array.ndim != 2 or array.shape[1] != 2:
        raise ShapeError(f"{argument}: expected shape (p, 2), got {array.shape}")
    return np.ascontiguousarray(array, dtype=np.int64)


_SMALL = 2**20
"""Bytes that any process may still take: asking the system would cost more than a small call."""


def require_memory(what: str, needed: int) -> None:
    """Refuse a result or workspace that would not fit, before anything is allocated.

    Raises:
        TooLargeError: More than the memory that is available now; the message gives both numbers.
    """
    if needed <= _SMALL:
        return
    available = available_memory()
    if available is not None and needed > available:
        raise TooLargeError(f"{what} would need {needed:,} bytes, this process may take {available:,} more")


def default_threads(threads: object = None) -> int:
    """Return the number of threads to use: the argument, or the CPUs that this process may use.

    The default honours the affinity mask and the control group's CPU quota.

    Raises:
        OptionError: Fewer than one.
    """
    if threads is not None:
        # The binary's integers end at 2^64; more threads than this are never started.
        return min(as_integer("threads", threads, least=1), 1024)
    return _core.available_threads()


_LONG = 2**27
"""Cells times numbers a row from which the binary shares one pair among threads."""


def pair_threads(first: FloatArray, second: FloatArray) -> int:
    """Return the number of threads for one pair: the CPUs that this process may use, where it is worth several."""
    m, dim = first.shape
    return default_threads() if m * second.shape[0] * dim >= _LONG else 1
