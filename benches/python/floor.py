"""What the machine can do, measured on the spot, and the least time that a job could take on it.

Multiply-adds: the faster of a numba loop of eight independent Horner chains over data in the first-level cache, and of
BLAS products of 1,024 x 1,024 and 2,048 x 2,048. Memory: a numba sum over 512 MB. Both with as many threads as the job.
The floor of a job is the larger of its multiplications at the one rate and its input, read once, at the other.
"""

import time
from dataclasses import asdict, dataclass

import numpy as np
from numba import njit, prange


@dataclass(frozen=True)
class Work:
    """What no float32 algorithm without screening can avoid."""

    flops: float
    """Two for each multiply-add of the dot products."""
    bytes: float
    """The input, once."""


@dataclass(frozen=True)
class Rates:
    threads: int
    gflops_loop: float
    gflops_blas: float
    gbytes: float

    def seconds(self, work):
        peak = max(self.gflops_loop, self.gflops_blas)
        return max(work.flops / peak, work.bytes / self.gbytes) / 1e9

    def to_dict(self):
        return {name: round(value, 1) for name, value in asdict(self).items()}


# Contraction alone: with reassociation the compiler would fold the eight chains into one.
@njit(fastmath={"contract"}, parallel=True, nogil=True)
def horner(x, out, workers, repeats):
    """Eight chains of 16 multiply-adds for each of x's numbers; every repeat starts from the one before."""
    for w in prange(workers):
        for _ in range(repeats):
            for i in range(x.shape[1]):
                v = x[w, i]
                a = b = c = d = e = f = g = h = out[w, i]
                for _ in range(16):
                    a = a * v + np.float32(0.1)
                    b = b * v + np.float32(0.2)
                    c = c * v + np.float32(0.3)
                    d = d * v + np.float32(0.4)
                    e = e * v + np.float32(0.5)
                    f = f * v + np.float32(0.6)
                    g = g * v + np.float32(0.7)
                    h = h * v + np.float32(0.8)
                out[w, i] = ((a + b) + (c + d)) + ((e + f) + (g + h))


@njit(fastmath=True, parallel=True, nogil=True)
def total(x):
    s = np.float32(0)
    for i in prange(x.size):
        s += x[i]
    return s


def best_of(call, rounds):
    call()
    seconds = []
    for _ in range(rounds):
        start = time.perf_counter()
        call()
        seconds.append(time.perf_counter() - start)
    return min(seconds)


def measure(threads, *, quick):
    """Rates with `threads` threads, which the caller has set for numba and BLAS."""
    rounds = 3 if quick else 15
    x = np.full((threads, 1024), 0.1, np.float32)
    out = np.zeros_like(x)
    repeats = 100 if quick else 2000
    loop = 2 * 8 * 16 * x.size * repeats / best_of(lambda: horner(x, out, threads, repeats), rounds)
    products = []
    for side in (256,) if quick else (1024, 2048):
        # Two matrices: for one with itself numpy calls the symmetric product, which does half of the work.
        a, b = np.ones((2, side, side), np.float32)
        product = np.empty_like(a)
        call = lambda a=a, b=b, product=product: np.matmul(a, b.T, out=product)  # noqa: E731
        products.append(2 * side**3 / best_of(call, rounds))
    row = np.ones((1 << 22) if quick else (1 << 27), np.float32)
    return Rates(threads, loop / 1e9, max(products) / 1e9, row.nbytes / best_of(lambda: total(row), rounds) / 1e9)
