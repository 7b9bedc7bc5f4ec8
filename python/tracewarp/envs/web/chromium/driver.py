"""The driver of a real Chromium, for callers in any thread."""

from __future__ import annotations

import asyncio
import importlib.util
import os
import weakref
from collections.abc import Callable, Coroutine, Hashable
from types import TracebackType
from typing import TYPE_CHECKING, Any, Literal, TypeVar

from tracewarp.envs.web.chromium.installed import require_chromium
from tracewarp.envs.web.chromium.process import CLOSE_SECONDS, BrowserProcess
from tracewarp.envs.web.chromium.tab import BrowserTab
from tracewarp.envs.web.chromium.window import AcceptDialog, BrowserWindow
from tracewarp.envs.web.driver import Dialog, Session, Tab
from tracewarp.envs.web.nodes import Node
from tracewarp.errors import EnvironmentFailure, MissingExtraError, OptionError

if TYPE_CHECKING:
    from playwright.async_api import Browser

T = TypeVar("T")

_GRACE_SECONDS = 5.0
"""A page's own limit comes first and gives the better sentence; this much later the call itself is given up."""


class ChromiumDriver:
    """Chromium through Playwright: launched once, a fresh context an episode (`tracewarp.envs.web.driver.Driver`).

    It runs in a thread of its own, and so works inside a notebook. Use one driver from one thread at a time. Dialogs
    are dismissed at once and noted, downloads are refused, windows that a page opens become tabs. Where a session names
    its origins, nothing else is reached, neither by a navigation nor by what a page fetches.

    Args:
        executable: Path of the browser; None: the one that `find_chromium` finds.
        channel: Playwright's name of an installed browser instead, e.g. `chrome` or `msedge`.
        headless: Without a window on the screen.
        resolver_rules: Chromium's `--host-resolver-rules`, e.g. `MAP *.arena.test 127.0.0.1:8000, MAP * ~NOTFOUND`.
        viewport: Width and height in CSS pixels.
        timeout_seconds: The longest wait for a page, or for any answer of the browser.
        settle_seconds: The longest wait for the requests of a page's scripts, after an action or after its load.
        sandbox: Chromium's sandbox; None: on, unless this process runs as root, where Chromium has none.

    Raises:
        MissingExtraError: Playwright is not installed.
        EnvironmentFailure: no Chromium is installed.
    """

    def __init__(
        self,
        *,
        executable: str | None = None,
        channel: str | None = None,
        headless: bool = True,
        resolver_rules: str | None = None,
        viewport: tuple[int, int] = (1280, 720),
        timeout_seconds: float = 30.0,
        settle_seconds: float = 2.0,
        sandbox: bool | None = None,
    ) -> None:
        if importlib.util.find_spec("playwright") is None:
            raise MissingExtraError("the driver chromium needs Playwright: pip install 'tracewarp[browser]'")
        if not timeout_seconds > 0 or not settle_seconds >= 0:
            raise OptionError(
                "timeout_seconds, settle_seconds: expected more than 0 and at least 0, "
                f"got {timeout_seconds!r} and {settle_seconds!r}"
            )
        if executable is not None and channel is not None:
            raise OptionError("executable, channel: expected one of the two, got both")
        self._launch_options: dict[str, Any] = {
            "headless": headless,
            "chromium_sandbox": not _is_root() if sandbox is None else sandbox,
            "args": _arguments(resolver_rules),
            # Ctrl-C is the caller's to handle, who closes this driver.
            "handle_sigint": False,
            "handle_sigterm": False,
            "handle_sighup": False,
        }
        if channel is not None:
            self._launch_options["channel"] = channel
        else:
            self._launch_options["executable_path"] = require_chromium(executable)
        self._viewport = viewport
        self._load_seconds = timeout_seconds
        self._settle_seconds = settle_seconds
        self._running = BrowserProcess()
        self._finalizer = weakref.finalize(self, self._running.stop)

    @property
    def name(self) -> str:
        """`chromium` and its version, e.g. `chromium 140.0.7339.80`; launches the browser, which knows its version."""
        return f"chromium {self._browser().version}"

    def start(self, session: Session) -> None:
        """Open a fresh context, whatever went before; a browser that crashed or hung is launched anew.

        Raises:
            EnvironmentFailure: no browser could be launched, or a start page did not come.
            OptionError: a start page outside of the allowed origins.
        """
        browser = self._browser()

        async def work() -> None:
            self._running.window, old = None, self._running.window
            if old is not None:
                await asyncio.wait_for(old.close(), CLOSE_SECONDS)
            self._running.window = await BrowserWindow.open(
                browser,
                session,
                viewport=self._viewport,
                load_seconds=self._load_seconds,
                settle_seconds=self._settle_seconds,
            )

        pages = max(1, len(session.start_urls))
        self._call("start", work(), seconds=pages * self._load_seconds + CLOSE_SECONDS + _GRACE_SECONDS)

    def tabs(self) -> tuple[Tab, ...]:
        """The open tabs, in order of opening."""
        return self._look("tabs", lambda window: window.tabs())

    def tree(self) -> Node:
        """The accessibility tree of the current document, every node with its box."""

        async def work(window: BrowserWindow) -> Node:
            return await (await window.current()).tree()

        return self._look("tree", work)

    def html(self) -> str:
        """The current document's markup."""

        async def work(window: BrowserWindow) -> str:
            return await (await window.current()).html()

        return self._look("html", work)

    def screenshot(self) -> bytes:
        """What the viewport shows, as PNG."""

        async def work(window: BrowserWindow) -> bytes:
            return bytes(await (await window.current()).page.screenshot())

        return self._look("screenshot", work)

    def click(self, key: Hashable) -> None:
        """Scroll an element into view and click its centre. An option is chosen, without opening its select's list."""
        self._act("click", lambda tab: tab.click(key))

    def hover(self, key: Hashable) -> None:
        """Scroll an element into view and move the pointer over its centre."""
        self._act("hover", lambda tab: tab.hover(key))

    def fill(self, key: Hashable, text: str, *, enter: bool) -> None:
        """Replace a field's text by typing; in a select choose the option of that name; then press Enter, if asked."""
        self._act("fill", lambda tab: tab.fill(key, text, enter=enter))

    def press(self, keys: str, key: Hashable | None = None) -> None:
        """Press a key or a combination (`Enter`, `ctrl+a`) where the focus is, or on an element, which takes it first.

        Off macOS, Meta is pressed as Control.
        """
        self._act("press", lambda tab: tab.press(keys, key))

    def accept_next_dialog(self, text: str | None = None) -> None:
        """Accept the next dialog, with `text` where it asks for one; those after it are dismissed at once, as usual."""

        async def work(window: BrowserWindow) -> None:
            window.accept_next = AcceptDialog(text)

        self._look("accept_next_dialog", work)

    def dismiss_dialogs(self) -> None:
        """Take `accept_next_dialog` back."""

        async def work(window: BrowserWindow) -> None:
            window.accept_next = None

        self._look("dismiss_dialogs", work)

    def take_dialogs(self) -> tuple[Dialog, ...]:
        """What dialogs said since this was last asked."""

        async def work(window: BrowserWindow) -> tuple[Dialog, ...]:
            return window.take_dialogs()

        return self._look("take_dialogs", work)

    def scroll(self, direction: Literal["up", "down"]) -> None:
        """Scroll by the height of the viewport."""
        self._act("scroll", lambda tab: tab.scroll(-1 if direction == "up" else 1))

    def goto(self, url: str) -> None:
        """Open an address in the current tab; `http://` is put before one without a scheme."""
        self._act("goto", lambda tab: tab.goto(url))

    def back(self) -> None:
        """One page back in the tab's history; nothing happens at its start."""
        self._act("back", lambda tab: tab.travel(-1))

    def forward(self) -> None:
        """One page forward in the tab's history; nothing happens at its end."""
        self._act("forward", lambda tab: tab.travel(1))

    def new_tab(self) -> None:
        """Open an empty tab and make it current."""
        self._look("new_tab", lambda window: window.new_tab())

    def focus_tab(self, index: int) -> None:
        """Make a tab current, counted from 0."""
        self._look("focus_tab", lambda window: window.focus_tab(index))

    def close_tab(self) -> None:
        """Close the current tab; the last remaining one becomes current. The last tab gives way to an empty one."""
        self._look("close_tab", lambda window: window.close_tab())

    def query(self, locator: str) -> str:
        """What any JavaScript expression gives on the current document, as Python's `str` of it.

        "" where it throws, or gives null or undefined. A promise is waited for. For judging only.
        """

        async def work(window: BrowserWindow) -> str:
            return await (await window.current()).query(locator)

        return self._look("query", work)

    def close(self) -> None:
        """Close the browser and end its processes; may be called twice. `start` would launch it again."""
        self._running.stop()

    def __enter__(self) -> ChromiumDriver:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _browser(self) -> Browser:
        if not self._running.sound:
            self._running.stop()
            self._running.launch(self._launch_options)
        browser = self._running.browser
        assert browser is not None
        return browser

    def _act(self, what: str, action: Callable[[BrowserTab], Coroutine[Any, Any, None]]) -> None:
        self._look(what, lambda window: window.act(action))

    def _look(self, what: str, work: Callable[[BrowserWindow], Coroutine[Any, Any, T]]) -> T:
        window = self._running.window
        if window is None:
            raise OptionError(f"{what}: no session is open: start comes first")
        return self._call(what, work(window), seconds=self._load_seconds + _GRACE_SECONDS)

    def _call(self, what: str, work: Coroutine[Any, Any, T], *, seconds: float) -> T:
        from playwright.async_api import Error

        loop = self._running.loop
        if loop is None or not self._running.sound:
            work.close()
            raise EnvironmentFailure(f"{what}: the browser is gone")
        try:
            return loop.call(work, seconds=seconds)
        except (asyncio.TimeoutError, TimeoutError) as error:
            self._running.suspect = True
            raise EnvironmentFailure(f"{what}: the browser gave no answer within {seconds:g} s") from error
        except Error as error:
            if not self._running.sound:
                raise EnvironmentFailure(f"{what}: the browser crashed") from error
            self._running.suspect = True
            raise EnvironmentFailure(f"{what}: {str(error).splitlines()[0]}") from error


def _arguments(resolver_rules: str | None) -> list[str]:
    arguments = [
        "--disable-gpu",
        # A page must not find a way around the proxy that keeps it within its origins.
        "--force-webrtc-ip-handling-policy=disable_non_proxied_udp",
    ]
    if resolver_rules is not None:
        arguments.append(f"--host-resolver-rules={resolver_rules}")
    return arguments


def _is_root() -> bool:
    return hasattr(os, "geteuid") and os.geteuid() == 0
