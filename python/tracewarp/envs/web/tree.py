"""An accessibility tree as WebArena prints it: the text that an agent reads, and the elements that it can name.

definition  The first line lists the tabs. Where the page has opened dialogs since the last observation, a line each
            follows: `Dialog (confirm, dismissed): 'Delete it?'`. After a blank line there is one line per node, one
            tab of indent per depth: `[1744] link 'Name' expanded: False`, the name as Python's `repr` writes it.
            Hidden: a node without a name; a node that Chromium ignores; a node with a blank name and no kept property
            whose role is in `QUIET_ROLES`; a listitem with a blank name; roles in `DROPPED_ROLES`; in the extent
            `viewport` a node outside of it. The children of a hidden node move up in its place.
            A StaticText that one of the 3 lines before it contains is dropped.
            Of a select with more than `max_options` options the first ones and the chosen ones are printed, then
            `... 210 more options`; a name that is typed into the select chooses any of them.
dialects    classic  WebArena's lines to the letter, its slips included: visible is overlap * height / width >= 0.6;
                     a StaticText is looked for in the whole of the lines before, so that the number 7 goes where the
                     id 172 stands; a line that merely speaks of "statictext" goes; `image` is printed as `img`.
            native   visible is overlap / area >= 0.6; a StaticText is looked for in the names before; today's roles.
differs     InlineTextBox, `url` and `labelledby`, which WebArena's Chromium did not give, go in both dialects. White
            space within a property's value becomes one blank, so that no page can write a line of its own.
source      WebArena (Zhou et al. 2024), its accessibility tree observation, read from its code.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, get_args

from tracewarp.envs.web.driver import Dialog, Tab
from tracewarp.envs.web.ids import Numbering
from tracewarp.envs.web.nodes import Node
from tracewarp.errors import OptionError

Dialect = Literal["classic", "native"]
Extent = Literal["page", "viewport"]

QUIET_ROLES = frozenset(
    {"generic", "img", "image", "list", "strong", "paragraph", "banner", "navigation"}
    | {"Section", "LabelText", "Legend", "listitem"}
)
"""A node of such a role says nothing by its presence alone."""
QUIET_PROPERTIES = frozenset(
    {"focusable", "editable", "readonly", "level", "settable", "multiline", "invalid", "url", "labelledby"}
)
"""Properties that are not printed."""
DROPPED_ROLES: Mapping[Dialect, frozenset[str]] = {
    "classic": frozenset({"ListMarker", "LineBreak", "DisclosureTriangle", "MenuListPopup"}),
    # Today a DisclosureTriangle is the summary of a details element, which says whether that is open.
    "native": frozenset({"ListMarker", "LineBreak", "MenuListPopup"}),
}
"""Roles that the extent `page` leaves out. (In `viewport` their missing boxes see to it.)"""
LEAST_VISIBLE = 0.6
MAX_OPTIONS = 30
"""A list of countries with 240 lines would leave no room for the rest of its page."""
_SELECTS = frozenset({"combobox", "listbox"})
_LINES_BEFORE = 3

_STATIC_TEXT = re.compile(r"\[\d+\] StaticText (.+)", re.DOTALL)
_LINE_ID = re.compile(r"^\t*\[(\d+)\] ", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Element:
    """What an id of an observation stands for."""

    key: Hashable
    """The node's key, for the driver that gave the tree."""
    role: str
    name: str
    nth: int
    """How many lines of the same role and name stand above it: with both, a saved action finds its element again."""
    line: str
    """As printed, without the indent: `[12] link 'Home'`."""


@dataclass(frozen=True, slots=True)
class Rendered:
    """An observation's text with its elements."""

    text: str
    elements: Mapping[int, Element]
    """By the id in the text, in the order of the text; what was cut away is not among them."""
    cut: bool = False
    """Did the budget leave a part out?"""

    def find(self, role: str, name: str, nth: int = 0) -> int | None:
        """Return the id of an element that was saved as role, name and nth; None where it is not there."""
        for number, element in self.elements.items():
            if (element.role, element.name, element.nth) == (role, name, nth):
                return number
        return None


