"""The roles of elements, as Chromium maps html and `role` attributes to them.

Source: observed in Chromium by the parity tests, and the HTML
Accessibility API Mappings.
"""

from __future__ import annotations

from tracewarp.envs.web.browserless.controls import input_type, is_focusable, is_listbox, summary_of
from tracewarp.envs.web.browserless.dom import Element, words
from tracewarp.envs.web.browserless.tags import GENERIC, NONE, ROLE_BY_TAG

_BY_INPUT: dict[str, str] = {
    "button": "button",
    "checkbox": "checkbox",
    "color": "ColorWell",
    "date": "Date",
    "file": "button",
    "image": "button",
    "number": "spinbutton",
    "radio": "radio",
    "range": "slider",
    "reset": "button",
    "search": "searchbox",
    "submit": "button",
    "time": "InputTime",
}
_SAME_NAME = words(
    "alert alertdialog application article banner blockquote button caption cell checkbox code columnheader combobox "
    "comment complementary contentinfo definition deletion dialog document emphasis feed figure form generic grid "
    "gridcell group heading image insertion link list listbox listitem log main mark marquee math menu menubar "
    "menuitem menuitemcheckbox menuitemradio meter navigation note option paragraph progressbar radio radiogroup "
    "region row rowgroup rowheader scrollbar search searchbox separator slider spinbutton status strong subscript "
    "suggestion superscript switch tab table tablist tabpanel term textbox time timer toolbar tooltip tree treegrid "
    "treeitem"
)
_BY_ARIA: dict[str, str] = {
    **{role: role for role in _SAME_NAME},
    "directory": "list",
    "img": "image",
    "none": NONE,
    "presentation": NONE,
}
_NEEDS_NAME = frozenset(("form", "region"))
_NEEDS_AROUND: dict[str, frozenset[str]] = {
    "listitem": frozenset(("list",)),
    "option": frozenset(("listbox", "combobox")),
    "treeitem": frozenset(("tree", "treegrid")),
}
_SECTIONING = frozenset(("article", "aside", "main", "nav", "section"))
_SECTIONING_ROLES = frozenset(("article", "complementary", "main", "navigation", "region"))
_TABLE_PARTS = frozenset(("thead", "tbody", "tfoot", "tr", "td", "th"))


def role_of(element: Element) -> str:
    """The role of a rendered element."""
    role = element.role
    if role is None:
        role = _declared(element) if "role" in element.attrs else None
        if role is None:
            role = _native(element)
        element.role = role
    return role


def has_label(element: Element) -> bool:
    """Does `aria-label`, `aria-labelledby` or `title` name it (whether or not an id leads anywhere)?"""
    attrs = element.attrs
    return any(attrs.get(name, "").strip() for name in ("aria-label", "aria-labelledby", "title"))


def _declared(element: Element) -> str | None:
    for token in element.attrs["role"].lower().split():
        role = _BY_ARIA.get(token)
        if role is None and token.startswith("doc-"):
            role = token
        if role is None:
            continue
        if role == NONE and (is_focusable(element) or _has_global_aria(element)):
            continue
        if role in _NEEDS_NAME and not has_label(element):
            continue
        around = _NEEDS_AROUND.get(role)
        if around is not None and not any(role_of(outer) in around for outer in _outer_roles(element)):
            continue
        return role
    return None


def _outer_roles(element: Element) -> list[Element]:
    """The nearest ancestors up to and with the first that has a role of its own."""
    found = []
    for outer in element.ancestors():
        found.append(outer)
        if role_of(outer) not in (GENERIC, NONE):
            break
    return found


def _has_global_aria(element: Element) -> bool:
    return any(name.startswith("aria-") and name != "aria-hidden" for name in element.attrs)


