"""The few pieces of SVG that the plots need: escaped elements, a linear scale, round ticks."""

from __future__ import annotations

import math
from dataclasses import dataclass

from markupsafe import Markup, escape


def tag(name: str, *children: str | Markup, **attributes: str | float) -> Markup:
    """One element. Children that are not `Markup` are escaped, as are attributes; `text_anchor` is text-anchor.

    Numbers are written with at most two decimals: a hundredth of a pixel is enough, and the page stays small.
    """
    written = Markup("").join(
        Markup(' {}="{}"').format(key.rstrip("_").replace("_", "-"), short(value)) for key, value in attributes.items()
    )
    inner = Markup("").join(escape(child) for child in children)
    return Markup("<{0}{1}>{2}</{0}>").format(name, written, inner)


def short(value: str | float) -> str:
    """A number without needless digits; text as it is."""
    return value if isinstance(value, str) else f"{value:.2f}".rstrip("0").rstrip(".")


@dataclass(frozen=True)
class Scale:
    """Values `low`..`high` onto pixels `start`..`end`; what lies outside is drawn at the edge."""

    low: float
    high: float
    start: float
    end: float

    def __call__(self, value: float) -> float:
        """The pixel of a value."""
        inside = min(max(value, self.low), self.high)
        return self.start + (inside - self.low) / (self.high - self.low) * (self.end - self.start)


def ticks(low: float, high: float, most: int = 6) -> list[float]:
    """At most `most` round values (steps of 1, 2 or 5 times a power of ten) within low..high, zero among them."""
    raw = (high - low) / most
    power = 10.0 ** math.floor(math.log10(raw))
    step = next(factor * power for factor in (1.0, 2.0, 5.0, 10.0, 20.0) if fits(low, high, factor * power, most))
    return [index * step for index in range(math.ceil(low / step - 1e-9), math.floor(high / step + 1e-9) + 1)]


def fits(low: float, high: float, step: float, most: int) -> bool:
    """Whether the multiples of `step` in low..high are at most `most`."""
    return math.floor(high / step + 1e-9) - math.ceil(low / step - 1e-9) + 1 <= most


def domain(values: list[float]) -> tuple[float, float]:
    """A domain around values and zero, widened by a twentieth on each side that is not zero, never empty."""
    low, high = min([0.0, *values]), max([0.0, *values])
    margin = (high - low) / 20 or 0.5
    return (low - margin if low < 0 else low), (high + margin if high > 0 or low == 0 else high)
