"""What an agent can do on web pages: one table, from which actions are read, written, explained and carried out.

definition  An action is one line of text in one of two dialects.
            webarena    `type [12] [red lamp] [1]`: the verb is what stands before the first bracket. Without a last
                        `[0]` or `[1]` (or `[press_enter_after=0]`), type presses Enter. Brackets may occur in the text.
                        What follows the last bracket is not read (models like to repeat `where [12] is ...`). An
                        argument may repeat its name: `[id=12]`, `[direction=down]`, `[key_comb=Enter]`.
            browsergym  `fill('12', 'red lamp')`, a call with literal arguments; `fill` presses no Enter, and is one
                        action with a `keyboard_press('Enter')` or `press('12', 'Enter')` on the next line. Optional
                        arguments are read; a click with another button than the left one is refused.
            Either dialect is understood wherever the caller names none. `dialog [accept] [text]` belongs to neither
            benchmark: it answers the page's next dialog, and models are told of it only where that is asked.
source      WebArena (Zhou et al. 2024), id-based actions, read from its code; BrowserGym (Le Sellier De Chezelles et
            al. 2025), its high-level actions. Verbs of BrowserGym without a counterpart in WebArena are unknown here.
differs     Verbs are compared without regard to case; typed text may hold line ends or be empty; `stop` with an
            unclosed bracket is refused, where WebArena takes it for an empty answer. `press [12] [Enter]` gives an
            element the focus first, as BrowserGym's press does. Halves of surrogate pairs become U+FFFD.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Literal, get_args

from tracewarp.envs.web import calls
from tracewarp.envs.web.driver import ActionRefused, Driver
from tracewarp.envs.web.keys import read_stroke
from tracewarp.envs.web.tree import Element
from tracewarp.errors import OptionError
from tracewarp.trajectory.surrogates import repair

Dialect = Literal["webarena", "browsergym"]

MAX_ACTION_CHARACTERS = 32_768
"""A longer action is refused before it is read."""

_SHOWN = 80
_CALL = re.compile(r"\s*[A-Za-z_]\w*\s*\(")


class ActionSyntaxError(ActionRefused):
    """The text is no action; the message says what was expected. It becomes `valid=False` with this sentence."""


@dataclass(frozen=True, slots=True)
class Action:
    """One action, whichever dialect it was written in."""

    verb: str
    """WebArena's name of it (a key of `VERBS`)."""
    element: int | None = None
    """The id in the observation."""
    text: str | None = None
    """What is typed, pressed, opened or answered; `up` or `down` for scroll. For dialog: what a prompt is answered."""
    enter: bool = True
    """For type: press Enter afterwards."""
    tab: int | None = None
    """For tab_focus, from 0."""


@dataclass(frozen=True, slots=True)
class Signature:
    """A call of BrowserGym's dialect that means a verb."""

    name: str
    parameters: tuple[str, ...]
    about: str
    read: Callable[..., Action]
    optional: tuple[str, ...] = ()
    """Further parameters that are understood."""
    listed: bool = True
    """Are models told of it?"""


@dataclass(frozen=True, slots=True, kw_only=True)
class Verb:
    """A row of the table."""

    name: str
    group: str
    form: str
    """As the model is told of it in WebArena's dialect."""
    about: str
    follows: str
    """A regular expression: what may follow the verb in WebArena's dialect."""
    calls: tuple[Signature, ...]
    brackets: Callable[[Action], str]
    """Its arguments, written in WebArena's dialect."""
    call: Callable[[Action], str]
    """The whole action, written in BrowserGym's."""
    run: Callable[[Driver, Hashable, Action], None] | None
    """None: the verb ends the episode, there is nothing to carry out."""
    listed: bool = True
    """Are models told of it?"""


def _element(value: object) -> int:
    if isinstance(value, str) and re.fullmatch(r"[0-9]{1,15}", value.strip()):
        return int(value)
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ActionSyntaxError(f"expected the id of an element, such as '12', got {_short(value)}")


def _text(value: object) -> str:
    if isinstance(value, str):
        return value
    if isinstance(value, (int, float)) and not isinstance(value, bool):
        return str(value)
    raise ActionSyntaxError(f"expected a text in quotes, got {_short(value)}")


def _tab(value: object) -> int:
    if isinstance(value, int) and not isinstance(value, bool) and value >= 0:
        return value
    raise ActionSyntaxError(f"expected the number of a tab, counted from 0, got {_short(value)}")


