"""One loaded page with its state: what is typed, chosen and focused, and what each action does to it."""

from __future__ import annotations

from collections.abc import Hashable
from urllib.parse import unquote, urljoin, urlsplit

from tracewarp.envs.web.browserless.accessibility import PageState, accessibility_tree
from tracewarp.envs.web.browserless.controls import (
    DATE_TYPES,
    form_controls,
    has_date_parts,
    input_type,
    is_checked,
    is_disabled,
    is_focusable,
    is_listbox,
    is_read_only,
    is_rendered,
    labelled_control,
    option_disabled,
    option_label,
    options_of,
    owner_form,
    radio_group,
    select_option,
    selected_options,
    settle_radios,
    summary_of,
    takes_text,
    value_of,
)
from tracewarp.envs.web.browserless.dates import is_valid_date
from tracewarp.envs.web.browserless.dom import Document, Element, Text
from tracewarp.envs.web.browserless.forms import (
    Navigation,
    default_button,
    is_reset_button,
    is_submit_button,
    reset,
    sends_on_enter,
    submission,
)
from tracewarp.envs.web.browserless.restoring import FormMemory, put_back
from tracewarp.envs.web.browserless.validation import message_about
from tracewarp.envs.web.driver import ActionRefused
from tracewarp.envs.web.keys import Stroke
from tracewarp.envs.web.nodes import Node

_GONE = "the element is no longer on the page"
_CHOSEN_TYPES = DATE_TYPES | {"color", "range"}
_TYPED_ONE_BY_ONE = 80
"""Characters: a longer text, or one of several lines, comes as if pasted (as the driver of Chromium does it)."""
_NUMBER_CHARACTERS = frozenset("0123456789+-.eE")


