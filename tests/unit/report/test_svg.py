import math

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tracewarp.report.plots import Axis, Line, Mark, histogram, interval_plot
from tracewarp.report.svg import Scale, domain, tag, ticks


def test_children_and_attributes_are_escaped():
    assert tag("text", "<a&b>", title='"x"') == '<text title="&#34;x&#34;">&lt;a&amp;b&gt;</text>'


def test_a_scale_maps_its_ends_and_keeps_what_lies_outside_at_the_edge():
    scale = Scale(0.0, 2.0, 10.0, 110.0)
    assert [scale(value) for value in (0, 1, 2, -5, 7)] == [10, 60, 110, 10, 110]


@given(st.floats(-1e6, 0), st.floats(1e-6, 1e6))
def test_ticks_are_few_inside_and_hold_zero(low, high):
    found = ticks(low, high)
    slack = (high - low) * 1e-6
    assert 0 < len(found) <= 6
    assert all(low - slack <= tick <= high + slack for tick in found)
    assert 0 in found


def test_ticks_of_a_share_axis():
    assert [round(tick, 9) for tick in ticks(0, 1)] == [0, 0.2, 0.4, 0.6, 0.8, 1]


@given(st.lists(st.floats(-1e3, 1e3)))
def test_a_domain_holds_zero_and_every_value_and_is_not_empty(values):
    low, high = domain(values)
    assert low < high
    assert all(low <= value <= high for value in [0.0, *values])


def test_a_histogram_loses_no_value():
    found = histogram([0, 0.05, 0.5, 1.0], [-3, 9], [0, 0.25, 0.5, 0.75, 1.0])
    assert found.up == (2, 0, 1, 1)
    assert found.down == (1, 0, 0, 1)


def test_equal_widths_do_not_move_a_value_into_the_bin_below():
    edges = [index / 20 for index in range(21)]
    assert histogram([0.15], [], edges).up.index(1) == 3


@pytest.mark.parametrize("series", range(7))
def test_a_plot_tells_its_figures_in_words_too(series):
    line = Line("a run", (Mark(series, "a run", 0.5, (0.4, 0.6), "0.500 [0.400, 0.600]", 0.2),))
    svg = interval_plot("key", "Title", "Words", [line], Axis(0, 1, str))
    assert 'role="img"' in svg and '<title id="plot-key-title">Title</title>' in svg and "chance 0.200" in svg


def test_a_plot_holds_no_number_that_is_none():
    line = Line("a run", (Mark(0, "a run", 1e-9, (0.0, 1e-9), "0.000"),))
    svg = interval_plot("key", "Title", "Words", [line], Axis(0, 1, str))
    assert "nan" not in svg and "inf" not in svg
    assert not math.isnan(Scale(0, 1, 0, 1)(0))
