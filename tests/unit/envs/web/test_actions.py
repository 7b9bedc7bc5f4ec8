"""Actions are read in both dialects, written back, and refused in one sentence where they are malformed."""

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracewarp.envs.web.actions import (
    MAX_ACTION_CHARACTERS,
    VERBS,
    Action,
    ActionSyntaxError,
    describe_actions,
    ends_episode,
    parse_action,
    sentence,
    write_action,
)
from tracewarp.envs.web.tree import Element
from tracewarp.errors import OptionError
from tracewarp.trajectory.actions import BROWSERGYM_VERBS, OWN_VERBS, WEBARENA_VERBS

PAIRS = [
    ("click [12]", "click('12')", Action("click", 12)),
    ("hover [3]", "hover('3')", Action("hover", 3)),
    ("type [5] [red lamp] [1]", "fill('5', 'red lamp')\nkeyboard_press('Enter')", Action("type", 5, "red lamp")),
    ("type [5] [red lamp] [0]", "fill('5', 'red lamp')", Action("type", 5, "red lamp", enter=False)),
    ("press [Control+a]", "keyboard_press('Control+a')", Action("press", text="Control+a")),
    ("scroll [down]", "scroll(0, 500)", Action("scroll", text="down")),
    ("scroll [up]", "scroll(0, -500)", Action("scroll", text="up")),
    ("new_tab", "new_tab()", Action("new_tab")),
    ("tab_focus [1]", "tab_focus(1)", Action("tab_focus", tab=1)),
    ("close_tab", "tab_close()", Action("close_tab")),
    ("goto [http://a.test/x?y=1]", "goto('http://a.test/x?y=1')", Action("goto", text="http://a.test/x?y=1")),
    ("go_back", "go_back()", Action("go_back")),
    ("go_forward", "go_forward()", Action("go_forward")),
    ("press [5] [Enter]", "press('5', 'Enter')", Action("press", 5, "Enter")),
    ("dialog [accept]", "dialog('accept')", Action("dialog")),
    ("dialog [accept] [Bob]", "dialog('accept', 'Bob')", Action("dialog", text="Bob")),
    ("stop [42]", "send_msg_to_user('42')", Action("stop", text="42")),
]
CASES = Path(__file__).parents[3] / "data" / "cases" / "answers.jsonl"


@pytest.mark.parametrize(("webarena", "browsergym", "action"), PAIRS)
def test_dialects_say_the_same(webarena: str, browsergym: str, action: Action) -> None:
    assert parse_action(webarena) == parse_action(browsergym) == action
    assert parse_action(webarena, "webarena") == parse_action(browsergym, "browsergym") == action
    assert write_action(action) == webarena
    assert write_action(action, "browsergym") == browsergym


def test_the_table_has_every_verb_of_webarena() -> None:
    assert set(VERBS) == WEBARENA_VERBS | OWN_VERBS
    assert {signature.name for verb in VERBS.values() for signature in verb.calls} <= BROWSERGYM_VERBS | OWN_VERBS


def test_the_actions_of_the_shared_cases() -> None:
    rows = [json.loads(line) for line in CASES.read_text("utf-8").splitlines()]
    found = {row["expected"]: parse_action(row["action"]) for row in rows if "action" in row}
    assert found == {
        "type 164, text 'restaurants near CMU', no Enter": Action("type", 164, "restaurants near CMU", enter=False),
        "Enter, as in WebArena (SPECIAL_KEY_MAPPINGS)": Action("press", text="Enter"),
    }


