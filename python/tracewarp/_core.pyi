"""The binary's contract; `tracewarp.metrics` is the place to call it from."""

from typing import Any, final

import numpy as np
from numpy.typing import NDArray

__all__ = [
    "DiversityFilter",
    "__version__",
    "available_threads",
    "cluster",
    "cosine_pairs",
    "cosine_similarity",
    "cosine_top_k",
    "dtw_from_costs",
    "dtw_matrix",
    "dtw_nearest",
    "dtw_pair",
    "dtw_pairs",
    "gaussian_similarity",
    "hash_ngrams",
    "instruction_set",
    "mmd2",
    "vertex_pairs",
]

_Rows = NDArray[Any]
_Effort = tuple[int, int]  # pairs compared in eight bits, pairs among them decided in f64

__version__: str

def instruction_set() -> str: ...
def available_threads() -> int: ...
def hash_ngrams(texts: list[str], dim: int, threads: int) -> NDArray[np.float32]: ...

_Set = tuple[_Rows, NDArray[np.int64]]
_DtwOptions = tuple[str, int | None, bool, bool, str, float, str, str]
_Batch = tuple[NDArray[np.float64], tuple[NDArray[np.int32], NDArray[np.int64]] | None]
_VertexOptions = tuple[str, float, str, float, str, float, str]
_Parts = tuple[NDArray[np.float64], NDArray[np.float64], NDArray[np.float64]]

def dtw_pair(
    x: _Rows, y: _Rows, paths: bool, options: _DtwOptions, threads: int
) -> tuple[float, NDArray[np.int32] | None]: ...
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
    single: bool,
    options: _VertexOptions,
    threads: int,
) -> tuple[NDArray[np.float64], NDArray[np.int64], NDArray[np.int32], NDArray[np.int64], _Parts | None]: ...
def gaussian_similarity(u: _Rows, v: _Rows, gamma: float) -> NDArray[np.float64]: ...
def mmd2(x: _Rows, y: _Rows, gammas: list[float], unbiased: bool, combine: str) -> float: ...
def cosine_similarity(x: _Rows, y: _Rows | None, zero: str, threads: int) -> NDArray[np.float64]: ...
def cosine_top_k(
    queries: _Rows, rows: _Rows, k: int, zero: str, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.float64], _Effort]: ...
def cosine_pairs(
    x: _Rows, y: _Rows | None, threshold: float, strict: bool, max_pairs: int | None, zero: str, threads: int
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64], bool, _Effort]: ...
def cluster(
    rows: _Rows,
    threshold: float,
    method: str,
    strict: bool,
    scope: NDArray[np.int64] | None,
    zero: str,
    threads: int,
) -> tuple[NDArray[np.int64], int, _Effort]: ...

@final
class DiversityFilter:
    def __new__(cls, dim: int, threshold: float, zero: str) -> DiversityFilter: ...
    @staticmethod
    def restore(threshold: float, zero: str, rows: _Rows, indices: NDArray[np.int64], seen: int) -> DiversityFilter: ...
    def add(
        self, rows: _Rows, threads: int
    ) -> tuple[NDArray[np.bool_], NDArray[np.int64], NDArray[np.float64], _Effort]: ...
    def widen(self, dtype: str) -> None: ...
    @property
    def dtype(self) -> str: ...
    def rows(self) -> _Rows: ...
    @property
    def indices(self) -> NDArray[np.int64]: ...
    @property
    def seen(self) -> int: ...
    def __len__(self) -> int: ...
