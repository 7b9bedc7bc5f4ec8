"""The driver of a real Chromium over pages served from 127.0.0.1."""

import asyncio
import gc
import json
import os
import signal
import sys
import time
from pathlib import Path

import pytest

from tracewarp.envs.base import TaskRef
from tracewarp.envs.web.chromium import ChromiumDriver
from tracewarp.envs.web.driver import ActionRefused, Dialog, Driver, Session
from tracewarp.envs.web.environment import WebEnvironment
from tracewarp.envs.web.ids import FirstAppearance, browser_numbers
from tracewarp.envs.web.sites import SiteMap
from tracewarp.envs.web.source import TaskFileSource
from tracewarp.envs.web.tree import render_tree
from tracewarp.errors import EnvironmentFailure, OptionError
from tracewarp.trajectory import load_tasks

pytestmark = pytest.mark.browser

HOME = """<!doctype html><title>Home</title>
<style>.must::after{content:" *"} .off{position:absolute;left:-9999px}</style>
<header><h1>Shop</h1><nav aria-label="Main"><ul><li><a href="/two">Second <b>page</b></a></li><li>plain</li></ul></nav>
</header>
<main>
<form action="/found"><label class="must" for="q">Query</label><input id="q" name="q" required value="old"></form>
<form id="f" method="post" action="/posted">
<label>Size <select name="size"><option>Small</option><option selected>Large</option><option disabled>None</option>
</select></label>
<select multiple aria-label="Tags" name="tags"><option>red</option><option>blue</option></select>
<input type="checkbox" id="c" class="off"><label for="c">Gift</label>
<textarea aria-label="Note" name="note">one
two</textarea>
<input type="date" aria-label="Day" name="day"><input type="number" aria-label="Count" name="count" maxlength="3">
<input aria-label="Locked" readonly><input aria-label="Shut" disabled><input type="file" aria-label="File">
<div contenteditable role="textbox" aria-label="Rich">rich</div>
<button>Send</button></form>
<table><caption>Prices</caption><tr><th>Item</th><th>Price</th></tr><tr><td>Tea</td><td>7</td></tr></table>
<details><summary>More</summary>inside</details>
<img src="/x.png" alt="A picture"><img src="/y.png" alt="">
</main>"""

GOLDEN = """Tab 0 (current): Home

[1] RootWebArea 'Home' focused: True
	[2] heading 'Shop'
	[3] navigation 'Main'
		[4] link 'Second page'
		[5] StaticText 'plain'
	[6] main ''
		[7] form ''
			[8] StaticText 'Query'
			[9] StaticText ' *'
			[10] textbox 'Query *' required: True
				[11] StaticText 'old'
		[12] form ''
			[13] StaticText 'Size '
			[14] combobox 'Size' hasPopup: menu expanded: False
				[15] option 'Small' selected: False
				[16] option 'Large' selected: True
				[17] option 'None' disabled: True
			[18] listbox 'Tags' multiselectable: True orientation: vertical required: False
				[19] option 'red' selected: False
				[20] option 'blue' selected: False
			[21] checkbox 'Gift' checked: false
			[22] textbox 'Note' required: False
				[23] StaticText 'one'
				[24] StaticText 'two'"""


@pytest.fixture(scope="module", autouse=True)
def a_browser_is_here(chromium_path):
    """Every test here needs one."""


@pytest.fixture(scope="module")
def driver(a_browser_is_here):
    with ChromiumDriver(timeout_seconds=10) as running:
        yield running


@pytest.fixture
def visit(driver, site):
    """Start a session on pages of one's own; only they may be visited."""

    def begin(pages, **options):
        served = site(pages)
        driver.start(Session((served.url + "/",), allowed_origins=(served.url,), **options))
        return served

    return begin


def look(driver, **options):
    return render_tree(driver.tree(), tabs=driver.tabs(), **({"ids": FirstAppearance()} | options))


def key(driver, role, name, nth=0):
    seen = look(driver, dialect="native")
    number = seen.find(role, name, nth)
    assert number is not None, seen.text
    return seen.elements[number].key


def lines(driver, **options):
    return [line.strip().split(" ", 1)[1] for line in look(driver, **options).text.split("\n")[2:]]


def titles(driver):
    return [(tab.title, tab.current) for tab in driver.tabs()]


def test_it_is_a_driver_and_says_its_version(driver):
    assert isinstance(driver.name, str) and driver.name.startswith("chromium 1")
    as_protocol: Driver = driver
    assert as_protocol is driver


