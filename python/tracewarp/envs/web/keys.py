"""Names of keys, as models write them: `Enter`, `esc`, `ctrl+a`, `Page Down`, `x`."""

from __future__ import annotations

import difflib
import re
import sys
from collections.abc import Mapping
from dataclasses import dataclass

from tracewarp.envs.web.driver import ActionRefused

_NAMED = (
    "Enter", "Tab", "Backspace", "Delete", "Escape", "Insert", "Home", "End", "PageUp", "PageDown", "ArrowUp",
    "ArrowDown", "ArrowLeft", "ArrowRight", "Shift", "Control", "Alt", "Meta", "CapsLock", "NumLock", "ScrollLock",
    "ContextMenu", "PrintScreen", "Pause", *(f"F{number}" for number in range(1, 13)),
)  # fmt: skip
"""Keys that have a name in every browser, as Playwright writes it."""
_CHARACTERS = {
    "Space": " ", "Plus": "+", "Backquote": "`", "Minus": "-", "Equal": "=", "BracketLeft": "[", "BracketRight": "]",
    "Backslash": "\\", "Semicolon": ";", "Quote": "'", "Comma": ",", "Period": ".", "Slash": "/",
    **{f"Key{letter}": letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    **{f"Digit{digit}": digit for digit in "0123456789"},
    **{f"Numpad{digit}": digit for digit in "0123456789"},
}  # fmt: skip
"""Keys that type a character, by the name of their place on a keyboard."""
_ALIASES = {
    "Return": "Enter", "NumpadEnter": "Enter", "\n": "Enter", "\r": "Enter", "Esc": "Escape", "Del": "Delete",
    "Ins": "Insert", "Bksp": "Backspace", "Spacebar": "Space", "PgUp": "PageUp", "PgDn": "PageDown",
    "PgDown": "PageDown", "Up": "ArrowUp", "Down": "ArrowDown", "Left": "ArrowLeft", "Right": "ArrowRight",
    "UpArrow": "ArrowUp", "DownArrow": "ArrowDown", "LeftArrow": "ArrowLeft", "RightArrow": "ArrowRight",
    "Ctrl": "Control", "Ctl": "Control", "Cmd": "Meta", "Command": "Meta", "Win": "Meta", "Windows": "Meta",
    "Super": "Meta", "ControlOrMeta": "Meta", "CmdOrCtrl": "Meta", "Opt": "Alt", "Option": "Alt", "Dash": "Minus",
    "Equals": "Equal", "Apostrophe": "Quote", "Dot": "Period",
    **{f"{name}{side}": name for name in ("Shift", "Control", "Alt", "Meta") for side in ("Left", "Right")},
}  # fmt: skip
_MODIFIERS = ("Control", "Alt", "Shift", "Meta")
_SHIFTED = str.maketrans("`1234567890-=[]\\;',./", '~!@#$%^&*()_+{}|:"<>?')
"""On a keyboard of the United States, which is what Playwright presses."""


def _plain(name: str) -> str:
    """A name without case, blanks, hyphens and underscores."""
    return re.sub(r"[\s_-]+", "", name).lower() if len(name) > 1 else name


_KEYS: Mapping[str, str] = {
    **{_plain(name): name for name in _NAMED},
    **{_plain(name): character for name, character in _CHARACTERS.items()},
    **{_plain(alias): _CHARACTERS.get(name, name) for alias, name in _ALIASES.items()},
}
"""Every name in its plain form -> the key."""


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key with what is held down beside it."""

    key: str
    """A name as Playwright has it, or one character."""
    shift: bool = False
    control: bool = False
    alt: bool = False
    meta: bool = False

    def __str__(self) -> str:
        """As Playwright writes it: `Control+a`."""
        held = [name for name in _MODIFIERS if getattr(self, name.lower())]
        return "+".join([*held, "Space" if self.key == " " else self.key])

    @property
    def on_this_system(self) -> Stroke:
        """The same with Meta as Control where commands are given by Control: everywhere but on macOS."""
        if sys.platform == "darwin" or not (self.meta or self.key == "Meta"):
            return self
        key = "Control" if self.key == "Meta" else self.key
        return Stroke(key, self.shift, control=self.control or self.meta, alt=self.alt)

    @property
    def character(self) -> str | None:
        """What it types, if it types something: with Shift the upper case or the sign above."""
        if len(self.key) != 1:
            return None
        return self.key.upper().translate(_SHIFTED) if self.shift else self.key


def read_stroke(text: str) -> Stroke:
    """Read a key or a combination, in any case and with the usual aliases.

    Source: WebArena reads the names of its special keys in any case, and takes Meta for Control off macOS.

    Raises:
        ActionRefused: there is no such key; the message names the nearest one.
    """
    *held, last = _split(text)
    names = [_key(name) for name in held]
    key = _key(last)
    wrong = next((name for name, found in zip(held, names, strict=True) if found not in _MODIFIERS), None)
    if wrong is not None and _key(wrong) is not None:
        raise ActionRefused(f"{wrong!r} is no key to hold down: expected {', '.join(_MODIFIERS)}, as in Control+a")
    if key is None or wrong is not None:
        raise ActionRefused(_unknown(last if wrong is None else wrong))
    commands = any(name in names for name in ("Control", "Alt", "Meta")) and "Shift" not in names
    return Stroke(
        key.lower() if commands and len(key) == 1 else key,  # Ctrl+A means the key, not the capital letter
        shift="Shift" in names,
        control="Control" in names,
        alt="Alt" in names,
        meta="Meta" in names,
    )


def _split(text: str) -> list[str]:
    """The parts at `+`, of which the last may be the key `+` itself; `ctrl-a` is read as `ctrl+a`."""
    text = text if len(text) == 1 else text.strip().strip("'\"") or text
    held, sign, last = text.rpartition("+")
    if not sign:
        before, hyphen, after = text.rpartition("-")
        is_combination = hyphen and after and all(_key(name) in _MODIFIERS for name in before.split("-"))
        return [*before.split("-"), after] if is_combination and _key(text) is None else [text]
    if not last.strip():  # `Control++`, or `+` alone
        held, last = held.rstrip("+ "), "+"
    return [*held.split("+"), last] if held else [last]


def _key(name: str) -> str | None:
    name = name if len(name) == 1 else name.strip() or name
    if len(name) == 1 and name not in "\n\r":
        return name if name.isprintable() else None
    return _KEYS.get(_plain(name))


def _unknown(name: str) -> str:
    if not name.strip():
        return "expected the name of a key, such as Enter, got nothing"
    shown = name if len(name) <= 40 else f"{name[:37]}..."
    near = difflib.get_close_matches(_plain(name[:40]), list(_KEYS), n=1)
    meant = _KEYS[near[0]] if near else None
    hint = f"did you mean {'Space' if meant == ' ' else meant}?" if meant else "a text is typed into a field by type"
    return f"there is no key {shown!r}; {hint}"