def _address(text: str) -> str:
    """An address as a person may write it: without a scheme it is http."""
    text = text.strip()
    scheme = re.match(r"([A-Za-z][A-Za-z0-9+.-]*):(?![0-9])", text)
    if not text or re.search(r"\s", text):
        raise ActionSyntaxError(f"expected an address such as http://example.com, got {_short(text)}")
    if scheme is None:
        return f"http://{text}"
    if scheme[1].lower() not in ("http", "https"):
        raise ActionSyntaxError(f"only http and https addresses can be opened, got {_short(text)}")
    return text


def _plain_click(bid: object, button: object = "left", modifiers: object = ()) -> Action:
    if button != "left" or modifiers:
        raise ActionSyntaxError(
            f"expected a click with the left button and no key held down, got {_short(button)}, {_short(modifiers)}"
        )
    return Action("click", _element(bid))


def _accepted(answer: object, text: object = None) -> Action:
    if not isinstance(answer, str) or answer.strip().lower() != "accept":
        raise ActionSyntaxError(f"expected dialog('accept') or dialog('accept', text), got {_short(answer)}")
    return Action("dialog", text=None if text is None else _text(text))


def _chosen(bid: object, options: object) -> Action:
    if isinstance(options, tuple) and len(options) == 1:
        [options] = options
    if not isinstance(options, str):
        raise ActionSyntaxError(f"expected the name of one option in quotes, got {_short(options)}")
    return Action("type", _element(bid), options, enter=False)


def _keys(text: str) -> str:
    """The keys by their usual names; what is none stays as it is, and is refused when it is to be pressed."""
    try:
        return str(read_stroke(text))
    except ActionRefused:
        return text


def _direction(dx: object, dy: object) -> str:
    if not isinstance(dy, (int, float)) or isinstance(dy, bool) or dx not in (0, 0.0) or not dy:
        raise ActionSyntaxError(f"pages scroll up and down only, such as scroll(0, 500), got {_short((dx, dy))}")
    return "down" if dy > 0 else "up"


_ID = r"\[\s*(?:(?i:(?:element_?)?id)\s*[=:]\s*)?(?P<element>[0-9]{1,15})\s*\]"
_ANYTHING = r"\[(?P<text>.*)\][^\]]*"
_REST = r".*"
# A last [0] or [1] is always the flag, so that `type [5] [1]` lacks its text, as it does in WebArena.
_FLAG = r"(?:\s*\[(?P<enter>[01])\]|(?<!\[[01]\]))"
_TYPED = rf"{_ID}\s*\[(?P<text>.*)\]{_FLAG}(?:\s+where \[(?P=element)\] is .*)?"
_DIRECTION = r"(?i:\[\s*(?:direction\s*[=:]\s*)?(?P<text>up|down)\s*\]|(?P<bare>up|down)\b).*"
_TAB = r"\[\s*(?:(?i:tab|(?:tab_?)?index)\s*[=:]\s*)?(?P<tab>[0-9]{1,15})\s*\]"
_PRESSED = rf"(?:{_ID}\s*(?=\[))?\[(?:\s*(?i:keys?|key_comb)\s*[=:](?=[^\]]))?(?P<text>.*)\][^\]]*"
_OPENED = r"\[\s*(?:(?i:url)\s*[=:]\s*(?=[A-Za-z]))?(?P<text>.*)\][^\]]*"
_ANSWERED = r"\[\s*(?i:accept)\s*\](?:\s*\[(?P<text>.*)\][^\]]*|[^\[]*)"
_NAMED_FLAG = re.compile(
    r"\[\s*(?:press_?)?enter(?:_after)?\s*[=:]\s*['\"]?(?:(1|true|yes)|0|false|no)['\"]?\s*\](?=\s*(?:where \[|$))",
    re.IGNORECASE,
)

_PAGE, _TABS, _HISTORY, _END = "On the page", "Tabs", "Addresses and history", "To finish"


def _bare(name: str, group: str, about: str, run: Callable[[Driver], None], *, call: str | None = None) -> Verb:
    """A verb without arguments."""
    return Verb(
        name=name,
        group=group,
        form=name,
        about=about,
        follows=_REST,
        calls=(Signature(call or name, (), about, lambda: Action(name)),),
        brackets=lambda action: "",
        call=lambda action: f"{call or name}()",
        run=lambda driver, _, __: run(driver),
    )


