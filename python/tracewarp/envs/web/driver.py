"""The protocol of a browser, real or not: one context with one episode at a time."""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass, field
from typing import Literal, Protocol

from tracewarp.envs.web.nodes import Node


@dataclass(frozen=True, slots=True)
class Session:
    """What a fresh browser context starts with."""

    start_urls: tuple[str, ...]
    """One tab each; the first is current (WebArena opens all and looks at the first)."""
    allowed_origins: tuple[str, ...] | None = None
    """Origins (`http://shop.arena.test`) that may be visited and fetched from; None: any http or https."""
    cookies: Mapping[str, str] = field(default_factory=dict)
    """Sent to every allowed origin."""
    storage_state: str | None = None
    """A file in Playwright's form (cookies, local storage), for sites with a login."""
    geolocation: tuple[float, float] | None = None
    """Latitude, longitude."""


@dataclass(frozen=True, slots=True)
class Tab:
    """One tab of the window."""

    title: str
    url: str
    current: bool


@dataclass(frozen=True, slots=True)
class Dialog:
    """A dialog that a page has opened, and how it was answered at once."""

    kind: Literal["alert", "confirm", "prompt", "beforeunload"]
    message: str
    accepted: bool = False
    """False: it was dismissed. Leaving a page that asks whether it may be left is always accepted."""
    text: str | None = None
    """What a prompt was answered."""


class ActionRefused(Exception):  # noqa: N818 (an outcome, not an error: it becomes `valid=False`)
    """The action could not be carried out; the message is a sentence for the agent. Never leaves `envs.web`."""


class Driver(Protocol):
    """A browser. Every method but `close` raises `EnvironmentFailure` where the browser or the site itself fails.

    Element methods take the `key` of a `Node` of the current tab's current document and raise `ActionRefused` where it
    is gone or cannot take the action. They return when the page that follows is there.
    """

    @property
    def name(self) -> str:
        """For records: `browserless`, `chromium 140.0.7339.80`."""
        ...

    def start(self, session: Session) -> None:
        """Open a fresh context, whatever went before."""
        ...

    def tabs(self) -> tuple[Tab, ...]:
        """The open tabs, in order of opening."""
        ...

    def tree(self) -> Node:
        """The accessibility tree of the current document."""
        ...

    def html(self) -> str:
        """The current document's markup."""
        ...

    def click(self, key: Hashable) -> None:
        """Click an element. An option of a select is chosen."""
        ...

    def hover(self, key: Hashable) -> None:
        """Move the pointer over an element."""
        ...

    def fill(self, key: Hashable, text: str, *, enter: bool) -> None:
        """Replace the text of a field; then press Enter, where that is asked."""
        ...

    def press(self, keys: str, key: Hashable | None = None) -> None:
        """Press a key or a combination (`Enter`, `ctrl+a`; see `tracewarp.envs.web.keys`).

        It goes where the focus is, or to an element, which takes the focus first.
        """
        ...

    def accept_next_dialog(self, text: str | None = None) -> None:
        """Accept the next dialog, with `text` where it asks for one; those after it are dismissed at once, as usual."""
        ...

    def dismiss_dialogs(self) -> None:
        """Take `accept_next_dialog` back."""
        ...

    def take_dialogs(self) -> tuple[Dialog, ...]:
        """What dialogs said since this was last asked."""
        ...

    def scroll(self, direction: Literal["up", "down"]) -> None:
        """Scroll by the height of the viewport."""
        ...

    def goto(self, url: str) -> None:
        """Open an address in the current tab."""
        ...

    def new_tab(self) -> None:
        """Open an empty tab (`about:blank`) and make it current."""
        ...

    def focus_tab(self, index: int) -> None:
        """Make a tab current, counted from 0."""
        ...

    def close_tab(self) -> None:
        """Close the current tab; the last remaining one becomes current. The last tab gives way to an empty one."""
        ...

    def back(self) -> None:
        """One page back in the tab's history; nothing happens at its start."""
        ...

    def forward(self) -> None:
        """One page forward in the tab's history; nothing happens at its end."""
        ...

    def query(self, locator: str) -> str:
        """What a check's JavaScript expression gives on the current document, as text; "" where it finds nothing.

        For judging only. The browserless driver reads `document.querySelector('CSS').PROPERTY` and refuses the rest.
        """
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...
