"""The comparisons of WebArena's evaluators without their known faults: `--evaluator strict`.

definition  include     alternatives stand between ` |OR| `, in answers as in pages. A reference that is a number is
                        compared by value with the numbers of the text: 10 is not in `100`, 170 is in `000000170`, 0 is
                        in `$0.00`. A reference of at most three letters must be a word of the text: `yes` is not in
                        `yesterday`. An only reference of one digit must be a word of the answer, as in WebArena. Every
                        other reference must be a substring.
            exact       equal after cleaning.
            url         the page is at a reference, or below it: the host and whole segments of the path, in any case,
                        a slash at the end or not; the page's query holds every value of that same reference's query,
                        blanks around it aside.
            Runs of white space, no-break spaces too, are one blank.
source      Faults reported against WebArena, and found by reading its evaluators: see docs/guides/judging.md.
"""

from __future__ import annotations

import re
from urllib.parse import parse_qs, unquote, urlsplit

from tracewarp.envs.web.tasks import OR
from tracewarp.envs.web.texts import clean, stands_alone

_SHORT_WORD = re.compile(r"[^\W\d_]{1,3}")
_NUMBER = re.compile(r"(?:(?<![^\W_])-)?(?<![^\W_])[0-9]+(?:,[0-9]{3})*(?:\.[0-9]+)?(?![0-9])")


def strict_exact(reference: str, text: str) -> bool:
    """Are they equal?"""
    return _spaced(clean(text)) == _spaced(clean(reference))


def strict_include(reference: str, text: str, *, as_word: bool = False) -> bool:
    """Does a text hold the reference, or one of its alternatives?

    Args:
        reference: alternatives, ` |OR| ` between them.
        text: where they are looked for.
        as_word: a digit must be a word of its own, so that 2 is not found in the date 4/2.
    """
    text = _spaced(clean(text))
    return any(_holds(text, _spaced(clean(one)), as_word=as_word) for one in reference.split(OR))


def strict_url(reference: str, url: str) -> bool:
    """Is the page at one of the reference's addresses, or below it?"""
    path, query = _place(url)
    for alternative in reference.split(OR):
        wanted, values = _place(alternative)
        if path[: len(wanted)] == wanted and all(set(held) <= set(query.get(key, ())) for key, held in values.items()):
            return True
    return False


def _holds(text: str, phrase: str, *, as_word: bool) -> bool:
    if as_word and len(phrase) == 1 and phrase.isdecimal():
        return stands_alone(phrase, _NUMBER.sub(lambda number: _value(number[0]), text))
    if _NUMBER.fullmatch(phrase):
        return _value(phrase) in {_value(number) for number in _NUMBER.findall(text)}
    if _SHORT_WORD.fullmatch(phrase):
        return re.search(rf"(?<![^\W_]){re.escape(phrase)}(?![^\W_])", text) is not None
    return phrase in text


def _value(number: str) -> str:
    """A number without what does not change its value: leading zeros, commas, zeros at the end of its fraction."""
    sign = "-" if number.startswith("-") else ""
    whole, _, fraction = number.removeprefix("-").replace(",", "").partition(".")
    fraction = fraction.rstrip("0")
    return sign + (whole.lstrip("0") or "0") + (f".{fraction}" if fraction else "")


def _spaced(text: str) -> str:
    return " ".join(text.split())


def _place(url: str) -> tuple[list[str], dict[str, list[str]]]:
    """Host and segments of the path, and the query without blank values."""
    try:
        parts = urlsplit(url.strip())
    except ValueError:  # brackets that are no IPv6 address
        return [url], {}
    segments = [unquote(part).casefold() for part in (parts.netloc + parts.path).split("/") if part]
    query = {key.strip(): [value.strip() for value in values] for key, values in parse_qs(parts.query).items()}
    return segments, query
