"""Words that an answer needs to say that a task cannot be done.

definition  docs/definitions/web_evaluators.md, "Words of refusal".
source      The rule is ours: WebArena asks its model judge about every answer that is not `N/A`.
"""

from __future__ import annotations

import re
from typing import Final

WORDS: Final = (
    "0",
    "cannot",
    "cant",
    "n/a",
    "na",
    "neither",
    "never",
    "no",
    "nobody",
    "non",
    "none",
    "nor",
    "not",
    "nothing",
    "nowhere",
    "sorry",
    "without",
    "zero",
)
"""Whole words; `0` is not a word where it is part of a longer number."""
BEGINNINGS: Final = (
    "absen",
    "declin",
    "denie",
    "deny",
    "disabl",
    "empt",
    "fail",
    "forbid",
    "impossib",
    "inab",
    "inaccess",
    "infeasib",
    "insufficien",
    "invalid",
    "lack",
    "missing",
    "nonexist",
    "refus",
    "unab",
    "unachiev",
    "unattain",
    "unavail",
    "unfeasib",
    "unfound",
    "unknown",
    "unlisted",
    "unspecif",
    "unsuccess",
    "unsupport",
)
"""Beginnings of words."""

_NOT_IN_A_NUMBER = r"(?<![^\W_])(?<!\d[.,:])"
_REFUSAL = re.compile(
    rf"{_NOT_IN_A_NUMBER}(?:{'|'.join(map(re.escape, WORDS))})(?![^\W_])(?![.,:]\d)"
    rf"|(?<![^\W_])(?:{'|'.join(map(re.escape, BEGINNINGS))})"
    r"|n['’]t(?![^\W_])",
    re.IGNORECASE,
)


def refuses(answer: str) -> bool:
    """Return whether an answer has a word of refusal."""
    return _REFUSAL.search(answer) is not None
