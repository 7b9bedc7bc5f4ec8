"""Agents of planted quality: oracles that make one kind of mistake at a stated rate, several rates of each."""

from __future__ import annotations

LEVELS: dict[str, tuple[float, ...]] = {
    "malformed": (0.1, 0.25, 0.4),
    "loop": (0.03, 0.08, 0.15),
    "give_up": (0.03, 0.08, 0.15),
    "wrong": (0.07, 0.15, 0.3),
    "wander": (0.03, 0.1, 0.2),
    "misread": (0.2, 0.5, 0.8),
}
"""Kind of mistake of the `noisy` policy -> its rates. Failures by `wander` and `misread` do not end abruptly."""

PUBLISHED = ("noisy:malformed=0.25", "noisy:loop=0.08", "noisy:give_up=0.08", "noisy:wrong=0.15")
"""The four agents whose ranking first showed that the default ranks backwards."""

GOING_ON = ("wander", "misread")
"""Mistakes after which the agent goes on, or that it makes at the very end."""


def planted_agents() -> tuple[str, ...]:
    """The policies, as `tracewarp collect --policy` takes them."""
    return tuple(f"noisy:{kind}={rate:g}" for kind, rates in LEVELS.items() for rate in rates)


def mistake_of(policy: str) -> str:
    """The kind of mistake of a planted agent; of another policy its text."""
    kind = policy.removeprefix("noisy:").partition("=")[0]
    return kind if kind in LEVELS else policy
