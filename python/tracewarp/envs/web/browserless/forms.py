"""What a form sends: entries, their encodings, and the button that stands for Enter."""

from __future__ import annotations

from dataclasses import dataclass
from urllib.parse import quote_plus, urljoin, urlsplit, urlunsplit

from tracewarp.envs.web.browserless.controls import (
    DATE_TYPES,
    form_controls,
    input_type,
    is_checked,
    is_disabled,
    option_disabled,
    option_value,
    selected_options,
    takes_text,
    value_of,
)
from tracewarp.envs.web.browserless.dates import is_valid_date
from tracewarp.envs.web.browserless.dom import Document, Element

URLENCODED = "application/x-www-form-urlencoded"
_MULTIPART = "multipart/form-data"
_BOUNDARY = "----TracewarpFormBoundary7MA4YWxkTrZu0gW"


@dataclass(frozen=True, slots=True)
class Navigation:
    """Where an action leads."""

    url: str
    method: str = "GET"
    body: bytes = b""
    content_type: str = ""
    target: str = ""
    """Name of the window, as in the attribute `target`."""
    download: bool = False
    sent: bool = False
    """Is it a form's? Then it is an entry of its own in the history, even at the same address."""


def is_submit_button(element: Element) -> bool:
    """Does a click on it send its form?"""
    if element.tag == "button":
        return element.attrs.get("type", "submit").lower() not in ("button", "reset")
    return element.tag == "input" and input_type(element) in ("submit", "image")


def is_reset_button(element: Element) -> bool:
    """Does a click on it put its form back?"""
    if element.tag == "button":
        return element.attrs.get("type", "").lower() == "reset"
    return element.tag == "input" and input_type(element) == "reset"


def default_button(form: Element, document: Document) -> Element | None:
    """The first submit button of a form."""
    return next((it for it in form_controls(form, document) if is_submit_button(it)), None)


def sends_on_enter(form: Element, document: Document) -> bool:
    """Is a form without a submit button sent by Enter? Only where it has no second field to go on to."""
    fields = [
        it
        for it in form_controls(form, document)
        if it.tag == "input" and (takes_text(it) or input_type(it) in DATE_TYPES)
    ]
    return len(fields) <= 1


def reset(form: Element, document: Document) -> None:
    """Put every control back to what the markup says."""
    for control in form_controls(form, document):
        control.value = None
        control.checked = None
        for option in control.elements():
            option.checked = None


def submission(form: Element, submitter: Element | None, document: Document, base_url: str) -> Navigation | None:
    """What is sent; None where the form leads nowhere (`method=dialog`, a script's address).

    Args:
        form: the form.
        submitter: the button that was used; its own name, value, address and method count.
        document: the form's document.
        base_url: what relative addresses are joined to.
    """
    own = submitter.attrs if submitter is not None else {}
    method = own.get("formmethod", form.attrs.get("method", "get")).strip().upper()
    action = own.get("formaction", form.attrs.get("action", "")).strip()
    target = own.get("formtarget", form.attrs.get("target", ""))
    if method == "DIALOG":
        return None
    url = urljoin(base_url, action) if action else base_url
    if urlsplit(url).scheme not in ("http", "https"):
        return None
    entries = form_entries(form, submitter, document)
    if method != "POST":
        parts = urlsplit(url)
        address = urlunsplit((parts.scheme, parts.netloc, parts.path or "/", encode(entries), parts.fragment))
        # The question mark stays where nothing follows it, as browsers have it.
        if not entries:
            bare, _, fragment = address.partition("#")
            address = f"{bare}?" + (f"#{fragment}" if fragment else "")
        return Navigation(address, target=target, sent=True)
    kind = own.get("formenctype", form.attrs.get("enctype", URLENCODED)).lower()
    if kind == _MULTIPART:
        return Navigation(url, "POST", _multipart(entries), f"{_MULTIPART}; boundary={_BOUNDARY}", target, sent=True)
    return Navigation(url, "POST", encode(entries).encode(), URLENCODED, target, sent=True)


def form_entries(form: Element, submitter: Element | None, document: Document) -> list[tuple[str, str]]:
    """Names and values of the controls that take part, in document order."""
    entries: list[tuple[str, str]] = []
    for control in form_controls(form, document):
        if is_disabled(control) or control.closest("datalist") is not None:
            continue
        name = control.attrs.get("name", "")
        if control.tag == "button" or (
            control.tag == "input" and input_type(control) in ("submit", "reset", "button", "image")
        ):
            if control is submitter:
                entries += _button_entries(control, name)
        elif not name:
            continue
        elif control.tag == "select":
            entries += [(name, option_value(it)) for it in selected_options(control) if not option_disabled(it)]
        elif control.tag == "textarea":
            entries.append((name, value_of(control).replace("\n", "\r\n")))
        else:
            entries += _input_entries(control, name)
    return entries


def _button_entries(button: Element, name: str) -> list[tuple[str, str]]:
    if button.tag == "input" and input_type(button) == "image":
        prefix = f"{name}." if name else ""
        return [(f"{prefix}x", "0"), (f"{prefix}y", "0")]  # without layout there is no place within the picture
    default = "Submit" if button.tag == "input" and "value" not in button.attrs else ""
    return [(name, button.attrs.get("value", default))] if name else []


def _input_entries(control: Element, name: str) -> list[tuple[str, str]]:
    kind = input_type(control)
    value = value_of(control)
    if kind in ("checkbox", "radio"):
        return [(name, value)] if is_checked(control) else []
    if kind == "file":
        return [(name, "")]
    if kind in DATE_TYPES and not is_valid_date(kind, value):
        value = ""
    return [(name, value.replace("\r", "").replace("\n", ""))]


def encode(entries: list[tuple[str, str]]) -> str:
    """`application/x-www-form-urlencoded`, as the URL standard has it."""
    return "&".join(f"{_quoted(name)}={_quoted(value)}" for name, value in entries)


def _quoted(text: str) -> str:
    return quote_plus(text, safe="*").replace("~", "%7E")


def _multipart(entries: list[tuple[str, str]]) -> bytes:
    lines: list[str] = []
    for name, value in entries:
        escaped = name.replace("\r\n", "%0D%0A").replace('"', "%22")
        lines += [f"--{_BOUNDARY}", f'Content-Disposition: form-data; name="{escaped}"', "", value]
    return "\r\n".join([*lines, f"--{_BOUNDARY}--", ""]).encode()