VERBS: Mapping[str, Verb] = {
    verb.name: verb
    for verb in (
        Verb(
            name="click",
            group=_PAGE,
            form="click [id]",
            about="click the element with this id",
            follows=_ID + _REST,
            calls=(
                Signature(
                    "click", ("bid",), "click the element with this id", _plain_click, optional=("button", "modifiers")
                ),
            ),
            brackets=lambda action: f"[{action.element}]",
            call=lambda action: f"click('{action.element}')",
            run=lambda driver, key, _: driver.click(key),
        ),
        Verb(
            name="type",
            group=_PAGE,
            form="type [id] [text] [press_enter: 0 or 1]",
            about="replace the text of the field with this id; Enter is pressed unless the last argument is 0",
            follows=_TYPED,
            calls=(
                Signature(
                    "fill",
                    ("bid", "value"),
                    "replace the text of the field with this id; to press Enter afterwards, "
                    "write keyboard_press('Enter') on the next line",
                    lambda bid, value, **_: Action("type", _element(bid), _text(value), enter=False),
                    optional=("enable_autocomplete_menu",),
                ),
                Signature("select_option", ("bid", "options"), "choose an option", _chosen, listed=False),
                Signature(
                    "clear",
                    ("bid",),
                    "empty the field",
                    lambda bid: Action("type", _element(bid), "", enter=False),
                    listed=False,
                ),
            ),
            brackets=lambda action: f"[{action.element}] [{action.text}] [{int(action.enter)}]",
            call=lambda action: (
                f"fill('{action.element}', {action.text!r})" + ("\nkeyboard_press('Enter')" if action.enter else "")
            ),
            run=lambda driver, key, action: driver.fill(key, action.text or "", enter=action.enter),
        ),
        Verb(
            name="hover",
            group=_PAGE,
            form="hover [id]",
            about="move the pointer over the element with this id",
            follows=_ID + _REST,
            calls=(
                Signature(
                    "hover",
                    ("bid",),
                    "move the pointer over the element with this id",
                    lambda bid: Action("hover", _element(bid)),
                ),
            ),
            brackets=lambda action: f"[{action.element}]",
            call=lambda action: f"hover('{action.element}')",
            run=lambda driver, key, _: driver.hover(key),
        ),
        Verb(
            name="press",
            group=_PAGE,
            form="press [keys]",
            about="press a key or a combination of keys, e.g. Enter or Control+a",
            follows=_PRESSED,
            calls=(
                Signature(
                    "keyboard_press",
                    ("key",),
                    "press a key or a combination of keys, e.g. 'Enter' or 'Control+a'",
                    lambda key: Action("press", text=_keys(_text(key))),
                ),
                Signature(
                    "press",
                    ("bid", "key_comb"),
                    "press keys in the element with this id",
                    lambda bid, key_comb: Action("press", _element(bid), _keys(_text(key_comb))),
                    listed=False,
                ),
            ),
            brackets=lambda action: ("" if action.element is None else f"[{action.element}] ") + f"[{action.text}]",
            call=lambda action: (
                f"keyboard_press({action.text!r})"
                if action.element is None
                else f"press('{action.element}', {action.text!r})"
            ),
            run=lambda driver, key, action: driver.press(action.text or "", key),
        ),
        Verb(
            name="scroll",
            group=_PAGE,
            form="scroll [up or down]",
            about="scroll the page by the height of the window",
            follows=_DIRECTION,
            calls=(
                Signature(
                    "scroll",
                    ("delta_x", "delta_y"),
                    "scroll the page by the height of the window, down for a positive delta_y, up for a negative one",
                    lambda delta_x, delta_y: Action("scroll", text=_direction(delta_x, delta_y)),
                ),
            ),
            brackets=lambda action: f"[{action.text}]",
            call=lambda action: f"scroll(0, {'-' if action.text == 'up' else ''}500)",
            run=lambda driver, _, action: driver.scroll("up" if action.text == "up" else "down"),
        ),
        _bare("new_tab", _TABS, "open an empty tab", lambda driver: driver.new_tab()),
        Verb(
            name="tab_focus",
            group=_TABS,
            form="tab_focus [tab_index]",
            about="go to the tab with this number, counted from 0",
            follows=_TAB + _REST,
            calls=(
                Signature(
                    "tab_focus",
                    ("index",),
                    "go to the tab with this number, counted from 0",
                    lambda index: Action("tab_focus", tab=_tab(index)),
                ),
            ),
            brackets=lambda action: f"[{action.tab}]",
            call=lambda action: f"tab_focus({action.tab})",
            run=lambda driver, _, action: driver.focus_tab(action.tab or 0),
        ),
        _bare("close_tab", _TABS, "close the tab that is shown", lambda driver: driver.close_tab(), call="tab_close"),
        Verb(
            name="goto",
            group=_HISTORY,
            form="goto [url]",
            about="open this address in the tab that is shown",
            follows=_OPENED,
            calls=(
                Signature(
                    "goto",
                    ("url",),
                    "open this address in the tab that is shown",
                    lambda url: Action("goto", text=_text(url)),
                ),
            ),
            brackets=lambda action: f"[{action.text}]",
            call=lambda action: f"goto({action.text!r})",
            run=lambda driver, _, action: driver.goto(_address(action.text or "")),
        ),
        _bare("go_back", _HISTORY, "go back to the page before", lambda driver: driver.back()),
        _bare("go_forward", _HISTORY, "undo a go_back", lambda driver: driver.forward()),
        Verb(
            name="dialog",
            group=_PAGE,
            form="dialog [accept] [text]",
            about="accept the dialog that the next action opens, with this text where it asks for one; a dialog is "
            "dismissed otherwise",
            follows=_ANSWERED,
            calls=(
                Signature(
                    "dialog",
                    ("answer",),
                    "accept the dialog that the next action opens (answer is 'accept'; a second argument is the text "
                    "that it asks for); a dialog is dismissed otherwise",
                    _accepted,
                    optional=("text",),
                ),
            ),
            brackets=lambda action: "[accept]" if action.text is None else f"[accept] [{action.text}]",
            call=lambda action: "dialog('accept')" if action.text is None else f"dialog('accept', {action.text!r})",
            run=lambda driver, _, action: driver.accept_next_dialog(action.text),
            listed=False,
        ),
        Verb(
            name="stop",
            group=_END,
            form="stop [answer]",
            about="end the task; the answer is empty where none is asked for, and N/A where the task cannot be done",
            follows=rf"(?:{_ANYTHING})?",
            calls=(
                Signature(
                    "send_msg_to_user",
                    ("text",),
                    "end the task with this answer; the text is empty where no answer is asked for",
                    lambda text: Action("stop", text=_text(text)),
                ),
                Signature(
                    "report_infeasible",
                    ("reason",),
                    "end the task because it cannot be done",
                    lambda reason: Action("stop", text="N/A"),
                ),
            ),
            brackets=lambda action: f"[{action.text or ''}]",
            call=lambda action: f"send_msg_to_user({action.text or ''!r})",
            run=None,
        ),
    )
}
"""The table, by WebArena's verb, in the order in which a model is told of them."""