def test_the_text_of_a_page_is_webarenas(driver, visit):
    visit(HOME)
    seen = look(driver)
    assert seen.text.startswith(GOLDEN + "\n")
    assert lines(driver)[-11:] == [
        "table 'Prices'",
        "caption ''",
        "row ''",
        "columnheader 'Item' required: False",
        "columnheader 'Price' required: False",
        "row ''",
        "cell 'Tea'",
        "cell '7'",
        "group ''",
        "StaticText 'More'",
        "img 'A picture'",
    ]


def test_ids_stay_for_a_document_and_count_on_after_it(driver, visit):
    visit({"/": "<style>p::before{content:'* '}</style><p>a</p><a href='/'>again</a>"})
    ids = FirstAppearance()
    first = look(driver, ids=ids)
    assert look(driver, ids=ids).text == first.text
    driver.click(first.elements[first.find("link", "again")].key)
    second = look(driver, ids=ids)
    assert min(second.elements) == max(first.elements) + 1
    assert [e.line.split()[1:] for e in second.elements.values()] == [
        e.line.split()[1:] for e in first.elements.values()
    ]
    assert "StaticText '* '" in first.text
    own = look(driver, ids=browser_numbers)
    assert len(own.elements) == len(second.elements)


def test_the_viewport_is_what_is_in_view_and_scrolling_moves_it(driver, visit):
    visit("<style>p{height:400px;margin:0}</style>" + "".join(f"<p>part {i}</p>" for i in range(6)))
    assert len(lines(driver)) == 7
    assert [line[-2] for line in lines(driver, extent="viewport")[1:]] == ["0", "1"]
    driver.scroll("down")
    assert [line[-2] for line in lines(driver, extent="viewport")[1:]] == ["2", "3"]
    driver.scroll("up")
    assert [line[-2] for line in lines(driver, extent="viewport")[1:]] == ["0", "1"]


def test_links_history_and_a_key_of_an_old_page(driver, visit):
    visit({"/": HOME, "/two": "<title>Two</title><a href='/three'>on</a>", "/three": "<title>Three</title>"})
    link = key(driver, "link", "Second page")
    driver.back()
    assert titles(driver) == [("Home", True)]  # nothing lies before the start page
    driver.click(link)
    assert titles(driver) == [("Two", True)]
    with pytest.raises(ActionRefused, match="no longer on the page"):
        driver.click(link)
    driver.click(
        key(driver, "StaticText", "on") if look(driver).find("StaticText", "on") else key(driver, "link", "on")
    )
    driver.back()
    driver.back()
    assert titles(driver) == [("Home", True)]
    driver.forward()
    driver.forward()
    driver.forward()
    assert titles(driver) == [("Three", True)]


def test_going_back_sends_no_form_again(driver, visit):
    served = visit(
        {
            "/": "<title>Form</title><form method=post action=/posted><button>go</button></form>",
            "/posted": (200, {"Cache-Control": "no-store"}, "<title>Posted</title><a href='/next'>next</a>"),
            "/next": "<title>Next</title>",
        }
    )
    driver.click(key(driver, "button", "go"))
    driver.click(key(driver, "link", "next"))
    with pytest.raises(ActionRefused, match="answered a form"):
        driver.back()
    assert titles(driver) == [("Next", True)]
    assert served.asked("/posted") == 1


def test_a_form_is_filled_and_sent(driver, visit):
    served = visit({"/": HOME, "/posted": "<title>Posted</title>"})
    driver.click(key(driver, "option", "Small"))
    driver.click(key(driver, "option", "red"))
    driver.click(key(driver, "option", "blue"))
    driver.click(key(driver, "option", "red"))
    driver.click(key(driver, "checkbox", "Gift"))
    driver.fill(key(driver, "textbox", "Note"), "line one\nline “two” " + "x" * 300, enter=False)
    driver.fill(key(driver, "Date", "Day"), "2024-02-29", enter=False)
    driver.fill(key(driver, "spinbutton", "Count"), "12", enter=False)
    driver.fill(key(driver, "textbox", "Rich"), "bold", enter=False)
    text = look(driver).text
    assert "option 'Small' selected: True" in text and "option 'blue' selected: True" in text
    assert "checkbox 'Gift' checked: true" in text and "StaticText 'bold'" in text and "StaticText 'rich'" not in text
    driver.click(key(driver, "button", "Send"))
    assert titles(driver) == [("Posted", True)]
    assert served.requests[-1][4] == (
        "size=Small&tags=blue&note=line+one%0D%0Aline+%E2%80%9Ctwo%E2%80%9D+" + "x" * 300 + "&day=2024-02-29&count=12"
    )


