"""What every statistic asks of its input."""

from __future__ import annotations

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


def _plain(values: object, name: str) -> object:
    """What other libraries hold as a numpy array; lists and numbers are left to numpy."""
    return plain_array(name, values) if hasattr(values, "shape") or hasattr(values, "to_numpy") else values
