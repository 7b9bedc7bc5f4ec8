"""What the generating model wrote, taken apart and checked. Every refusal is a `Refused` that names its reason."""

from __future__ import annotations

import re
from dataclasses import dataclass
from urllib.parse import urlsplit

from tracewarp.envs.web.actions import ActionSyntaxError, parse_action
from tracewarp.envs.web.sites import HOST_NAME
from tracewarp.synthesize.examples import Place

LONGEST_OBJECTIVE = 400
"""Characters; the longest objective of WebArena has 312."""

_STEP = re.compile(r"\b(click|type|scroll|stop)", re.IGNORECASE)
_BULLET = re.compile(r"^\s*(?:step\s*)?(?:[-*\u2022]|\d+\s*[.):]|#+)?\s*(?:\d+\s*[.):])?\s*", re.IGNORECASE)
_PLACEHOLDER = re.compile(r"\b(example|acme|placeholder|123+|xyz)\b|[{<\[]", re.IGNORECASE)
_FENCED = re.compile(r"```(.*?)```", re.DOTALL)
_FIELD = re.compile(r"^[ \t]*(WEBPAGE|PREVIOUS ACTION|NEXT ACTION):", re.MULTILINE)


class Refused(Exception):  # noqa: N818 (an outcome that is counted)
    """The answer is not taken."""

    def __init__(self, reason: str) -> None:
        super().__init__(reason)
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Moment:
    """The action before and the next one."""

    previous_action: str | None
    next_action: str
    """The whole answer, thought included."""
    action: str
    """The action in it."""
    element: int | None
    """The element that it names."""


def read_objective(text: str, *, taken_hosts: frozenset[str]) -> tuple[str, str]:
    """Objective and host.

    Raises:
        Refused: `form`, `length`, `host` (no name of a host), or `known_site` (one of `taken_hosts`, or above or below
            one of them).
    """
    objectives = _values(text, "OBJECTIVE:")
    addresses = [value for value in _values(text, "URL:") if not any(map(str.isspace, value))]
    if len(objectives) != 1 or len(addresses) != 1:
        raise Refused("form")
    if len(objectives[0]) > LONGEST_OBJECTIVE:
        raise Refused("length")
    address = addresses[0].lower()
    try:
        host = (urlsplit(address if "//" in address else f"//{address}").hostname or "").removeprefix("www.")
    except ValueError:  # such as brackets that hold no address
        raise Refused("host") from None
    if not HOST_NAME.fullmatch(host) or _PLACEHOLDER.search(host):
        raise Refused("host")
    if any(host == taken or host.endswith(f".{taken}") or taken.endswith(f".{host}") for taken in taken_hosts):
        raise Refused("known_site")
    return objectives[0], host


def _values(text: str, name: str) -> list[str]:
    """What stands behind a name at the beginning of a line; on the next line with text where its own has none."""
    lines = [line for it in text.split("\n") if (line := it.strip())]
    following = [*lines[1:], ""]
    found = (
        line.removeprefix(name).strip() or after
        for line, after in zip(lines, following, strict=False)
        if line.startswith(name)
    )
    return [value for value in found if value]


def read_plan(text: str) -> tuple[str, ...]:
    """The steps: lines that click, type, scroll or stop, without numbers and bullets; a leading scroll is dropped.

    Raises:
        Refused: `steps`: fewer than two remain.
    """
    lines = [_BULLET.sub("", line).strip() for line in text.splitlines()]
    steps = [line for line in lines if _STEP.match(line)]
    while steps and steps[0].lower().startswith("scroll"):
        del steps[0]
    if len(steps) < 2:
        raise Refused("steps")
    return tuple(steps)


def read_address(text: str, *, host: str) -> str:
    """An address on the host.

    Raises:
        Refused: `address`: none, several, of another site, or with a placeholder.
    """
    words = text.split()
    if len(words) != 1:
        raise Refused("address")
    address = words[0].strip("`<>\"'")
    address = address if "//" in address else f"https://{address}"
    try:
        parts = urlsplit(address)
    except ValueError:
        raise Refused("address") from None
    at = (parts.hostname or "").removeprefix("www.")
    if parts.scheme not in ("http", "https") or not (at == host or at.endswith(f".{host}")):
        raise Refused("address")
    if _PLACEHOLDER.search(parts.path + parts.query):
        raise Refused("address")
    return address


def read_moment(text: str, *, opening: str, first: bool) -> Moment:
    """The actions of a moment; its page is written anew by the next prompt.

    Raises:
        Refused: `fields` (not one each, or in another order), `opening`, `fence` (not one action in backticks), `verb`,
            `element` (not a number), or `previous` (one at the first step, none later, or none that can be read).
    """
    fields = [found[1] for found in _FIELD.finditer(text)]
    if fields != ["WEBPAGE", "PREVIOUS ACTION", "NEXT ACTION"]:
        raise Refused("fields")
    _, _, previous, following = _FIELD.sub("\0", text).split("\0")
    answer = following.strip()
    if not answer.startswith(opening):
        raise Refused("opening")
    fenced = _FENCED.findall(answer)
    if len(fenced) != 1 or answer.count("```") != 2 or not answer.endswith("```"):
        raise Refused("fence")
    action = fenced[0].strip()
    try:
        read = parse_action(action, dialect="webarena")
    except ActionSyntaxError as refusal:
        verb = re.split(r"[\[\s]", action, maxsplit=1)[0]
        raise Refused("element" if verb in ("click", "type", "hover") else "verb") from refusal
    before = previous.strip().strip("`")
    none = before.lower() in ("none", "none.", "")
    if none is not first:
        raise Refused("previous")
    if not none:
        try:
            parse_action(before, dialect="webarena")
        except ActionSyntaxError as refusal:
            raise Refused("previous") from refusal
    return Moment(None if none else before, answer, action, read.element)


def read_page(text: str, *, element: int | None) -> str:
    """The page.

    Raises:
        Refused: `fields` (not exactly WEBPAGE), `page` (no line of an accessibility tree), or `absent` (the element
            that the action names is not on it).
    """
    fields = [found[1] for found in _FIELD.finditer(text)]
    if fields != ["WEBPAGE"]:
        raise Refused("fields")
    page = _FIELD.split(text)[-1].strip("\n ")
    page = page.removeprefix("```").removesuffix("```").strip("\n ")
    if not re.search(r"^[ \t]*\[\d{1,15}\] \S", page, re.MULTILINE):
        raise Refused("page")
    if element is not None and not re.search(rf"^[ \t]*\[{element}\] ", page, re.MULTILINE):
        raise Refused("absent")
    return page


def place_in_plan(step: int, n_steps: int) -> Place:
    """Where a step of a plan stands, counted from 0."""
    if step == 0:
        return "first"
    return "last" if step == n_steps - 1 else "intermediate"
