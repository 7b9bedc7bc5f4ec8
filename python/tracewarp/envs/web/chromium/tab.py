"""One tab of a real browser: what happens in it, when it comes to rest, and what is done to its elements."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from tracewarp.envs.web.chromium import scripts
from tracewarp.envs.web.chromium.snapshot import boxes_of, holds_frames, node_tree
from tracewarp.envs.web.driver import ActionRefused
from tracewarp.envs.web.ids import NodeKey
from tracewarp.envs.web.keys import read_stroke
from tracewarp.envs.web.nodes import Node
from tracewarp.errors import EnvironmentFailure
from tracewarp.trajectory.surrogates import repair

if TYPE_CHECKING:
    from playwright.async_api import CDPSession, Page

_WAITED_FOR = frozenset({"Document", "Script", "Stylesheet", "XHR", "Fetch"})
"""Requests that can change what the tree says; pictures, fonts and beacons cannot."""
_START_SECONDS = 5.0
"""From the page's wish to leave until the browser sets out; then the wish was in vain."""
_DOWNLOAD_SECONDS = 0.2
_TYPED_ONE_BY_ONE = 80
"""Characters that are typed key by key, for pages that listen to keys. What is longer comes at once, as if pasted."""
_GATEWAY = frozenset({502, 503, 504})
"""Answers that say that the site behind them is down."""

_SENT_ONCE = "net::ERR_CACHE_MISS"
"""The browser asks before it sends a form again, and there is nobody to ask."""


@dataclass(frozen=True, slots=True)
class Limits:
    """What a tab allows, and how long it waits."""

    origins: frozenset[str] | None
    """Origins that may be visited; None: any http or https."""
    sites: frozenset[str]
    """Origins whose failing is the environment's failure, and not an address that the agent made up."""
    load_seconds: float
    settle_seconds: float
    """How long scripts' requests are waited for once the document is there."""

    def allows(self, url: str) -> bool:
        """May this address be opened?"""
        if url == "about:blank":
            return True
        if self.origins is None:
            return origin_of(url).startswith(("http://", "https://"))
        return origin_of(url) in self.origins


