"""Two cheap neighbours of VERTEX_DTW, for every test and reference: how they end, and what was done.

Definitions: docs/definitions/evaluation.md.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import lru_cache

import numpy as np
from numpy.typing import NDArray


def edit_distance(x: Sequence[Hashable], y: Sequence[Hashable]) -> int:
    """Return the Levenshtein distance: the fewest insertions, deletions and replacements that turn `x` into `y`."""
    above = list(range(len(y) + 1))
    for i, made in enumerate(x, start=1):
        row = [i]
        for j, other in enumerate(y, start=1):
            row.append(min(above[j - 1] + (made != other), above[j] + 1, row[j - 1] + 1))
        above = row
    return above[-1]


@lru_cache(maxsize=100_000)
def action_similarity(x: tuple[Hashable, ...], y: tuple[Hashable, ...]) -> float:
    """Return 1 - edit distance / length of the longer sequence of actions, in [0, 1]; 1 for two empty ones."""
    longer = max(len(x), len(y))
    return 1.0 - edit_distance(x, y) / longer if longer else 1.0


def cosines(rows: NDArray[np.float64], row: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return the cosine of each of the `(n, dim)` rows with one row, `(n,)`."""
    norms = np.linalg.norm(rows, axis=1) * np.linalg.norm(row)
    found: NDArray[np.float64] = np.clip(rows @ row / norms, -1.0, 1.0)
    return found
