"""How each DTW package is called by someone who has raw rows and wants the cosine distance of two sequences."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp.metrics._arrays import FloatArray

Distance = Callable[[FloatArray, FloatArray], float]
"""Raw rows of two sequences, `(m, dim)` and `(n, dim)`, into one number."""


@dataclass(frozen=True)
class Peer:
    """One way to call one package."""

    package: str
    """What pip installs."""
    module: str
    """What Python imports."""
    call: str
    """The call, as its users write it."""
    load: Callable[[], Distance]
    """Imports the package and returns the call."""
    caveat: str = ""
    """What holds even where the figures do not show it."""


def unit_rows(x: FloatArray) -> FloatArray:
    """Rows of length 1, in their own dtype."""
    unit: FloatArray = x / np.linalg.norm(x, axis=1, keepdims=True)
    return unit


def cosine_costs(x: FloatArray, y: FloatArray) -> FloatArray:
    """1 - cosine of every row of x with every row of y, `(m, n)`, never below 0."""
    costs: FloatArray = np.maximum(1 - unit_rows(x) @ unit_rows(y).T, 0)
    return costs


def accumulate(costs: NDArray[Any], diagonal_weight: float = 1.0) -> float:
    """The textbook recurrence in float64; weight 2 on the diagonal is the step pattern symmetric2.

    The first cell counts once in both patterns.
    """
    above: list[float] = []
    for row in costs.tolist():
        current: list[float] = []
        for j, cost in enumerate(row):
            if not above and not j:
                best = cost
            else:
                best = np.inf
                if above:
                    best = above[j] + cost
                if j:
                    best = min(best, current[j - 1] + cost)
                if above and j:
                    best = min(best, above[j - 1] + diagonal_weight * cost)
            current.append(best)
        above = current
    return float(above[-1])


def _numpy() -> Distance:
    return lambda x, y: accumulate(cosine_costs(x, y))


def _cosine_distance(u: FloatArray, v: FloatArray) -> float:
    return float(1 - u @ v)


def _fastdtw() -> Distance:
    from fastdtw import fastdtw

    return lambda x, y: fastdtw(unit_rows(x), unit_rows(y), radius=1, dist=_cosine_distance)[0]


def _fastdtw_exact() -> Distance:
    from fastdtw import dtw

    return lambda x, y: dtw(unit_rows(x), unit_rows(y), dist=_cosine_distance)[0]


def _dtaidistance() -> Distance:
    from dtaidistance import dtw_ndim

    def call(x: FloatArray, y: FloatArray) -> float:
        # Its C code reads double precision alone.
        return float(dtw_ndim.distance_fast(unit_rows(x).astype(np.float64), unit_rows(y).astype(np.float64)))

    return call


def _dtw_python() -> Distance:
    import dtw

    return lambda x, y: float(dtw.dtw(cosine_costs(x, y), distance_only=True).distance)


def _dtw_python_symmetric1() -> Distance:
    import dtw

    return lambda x, y: float(dtw.dtw(cosine_costs(x, y), step_pattern="symmetric1", distance_only=True).distance)


def _tslearn() -> Distance:
    from tslearn.metrics import dtw

    return lambda x, y: float(dtw(unit_rows(x), unit_rows(y)))


def _tslearn_cosine() -> Distance:
    from tslearn.metrics import dtw_path_from_metric

    return lambda x, y: float(dtw_path_from_metric(x, y, metric="cosine")[1])


def _aeon() -> Distance:
    from aeon.distances import dtw_distance

    # It wants channels first.
    return lambda x, y: float(dtw_distance(unit_rows(x).T, unit_rows(y).T))


def _librosa() -> Distance:
    from librosa.sequence import dtw

    return lambda x, y: float(dtw(C=cosine_costs(x, y), backtrack=False)[-1, -1])


NUMPY = Peer("numpy", "numpy", "1 - x @ y.T, then two loops", _numpy)
"""The reference: what one writes without any package."""

PEERS = (
    Peer("aeon", "aeon", "dtw_distance(x.T, y.T)", _aeon),
    Peer("dtaidistance", "dtaidistance", "dtw_ndim.distance_fast(x, y)", _dtaidistance),
    Peer("dtw-python", "dtw", "dtw(costs)", _dtw_python),
    Peer("dtw-python", "dtw", 'dtw(costs, step_pattern="symmetric1")', _dtw_python_symmetric1),
    Peer("fastdtw", "fastdtw", "fastdtw(x, y, radius=1, dist=cosine)", _fastdtw, "an approximation"),
    Peer("fastdtw", "fastdtw", "dtw(x, y, dist=cosine)", _fastdtw_exact),
    Peer("librosa", "librosa", "sequence.dtw(C=costs)", _librosa),
    Peer("tslearn", "tslearn", "dtw(x, y)", _tslearn),
    Peer("tslearn", "tslearn", 'dtw_path_from_metric(x, y, metric="cosine")', _tslearn_cosine),
)
"""Every package that is asked, by name; x and y are unit rows where the call takes no metric."""
