"""Names of keys, as Playwright has them: `Enter`, `Control+a`, `Shift+Tab`, `x`."""

from __future__ import annotations

from dataclasses import dataclass

from tracewarp.envs.web.browserless.dom import words
from tracewarp.envs.web.driver import ActionRefused

_NAMED = words(
    "Enter Tab Backspace Delete Escape Insert Home End PageUp PageDown ArrowUp ArrowDown ArrowLeft ArrowRight "
    "Shift Control Alt Meta ShiftLeft ShiftRight ControlLeft ControlRight AltLeft AltRight MetaLeft MetaRight "
    "CapsLock NumLock ScrollLock ContextMenu PrintScreen Pause NumpadEnter"
) | {f"F{number}" for number in range(1, 13)}
_SAME = {"Space": " ", "NumpadEnter": "Enter", "\n": "Enter", "\r": "Enter"}
_PHYSICAL = {
    **{f"Key{letter}": letter.lower() for letter in "ABCDEFGHIJKLMNOPQRSTUVWXYZ"},
    **{f"Digit{digit}": digit for digit in "0123456789"},
}
_MODIFIERS = frozenset(("Shift", "Control", "Alt", "Meta", "ControlOrMeta"))


@dataclass(frozen=True, slots=True)
class Stroke:
    """One key with what is held down beside it."""

    key: str
    shift: bool = False
    control: bool = False
    alt: bool = False
    meta: bool = False


def read_stroke(keys: str) -> Stroke:
    """Read `Control+a`.

    Raises:
        ActionRefused: there is no such key.
    """
    *held, key = _split(keys)
    if any(name not in _MODIFIERS for name in held):
        raise ActionRefused(f"there is no key {keys!r}")
    key = _PHYSICAL.get(key, _SAME.get(key, key))
    if len(key) != 1 and key not in _NAMED:
        raise ActionRefused(f"there is no key {keys!r}")
    return Stroke(
        key,
        shift="Shift" in held,
        control="Control" in held or "ControlOrMeta" in held,
        alt="Alt" in held,
        meta="Meta" in held,
    )


def _split(keys: str) -> list[str]:
    """Parts at `+`, of which the last may be the key `+` itself."""
    if keys.endswith("+"):
        rest = keys[:-1].rstrip("+")
        return [*(rest.split("+") if rest else []), "+"]
    return keys.split("+")
