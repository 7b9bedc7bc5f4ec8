"""The accessibility tree of a document, as Chromium gives it for a page without scripts.

Equal to Chromium's tree in role, name, printed properties, order and nesting, once both are without what no print
shows: ignored nodes, generic nodes that say nothing, `InlineTextBox`, `ListMarker` and `LineBreak`. Known differences:

| on the page | here | Chromium | why |
|---|---|---|---|
| table without th, caption, thead, tfoot, col | `LayoutTable` | `table` where borders or colours say so | no layout |
| `iframe` | a line that names the frame left out | what is in it, if it is of the page's own origin | one document |
| `video`, `audio`, `object`, MathML | the element alone | its controls too | the browser's own widgets |
| line break between two wide East Asian characters | a space | nothing | not used by arena |
| white space beside a comment | a blank StaticText | sometimes none | comments are dropped |
| texts that a style sheet writes or changes | not seen | told | style sheets are read for `display` alone |
| Tab beyond the last stop, then back and beyond again | leaves the page each time | sometimes goes round | rare |
| a click on what holds a link or a button | on the element itself | on what lies at its centre | no layout |
| a link with the attribute `download` | refused as a download | ignored in silence | clearer |
| the message of a refused field | stays until the next action | goes after some seconds | no clock |
| blank StaticText where a line happens to wrap | none | sometimes one, never printed | no layout |
"""

from __future__ import annotations

from dataclasses import dataclass, field

from tracewarp.envs.web.browserless.controls import (
    has_date_parts,
    input_type,
    is_disabled,
    is_redundant_label,
    option_disabled,
    option_label,
    options_of,
    selected_options,
    shown_value,
    summary_of,
    takes_text,
    value_of,
)
from tracewarp.envs.web.browserless.dates import date_parts
from tracewarp.envs.web.browserless.dom import Box, Document, Element, Text, words
from tracewarp.envs.web.browserless.names import Namer, quotation_marks
from tracewarp.envs.web.browserless.properties import Property, properties_of
from tracewarp.envs.web.browserless.roles import role_of
from tracewarp.envs.web.browserless.spaces import space_is_kept
from tracewarp.envs.web.browserless.tags import GENERIC, NONE
from tracewarp.envs.web.nodes import Node

_BARE = words(
    "paragraph listitem list strong emphasis code time deletion insertion mark subscript superscript main navigation "
    "banner contentinfo complementary sectionheader sectionfooter article blockquote definition DescriptionList form "
    "figure Figcaption search rowgroup LayoutTableRow LayoutTable caption Legend Abbr Ruby"
)
"""Roles without a name and without printed properties, unless an attribute says otherwise."""
_GONE_WHEN_EMPTY = frozenset(("paragraph", "caption"))
_FROM_CONTENT_ALONE = words("link heading cell LayoutTableCell term")
_LEAVES = frozenset(("svg", "img", "hr", "progress", "meter", "iframe", "canvas", "video", "audio", "object"))


@dataclass(slots=True)
class PageState:
    """What a tree shows beside the fields' own state."""

    focus: Element | None = None
    """The element with the focus; None: the page itself."""
    active: bool = True
    """False where the focus has left the page for the browser's own buttons."""
    message: str | None = None
    """What the browser tells of the focused field, which was not filled in rightly."""
    is_value_wrong: bool = False
    """Is that because of its value, and not because it is empty?"""
    unfolded: Element | None = None
    """The drop-down whose list is open."""
    lines: dict[int, list[int]] = field(default_factory=dict)
    """Index of an edited text field -> a number for each of its lines that is not empty, the same as long as the line
    is the same text node in a browser."""


def accessibility_tree(document: Document, state: PageState, *, base: int) -> Node:
    """Compute the tree of a document in its current state.

    Args:
        document: the page.
        state: focus, message and the like.
        base: added to each node's index to make its key, so that keys of different documents differ.

    Returns:
        The root, with the role `RootWebArea`. A key is `base + index`, or for what is no node of the markup (the text
        of a field, the list of a drop-down) a tuple that begins with the key of its element.
    """
    root = Node(base, "RootWebArea", document.title, (("focused", True),) if state.active else ())
    if state.message is not None:
        live = (("live", "assertive"), ("atomic", True), ("relevant", "additions"))
        root.children.append(Node((base, "message"), "alert", state.message, live))
    _TreeBuilder(document, base, state).children(document.root, root.children)
    return root


