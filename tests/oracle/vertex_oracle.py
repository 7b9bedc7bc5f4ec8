"""VERTEX_DTW and MMD^2 from their definitions, cell by cell in float64; shares nothing with the product."""

from math import exp, sqrt


def unit(u):
    norm = sqrt(sum(a * a for a in u))
    return [a / norm for a in u]


def kernel(u, v, gamma):
    return exp(-gamma * sum((a - b) ** 2 for a, b in zip(u, v, strict=True)))


def baselines(reference, trivial, strategy, gamma):
    if trivial is None or strategy == "none":
        return [0.0] * len(reference)
    k = [[kernel(unit(u), unit(v), gamma) for v in trivial] for u in reference]
    if strategy == "zero_pad":
        return [row[i] if i < len(trivial) else 0.0 for i, row in enumerate(k)]
    if strategy == "hold_last":
        return [row[min(i, len(trivial) - 1)] for i, row in enumerate(k)]
    return [sum(row[0] for row in k) / len(reference)] * len(reference)


def weight(i, j, m, n, decay, strength):
    if decay == "relative":
        return 1 / (1 + strength * abs((i / (m - 1) if m > 1 else 0) - (j / (n - 1) if n > 1 else 0)))
    return 1 / (1 + abs(i - j)) if decay == "hyperbolic" else 1.0


def score(
    reference, test, path, trivial=None, mode="normalized", gamma=1.0, decay="hyperbolic", strength=1.0, z="zero_pad"
):
    z = baselines(reference, trivial, z, gamma)
    cells = []
    for i, j in path:
        k = kernel(unit(reference[i]), unit(test[j]), gamma)
        w = weight(i, j, len(reference), len(test), decay, strength)
        if mode == "released":
            cells.append(w * (k - z[i]))
        elif mode == "eq1":
            cells.append(min(max(w * k - z[i], 0), 1))
        elif 1 - z[i] >= 1e-3:
            cells.append(w * min(max((k - z[i]) / (1 - z[i]), 0), 1))
    return sum(cells) / len(cells) if cells else 0.0


def mmd2(x, y, gamma, *, unbiased):
    def mean(a, b, skip):
        values = [kernel(u, v, gamma) for i, u in enumerate(a) for j, v in enumerate(b) if not (skip and i == j)]
        return sum(values) / len(values)

    return mean(x, x, unbiased) + mean(y, y, unbiased) - 2 * mean(x, y, False)