def test_text_replaces_text_and_enter_sends(driver, visit):
    served = visit({"/": HOME, "/found": "<title>Found</title>"})
    field = key(driver, "textbox", "Query *")
    driver.fill(field, "a\nb [c] ☕", enter=False)
    assert driver.query("document.querySelector('#q').value") == "ab [c] ☕"
    driver.fill(field, "", enter=False)
    assert driver.query("document.querySelector('#q').value") == ""
    driver.fill(key(driver, "StaticText", "Query"), "tea", enter=True)  # a label stands for its field
    assert titles(driver) == [("Found", True)]
    assert served.asked("/found") == 1 and any(request[2] == "/found?q=tea" for request in served.requests)


@pytest.mark.parametrize(
    ("role", "name", "text", "why"),
    [
        ("textbox", "Locked", "x", "read-only"),
        ("textbox", "Shut", "x", "disabled"),
        ("button", "Send", "x", "takes no text"),
        ("checkbox", "Gift", "x", "takes no text"),
        ("combobox", "Size", "Gigantic", "no option of that name"),
        ("Date", "Day", "tomorrow", "does not take that value"),
        ("RootWebArea", "Home", "x", "the page itself"),
    ],
)
def test_what_takes_no_text_says_so(driver, still_home, role, name, text, why):
    with pytest.raises(ActionRefused, match=why):
        driver.fill(key(driver, role, name), text, enter=False)


@pytest.fixture(scope="module")
def still_home(driver, served):
    with served(HOME) as home:
        driver.start(Session((home.url + "/",)))
        yield


def test_a_select_takes_the_name_of_an_option(driver, still_home):
    driver.fill(key(driver, "combobox", "Size"), " small", enter=False)
    assert driver.query("document.querySelector('select').value") == "Small"


@pytest.mark.parametrize(
    ("role", "name", "why"),
    [("textbox", "Shut", "disabled"), ("option", "None", "disabled"), ("button", "File", "file")],
)
def test_what_cannot_be_clicked_says_so(driver, still_home, role, name, why):
    with pytest.raises(ActionRefused, match=why):
        driver.click(key(driver, role, name))


def test_keys_that_do_not_exist_and_elements_that_are_gone(driver, still_home):
    with pytest.raises(ActionRefused, match="no key 'Bogus'"):
        driver.press("Bogus")
    summary = key(driver, "DisclosureTriangle", "More")
    driver.query("document.querySelector('details').remove()")
    with pytest.raises(ActionRefused, match="no longer on the page"):
        driver.click(summary)
    with pytest.raises(ActionRefused, match="no longer on the page"):
        driver.hover(("not", "a key"))


def test_pointer_and_keyboard_are_real(driver, visit):
    visit(
        "<title>t</title><style>header{position:fixed;top:0;height:300px;width:100%;background:#eee}"
        "main{padding:300px 0} #far{margin-top:4000px}</style><header>over</header><main><input aria-label='field'>"
        "<div onmouseenter=\"this.textContent='hovered'\">hover me</div>"
        "<button id='far' onclick='document.title = event.isTrusted'>far</button></main>"
        "<script>document.querySelector('input').addEventListener('keydown',"
        "event => document.body.dataset.keys = (document.body.dataset.keys || '') + event.key)</script>"
    )
    driver.hover(key(driver, "StaticText", "hover me"))
    assert "StaticText 'hovered'" in look(driver).text
    driver.click(key(driver, "button", "far"))
    assert titles(driver) == [("true", True)]
    driver.fill(key(driver, "textbox", "field"), "ab", enter=True)
    driver.press("Control+a")
    driver.press("Delete")
    assert driver.query("document.body.dataset.keys").startswith("abEnterControl")
    assert driver.query("document.querySelector('input').value") == ""
    driver.click(key(driver, "button", "far"))  # scrolled away by now, below a fixed header


