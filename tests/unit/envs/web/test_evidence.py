"""What checks with JavaScript read of a page, in a real browser."""

from __future__ import annotations

from collections.abc import Iterator
from threading import Thread
from typing import Any
from wsgiref.simple_server import WSGIRequestHandler, make_server

import pytest

from tracewarp.envs.web.driver import Driver, Session
from tracewarp.envs.web.evaluators import evaluate
from tracewarp.envs.web.evidence import Probe, gather
from tracewarp.envs.web.sites import SiteMap
from tracewarp.envs.web.tasks import web_task
from tracewarp.trajectory import Task

pytestmark = pytest.mark.browser

MEMBERS = """
<table><tr><td data-label="Account"><span class="gl-avatar-labeled-sublabel">@ann</span></td>
<td class="col-max-role"><span>Guest</span></td></tr>
<tr><td data-label="Account"><span class="gl-avatar-labeled-sublabel">@b'ob"</span></td>
<td class="col-max-role"><span>Developer</span></td></tr></table>"""
PAGES = {
    "/": "<ul><li>red</li><li>blue</li></ul><input name='amount' value='20'><p id='folded'></p>"
    "<button onclick=\"document.querySelector('#folded').textContent = 'open'\">Unfold</button>",
    "/members": MEMBERS,
    "/f/books/7/": "<h1>A post</h1>",
    "/f/books/7/title/-/comment/9": "<h1>A comment</h1>",
}


class Quiet(WSGIRequestHandler):
    def log_message(self, *_: Any) -> None:
        pass


def app(environ: dict[str, Any], start_response: Any) -> list[bytes]:
    body = PAGES.get(environ["PATH_INFO"])
    start_response("404 Not Found" if body is None else "200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [f"<!doctype html><title>Site</title>{body or 'Nothing here'}".encode()]


@pytest.fixture(scope="module")
def address() -> Iterator[str]:
    with make_server("127.0.0.1", 0, app, handler_class=Quiet) as server:
        thread = Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[Driver]:
    from tracewarp.envs.web.chromium import ChromiumDriver

    with ChromiumDriver() as driver:
        yield driver


def probes(driver: Driver, address: str, start: str, *checks: dict[str, Any]) -> tuple[Probe, ...]:
    block = {
        "eval_types": ["program_html"],
        "program_html": [{"required_contents": {"must_include": []}} | c for c in checks],
    }
    sites = SiteMap({"__SITE__": address})
    task = web_task(Task(id="1", objective="x", start_url=f"__SITE__{start}", extra={"eval": block}), sites)
    driver.start(Session(task.start_urls, allowed_origins=(address,)))
    evidence = gather(task, driver, answer="", sites=sites)
    assert evidence.url == f"{address}{start}"
    assert evaluate(task, evidence).unknown == sum(not probe.readable for probe in evidence.probes)
    return evidence.probes


def test_locators_are_any_javascript(chromium: Driver, address: str) -> None:
    found = probes(
        chromium,
        address,
        "/",
        {"url": "last", "locator": "document.querySelector('[name=\"amount\"').value"},  # as WebArena writes it
        {"url": "last", "locator": "[...document.querySelectorAll('li')].map(li => li.outerText).join(' ')"},
        {"url": "last", "locator": "document.querySelector('#none').outerText"},
        {"url": "last", "locator": "document.querySelectorAll('li').length"},
        {"url": "__SITE__/members", "locator": ""},
        {"url": "last", "locator": "document.querySelector('td').outerText"},
        {"url": "__SITE__/nowhere", "locator": "document.body.outerText"},
        {"url": "last", "locator": "location.href"},
    )
    assert [probe.text for probe in found[:4]] == ["20", "red blue", "", "2"]
    assert "Developer" in found[4].text
    assert found[5].text == "@ann"  # last is where the check before it went
    assert found[5].visited == f"{address}/members"
    assert found[6].text == "Nothing here"
    assert [probe.readable for probe in found] == [True] * 7 + [False]


def test_prep_actions_run_before_the_locator(chromium: Driver, address: str) -> None:
    look = {"url": "last", "locator": "document.querySelector('#folded').outerText"}
    unfold = "document.querySelector('button').click()"
    [closed] = probes(chromium, address, "/", look)
    [opened] = probes(chromium, address, "/", look | {"prep_actions": [unfold]})
    impossible = "document.querySelector('#no').click()"
    [failed] = probes(chromium, address, "/", look | {"prep_actions": [impossible]})
    assert (closed.text, opened.text, failed.text) == ("", "open", "")


def test_helpers_look_at_the_page(chromium: Driver, address: str) -> None:
    call = "func:gitlab_get_project_memeber_role(__page__, {!r})"
    found = probes(
        chromium,
        address,
        "/f/books/7/title/-/comment/9",
        {"url": "func:reddit_get_post_url('__last_url__')", "locator": "document.body.outerText"},
        *({"url": "__SITE__/members", "locator": call.format(name)} for name in ("ann", "b'ob\"", "nobody")),
        {"url": "last", "locator": "func:os.system('true')"},
        {"url": "func:open('x')", "locator": ""},
    )
    assert [probe.text for probe in found] == ["A post", "Guest", "Developer", "", "", ""]
    assert found[0].visited == f"{address}/f/books/7/"
    assert [probe.readable for probe in found] == [True] * 4 + [False] * 2


def test_pages_outside_the_allowed_origins_are_not_probed(chromium: Driver, address: str) -> None:
    [probe] = probes(chromium, address, "/", {"url": "http://other.test/", "locator": ""})
    assert probe.text == ""
    assert "cannot be opened" in str(probe.problem)
    assert probe.readable
