"""A dry run: which of WebArena's sites answer, which logins are there, and what to do about the others."""

from __future__ import annotations

import re
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from html import unescape
from pathlib import Path
from typing import Literal

from tracewarp.envs.webarena.source import EXAMPLES, VARIABLES, login_files, site_addresses, sites_of
from tracewarp.trajectory import Task

Status = Literal["answers", "fails", "silent", "unset", "not needed", "there", "missing"]

_TITLE = re.compile("<title", re.IGNORECASE)
_TITLE_END = re.compile("</title", re.IGNORECASE)
_READ_CHARACTERS = 200_000
_WELL = frozenset({"answers", "there", "not needed"})


@dataclass(frozen=True, slots=True)
class Check:
    """What was found of one site or one login."""

    name: str
    """The site, or the file."""
    address: str
    """"" where there is none."""
    status: Status
    found: str
    """The page's title and the seconds it took, or what went wrong."""
    todo: str = ""
    """What to do; "" where all is well."""
    tasks: int | None = None
    """How many tasks need it; None: no task file was given."""

    @property
    def well(self) -> bool:
        """Is there nothing to do?"""
        return self.status in _WELL


def check_sites(
    tasks: Iterable[Task] | None = None,
    *,
    environ: Mapping[str, str] | None = None,
    timeout_seconds: float = 10.0,
) -> tuple[Check, ...]:
    """Ask every site for its first page.

    Args:
        tasks: only the sites that these need must answer; None: all seven must, except the home page.
        environ: the environment's variables; None: this process's.
        timeout_seconds: of one request.
    """
    needed: dict[str, int] | None = None
    if tasks is not None:
        needed = dict.fromkeys(VARIABLES, 0)
        for task in tasks:
            for site in sites_of(task) & needed.keys():
                needed[site] += 1
    addresses = site_addresses(environ)
    return tuple(
        _check(site, addresses.get(site), None if needed is None else needed[site], timeout_seconds)
        for site in VARIABLES
    )


def check_logins(tasks: Iterable[Task], folder: str | Path = ".") -> tuple[Check, ...]:
    """Look for every file with a login that the tasks name."""
    found = []
    for name, count in sorted(login_files(tasks).items()):
        path = Path(folder) / name
        there = path.is_file()
        todo = "" if there else "make it with WebArena's browser_env/auto_login.py, or name its folder"
        found.append(Check(name, str(path), "there" if there else "missing", "", todo, count))
    return tuple(found)


def _check(site: str, address: str | None, tasks: int | None, timeout_seconds: float) -> Check:
    if address is None:
        # No task of WebArena needs the home page, which only lists the others.
        if tasks == 0 or (tasks is None and site == "homepage"):
            return Check(site, "", "not needed", f"{VARIABLES[site]} is not set", "", tasks)
        return Check(site, "", "unset", f"{VARIABLES[site]} is not set", f"{VARIABLES[site]}={EXAMPLES[site]}", tasks)
    status, found, todo = _ask(address, VARIABLES[site], timeout_seconds)
    return Check(site, address, status, found, todo, tasks)


def page_title(markup: str) -> str:
    """The title of a page as one line, or "" where it has none."""
    begin = _TITLE.search(markup)
    open_end = markup.find(">", begin.end()) if begin else -1
    end = _TITLE_END.search(markup, open_end + 1) if open_end >= 0 else None
    return "" if end is None else " ".join(unescape(markup[open_end + 1 : end.start()]).split())


def _ask(address: str, variable: str, timeout_seconds: float) -> tuple[Status, str, str]:
    import httpx

    began = time.monotonic()
    try:
        answer = httpx.get(address, timeout=timeout_seconds, follow_redirects=True)
    except (httpx.InvalidURL, httpx.UnsupportedProtocol) as error:
        return "silent", str(error), f"set {variable} to an address such as http://host:port"
    except httpx.TimeoutException:
        return "silent", f"no answer within {timeout_seconds:g} s", "wait until the container is up, or restart it"
    except httpx.TooManyRedirects:
        return "fails", "redirects in a loop", f"tell the site its own address; it must be {address}"
    except httpx.HTTPError as error:
        return "silent", str(error) or type(error).__name__, f"start the container, or correct {variable}"
    seconds = time.monotonic() - began
    if answer.status_code >= 400:
        return "fails", f"status {answer.status_code}", f"look at the container's log, or correct {variable}"
    shown = page_title(answer.text[:_READ_CHARACTERS]) or "a page without a title"
    asked, arrived = httpx.URL(address), answer.url
    moved = "" if (asked.host, asked.port) == (arrived.host, arrived.port) else f"; it leads to {arrived}"
    todo = "" if not moved else f"tell the site its own address; it must be {address}"
    return ("fails" if moved else "answers"), f"{shown}, {seconds:.2f} s{moved}", todo