def origin_of(url: str) -> str:
    """Return scheme, host and port, without the port that the scheme has by itself; "" for what is no address."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    usual = {"http": 80, "https": 443}.get(parts.scheme)
    return f"{parts.scheme}://{parts.hostname or ''}" + ("" if port in {None, usual} else f":{port}")


class BrowserTab:
    """A page with its debugging session. Every coroutine runs in the browser's loop."""

    def __init__(self, page: Page, session: CDPSession, limits: Limits) -> None:
        self.page = page
        self.windows_asked = 0
        """How many windows this page has opened so far."""
        self.status = 0
        """HTTP status of the last document that arrived; 0: it came without one, as `about:blank`."""
        self.crashed = False
        self._session = session
        self._limits = limits
        self._frame = ""
        self._document = ""
        self._unreachable: str | None = None
        self._answered = 0
        self._moves = 0
        self._leaving = False
        self._refreshing = False
        self._loading = False
        self._parsed = True
        self._inner_loading: set[str] = set()
        """Inner frames that are loading."""
        self._requests: dict[str, str] = {}
        self._main_request = ""
        self._aborted = False
        self._error = "no answer"
        self._refused: list[str] = []
        self._downloads: list[str] = []
        self._changed = asyncio.Event()

    @classmethod
    async def attach(cls, page: Page, limits: Limits) -> BrowserTab:
        """Begin to watch a page."""
        session = await page.context.new_cdp_session(page)
        tab = cls(page, session, limits)
        for event, handler in {
            "Page.frameRequestedNavigation": tab._on_leaving,
            "Page.frameScheduledNavigation": tab._on_scheduled,
            "Page.frameClearedScheduledNavigation": tab._on_cleared,
            "Page.frameStartedLoading": tab._on_started,
            "Page.frameStoppedLoading": tab._on_stopped,
            "Page.frameDetached": tab._on_detached,
            "Page.frameNavigated": tab._on_navigated,
            "Page.navigatedWithinDocument": tab._on_moved,
            "Page.domContentEventFired": tab._on_parsed,
            "Page.windowOpen": tab._on_window,
            "Network.requestWillBeSent": tab._on_request,
            "Network.responseReceived": tab._on_response,
            "Network.loadingFinished": tab._on_request_done,
            "Network.loadingFailed": tab._on_request_done,
            "Fetch.requestPaused": tab._on_paused,
        }.items():
            session.on(event, handler)
        page.on("crash", tab._on_crash)
        page.on("download", tab._on_download)
        page.on("close", tab._on_close)
        asked = [session.send("Page.enable"), session.send("Network.enable")]
        if limits.origins is not None:
            patterns = [{"urlPattern": "*", "resourceType": "Document"}]
            asked.append(session.send("Fetch.enable", {"patterns": patterns}))
        *_, frames = await asyncio.gather(*asked, session.send("Page.getFrameTree"))
        frame = frames["frameTree"]["frame"]
        tab._frame, tab._document, tab._unreachable = frame["id"], frame["loaderId"], frame.get("unreachableUrl")
        if not tab._loading:
            state = await tab._evaluate("document.readyState")
            tab._loading, tab._parsed = state != "complete", state != "loading"
        return tab

    # What the browser tells.

    def _tell(self) -> None:
        self._changed.set()

    def _on_leaving(self, event: Mapping[str, Any]) -> None:
        if event.get("disposition") == "currentTab":
            if event["frameId"] == self._frame:
                self._leaving = True
            else:
                self._inner_loading.add(event["frameId"])
            self._tell()

    def _on_scheduled(self, event: Mapping[str, Any]) -> None:
        # A refresh without delay is announced before the page has loaded, and begins at any time after that.
        refresh = event.get("reason") in {"metaTagRefresh", "httpHeaderRefresh"} and event.get("delay") == 0
        if refresh and event["frameId"] == self._frame:
            self._refreshing = True
            self._tell()

    def _on_cleared(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._refreshing = False
            self._tell()

    def _on_started(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._leaving, self._loading, self._refreshing = False, True, False
            self._on_moved(event)
        else:
            self._inner_loading.add(event["frameId"])

    def _on_stopped(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._leaving = self._loading = False
        self._inner_loading.discard(event["frameId"])
        self._tell()

    def _on_detached(self, event: Mapping[str, Any]) -> None:
        self._inner_loading.discard(event["frameId"])
        self._tell()

    def _on_navigated(self, event: Mapping[str, Any]) -> None:
        frame = event["frame"]
        if frame["id"] != self._frame:
            return
        self._document, self._unreachable, self._parsed = frame["loaderId"], frame.get("unreachableUrl"), False
        # What the last document still wanted is of no interest any more.
        self._requests = {k: loader for k, loader in self._requests.items() if loader == self._document}
        self._inner_loading.clear()
        self._tell()

    def _on_moved(self, event: Mapping[str, Any]) -> None:
        if event["frameId"] == self._frame:
            self._moves += 1
            self._tell()

    def _on_parsed(self, _: Mapping[str, Any]) -> None:
        self._parsed = True
        self._tell()

    def _on_window(self, _: Mapping[str, Any]) -> None:
        self.windows_asked += 1

    def _on_request(self, event: Mapping[str, Any]) -> None:
        if event.get("type") in _WAITED_FOR:
            self._requests[event["requestId"]] = event["loaderId"]
        if event.get("type") == "Document" and event.get("frameId") == self._frame:
            self._main_request = event["requestId"]

    def _on_response(self, event: Mapping[str, Any]) -> None:
        if event["requestId"] == self._main_request:
            self._answered = event["response"]["status"]

    def _on_request_done(self, event: Mapping[str, Any]) -> None:
        if self._requests.pop(event["requestId"], None) is not None:
            self._tell()
        if event["requestId"] == self._main_request and "errorText" in event:
            self._error = event["errorText"]
            self._aborted = self._error == "net::ERR_ABORTED"

    def _on_paused(self, event: Mapping[str, Any]) -> None:
        url = event["request"]["url"]
        # An inner frame without an address of its own shows what the page has written itself.
        fine = self._limits.allows(url) or (event["frameId"] != self._frame and url.startswith(("about:", "data:")))
        if not fine and event["frameId"] == self._frame:
            self._refused.append(url)
        method, reason = ("Fetch.continueRequest", {}) if fine else ("Fetch.failRequest", {"errorReason": "Aborted"})
        _forget(self._session.send(method, {"requestId": event["requestId"], **reason}))

    def _on_crash(self, _: object) -> None:
        self.crashed = True
        self._tell()

    def _on_download(self, download: Any) -> None:
        self._downloads.append(download.url)
        self._tell()
        _forget(download.cancel())

    def _on_close(self, _: object) -> None:
        self._tell()

    # Coming to rest.

    async def settle(self, *, way_back: int = -1) -> None:
        """Wait until what the last action began is over: a navigation, scripts' requests, or nothing at all.

        Args:
            way_back: Where in the history the page lies that was left, in case the new one cannot be opened.

        Raises:
            EnvironmentFailure: the page crashed, never came, or its site is down.
            ActionRefused: the way leads outside of the allowed origins, or to a download.
        """
        end = time.monotonic() + self._limits.load_seconds
        rest = time.monotonic() + self._limits.settle_seconds
        while not self.page.is_closed():
            await self._flush()
            if (self._leaving or self._refreshing) and not self._loading and time.monotonic() < end:
                await self._until(lambda: self._loading or not (self._leaving or self._refreshing), _START_SECONDS)
                self._leaving = self._refreshing = False
            elif self._loading:
                if not await self._until(lambda: not self._loading, end - time.monotonic()):
                    if not self._parsed:
                        raise EnvironmentFailure(f"{self.page.url}: no page within {self._limits.load_seconds:g} s")
                    break  # the page is there, only its pictures are not
                rest = time.monotonic() + self._limits.settle_seconds
            elif self._busy() and time.monotonic() < rest:
                if not await self._until(lambda: not self._busy() or self._loading, rest - time.monotonic()):
                    self._requests.clear()  # such as a request that stays open to be told of news
                    self._inner_loading.clear()
            else:
                break
        await self._judge_arrival(way_back)

    def _busy(self) -> bool:
        return bool(self._requests or self._inner_loading)

    async def _flush(self) -> None:
        from playwright.async_api import Error

        self._raise_if_crashed()
        try:
            await self._evaluate(scripts.FLUSH, wait=True)
        except Error:
            # The document went away under the question: the events say so too.
            await asyncio.sleep(0.001)
        self._raise_if_crashed()

    def _raise_if_crashed(self) -> None:
        if self.crashed:
            raise EnvironmentFailure(f"{self.page.url}: the page crashed")

    async def _until(self, holds: Callable[[], bool], seconds: float) -> bool:
        end = time.monotonic() + seconds
        while not holds() and not self.crashed and not self.page.is_closed():
            self._changed.clear()
            try:
                await asyncio.wait_for(self._changed.wait(), end - time.monotonic())
            except asyncio.TimeoutError:
                return holds()
        return holds()

    async def _judge_arrival(self, way_back: int) -> None:
        if self._aborted and not self._refused:
            # The answer was a download, of which the browser tells a little later, or there was none (status 204).
            await self._until(lambda: bool(self._downloads), _DOWNLOAD_SECONDS)
        answered, self._answered = self._answered, 0
        refused, self._refused = self._refused, []
        downloads, self._downloads = self._downloads, []
        self._aborted = False
        self.status = answered or self.status
        if self.page.is_closed():
            return
        if self._unreachable is not None:
            url, why = self._unreachable, self._error
            if origin_of(url) in self._limits.sites and why != _SENT_ONCE:
                raise EnvironmentFailure(f"{url}: the site did not answer ({why})")
            await self.travel(way_back)
            if why == _SENT_ONCE:
                raise ActionRefused(f"{url} answered a form, and cannot be shown again without sending it again")
            raise ActionRefused(f"{url} could not be opened ({why})")
        if answered in _GATEWAY:
            raise EnvironmentFailure(f"{self.page.url}: the site is down (status {answered})")
        if refused:
            raise ActionRefused(f"{refused[0]} is outside of the sites that may be visited")
        if downloads:
            raise ActionRefused(f"{downloads[0]} is a download, and downloads are refused")

    @property
    def unreachable(self) -> bool:
        """Does the tab show the browser's own page of an error?"""
        return self._unreachable is not None

    # Looking.

    async def tree(self) -> Node:
        """The accessibility tree with the boxes, of one and the same document."""
        while True:
            self._raise_if_crashed()
            document = self._document
            answer, snapshot = await asyncio.gather(
                self._session.send("Accessibility.getFullAXTree"),
                self._session.send("DOMSnapshot.captureSnapshot", {"computedStyles": []}),
            )
            frames = await self._inner_frames() if holds_frames(answer["nodes"]) else {}
            if document == self._document:
                return node_tree(answer["nodes"], boxes_of(snapshot), document=document, frames=frames)
            await self.settle()

    async def _inner_frames(self) -> dict[int, Sequence[Mapping[str, Any]]]:
        """The trees of the inner frames of the page's own origin, by the number of the element that holds each."""
        found: dict[int, Sequence[Mapping[str, Any]]] = {}
        outer = [(await self._session.send("Page.getFrameTree"))["frameTree"]]
        while outer:
            inner = [child for frame in outer for child in frame.get("childFrames", ())]
            read = await asyncio.gather(*(self._inner_frame(child["frame"]["id"]) for child in inner))
            # What lies within a frame of another origin is as far away as that one.
            outer = [child for child, (holder, _) in zip(inner, read, strict=True) if holder is not None]
            found |= {holder: nodes for holder, nodes in read if holder is not None}
        return found

    async def _inner_frame(self, frame: str) -> tuple[int | None, Sequence[Mapping[str, Any]]]:
        """The number of a frame's element, and its tree; None: another origin's frame, or one that is gone."""
        from playwright.async_api import Error

        try:
            holder = (await self._session.send("DOM.getFrameOwner", {"frameId": frame}))["backendNodeId"]
            element = (await self._session.send("DOM.resolveNode", {"backendNodeId": holder}))["object"]["objectId"]
            readable = await self._session.send(
                "Runtime.callFunctionOn",
                {"objectId": element, "functionDeclaration": scripts.READABLE, "returnByValue": True},
            )
            if readable["result"].get("value") is not True:
                return None, ()
            return holder, (await self._session.send("Accessibility.getFullAXTree", {"frameId": frame}))["nodes"]
        except Error:
            return None, ()

    async def title(self) -> str:
        """The document's title."""
        return repair(str(await self._evaluate("document.title") or ""))

    async def html(self) -> str:
        """The document's markup."""
        return repair(await self.page.content())

    async def query(self, expression: str) -> str:
        """An expression's value as text; "" where it throws, or gives nothing."""
        answer = await self._session.send(
            "Runtime.evaluate", {"expression": f"({repair(expression)})", "returnByValue": True, "awaitPromise": True}
        )
        value = answer["result"].get("value")
        return "" if value is None or "exceptionDetails" in answer else repair(str(value))

    async def _evaluate(self, expression: str, *, wait: bool = False) -> Any:
        answer = await self._session.send(
            "Runtime.evaluate", {"expression": expression, "returnByValue": True, "awaitPromise": wait}
        )
        return answer["result"].get("value")

    # Acting.

    async def goto(self, url: str) -> None:
        """Open an address."""
        if "://" not in url and url != "about:blank":
            url = f"http://{url}"
        if not self._limits.allows(url):
            raise ActionRefused(f"{url} is outside of the sites that may be visited")
        await self.open(url)

    async def open(self, url: str) -> None:
        """Open an address that is known to be allowed."""
        from playwright.async_api import Error

        try:
            # The browser answers when the site has, and has no limit of its own.
            asked = self._session.send("Page.navigate", {"url": url})
            answer = await asyncio.wait_for(asked, self._limits.load_seconds)
        except asyncio.TimeoutError as error:
            raise EnvironmentFailure(f"{url}: no page within {self._limits.load_seconds:g} s") from error
        except Error as error:
            raise ActionRefused(f"{url} is not an address that a browser can open") from error
        self._error = answer.get("errorText") or self._error
        await self.settle()

    async def travel(self, step: int) -> None:
        """Go back (-1) or forward (1) in the history; nothing happens at its end."""
        history = await self._session.send("Page.getNavigationHistory")
        index = history["currentIndex"] + step
        if 0 <= index < len(history["entries"]):
            moves = self._moves
            await self._session.send("Page.navigateToHistoryEntry", {"entryId": history["entries"][index]["id"]})
            await self._until(lambda: self._moves > moves, _START_SECONDS)
            await self.settle(way_back=-step)

    async def forget_history(self) -> None:
        """Make the current page the history's first one."""
        await self._session.send("Page.resetNavigationHistory")

    async def click(self, key: Hashable) -> None:
        """Click the centre of an element."""
        place = await self._on_element(key, scripts.CLICK)
        if "x" in place:
            await self.page.mouse.click(place["x"], place["y"])
        await self.settle()

    async def hover(self, key: Hashable) -> None:
        """Move the pointer over the centre of an element."""
        place = await self._on_element(key, scripts.HOVER)
        await self.page.mouse.move(place["x"], place["y"])
        await self.settle()

    async def fill(self, key: Hashable, text: str, *, enter: bool) -> None:
        """Replace a field's text."""
        field = await self._on_element(key, scripts.FILL, text)
        if "done" not in field:
            await self._type(text if field["lines"] else "".join(text.splitlines()), empty=field["empty"])
        if enter:
            if not field.get("lines"):
                await self.settle()  # what the field's own handlers begin comes first
            await self.page.keyboard.press("Enter")
        await self.settle()

    async def _type(self, text: str, *, empty: bool) -> None:
        """Type over the selected text."""
        if not text:
            if not empty:
                await self.page.keyboard.press("Delete")
        elif len(text) <= _TYPED_ONE_BY_ONE and "\n" not in text:
            await self.page.keyboard.type(text)
        else:
            await self.page.keyboard.insert_text(text)

    async def press(self, keys: str, key: Hashable | None = None) -> None:
        """Press keys where the focus is, or on an element, which takes it first."""
        stroke = read_stroke(keys).on_this_system
        if key is not None:
            await self._on_element(key, scripts.FOCUS)
        if stroke.character is not None and not stroke.character.isascii():
            await self.page.keyboard.insert_text(stroke.character)  # it is on no key of the keyboard that is pressed
        else:
            await self.page.keyboard.press(str(stroke))
        await self.settle()

    async def scroll(self, way: int) -> None:
        """Scroll by the viewport's height, up (-1) or down (1)."""
        await self._evaluate(f"{scripts.SCROLL}({way})")
        await self.settle()

    async def _on_element(self, key: Hashable, function: str, *arguments: object) -> dict[str, Any]:
        """Call a function on an element of the current document."""
        from playwright.async_api import Error

        if not isinstance(key, NodeKey) or key.document != self._document:
            raise ActionRefused("the element is no longer on the page")
        try:
            found = await self._session.send("DOM.resolveNode", {"backendNodeId": key.node})
        except Error as error:
            raise ActionRefused("the element is no longer on the page") from error
        answer = await self._session.send(
            "Runtime.callFunctionOn",
            {
                "objectId": found["object"]["objectId"],
                "functionDeclaration": function,
                "arguments": [{"value": value} for value in arguments],
                "returnByValue": True,
            },
        )
        result: dict[str, Any] = answer["result"].get("value") or {}
        if "exceptionDetails" in answer or not result:
            raise ActionRefused("the element could not be reached: the page's own scripts are in the way")
        if "refused" in result:
            raise ActionRefused(f"the element {result['refused']}")
        return result


def _forget(work: Any) -> None:
    """Start something whose outcome does not matter, such as an answer to a page that may be gone."""
    task = asyncio.ensure_future(work)
    _RUNNING.add(task)
    task.add_done_callback(_RUNNING.discard)
    task.add_done_callback(lambda done: done.cancelled() or done.exception())


_RUNNING: set[asyncio.Future[Any]] = set()
"""The loop itself holds tasks only weakly."""
