"""The binary's contract; `tracewarp.metrics` is the place to call it from."""

from typing import Any

import numpy as np
from numpy.typing import NDArray

_Rows = NDArray[Any]

__version__: str

def instruction_set() -> str: ...
def available_threads() -> int: ...
def hash_ngrams(texts: list[str], dim: int, threads: int) -> NDArray[np.float32]: ...

_Set = tuple[_Rows, NDArray[np.int64]]
_DtwOptions = tuple[str, int | None, bool, bool, str, float, str, str]
_Batch = tuple[NDArray[np.float64], tuple[NDArray[np.int32], NDArray[np.int64]] | None]
_VertexOptions = tuple[str, float, str, str, float, str]
_Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

def dtw_pairs(
    xs: _Set, ys: _Set, pairs: NDArray[np.int64], paths: bool, options: _DtwOptions, threads: int
) -> _Batch: ...
def dtw_from_costs(costs: _Rows, options: _DtwOptions) -> _Batch: ...
def dtw_matrix(xs: _Set, ys: _Set | None, options: _DtwOptions, threads: int) -> NDArray[np.float64]: ...
def dtw_nearest(
    xs: _Set, ys: _Set, k: int, options: _DtwOptions, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.float64]]: ...
def vertex_pairs(
    references: _Set,
    tests: _Set,
    pairs: NDArray[np.int64],
    trivials: _Set | None,
    parts: bool,
    options: _VertexOptions,
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], _Parts | None]: ...
def gaussian_similarity(u: _Rows, v: _Rows, gamma: float) -> NDArray[np.float64]: ...
def mmd2(x: _Rows, y: _Rows, gammas: list[float], unbiased: bool, combine: str) -> float: ...