_SIGNATURES = {signature.name: signature for verb in VERBS.values() for signature in verb.calls}
_LISTED = tuple(verb.name for verb in VERBS.values() if verb.listed)
_LISTED_CALLS = tuple(call.name for verb in VERBS.values() if verb.listed for call in verb.calls if call.listed)


def describe_actions(dialect: Dialect = "webarena", *, dialogs: bool = False) -> str:
    """The actions as a model is told of them: a heading a group, a line an action.

    Args:
        dialect: how they are written.
        dialogs: tell of `dialog`, too.

    Raises:
        OptionError: an unknown dialect.
    """
    _check(dialect)
    lines: list[str] = []
    for verb in VERBS.values():
        if not verb.listed and not (dialogs and verb.name == "dialog"):
            continue
        if f"{verb.group}:" not in lines:
            lines.append(f"{verb.group}:")
        forms = (
            [(verb.form, verb.about)]
            if dialect == "webarena"
            else [(f"{one.name}({', '.join(one.parameters)})", one.about) for one in verb.calls if one.listed]
        )
        lines += [f"`{form}`: {about}." for form, about in forms]
    return "\n".join(lines)


def parse_action(text: str, dialect: Dialect | None = None) -> Action:
    """Read one action.

    Args:
        text: the action alone, without the backticks around it.
        dialect: the one to read; None: a call is BrowserGym's, everything else WebArena's.

    Raises:
        ActionSyntaxError: the text is no action.
        OptionError: an unknown dialect.
    """
    if dialect is not None:
        _check(dialect)
    if len(text) > MAX_ACTION_CHARACTERS:
        raise ActionSyntaxError(f"an action has at most {MAX_ACTION_CHARACTERS} characters, this one has {len(text)}")
    if not text.strip():
        raise ActionSyntaxError("the action is empty")
    text = repair(text)
    action = _parse_call(text) if (dialect or _dialect_of(text)) == "browsergym" else _parse_brackets(text.strip())
    if action.text is not None and "\0" in action.text:
        raise ActionSyntaxError("the action holds a character that no page can take (NUL)")
    return action


def write_action(action: Action, dialect: Dialect = "webarena") -> str:
    """The action as text, so that `parse_action` reads the same action again."""
    _check(dialect)
    verb = VERBS[action.verb]
    return f"{verb.name} {verb.brackets(action)}".rstrip() if dialect == "webarena" else verb.call(action)


