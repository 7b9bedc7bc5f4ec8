"""The browserless driver: a window with tabs, histories and cookies over a transport."""

from __future__ import annotations

import codecs
import html as html_text
import json
import re
from collections.abc import Hashable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from types import TracebackType
from typing import Literal
from urllib.parse import quote, urljoin, urlsplit, urlunsplit

from tracewarp.envs.web.browserless.cookies import CookieJar
from tracewarp.envs.web.browserless.dom import Document
from tracewarp.envs.web.browserless.forms import Navigation
from tracewarp.envs.web.browserless.page import Page
from tracewarp.envs.web.browserless.query import read_locator
from tracewarp.envs.web.browserless.restoring import FormMemory, remember
from tracewarp.envs.web.browserless.styles import Rule, boxes_by_style, read_style
from tracewarp.envs.web.browserless.transport import Answer, Request, Transport, UnknownHost
from tracewarp.envs.web.driver import ActionRefused, Dialog, Session, Tab
from tracewarp.envs.web.keys import read_stroke
from tracewarp.envs.web.nodes import Node
from tracewarp.errors import EnvironmentFailure, OptionError, UnreadableFileError
from tracewarp.trajectory.paths import require_regular_file

MAX_REDIRECTS = 20
BLANK = "about:blank"
_BLANK_MARKUP = "<html><head></head><body></body></html>"
_REDIRECTS = frozenset((301, 302, 303, 307, 308))
_KEEPS_METHOD = frozenset((307, 308))
_GATEWAY = frozenset((502, 503, 504))
"""Answers that say that the site behind them is down."""
_HTML = frozenset(("", "text/html", "application/xhtml+xml"))
_SHOWN_AS_TEXT = frozenset(("application/json", "application/javascript", "application/manifest+json"))
_CHARSET = re.compile(r"charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_META_CHARSET = re.compile(rb"<meta[^<>]+charset\s*=\s*[\"']?([\w-]+)", re.IGNORECASE)
_SAFE = "%/:;=@&+$,!*'()~?[]"
_SAME_WINDOW = frozenset(("", "_self", "_top", "_parent"))
_ACCEPT = "text/html,application/xhtml+xml,application/xml;q=0.9,*/*;q=0.8"


@dataclass(slots=True)
class _Entry:
    """One place in a tab's history."""

    url: str
    document: int
    """Which load gave the page; entries that differ by fragments alone share it."""
    posted: bool = False
    memory: FormMemory | None = None
    """What its fields held when it was left."""


class _Window:
    """One tab: its history, and the page that it shows."""

    def __init__(self, page: Page) -> None:
        self.page = page
        self.entries = [_Entry(page.url, page.base)]
        self.place = 0

    @property
    def entry(self) -> _Entry:
        return self.entries[self.place]

    def move(self, url: str) -> None:
        """Another place of the same page becomes an entry of its own."""
        self._push(_Entry(url, self.page.base, self.entry.posted), replace_entry=url == self.entry.url)
        self.page.enter_fragment(url)

    def show(self, page: Page, *, posted: bool, replace_entry: bool) -> None:
        """Another page comes, behind the current entry or in its place; what lay ahead is forgotten."""
        if not replace_entry:
            self.entry.memory = remember(self.page.document)
        self._push(_Entry(page.url, page.base, posted), replace_entry=replace_entry)
        self._take(page)

    def revisit(self, place: int, page: Page | None) -> None:
        """Go to an entry of the history; a page that was loaded for it stands for all entries of the old load."""
        if page is not None:
            self.entry.memory = remember(self.page.document)
            entry = self.entries[place]
            if entry.memory is not None:
                page.put_back(entry.memory)
            old = entry.document
            for other in self.entries:
                if other.document == old:
                    other.document = page.base
            self._take(page)
        self.place = place
        self.page.enter_fragment(self.entry.url)

    def _push(self, entry: _Entry, *, replace_entry: bool) -> None:
        if not replace_entry:
            self.place += 1
        self.entries[self.place :] = [entry]

    def _take(self, page: Page) -> None:
        self.page.document.release()
        self.page = page


class BrowserlessDriver:
    """Pages without a browser (`tracewarp.envs.web.driver.Driver`): no scripts, no layout, about a millisecond each.

    Pages are fetched anew by `back` and `forward`, as a browser does with pages that must not be stored. Windows that a
    link opens become tabs. Where a session names its origins, nothing else is fetched. Not for two threads at once.

    Args:
        transport: how requests reach the sites; the caller closes it after the driver.
        max_redirects: how many a request may go through.
    """

    name = "browserless"

    def __init__(self, transport: Transport, *, max_redirects: int = MAX_REDIRECTS) -> None:
        self._transport = transport
        self._max_redirects = max_redirects
        self._styles: dict[str, tuple[Rule, ...]] = {}
        self._next_key = 0
        self._origins: frozenset[str] | None = None
        self._sites: frozenset[str] = frozenset()
        self._cookies = CookieJar()
        self._windows: list[_Window] = []
        self._current = 0

    def start(self, session: Session) -> None:
        """Open a fresh context, whatever went before.

        Raises:
            EnvironmentFailure: a start page did not come.
            OptionError: a start page outside of the allowed origins.
            UnreadableFileError: a storage state that cannot be read.
        """
        allowed = session.allowed_origins
        self._origins = None if allowed is None else frozenset(map(_origin, allowed))
        self._sites = (self._origins or frozenset()) | {_origin(url) for url in session.start_urls}
        for url in session.start_urls:
            if not self._allows(url):
                raise OptionError(f"start_urls: expected addresses within allowed_origins, got {url!r}")
        self._windows, self._current = [], 0
        self._next_key = 0
        self._cookies = _filled_jar(session, self._sites)
        for url in session.start_urls or (BLANK,):
            window = _Window(self._blank_page())
            if url != BLANK:
                self._open_start(window, url)
            self._windows.append(window)

    def _open_start(self, window: _Window, url: str) -> None:
        try:
            status = self._load(window, Navigation(_normal(url)), replace_entry=True)
        except ActionRefused as refused:
            raise EnvironmentFailure(f"start page: {refused}") from refused
        if status >= 500:
            raise EnvironmentFailure(f"{url}: the site is down (status {status})")

    # Looking.

    def tabs(self) -> tuple[Tab, ...]:
        """The open tabs, in order of opening."""
        current = self._window()
        return tuple(Tab(it.page.document.title, it.entry.url, it is current) for it in self._windows)

    def tree(self) -> Node:
        """The accessibility tree of the current document; not to be changed by the caller."""
        return self._window().page.tree

    def html(self) -> str:
        """The current document's markup, as parsed."""
        return self._window().page.document.parser.html or ""

    def query(self, locator: str) -> str:
        """What `document.querySelector('CSS').PROPERTY` gives; "" where it finds nothing. For judging only.

        Raises:
            ActionRefused: any other expression.
        """
        return read_locator(locator, self._window().page.document)

    # Acting.

    def click(self, key: Hashable) -> None:
        """Click an element. An option of a select is chosen."""
        window = self._window()
        self._go(window, window.page.click(key))

    def hover(self, key: Hashable) -> None:
        """Move the pointer over an element, which changes nothing without scripts."""
        self._window().page.hover(key)

    def fill(self, key: Hashable, text: str, *, enter: bool) -> None:
        """Replace the text of a field, or choose the option of that name; then press Enter, where that is asked."""
        window = self._window()
        window.page.fill(key, text)
        if enter:
            self._go(window, window.page.press(read_stroke("Enter")))

    def press(self, keys: str, key: Hashable | None = None) -> None:
        """Press a key or a combination (`Enter`, `ctrl+a`) where the focus is, or on an element, which takes it first.

        Off macOS, Meta is pressed as Control.
        """
        window = self._window()
        stroke = read_stroke(keys).on_this_system
        if key is not None:
            window.page.focus(key)
        self._go(window, window.page.press(stroke))

    def accept_next_dialog(self, text: str | None = None) -> None:
        """Nothing: without scripts no page opens a dialog."""

    def dismiss_dialogs(self) -> None:
        """Nothing, for the same reason."""

    def take_dialogs(self) -> tuple[Dialog, ...]:
        """None."""
        return ()

    def scroll(self, direction: Literal["up", "down"]) -> None:
        """Nothing: there is no layout, and an observation is the whole page."""
        self._window()

    def goto(self, url: str) -> None:
        """Open an address in the current tab; `http://` is put before one without a scheme."""
        if "://" not in url and url != BLANK:
            url = f"http://{url}"
        window = self._window()
        if not self._allows(url):
            raise ActionRefused(f"{url} is outside of the sites that may be visited")
        if url == BLANK:
            window.show(self._blank_page(), posted=False, replace_entry=window.entry.url == BLANK)
            return
        if not urlsplit(url).hostname:
            raise ActionRefused(f"{url} is not an address that a browser can open")
        self._go(window, Navigation(url))

    def back(self) -> None:
        """One page back in the tab's history; nothing happens at its start."""
        self._travel(-1)

    def forward(self) -> None:
        """One page forward in the tab's history; nothing happens at its end."""
        self._travel(1)

    def _travel(self, step: int) -> None:
        window = self._window()
        place = window.place + step
        if not 0 <= place < len(window.entries):
            return
        entry = window.entries[place]
        page: Page | None = None
        if entry.document != window.entry.document:
            if entry.posted:
                raise ActionRefused(f"{entry.url} answered a form, and cannot be shown again without sending it again")
            page = self._blank_page() if entry.url == BLANK else self._fetch_page(Navigation(entry.url)).page
            if page is None:
                return
        window.revisit(place, page)

    # Tabs.

    def new_tab(self) -> None:
        """Open an empty tab and make it current."""
        self._window()
        self._windows.append(_Window(self._blank_page()))
        self._current = len(self._windows) - 1

    def focus_tab(self, index: int) -> None:
        """Make a tab current, counted from 0."""
        self._window()
        if not 0 <= index < len(self._windows):
            raise ActionRefused(f"there is no tab {index}: the last one is {len(self._windows) - 1}")
        self._current = index

    def close_tab(self) -> None:
        """Close the current tab; the last remaining one becomes current. The last tab gives way to an empty one."""
        self._window()
        del self._windows[self._current]
        if not self._windows:
            self._windows.append(_Window(self._blank_page()))
        self._current = len(self._windows) - 1

    def close(self) -> None:
        """Forget the pages; may be called twice. `start` opens a new context."""
        self._windows = []

    def __enter__(self) -> BrowserlessDriver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _window(self) -> _Window:
        if not self._windows:
            raise OptionError("no session is open: start comes first")
        return self._windows[self._current]

    # Navigation.

    def _go(self, window: _Window, where: Navigation | None) -> None:
        """Follow where an action leads, in this tab or a new one."""
        if where is None:
            return
        address = _normal(where.url)
        where = replace(where, url=address)
        if where.target.lower() not in _SAME_WINDOW:
            opened = _Window(self._blank_page())
            self._load(opened, where, replace_entry=True)
            self._windows.append(opened)
            self._current = len(self._windows) - 1
            return
        here = window.entry.url
        if where.method == "GET" and "#" in address and address.partition("#")[0] == here.partition("#")[0]:
            window.move(address)
            return
        self._load(window, where, replace_entry=not where.sent and address == here)

    def _load(self, window: _Window, where: Navigation, *, replace_entry: bool) -> int:
        """Fetch a page into a tab; returns its status. What has no page leaves the tab as it is."""
        loaded = self._fetch_page(where)
        if loaded.page is not None:
            window.show(loaded.page, posted=loaded.posted, replace_entry=replace_entry)
        return loaded.status

    def _fetch_page(self, where: Navigation) -> _Loaded:
        method, body, kind = where.method, where.body, where.content_type
        url = where.url
        for _ in range(self._max_redirects + 1):
            if not self._allows(url):
                raise ActionRefused(f"{url} is outside of the sites that may be visited")
            answer = self._fetch(url, method, body, kind)
            location = answer.header("location")
            if answer.status not in _REDIRECTS or not location:
                return self._loaded(answer, url, where, posted=method == "POST")
            if answer.status not in _KEEPS_METHOD:
                method, body, kind = "GET", b"", ""
            fragment = urlsplit(url).fragment
            url = _normal(urljoin(url, location))
            if fragment and "#" not in url:
                url = f"{url}#{fragment}"
        raise EnvironmentFailure(f"{where.url}: more than {self._max_redirects} redirects, the last one to {url}")

    def _fetch(self, url: str, method: str, body: bytes, kind: str) -> Answer:
        parts = urlsplit(url)
        headers = {"Accept": _ACCEPT, "Accept-Language": "en-US"}
        cookies = self._cookies.header(parts)
        if cookies:
            headers["Cookie"] = cookies
        if kind:
            headers["Content-Type"] = kind
        address = urlunsplit((parts.scheme, parts.netloc, parts.path, parts.query, ""))
        try:
            answer = self._transport.fetch(Request(address, method, headers, body))
        except UnknownHost as unknown:
            if _origin(url) in self._sites:
                raise EnvironmentFailure(f"{url}: the site did not answer (unknown host {unknown})") from unknown
            raise ActionRefused(f"{url} could not be opened (unknown host {unknown})") from unknown
        for name, value in answer.headers:
            if name == "set-cookie":
                self._cookies.receive(value, parts)
        return answer

    def _loaded(self, answer: Answer, url: str, where: Navigation, *, posted: bool) -> _Loaded:
        if answer.status in _GATEWAY:
            raise EnvironmentFailure(f"{url}: the site is down (status {answer.status})")
        if answer.status in (204, 205):
            return _Loaded(answer.status, None, posted)
        declared = answer.header("content-type")
        kind = declared.partition(";")[0].strip().lower()
        if where.download or answer.header("content-disposition").strip().lower().startswith("attachment"):
            raise ActionRefused(f"{url} is a download, and downloads are refused")
        if kind in _HTML:
            markup = _decoded(answer.body, declared)
        elif kind.startswith("text/") or kind in _SHOWN_AS_TEXT:
            text = html_text.escape(_decoded(answer.body, declared))
            markup = f"<html><head></head><body><pre>\n{text}</pre></body></html>"
        else:
            raise ActionRefused(f"{url} is a download, and downloads are refused")
        return _Loaded(answer.status, self._page(markup, url), posted)

    def _page(self, markup: str, url: str) -> Page:
        try:
            document = Document(
                markup, boxes=lambda parser: boxes_by_style(parser, lambda href: self._style(urljoin(url, href)))
            )
            page = Page(document, url, base=self._next_key)
            page.tree  # noqa: B018 (the deepest walk of all)
        except RecursionError as error:
            raise EnvironmentFailure(f"{url}: the elements of the page are nested too deep to be read") from error
        self._next_key += len(document.nodes)
        return page

    def _blank_page(self) -> Page:
        page = Page(Document(_BLANK_MARKUP), BLANK, base=self._next_key)
        self._next_key += len(page.document.nodes)
        return page

    def _style(self, url: str) -> Sequence[Rule]:
        """The rules of a style sheet, fetched once; one that cannot be had changes nothing."""
        known = self._styles.get(url)
        if known is not None:
            return known
        rules: tuple[Rule, ...] = ()
        if urlsplit(url).scheme in ("http", "https") and self._allows(url):
            try:
                answer = self._fetch(url, "GET", b"", "")
            except (ActionRefused, EnvironmentFailure):
                return ()
            if answer.status == 200 and answer.header("content-type").startswith("text/css"):
                rules = read_style(_decoded(answer.body, answer.header("content-type")))
        self._styles[url] = rules
        return rules

    def _allows(self, url: str) -> bool:
        if url == BLANK:
            return True
        if self._origins is None:
            return urlsplit(url).scheme in ("http", "https")
        return _origin(url) in self._origins


@dataclass(frozen=True, slots=True)
class _Loaded:
    """What a request led to."""

    status: int
    page: Page | None
    """None: the answer has no content, and the tab stays as it is."""
    posted: bool


def _origin(url: str) -> str:
    """Scheme, host and port, without the port that the scheme has by itself."""
    parts = urlsplit(url)
    try:
        port = parts.port
    except ValueError:
        port = None
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname or ''}" + ("" if port in {None, usual} else f":{port}")


