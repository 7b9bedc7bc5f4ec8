import math

import pytest
from rich.cells import cell_len

from tracewarp.report import words


@pytest.mark.parametrize(
    ("value", "text"),
    [(0.69335, "69.3 %"), (0.0, "0.0 %"), (1.0, "100.0 %"), (None, "–"), (math.nan, "–"), (-0.0001, "0.0 %")],
)
def test_percent_has_one_decimal(value, text):
    assert words.percent(value) == text


def test_a_negative_number_has_a_true_minus_sign():
    assert words.number(-0.3647) == "−0.365"


def test_a_negative_number_that_rounds_to_zero_has_no_sign():
    assert words.number(-0.0001) == "0.000"
    assert words.signed(-0.0001) == "0.000"


def test_a_difference_shows_its_sign():
    assert words.points(0.022) == "+2.2 pp"
    assert words.points_interval((-0.004, 0.049)) == "[−0.4, +4.9]"
    assert words.signed(3, 0) == "+3"


@pytest.mark.parametrize(("p", "text"), [(0.0004, "< 0.001"), (0.001, "0.001"), (1.0, "1.000")])
def test_p_values_below_a_thousandth_give_the_bound(p, text):
    assert words.p_value(p) == text


def test_plain_text_holds_no_control_characters():
    assert words.plain("a\x1b[31mb\n\tc\u202ed\ud800e") == "a [31mb c d e"


def test_plain_text_keeps_joiners_and_wide_characters():
    assert words.plain("👩\u200d💻 日本語") == "👩\u200d💻 日本語"


@pytest.mark.parametrize("text", ["short", "x" * 100, "日本語" * 30, "", "👩\u200d💻" * 30])
@pytest.mark.parametrize("shorten", [words.shorten, words.shorten_middle])
def test_shortened_text_is_never_wider_than_asked(text, shorten):
    assert cell_len(shorten(text, 20)) <= 20


def test_shortening_in_the_middle_keeps_both_ends():
    assert words.shorten_middle("agent-with-a-long-name-seed-1", 12) == "agent-…eed-1"


def test_the_level_is_empty_where_the_settings_do_not_tell():
    assert words.level({}) == ""
    assert words.level({"confidence": 0.95}) == "95 %"
