"""Rows of a file of training data: JSON lines, a JSON array or Parquet; plain, gzip or zstd."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from tracewarp.errors import MissingExtraError, RecordError, UnreadableFileError
from tracewarp.trajectory.lines import LineSource, read_whole
from tracewarp.trajectory.paths import require_regular_file, shown_path
from tracewarp.trajectory.problems import shown_name
from tracewarp.trajectory.surrogates import repair_json

MAX_ARRAY_BYTES: Final = 8 * 2**30
"""Longest JSON array that is read, in bytes after decompression: it is held in memory as a whole."""

_PARQUET_MAGIC: Final = b"PAR1"
_UTF16_MARKS: Final = (b"\xff\xfe", b"\xfe\xff")


@dataclass(frozen=True, slots=True)
class Row:
    """One row as it stands in its file, lone surrogates repaired."""

    place: str
    """`line 3` or, in Parquet, `row 3`."""
    name: str
    """File name and number, the id of a row that has none."""
    value: Any


def read_rows(path: str | Path) -> Iterator[Row]:
    """Read the rows of a file. The kind of file is told by its first bytes, not by its name.

    Raises:
        UnreadableFileError: the file is missing, no regular file, cut off or damaged.
        RecordError: a line that is not UTF-8 or not JSON.
        MissingExtraError: a Parquet file without pyarrow.
    """
    source = Path(path)
    require_regular_file(source, expected="expected a file of training data")
    start = _first_bytes(source)
    if start.startswith(_PARQUET_MAGIC):
        yield from _parquet(source)
        return
    if start[:2] in _UTF16_MARKS:
        raise UnreadableFileError(f"{shown_path(source)}: the text is UTF-16; expected UTF-8")
    lines = LineSource(source)
    for line in lines:
        if line.too_long:
            raise RecordError(f"{shown_path(source)}, line {line.number}: longer than {lines.max_line_bytes:,} bytes")
        text = _decoded(line.data, source, line.number).strip()
        if text.startswith("["):
            yield from _array(source)
            return
        if text:
            yield _row(source, line.number, _loaded(text, source, line.number))
    if lines.flaw:
        raise UnreadableFileError(f"{shown_path(source)}: {lines.flaw}")


def _row(source: Path, number: int, value: Any, *, unit: str = "line", nth: int | None = None) -> Row:
    try:
        repaired = repair_json(value)
    except RecursionError:
        raise RecordError(f"{shown_path(source)}, {unit} {number}: nested too deeply") from None
    return Row(f"{unit} {number}", f"{source.name}:{number if nth is None else nth}", repaired)


def _first_bytes(source: Path) -> bytes:
    try:
        with source.open("rb") as file:
            return file.read(4)
    except OSError as error:
        raise UnreadableFileError(f"{shown_path(source)}: cannot be read ({error.strerror or error})") from None


def _decoded(data: bytes, source: Path, number: int) -> str:
    """Decode the bytes that begin on line `number`."""
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].split(b"\n")
        raise RecordError(
            f"{shown_path(source)}, line {number + len(before) - 1}: not UTF-8 text (byte 0x{data[error.start]:02x} at "
            f"byte {len(before[-1]) + 1} of the line); convert the file to UTF-8"
        ) from None


def _unique(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    """Build an object; of a key that stands in it twice one value would be lost without a word."""
    made = dict(pairs)
    if len(made) != len(pairs):
        names = [name for name, _ in pairs]
        twice = next(name for name in names if names.count(name) > 1)
        raise ValueError(f"the key {twice!r} stands twice in one object")
    return made


_DECODER: Final = json.JSONDecoder(object_pairs_hook=_unique)


def _loaded(text: str, source: Path, number: int) -> Any:
    try:
        return _DECODER.decode(text)
    except (ValueError, RecursionError) as error:
        raise _not_json(error, text, source, number) from None


def _not_json(error: Exception, text: str, source: Path, number: int) -> RecordError:
    said = f"{error.msg}, column {error.colno}" if isinstance(error, json.JSONDecodeError) else str(error)
    return RecordError(
        f"{shown_path(source)}, line {number}: expected one JSON object per line or one array of objects, "
        f"got {text[:60]!r} ({said})"
    )


def _array(source: Path) -> Iterator[Row]:
    """The objects of one JSON array, each with the line that it begins on."""
    text = _decoded(read_whole(source, max_bytes=MAX_ARRAY_BYTES), source, 1)
    line, counted, nth = 1, 0, 0

    def line_of(at: int) -> int:
        nonlocal line, counted
        line, counted = line + text.count("\n", counted, at), at
        return line

    def fault(at: int, error: Exception) -> RecordError:
        return _not_json(error, text[at : at + 60].split("\n")[0], source, line_of(at))

    place = _past_blanks(text, _past_blanks(text, 0) + 1)  # behind the opening bracket
    while not text.startswith("]", place):
        try:
            value, end = _DECODER.raw_decode(text, place)
        except json.JSONDecodeError as error:
            raise fault(place, ValueError(f"{error.msg}, line {error.lineno}, column {error.colno}")) from None
        except (ValueError, RecursionError) as error:
            raise fault(place, error) from None
        nth += 1
        yield _row(source, line_of(place), value, nth=nth)
        place = _past_blanks(text, end)
        if text.startswith(",", place):
            place = _past_blanks(text, place + 1)
            if text.startswith("]", place):
                raise fault(place, ValueError("expected another object after the comma"))
        elif not text.startswith("]", place):
            raise fault(place, ValueError("expected a comma or the end of the array"))
    rest = _past_blanks(text, place + 1)
    if rest < len(text):
        raise fault(rest, ValueError("text follows the array"))


_BLANKS: Final = re.compile(r"[ \t\r\n]*")


def _past_blanks(text: str, place: int) -> int:
    found = _BLANKS.match(text, place)
    return place if found is None else found.end()


def _parquet(source: Path) -> Iterator[Row]:
    try:
        from pyarrow import parquet  # type: ignore[import-not-found, import-untyped, unused-ignore]
    except ImportError:
        raise MissingExtraError(
            f"{shown_path(source)}: reading Parquet needs pyarrow: pip install 'tracewarp[parquet]'"
        ) from None
    number = 0
    try:
        file = parquet.ParquetFile(source)
        names = file.schema_arrow.names
        if twice := sorted({name for name in names if names.count(name) > 1}):
            raise RecordError(f"{shown_path(source)}: the column {shown_name(twice[0])} stands twice")
        for batch in file.iter_batches(batch_size=1024):
            for value in batch.to_pylist():
                number += 1
                yield _row(source, number, value, unit="row")
    except (OSError, ValueError, NotImplementedError) as error:  # pyarrow's errors are of these classes
        raise UnreadableFileError(
            f"{shown_path(source)}: Parquet that cannot be read after row {number} ({error})"
        ) from None
