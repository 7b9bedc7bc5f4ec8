"""Keys are read in any case and under their usual names, and an unknown one is refused with the nearest."""

import sys

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracewarp.envs.web.driver import ActionRefused
from tracewarp.envs.web.keys import Stroke, read_stroke


@pytest.mark.parametrize(
    ("text", "written"),
    [
        *((name, "Enter") for name in ("Enter", "enter", "ENTER", "Return", "return", "'Enter'", '"enter"', "\n")),
        *((name, "Escape") for name in ("Escape", "esc", "ESC")),
        *((name, "Control+a") for name in ("Control+a", "ctrl+a", "Ctrl+A", "CTRL + A", "ctrl-a", "ControlLeft+KeyA")),
        *((name, "Meta+a") for name in ("Meta+a", "cmd+a", "Command+A", "win+a", "ControlOrMeta+a")),
        *((name, "ArrowDown") for name in ("ArrowDown", "arrowdown", "down", "Down", "arrow down", "Arrow_Down")),
        *((name, "PageDown") for name in ("pagedown", "Page Down", "page-down", "pgdn", "PgDown")),
        *((name, "PageUp") for name in ("pageup", "pgup")),
        *((name, "Space") for name in (" ", "space", "SPACE", "Spacebar")),
        *((name, "Delete") for name in ("del", "delete")),
        ("bksp", "Backspace"),
        ("F5", "F5"),
        ("f12", "F12"),
        ("x", "x"),
        ("X", "X"),
        ("+", "+"),
        ("Ctrl++", "Control++"),
        ("-", "-"),
        ("minus", "-"),
        ("slash", "/"),
        ("shift+tab", "Shift+Tab"),
        ("Ctrl+Shift+Delete", "Control+Shift+Delete"),
        ("Shift+a", "Shift+a"),
        ("option+left", "Alt+ArrowLeft"),
        ("shift", "Shift"),
        ("é", "é"),
    ],
)
def test_names_of_keys(text: str, written: str) -> None:
    assert str(read_stroke(text)) == written


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("Entr", "there is no key 'Entr'; did you mean Enter?"),
        ("Ctrl+Entre", "there is no key 'Entre'; did you mean Enter?"),
        ("Contrl+a", "there is no key 'Contrl'; did you mean Control?"),
        ("Spce", "did you mean Space?"),
        ("arowdown", "did you mean ArrowDown?"),
        ("red lamp", "there is no key 'red lamp'; a text is typed into a field by type"),
        ("Tab+Enter", "'Tab' is no key to hold down"),
        ("a+b", "'a' is no key to hold down"),
        ("", "expected the name of a key"),
        ("   ", "expected the name of a key"),
        ("\0", "there is no key"),
        ("x" * 30_000, "there is no key"),
    ],
)
def test_an_unknown_key_is_refused_with_the_nearest_one(text: str, said: str) -> None:
    with pytest.raises(ActionRefused) as refused:
        read_stroke(text)
    assert said in str(refused.value)
    assert len(str(refused.value)) < 150


@pytest.mark.parametrize(
    ("platform", "written"), [("linux", "Control+c"), ("win32", "Control+c"), ("darwin", "Meta+c")]
)
def test_meta_is_control_off_macos(monkeypatch: pytest.MonkeyPatch, platform: str, written: str) -> None:
    monkeypatch.setattr(sys, "platform", platform)
    assert str(read_stroke("cmd+c").on_this_system) == written
    assert str(read_stroke("meta").on_this_system) == written.partition("+")[0]
    assert str(read_stroke("Alt+c").on_this_system) == "Alt+c"


@pytest.mark.parametrize(
    ("stroke", "typed"),
    [(Stroke("a"), "a"), (Stroke("a", shift=True), "A"), (Stroke("1", shift=True), "!"), (Stroke("Tab"), None)],
)
def test_what_a_stroke_types(stroke: Stroke, typed: str | None) -> None:
    assert stroke.character == typed


@given(st.text(max_size=12) | st.lists(st.sampled_from(["Ctrl", "+", "-", "a", "Shift", " ", "Enter"])).map("".join))
def test_what_is_read_is_written_so_that_it_reads_the_same(text: str) -> None:
    try:
        stroke = read_stroke(text)
    except ActionRefused:
        return
    assert read_stroke(str(stroke)) == stroke
