"""The report in a real browser, with the network off. Needs Playwright and a Chromium (`TRACEWARP_CHROMIUM`)."""

import re

import pytest

from tracewarp.data import data_path
from tracewarp.evaluate import EvaluateOptions, evaluate
from tracewarp.report import write_report

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def report(tmp_path_factory):
    """The shipped episodes and the agent that does nothing, as two runs."""
    path = tmp_path_factory.mktemp("report") / "report.html"
    runs = [data_path("demo", name) for name in ("webarena-episodes.jsonl.gz", "webarena-trivial.jsonl.gz")]
    options = EvaluateOptions(
        tasks=data_path("demo", "webarena-tasks.json"), references_from="capability", use_cache=False
    )
    write_report(evaluate(runs, options), path)
    return path


@pytest.fixture
def opened(browser, report):
    """Open the report at a width; errors and requests are collected on the page object."""
    contexts = []

    def at(width, scheme="light"):
        context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True)
        contexts.append(context)
        page = context.new_page()
        page.complaints, page.requested = [], []
        page.on("console", lambda message: page.complaints.append(message.text))
        page.on("pageerror", lambda error: page.complaints.append(str(error)))
        page.on("request", lambda request: page.requested.append(request.url))
        page.goto(report.as_uri())
        page.wait_for_selector("#task-table tbody tr")
        return page

    yield at
    for context in contexts:
        context.close()


def column(page, index):
    return page.eval_on_selector_all(
        f"#task-table tbody tr > :nth-child({index})", "cells => cells.map(c => c.textContent)"
    )


def shown(page):
    return int(page.text_content("#shown").split(" of ")[0].replace(",", ""))


def wait_for_count(page, count):
    # Not wait_for_function: it evaluates text, which the page's policy forbids.
    page.locator("#shown", has_text=re.compile(f"^{count} of")).wait_for()


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 400])
def test_the_page_is_whole_offline_and_never_wider_than_the_window(opened, width, scheme):
    page = opened(width, scheme)
    root = "document.documentElement"
    assert page.evaluate(f"{root}.scrollWidth <= {root}.clientWidth")
    assert page.complaints == []
    assert len(page.requested) == 1


def test_rows_are_drawn_as_they_are_needed(opened):
    page = opened(1280)
    assert shown(page) == 150
    assert page.locator("#task-table tbody tr").count() == 100
    page.evaluate("document.getElementById('task-box').scrollTop = 1e6")
    page.locator("#task-table tbody tr:nth-child(150)").wait_for(state="attached")
    assert not page.is_visible("#more button")


def test_search_and_filters_narrow_the_table(opened):
    page = opened(1280)
    page.fill("#search", "ZIP yale")
    wait_for_count(page, 2)
    assert column(page, 1) == ["72", "72"]
    page.select_option("#filter-run", "0")
    assert shown(page) == 1
    page.click("button[type=reset]")
    wait_for_count(page, 150)
    page.select_option("#filter-outcome", "partial")
    assert shown(page) == 6
    page.select_option("#filter-site", label="map")
    assert 0 < shown(page) < 6


def test_columns_sort_both_ways_by_keyboard_and_say_so(opened):
    page = opened(1280)
    page.focus("[data-key=vertex] button")
    page.keyboard.press("Enter")
    assert page.get_attribute("[data-key=vertex]", "aria-sort") == "ascending"
    rising = [float(text.replace("−", "-")) for text in column(page, 8)]
    assert rising == sorted(rising)
    page.keyboard.press("Space")
    assert page.get_attribute("[data-key=vertex]", "aria-sort") == "descending"
    falling = [float(text.replace("−", "-")) for text in column(page, 8)]
    assert falling == sorted(falling, reverse=True) and falling[0] > rising[-1]
    page.click("[data-key=task] button")
    assert page.get_attribute("[data-key=vertex]", "aria-sort") == "none"
    numbers = [int(text) for text in column(page, 1)]
    assert numbers == sorted(numbers)


def test_every_plot_is_drawn(opened):
    page = opened(400)
    sizes = page.eval_on_selector_all("svg.plot", "plots => plots.map(p => p.getBBox().width)")
    assert sizes and all(width > 100 for width in sizes)