class _TreeBuilder:
    def __init__(self, document: Document, base: int, state: PageState) -> None:
        self._document = document
        self._base = base
        self._state = state
        self._focus = state.focus
        self._namer = Namer(document)

    def children(self, element: Element, out: list[Node]) -> None:
        """Append the nodes of an element's children."""
        base = self._base
        for child in element.children:
            if isinstance(child, Text):
                shown = child.shown
                if shown and (shown != " " or space_is_kept(child)):
                    out.append(Node(base + child.index, "StaticText", shown))
            elif child.box:
                self._element(child, out)

    def _element(self, element: Element, out: list[Node]) -> None:
        role = element.role or role_of(element)
        if not element.marked and element is not self._focus:
            if role == GENERIC:
                if element.tag == "q":
                    self._quote(element, out)
                else:
                    self.children(element, out)
                return
            if role in _BARE:
                node = Node(self._base + element.index, role, "")
                self.children(element, node.children)
                if node.children or role not in _GONE_WHEN_EMPTY or _is_filled(element):
                    out.append(node)
                return
            if role in _FROM_CONTENT_ALONE:
                node = Node(self._base + element.index, role, self._namer.content(element))
                self.children(element, node.children)
                out.append(node)
                return
        self._full(element, role, out)

    def _full(self, element: Element, role: str, out: list[Node]) -> None:
        """An element with a state, a name from elsewhere, or children of its own kind."""
        if element.attrs.get("aria-hidden") == "true":
            return
        tag = element.tag
        if tag == "br" or (
            tag == "address" and not element.marked and element is not self._focus and _holds_blocks(element)
        ):
            self.children(element, out)
            return
        if tag == "label" and role == "LabelText" and is_redundant_label(element, self._document):
            for child in element.children:
                if isinstance(child, Element) and child.box:
                    self._element(child, out)
            return
        if role == NONE:
            if tag not in _LEAVES:
                self.children(element, out)
            return
        name = self._namer.name(element, role)
        state = self._state
        focused = element is self._focus
        properties = properties_of(
            element,
            role,
            self._document,
            focused=focused and not has_date_parts(element),
            complained=focused and state.message is not None and state.is_value_wrong,
            unfolded=element is state.unfolded,
        )
        if role == GENERIC and not name and not properties:
            if tag == "q":
                self._quote(element, out)
            else:
                self.children(element, out)
            return
        node = Node(self._base + element.index, role, name, tuple(properties))
        out.append(node)
        self._inside(element, role, node)

    def _inside(self, element: Element, role: str, node: Node) -> None:
        tag = element.tag
        if tag == "input":
            self._inside_input(element, node)
        elif tag == "select":
            self._options(element, role, node)
        elif tag == "textarea":
            self._lines(element, value_of(element).split("\n"), node)
        elif tag == "details":
            self._details(element, node)
        elif tag == "iframe":
            address = element.attrs.get("src", "").strip() or "a document of its own"
            node.children.append(Node((node.key, "frame"), "StaticText", f"frame not shown: {address}"))
        elif tag not in _LEAVES:
            self.children(element, node.children)

    def _inside_input(self, element: Element, node: Node) -> None:
        kind = input_type(element)
        if takes_text(element):
            self._lines(element, [shown_value(element)], node)
        elif kind in ("submit", "reset", "button"):
            text = element.attrs.get("value", {"submit": "Submit", "reset": "Reset"}.get(kind, ""))
            if text:
                node.children.append(Node((node.key, "value", 0), "StaticText", text))
        elif kind == "image":
            alt = element.attrs.get("alt") or element.attrs.get("title") or element.attrs.get("value") or "Submit"
            node.children += [
                Node((node.key, "image"), "image", ""),
                Node((node.key, "value", 0), "StaticText", alt),
            ]
        elif has_date_parts(element):
            node.children += date_parts(element, node, disabled=is_disabled(element), focused=element is self._focus)

    def _lines(self, element: Element, lines: list[str], node: Node) -> None:
        """The text of a field, a node a line."""
        told = [line for line in lines if line]
        for number, line in zip(self._state.lines.get(element.index, range(len(told))), told, strict=False):
            node.children.append(Node((node.key, "value", number), "StaticText", line))

    def _options(self, select: Element, role: str, node: Node) -> None:
        """A drop-down's options stand in a popup of their own, even while it is closed."""
        chosen = {id(option) for option in selected_options(select)}
        off = is_disabled(select)
        into = node.children
        if role == "combobox":
            popup = Node((node.key, "popup"), "MenuListPopup", "")
            into.append(popup)
            into = popup.children
        for child in select.children:
            if not isinstance(child, Element) or child.box == Box.NONE:
                continue
            if child.tag == "option":
                into.append(self._option(child, chosen, off=off))
            elif child.tag == "optgroup":
                group = Node(self._base + child.index, "group", child.attrs.get("label", ""))
                group.children = [self._option(option, chosen, off=off) for option in options_of(child)]
                into.append(group)

    def _option(self, option: Element, chosen: set[int], *, off: bool) -> Node:
        state: Property = ("selected", id(option) in chosen)
        if off or option_disabled(option):
            state = ("disabled", True)
        return Node(self._base + option.index, "option", option_label(option), (state,))

    def _details(self, details: Element, node: Node) -> None:
        """The summary first, and the rest only where it is open."""
        summary = summary_of(details)
        if summary is None:
            label = Node((node.key, "summary"), "DisclosureTriangle", "Details")
            label.children.append(Node((node.key, "summary", 0), "StaticText", "Details"))
            node.children.append(label)
        elif summary.box:
            self._element(summary, node.children)
        if "open" in details.attrs:
            rest = Element(details.tag, {}, details.parent, details.index)
            rest.children = [child for child in details.children if child is not summary]
            self.children(rest, node.children)

    def _quote(self, element: Element, out: list[Node]) -> None:
        """The marks around a short quotation are rendered text."""
        key = self._base + element.index
        opening, closing = quotation_marks(element)
        out.append(Node((key, "open"), "StaticText", opening))
        self.children(element, out)
        out.append(Node((key, "close"), "StaticText", closing))


def _is_filled(element: Element) -> bool:
    """Is anything rendered in it, told or not?"""
    return any(child.box if isinstance(child, Element) else child.shown for child in element.children)


def _holds_blocks(element: Element) -> bool:
    return any(isinstance(child, Element) and child.box in (Box.BLOCK, Box.FLEX) for child in element.children)
