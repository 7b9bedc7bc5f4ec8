"""Which values belong together: tasks of one template, one capability or one site."""

from __future__ import annotations

from collections.abc import Hashable, Iterable
from dataclasses import dataclass
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import EmptyInputError, ShapeError

MIN_CLUSTERS = 6
"""No interval is given for fewer clusters: their variance cannot be estimated."""


@dataclass(frozen=True, eq=False)
class ClusterIndex:
    """The cluster of each value; clusters, not values, are what was sampled."""

    index: NDArray[np.int64]
    """(n,) the cluster of each value, numbered from 0 by first appearance."""
    kind: str = "task"
    """What a cluster is, in the singular; messages use it."""

    @classmethod
    def of(cls, keys: Iterable[Hashable], kind: str = "task") -> ClusterIndex:
        """Values with equal keys are one cluster.

        Raises:
            EmptyInputError: no keys.
        """
        numbers: dict[Hashable, int] = {}
        index = np.array([numbers.setdefault(key, len(numbers)) for key in keys], dtype=np.int64)
        if not len(index):
            raise EmptyInputError("clusters: expected at least one key, got none")
        return cls(index, kind)

    @classmethod
    def single(cls, n: int, kind: str = "task") -> ClusterIndex:
        """Each of n values is a cluster of its own."""
        return cls(np.arange(n, dtype=np.int64), kind)

    @cached_property
    def sizes(self) -> NDArray[np.float64]:
        """(G,) number of values in each cluster."""
        return np.bincount(self.index).astype(np.float64)

    @property
    def count(self) -> int:
        """G, the number of clusters."""
        return len(self.sizes)

    @property
    def effective(self) -> float:
        """G* = n^2 / sum of squared sizes, the effective number of clusters; G where all have one size."""
        return effective_number(self.sizes)

    def sums(self, values: NDArray[np.float64]) -> NDArray[np.float64]:
        """(G,) the sum of the values of each cluster."""
        return np.bincount(self.index, weights=values, minlength=self.count).astype(np.float64, copy=False)

    def too_few(self) -> str | None:
        """Why there is no interval; None where there are enough clusters."""
        if self.count >= MIN_CLUSTERS:
            return None
        return f"{self.count} {plural(self.kind, self.count)}; an interval needs at least {MIN_CLUSTERS}"


def effective_number(sizes: NDArray[np.float64]) -> float:
    """(sum of sizes)^2 / sum of squared sizes: how many clusters of one size tell as much."""
    return float(sizes.sum() ** 2 / (sizes**2).sum())


def plural(kind: str, count: int) -> str:
    """The name of a kind of cluster, in the number of `count`."""
    if count == 1:
        return kind
    return f"{kind[:-1]}ies" if kind.endswith("y") else f"{kind}s"


def matching(clusters: ClusterIndex | None, n: int) -> ClusterIndex:
    """`clusters` for n values; None: each value is its own.

    Raises:
        ShapeError: the clusters are those of another number of values.
    """
    if clusters is None:
        return ClusterIndex.single(n)
    if len(clusters.index) != n:
        raise ShapeError(f"clusters: expected a cluster for each of the {n} values, got {len(clusters.index)}")
    return clusters
