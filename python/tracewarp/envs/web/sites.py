"""Where the sites of a benchmark are: placeholders of task files, real addresses, and the hosts that a prompt shows."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import cached_property
from urllib.parse import urlsplit

from tracewarp.errors import OptionError

WEBARENA_PLACEHOLDERS: Mapping[str, str] = {
    "shopping": "__SHOPPING__",
    "shopping_admin": "__SHOPPING_ADMIN__",
    "reddit": "__REDDIT__",
    "gitlab": "__GITLAB__",
    "wikipedia": "__WIKIPEDIA__",
    "map": "__MAP__",
    "homepage": "__HOMEPAGE__",
}
"""Name in a task's `sites` -> what stands for its address in the file."""

WEBARENA_PUBLIC: Mapping[str, str] = {
    "__SHOPPING__": "http://onestopmarket.com",
    "__SHOPPING_ADMIN__": "http://luma.com/admin",
    "__REDDIT__": "http://reddit.com",
    "__GITLAB__": "http://gitlab.com",
    "__WIKIPEDIA__": "http://wikipedia.org",
    "__MAP__": "http://openstreetmap.org",
    "__HOMEPAGE__": "http://homepage.com",
}
"""Placeholder -> the address that WebArena's prompts show in place of the real one."""

_ADDRESS = re.compile(r"https?://[^/\s?#]+(?:/[^\s?#]*)?")
HOST_NAME = re.compile(r"(?:[a-z0-9](?:[a-z0-9-]*[a-z0-9])?\.)+[a-z]{2,}")
"""A host that is a name, in lower case: `shop.test`, and neither `localhost` nor a number."""
_END = r"(?![\w:-]|\.\w)"
"""What may not follow an address, so that `http://a.test` is not found in `http://a.test:80` or `http://a.tests`."""


@dataclass(frozen=True)
class SiteMap:
    """Addresses by placeholder. Two ways: task files are resolved, and prompts may show other hosts than the real."""

    addresses: Mapping[str, str] = field(default_factory=dict)
    """Placeholder -> real address without a slash at its end, e.g. `{"__MAP__": "http://localhost:3000"}`."""
    public: Mapping[str, str] = field(default_factory=dict)
    """Placeholder -> the address that agents see and write; empty: the real one."""

    def __post_init__(self) -> None:
        """Check the addresses.

        Raises:
            OptionError: an address that is none.
        """
        for name, given in (("addresses", self.addresses), ("public", self.public)):
            cleaned = {placeholder: address.rstrip("/") for placeholder, address in given.items()}
            for placeholder, address in cleaned.items():
                if not _ADDRESS.fullmatch(address):
                    raise OptionError(
                        f"{name}: {placeholder}: expected an address such as http://host, got {address!r}"
                    )
            object.__setattr__(self, name, cleaned)

    def resolve(self, text: str) -> str:
        """A text of a task file with real addresses in place of placeholders; unknown placeholders stay."""
        for placeholder in sorted(self.addresses, key=len, reverse=True):
            text = text.replace(placeholder, self.addresses[placeholder])
        return text

    def shown(self, text: str) -> str:
        """A text with the public addresses in place of the real ones."""
        return _replace(self._to_public, text)

    def real(self, text: str) -> str:
        """An agent's text with the real addresses in place of the public ones."""
        return _replace(self._to_real, text)

    def host(self, address: str) -> str | None:
        """Return the host that agents see for a URL in a task file, without `www.`.

        A placeholder whose site has no name of its own (no address, `localhost`, or a number) gets the host that
        WebArena's prompts show for it. None: the address has no host that is a name.
        """
        placeholder = next((name for name in WEBARENA_PUBLIC if address.startswith(name)), None)
        public = None if placeholder is None else WEBARENA_PUBLIC[placeholder]
        return _host(self.shown(self.resolve(address))) or (public and _host(public))

    @property
    def origins(self) -> tuple[str, ...]:
        """Scheme, host and port of every site, each once, in order."""
        found = (re.match(r"https?://[^/]+", address) for address in self.addresses.values())
        return tuple(dict.fromkeys(origin[0] for origin in found if origin))

    @cached_property
    def _to_public(self) -> tuple[re.Pattern[str], Mapping[str, str]] | None:
        return _table({self.addresses[name]: shown for name, shown in self.public.items() if name in self.addresses})

    @cached_property
    def _to_real(self) -> tuple[re.Pattern[str], Mapping[str, str]] | None:
        pairs = {shown: self.addresses[name] for name, shown in self.public.items() if name in self.addresses}
        return _table(pairs | {f"https:{shown.removeprefix('http:')}": real for shown, real in pairs.items()})


def _host(address: str) -> str | None:
    """The host of an address, where it is a name such as `shop.test`."""
    try:
        host = (urlsplit(address).hostname or "").removeprefix("www.")
    except ValueError:
        return None
    return host if HOST_NAME.fullmatch(host) else None


def _table(pairs: Mapping[str, str]) -> tuple[re.Pattern[str], Mapping[str, str]] | None:
    """The longest first: an address may begin with another one (`http://a.test` and `http://a.test/admin`)."""
    if not pairs:
        return None
    longest = sorted(pairs, key=len, reverse=True)
    return re.compile(f"(?:{'|'.join(map(re.escape, longest))}){_END}"), pairs


def _replace(table: tuple[re.Pattern[str], Mapping[str, str]] | None, text: str) -> str:
    if table is None:
        return text
    pattern, pairs = table
    return pattern.sub(lambda found: pairs[found[0]], text)
