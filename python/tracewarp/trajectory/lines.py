"""A file as lines of bytes: plain, gzip or zstd (told apart by their first bytes), also when its end is missing."""

from __future__ import annotations

import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import BinaryIO, Protocol

import zstandard

from tracewarp.errors import UnreadableFileError
from tracewarp.trajectory.paths import reason_of, require_regular_file, shown_path

DEFAULT_MAX_LINE_BYTES = 256 * 2**20
"""Longest line (or step file) that readers take, in bytes after decompression; the visible cap of `open_run`."""

GZIP_MAGIC = b"\x1f\x8b"
BYTE_ORDER_MARK = b"\xef\xbb\xbf"
ZSTD_MAGIC = b"\x28\xb5\x2f\xfd"

# Compressed bytes fed at once. 2 KiB of zstd can grow a few ten-thousandfold, so that a bomb costs tens of megabytes.
_FEED_BYTES = 2048
_PLAIN_BYTES = 2**20


@dataclass(frozen=True)
class Line:
    """One line of a file."""

    number: int
    """1-based."""
    data: bytes
    """Without the line end; empty where the line was too long."""
    ended: bool
    """False for a last line without a line end."""
    too_long: bool


class LineSource:
    """Lines of one file, in order, in bounded memory.

    Args:
        path: a regular file.
        max_line_bytes: lines beyond it are skipped and marked `too_long`.
    """

    def __init__(self, path: Path, *, max_line_bytes: int = DEFAULT_MAX_LINE_BYTES) -> None:
        self.path = path
        self.max_line_bytes = max_line_bytes
        self.flaw: str | None = None
        """What is wrong with the end of the compressed data; known before the last line is given out."""

    def __iter__(self) -> Iterator[Line]:
        """Give the lines.

        Raises:
            UnreadableFileError: not a regular file, or the system refuses to open or to read it.
        """
        self.flaw = None
        number, parts, size = 1, list[bytes](), 0
        for chunk in self.chunks():
            *ended, rest = chunk.split(b"\n")
            for piece in ended:
                yield self._line(number, [*parts, piece], size + len(piece), ended=True)
                number, parts, size = number + 1, [], 0
            size += len(rest)
            if size > self.max_line_bytes:
                parts = []
            else:
                parts.append(rest)
        if size:
            yield self._line(number, parts, size, ended=False)

    def _line(self, number: int, parts: list[bytes], size: int, *, ended: bool) -> Line:
        too_long = size > self.max_line_bytes
        data = b"" if too_long else b"".join(parts)
        return Line(number, data.removeprefix(BYTE_ORDER_MARK) if number == 1 else data, ended, too_long)

    def chunks(self) -> Iterator[bytes]:
        """Give the decompressed bytes in pieces; `flaw` says afterwards whether the end was reached."""
        require_regular_file(self.path)
        try:
            with self.path.open("rb") as file:
                magic = file.read(4)
                file.seek(0)
                if magic.startswith(GZIP_MAGIC):
                    yield from self._decompressed(file, "gzip", GZIP_MAGIC)
                elif magic == ZSTD_MAGIC:
                    yield from self._decompressed(file, "zstd", ZSTD_MAGIC)
                else:
                    while chunk := file.read(_PLAIN_BYTES):
                        yield chunk
        except OSError as error:
            raise UnreadableFileError(f"{shown_path(self.path)}: cannot be read ({reason_of(error)})") from None

    def _decompressed(self, file: BinaryIO, name: str, magic: bytes) -> Iterator[bytes]:
        """Decompress frame after frame; what is cut off or damaged ends the data and becomes `flaw`."""
        codec: _Decompressor | None = None
        pending = b""
        while True:
            pending = pending or file.read(_FEED_BYTES)
            if not pending:
                if codec is not None:
                    self.flaw = f"the {name} data is cut off"
                return
            if codec is None:
                pending = (pending + file.read(len(magic))).lstrip(b"\0")  # zeros may pad a gzip file
                if not pending:
                    continue
                if not pending.startswith(magic):
                    self.flaw = f"bytes that are no {name} data follow the {name} data"
                    return
                codec = _gzip_codec() if name == "gzip" else _zstd_codec()
            before = codec.copy() if isinstance(codec, _GZIP_TYPE) else None
            try:
                out = codec.decompress(pending)
            except (zlib.error, zstandard.ZstdError) as error:
                self.flaw = f"the {name} data is damaged ({error})"
                if before is not None:
                    yield _salvage(before, pending)
                return
            if out:
                yield out
            pending = b""
            if codec.eof:
                pending, codec = codec.unused_data, None


class _Decompressor(Protocol):
    @property
    def eof(self) -> bool: ...
    @property
    def unused_data(self) -> bytes: ...
    def decompress(self, data: bytes, /) -> bytes: ...


def _gzip_codec() -> _Decompressor:
    return zlib.decompressobj(wbits=31)


_GZIP_TYPE = type(zlib.decompressobj())


def _salvage(codec: _Decompressor, data: bytes) -> bytes:
    """What can be unpacked before the damage: byte by byte, since the call that fails gives nothing."""
    parts = []
    try:
        for at in range(len(data)):
            parts.append(codec.decompress(data[at : at + 1]))
    except zlib.error:
        pass
    return b"".join(parts)


def _zstd_codec() -> _Decompressor:
    return zstandard.ZstdDecompressor().decompressobj()


def read_whole(path: Path, *, max_bytes: int) -> bytes:
    """The bytes of one (compressed) file, unpacked, without a byte order mark.

    Raises:
        UnreadableFileError: it cannot be opened, is cut off, damaged, or longer than `max_bytes` once unpacked.
    """
    source = LineSource(path)
    parts, size = [], 0
    for chunk in source.chunks():
        size += len(chunk)
        if size > max_bytes:
            raise UnreadableFileError(
                f"{shown_path(path)}: more than {max_bytes} bytes; expected at most max_line_bytes"
            )
        parts.append(chunk)
    if source.flaw:
        raise UnreadableFileError(f"{shown_path(path)}: {source.flaw}")
    return b"".join(parts).removeprefix(BYTE_ORDER_MARK)