@pytest.mark.parametrize(
    ("text", "action"),
    [
        ("type [5] [red lamp]", Action("type", 5, "red lamp")),
        ("type [5] [a [b] c] [0]", Action("type", 5, "a [b] c", enter=False)),
        ("type [5] [see [1]]", Action("type", 5, "see [1]")),
        ("type [5] []", Action("type", 5, "")),
        ("type [5] [abc] [1] where [5] is textbox 'Search'", Action("type", 5, "abc")),
        ("type [5] [two\nlines] [0]", Action("type", 5, "two\nlines", enter=False)),
        ("click [12] where [12] is link 'Lamps'", Action("click", 12)),
        ("  CLICK   [ 12 ]\n", Action("click", 12)),
        ("scroll down", Action("scroll", text="down")),
        ("scroll [direction=up]", Action("scroll", text="up")),
        ("scroll [DOWN]", Action("scroll", text="down")),
        ("scroll [ Direction: Up ]", Action("scroll", text="up")),
        ("SCROLL DOWN", Action("scroll", text="down")),
        ("type [5] [red lamp] [press_enter_after=0]", Action("type", 5, "red lamp", enter=False)),
        ("type [5] [red lamp] [press_enter_after=1]", Action("type", 5, "red lamp")),
        ("type [5] [red lamp] [press_enter: 0]", Action("type", 5, "red lamp", enter=False)),
        ("type [5] [red lamp] [Enter = False]", Action("type", 5, "red lamp", enter=False)),
        ("type [5] [red lamp] [press_enter='1'] where [5] is textbox 'x'", Action("type", 5, "red lamp")),
        ("type [5] [a [press_enter_after=0] b] [0]", Action("type", 5, "a [press_enter_after=0] b", enter=False)),
        ("type [5] [x=0]", Action("type", 5, "x=0")),
        ("type [id=5] [lamp]", Action("type", 5, "lamp")),
        ("click [element_id: 12]", Action("click", 12)),
        ("tab_focus [tab_index=1]", Action("tab_focus", tab=1)),
        ("goto [url=http://a.test/?url=b]", Action("goto", text="http://a.test/?url=b")),
        ("press [enter]", Action("press", text="Enter")),
        ("press [key_comb=ctrl+A]", Action("press", text="Control+a")),
        ("press [Nonsense]", Action("press", text="Nonsense")),  # read, and refused when it is to be pressed
        ("press []]", Action("press", text="]")),
        ("press [=]", Action("press", text="=")),
        ("press [5]", Action("press", text="5")),
        ("keyboard_press('esc')", Action("press", text="Escape")),
        ("Dialog [Accept] [a [b]]", Action("dialog", text="a [b]")),
        ("dialog [accept] []", Action("dialog", text="")),
        ("click('12', button='left', modifiers=[])", Action("click", 12)),
        ("click('12', 'left')", Action("click", 12)),
        ("fill('5', 'b', True)", Action("type", 5, "b", enter=False)),
        ("fill('5', 'b', enable_autocomplete_menu=False)", Action("type", 5, "b", enter=False)),
        ("fill('5', 'b')\npress('5', 'enter')", Action("type", 5, "b")),
        ("select_option('48', 'blue')", Action("type", 48, "blue", enter=False)),
        ("select_option('48', ['blue'])", Action("type", 48, "blue", enter=False)),
        ("clear('3')", Action("type", 3, "", enter=False)),
        ("stop [\ud83d\ude00 \ud800]", Action("stop", text="\N{GRINNING FACE} \ufffd")),
        ("stop", Action("stop", text="")),
        ("stop []", Action("stop", text="")),
        ("stop [a [b]]", Action("stop", text="a [b]")),
        ("stop [Zoë – 東京]", Action("stop", text="Zoë – 東京")),
        ("stop [f(x)]", Action("stop", text="f(x)")),
        ("click(12)", Action("click", 12)),
        ("fill(bid='5', value=3)", Action("type", 5, "3", enter=False)),
        ("fill('5', \"it's\\n\\u00e9 \\d\")  # done", Action("type", 5, "it's\né \\d", enter=False)),
        ("send_msg_to_user('''two\nlines''')", Action("stop", text="two\nlines")),
        ("report_infeasible('there is no such shop')", Action("stop", text="N/A")),
        ("scroll(0, -12.5)", Action("scroll", text="up")),
    ],
)
def test_forms_that_models_write_are_read(text: str, action: Action) -> None:
    assert parse_action(text) == action


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", "empty"),
        (" \n\t", "empty"),
        ("click", "expected click [id]"),
        ("click [12", "expected click [id]"),
        ("click 12]", "expected click [id]"),
        ("click [[12]]", "expected click [id]"),
        ("click [-3]", "expected click [id]"),
        ("click [1.5]", "expected click [id]"),
        ("click [٣]", "expected click [id]"),
        ("click [" + "9" * 5000 + "]", "expected click [id]"),
        ("type [5] [1]", "expected type [id] [text]"),  # as in WebArena, a last [1] is the flag
        ("type [5] lamp", "expected type [id] [text]"),
        ("stop [a", "expected stop [answer]"),
        ("scroll [left]", "expected scroll"),
        ("tab_focus [x]", "expected tab_focus"),
        ("press", "expected press"),
        ("I will click [12]", "is no action"),
        ("import os", "is no action"),
        ("[" * 30_000, "is no action"),
        ("click\0[1]", "is no action"),
        ("__import__('os').system('true')", "cannot be read"),
        ("__import__('os')", "is no action"),
        ("click('a51')", "the id of an element"),
        ("click(-3)", "the id of an element"),
        ("click(True)", "the id of an element"),
        ("click('1', 'right')", "expected a click with the left button"),
        ("click('1', modifiers=['Shift'])", "expected a click with the left button"),
        ("click('1', modifiers=[1])", "cannot be read"),
        ("click('1', modifiers=['Shift'", "cannot be read"),
        ("select_option('1', ['a', 'b'])", "the name of one option"),
        ("fill('5', 'b')\npress('6', 'Enter')", "expected one action, got 2"),
        ("dialog [dismiss]", "expected dialog [accept]"),
        ("dialog('no')", "expected dialog('accept')"),
        ("type [5] [press_enter_after=0]", "expected type [id] [text]"),
        ("noop()", "is no action"),
        ("click(bid='1', bid='2')", "cannot be read"),
        ("fill('5')", "expected fill(bid, value)"),
        ("fill('5', value='a', bid='6')", "expected fill(bid, value)"),
        ("fill('5', ['a'])", "a text in quotes"),
        ("fill('5', 'a' + 'b')", "cannot be read"),
        ("fill('5', 'a", "cannot be read"),
        ("click(" * 5000, "cannot be read"),
        ("click('1')\nclick('2')", "expected one action, got 2"),
        ("scroll(100, 0)", "up and down only"),
        ("tab_focus('1')", "the number of a tab"),
        ("type [5] [\0]", "no page can take"),
        ("x" * (MAX_ACTION_CHARACTERS + 1), "at most"),
    ],
)
def test_malformed_actions_are_refused_in_a_sentence(text: str, said: str) -> None:
    with pytest.raises(ActionSyntaxError) as refusal:
        parse_action(text)
    assert said in str(refusal.value)
    assert len(str(refusal.value)) < 400


