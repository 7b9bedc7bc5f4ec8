"""Arrays at the door: coerced once, checked by argument name, then handed to the binary as they are."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import (
    DtypeError,
    EmptyInputError,
    OptionError,
    RowIndexError,
    ShapeError,
    TooLargeError,
    TracewarpError,
)
from tracewarp.metrics.machine import available_memory

FloatArray = NDArray[Any]
"""float16, float32 or float64."""

_FLOATS = (np.dtype(np.float16), np.dtype(np.float32), np.dtype(np.float64))

_PIECE = 2**21
"""Numbers that numpy handles in one call: it hears Ctrl-C only between calls."""


def as_rows(argument: str, value: object, *, axes: int = 2, series: bool = False, row: bool = False) -> FloatArray:
    """Return `value` as a C-contiguous, aligned, native-endian array of floats; copied only where it is not one.

    What other libraries hold becomes such an array where its meaning is plain (docs/decisions/0026): a tensor on the
    CPU (detached), a table or a series of rows of pandas or polars, a list of rows, and what numpy can read by
    `__array__` or `__dlpack__`.

    Args:
        argument: Name for the message.
        value: A numpy array, normally `(n, dim)`, or one of the above.
        axes: How many axes it must have.
        series: Take one axis as well, as a series of steps of one number each.
        row: Take one axis as well, as one row.

    Raises:
        DtypeError: Not an array (or one with a mask, which would be lost), or not float16, float32 or float64.
        ShapeError: Another number of axes, or rows of zero numbers.
        EmptyInputError: An empty list, whose rows have no dimension.
        TooLargeError: A copy is needed and does not fit in memory.
    """
    # Nearly every call: nothing is wrong, and nothing has to be copied.
    if type(value) is np.ndarray and value.ndim == axes == 2 and value.dtype in _FLOATS and value.shape[1]:
        flags = value.flags
        if flags.c_contiguous and flags.aligned:
            return value
    array = plain_array(argument, value)
    if isinstance(array, np.ma.MaskedArray):
        raise DtypeError(
            f"{argument}: expected an array without a mask, got a masked array; {argument}.filled(...) puts values "
            "into the masked places"
        )
    dtype = array.dtype.newbyteorder("=")
    if dtype not in _FLOATS:
        fix = _to_floats(argument, value, array)
        raise DtypeError(f"{argument}: expected float16, float32 or float64, got {array.dtype}{fix}")
    if series and array.ndim == 1 and axes == 2:
        array = array[:, np.newaxis]  # (n,) -> (n, 1)
    if row and array.ndim == 1 and axes == 2:
        array = array[np.newaxis]  # (dim,) -> (1, dim)
    if array.ndim != axes:
        fix = _to_rows(argument, value, array, axes)
        raise ShapeError(f"{argument}: expected {axes} axes, got shape {array.shape}{fix}")
    if array.shape[-1] == 0 and axes == 2:
        raise ShapeError(f"{argument}: expected rows of at least one number, got shape {array.shape}")
    if array.flags.c_contiguous and array.flags.aligned and array.dtype.isnative:
        return np.asarray(array)
    return copied(argument, array, dtype)


def plain_array(argument: str, value: object) -> NDArray[Any]:
    """Return what `value` holds as a numpy array of whatever dtype and shape.

    Raises:
        DtypeError: It holds no array, or one outside the computer's memory; the message names the fix.
        ShapeError: Rows of different lengths.
        EmptyInputError: An empty list.
    """
    if isinstance(value, np.ndarray):
        return value
    if isinstance(value, (list, tuple)):
        return _from_list(argument, value)
    packages = {base.__module__.partition(".")[0] for base in type(value).__mro__}
    try:
        if "torch" in packages and hasattr(value, "detach"):
            return _from_torch(argument, value)
        if "pandas" in packages and hasattr(value, "to_numpy"):
            return _from_pandas(argument, value)
        if "polars" in packages:
            return _from_polars(argument, value)
        if not isinstance(value, (np.generic, type)):
            return _from_protocol(argument, value)
    except (TracewarpError, MemoryError):
        raise
    except Exception as error:  # whatever a library says of its own arrays
        reason = (str(error).splitlines() or [type(error).__name__])[0]
        raise DtypeError(f"{argument}: {_kind(value)} that numpy cannot read ({reason})") from error
    raise DtypeError(f"{argument}: expected a numpy array of floats, got {type(value).__name__}")


def _kind(value: object) -> str:
    module = type(value).__module__.partition(".")[0]
    return f"{type(value).__name__} of {module}" if module != "builtins" else type(value).__name__


def _from_list(argument: str, value: list[Any] | tuple[Any, ...]) -> NDArray[Any]:
    """Rows of numbers, or of whatever is a row, piece by piece."""
    if not value:
        raise EmptyInputError(f"{argument}: expected at least one row, got an empty {type(value).__name__}")
    first = value[0]
    numbers = isinstance(first, (int, float, complex, str, bytes, np.generic)) or first is None
    at_once = _PIECE // 8 if numbers else max(1, _PIECE // 8 // max(1, len(first) if hasattr(first, "__len__") else 1))
    parts = []
    for start in range(0, len(value), at_once):
        piece = value[start : start + at_once]
        if not numbers:
            piece = [
                row if isinstance(row, (list, tuple, np.ndarray)) else _row(argument, start + k, row)
                for k, row in enumerate(piece)
            ]
        try:
            parts.append(np.asarray(piece))
        except ValueError as error:
            raise ShapeError(f"{argument}: expected rows of one length, got rows of different lengths") from error
        except (TypeError, OverflowError) as error:
            raise DtypeError(
                f"{argument}: expected rows of numbers, got a list that numpy cannot read ({error})"
            ) from error
    if len({part.shape[1:] for part in parts}) > 1:
        raise ShapeError(f"{argument}: expected rows of one length, got rows of different lengths")
    return parts[0] if len(parts) == 1 else joined(argument, parts)


def _row(argument: str, index: int, row: object) -> Any:
    """An element of a list of rows: a number stays what it is, what another library holds becomes an array."""
    if isinstance(row, (int, float, complex, str, bytes, np.generic)) or row is None:
        return row
    return plain_array(f"{argument}[{index}]", row)


def _from_torch(argument: str, tensor: Any) -> NDArray[Any]:
    if tensor.device.type != "cpu":
        raise DtypeError(
            f"{argument}: expected a tensor in the computer's memory, got one on {tensor.device}; "
            f"{argument}.cpu() copies it"
        )
    if str(tensor.layout) != "torch.strided":
        raise DtypeError(
            f"{argument}: expected a dense tensor, got {tensor.layout}; {argument}.to_dense() makes it one"
        )
    if tensor.is_quantized:
        raise DtypeError(
            f"{argument}: expected a tensor of floats, got {tensor.dtype}; {argument}.dequantize() makes it one"
        )
    kind = str(tensor.dtype).removeprefix("torch.")
    if tensor.is_floating_point() and kind not in {"float16", "float32", "float64"}:
        raise DtypeError(
            f"{argument}: expected float16, float32 or float64, got {kind}, which numpy does not have; "
            f"{argument}.float() makes it float32"
        )
    array: NDArray[Any] = tensor.detach().resolve_conj().resolve_neg().numpy()
    return array


def _from_pandas(argument: str, value: Any) -> NDArray[Any]:
    """A table of numbers, a series of numbers, or a series of rows; the index counts for nothing."""
    if hasattr(value, "columns"):
        found = {str(name): _pandas_dtype(dtype) for name, dtype in zip(value.columns, value.dtypes, strict=True)}
        strange = [name for name, dtype in found.items() if dtype.kind not in "fiu"]
        mixed = len({dtype.kind in "f" for dtype in found.values()}) > 1
        if strange or mixed:
            name = strange[0] if strange else next(name for name, dtype in found.items() if dtype.kind != "f")
            raise DtypeError(
                f"{argument}: expected columns of floats, got column {name!r} of {found[name]}; "
                f'{argument}[columns].astype("float32") makes numbers floats'
            )
        if not found:
            raise ShapeError(f"{argument}: expected rows of at least one number, got a table without columns")
        return _pandas_numbers(value, np.result_type(*found.values()))
    dtype = _pandas_dtype(value.dtype)
    if dtype.kind in "fiu":
        return _pandas_numbers(value, dtype)
    rows = list(value)
    if dtype.kind == "O" and rows and all(hasattr(row, "__len__") and not isinstance(row, str) for row in rows):
        return _from_list(argument, rows)
    array: NDArray[Any] = value.to_numpy()
    return array


def _pandas_dtype(dtype: Any) -> np.dtype[Any]:
    """The numpy dtype of a column, also of a nullable, sparse or Arrow one."""
    inner = getattr(dtype, "numpy_dtype", None) or getattr(dtype, "subtype", None) or dtype
    return inner if isinstance(inner, np.dtype) else np.dtype(object)


def _pandas_numbers(value: Any, dtype: np.dtype[Any]) -> NDArray[Any]:
    # A missing float is NaN, which is refused with its row; a missing whole number has no such place.
    array: NDArray[Any] = value.to_numpy(dtype=dtype, na_value=np.nan) if dtype.kind == "f" else value.to_numpy()
    return array


def _from_polars(argument: str, value: Any) -> NDArray[Any]:
    """A table of numbers, a series of numbers, or a series of rows."""
    if hasattr(value, "collect"):
        raise DtypeError(f"{argument}: expected a table, got {type(value).__name__}; {argument}.collect() makes it one")
    if hasattr(value, "columns"):
        strange = [name for name, dtype in zip(value.columns, value.dtypes, strict=True) if not dtype.is_float()]
        if strange and len(strange) < len(value.columns):
            raise DtypeError(
                f"{argument}: expected columns of floats, got column {strange[0]!r} of {value.schema[strange[0]]}; "
                f"{argument}.cast(polars.Float32) makes numbers floats"
            )
        if not value.columns:
            raise ShapeError(f"{argument}: expected rows of at least one number, got a table without columns")
    elif value.dtype.is_nested() and hasattr(value.dtype, "inner"):
        return _from_list(argument, value.to_list())
    array: NDArray[Any] = value.to_numpy()
    return array


def _from_protocol(argument: str, value: Any) -> NDArray[Any]:
    """What says of itself how numpy reads it."""
    on_device = getattr(value, "__dlpack_device__", None)
    if on_device is not None and int(on_device()[0]) not in (1, 3):  # kDLCPU, kDLCUDAHost
        raise DtypeError(
            f"{argument}: expected an array in the computer's memory, got {_kind(value)} on a device; "
            f"copy it to the CPU first ({argument}.cpu() or {argument}.get())"
        )
    if hasattr(value, "__array__"):
        return np.asarray(value)
    if hasattr(value, "__dlpack__"):
        array: NDArray[Any] = np.from_dlpack(value)
        return array
    fix = ""
    if hasattr(value, "toarray"):
        fix = f"; {argument}.toarray() makes it dense"
    elif hasattr(value, "to_numpy"):
        fix = f"; {argument}.to_numpy() may make it one"
    raise DtypeError(f"{argument}: expected a numpy array of floats, got {type(value).__name__}{fix}")


def _spelled(argument: str, value: object) -> str:
    """How the caller writes the array that `value` became."""
    package = type(value).__module__.partition(".")[0]
    if isinstance(value, np.ndarray) or package == "torch":
        return argument
    return f"{argument}.to_numpy()" if package in {"pandas", "polars"} else f"np.asarray({argument})"


def _to_floats(argument: str, value: object, array: NDArray[Any]) -> str:
    """What makes whole numbers floats, as half a sentence."""
    package = type(value).__module__.partition(".")[0]
    if array.dtype.kind == "O" and array.ndim == 1 and array.size and hasattr(array.flat[0], "__len__"):
        return f"; np.stack({_spelled(argument, value)}) makes one array of its rows"
    if array.dtype.kind not in "biufO":
        return ""
    if package == "torch":
        return f"; {argument}.float() makes it float32"
    if package == "polars":
        return f"; {argument}.cast(polars.Float32) makes it float32"
    wide = "np.float64" if array.dtype.kind in "fO" else "np.float32"
    spelled = argument if package == "pandas" else _spelled(argument, value)
    return f"; {spelled}.astype({wide}) makes it {wide.removeprefix('np.')}"


def _to_rows(argument: str, value: object, array: NDArray[Any], axes: int) -> str:
    """What one axis may have meant, as half a sentence."""
    if array.ndim != 1 or axes != 2:
        return ""
    spelled, n = _spelled(argument, value), array.shape[0]
    return f"; {spelled}[:, None] is {n} rows of one number, {spelled}[None, :] is one row of {n} numbers"


def copied(argument: str, array: NDArray[Any], dtype: np.dtype[Any]) -> FloatArray:
    """Return a C-contiguous copy, made piece by piece, so that Ctrl-C is heard.

    Raises:
        TooLargeError: It does not fit in memory.
    """
    out = _empty(argument, array.shape, dtype)
    _fill(out, np.asarray(array))
    return out


def joined(argument: str, parts: list[NDArray[Any]]) -> NDArray[Any]:
    """Return arrays one after the other, in the widest of their dtypes, made piece by piece.

    Raises:
        TooLargeError: They do not fit in memory.
    """
    rows = sum(part.shape[0] for part in parts)
    out = _empty(argument, (rows, *parts[0].shape[1:]), np.result_type(*{part.dtype for part in parts}))
    start = 0
    for part in parts:
        _fill(out[start : start + part.shape[0]], part)
        start += part.shape[0]
    return out


def _empty(argument: str, shape: tuple[int, ...], dtype: np.dtype[Any]) -> NDArray[Any]:
    needed = math.prod(shape) * dtype.itemsize
    require_memory(f"a copy of {argument}", needed)
    try:
        return np.empty(shape, dtype)
    except MemoryError:
        raise TooLargeError(f"a copy of {argument} would need {needed:,} bytes, more than there are") from None


def _fill(out: NDArray[Any], array: NDArray[Any]) -> None:
    if array.size <= _PIECE or array.ndim != 2:
        out[...] = array
        return
    at_once = max(1, _PIECE // array.shape[1])
    for row in range(0, array.shape[0], at_once):
        for column in range(0, array.shape[1], _PIECE):
            part = (slice(row, row + at_once), slice(column, column + _PIECE))
            out[part] = array[part]


def promote(first: FloatArray, second: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Both arrays in the wider of their dtypes; the narrower one is copied."""
    if first.dtype == second.dtype:
        return first, second
    wide = np.promote_types(first.dtype, second.dtype)
    return widened(first, wide), widened(second, wide)


def widened(array: FloatArray, dtype: np.dtype[Any]) -> FloatArray:
    """Return the array in a wider dtype; the same one where it has it already."""
    return array if array.dtype == dtype else copied("the rows", array, dtype)


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
    if isinstance(value, (list, tuple)) and not value:
        return np.empty((0, 2), dtype=np.int64)
    try:
        array = plain_array(argument, value)
    except ShapeError as error:
        raise ShapeError(f"{argument}: expected shape (p, 2), got rows of different lengths") from error
    except DtypeError as error:
        raise DtypeError(f"{argument}: expected whole numbers that fit int64, got {_kind(value)}") from error
    if array.shape in {(0,), (0, 2)}:
        return np.empty((0, 2), dtype=np.int64)
    if array.dtype.kind not in "iu" or array.dtype == np.uint64:
        raise DtypeError(f"{argument}: expected whole numbers that fit int64, got {array.dtype}")
    if array.ndim != 2 or array.shape[1] != 2:
        raise ShapeError(f"{argument}: expected shape (p, 2), got {array.shape}")
    # A copy: what is checked and what is used are the same numbers, whatever the caller's array becomes.
    return copied(argument, array, np.dtype(np.int64))


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
