"""tracewarp measures LLM agents by their trajectories, and improves them from their own trajectories.

The metrics are here too, loaded when first named: `tracewarp.dtw`, `tracewarp.vertex_dtw_pairs`, ...
"""

from __future__ import annotations

import importlib
from typing import Any

__all__ = [
    "DiversityFilter",
    "Ragged",
    "cluster",
    "cosine_pairs",
    "cosine_similarity",
    "cosine_top_k",
    "dtw",
    "dtw_distance",
    "dtw_from_costs",
    "dtw_matrix",
    "dtw_nearest",
    "dtw_pairs",
    "gaussian_similarity",
    "load_tasks",
    "mmd2",
    "open_run",
    "vertex_dtw",
    "vertex_dtw_pairs",
    "write_trajectories",
]

_TRAJECTORY = {"load_tasks", "open_run", "write_trajectories"}


def __getattr__(name: str) -> Any:
    if name != "__version__" and name not in __all__:
        raise AttributeError(f"module 'tracewarp' has no attribute {name!r}")
    home = "_core" if name == "__version__" else "trajectory" if name in _TRAJECTORY else "metrics"
    value = getattr(importlib.import_module(f"tracewarp.{home}"), name)
    globals()[name] = value  # the next time, Python finds it by itself
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