def sentence(action: Action, elements: Mapping[int, Element], dialect: Dialect = "webarena") -> str:
    """The action with its element in words: `click [12] where [12] is link 'Lamps'`.

    Args:
        action: what was done.
        elements: of the observation on which it was done.
        dialect: in which the action is written.
    """
    written = write_action(action, dialect)
    element = elements.get(action.element) if action.element is not None else None
    if element is None:
        return written
    named = f"[{action.element}]" if dialect == "webarena" else f"'{action.element}'"
    return f"{written} where {named} is {element.line.removeprefix(f'[{action.element}] ')}"


def execute(action: Action, driver: Driver, elements: Mapping[int, Element]) -> None:
    """Carry an action out; `stop` does nothing to the page.

    Args:
        action: what is to be done.
        driver: where.
        elements: of the current observation.

    Raises:
        ActionRefused: it cannot be done: no such element, or the driver says no.
        EnvironmentFailure: the browser or the site failed.
    """
    verb = VERBS[action.verb]
    if verb.run is None:
        return
    key: Hashable = None
    if action.element is not None:
        element = elements.get(action.element)
        if element is None:
            raise ActionRefused(f"there is no element [{action.element}] in the observation")
        key = element.key
    verb.run(driver, key, action)


def ends_episode(action: Action) -> bool:
    """Is it the agent's last one?"""
    return VERBS[action.verb].run is None


def _dialect_of(text: str) -> Dialect:
    return "browsergym" if _CALL.match(text) else "webarena"


def _parse_brackets(text: str) -> Action:
    written, bracket, rest = text.partition("[")
    if not bracket:
        written, _, rest = text.partition(" ")
    name = written.strip().lower()
    verb = VERBS.get(name)
    if verb is None:
        raise ActionSyntaxError(f"{_short(written.strip())} is no action; there are {', '.join(_LISTED)}")
    if verb.name == "type":
        rest = _NAMED_FLAG.sub(lambda flag: "[1]" if flag[1] else "[0]", rest)
    found = re.fullmatch(verb.follows, (bracket + rest).strip(), re.DOTALL)
    if found is None:
        raise ActionSyntaxError(f"expected {verb.form}, got {_short(text)}")
    parts = found.groupdict()
    return Action(
        verb.name,
        element=int(parts["element"]) if parts.get("element") else None,
        text=_spoken(verb.name, parts),
        enter=parts.get("enter") != "0",
        tab=int(parts["tab"]) if parts.get("tab") else None,
    )


def _spoken(verb: str, parts: Mapping[str, str | None]) -> str | None:
    text = parts.get("text")
    if verb == "scroll":
        return (text or parts.get("bare") or "").lower()
    if verb == "press":
        return _keys(text or "")
    return "" if text is None and verb == "stop" else text


def _parse_call(text: str) -> Action:
    try:
        found = calls.read_calls(text)
    except calls.CallSyntaxError as error:
        raise ActionSyntaxError(f"the action cannot be read: {error}") from None
    actions = [_bind(call) for call in found]
    match actions:
        case [action]:
            return action
        case [Action(verb="type") as fill, Action(verb="press", text="Enter") as key] if key.element in (
            None,
            fill.element,
        ):
            return Action("type", fill.element, fill.text, enter=True)
        case _:
            raise ActionSyntaxError(f"expected one action, got {len(actions)}")


def _bind(call: calls.Call) -> Action:
    signature = _SIGNATURES.get(call.name.lower())
    if signature is None:
        raise ActionSyntaxError(f"{_short(call.name)} is no action; there are {', '.join(_LISTED_CALLS)}")
    names = (*signature.parameters, *signature.optional)
    bound = dict(zip(names, call.arguments, strict=False))
    doubled = bound.keys() & call.keywords.keys()
    bound |= call.keywords
    missing = set(signature.parameters) - bound.keys()
    if len(call.arguments) > len(names) or doubled or missing or bound.keys() - set(names):
        given = ", ".join(
            [*map(_short, call.arguments), *(f"{name}={_short(it)}" for name, it in call.keywords.items())]
        )
        expected = f"{signature.name}({', '.join(signature.parameters)})"
        raise ActionSyntaxError(f"expected {expected}, got {_cut(f'{call.name}({given})')}")
    return signature.read(**bound)


def _short(value: object) -> str:
    return _cut(repr(value[: _SHOWN + 1]) if isinstance(value, str) else repr(value))


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."


def _check(dialect: Dialect) -> None:
    if dialect not in get_args(Dialect):
        raise OptionError(f"dialect: expected {' or '.join(get_args(Dialect))}, got {dialect!r}")
