from __future__ import annotations

import pytest

from tracewarp.trajectory import STANDARD_VERBS, action_verb


@pytest.mark.parametrize(
    ("text", "verb"),
    [
        ("click [12]", "click"),
        ("click('12')", "click"),
        ("  Type [3] [a [b] (c)] [1]", "type"),
        ("go_back", "go_back"),
        ("go_back()", "go_back"),
        ("send_msg_to_user('see [1]')", "send_msg_to_user"),
        ("stop [N/A]", "stop"),
        ("", None),
        ("   ", None),
        ("[12]", None),
        (None, None),
    ],
)
def test_verb_is_what_stands_before_the_first_bracket(text, verb):
    assert action_verb(text) == verb


def test_verbs_of_both_dialects_are_standard_and_added_ones_are_not():
    assert {"stop", "type", "fill", "send_msg_to_user"} <= STANDARD_VERBS
    assert not {"take_note", "calculate"} & STANDARD_VERBS
