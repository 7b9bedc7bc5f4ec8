"""DTW from the textbook: a full table of float64, shared with nothing."""

from math import inf, sqrt


def cosine(u, v):
    dot = sum(a * b for a, b in zip(u, v, strict=True))
    return min(max(1 - dot / sqrt(sum(a * a for a in u)) / sqrt(sum(b * b for b in v)), 0.0), 2.0)


def sqeuclidean(u, v):
    return sum((a - b) ** 2 for a, b in zip(u, v, strict=True))


def euclidean(u, v):
    return sqrt(sqeuclidean(u, v))


def dtw(costs, *, window_steps=None):
    """Distance and path; ties: diagonal, then up, then left."""
    m, n = len(costs), len(costs[0])
    w = m + n if window_steps is None else window_steps
    inside = {(i, j) for i in range(m) for j in range(n) if -w - max(0, m - n) <= j - i <= w + max(0, n - m)}
    best = {(-1, -1): (0.0, None)}
    for i, j in sorted(inside):
        before = min([(i - 1, j - 1), (i - 1, j), (i, j - 1)], key=lambda cell: best.get(cell, (inf,))[0])
        best[i, j] = (best.get(before, (inf,))[0] + costs[i][j], before)
    path = [(m - 1, n - 1)]
    while best[path[-1]][1] != (-1, -1):
        path.append(best[path[-1]][1])
    return best[m - 1, n - 1][0], path[::-1]
