"""Texts that no encoding can write, made writable."""

from __future__ import annotations


def writable(text: str) -> str:
    r"""Return the text with every lone surrogate replaced by U+FFFD, and pairs of surrogates joined.

    Python strings may hold half characters (JSON's `"\ud83d"`), which neither UTF-8 nor a tokenizer takes.
    A text without them comes back as it is.
    """
    if text.isascii():
        return text
    try:
        text.encode()
    except UnicodeEncodeError:
        return text.encode("utf-16-le", "surrogatepass").decode("utf-16-le", "replace")
    return text
