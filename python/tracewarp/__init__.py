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
    if name == "__version__":
        return importlib.import_module("tracewarp._core").__version__
    if name not in __all__:
        raise AttributeError(f"module 'tracewarp' has no attribute {name!r}")
    home = "tracewarp.trajectory" if name in _TRAJECTORY else "tracewarp.metrics"
    return getattr(importlib.import_module(home), name)


def __dir__() -> list[str]:
    return sorted([*globals(), *__all__])