def test_the_action_returns_when_the_page_that_follows_is_there(driver, visit):
    visit(
        {
            "/": "<title>t</title><script>async function get() {"
            "document.title = await (await fetch('/slow')).text() }</script><button onclick='get()'>get</button>"
            "<a href='/hop'>hop</a><a href='/slow'>slow</a><a href='#here'>here</a><a href='/none'>none</a>",
            "/slow": (200, {"Delay": "0.4"}, "<title>Slow</title>slow"),
            "/hop": "<meta http-equiv=refresh content='0;url=/slow'>",
            "/none": (204, {}, ""),
        }
    )
    start = time.monotonic()
    driver.click(key(driver, "link", "here"))
    assert driver.tabs()[0].url.endswith("/#here")
    assert time.monotonic() - start < 2.0
    driver.click(key(driver, "link", "none"))
    assert titles(driver) == [("t", True)]
    driver.click(key(driver, "button", "get"))
    assert titles(driver) == [("<title>Slow</title>slow", True)]
    driver.click(key(driver, "link", "slow"))
    assert titles(driver) == [("Slow", True)]
    driver.back()
    driver.click(key(driver, "link", "hop"))
    assert titles(driver) == [("Slow", True)]


def test_a_request_that_stays_open_is_waited_for_once(driver, visit):
    visit(
        {"/": "<title>t</title><script>fetch('/open')</script><button>b</button>", "/open": (200, {"Delay": "5"}, "")}
    )
    start = time.monotonic()
    driver.click(key(driver, "button", "b"))
    assert time.monotonic() - start < 1.5


def test_windows_become_tabs_and_tabs_come_and_go(driver, visit):
    served = visit(
        {
            "/": "<title>One</title><a href='/two' target=_blank>blank</a>"
            "<button onclick=\"window.open('/two')\">open</button>",
            "/two": (200, {"Delay": "0.2"}, "<title>Two</title><button onclick='window.close()'>shut</button>"),
        }
    )
    driver.click(key(driver, "link", "blank"))
    assert titles(driver) == [("One", False), ("Two", True)]
    driver.focus_tab(0)
    driver.click(key(driver, "button", "open"))
    assert titles(driver) == [("One", False), ("Two", False), ("Two", True)]
    driver.click(key(driver, "button", "shut"))
    assert titles(driver) == [("One", False), ("Two", True)]
    driver.new_tab()
    assert [(tab.url, tab.current) for tab in driver.tabs()][2] == ("about:blank", True)
    assert lines(driver) == ["RootWebArea '' focused: True"]
    driver.goto(f"127.0.0.1:{served.port}/two")
    with pytest.raises(ActionRefused, match="no tab 3"):
        driver.focus_tab(3)
    with pytest.raises(ActionRefused, match="no tab -1"):
        driver.focus_tab(-1)
    driver.focus_tab(0)
    driver.close_tab()
    assert titles(driver) == [("Two", False), ("Two", True)]
    driver.close_tab()
    driver.close_tab()
    assert [(tab.url, tab.current) for tab in driver.tabs()] == [("about:blank", True)]


ASKING = """<title>t</title><script>alert('hello')</script>
<button onclick="document.title = confirm('Sure?')">confirm</button>
<button onclick="document.title = prompt('Who?', 'Bob')">prompt</button>
<button onclick="alert('one'); document.title = confirm('two')">both</button>
<button onclick="setTimeout(() => alert('later'))">later</button>"""


def test_dialogs_are_dismissed_at_once_and_what_they_said_is_kept(driver, visit):
    visit(ASKING)
    assert driver.take_dialogs() == (Dialog("alert", "hello"),)
    for name, title, said in [
        ("confirm", "false", (Dialog("confirm", "Sure?"),)),
        ("prompt", "null", (Dialog("prompt", "Who?"),)),
        ("both", "false", (Dialog("alert", "one"), Dialog("confirm", "two"))),
        ("later", "false", (Dialog("alert", "later"),)),
    ]:
        driver.click(key(driver, "button", name))
        assert titles(driver) == [(title, True)]
        assert driver.take_dialogs() == said
        assert driver.take_dialogs() == ()