class Page:
    """A document at an address. Actions return where they lead, or None where the page stays."""

    def __init__(self, document: Document, url: str, *, base: int) -> None:
        """Show a document.

        Args:
            document: the parsed page.
            url: its address, with the fragment.
            base: the first of its node keys.
        """
        self.document = document
        self.url = url
        self.base = base
        self._state = PageState()
        self._tab_from = 0
        """Index of the node from which Tab goes on, where nothing has the focus."""
        self._all_selected = False
        """Is the text of the focused field selected, so that typing replaces it?"""
        self._at_start = False
        """Is the cursor before the text of the focused field, and not behind it?"""
        self._provisional: Element | None = None
        """The option that is marked in an open list, and chosen when Enter closes it."""
        self._judged: Element | None = None
        """The field that a form was not sent for, as long as it has the focus."""
        self._new_lines = 0
        self._base_url: str | None = None
        self._tree: Node | None = None
        settle_radios(document)
        for element in document.autofocused:
            if is_focusable(element) and is_rendered(element):
                self._take_focus(element, at_start=True)
                break
        self.enter_fragment(url)

    @property
    def tree(self) -> Node:
        """The accessibility tree of the current state; the same object until an action changes something."""
        if self._tree is None:
            self._tree = accessibility_tree(self.document, self._state, base=self.base)
        return self._tree

    def enter_fragment(self, url: str) -> None:
        """Go to the place that the address names: it takes the focus where it can."""
        self.url = url
        fragment = urlsplit(url).fragment
        if not fragment:
            return
        target = self.document.ids.get(fragment) or self.document.ids.get(unquote(fragment))
        if target is not None:
            self._tree = None
            self._tab_from = target.index
            self._take_focus(target if is_focusable(target) and is_rendered(target) else None)

    def put_back(self, memory: FormMemory) -> None:
        """Fill the fields with what they held when the page was left before."""
        put_back(memory, self.document)
        self._tree = None

    def join(self, address: str) -> str:
        """An address of the page as an absolute one."""
        if self._base_url is None:
            base = self.document.tagged.get("base", ())
            href = next((it.attrs["href"] for it in base if "href" in it.attrs), None)
            self._base_url = self.url if href is None else urljoin(self.url, href.strip())
        # An empty address, and one that is only a fragment, keep the page's own query, base or not.
        return urljoin(self._base_url, address.strip())

    # Actions.

    def click(self, key: Hashable) -> Navigation | None:
        """Click an element, or the element that holds a text."""
        element = self._element(key)
        self._tree = None
        option = element.closest("option")
        if option is not None:
            self._choose(option)
            return None
        if is_disabled(element):
            raise ActionRefused("the element is disabled")
        if element.tag == "input" and input_type(element) == "file":
            raise ActionRefused("the element asks for a file, and there is none")
        self._focus_by_pointer(element)
        return self._activate(element)

    def hover(self, key: Hashable) -> None:
        """Move the pointer over an element; nothing changes by it."""
        element = self._element(key)
        select = element.closest("select") if element.tag in ("option", "optgroup") else None
        if (select is not None and not is_listbox(select)) or not is_rendered(element):
            raise ActionRefused("the element cannot be reached by the pointer")

    def fill(self, key: Hashable, text: str) -> None:
        """Replace what a field holds, and leave the focus in it."""
        element = self._fillable(self._element(key))
        if is_disabled(element):
            raise ActionRefused("the element is disabled")
        if element.tag != "select" and is_read_only(element):
            raise ActionRefused("the element is read-only")
        self._tree = None
        if element.tag == "select":
            self._choose_by_label(element, text)
            return
        if element is not self._state.focus:
            self._take_focus(element)
        self._all_selected = self._at_start = False
        kind = input_type(element) if element.tag == "input" else "textarea"
        if kind in _CHOSEN_TYPES:
            self._set_chosen(element, kind, text)
        else:
            self._set_text(element, kind, text)

    def focus(self, key: Hashable) -> None:
        """Give an element the focus."""
        self._tree = None
        element = self._element(key)
        if not is_focusable(element):
            raise ActionRefused("the element cannot take the focus")
        if element is not self._state.focus:
            self._take_focus(element)

    def press(self, stroke: Stroke) -> Navigation | None:
        """Press a key where the focus is."""
        self._tree = None
        focus = self._state.focus
        if stroke.key == "Tab":
            self._move_focus(-1 if stroke.shift else 1)
        elif focus is None:
            pass
        elif focus.tag == "select" and not is_listbox(focus):
            self._press_drop_down(focus, stroke.key)
        elif stroke.key == "Enter":
            return self._enter(focus)
        elif takes_text(focus):
            self._edit(focus, stroke)
        elif stroke.key == " ":
            return self._space(focus)
        elif focus.tag == "select":
            self._step_option(focus, stroke.key)
        elif focus.tag == "input" and stroke.key.startswith("Arrow"):
            self._step_input(focus, stroke.key)
        return None

    # Elements.

    def _element(self, key: Hashable) -> Element:
        """The element behind a key; that of its field or its text, where it is no element itself."""
        if isinstance(key, tuple) and key:
            key = key[0]
        index = key - self.base if isinstance(key, int) else -1
        if not 0 <= index < len(self.document.nodes):
            raise ActionRefused(_GONE)
        if index == 0:
            raise ActionRefused("the element is the page itself")
        node = self.document.nodes[index]
        return node.parent if isinstance(node, Text) else node

    def _fillable(self, element: Element) -> Element:
        if _fills(element):
            return element
        label = element.closest("label")
        control = labelled_control(label, self.document) if label is not None else None
        if control is None:
            within = [it for it in element.elements() if it.tag in ("input", "textarea", "select")]
            within = [it for it in within if _fills(it)]
            control = within[0] if len(within) == 1 else None
        if control is None or not _fills(control):
            raise ActionRefused("the element takes no text")
        return control

    # Focus.

    def _take_focus(self, element: Element | None, *, at_start: bool = False) -> None:
        """Move the focus; messages and open lists of the old place go."""
        state = self._state
        state.focus = element
        state.active = True
        state.message = state.unfolded = None
        self._provisional = self._judged = None
        self._all_selected = False
        self._at_start = at_start

    def _focus_by_pointer(self, element: Element) -> None:
        focus: Element | None = element
        while focus is not None and not is_focusable(focus):
            focus = focus.parent
        self._take_focus(focus)
        self._tab_from = element.index

    def _move_focus(self, step: int) -> None:
        """Go on to the next stop; from the last one out of the page, and from there to the first."""
        stops = [it for it in self.document.root.elements() if self._is_tab_stop(it)]
        if step < 0:
            stops.reverse()
        focus = self._state.focus
        start = focus.index if focus is not None else self._tab_from
        ahead = [it for it in stops if (it.index - start) * step > 0]
        if focus is None and not ahead:
            ahead = stops
        target = next(iter(ahead), None)
        self._take_focus(target)
        self._state.active = target is not None
        self._tab_from = 0 if step > 0 else len(self.document.nodes)
        self._all_selected = target is not None and takes_text(target)

    def _is_tab_stop(self, element: Element) -> bool:
        if not is_focusable(element) or element.attrs.get("tabindex", "").startswith("-"):
            return False
        if element.tag == "input" and input_type(element) == "radio":
            group = radio_group(element, self.document)
            chosen = next((it for it in group if is_checked(it)), None)
            if chosen is not None and chosen is not element:
                return False
        return is_rendered(element)

    # Activation.

    def _activate(self, element: Element) -> Navigation | None:
        """What a click does: that of the nearest element that does anything."""
        current: Element | None = element
        while current is not None:
            tag = current.tag
            if tag in ("button", "input"):
                return self._press_control(current)
            if tag in ("select", "textarea"):
                return None
            if tag in ("a", "area") and "href" in current.attrs:
                return self._follow(current)
            if tag == "summary" and current.parent is not None and current.parent.tag == "details":
                if summary_of(current.parent) is current:
                    self._toggle(current.parent)
                return None
            if tag == "label":
                return self._forward(current)
            current = current.parent
        return None

    def _forward(self, label: Element) -> Navigation | None:
        """A click on a label is a click on its control, which takes the focus."""
        control = labelled_control(label, self.document)
        if control is None or is_disabled(control) or not is_rendered(control):
            return None
        if is_focusable(control):
            self._take_focus(control, at_start=True)
        return self._press_control(control) if control.tag in ("button", "input") else None

    def _press_control(self, control: Element) -> Navigation | None:
        if is_disabled(control):
            return None
        kind = input_type(control) if control.tag == "input" else "button"
        if kind == "checkbox":
            control.checked = not is_checked(control)
        elif kind == "radio":
            for other in radio_group(control, self.document):
                other.checked = other is control
        elif is_submit_button(control):
            form = owner_form(control, self.document)
            return None if form is None else self._send(form, control)
        elif is_reset_button(control):
            form = owner_form(control, self.document)
            if form is not None:
                self._reset(form)
        return None

    def _follow(self, link: Element) -> Navigation | None:
        address = self.join(link.attrs["href"])
        if urlsplit(address).scheme not in ("http", "https", "about"):
            return None  # mail programs and scripts are not here
        return Navigation(address, target=link.attrs.get("target", ""), download="download" in link.attrs)

    def _toggle(self, details: Element) -> None:
        """Open or close; of the details elements with one name, only one is open."""
        if details.attrs.pop("open", None) is not None:
            return
        name = details.attrs.get("name")
        if name:
            for other in self.document.tagged.get("details", ()):
                if other.attrs.get("name") == name:
                    other.attrs.pop("open", None)
        details.attrs["open"] = ""

    # Forms.

    def _send(self, form: Element, submitter: Element | None) -> Navigation | None:
        """Send a form, unless a field is not filled in rightly: that one gets the focus, and a message is shown."""
        judged = "novalidate" not in form.attrs and (submitter is None or "formnovalidate" not in submitter.attrs)
        for control in form_controls(form, self.document) if judged else ():
            message = message_about(control, self.document)
            if message is None:
                continue
            if is_focusable(control) and is_rendered(control):
                if control is not self._state.focus:
                    self._take_focus(control, at_start=True)
                self._judged = control
                self._state.message = None if has_date_parts(control) else message  # of several fields, nothing is said
                self._state.is_value_wrong = bool(value_of(control)) or not takes_text(control)
            return None
        return submission(form, submitter, self.document, self.join(""))

    def _reset(self, form: Element) -> None:
        for control in form_controls(form, self.document):
            if control.value is not None:
                self._state.lines[control.index] = []
        reset(form, self.document)
        for control in form_controls(form, self.document):
            if control.index in self._state.lines and takes_text(control):
                self._renew_lines(control)

    def _enter(self, focus: Element) -> Navigation | None:
        tag = focus.tag
        if tag == "textarea":
            self._edit(focus, Stroke("Enter"))
            return None
        if tag in ("button", "a", "area", "summary") or (
            tag == "input" and input_type(focus) in ("submit", "reset", "button", "image")
        ):
            return self._activate(focus)
        if tag != "input":
            return None
        form = owner_form(focus, self.document)
        if form is None:
            return None
        button = default_button(form, self.document)
        if button is not None:
            return self._press_control(button)
        return self._send(form, None) if sends_on_enter(form, self.document) else None

    def _space(self, focus: Element) -> Navigation | None:
        if focus.tag in ("button", "summary") or (
            focus.tag == "input" and input_type(focus) in ("checkbox", "radio", "submit", "reset", "button", "image")
        ):
            return self._activate(focus)
        return None

    # Values.

    def _choose(self, option: Element) -> None:
        select = option.closest("select")
        if select is None or is_disabled(select) or option_disabled(option):
            raise ActionRefused("the element is disabled")
        select_option(option, select)
        self._take_focus(select)

    def _choose_by_label(self, select: Element, text: str) -> None:
        wanted = " ".join(text.split()).lower()
        option = next((it for it in options_of(select) if " ".join(option_label(it).split()).lower() == wanted), None)
        if option is None:
            raise ActionRefused("the element has no option of that name")
        if "multiple" not in select.attrs or option not in selected_options(select):
            self._choose(option)

    def _set_chosen(self, element: Element, kind: str, text: str) -> None:
        if kind in DATE_TYPES:
            if text and not is_valid_date(kind, text):
                raise ActionRefused(f"the element does not take that value ({kind})")
            element.value = text
        elif kind == "color":
            digits = text[1:]
            fits = len(text) == 7 and text[0] == "#" and all(it in "0123456789abcdefABCDEF" for it in digits)
            element.value = text.lower() if fits else "#000000"
        else:
            element.value = _within_range(element, text)

    def _set_text(self, element: Element, kind: str, text: str) -> None:
        if kind != "textarea":
            text = "".join(text.splitlines())
        if kind == "number":
            text = "".join(it for it in text if it in _NUMBER_CHARACTERS)
        text = _fitting(element, text)
        typed = len(text) <= _TYPED_ONE_BY_ONE and "\n" not in text
        self._retype(element, text, keeps_first=typed or "\n" in text)
        self._judge_again(element)

    def _retype(self, field: Element, text: str, *, keeps_first: bool) -> None:
        """Set a whole text. A browser goes on with the first line's node where there was one line alone."""
        before = self._lines(field)
        field.value = text
        kept = before[:1] if len(before) == 1 and keeps_first else []
        self._state.lines[field.index] = kept
        self._renew_lines(field)

    def _lines(self, field: Element) -> list[int]:
        known = self._state.lines.get(field.index)
        if known is not None:
            return known
        value = value_of(field)
        return list(range(len([it for it in (value.split("\n") if field.tag == "textarea" else [value]) if it])))

    def _renew_lines(self, field: Element) -> None:
        """Fit the numbers of a field's lines to its text: more lines get new numbers, fewer lose their last."""
        value = value_of(field)
        count = len([it for it in (value.split("\n") if field.tag == "textarea" else [value]) if it])
        numbers = self._lines(field)[:count]
        while len(numbers) < count:
            self._new_lines -= 1
            numbers.append(self._new_lines)
        self._state.lines[field.index] = numbers

    def _judge_again(self, field: Element) -> None:
        """While a refused field keeps the focus, the message follows its value."""
        if field is self._judged:
            self._state.message = message_about(field, self.document)
            self._state.is_value_wrong = bool(value_of(field))

    def _edit(self, field: Element, stroke: Stroke) -> None:
        """Type into a field."""
        if stroke.key.lower() == "a" and (stroke.control or stroke.meta):
            self._all_selected = True
            return
        if is_read_only(field) or stroke.control or stroke.meta or stroke.alt:
            return
        value = value_of(field)
        if stroke.key in ("Home", "End", "ArrowUp", "ArrowDown"):
            self._at_start = stroke.key in ("Home", "ArrowUp")
        elif stroke.key in ("Backspace", "Delete") and self._all_selected:
            value = ""
        elif stroke.key == "Backspace":
            value = value if self._at_start else value[:-1]
        elif stroke.key == "Delete":
            value = value[1:] if self._at_start else value
        elif stroke.key == "Enter" or len(stroke.key) == 1:
            value = self._with_typed(field, "" if self._all_selected else value, stroke.character or stroke.key)
        else:
            return
        self._all_selected = False
        if value != value_of(field):
            lines = self._lines(field)
            field.value = value
            self._state.lines[field.index] = lines
            self._renew_lines(field)
            self._judge_again(field)

    def _with_typed(self, field: Element, value: str, key: str) -> str:
        """A field's text after one more key."""
        kind = input_type(field) if field.tag == "input" else "textarea"
        if kind == "number" and key not in _NUMBER_CHARACTERS:
            return value
        typed = "\n" if key == "Enter" else key
        longer = typed + value if self._at_start else value + typed
        if len(_fitting(field, longer)) < len(longer):
            return value
        self._at_start = self._at_start and not value
        return longer

    def _press_drop_down(self, select: Element, key: str) -> None:
        """Enter and Space open the list of a drop-down, arrows choose in it."""
        state = self._state
        if key in ("Enter", " "):
            if state.unfolded is select:
                if self._provisional is not None:
                    select_option(self._provisional, select)
                state.unfolded = self._provisional = None
            else:
                state.unfolded = select
                state.message = None
        elif key == "Escape":
            state.unfolded = self._provisional = None
        elif state.unfolded is select:
            self._provisional = self._stepped_option(select, key, self._provisional)
        else:
            self._step_option(select, key)

    def _step_option(self, select: Element, key: str) -> None:
        option = self._stepped_option(select, key, None)
        if option is not None and "multiple" not in select.attrs:
            select_option(option, select)
            self._judge_again(select)

    def _stepped_option(self, select: Element, key: str, current: Element | None) -> Element | None:
        """The option that an arrow leads to, from the marked or the chosen one; None for other keys."""
        able = [it for it in options_of(select) if not option_disabled(it)]
        if not able or key not in ("ArrowDown", "ArrowUp", "Home", "End"):
            return current
        chosen = selected_options(select)
        start = current if current is not None else (chosen[0] if chosen else None)
        place = next((number for number, it in enumerate(able) if it is start), -1)
        place = {"ArrowDown": place + 1, "ArrowUp": place - 1, "Home": 0, "End": len(able) - 1}[key]
        return able[max(0, min(place, len(able) - 1))]

    def _step_input(self, element: Element, key: str) -> None:
        step = 1 if key in ("ArrowDown", "ArrowRight") else -1
        kind = input_type(element)
        if kind == "radio":
            group = [it for it in radio_group(element, self.document) if not is_disabled(it)]
            place = next(number for number, it in enumerate(group) if it is element)
            chosen = group[(place + step) % len(group)]
            for other in group:
                other.checked = other is chosen
            self._take_focus(chosen)
        elif kind == "range":
            way = 1 if key in ("ArrowUp", "ArrowRight") else -1
            width = float(element.attrs.get("step", "1") or 1)
            element.value = _within_range(element, str(float(value_of(element) or 50) + way * width))


def _fills(element: Element) -> bool:
    return (
        takes_text(element)
        or element.tag == "select"
        or (element.tag == "input" and input_type(element) in _CHOSEN_TYPES)
    )


def _fitting(field: Element, text: str) -> str:
    """As much of a text as `maxlength` lets a person type."""
    most = field.attrs.get("maxlength", "")
    return text[: int(most)] if most.isdigit() else text


def _within_range(element: Element, text: str) -> str:
    """The nearest value that a slider has."""
    low = float(element.attrs.get("min") or 0)
    high = max(low, float(element.attrs.get("max") or 100))
    try:
        value = float(text)
    except ValueError:
        value = (low + high) / 2
    width = float(element.attrs.get("step") or 1) if element.attrs.get("step") != "any" else 0.0
    value = min(max(value, low), high)
    if width:
        value = low + round((value - low) / width) * width
    return f"{value:.10g}"
