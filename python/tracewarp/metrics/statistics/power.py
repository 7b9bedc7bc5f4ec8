"""How small a difference the tasks at hand can show, and how many tasks a given difference needs."""

from __future__ import annotations

import math

from tracewarp.errors import OptionError

SIGNIFICANCE = 0.05
POWER = 0.80


def detectable_difference(standard_error: float) -> float:
    """The smallest true difference that a two-sided test at level .05 finds with probability .80.

    (z_.975 + z_.80) standard_error, one comparison on its own. Source: Cohen 1988, Statistical Power Analysis, ch. 2.

    Args:
        standard_error: of the paired difference, >= 0, in the unit of the difference.

    Raises:
        OptionError: a negative or non-finite standard error.
    """
    from scipy.special import ndtri

    if not (standard_error >= 0.0 and math.isfinite(standard_error)):
        raise OptionError(f"standard_error: expected a finite number >= 0, got {standard_error}")
    return float(ndtri(1 - SIGNIFICANCE / 2) + ndtri(POWER)) * standard_error


def units_needed(standard_error: float, n: int, difference: float) -> int:
    """How many tasks would make `difference` detectable, if further tasks are like the n at hand.

    Args:
        standard_error: of the paired difference over n tasks, >= 0.
        n: number of tasks, >= 1.
        difference: the true difference, > 0, in the unit of the standard error.

    Raises:
        OptionError: a number out of range.
    """
    if n < 1:
        raise OptionError(f"n: expected at least 1 task, got {n}")
    if not difference > 0.0:
        raise OptionError(f"difference: expected a number > 0, got {difference}")
    return max(1, math.ceil(n * (detectable_difference(standard_error) / difference) ** 2))
