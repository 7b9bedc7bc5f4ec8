"""Groups of rows by cosine: capabilities from the embedded texts of task templates.

Definition, conventions and where they come from: docs/definitions/capabilities.md.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import DtypeError, ShapeError
from tracewarp.metrics._arrays import FloatArray, as_choice, as_flag, as_rows, default_threads
from tracewarp.metrics.similarity import Effort, Zero, as_cosine

Method = Literal["single_link", "first_come"]

METHODS = ("single_link", "first_come")
"""The closure of "similar enough", and the paper's rule in order of arrival."""


@dataclass(frozen=True, kw_only=True)
class ClusterOptions:
    """Everything that the groups depend on beside rows and scope.

    Args:
        threshold: A cosine in [-1, 1].
        method: `single_link`: connected components of "passes the threshold". `first_come`: a row joins the smallest
            group among all earlier rows that pass, else it opens a new one.
        strict: A pair passes above the threshold (True), or at it already (False).
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).

    Raises:
        OptionError: An option outside its range.
    """

    threshold: float = 0.60
    method: Method = "single_link"
    strict: bool = True
    zero: Zero = "error"

    def __post_init__(self) -> None:
        object.__setattr__(self, "threshold", as_cosine("threshold", self.threshold))
        as_choice("method", self.method, METHODS)
        object.__setattr__(self, "strict", as_flag("strict", self.strict))
        as_choice("zero", self.zero, ("error", "orthogonal"))


@dataclass(frozen=True, eq=False)
class Clusters:
    """Which group each row is in."""

    labels: NDArray[np.int64]
    """`(n,)`, numbered from 0 in order of first appearance."""
    n_clusters: int
    options: ClusterOptions
    effort: Effort

    def __len__(self) -> int:
        return self.n_clusters

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {"labels": self.labels.tolist(), "n_clusters": self.n_clusters, "options": asdict(self.options)}


def cluster(
    rows: FloatArray,
    threshold: float = 0.60,
    *,
    method: Method = "single_link",
    strict: bool = True,
    scope: Sequence[object] | NDArray[Any] | None = None,
    zero: Zero = "error",
    threads: int | None = None,
) -> Clusters:
    """Group rows whose cosine passes `threshold`.

    Args:
        rows: `(n, dim)` float16, float32 or float64, n >= 1, finite.
        threshold: A cosine in [-1, 1].
        method: `single_link` (does not depend on the order of the rows) or `first_come` (the paper's rule: the smallest
            group among all earlier rows that pass, else a new one).
        strict: A pair passes above the threshold (True), or at it already (False).
        scope: One label a row (numbers, strings, tuples of them); only rows of equal label join. None: all may.
        zero: A zero vector: `error`, or `orthogonal` (cosine 0 with anything).
        threads: Default: the CPUs that this process may use. The result does not depend on it.

    Returns:
        Labels from 0 in order of first appearance. Eight bits rule out most pairs; who passes is decided in float64.

    Raises:
        DtypeError, ShapeError, EmptyInputError, NonFiniteError, ZeroVectorError, OptionError, TooLargeError.
    """
    options = ClusterOptions(threshold=threshold, method=method, strict=strict, zero=zero)
    rows = as_rows("rows", rows)
    labels, n_clusters, effort = _core.cluster(
        rows,
        options.threshold,
        options.method,
        options.strict,
        None if scope is None else _scope_numbers(scope, rows.shape[0]),
        options.zero,
        default_threads(threads),
    )
    return Clusters(labels, n_clusters, options, Effort(*effort))


def _scope_numbers(scope: Any, n_rows: int) -> NDArray[np.int64]:
    """Number the labels by first appearance."""
    if hasattr(scope, "tolist") or hasattr(scope, "to_list"):
        # Arrays, tensors and series, of whatever labels: as plain values, which are equal where they look equal.
        shape = tuple(getattr(scope, "shape", (len(scope),)))
        if len(shape) != 1:
            raise ShapeError(f"scope: expected one axis, got shape {shape}")
        scope = scope.tolist() if hasattr(scope, "tolist") else scope.to_list()
    if isinstance(scope, (str, bytes)) or not isinstance(scope, Sequence):
        raise DtypeError(f"scope: expected one label a row, got {type(scope).__name__}")
    if len(scope) != n_rows:
        raise ShapeError(f"scope: expected one label for each of the {n_rows} rows, got {len(scope)}")
    numbers: dict[object, int] = {}
    try:
        return np.array([numbers.setdefault(label, len(numbers)) for label in scope], dtype=np.int64)
    except TypeError as error:
        raise DtypeError(f"scope: expected numbers, strings or tuples of them ({error})") from None
