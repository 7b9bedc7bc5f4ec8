import io
from dataclasses import replace

import pytest
from rich.cells import cell_len
from rich.console import Console

from tracewarp.report import print_scores


class Ascii(io.TextIOWrapper):
    """A stream that takes ASCII alone."""

    def __init__(self):
        super().__init__(io.BytesIO(), encoding="ascii", errors="strict")


def printed(scores, width=100, **options):
    stream = io.StringIO()
    print_scores(scores, Console(file=stream, width=width, **options))
    return stream.getvalue()


def test_the_headline_figures_stand_with_their_intervals(make):
    text = printed(make.scores(make.run("mine", 1, 60)))
    for expected in (
        "Success rate",
        "95 % interval",
        "2.4 (40 templates)",
        "capability@1",
        "91.2 %",
        "[87.2, 95.2]",
        "124 of 136",
        "94.6 %",
        "0.211",
    ):
        assert expected in text


def test_encoder_template_seed_and_method_are_named(make):
    text = " ".join(printed(make.scores(make.run("mine", 1, 60))).split())
    assert "encoder and step template hashed, action_first" in text
    assert (
        "Wilson" in text
        and "BCa bootstrap (2,000 resamples)" in text
        and "Seed 0" in text
        and "over 40 templates" in text
        and "n = 60 tasks, 60 episodes" in text
    )


@pytest.mark.parametrize("width", [80, 100])
@pytest.mark.parametrize("runs", [1, 2, 3, 6])
def test_no_line_is_wider_than_the_console(make, width, runs):
    scores = make.scores(*[make.run(f"run-{number}-{'x' * 50}", number, 60) for number in range(runs)])
    assert max(cell_len(line) for line in printed(scores, width).splitlines()) <= width


@pytest.mark.parametrize("width", [80, 100])
def test_no_figure_of_any_run_is_cut(make, width):
    scores = make.scores(*[make.run(f"run-{number}", number, 60) for number in range(6)])
    text = printed(scores, width)
    for run in scores.runs:
        assert run.name in text
        interval = run.vertex_dtw.mean.interval
        assert f"[{interval.low:.3f}, {interval.high:.3f}]" in text
    assert "…" not in text


def test_nothing_is_coloured_when_it_is_piped(make):
    assert "\x1b" not in printed(make.scores(make.run("mine", 1, 60)))


def test_a_terminal_gets_bold_headlines(make):
    assert "\x1b[1m" in printed(make.scores(make.run("mine", 1, 60)), force_terminal=True, color_system="standard")


def test_the_baseline_stands_beside_the_runs(make):
    text = printed(make.scores(make.run("mine", 1, 60), baseline=make.run("does-nothing", 2, 60)))
    assert "does-nothing" in text
    assert "mine minus does-nothing" in text


def test_comparisons_lead_with_the_adjusted_p_and_say_what_it_shows(make):
    text = " ".join(printed(make.scores(make.run("mine", 1, 60), make.run("theirs", 2, 60))).split())
    for expected in (
        "+2.2 pp",
        "[−0.4, +4.9]",
        "0.208",
        "no difference shown",
        "< 0.001",
        "differs",
        "3.1 pp",
        "5 pp 313",
        "over 2 comparisons (max-T)",
        "3 tasks left out",
        "first to second: steps 1.21 [1.11, 1.31].",
        "Solved by the first alone in the first episode of each task 40",
        "second alone 22",
        "net",
    ):
        assert expected in text


def test_a_run_without_any_figure_is_printed_with_its_notes(make):
    text = printed(make.bare_scores())
    assert "not scored, because no references were given" in text
    assert "not judged" in text
    assert "–" in text


def test_a_figure_without_an_interval_says_why(make):
    run = make.run("mine", 1, 60)
    mean = replace(run.vertex_dtw.mean, interval=None, reason="3 templates; an interval needs at least 6")
    vertex = run.vertex_dtw.model_copy(update={"mean": mean})
    text = " ".join(printed(make.scores(run.model_copy(update={"vertex_dtw": vertex}))).split())
    assert "no interval" in text
    assert "3 templates; an interval needs at least 6" in text


def test_names_cannot_give_markup_or_escape_codes(make):
    text = printed(make.scores(make.run("[bold red]x[/] \x1b[31m", 1, 60, notes=("[/]", "\x1b]0;title\x07"))))
    assert "[bold red]x[/]" in text
    assert "\x1b" not in text and "\x07" not in text


def test_a_console_of_another_encoding_gets_plain_characters(make):
    stream = Ascii()
    print_scores(make.scores(make.run("日本", 1, 60), make.run("b", 2, 60)), Console(file=stream, width=100))
    stream.flush()
    text = stream.buffer.getvalue().decode("ascii")
    assert "[-0.4, +4.9]" in text
    assert "??" in text