def test_the_next_dialog_is_accepted_where_that_was_asked(driver, visit):
    visit(ASKING)
    driver.take_dialogs()
    for name, text, title, said in [
        ("confirm", None, "true", (Dialog("confirm", "Sure?", accepted=True),)),
        ("prompt", "Zoë", "Zoë", (Dialog("prompt", "Who?", accepted=True, text="Zoë"),)),
        ("prompt", "", "", (Dialog("prompt", "Who?", accepted=True, text=""),)),
        ("prompt", None, "Bob", (Dialog("prompt", "Who?", accepted=True, text="Bob"),)),  # what it offers itself
        ("both", None, "false", (Dialog("alert", "one", accepted=True), Dialog("confirm", "two"))),  # the next one only
    ]:
        driver.accept_next_dialog(text)
        driver.click(key(driver, "button", name))
        assert titles(driver) == [(title, True)]
        assert driver.take_dialogs() == said
    driver.accept_next_dialog()
    driver.dismiss_dialogs()
    driver.click(key(driver, "button", "confirm"))
    assert titles(driver) == [("false", True)]


def test_a_page_that_asks_whether_it_may_be_left_is_left(driver, visit):
    served = visit(
        {
            "/": "<title>Stay</title><script>onbeforeunload = event => event.preventDefault()</script>"
            "<input aria-label=x><a href='/two'>go</a>",
            "/two": "<title>Two</title>",
        }
    )
    for leave in (lambda: driver.click(key(driver, "link", "go")), lambda: driver.goto(f"{served.url}/two")):
        driver.goto(f"{served.url}/")
        driver.fill(key(driver, "textbox", "x"), "changed", enter=False)
        driver.accept_next_dialog()
        leave()
        assert titles(driver) == [("Two", True)]
        assert [(said.kind, said.accepted) for said in driver.take_dialogs()] == [("beforeunload", True)]


def test_a_page_of_many_dialogs_is_quoted_in_part(driver, visit):
    visit("<title>t</title><script>for (let i = 0; i < 30; i++) alert('x'.repeat(5000))</script>")
    said = driver.take_dialogs()
    assert len(said) == 20
    assert len(said[0].message) == 2003


FRAMES = {
    "/": "<title>Outer</title><div style='height:2000px'>tall</div>"
    "<iframe title=Inner src='/inner' style='width:300px;height:150px;border:7px solid;padding:11px'></iframe>"
    "<iframe title=Written srcdoc=\"<a target=_top href='/two'>up</a>\"></iframe>"
    "<iframe title=Shut sandbox srcdoc='<p>boxed</p>'></iframe><iframe title=Data src='data:text/html,far'></iframe>"
    "<iframe title=Hidden style='display:none' src='/inner'></iframe>",
    "/inner": "<title>In</title><p>within</p><input aria-label=Name><a href='/next'>next</a>"
    "<select aria-label=Size><option>S</option><option>L</option></select><iframe title=Deep src='/deep'></iframe>",
    "/deep": "<div style='height:900px'></div><button onclick=\"this.textContent = 'pressed'\">press</button>",
    "/next": "<p>turned</p><a href='/inner'>back</a>",
    "/two": "<title>Two</title>",
}


def test_frames_of_the_same_origin_are_part_of_the_page(driver, visit, site):
    other = site({"/": "<p>elsewhere</p>"})
    visit({**FRAMES, "/": f"{FRAMES['/']}<iframe title=Other src='{other.url}/'></iframe>"})
    assert look(driver).text.split("\n\n")[1].split("\n") == [
        "[1] RootWebArea 'Outer' focused: True",
        "\t[2] StaticText 'tall'",
        "\t[3] Iframe 'Inner'",
        "\t\t[4] StaticText 'within'",
        "\t\t[5] textbox 'Name' required: False",
        "\t\t[6] link 'next'",
        "\t\t[7] combobox 'Size' hasPopup: menu expanded: False",
        "\t\t\t[8] option 'S' selected: True",
        "\t\t\t[9] option 'L' selected: False",
        "\t\t[10] Iframe 'Deep'",
        "\t\t\t[11] button 'press'",
        "\t[12] Iframe 'Written'",
        "\t\t[13] link 'up'",
        "\t[14] Iframe 'Shut'",
        "\t[15] Iframe 'Data'",
        "\t[16] Iframe 'Other'",
    ]


