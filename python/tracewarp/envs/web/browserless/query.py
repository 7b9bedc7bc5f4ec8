"""Reads of a check's locator: `document.querySelector('CSS').PROPERTY` is all of JavaScript that is known here."""

from __future__ import annotations

import re

from selectolax.lexbor import LexborNode, SelectolaxError

from tracewarp.envs.web.browserless.controls import is_checked, is_rendered, value_of
from tracewarp.envs.web.browserless.dom import Box, Document, Element, Text
from tracewarp.envs.web.driver import ActionRefused

_PROPERTIES = ("outerText", "innerText", "textContent", "value", "checked")
_LOCATOR = re.compile(
    r"document\s*\.\s*querySelector\(\s*(?P<string>\"(?:[^\"\\\n]|\\.)*\"|'(?:[^'\\\n]|\\.)*'|`[^`\\$]*`)\s*\)\s*"
    rf"\??\.\s*(?P<property>{'|'.join(_PROPERTIES)})\s*(?:;\s*)?"
)
_ESCAPE = re.compile(r"\\(.)")
_PARAGRAPHS = frozenset(("p",))
_UNREAD = frozenset(("textarea", "svg", "iframe", "video", "audio", "canvas", "object", "script", "style"))


def read_locator(locator: str, document: Document) -> str:
    """What the expression gives, as text: "" where no element is found, `True` or `False` for `checked`.

    Raises:
        ActionRefused: any other expression.
    """
    found = _LOCATOR.fullmatch(locator.strip())
    if found is None:
        raise ActionRefused(
            "this driver reads document.querySelector('CSS').PROPERTY with one of the properties "
            f"{', '.join(_PROPERTIES)}, and no other JavaScript; got {locator[:80]!r}"
        )
    selector = _ESCAPE.sub(r"\1", found["string"][1:-1])
    element = select_first(selector, document)
    if element is None:
        return ""
    name = found["property"]
    if name == "textContent":
        return element.text_content()
    if name == "value":
        return value_of(element) if element.tag in _WITH_VALUE else element.attrs.get("value", "")
    if name == "checked":
        return str(is_checked(element)) if element.tag == "input" else ""
    return inner_text(element)


_WITH_VALUE = frozenset(("input", "select", "textarea", "option"))


def select_first(selector: str, document: Document) -> Element | None:
    """The first element that a CSS selector finds; None for a selector that cannot be read, too."""
    try:
        found = document.parser.css_first(selector)
    except (SelectolaxError, ValueError):
        return None
    return None if found is None else _element_of(found, document)


def _element_of(node: LexborNode, document: Document) -> Element | None:
    """Our copy of a Lexbor node: the one at the same place."""
    path: list[int] = []
    current: LexborNode | None = node
    while current is not None and current.parent is not None and current.tag != "html":
        place = 0
        before = current.prev
        while before is not None:
            place += before.is_element_node
            before = before.prev
        path.append(place)
        current = current.parent
    element = document.root
    for place in reversed(path):
        inside = [it for it in element.children if isinstance(it, Element)]
        if place >= len(inside):
            return None
        element = inside[place]
    return element


def inner_text(element: Element) -> str:
    """The property `innerText`: text as rendered, with line breaks between blocks (html standard, section 3.2.7)."""
    if not is_rendered(element):
        return element.text_content()
    if element.tag in _UNREAD:
        return ""
    return _joined(_pieces(element))


def _pieces(element: Element) -> list[str | int]:
    """Texts, and numbers: so many line breaks are required here."""
    found: list[str | int] = []
    details = element.tag == "details" and "open" not in element.attrs
    for child in element.children:
        if isinstance(child, Text):
            found.append(child.shown)
        elif child.tag == "br":
            found.append("\n")
        elif child.box != Box.NONE and child.tag not in _UNREAD and not (details and child.tag != "summary"):
            found += _piece(child)
    return found


def _piece(element: Element) -> list[str | int]:
    tag = element.tag
    if tag == "select":
        options = [it for it in element.elements() if it.tag == "option"]
        return ["\n".join(" ".join(it.text_content().split()) for it in options)]
    inside = _pieces(element)
    if tag in ("td", "th"):
        return [_joined(inside), *(["\t"] if _has_next(element, ("td", "th")) else [])]
    if tag == "tr":
        return [1, *inside, 1]
    if tag in _PARAGRAPHS:
        return [2, *inside, 2]
    if element.box in (Box.BLOCK, Box.FLEX):
        return [1, *inside, 1]
    return inside


def _has_next(element: Element, tags: tuple[str, ...]) -> bool:
    if element.parent is None:
        return False
    last = next((it for it in reversed(element.parent.children) if isinstance(it, Element) and it.tag in tags), None)
    return last is not element


def _joined(pieces: list[str | int]) -> str:
    result = ""
    breaks = 0
    for piece in pieces:
        if isinstance(piece, int):
            breaks = max(breaks, piece)
        elif piece:
            if result:
                result += "\n" * breaks
            breaks = 0
            result += piece
    return result
