"""Seeded inputs of the benches: drifting random walks for trajectories, clustered unit rows for texts. float32, raw."""

import numpy as np

from tracewarp.metrics.peers import random_walks


def unit(x):
    return x / np.linalg.norm(x, axis=-1, keepdims=True)


def walks(count, lengths, dim, seed):
    """`count` trajectories of a length, or of lengths from (low, high)."""
    return random_walks(count, lengths, dim, seed=seed)


def walk(steps, dim, seed):
    """One trajectory, `(steps, dim)`."""
    return random_walks(1, steps, dim, seed=seed)[0]


def texts(count, dim, seed):
    """Unit rows in `count / 8` clusters around a common direction, as embeddings of real text are."""
    rng = np.random.default_rng(seed)
    clusters = max(count // 8, 1)
    common = unit(rng.standard_normal(dim, dtype=np.float32))
    centres = unit(unit(rng.standard_normal((clusters, dim), dtype=np.float32)) + np.float32(0.6) * common)
    spread = rng.uniform(0.3, 1.1, (count, 1)).astype(np.float32)
    rows = centres[rng.integers(0, clusters, count)] + spread * unit(
        rng.standard_normal((count, dim), dtype=np.float32)
    )
    return np.ascontiguousarray(unit(rows))
