"""The textbook: one f64 loop over all pairs. Shares no code with the product."""

from __future__ import annotations

import math

import numpy as np


def cosine(u, v) -> float:
    """u.v / (|u| |v|), in index order; a zero row has cosine 0 with anything.

    The root of the product of the squared lengths, since the product of two roots is not exact where the cosine is
    rational (7 ones of 10 in common must be 0.7).
    """
    dot = square_u = square_v = 0.0
    for a, b in zip(u.tolist(), v.tolist(), strict=True):
        dot += a * b
        square_u += a * a
        square_v += b * b
    return dot / math.sqrt(square_u * square_v) if square_u and square_v else 0.0


def table(x, y) -> np.ndarray:
    return np.array([[cosine(u, v) for v in y] for u in x]).reshape(len(x), len(y))


def passes(value: float, threshold: float, strict: bool) -> bool:
    return value > threshold if strict else value >= threshold


def pairs(x, threshold: float, strict: bool = True) -> list[tuple[int, int]]:
    found = table(x, x)
    n = len(x)
    return [(i, j) for i in range(n) for j in range(i + 1, n) if passes(found[i, j], threshold, strict)]


def top_k(queries, rows, k: int) -> list[list[int]]:
    found = table(queries, rows)
    return [sorted(range(len(rows)), key=lambda j, row=row: (-row[j], j))[:k] for row in found]


def numbered(keys) -> list[int]:
    """Equal keys get one number, from 0 in order of first appearance."""
    seen: dict[object, int] = {}
    return [seen.setdefault(key, len(seen)) for key in keys]


def single_link(x, threshold: float, strict: bool = True, scope=None) -> list[int]:
    """Walk from row to row over every pair that passes."""
    n, found = len(x), table(x, x)
    group = [-1] * n
    for start in range(n):
        if group[start] >= 0:
            continue
        group[start], waiting = start, [start]
        while waiting:
            i = waiting.pop()
            for j in range(n):
                allowed = scope is None or scope[i] == scope[j]
                if group[j] < 0 and allowed and passes(found[i, j], threshold, strict):
                    group[j] = start
                    waiting.append(j)
    return numbered(group)


def first_come(x, threshold: float, strict: bool = True, scope=None) -> list[int]:
    found = table(x, x)
    labels: list[int] = []
    for i in range(len(x)):
        near = [
            labels[j]
            for j in range(i)
            if passes(found[i, j], threshold, strict) and (scope is None or scope[i] == scope[j])
        ]
        labels.append(min(near) if near else max(labels, default=-1) + 1)
    return labels


def diversity(x, threshold: float) -> tuple[list[bool], list[int], list[float]]:
    kept: list[int] = []
    accepted, witness, similarity = [], [], []
    for i in range(len(x)):
        hit = next(((j, c) for j in kept if (c := cosine(x[i], x[j])) >= threshold), None)
        accepted.append(hit is None)
        witness.append(-1 if hit is None else hit[0])
        similarity.append(math.nan if hit is None else hit[1])
        if hit is None:
            kept.append(i)
    return accepted, witness, similarity
