"""The baseline to beat: what a good engineer writes with numpy (BLAS) and numba, raw float32 rows in.

Small pairs: one batched product of the raw rows, norms in a loop of their own, costs scaled inside the dynamic
programme. Large products: blocks of rows against everything before. Sums along a path are float32 here, as is usual.
Threads are numba's and the BLAS library's; the caller sets both.
"""

from concurrent.futures import ThreadPoolExecutor

import numba
import numpy as np
from numba import njit, prange
from threadpoolctl import ThreadpoolController

from inputs import unit

BLAS = ThreadpoolController()


@njit(nogil=True)
def dp_distance(C):
    m, n = C.shape
    inf = np.float32(np.inf)
    previous = np.full(n + 1, inf, np.float32)
    current = np.empty(n + 1, np.float32)
    previous[0] = 0
    for i in range(m):
        current[0] = inf
        left = inf
        for j in range(n):
            left = C[i, j] + min(previous[j], previous[j + 1], left)
            current[j + 1] = left
        previous, current = current, previous
    return previous[n]


@njit(nogil=True)
def dp_path(C):
    m, n = C.shape
    inf = np.float32(np.inf)
    steps = np.empty((m, n), np.uint8)
    previous = np.full(n + 1, inf, np.float32)
    current = np.empty(n + 1, np.float32)
    previous[0] = 0
    for i in range(m):
        current[0] = inf
        left = inf
        for j in range(n):
            best = previous[j]
            step = np.uint8(0)
            if previous[j + 1] < best:
                best = previous[j + 1]
                step = np.uint8(1)
            if left < best:
                best = left
                step = np.uint8(2)
            left = C[i, j] + best
            current[j + 1] = left
            steps[i, j] = step
        previous, current = current, previous
    path = np.empty((m + n - 1, 2), np.int32)
    i, j, k = m - 1, n - 1, m + n - 2
    while True:
        path[k, 0] = i
        path[k, 1] = j
        if i == 0 and j == 0:
            break
        step = steps[i, j]
        if i == 0:
            step = 2
        elif j == 0:
            step = 1
        if step != 2:
            i -= 1
        if step != 1:
            j -= 1
        k -= 1
    return previous[n], path[k:]


@njit(fastmath=True, parallel=True, nogil=True)
def inverse_norms(X):
    """`(p, m, d) -> (p, m)`, in a third of the time of np.linalg.norm."""
    p, m, d = X.shape
    out = np.empty((p, m), np.float32)
    for q in prange(p):
        for i in range(m):
            total = np.float32(0)
            for k in range(d):
                total += X[q, i, k] * X[q, i, k]
            out[q, i] = 1 / np.sqrt(total)
    return out


@njit(fastmath=True, nogil=True)
def row_inverse_norms(x):
    """`(m, d) -> (m,)` in the calling thread."""
    m, d = x.shape
    out = np.empty(m, np.float32)
    for i in range(m):
        total = np.float32(0)
        for k in range(d):
            total += x[i, k] * x[i, k]
        out[i] = 1 / np.sqrt(total)
    return out


@njit(nogil=True)
def to_costs(C, a, b):
    """Dot products into cosine distances, in place."""
    for i in range(C.shape[0]):
        for j in range(C.shape[1]):
            C[i, j] = np.float32(1) - C[i, j] * a[i] * b[j]


@njit(parallel=True, nogil=True)
def batch_path(C, a, b):
    p, m, n = C.shape
    distances = np.empty(p, np.float32)
    paths = np.empty((p, m + n - 1, 2), np.int32)
    lengths = np.empty(p, np.int32)
    for q in prange(p):
        to_costs(C[q], a[q], b[q])
        distance, path = dp_path(C[q])
        distances[q] = distance
        paths[q, : path.shape[0]] = path
        lengths[q] = path.shape[0]
    return distances, paths, lengths


@njit(parallel=True, nogil=True)
def batch_vertex(C, a, b, Z):
    """Released mode: mean over the path of w (k - z_i), w = 1 / (1 + |i - j|), k = exp(-2 c), z on row 0 alone."""
    p = C.shape[0]
    out = np.empty(p)
    for q in prange(p):
        to_costs(C[q], a[q], b[q])
        path = dp_path(C[q])[1]
        total = 0.0
        for t in range(path.shape[0]):
            i, j = path[t, 0], path[t, 1]
            total += (np.exp(-2.0 * C[q, i, j]) - (Z[q] if i == 0 else 0.0)) / (1 + abs(i - j))
        out[q] = total / path.shape[0]
    return out


@njit(parallel=True, nogil=True)
def distances_from_products(S, m, rows, columns):
    out = np.empty(rows.size, np.float32)
    for p in prange(rows.size):
        block = S[rows[p] * m : (rows[p] + 1) * m, columns[p] * m : (columns[p] + 1) * m]
        out[p] = dp_distance(np.float32(1) - block)
    return out


def batched_paths(X, Y):
    """Pairs of one shape, `(p, m, d)` each -> distances, paths, lengths."""
    return batch_path(np.matmul(X, Y.transpose(0, 2, 1)), inverse_norms(X), inverse_norms(Y))


def path_of(x, y):
    C = x @ y.T
    to_costs(C, row_inverse_norms(x), row_inverse_norms(y))
    return dp_path(C)


def ragged_paths(X, Y):
    """Pairs of any shapes, lists of `(steps, d)` -> a list of (distance, path); one worker a thread."""
    workers = numba.get_num_threads()
    if workers == 1:
        return [path_of(x, y) for x, y in zip(X, Y, strict=True)]
    with BLAS.limit(limits=1, user_api="blas"), ThreadPoolExecutor(workers) as pool:
        parts = pool.map(
            lambda k: [path_of(x, y) for x, y in zip(X[k::workers], Y[k::workers], strict=True)], range(workers)
        )
        out = [None] * len(X)
        for k, part in enumerate(parts):
            out[k::workers] = part
    return out


