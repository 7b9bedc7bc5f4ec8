"""The state of form controls, as html defines it: values, checkedness, disabledness, labels."""

from __future__ import annotations

from tracewarp.envs.web.browserless.dom import Box, Document, Element

TEXT_TYPES = frozenset(("text", "search", "password", "email", "url", "tel", "number"))
"""Types of input that take free text (every unknown type is `text`)."""
DATE_TYPES = frozenset(("date", "time"))
"""Types of input that Chromium shows as several small fields; a value is set as a whole."""
_OTHER_TYPES = frozenset(
    ("checkbox", "radio", "submit", "reset", "button", "image", "file", "hidden", "range", "color")
)
_KNOWN_TYPES = TEXT_TYPES | DATE_TYPES | _OTHER_TYPES
LABELABLE = frozenset(("input", "select", "textarea", "button", "output", "meter", "progress"))
CONTROLS = frozenset(("input", "select", "textarea", "button"))


def input_type(element: Element) -> str:
    """The type of an input, in lower case; unknown ones are text."""
    declared = element.attrs.get("type")
    if declared is None:
        return "text"
    if declared in _KNOWN_TYPES:
        return declared
    declared = declared.lower()
    return declared if declared in _KNOWN_TYPES else "text"


def takes_text(element: Element) -> bool:
    """Can its value be typed (a text field or a text area)?"""
    return element.tag == "textarea" or (element.tag == "input" and input_type(element) in TEXT_TYPES)


def value_of(element: Element) -> str:
    """What `element.value` would give in a script."""
    tag = element.tag
    if tag == "select":
        chosen = selected_options(element)
        return option_value(chosen[0]) if chosen else ""
    if tag == "option":
        return option_value(element)
    if element.value is not None:
        return element.value
    if tag == "textarea":
        return element.text_content().replace("\r\n", "\n").replace("\r", "\n")
    if tag == "input" and input_type(element) in ("checkbox", "radio"):
        return element.attrs.get("value", "on")
    return element.attrs.get("value", "")


def shown_value(element: Element) -> str:
    """The value as it is shown: a password as dots."""
    value = value_of(element)
    return "•" * len(value) if element.tag == "input" and input_type(element) == "password" else value


def option_value(option: Element) -> str:
    """What an option stands for when its form is sent."""
    declared = option.attrs.get("value")
    return option_text(option) if declared is None else declared


def option_text(option: Element) -> str:
    """The text of an option, white space stripped and collapsed."""
    return " ".join(option.text_content().split())


def option_label(option: Element) -> str:
    """What a person reads of an option."""
    return option.attrs.get("label") or option_text(option)


def options_of(select: Element) -> list[Element]:
    """Its options, those in groups too, in order."""
    found: list[Element] = []
    for child in select.children:
        if isinstance(child, Element):
            if child.tag == "option":
                found.append(child)
            else:
                found += [option for option in child.elements() if option.tag == "option"]
    return found


def selected_options(select: Element) -> list[Element]:
    """The chosen options; a drop-down list without any has its first one that is not disabled."""
    options = options_of(select)
    chosen = [option for option in options if _marked_selected(option)]
    if "multiple" in select.attrs:
        return chosen
    if chosen:
        return chosen[-1:]
    if not is_listbox(select):
        return next(([option] for option in options if not option_disabled(option)), [])
    return []


def _marked_selected(option: Element) -> bool:
    return "selected" in option.attrs if option.checked is None else option.checked


def select_option(option: Element, select: Element) -> None:
    """Choose an option as a click does: alone, or one more or one fewer where several may be chosen."""
    if "multiple" in select.attrs:
        option.checked = not _marked_selected(option)
        return
    for other in options_of(select):
        other.checked = other is option


def is_listbox(select: Element) -> bool:
    """Is it shown as a list, and not as a drop-down?"""
    if "multiple" in select.attrs:
        return True
    size = select.attrs.get("size", "")
    return size.isdigit() and int(size) > 1


def option_disabled(option: Element) -> bool:
    """Is it, or the group around it, disabled?"""
    if "disabled" in option.attrs:
        return True
    group = option.parent
    return group is not None and group.tag == "optgroup" and "disabled" in group.attrs


def is_checked(element: Element) -> bool:
    """Is a checkbox or a radio on?"""
    return "checked" in element.attrs if element.checked is None else element.checked


