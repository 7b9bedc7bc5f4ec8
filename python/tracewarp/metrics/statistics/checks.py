"""What every statistic asks of its input."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import ArrayLike, NDArray

from tracewarp.errors import DtypeError, EmptyInputError, NonFiniteError, OptionError, ShapeError
from tracewarp.metrics._arrays import plain_array

DEFAULT_CONFIDENCE = 0.95
DEFAULT_RESAMPLES = 10_000
MIN_RESAMPLES = 2_000
"""Fewer resamples leave the tail quantiles of a 95 % interval to a handful of draws."""


def check_resampling(*, seed: int, resamples: int = DEFAULT_RESAMPLES, confidence: float = DEFAULT_CONFIDENCE) -> None:
    """Raise OptionError unless the options of a resampling are in range."""
    if seed < 0:
        raise OptionError(f"seed: expected an integer >= 0, got {seed}")
    if resamples < MIN_RESAMPLES:
        raise OptionError(f"resamples: expected at least {MIN_RESAMPLES}, got {resamples}")
    check_confidence(confidence)


def check_confidence(confidence: float) -> None:
    """Raise OptionError unless 0 < confidence < 1."""
    if not 0.0 < confidence < 1.0:
        raise OptionError(f"confidence: expected a number strictly between 0 and 1, got {confidence}")


def finite_vector(values: ArrayLike, name: str) -> NDArray[np.float64]:
    """`values` as float64, (n,), n >= 1.

    Raises:
        DtypeError: not numbers.
        ShapeError: not one-dimensional.
        EmptyInputError: no values.
        NonFiniteError: NaN or infinity.
    """
    try:
        data = np.asarray(_plain(values, name), dtype=np.float64)
    except (TypeError, ValueError):
        raise DtypeError(f"{name}: expected a sequence of numbers, got something else") from None
    if data.ndim != 1:
        raise ShapeError(f"{name}: expected shape (n,), got {data.shape}")
    if len(data) == 0:
        raise EmptyInputError(f"{name}: expected at least one value, got none")
    bad = np.flatnonzero(~np.isfinite(data))
    if len(bad):
        raise NonFiniteError(f"{name}: expected finite numbers, got {data[bad[0]]} at index {bad[0]}")
    return data


def scaled(data: NDArray[np.float64]) -> tuple[NDArray[np.float64], int]:
    """Values by a power of two, so that the largest lies in 0.5..1, and the exponent: k_i with k_i 2^e = data_i.

    Without it squares of values beyond 1e154 are infinite, and those of values below 1e-162 are 0. Powers of two round
    nothing.
    """
    exponent = math.frexp(float(np.abs(data).max()))[1]
    return np.ldexp(data, -exponent), exponent


def unscaled(value: float, exponent: int) -> float:
    """Return value * 2^exponent; infinite where no float is large enough."""
    with np.errstate(over="ignore"):
        return float(np.ldexp(value, exponent))


def _plain(values: object, name: str) -> object:
    """What other libraries hold as a numpy array; lists and numbers are left to numpy."""
    return plain_array(name, values) if hasattr(values, "shape") or hasattr(values, "to_numpy") else values
