"""Calls written as text, `fill('12', 'lamp')`: names and literal arguments are read, nothing is ever evaluated."""

from __future__ import annotations

import re
from dataclasses import dataclass, field

Literal = str | int | float | bool | None | tuple[str, ...]
"""The value of an argument; a list of strings is a tuple."""

_NAME = re.compile(r"[A-Za-z_]\w*")
_KEYWORD = re.compile(r"([A-Za-z_]\w*)\s*=(?!=)")
_STRING = re.compile(
    r"""'''(?P<a>(?:[^\\']|\\.|'(?!''))*)'''|\"\"\"(?P<b>(?:[^\\"]|\\.|"(?!""))*)\"\"\""""
    r"""|'(?P<c>(?:[^\\']|\\.)*)'|"(?P<d>(?:[^\\"]|\\.)*)\"""",
    re.DOTALL,
)
_NUMBER = re.compile(r"[+-]?(?:[0-9]{1,15}(?:\.[0-9]{0,15})?|\.[0-9]{1,15})(?![\w.])")
_WORDS: dict[str, Literal] = {"None": None, "True": True, "False": False}
_BLANK = re.compile(r"(?:\s|#[^\n]*)*")
_ESCAPE = re.compile(r"\\(x[0-9a-fA-F]{2}|u[0-9a-fA-F]{4}|U[0-9a-fA-F]{8}|\n|.)", re.DOTALL)
_SHORT = {"n": "\n", "t": "\t", "r": "\r", "\\": "\\", "'": "'", '"': '"', "\n": ""}


class CallSyntaxError(ValueError):
    """The text is no call of this kind; the message says at which character. Never leaves `envs.web`."""


@dataclass(frozen=True, slots=True)
class Call:
    """`name(arguments, keyword=value)`."""

    name: str
    arguments: tuple[Literal, ...] = ()
    keywords: dict[str, Literal] = field(default_factory=dict)


def read_calls(text: str, *, constants: frozenset[str] = frozenset()) -> list[Call]:
    """Read one call after another, apart by white space or `;`.

    Strings are written as in Python (quotes of one or three, escapes), numbers in decimal; None, True and False are
    known, and so are lists of strings. An escape that Python does not know stays as it is. Time is linear in the length
    of the text.

    Args:
        text: what was written.
        constants: further names that may stand as an argument; each is read as the string of its name.

    Raises:
        CallSyntaxError: anything else: expressions, other lists, unbalanced quotes or brackets.
    """
    calls: list[Call] = []
    place = _skip(text, 0)
    while place < len(text):
        call, place = _read_call(text, place, constants)
        calls.append(call)
        place = _skip(text, place)
        if place < len(text) and text[place] == ";":
            place = _skip(text, place + 1)
    return calls


def _read_call(text: str, place: int, constants: frozenset[str]) -> tuple[Call, int]:
    name = _NAME.match(text, place)
    if name is None:
        raise _wrong("a name", text, place)
    place = _expect("(", text, _skip(text, name.end()))
    arguments: list[Literal] = []
    keywords: dict[str, Literal] = {}
    place = _skip(text, place)
    while not text.startswith(")", place):
        keyword = _KEYWORD.match(text, place)
        start = _skip(text, keyword.end()) if keyword else place
        value, place = _read_value(text, start, constants)
        if keyword is None and not keywords:
            arguments.append(value)
        elif keyword is not None and keyword[1] not in keywords:
            keywords[keyword[1]] = value
        else:
            raise _wrong("another name=value", text, start)
        place = _skip(text, place)
        if not text.startswith(")", place):
            place = _skip(text, _expect(",", text, place))
    return Call(name[0], tuple(arguments), keywords), place + 1


def _read_value(text: str, place: int, constants: frozenset[str]) -> tuple[Literal, int]:
    string = _STRING.match(text, place)
    if string is not None:
        return _unescaped(next(part for part in string.groups() if part is not None)), string.end()
    number = _NUMBER.match(text, place)
    if number is not None:
        written = number[0]
        return (float(written) if "." in written else int(written)), number.end()
    if text.startswith("[", place):
        return _read_list(text, place + 1)
    word = _NAME.match(text, place)
    if word is not None and word[0] in _WORDS:
        return _WORDS[word[0]], word.end()
    if word is not None and word[0] in constants:
        return word[0], word.end()
    raise _wrong("a string in quotes or a number", text, place)


def _read_list(text: str, place: int) -> tuple[tuple[str, ...], int]:
    items: list[str] = []
    place = _skip(text, place)
    while not text.startswith("]", place):
        string = _STRING.match(text, place)
        if string is None:
            raise _wrong("a string in quotes", text, place)
        items.append(_unescaped(next(part for part in string.groups() if part is not None)))
        place = _skip(text, string.end())
        if not text.startswith("]", place):
            place = _skip(text, _expect(",", text, place))
    return tuple(items), place + 1


def _unescaped(text: str) -> str:
    return _ESCAPE.sub(lambda found: _character(found[1], found[0]), text)


def _character(code: str, written: str) -> str:
    if code in _SHORT:
        return _SHORT[code]
    if len(code) > 1:
        number = int(code[1:], 16)
        return chr(number) if number <= 0x10FFFF else written
    return written


def _skip(text: str, place: int) -> int:
    blank = _BLANK.match(text, place)
    assert blank is not None  # it matches the empty text
    return blank.end()


def _expect(sign: str, text: str, place: int) -> int:
    if not text.startswith(sign, place):
        raise _wrong(repr(sign), text, place)
    return place + 1


def _wrong(expected: str, text: str, place: int) -> CallSyntaxError:
    rest = text[place : place + 20]
    return CallSyntaxError(f"expected {expected} at character {place}, got {rest!r}" if rest else f"{expected} missing")
