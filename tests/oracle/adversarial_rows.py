"""Rows that make a sum of products in another order say another thing."""

from __future__ import annotations

import numpy as np

SIZES = (1, 2, 3, 7, 8, 9, 31, 32, 33)


def planted(n: int, dim: int, threshold: float, seed: int, dtype=np.float32) -> np.ndarray:
    """Rows whose cosine with row 0 is the threshold +- 1e-7 (as far as the dtype can say), in turns."""
    rng = np.random.default_rng(seed)
    rows = np.empty((n, dim))
    base = rng.normal(size=dim)
    base /= np.linalg.norm(base)
    rows[0] = base
    for i in range(1, n):
        other = rng.normal(size=dim)
        other -= other @ base * base
        other /= np.linalg.norm(other)
        cosine = threshold + (1e-7 if i % 2 else -1e-7)
        rows[i] = (cosine * base + np.sqrt(1 - cosine**2) * other) * rng.uniform(0.1, 10)
    return rows.astype(dtype)


def families(n: int, dim: int, threshold: float, dtype=np.float32) -> dict[str, np.ndarray]:
    """Sets of `n` rows by name."""
    rng = np.random.default_rng(1000 * n + dim)
    near = planted(n, dim, threshold, 7, dtype)
    random = rng.normal(size=(n, dim)).astype(dtype)
    duplicates = random[rng.integers(0, max(1, n // 3), n)]
    return {
        "planted": near,
        "shuffled": near[rng.permutation(n)],
        "random": random,
        "duplicates": duplicates,
        "all equal": np.repeat(random[:1], n, axis=0),
        "all orthogonal": np.eye(max(n, dim), dtype=dtype)[:n],
        "small whole numbers": rng.integers(1, 4, (n, dim)).astype(dtype),
    }