def _normal(url: str) -> str:
    """An address as a browser writes it: a path of at least one slash, other characters percent-encoded."""
    if url == BLANK:
        return url
    parts = urlsplit(url.strip())
    host = f"{_origin(url).partition('://')[2]}"
    path = _without_dots(quote(parts.path, safe=_SAFE)) or "/"
    query = quote(parts.query, safe=_SAFE.replace("'", ""))
    fragment = quote(parts.fragment, safe=_SAFE)
    address = urlunsplit((parts.scheme, host, path, query, fragment))
    if not query and url.partition("#")[0].endswith("?"):
        bare, mark, rest = address.partition("#")
        address = f"{bare}?{mark}{rest}"
    return address


def _without_dots(path: str) -> str:
    """A path without `.` and `..` (RFC 3986, section 5.2.4)."""
    if "/." not in path:
        return path
    kept: list[str] = []
    parts = path.split("/")
    for number, part in enumerate(parts):
        last = number == len(parts) - 1
        if part == "..":
            if len(kept) > 1:
                kept.pop()
            if last:
                kept.append("")
        elif part != ".":
            kept.append(part)
        elif last:
            kept.append("")
    return "/".join(kept)


def _decoded(body: bytes, content_type: str) -> str:
    """A text in the encoding that the answer, its byte order mark or its markup names; else UTF-8."""
    if body.startswith(codecs.BOM_UTF8):
        return body[3:].decode("utf-8", "replace")
    found = _CHARSET.search(content_type)
    name = found[1] if found else None
    if name is None:
        meta = _META_CHARSET.search(body[:1024])
        name = meta[1].decode("ascii") if meta else "utf-8"
    try:
        return body.decode(name, "replace")
    except LookupError:
        return body.decode("utf-8", "replace")


def _filled_jar(session: Session, sites: frozenset[str]) -> CookieJar:
    jar = CookieJar()
    for origin in sorted(sites):
        host = urlsplit(origin).hostname or ""
        for name, value in session.cookies.items():
            jar.put(name, value, domain=host)
    if session.storage_state is not None:
        _put_stored(jar, session.storage_state)
    return jar


def _put_stored(jar: CookieJar, file: str) -> None:
    """The cookies of a storage state in Playwright's form; local storage means nothing without scripts."""
    try:
        require_regular_file(file)
        stored = json.loads(Path(file).read_text("utf-8"))
        for cookie in stored["cookies"]:
            domain = str(cookie["domain"])
            jar.put(
                str(cookie["name"]),
                str(cookie["value"]),
                domain=domain.lstrip("."),
                path=str(cookie.get("path", "/")),
                below=domain.startswith("."),
            )
    except (OSError, ValueError, KeyError, TypeError) as error:
        raise UnreadableFileError(f"{file}: expected a storage state of Playwright's form, got {error}") from error
