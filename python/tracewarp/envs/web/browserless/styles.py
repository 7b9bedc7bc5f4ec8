"""What a page's style sheets say about boxes: the property `display`, and nothing else.

It decides which white space is rendered and what is hidden. Rules may stand in `@media`, nested or not, with widths,
heights and kinds of screen; media queries are answered for a screen of 1280 x 720. Every other at-rule is left out. Of
a page at most `MAX_RULES` rules are read.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from itertools import islice

from selectolax.lexbor import LexborHTMLParser, SelectolaxError

from tracewarp.envs.web.browserless.dom import Box, display_box

WIDTH, HEIGHT = 1280, 720
MAX_RULES = 500
"""Each is looked for in the whole page."""
_EM = 16

_DISPLAY = re.compile(r"(?:^|;)\s*display\s*:\s*([a-z-]+)\s*(!\s*important)?", re.IGNORECASE)
_DYNAMIC = re.compile(r"::|:(?:hover|focus|active|visited|target|before|after|checked|open|placeholder|invalid|valid)")
_FEATURE = re.compile(r"\(([^()]{1,80})\)")
_LENGTH = re.compile(r"(min|max)-(width|height)\s*:\s*([0-9.]{1,20})(px|em|rem)")
_IDS = re.compile(r"#[\w-]+")
_CLASSES = re.compile(r"\.[\w-]+|\[[^\[\]]*\]|:(?!not|is|where|has)[a-z-]+(?:\([^()]*\))?")
_TAGS = re.compile(r"(?:^|[\s>+~(,])[a-z][a-z0-9]*", re.IGNORECASE)


@dataclass(frozen=True, slots=True)
class Rule:
    """One selector that sets a box."""

    selector: str
    box: Box
    rank: tuple[bool, int, int, int]
    """Importance and specificity; of two rules the higher one counts, of equal ones the later."""


def read_style(text: str) -> tuple[Rule, ...]:
    """The rules of a style sheet that set `display`, in the order of the text."""
    return tuple(islice(_rules(_without_comments(text)), MAX_RULES))


def boxes_by_style(parser: LexborHTMLParser, sheet: Callable[[str], Sequence[Rule]] | None) -> dict[int, Box]:
    """The boxes that style sheets give to elements.

    Args:
        parser: the parsed page.
        sheet: href of a style sheet -> its rules; None: only what stands within the page counts.

    Returns:
        Address of a Lexbor node -> its box.
    """
    rules: list[Rule] = []
    for node in parser.css("style, link[rel~=stylesheet]"):
        if node.tag == "style":
            rules += read_style(node.text(deep=True))
        elif sheet is not None and applies(node.attributes.get("media") or ""):
            rules += sheet(node.attributes.get("href") or "")
    boxes: dict[int, Box] = {}
    for rule in sorted(rules[:MAX_RULES], key=lambda rule: rule.rank):
        for node in parser.css(rule.selector):
            boxes[node.mem_id] = rule.box
    return boxes


def applies(media: str) -> bool:
    """Is a list of media queries true for the screen? Features that are not known count as absent."""
    return not media.strip() or any(_query_holds(query) for query in media.lower().split(","))


def _query_holds(query: str) -> bool:
    negated = query.strip().startswith("not ")
    holds = "print" not in query and "speech" not in query
    for feature in _FEATURE.findall(query):
        length = _LENGTH.fullmatch(feature.strip())
        if length is not None and length[3].count(".") <= 1 and length[3] != ".":
            wanted = float(length[3]) * (1 if length[4] == "px" else _EM)
            size = WIDTH if length[2] == "width" else HEIGHT
            holds &= size >= wanted if length[1] == "min" else size <= wanted
        else:
            holds &= re.sub(r"\s", "", feature) == "prefers-color-scheme:light"
    return holds != negated


def _without_comments(text: str) -> str:
    """The text without comments; one that is never closed lasts to the end."""
    parts: list[str] = []
    place = 0
    while (opened := text.find("/*", place)) >= 0:
        parts.append(text[place:opened])
        closed = text.find("*/", opened + 2)
        if closed < 0:
            return "".join(parts)
        place = closed + 2
    return "".join([*parts, text[place:]])


def _rules(text: str) -> Iterator[Rule]:
    """Read a sheet from brace to brace, without recursion."""
    open_blocks: list[tuple[str, bool]] = []
    """Head of each block that is open, and whether its rules count."""
    start = 0
    for sign in re.finditer(r"[{};]|$", text):
        counts = not open_blocks or open_blocks[-1][1]
        if sign[0] == "{":
            head = text[start : sign.start()].strip()
            if head.startswith("@"):
                counts = counts and head.startswith(("@media ", "@media(")) and applies(head.removeprefix("@media"))
            open_blocks.append((head, counts))
            start = sign.end()
        elif sign[0] == ";" and (not open_blocks or open_blocks[-1][0].startswith("@")):
            start = sign.end()  # a statement such as @import
        elif sign[0] != ";":
            head, counts = open_blocks.pop() if open_blocks else ("", False)
            if counts and not head.startswith("@"):
                yield from _selected(head, text[start : sign.start()])
            start = sign.end()


def _selected(head: str, body: str) -> Iterator[Rule]:
    """The rules of a list of selectors."""
    found = _DISPLAY.findall(body)
    if not found:
        return
    display, important = found[-1]
    for selector in _split(head):
        if not _DYNAMIC.search(selector) and _is_understood(selector):
            yield Rule(selector, display_box(display.lower()), _rank(selector, important=bool(important)))


def _split(head: str) -> Iterator[str]:
    """The selectors of a list, at commas outside of brackets."""
    depth = start = 0
    for sign in re.finditer(r"[(\[\])]|,|$", head):
        if sign[0] == "" or (sign[0] == "," and depth <= 0):
            if selector := head[start : sign.start()].strip():
                yield selector
            start = sign.end()
        elif sign[0] != ",":
            depth += 1 if sign[0] in "([" else -1


def _is_understood(selector: str) -> bool:
    try:
        LexborHTMLParser("<p>").css(selector)
    except (SelectolaxError, ValueError):
        return False
    return True


def _rank(selector: str, *, important: bool) -> tuple[bool, int, int, int]:
    without_ids = _IDS.sub(" ", selector)
    bare = _CLASSES.sub("", without_ids)
    return important, len(_IDS.findall(selector)), len(_CLASSES.findall(without_ids)), len(_TAGS.findall(bare))