def test_what_stands_in_a_frame_can_be_acted_on(driver, visit):
    visit(FRAMES)
    ids = FirstAppearance()
    before = look(driver, ids=ids)
    driver.fill(before.elements[before.find("textbox", "Name")].key, "Zoë", enter=False)
    driver.click(before.elements[before.find("option", "L")].key)
    driver.click(before.elements[before.find("button", "press")].key)  # two frames down, below each window's edge
    after = look(driver, ids=ids)
    assert "StaticText 'Zoë'" in after.text
    assert "option 'L' selected: True" in after.text
    assert after.find("button", "pressed") == before.find("button", "press")
    driver.press("ctrl+a", before.elements[before.find("textbox", "Name")].key)
    driver.press("Backspace")
    assert "Zoë" not in look(driver, ids=ids).text
    gone = before.elements[before.find("link", "next")].key
    driver.click(gone)
    assert "StaticText 'turned'" in look(driver, ids=ids).text
    with pytest.raises(ActionRefused, match="no longer on the page"):
        driver.click(gone)
    driver.click(key(driver, "link", "back"))
    assert "StaticText 'within'" in look(driver, ids=ids).text
    driver.click(key(driver, "link", "up"))
    assert titles(driver) == [("Two", True)]


def test_the_viewport_holds_what_is_in_view_of_a_frame_too(driver, visit):
    visit(FRAMES)
    assert "within" not in look(driver, extent="viewport").text
    driver.click(key(driver, "textbox", "Name"))
    seen = look(driver, extent="viewport").text
    assert "StaticText 'within'" in seen
    assert "press" not in seen  # inside of the inner frame's own page, far below


def test_the_viewport_shows_what_is_chosen_in_a_closed_select(driver, visit):
    visit(
        "<select aria-label=Size><option>Small</option><option selected>Large</option></select>"
        "<div style=height:5000px></div><select aria-label=Far><option>Out of view</option></select>"
    )
    assert lines(driver, extent="viewport")[1:] == [
        "combobox 'Size' hasPopup: menu expanded: False",
        "option 'Large' selected: True",
    ]


def test_downloads_are_refused(driver, visit):
    save = {"Content-Disposition": "attachment; filename=x.bin"}
    served = visit({"/": "<title>t</title><a href='/x'>x</a>", "/x": (200, save, "data")})
    with pytest.raises(ActionRefused, match=r"/x is a download"):
        driver.click(key(driver, "link", "x"))
    with pytest.raises(ActionRefused, match=r"/x is a download"):
        driver.goto(f"{served.url}/x")
    assert titles(driver) == [("t", True)]


def test_nothing_outside_the_allowed_origins_is_reached(driver, site):
    outside = site({"/": "<title>Outside</title>", "/hook": "<title>Outside</title>"})
    away = outside.url
    inside = site(
        {
            "/": f"<title>In</title><img src='{away}/img'><script src='{away}/script'></script>"
            f"<iframe src='{away}/frame'></iframe><link rel=stylesheet href='{away}/css'>"
            f"<a href='{away}/'>link</a><a href='/moved'>moved</a>"
            f"<a target=_blank href='{away}/'>window</a>"
            f"<form method=post action='{away}/hook'><button>post</button></form>"
            f"<button onclick=\"fetch('{away}/f').catch(e => document.title = 'caught')\">fetch</button>"
            f"<button onclick=\"location = '{away}/'\">go</button>",
            "/moved": (302, {"Location": f"{away}/"}, ""),
        }
    )
    driver.start(Session((f"{inside.url}/",), allowed_origins=(inside.url,)))
    for role, name in [("link", "link"), ("link", "moved"), ("link", "window"), ("button", "post"), ("button", "go")]:
        with pytest.raises(ActionRefused, match=r"outside of the sites|could not be opened"):
            driver.click(key(driver, role, name))
        assert titles(driver) == [("In", True)], name
    for url in [
        f"{away}/",
        "file:///etc/hostname",
        "chrome://version",
        "javascript:alert(1)",
        "data:text/html,x",
        "//",
        "",
    ]:
        with pytest.raises(ActionRefused):
            driver.goto(url)
        assert titles(driver) == [("In", True)], url
    driver.click(key(driver, "button", "fetch"))
    assert titles(driver) == [("caught", True)]
    assert outside.requests == []
    with pytest.raises(OptionError, match="start_urls"):
        driver.start(Session((f"{away}/",), allowed_origins=(inside.url,)))


def test_an_address_that_nobody_serves_is_the_agents_mistake(driver, site):
    served = site("<title>t</title><input aria-label=field>")
    driver.start(Session((f"{served.url}/",)))
    for url in ["http://127.0.0.1:9/", "http://no-such-host.invalid/", "http://[", "ftp://x/"]:
        with pytest.raises(ActionRefused):
            driver.goto(url)
        assert titles(driver) == [("t", True)], url


