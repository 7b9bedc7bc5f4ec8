"""When two actions are equal: verb, text argument, and the element's role and name; never its id."""

import pytest

from tracewarp.evaluate.actions import ActionIdentity, action_identity
from tracewarp.trajectory import Observation, Step

PAGE = """Tab 0 (current): Shop

[1] RootWebArea 'Shop' focused: True
\t[2] link 'Lamps' url: 'http://shop/lamps'
\t[3] textbox "Tom's search" required: False
\t[a14] button 'Buy', clickable
\t[5] generic, clickable
\t[62] link 'It\\'s "new"'"""


def identity(action, page=PAGE, url="http://shop/"):
    return action_identity(Step(observation=Observation(text=page, url=url), action=action))


@pytest.mark.parametrize(
    ("action", "expected"),
    [
        ("click [2]", ("click", "", "link", "'Lamps'")),
        ("click('2')", ("click", "", "link", "'Lamps'")),
        ("click('2', button='left')", ("click", "", "link", "'Lamps'")),
        ("type [3] [red lamp] [1]", ("type", "red lamp", "textbox", '"Tom\'s search"')),
        ("fill('3', 'red lamp')", ("type", "red lamp", "textbox", '"Tom\'s search"')),
        ("click [62]", ("click", "", "link", "'It\\'s \"new\"'")),
        ("click [5]", ("click", "", "generic", None)),
        ("click [99]", ("click", "", None, None)),  # the page lists no such element
        ("scroll [down]", ("scroll", "down", None, None)),
        ("tab_focus [2]", ("tab_focus", "2", None, None)),
        ("goto [http://shop/lamps]", ("goto", "/lamps", None, None)),
        ("goto [http://elsewhere/lamps]", ("goto", "http://elsewhere/lamps", None, None)),
        ("stop", ("stop", "", None, None)),
        ("stop []", ("stop", "", None, None)),
        ("stop [42 lamps]", ("stop", "42 lamps", None, None)),
        # Outside the grammar: ids with letters, verbs and arguments of other agents.
        ("click('a14')", ("click", "", "button", "'Buy'")),
        ("click('a14', 'right')", ("click", "'right')", "button", "'Buy'")),
        ("focus('3')", ("focus", "", "textbox", '"Tom\'s search"')),
        ("take_note('2 lamps at  http://shop/lamps')", ("take_note", "('2 lamps at /lamps')", None, None)),
        ("noop()", ("noop", "()", None, None)),
        ("Wait", ("wait", "", None, None)),
        (None, (None, "", None, None)),
    ],
)
def test_an_action_is_its_verb_text_and_element(action, expected):
    assert identity(action) == ActionIdentity(*expected)


def test_ids_are_not_compared():
    assert identity("click [2]") == identity("click [70]", PAGE.replace("[2] link", "[70] link"))
    assert identity("click('a14')") == identity("click('b9')", PAGE.replace("[a14]", "[b9]"))
    assert identity("click [2]") != identity("click [2]", PAGE.replace("'Lamps'", "'Chairs'"))
    assert identity("click [2]") != identity("hover [2]")
    assert identity("type [3] [a]") != identity("type [3] [b]")


def test_the_sites_own_address_is_not_compared():
    here, there = (
        identity("goto [http://shop/x]"),
        identity("goto [http://127.0.0.1:8001/x]", url="http://127.0.0.1:8001/"),
    )
    assert here == there


def test_a_page_cannot_list_an_element_within_a_name():
    page = "[1] link 'see [2] button'\n[2] link 'Lamps'"
    assert identity("click [2]", page).role == "link"