class _Line(NamedTuple):  # cheaper to make than a frozen dataclass, and there is one a node
    key: Hashable
    role: str
    name: str
    text: str
    """Without the number: `link 'Home' expanded: False`."""
    depth: int


def render_tree(
    root: Node,
    *,
    tabs: Sequence[Tab],
    ids: Numbering,
    dialect: Dialect = "classic",
    extent: Extent = "page",
    truncate: Callable[[str], str] | None = None,
    viewport: tuple[float, float] = (1280, 720),
    dialogs: Sequence[Dialog] = (),
    max_options: int | None = MAX_OPTIONS,
) -> Rendered:
    """Print a tree.

    Args:
        root: The document's root; it is inside every extent.
        tabs: The open tabs, for the first line.
        ids: The episode's numbering, e.g. `FirstAppearance()`; asked once for every line, from top to bottom, before
            the budget cuts.
        dialect: `classic` is WebArena's to the letter, `native` is without its slips.
        extent: `page` is everything, `viewport` what is in view.
        truncate: Cuts a text to the budget, e.g. to its first 1,920 tokens; None: no budget.
        viewport: Width and height in CSS pixels.
        dialogs: What the page said since the last observation; a line each under the tabs.
        max_options: How many options of a select are printed beside the chosen ones; None: all, as WebArena prints.

    Raises:
        OptionError: an unknown dialect or extent.
    """
    for name, value, known in (("dialect", dialect, Dialect), ("extent", extent, Extent)):
        if value not in get_args(known):
            raise OptionError(f"{name}: expected {' or '.join(get_args(known))}, got {value!r}")
    lines = _shown(root, dialect=dialect, extent=extent, viewport=viewport, max_options=max_options)
    elements, body = _numbered(lines, ids=ids, echoes=_echoes_classic if dialect == "classic" else _echoes)
    text = "\n".join([tab_line(tabs), *map(dialog_line, dialogs), "", *body])
    if truncate is None:
        return Rendered(text, elements)
    kept = truncate(text)
    left = {int(number) for number in _LINE_ID.findall(kept)}
    return Rendered(kept, {n: element for n, element in elements.items() if n in left}, cut=kept != text)


def tab_line(tabs: Sequence[Tab]) -> str:
    """Return the first line: `Tab 0 (current): Shop | Tab 1: Forum`."""
    return " | ".join(
        f"Tab {i}{' (current)' if tab.current else ''}: {_in_one_line(tab.title)}" for i, tab in enumerate(tabs)
    )


def dialog_line(dialog: Dialog) -> str:
    """Return what a dialog said: `Dialog (confirm, dismissed): 'Delete it?'`."""
    answered = "accepted" if dialog.accepted else "dismissed"
    text = "" if dialog.text is None else f" with {dialog.text!r}"
    return f"Dialog ({dialog.kind}, {answered}{text}): {dialog.message!r}"


@dataclass(slots=True)
class _Options:
    """How many options of a select were met and left out."""

    depth: int
    met: int = 0
    hidden: int = 0