def test_a_site_that_fails_is_the_environments_failure(driver, site, visit):
    served = visit(
        {
            "/": "<title>t</title><a href='/bad'>bad</a><a href='/loop'>loop</a><a href='/500'>500</a>",
            "/bad": (503, {}, "down"),
            "/loop": (302, {"Location": "/loop"}, ""),
            "/500": (500, {}, "<title>Oops</title>"),
        }
    )
    driver.click(key(driver, "link", "500"))
    assert titles(driver) == [("Oops", True)]  # a page like any other: the agent may go back
    driver.back()
    with pytest.raises(EnvironmentFailure, match=r"is down \(status 503"):
        driver.click(key(driver, "link", "bad"))
    visit(served.pages)
    with pytest.raises(EnvironmentFailure, match="TOO_MANY_REDIRECTS"):
        driver.click(key(driver, "link", "loop"))
    with pytest.raises(EnvironmentFailure, match=r"is down \(status 500"):
        visit((500, {}, "down"))
    gone = site("x")
    gone.close()
    with pytest.raises(EnvironmentFailure, match="CONNECTION_REFUSED"):
        driver.start(Session((gone.url + "/",)))


def test_episodes_share_nothing_and_start_with_their_cookies(driver, visit):
    page = "<title>t</title><script>localStorage.x = (localStorage.x || '') + 'x'; document.cookie = 'mine=1'</script>"
    first = visit(page, cookies={"arena_session": "abc"})
    assert first.requests[0][3] == "arena_session=abc"
    driver.goto(first.url + "/")
    assert first.requests[-1][3] == "arena_session=abc; mine=1"
    assert driver.query("localStorage.x") == "xx"
    driver.start(Session((first.url + "/",), cookies={"arena_session": "def"}))
    assert first.requests[-1][3] == "arena_session=def"
    assert driver.query("localStorage.x") == "x"


def test_a_session_begins_with_its_storage_place_and_tabs(driver, site, tmp_path):
    served = site({"/": "<title>a</title>", "/b": "<title>b</title>"})
    state = tmp_path / "state.json"
    cookie = {"name": "login", "value": "yes", "domain": "127.0.0.1", "path": "/", "expires": -1}
    cookie |= {"httpOnly": False, "secure": False, "sameSite": "Lax"}
    state.write_text(json.dumps({"cookies": [cookie], "origins": []}))
    driver.start(Session((served.url + "/", served.url + "/b"), storage_state=str(state), geolocation=(40.44, -79.94)))
    assert titles(driver) == [("a", True), ("b", False)]
    assert driver.query("document.cookie") == "login=yes"
    place = "new Promise(done => navigator.geolocation.getCurrentPosition(at => done(at.coords.latitude)))"
    assert driver.query(place) in {"40.44", ""}  # asked for over http, a browser may say nothing


def test_a_query_is_text_and_finds_nothing_quietly(driver, visit):
    visit("<title>t</title><p>one</p><input type=checkbox checked><body data-n=3>")
    assert driver.query("document.querySelector('p').outerText") == "one"
    assert driver.query("document.querySelector('input').checked") == "True"
    assert driver.query("[...document.querySelectorAll('p')].length") == "1"
    assert driver.query("document.querySelector('.none').outerText") == ""
    assert driver.query("document.querySelector('.none')") == ""
    assert driver.query("not javascript") == ""


def test_it_works_inside_a_running_event_loop(driver, visit):
    async def notebook_cell():
        visit("<title>t</title>")
        return titles(driver), driver.html(), driver.screenshot()

    seen, html, picture = asyncio.run(notebook_cell())
    assert seen == [("t", True)] and "<title>t</title>" in html and picture.startswith(b"\x89PNG")


def test_a_page_that_hangs_or_never_comes_fails_in_time_and_the_next_start_works(site):
    served = site(
        {
            "/": "<title>t</title><button onclick='while (true);'>hang</button>",
            "/never": (200, {"Delay": "6"}, ""),
        }
    )
    with ChromiumDriver(timeout_seconds=1) as impatient:
        impatient.start(Session((served.url + "/",)))
        start = time.monotonic()
        with pytest.raises(EnvironmentFailure, match="/never: no page within 1 s"):
            impatient.goto(served.url + "/never")
        assert time.monotonic() - start < 4
        impatient.start(Session((served.url + "/",)))
        with pytest.raises(EnvironmentFailure, match="no answer within"):
            impatient.click(key(impatient, "button", "hang"))
        impatient.start(Session((served.url + "/",)))
        assert titles(impatient) == [("t", True)]


