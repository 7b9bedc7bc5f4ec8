"""What reads pages, actions, answers and addresses of web environments takes time in proportion to its input.

Each reader gets its own worst case at 10, 20 and 40 kB. The best of five times (of the CPU, since the machine may be
busy) may grow 2.3-fold per doubling, or stay below 20 ms at 40 kB.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import pairwise

import pytest

from tracewarp.envs.web import actions, calls, keys
from tracewarp.envs.web.browserless import BrowserlessDriver, WsgiTransport
from tracewarp.envs.web.browserless.styles import applies, read_style
from tracewarp.envs.web.driver import ActionRefused, Session
from tracewarp.envs.web.evaluators import JudgeQuestion, must_include, url_match
from tracewarp.envs.web.ids import FirstAppearance
from tracewarp.envs.web.sites import WEBARENA_PUBLIC, SiteMap
from tracewarp.envs.web.strict import strict_include, strict_url
from tracewarp.envs.web.texts import stands_alone
from tracewarp.envs.web.tree import render_tree
from tracewarp.evaluate.model_judge import read_verdict

SIZES = (10_000, 20_000, 40_000)
GROWTH = 2.3
ENOUGH_SECONDS = 0.02
_REPEATS = 5
_ATTEMPTS = 4
"""A busy machine may spoil a measurement, but hardly all of them."""

Make = Callable[[int], str]


def refusing(read: Callable[[str], object]) -> Callable[[str], object]:
    def quiet(text: str) -> object:
        try:
            return read(text)
        except (ActionRefused, calls.CallSyntaxError):
            return None

    return quiet


def page(body: str) -> str:
    """Open a page without a browser, print it, and read its text as a check would."""

    def site(_: object, start_response: Callable[..., object]) -> list[bytes]:
        start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
        return [body.encode()]

    driver = BrowserlessDriver(WsgiTransport(site))
    driver.start(Session(("http://a.test/",)))
    driver.query("document.querySelector('body').outerText")
    return render_tree(driver.tree(), tabs=driver.tabs(), ids=FirstAppearance()).text


def style(text: str) -> str:
    return page(f"<style>{text}</style><p>x")


SITES = SiteMap({"__SHOPPING__": "http://localhost:7770"}, public=WEBARENA_PUBLIC)
EQUIVALENT = JudgeQuestion("equivalent", "", "", "")
action, call, stroke = refusing(actions.parse_action), refusing(calls.read_calls), refusing(keys.read_stroke)

READERS: dict[str, tuple[Callable[[str], object], Make]] = {
    "style: commas": (style, lambda n: "a," * (n // 2) + "b{display:none}"),
    "style: nested at-rules": (style, lambda n: "@media screen{" * (n // 14) + "a{display:none}"),
    "style: rules": (style, lambda n: "a{display:none}" * (n // 15)),
    "style: rules and nodes": (page, lambda n: f"<style>{'b{display:none}' * (n // 30)}</style>" + "<p>x" * (n // 8)),
    "style: comments": (read_style, lambda n: "/*" * (n // 2)),
    "style: open braces": (read_style, lambda n: "a{x;" * (n // 4)),
    "style: semicolons": (read_style, lambda n: "a{" + ";" * n),
    "style: open brackets": (read_style, lambda n: "[" * n + "{display:none}"),
    "style: pseudo-classes": (read_style, lambda n: ":a(" * (n // 3) + "{display:none}"),
    "style: blanks": (read_style, lambda n: "a{" + " " * n + "display:none}"),
    "media: open brackets": (applies, lambda n: "(" * n),
    "media: blanks": (applies, lambda n: "(min-width:" + " " * n),
    "page: a row of cells": (page, lambda n: "<table><tr>" + "<td>x" * (n // 5)),
    "page: rows": (page, lambda n: "<table>" + "<tr><td>x" * (n // 9)),
    "page: labels of one field": (page, lambda n: "<input id=i>" + "<label for=i>l</label>" * (n // 22)),
    "page: radio buttons": (page, lambda n: "<input type=radio name=a>" * (n // 25)),
    "page: names from elsewhere": (
        page,
        lambda n: "".join(f"<p id=i{i} aria-labelledby=i{i + 1}>x" for i in range(n // 30)),
    ),
    "page: blanks": (page, lambda n: "a" + " " * n + "b"),
    "page: line ends": (page, lambda n: "<pre>" + "a\n" * (n // 2)),
    "action: brackets": (action, lambda n: "type [5] " + "[" * min(n, 32_000)),
    "action: closing brackets": (action, lambda n: "type [5] [" + "]" * min(n, 32_000) + "x"),
    "action: flags": (action, lambda n: "type [5] [x]" + " [enter=0]" * min(n // 10, 3_000) + "x"),
    "action: blanks": (action, lambda n: "type [5] [x]" + " " * min(n, 32_000) + "x"),
    "action: blanks in brackets": (action, lambda n: "press [" + " " * min(n, 32_000)),
    "call: open strings": (call, lambda n: "fill('5', " + "'''" * (n // 3)),
    "call: lists": (call, lambda n: "click('5', modifiers=[" + "'a'," * (n // 4)),
    "call: comments": (call, lambda n: "click(" + "#\n" * (n // 2)),
    "keys: plus signs": (stroke, lambda n: "+" * n + "x"),
    "keys: hyphens": (stroke, lambda n: "ctrl-" * (n // 5) + "nothing"),
    "answer: a digit": (lambda text: stands_alone("2", text), lambda n: "2." + "2.)" * (n // 3) + "a"),
    "answer: blanks": (lambda text: must_include("2", text, as_word=True), lambda n: "2." + " " * n + "a"),
    "strict: digits": (lambda text: strict_include("12", text), lambda n: "1" * n + "a"),
    "strict: commas": (lambda text: strict_include("12", text), lambda n: "1,111" * (n // 5)),
    "strict: short words": (lambda text: strict_include("yes", text), lambda n: "yesyes" * (n // 6)),
    "strict: alternatives": (lambda text: strict_include(text, "x"), lambda n: "a |OR| " * (n // 7)),
    "address": (lambda text: url_match(text, text), lambda n: "http://a/" + "b/" * (n // 2) + "?" + "x=1&" * 100),
    "address: strict": (lambda text: strict_url(text, text), lambda n: "http://a/" + "b/" * (n // 2)),
    "sites: shown": (SITES.shown, lambda n: "http://localhost:777" * (n // 20)),
    "sites: real": (SITES.real, lambda n: "http://onestopmarket.co" * (n // 23)),
    "verdict: lines": (lambda text: read_verdict(EQUIVALENT, text), lambda n: "verdict\n" * (n // 8)),
    "verdict: signs": (lambda text: read_verdict(EQUIVALENT, text), lambda n: "verdict:" + "*" * n + "x"),
}


def seconds(read: Callable[[str], object], text: str) -> float:
    best = float("inf")
    for _ in range(_REPEATS):
        began = time.process_time()
        read(text)
        best = min(best, time.process_time() - began)
    return best


@pytest.mark.parametrize("name", READERS)
def test_time_grows_with_the_input(name: str) -> None:
    read, make = READERS[name]
    texts = [make(size) for size in SIZES]
    for _ in range(_ATTEMPTS):
        times = [seconds(read, text) for text in texts]
        if times[-1] < ENOUGH_SECONDS or all(later < GROWTH * before for before, later in pairwise(times)):
            return
    pytest.fail(f"{name}: {', '.join(f'{1000 * it:.1f} ms' for it in times)} for 10, 20 and 40 kB")
