"""A browser context with its tabs: one episode. Every coroutine runs in the browser's loop."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from tracewarp.envs.web.chromium.tab import BrowserTab, Limits, origin_of
from tracewarp.envs.web.driver import ActionRefused, Dialog, Session, Tab
from tracewarp.errors import EnvironmentFailure, OptionError
from tracewarp.trajectory.surrogates import repair

if TYPE_CHECKING:
    from playwright.async_api import Browser, BrowserContext, Page
    from playwright.async_api import Dialog as PlaywrightDialog

_NOWHERE = "http://127.0.0.1:1"
"""A proxy that is not there: what has to pass it is refused at once."""
_WINDOW_SECONDS = 5.0


_DIALOGS = 20
"""A page that opens one dialog after another is quoted with so many."""
_MESSAGE = 2_000
"""Characters that are kept of what a dialog says."""


@dataclass(frozen=True, slots=True)
class AcceptDialog:
    """How a dialog is accepted."""

    text: str | None = None
    """For a prompt; None: the text that it offers itself."""


class BrowserWindow:
    """The tabs of a fresh context, one of them current."""

    def __init__(self, context: BrowserContext, limits: Limits) -> None:
        self.accept_next: AcceptDialog | None = None
        """How the next dialog is to be accepted; None: it is dismissed."""
        self._dialogs: list[Dialog] = []
        self._context = context
        self._limits = limits
        self._tabs: list[BrowserTab] = []
        self._current: BrowserTab | None = None
        self._arrived: list[Page] = []
        self._arrival = asyncio.Event()
        self._awaits_own_page = False

    @classmethod
    async def open(
        cls,
        browser: Browser,
        session: Session,
        *,
        viewport: tuple[int, int],
        load_seconds: float,
        settle_seconds: float,
    ) -> BrowserWindow:
        """Make the context and open the session's tabs.

        Raises:
            EnvironmentFailure: a start page did not come.
        """
        allowed = None if session.allowed_origins is None else frozenset(map(origin_of, session.allowed_origins))
        sites = (allowed or frozenset()) | {origin_of(url) for url in session.start_urls}
        limits = Limits(allowed, sites, load_seconds=load_seconds, settle_seconds=settle_seconds)
        for url in session.start_urls:
            if not limits.allows(url):
                raise OptionError(f"start_urls: expected addresses within allowed_origins, got {url!r}")
        context = await browser.new_context(**_context_options(session, allowed, viewport))
        try:
            if session.cookies:
                cookies = [
                    {"name": name, "value": value, "url": origin}
                    for origin in sorted(sites)
                    for name, value in session.cookies.items()
                ]
                await context.add_cookies(cookies)
            window = cls(context, limits)
            context.on("page", window._on_page)
            await window._open_start(session.start_urls)
        except BaseException:
            await context.close()
            raise
        return window

    async def _open_start(self, urls: tuple[str, ...]) -> None:
        for url in urls or ("about:blank",):
            tab = await self._add()
            if url == "about:blank":
                continue
            try:
                await tab.open(url)
            except ActionRefused as refused:
                raise EnvironmentFailure(f"start page: {refused}") from refused
            if tab.status >= 500:
                raise EnvironmentFailure(f"{url}: the site is down (status {tab.status})")
            await tab.forget_history()
        self._current = self._tabs[0]

    async def close(self) -> None:
        """Close the context with every tab."""
        await self._context.close()

    # What the browser tells.

    def _on_page(self, page: Page) -> None:
        page.on("dialog", self._on_dialog)
        if self._awaits_own_page:
            return
        self._arrived.append(page)
        self._arrival.set()

    async def _on_dialog(self, dialog: PlaywrightDialog) -> None:
        """Answer a dialog at once: the page's scripts, and with them the whole tab, wait for that."""
        from playwright.async_api import Error

        leaving = dialog.type == "beforeunload"
        answer: AcceptDialog | None = None
        if not leaving:
            answer, self.accept_next = self.accept_next, None
        text: str | None = None
        if answer is not None and dialog.type == "prompt":
            text = dialog.default_value if answer.text is None else answer.text
        accepted = leaving or answer is not None
        if len(self._dialogs) < _DIALOGS:
            message = repair(dialog.message)
            message = message if len(message) <= _MESSAGE else f"{message[:_MESSAGE]}..."
            self._dialogs.append(Dialog(cast(Any, dialog.type), message, accepted, text))
        with contextlib.suppress(Error):  # the page was closed together with its dialog
            await (dialog.accept(text or "") if accepted else dialog.dismiss())

    def take_dialogs(self) -> tuple[Dialog, ...]:
        """What dialogs said since this was last asked."""
        said, self._dialogs = tuple(self._dialogs), []
        return said

    # Tabs.

    async def _add(self) -> BrowserTab:
        self._awaits_own_page = True
        try:
            page = await self._context.new_page()
        finally:
            self._awaits_own_page = False
        tab = await BrowserTab.attach(page, self._limits)
        self._tabs.append(tab)
        self._current = tab
        return tab

    def _open_tabs(self) -> list[BrowserTab]:
        """The tabs without those that closed themselves; the last of the others becomes current."""
        self._tabs = [tab for tab in self._tabs if not tab.page.is_closed()]
        if self._current not in self._tabs:
            self._current = self._tabs[-1] if self._tabs else None
        return self._tabs

    async def current(self) -> BrowserTab:
        """The current tab; an empty one, where a page has closed the last."""
        self._open_tabs()
        return self._current or await self._add()

    async def tabs(self) -> tuple[Tab, ...]:
        """Title and address of every tab."""
        current = await self.current()
        tabs = list(self._tabs)
        titles = await asyncio.gather(*(tab.title() for tab in tabs))
        return tuple(Tab(title, tab.page.url, tab is current) for tab, title in zip(tabs, titles, strict=True))

    async def new_tab(self) -> None:
        """Open an empty tab."""
        await self._add()

    async def focus_tab(self, index: int) -> None:
        """Make a tab current."""
        tabs = self._open_tabs()
        if not 0 <= index < len(tabs):
            raise ActionRefused(f"there is no tab {index}: the last one is {len(tabs) - 1}")
        self._current = tabs[index]
        await tabs[index].page.bring_to_front()

    async def close_tab(self) -> None:
        """Close the current tab."""
        tab = await self.current()
        await tab.page.close()
        await self.current()

    # Acting.

    async def act(self, action: Callable[[BrowserTab], Awaitable[Any]]) -> None:
        """Do something in the current tab, and follow where it leads: windows that it opens become tabs."""
        from playwright.async_api import Error

        tab = await self.current()
        asked = tab.windows_asked
        try:
            await action(tab)
        except Error:
            if not tab.page.is_closed():  # a page may close itself when it is clicked
                raise
        await self._follow(tab.windows_asked - asked)

    async def _follow(self, windows: int) -> None:
        """Take in the windows that were opened; the last one becomes current."""
        while windows > 0 or self._arrived:
            if not self._arrived:
                self._arrival.clear()
                try:
                    await asyncio.wait_for(self._arrival.wait(), _WINDOW_SECONDS)
                except asyncio.TimeoutError:
                    return  # the browser did not let the page open it
            windows -= 1
            await self._take(self._arrived.pop(0))

    async def _take(self, page: Page) -> None:
        if page.is_closed():
            return
        tab = await BrowserTab.attach(page, self._limits)
        try:
            await tab.settle()
        except ActionRefused:
            await page.close()
            raise
        if not self._limits.allows(page.url):
            await page.close()
            raise ActionRefused(f"{page.url} is outside of the sites that may be visited")
        self._tabs.append(tab)
        self._current = tab


def _context_options(session: Session, allowed: frozenset[str] | None, viewport: tuple[int, int]) -> dict[str, Any]:
    options: dict[str, Any] = {
        "viewport": {"width": viewport[0], "height": viewport[1]},
        "device_scale_factor": 1,
        "locale": "en-US",
        "accept_downloads": False,
        "service_workers": "block",
    }
    if session.storage_state is not None:
        options["storage_state"] = session.storage_state
    if session.geolocation is not None:
        latitude, longitude = session.geolocation
        options["geolocation"] = {"latitude": latitude, "longitude": longitude}
        options["permissions"] = ["geolocation"]
    if allowed is not None:
        # Everything but the allowed hosts goes to a proxy that is not there: pictures, scripts, sockets and windows
        # too, without a question to this process for every request.
        bypass = ",".join(sorted(_host_and_port(origin) for origin in allowed))
        options["proxy"] = {"server": _NOWHERE, "bypass": bypass}
    return options


def _host_and_port(origin: str) -> str:
    parts = urlsplit(origin)
    return f"{parts.scheme}://{parts.hostname}:{parts.port or {'http': 80, 'https': 443}.get(parts.scheme, 0)}"