@pytest.mark.skipif(sys.platform != "linux", reason="reads /proc")
def test_a_killed_browser_is_a_failure_and_the_next_start_launches_a_new_one(site):
    served = site("<title>t</title>")
    before = descendants()
    driver = ChromiumDriver(timeout_seconds=10)
    with pytest.raises(OptionError, match="start comes first"):
        driver.tree()
    driver.start(Session((served.url + "/",)))
    browsers = [pid for pid in descendants() - before if "--remote-debugging" in command_line(pid)]
    assert browsers
    for pid in browsers:
        os.kill(pid, signal.SIGKILL)
    with pytest.raises(EnvironmentFailure):
        driver.tree()
    with pytest.raises(EnvironmentFailure):
        driver.tree()
    driver.start(Session((served.url + "/",)))
    assert titles(driver) == [("t", True)]
    driver.close()
    driver.close()
    assert not {pid for pid in descendants() - before if running(pid)}


def test_a_driver_that_is_forgotten_ends_its_browser(site):
    served = site("<title>t</title>")
    before = descendants()
    driver = ChromiumDriver()
    driver.start(Session((served.url + "/",)))
    assert descendants() - before
    del driver
    gc.collect()
    assert not {pid for pid in descendants() - before if running(pid)}


def descendants():
    """Processes below this one."""
    parents = {}
    for path in Path("/proc").glob("[0-9]*/stat"):
        try:
            parents[int(path.parent.name)] = int(path.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
    found, ring = set(), {os.getpid()}
    while ring:
        ring = {pid for pid, parent in parents.items() if parent in ring} - found
        found |= ring
    return found


def command_line(pid):
    try:
        return Path(f"/proc/{pid}/cmdline").read_text()
    except OSError:
        return ""


def running(pid):
    return bool(command_line(pid))  # a zombie has none


def test_halves_of_surrogate_pairs_are_repaired_where_they_enter_and_leave(driver, visit):
    visit("<script>document.title = 'x\\ud83dy'</script><p id=p></p><script>p.textContent = 'q\\ud83d'</script>")
    assert titles(driver) == [("x\ufffdy", True)]
    assert driver.query("p.textContent") == "q\ufffd"
    assert '<p id="p">q\ufffd</p>' in driver.html()
    assert driver.query("'\ud83d'") == "\ufffd"
    look(driver).text.encode("utf-8")


def test_an_episode_records_what_dialogs_said_and_an_armed_dialog_lasts_for_one_action(driver, site, tmp_path):
    served = site({"/": ASKING.replace("<script>alert('hello')</script>", "<script>alert('\\ud83d')</script>")})
    file = tmp_path / "tasks.json"
    checks = {"eval_types": ["url_match"], "reference_url": served.url}
    file.write_text(json.dumps([{"task_id": "1", "intent": "Ask", "start_url": f"{served.url}/", "eval": checks}]))
    environment = WebEnvironment(TaskFileSource("own", load_tasks(file), SiteMap()), driver, list_dialog=True)
    assert "`dialog [accept] [text]`" in environment.spec.grammar
    seen = environment.reset(TaskRef("own", "test", "1"))
    assert seen.text.startswith("Tab 0 (current): t\nDialog (alert, dismissed): '\ufffd'\n\n[1] RootWebArea")
    assert seen.extra["dialogs"] == [{"kind": "alert", "message": "\ufffd", "accepted": False, "text": None}]

    def ask(name):
        [number] = [line.split("]")[0].strip("\t[") for line in seen.text.split("\n") if f"button '{name}'" in line]
        return environment.step(f"click [{number}]").observation

    assert "Dialog (confirm, dismissed): 'Sure?'" in ask("confirm").text
    armed = environment.step("dialog [accept]")
    assert (armed.valid, "Dialog" in armed.observation.text, "dialogs" in armed.observation.extra) == (
        True,
        False,
        False,
    )
    assert ask("confirm").text.startswith("Tab 0 (current): true\nDialog (confirm, accepted): 'Sure?'\n\n")
    environment.step("dialog [accept] [Zoë]")
    assert ask("prompt").title == "Zoë"
    environment.step("dialog [accept]")
    environment.step("scroll [down]")  # the next action: the offer is over
    assert ask("confirm").title == "false"
    environment.step("dialog [accept]")
    assert environment.step("click [999]").valid is False  # a refused action is an action
    assert ask("confirm").title == "false"
