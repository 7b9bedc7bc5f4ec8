"""Bytes into text: UTF-8 only, and a sentence that names the encoding that came instead."""

from __future__ import annotations

import codecs

_LOOKED_AT = 4096
_MARKS = (
    (codecs.BOM_UTF32_LE, "UTF-32"),
    (codecs.BOM_UTF32_BE, "UTF-32"),
    (codecs.BOM_UTF16_LE, "UTF-16"),
    (codecs.BOM_UTF16_BE, "UTF-16"),
)
"""Byte order marks, the longer ones first: that of UTF-32 begins with that of UTF-16."""


class NotUtf8Error(ValueError):
    """Bytes that are not UTF-8; the text is a sentence without the place. Readers turn it into their own error."""


def decode_utf8(data: bytes) -> str:
    """Decode UTF-8.

    Raises:
        NotUtf8Error: the bytes are something else; the message names the encoding where it can be told.
    """
    if (found := wide_encoding(data)) is not None:
        raise NotUtf8Error(
            f"the text is {found}, expected UTF-8 (iconv -f {found.replace(' ', '')} -t UTF-8 FILE > NEW converts it)"
        )
    try:
        return data.decode("utf-8")
    except UnicodeDecodeError as error:
        byte = f"byte 0x{data[error.start]:02x} at position {error.start} is not UTF-8"
        if error.reason == "unexpected end of data":
            raise NotUtf8Error(f"{byte} (the text ends within a character)") from None
        if _may_be_latin_1(data):
            raise NotUtf8Error(
                f"{byte}; the text looks like Latin-1 or Windows-1252 "
                "(iconv -f WINDOWS-1252 -t UTF-8 FILE > NEW converts it)"
            ) from None
        raise NotUtf8Error(byte) from None


def decode_utf8_or_replace(data: bytes) -> str:
    """Decode UTF-8; bytes that are not become U+FFFD. A file that is UTF-16 or UTF-32 as a whole is refused.

    Raises:
        NotUtf8Error: UTF-16 or UTF-32.
    """
    try:
        return decode_utf8(data)
    except NotUtf8Error:
        if wide_encoding(data) is not None:
            raise
        return data.decode("utf-8", "replace")


def wide_encoding(data: bytes) -> str | None:
    """Return `UTF-16` or `UTF-32` if the byte order mark or the positions of zero bytes show that encoding."""
    for mark, name in _MARKS:
        if data.startswith(mark):
            return name
    start = data[:_LOOKED_AT]
    if len(start) < 4 or b"\0" not in start:
        return None
    # Text in European letters: every other byte is zero in UTF-16, three of four in UTF-32.
    for begin in (0, 1):
        every_other = start[begin::2]
        if every_other.count(0) > 0.9 * len(every_other) and start.count(0) < 0.6 * len(start):
            return "UTF-16"
    return "UTF-32" if 0.7 * len(start) < start.count(0) < 0.8 * len(start) else None


def _may_be_latin_1(data: bytes) -> bool:
    """Is it text of single bytes? Such text has no control characters, and letters around most of the high bytes."""
    start = data[: 64 * _LOOKED_AT]
    if any(byte < 32 and byte not in b"\t\n\r\f" for byte in start):
        return False
    high = sum(byte >= 0x80 for byte in start)
    return 0 < high <= 0.3 * len(start)
