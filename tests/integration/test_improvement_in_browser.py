"""The page of an improvement in a real browser, with the network off. Needs Playwright and a Chromium."""

from __future__ import annotations

import pytest
from made_improvement import NAMES, made_improvement

from tracewarp.data import data_path
from tracewarp.evaluate import EvaluateOptions, evaluate
from tracewarp.report import write_improvement_page

pytestmark = pytest.mark.browser


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    """The shipped episodes stand for every agent's."""
    path = tmp_path_factory.mktemp("improvement") / "improvement.html"
    options = EvaluateOptions(tasks=data_path("demo", "webarena-tasks.json"), use_cache=False)
    scores = evaluate([data_path("demo", "webarena-episodes.jsonl.gz")], options)
    runs = tuple(scores.runs[0].model_copy(update={"name": name}) for name in NAMES)
    write_improvement_page(made_improvement(scores.model_copy(update={"runs": runs})), path)
    return path


@pytest.mark.parametrize("width", [1280, 400])
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_page_fits_without_a_request_or_a_complaint(browser, page, width, scheme):
    with browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, offline=True) as context:
        shown = context.new_page()
        complaints, requested = [], []
        shown.on("console", lambda message: complaints.append(message.text))
        shown.on("pageerror", lambda error: complaints.append(str(error)))
        shown.on("request", lambda request: requested.append(request.url))
        shown.goto(page.as_uri())
        assert complaints == []
        assert requested == [page.as_uri()]
        assert shown.evaluate("document.documentElement.scrollWidth <= innerWidth")
        # The style is applied: the policy's hash is right.
        assert shown.evaluate("getComputedStyle(document.querySelector('.curve')).fill") == "none"
        assert shown.locator("svg.plot").count() == 4
        for plot in shown.locator("svg.plot").all():
            box = plot.bounding_box()
            assert box["width"] > 200 and box["x"] + box["width"] <= width


@pytest.mark.parametrize("width", [1280, 400])
def test_no_text_of_a_plot_leaves_it(browser, page, width):
    with browser.new_context(viewport={"width": width, "height": 900}) as context:
        shown = context.new_page()
        shown.goto(page.as_uri())
        outside = shown.evaluate(
            """[...document.querySelectorAll('svg.plot')].flatMap(plot => {
                const frame = plot.getBoundingClientRect();
                return [...plot.querySelectorAll('text')].filter(text => {
                    const box = text.getBoundingClientRect();
                    return box.left < frame.left - 1 || box.right > frame.right + 1 || box.bottom > frame.bottom + 1;
                }).map(text => text.textContent);
            })"""
        )
        assert outside == []
