import io
import math

import pytest
from rich.console import Console

from tracewarp.errors import FileError
from tracewarp.metrics.peers import PeerComparison, PeerTiming
from tracewarp.report import print_comparison, write_comparison
from tracewarp.report.peers import coded, duration, plot, ratio


def timing(name, seconds, relation="same", why=""):
    best, worst = seconds, 1.5 * seconds
    return PeerTiming(name, f"{name}(x, y)", "1.0", best, worst, seconds / 1e-5, 7, relation, why, 0.0)


@pytest.fixture
def comparison():
    timings = (
        timing("tracewarp", 1e-5),
        timing("numpy", 2e-3),
        timing("<other>", 4e-5, "another", "step pattern <symmetric2>"),
        PeerTiming("broken", "dtw(x)", "1.0", math.nan, math.nan, math.nan, 0, "failed", "it failed: E: x", None),
    )
    words = "as many threads as numpy takes"
    return PeerComparison("7 pairs of 3 x 3 steps", timings, ("absent",), 2, 5, 1.0, words, "portable")


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(1e-5, "10.0 µs"), (4.62e-5, "46.2 µs"), (1.08e-3, "1.08 ms"), (12.3, "12.3 s"), (4e-8, "40.0 ns"), (0, "0 ns")],
)
def test_durations_have_three_digits_and_a_unit(seconds, text):
    assert duration(seconds) == text


def test_what_failed_has_no_figures():
    assert duration(math.nan) == ratio(math.nan) == "–"
    assert (ratio(1.5), ratio(9.99), ratio(18.4)) == ("1.50x", "9.99x", "18x")


def test_the_table_tells_who_differs_and_what_is_missing(comparison):
    console = Console(width=140, file=io.StringIO())
    print_comparison(comparison, console)
    text = console.file.getvalue()
    assert "<other> `<other>(x, y)`: step pattern <symmetric2>" in text
    assert "pip install absent" in text
    assert "it failed: E: x" in text
    assert "200x" in text


def test_the_plot_shows_everything_that_was_timed_on_a_logarithmic_axis(comparison):
    drawn = str(plot(comparison))
    assert "&lt;other&gt;" in drawn and "<other>" not in drawn
    assert "broken" not in drawn
    for tick in ("10 µs", "100 µs", "1 ms", "10 ms"):
        assert f">{tick}<" in drawn


def test_the_page_escapes_what_packages_say(comparison, tmp_path):
    write_comparison(comparison, tmp_path / "new" / "bench.html")
    page = (tmp_path / "new" / "bench.html").read_text("utf-8")
    assert "&lt;symmetric2&gt;" in page and "<symmetric2>" not in page
    assert "default-src &#39;none&#39;" in page or "default-src 'none'" in page


def test_a_page_that_cannot_be_written_is_told(comparison, tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(FileError, match="cannot be written"):
        write_comparison(comparison, tmp_path / "file" / "bench.html")


def test_what_stands_between_backticks_is_code():
    assert coded("`dtw(x, y)` <is> `a`") == "<code>dtw(x, y)</code> &lt;is&gt; <code>a</code>"
    assert coded("plain") == "plain"