@given(st.text(max_size=60))
def test_any_text_is_an_action_or_a_refusal(text: str) -> None:
    for written in (text, f"type [1] [{text}] [0]", f"fill('1', {text!r})"):
        try:
            action = parse_action(written)
        except ActionSyntaxError:
            continue
        for dialect in ("webarena", "browsergym"):
            assert parse_action(write_action(action, dialect), dialect) == action


def test_one_dialect_alone_refuses_the_other() -> None:
    with pytest.raises(ActionSyntaxError):
        parse_action("click('12')", "webarena")
    with pytest.raises(ActionSyntaxError):
        parse_action("click [12]", "browsergym")


def test_only_stop_ends_the_episode() -> None:
    assert [name for name in VERBS if ends_episode(Action(name))] == ["stop"]


def test_the_description_names_every_form() -> None:
    assert all((f"`{verb.form}`" in describe_actions()) == verb.listed for verb in VERBS.values())
    told = describe_actions("browsergym")
    assert all(
        (f"`{call.name}(" in told) == (call.listed and verb.listed) for verb in VERBS.values() for call in verb.calls
    )
    with pytest.raises(OptionError, match="dialect: expected webarena or browsergym, got 'html'"):
        describe_actions("html")  # type: ignore[arg-type]


def test_dialogs_are_told_of_only_where_that_is_asked() -> None:
    assert "dialog" not in describe_actions() + describe_actions("browsergym")
    assert "`dialog [accept] [text]`: accept the dialog" in describe_actions(dialogs=True)
    assert "`dialog(answer)`: accept the dialog" in describe_actions("browsergym", dialogs=True)
    with pytest.raises(ActionSyntaxError, match="is no action") as refused:
        parse_action("dance [1]")
    assert "dialog" not in str(refused.value)


def test_the_sentence_tells_the_element() -> None:
    elements = {12: Element(("page", 4), "link", "Lamps", 0, "[12] link 'Lamps' expanded: False")}
    assert sentence(Action("click", 12), elements) == "click [12] where [12] is link 'Lamps' expanded: False"
    assert sentence(Action("click", 12), elements, "browsergym") == (
        "click('12') where '12' is link 'Lamps' expanded: False"
    )
    assert sentence(Action("click", 13), elements) == "click [13]"
    assert sentence(Action("go_back"), elements) == "go_back"
