"""Which boxes style sheets give."""

import pytest

from tracewarp.envs.web.browserless.dom import Box
from tracewarp.envs.web.browserless.styles import MAX_RULES, applies, read_style


def test_rules_without_display_and_of_states_are_left_out() -> None:
    sheet = "a{color:red} b{display:block} c:hover{display:none} d::before{display:block} @media print{e{display:none}}"
    assert [(rule.selector, rule.box) for rule in read_style(sheet)] == [("b", Box.BLOCK)]


def test_specificity_ranks_ids_above_classes_above_tags() -> None:
    ranks = [
        rule.rank
        for rule in read_style("a{display:none} .b{display:none} #c{display:none} a b{display:none!important}")
    ]
    assert sorted(ranks) == [ranks[0], ranks[1], ranks[2], ranks[3]]


def test_rules_stand_in_media_queries_nested_or_not() -> None:
    sheet = (
        "@media screen{a{display:none} @media(min-width:10px){b{display:none}} @media print{c{display:none}}}"
        "@import 'x'; d{color:red;display:none} @font-face{e{display:none}}"
        "@media print{@media screen{f{display:none}}}"
    )
    assert [rule.selector for rule in read_style(sheet)] == ["a", "b", "d"]


def test_at_most_so_many_rules_are_read() -> None:
    assert len(read_style("a{display:none}" * 2 * MAX_RULES)) == MAX_RULES
    assert len(read_style(",".join("a" * 2 * MAX_RULES) + "{display:none}")) == MAX_RULES


def test_commas_within_brackets_part_no_selectors() -> None:
    assert [rule.selector for rule in read_style(":is(a, b) i, [title='x'] {display:none}")] == [
        ":is(a, b) i",
        "[title='x']",
    ]


def test_comments_are_no_part_of_a_sheet() -> None:
    assert [rule.selector for rule in read_style("/* a{display:none} */b/**/{display:none} /* c{display:none}")] == [
        "b"
    ]


def test_a_sheet_cut_short_or_malformed_does_no_harm() -> None:
    assert [rule.selector for rule in read_style("}} x[{display:none} p{display:none")] == ["p"]


@pytest.mark.parametrize(
    ("media", "holds"),
    [
        *(("", True), ("screen", True), ("print", False), ("(max-width: 40rem)", False), ("(min-width: 800px)", True)),
        *(("not print", True), ("(prefers-color-scheme: dark)", False), ("print, screen", True)),
    ],
)
def test_media_queries_are_answered_for_a_screen(media: str, holds: bool) -> None:
    assert applies(media) is holds