def batched_vertex(X, Y, trivial):
    """References X, tests Y `(p, m, d)`, one trivial step each `(p, d)` -> scores."""
    a = inverse_norms(X)
    cosine = np.einsum("pd,pd->p", X[:, 0], trivial) * a[:, 0] * row_inverse_norms(trivial)
    z = np.exp(-2.0 * (1.0 - cosine.astype(np.float64)))
    return batch_vertex(np.matmul(X, Y.transpose(0, 2, 1)), a, inverse_norms(Y), z)


def long_pair(x, y):
    return dp_path(1 - unit(x) @ unit(y).T)


def all_pairs(X):
    """`(n, m, d)` -> distances of the upper triangle, row after row."""
    n, m, d = X.shape
    rows = unit(X).reshape(-1, d)
    i, j = np.triu_indices(n, 1)
    return distances_from_products(rows @ rows.T, m, i, j)


def nearest(X, Y):
    """The nearest of `Y` for each of `X`, `(n, m, d)` and `(k, m, d)` -> (indices, distances)."""
    (n, m, d), k = X.shape, Y.shape[0]
    S = unit(X).reshape(-1, d) @ unit(Y).reshape(-1, d).T
    i, j = np.divmod(np.arange(n * k), k)
    distances = distances_from_products(S, m, i, j).reshape(n, k)
    best = distances.argmin(1)
    return best, distances[np.arange(n), best]


@njit
def accept_in_block(S, chosen, t):
    n = 0
    for i in range(S.shape[0]):
        accepted = True
        for k in range(n):
            if S[i, chosen[k]] >= t:
                accepted = False
                break
        if accepted:
            chosen[n] = i
            n += 1
    return n


def diversity_filter(X, t=0.70, block=512, chunk=8192):
    """Indices of the accepted rows."""
    X = unit(X)
    n, d = X.shape
    kept = np.empty((n, d), np.float32)
    chosen = np.empty(block, np.int64)
    out, count = [], 0
    for start in range(0, n, block):
        rows = X[start : start + block]
        index = np.arange(len(rows))
        for c in range(0, count, chunk):
            index = index[(rows[index] @ kept[c : min(count, c + chunk)].T).max(1) < t]
            if index.size == 0:
                break
        if index.size:
            left = rows[index]
            take = index[chosen[: accept_in_block(left @ left.T, chosen, t)]]
            kept[count : count + len(take)] = rows[take]
            count += len(take)
            out.append(take + start)
    return np.concatenate(out)


@njit
def first_come_block(S, start, labels, groups, t):
    for i in range(S.shape[0]):
        group = -1
        for j in range(start + i):
            if S[i, j] > t and (group < 0 or labels[j] < group):
                group = labels[j]
        if group < 0:
            group = groups
            groups += 1
        labels[start + i] = group
    return groups


def first_come(X, t=0.60, block=512):
    """The paper's groups: the smallest group among all earlier members above t, else a new one."""
    X = unit(X)
    n = len(X)
    labels = np.full(n, -1, np.int64)
    groups = 0
    for start in range(0, n, block):
        S = X[start : start + block] @ X[: min(n, start + block)].T
        groups = first_come_block(S, start, labels, groups, t)
    return labels


@njit
def root_of(parent, i):
    while parent[i] != i:
        parent[i] = parent[parent[i]]
        i = parent[i]
    return i


@njit
def link_block(S, start, parent, t):
    for i in range(S.shape[0]):
        for j in range(start + i):
            if S[i, j] > t:
                a, b = root_of(parent, start + i), root_of(parent, j)
                if a != b:
                    parent[max(a, b)] = min(a, b)


@njit
def labels_of(parent):
    labels = np.full(parent.size, -1, np.int64)
    groups = 0
    for i in range(parent.size):
        root = root_of(parent, i)
        if labels[root] < 0:
            labels[root] = groups
            groups += 1
        labels[i] = labels[root]
    return labels


def single_link(X, t=0.60, block=512):
    """Connected components of cosine > t, numbered by first appearance."""
    X = unit(X)
    n = len(X)
    parent = np.arange(n)
    for start in range(0, n, block):
        link_block(X[start : start + block] @ X[: min(n, start + block)].T, start, parent, t)
    return labels_of(parent)


@njit
def pairs_in_block(S, start, t):
    count = 0
    for i in range(S.shape[0]):
        for j in range(i + 1, S.shape[1]):
            count += S[i, j] > t
    first, second = np.empty(count, np.int64), np.empty(count, np.int64)
    cosine = np.empty(count, np.float32)
    k = 0
    for i in range(S.shape[0]):
        for j in range(i + 1, S.shape[1]):
            if S[i, j] > t:
                first[k] = start + i
                second[k] = start + j
                cosine[k] = S[i, j]
                k += 1
    return first, second, cosine


def similar_pairs(X, t=0.60, block=512):
    """Pairs i < j with cosine > t, sorted -> (i, j, cosine)."""
    X = unit(X)
    blocks = range(0, len(X), block)
    found = [pairs_in_block(X[start : start + block] @ X[start:].T, start, t) for start in blocks]
    return tuple(np.concatenate(part) for part in zip(*found, strict=True))


def top_k(Q, X, k):
    """The k rows of X most similar to each query, most similar first -> indices."""
    S = unit(Q) @ unit(X).T
    best = np.argpartition(-S, k, axis=1)[:, :k]
    order = np.argsort(-np.take_along_axis(S, best, 1), axis=1, kind="stable")
    return np.take_along_axis(best, order, 1)
