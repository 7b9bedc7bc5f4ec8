"""Texts as WebArena compares them: cleaned, and told apart into words."""

from __future__ import annotations

import re


def clean(text: str) -> str:
    """Strip, take one pair of outer quotes off (' or "), and lower-case."""
    text = text.strip()
    for quote in "'\"":
        if text.startswith(quote) and text.endswith(quote):
            return text[1:-1].lower()
    return text.lower()


_SIGNS = r"[\s;@#$%&?!*()\[\]{}<>\"`“”«»„–—]|--"
_SPLIT = rf"{_SIGNS}|\.{{2,}}"
"""What ends a word wherever it stands, as in the Penn Treebank's tokenization."""
_BEFORE = re.compile(rf"(?:{_SIGNS}|\.\.|['‘’])$")
_AFTER = re.compile(rf"$|{_SPLIT}|[,:](?=\D|$)|['‘’](?!\w)|'(?:s|m|d|ll|re|ve)\b|\.[\])}}>\"'»”’\s]*$|\.\s+(?![a-z])")


def stands_alone(sign: str, text: str) -> bool:
    """Is a single character a word of a text, as the Penn Treebank's tokenization tells words?

    Blanks, brackets, quotes and most signs end a word; `,` and `:` do before anything but a digit, `.` at the end of
    the text (or before anything but a small letter). So 2 is a word of `(2)`, `$2`, `2.` and `2, 3`, and none of
    `2.5`, `1,2`, `-2` and `0/2`. A sign that ends words is a word by itself.
    """
    if re.fullmatch(_SPLIT, sign):
        return sign in text
    return any(
        (found.start() == 0 or _ends_word(text[max(0, found.start() - 2) : found.start()], sign))
        and _AFTER.match(text, found.end()) is not None
        for found in re.finditer(re.escape(sign), text)
    )


def _ends_word(before: str, sign: str) -> bool:
    return _BEFORE.search(before) is not None or (before[-1] in ",:" and not sign.isdigit())