def _native(element: Element) -> str:
    tag = element.tag
    if tag == "a":
        return "link" if "href" in element.attrs else GENERIC
    if tag == "input":
        if "list" in element.attrs and input_type(element) in ("text", "search", "email", "tel", "url"):
            return "combobox"
        return _BY_INPUT.get(input_type(element), "textbox")
    if tag in _TABLE_PARTS or tag == "table":
        return _table_role(element)
    if tag in ("header", "footer"):
        return _edge_role(element)
    if tag == "section":
        return "region" if has_label(element) else GENERIC
    if tag == "aside":
        inside = any(it.tag in _SECTIONING - {"main"} for it in element.ancestors())
        return GENERIC if inside and not has_label(element) else "complementary"
    if tag == "li":
        outer = element.parent
        return (
            NONE if outer is not None and outer.tag in ("ul", "ol", "menu") and role_of(outer) == NONE else "listitem"
        )
    if tag == "select":
        return "listbox" if is_listbox(element) else "combobox"
    if tag == "summary":
        details = element.parent
        if details is None or details.tag != "details" or summary_of(details) is not element:
            return GENERIC
        return "DisclosureTriangleGrouped" if details.attrs.get("name") else "DisclosureTriangle"
    if tag == "img":
        return NONE if element.attrs.get("alt") == "" and not _has_global_aria(element) else "image"
    if tag == "svg":
        return "image" if has_label(element) or _svg_title(element) is not None else NONE
    return ROLE_BY_TAG.get(tag, GENERIC)


def _svg_title(element: Element) -> Element | None:
    return next((it for it in element.children if isinstance(it, Element) and it.tag == "title"), None)


def _edge_role(element: Element) -> str:
    """A header or footer of the page, or of a section of it."""
    header = element.tag == "header"
    for outer in element.ancestors():
        if outer.tag in _SECTIONING or ("role" in outer.attrs and role_of(outer) in _SECTIONING_ROLES):
            return "sectionheader" if header else "sectionfooter"
    return "banner" if header else "contentinfo"


def _table_role(element: Element) -> str:
    tag = element.tag
    if tag == "table":
        return "table" if _is_data_table(element) else "LayoutTable"
    table = element.closest("table")
    kind = role_of(table) if table is not None else NONE
    if kind not in ("table", "grid", "treegrid", "LayoutTable"):
        return NONE
    layout = kind == "LayoutTable"
    if tag == "tr":
        return "LayoutTableRow" if layout else "row"
    if tag in ("thead", "tfoot"):
        return GENERIC if layout else "rowgroup"
    if tag == "tbody":
        return GENERIC
    if layout:
        return "LayoutTableCell"
    if tag == "td":
        return "cell" if kind == "table" else "gridcell"
    return _header_role(element)


def _header_role(cell: Element) -> str:
    scope = cell.attrs.get("scope", "").lower()
    if scope in ("row", "rowgroup"):
        return "rowheader"
    if scope in ("col", "colgroup"):
        return "columnheader"
    row = [it for it in cell.parent.children if isinstance(it, Element)] if cell.parent is not None else []
    place = next((number for number, it in enumerate(row) if it is cell), 0)
    beside = [row[number] for number in (place - 1, place + 1) if 0 <= number < len(row)]
    if len(beside) == 2 and all(it.tag == "th" for it in beside):
        return "columnheader"
    return "rowheader" if any(it.tag == "td" and it.children for it in row) else "columnheader"


def _is_data_table(table: Element) -> bool:
    """Is it made of data, and not for layout? Chromium looks at borders and colours too, which are not seen here."""
    attrs = table.attrs
    if attrs.get("summary") or attrs.get("rules") or "role" in attrs:
        return True
    if attrs.get("border", "0").strip() not in ("0", ""):
        return True
    rows = 0
    for part in table.elements():
        tag = part.tag
        if tag in ("thead", "tfoot", "caption", "col", "colgroup") and part.closest("table") is table:
            return True
        if tag == "tr":
            rows += 1
        elif tag in ("th", "td") and _marks_data(part) and not (tag == "th" and _lone_cell(table)):
            return True
    return rows >= 20


def _marks_data(cell: Element) -> bool:
    return cell.tag == "th" or any(name in cell.attrs for name in ("headers", "scope", "abbr"))


def _lone_cell(table: Element) -> Element | None:
    """The only cell of a table of one row, which is no data table even where it is a header."""
    rows = [it for it in table.elements() if it.tag == "tr"]
    if len(rows) != 1:
        return None
    cells = [it for it in rows[0].children if isinstance(it, Element)]
    return cells[0] if len(cells) == 1 else None