def is_disabled(element: Element) -> bool:
    """Is a control disabled, by itself or by a fieldset around it (a first legend's controls are not)?"""
    if element.tag not in CONTROLS:
        return False
    if "disabled" in element.attrs:
        return True
    inner = element
    for outer in element.ancestors():
        if outer.tag == "fieldset" and "disabled" in outer.attrs:
            first = next((it for it in outer.children if isinstance(it, Element) and it.tag == "legend"), None)
            if first is not inner:
                return True
        inner = outer
    return False


def is_read_only(element: Element) -> bool:
    """May its text not be edited?"""
    return "readonly" in element.attrs


def labels_of(element: Element, document: Document) -> list[Element]:
    """The label elements of a control, in document order."""
    labels = document.labels
    if labels is None:
        labels = document.labels = {}
        for label in document.tagged.get("label", ()):
            control = labelled_control(label, document)
            if control is not None:
                labels.setdefault(control.index, []).append(label)
    return labels.get(element.index, [])


def labelled_control(label: Element, document: Document) -> Element | None:
    """The control that a label is about."""
    target = label.attrs.get("for")
    if target is not None:
        control = document.ids.get(target)
        return control if control is not None and _labelable(control) else None
    return next((element for element in label.elements() if _labelable(element)), None)


def _labelable(element: Element) -> bool:
    return element.tag in LABELABLE and not (element.tag == "input" and input_type(element) == "hidden")


def owner_form(element: Element, document: Document) -> Element | None:
    """The form that a control belongs to."""
    named = element.attrs.get("form")
    if named is not None:
        form = document.ids.get(named)
        return form if form is not None and form.tag == "form" else None
    return element.closest("form")


def form_controls(form: Element, document: Document) -> list[Element]:
    """The controls of a form, in document order."""
    return [it for it in document.controls if owner_form(it, document) is form]


def radio_group(radio: Element, document: Document) -> list[Element]:
    """The radios of which only one can be on, itself among them."""
    name = radio.attrs.get("name", "")
    if not name:
        return [radio]
    form = owner_form(radio, document)
    return [
        other
        for other in document.controls
        if other.tag == "input"
        and input_type(other) == "radio"
        and other.attrs.get("name") == name
        and owner_form(other, document) is form
    ]


def settle_radios(document: Document) -> None:
    """Of several radios of a group that the markup checks, the last one is on."""
    checked = [it for it in document.controls if "checked" in it.attrs and input_type(it) == "radio"]
    if len(checked) > 1:
        for number, radio in enumerate(checked):
            group = radio_group(radio, document)
            if any(later in group for later in checked[number + 1 :]):
                radio.checked = False


def is_rendered(element: Element) -> bool:
    """Is there a box for it (no ancestor hidden, no closed details around it)?"""
    if element.box == Box.NONE:
        return False
    inner = element
    for outer in element.ancestors():
        if outer.box == Box.NONE:
            return False
        if outer.tag == "details" and "open" not in outer.attrs and inner is not summary_of(outer):
            return False
        inner = outer
    return True


def summary_of(details: Element) -> Element | None:
    """The summary of a details element: its first child of that tag."""
    return next((it for it in details.children if isinstance(it, Element) and it.tag == "summary"), None)


def is_focusable(element: Element) -> bool:
    """Does a click on it, or a script, give it the focus?"""
    tag = element.tag
    if tag in CONTROLS:
        return not is_disabled(element) and not (tag == "input" and input_type(element) == "hidden")
    if "tabindex" in element.attrs:
        return element.attrs["tabindex"].strip().lstrip("+-").isdigit()
    if tag in ("a", "area"):
        return "href" in element.attrs
    if tag == "summary":
        return element.parent is not None and element.parent.tag == "details" and summary_of(element.parent) is element
    return element.attrs.get("contenteditable", "false") in ("", "true", "plaintext-only")


def is_redundant_label(label: Element, document: Document) -> bool:
    """Is it nothing but the name of a checkbox or a radio? Then only the control tells it."""
    control = labelled_control(label, document)
    if control is None or control.tag != "input" or input_type(control) not in ("checkbox", "radio"):
        return False
    inside = [child for child in label.children if isinstance(child, Element)]
    return not inside or inside == [control]


def has_date_parts(element: Element) -> bool:
    """Is it an input that Chromium shows as several small fields?"""
    return element.tag == "input" and input_type(element) in DATE_TYPES