def _shown(
    root: Node, *, dialect: Dialect, extent: Extent, viewport: tuple[float, float], max_options: int | None
) -> list[_Line]:
    """The nodes that are not hidden, from top to bottom. No recursion: pages may be nested thousands deep."""
    lines: list[_Line] = []
    open_nodes: list[tuple[Node | None, int, _Options | None]] = [(root, 0, None)]
    while open_nodes:
        node, depth, options = open_nodes.pop()
        if node is None:  # the end of a select
            if options is not None and options.hidden:
                plural = "" if options.hidden == 1 else "s"
                lines.append(_Line(None, "", "", f"... {options.hidden} more option{plural}", options.depth))
            continue
        if node.role == "InlineTextBox":
            continue
        role = "img" if dialect == "classic" and node.role == "image" else node.role
        properties = _properties(node)
        inside = (
            node.role not in DROPPED_ROLES[dialect]
            if extent == "page"
            else node is root or _visible(node.rectangle, dialect, viewport)
        )
        if node.name is not None and not node.ignored and inside and _speaks(role, node.name, properties):
            if role == "option" and options is not None and not _is_printed(node, options, max_options):
                continue
            text = f"{role} {node.name!r} {properties}" if properties else f"{role} {node.name!r}"
            lines.append(_Line(node.key, role, node.name, text, depth))
            depth += 1
        if node.role in _SELECTS:
            options = _Options(depth)
            open_nodes.append((None, depth, options))
        open_nodes += ((child, depth, options) for child in reversed(node.children))
    return lines


def _is_printed(option: Node, options: _Options, max_options: int | None) -> bool:
    options.met += 1
    if max_options is None or options.met <= max_options or ("selected", True) in option.properties:
        return True
    options.hidden += 1
    return False


def _properties(node: Node) -> str:
    if not node.properties:
        return ""
    kept = [(name, value) for name, value in node.properties if name not in QUIET_PROPERTIES]
    return " ".join([f"{name}: {_in_one_line(value) if isinstance(value, str) else value}" for name, value in kept])


def _in_one_line(text: str) -> str:
    return " ".join(text.split())


def _speaks(role: str, name: str, properties: str) -> bool:
    return bool(name.strip()) or (role != "listitem" and (bool(properties) or role not in QUIET_ROLES))


def _visible(
    rectangle: tuple[float, float, float, float] | None, dialect: Dialect, viewport: tuple[float, float]
) -> bool:
    if rectangle is None or not (rectangle[2] and rectangle[3]):
        return False
    x, y, width, height = rectangle
    overlap_width = max(0.0, min(x + width, viewport[0]) - max(x, 0.0))
    overlap_height = max(0.0, min(y + height, viewport[1]) - max(y, 0.0))
    overlap = overlap_width * overlap_height
    # The classic form lacks brackets around width * height: of what is in view at all, only the tiny fails.
    ratio = overlap / width * height if dialect == "classic" else overlap / (width * height)
    return ratio >= LEAST_VISIBLE


def _numbered(
    lines: Sequence[_Line], *, ids: Numbering, echoes: Callable[[_Line, Sequence[Element]], bool]
) -> tuple[dict[int, Element], list[str]]:
    """The elements by their numbers, without the StaticText that repeats what is there; and the lines as printed."""
    seen: dict[tuple[str, str], int] = {}
    kept: list[Element] = []
    elements: dict[int, Element] = {}
    body: list[str] = []
    for line in lines:
        if not line.role:  # it stands for no node
            body.append("\t" * line.depth + line.text)
            continue
        if echoes(line, kept[-_LINES_BEFORE:]):
            continue
        number, pair = ids(line.key), (line.role, line.name)
        nth = seen[pair] = seen.get(pair, -1) + 1
        element = elements[number] = Element(line.key, line.role, line.name, nth, f"[{number}] {line.text}")
        kept.append(element)
        body.append("\t" * line.depth + element.line)
    return elements, body


def _echoes_classic(line: _Line, before: Sequence[Element]) -> bool:
    """WebArena looks at printed lines and not at nodes, and at what follows the role up to the line's end."""
    if line.role == "StaticText":
        rest = line.text[len("StaticText ") :]
    elif "statictext" in line.text.lower():
        found = _STATIC_TEXT.search(line.text)
        rest = found.group(1) if found else ""
    else:
        return False
    said = rest[1:-1]  # without the quotes
    return not said or any(said in element.line for element in before)


def _echoes(line: _Line, before: Sequence[Element]) -> bool:
    """A StaticText that is blank, or part of a name in the lines just before it."""
    if line.role != "StaticText":
        return False
    said = line.name.strip()
    return not said or any(said in element.name for element in before)
