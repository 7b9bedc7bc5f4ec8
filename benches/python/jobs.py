"""The jobs: for each one input, both sides on the very same memory, the check that must hold, and its least work."""

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any

import numpy as np

import baseline
import tracewarp
from floor import Work
from inputs import texts, walk, walks
from tracewarp.metrics import Ragged

EPSILON = 2.0**-24


@dataclass(frozen=True)
class Sizes:
    """`scale` multiplies counts of pairs and trajectories, and the steps of the long pair."""

    dim: int = 768
    rows: int = 20_000
    scale: float = 1.0

    def count(self, full):
        return max(round(full * self.scale), 4)


@dataclass(frozen=True)
class Case:
    ours: Callable[[int], Any]
    """Takes the number of threads."""
    baseline: Callable[[], Any]
    """Threads are set outside."""
    check: Callable[[Any, Any], dict[str, Any]]
    """Our result, then the baseline's: raises where they differ, returns how close they are."""
    work: Work | None
    """None: the job is about something else than arithmetic."""
    peers: dict[str, Callable[[], Any]] = field(default_factory=dict)
    """Others that give this very result: name -> call, threads as set outside."""
    peer_check: Callable[[Any, Any], dict[str, Any]] | None = None
    """Our result, then a peer's."""


@dataclass(frozen=True)
class Job:
    name: str
    title: Callable[[Sizes], str]
    make: Callable[[Sizes], Case]
    targets: dict[str, float] = field(default_factory=dict)
    """Least ratio to the baseline with one thread, by instruction set."""
    screened: bool = False
    """The result may be had without multiplying every pair in float32, so the floor can be undercut."""


def same_distances(ours, theirs, steps):
    """Within 1e-6 a path cell for float32 costs, and what a float32 sum of as many cells may be off."""
    allowed = steps * (1e-6 + EPSILON * np.abs(theirs))
    error = np.abs(np.asarray(ours) - theirs)
    worst = int(np.argmax(error / allowed))
    assert error[worst] <= allowed[worst], f"entry {worst}: {ours[worst]} against {theirs[worst]}"
    return {"largest difference": float(error.max())}


def same_paths(ours, theirs):
    """Both optimal, so they may differ at ties within rounding alone: how many are equal."""
    equal = sum(a.shape == b.shape and bool((a == b).all()) for a, b in zip(ours, theirs, strict=True))
    assert equal >= 0.99 * len(ours), f"{len(ours) - equal} of {len(ours)} paths differ"
    return {"equal paths": f"{equal} of {len(ours)}"}


def path_costs(x, y, path):
    """The sum of costs along a path, in float64."""
    u, v = (rows[path[:, side]].astype(np.float64) for side, rows in enumerate((x, y)))
    return float((1 - (u * v).sum(1) / np.sqrt((u * u).sum(1) * (v * v).sum(1))).sum())


def pair_check(xs, ys):
    def check(batch, theirs):
        distances, paths = theirs
        lengths = np.diff(batch.path_offsets)
        for p in range(0, len(batch), max(len(batch) // 20, 1)):
            along = path_costs(xs[p], ys[p], batch[p].path)
            assert abs(along - batch.distances[p]) <= 1e-6 * lengths[p], (
                f"pair {p}: path {along}, distance {batch.distances[p]}"
            )
        return same_distances(batch.distances, distances, lengths) | same_paths([one.path for one in batch], paths)

    return check


def product_work(xs, ys):
    pairs = np.diff(xs.offsets) @ np.diff(ys.offsets)
    return Work(2.0 * xs.dim * float(pairs), xs.rows.nbytes + ys.rows.nbytes)


def stacked(ragged):
    return ragged.rows.reshape(len(ragged), -1, ragged.dim)


def square_pairs(count, steps, name, targets):
    def make(sizes):
        xs, ys = (walks(sizes.count(count), steps, sizes.dim, seed) for seed in (1, 2))
        X, Y = stacked(xs), stacked(ys)

        def check(batch, theirs):
            distances, paths, lengths = theirs
            return pair_check(xs, ys)(batch, (distances, [path[:k] for path, k in zip(paths, lengths, strict=True)]))

        return Case(
            ours=lambda threads: tracewarp.dtw_pairs(xs, ys, paths=True, threads=threads),
            baseline=lambda: baseline.batched_paths(X, Y),
            check=check,
            work=product_work(xs, ys),
        )

    return Job(name, lambda s: f"{s.count(count):,} pairs {steps}x{steps}, distance and path", make, targets)


def ragged_pairs(sizes):
    xs, ys = (walks(sizes.count(400), (3, 60), sizes.dim, seed) for seed in (1, 2))
    X, Y = list(map(xs.__getitem__, range(len(xs)))), list(map(ys.__getitem__, range(len(ys))))

    def check(batch, theirs):
        return pair_check(xs, ys)(batch, (np.array([distance for distance, _ in theirs]), [path for _, path in theirs]))

    return Case(
        ours=lambda threads: tracewarp.dtw_pairs(xs, ys, paths=True, threads=threads),
        baseline=lambda: baseline.ragged_paths(X, Y),
        check=check,
        work=product_work(xs, ys),
    )


def vertex(sizes):
    references, tests = (walks(sizes.count(800), 24, sizes.dim, seed) for seed in (4, 5))
    X, Y = stacked(references), stacked(tests)
    noise = np.random.default_rng(9).standard_normal((len(X), sizes.dim), dtype=np.float32)
    trivial = X[:, 0] + np.float32(0.3) * noise
    trivials = Ragged(trivial, np.arange(len(X) + 1))
    pairs = np.repeat(np.arange(len(X)), 2).reshape(-1, 2)

    def check(batch, scores):
        error = np.abs(batch.scores - scores)
        # A cost off by 1e-6 moves k by 2e-6; a tie broken otherwise moves a cell of the mean.
        assert np.mean(error <= 1e-5) >= 0.99, f"{np.sum(error > 1e-5)} of {error.size} scores differ"
        return {
            "largest difference": float(error.max()),
            "scores within 1e-5": f"{np.sum(error <= 1e-5)} of {error.size}",
        }

    return Case(
        ours=lambda threads: tracewarp.vertex_dtw_pairs(
            references, tests, pairs, trivials=trivials, mode="released", threads=threads
        ),
        baseline=lambda: baseline.batched_vertex(X, Y, trivial),
        check=check,
        work=product_work(references, tests),
    )


def long_steps(sizes):
    return max(round(2000 * sizes.scale), 32)


def long_pair(sizes):
    steps = long_steps(sizes)
    x, y = (walk(steps, sizes.dim, seed) for seed in (2, 3))
    xs, ys = (Ragged(rows, np.array([0, steps])) for rows in (x, y))

    def check(ours, theirs):
        distance, path = theirs
        along = path_costs(x, y, ours.path)
        assert abs(along - ours.distance) <= 1e-6 * len(ours.path), f"path {along}, distance {ours.distance}"
        return same_distances([ours.distance], np.array([distance], np.float64), len(ours.path)) | {
            "equal path": bool(ours.path.shape == path.shape and (ours.path == path).all())
        }

    return Case(
        ours=lambda threads: tracewarp.dtw_pairs(xs, ys, paths=True, threads=threads)[0],
        baseline=lambda: baseline.long_pair(x, y),
        check=check,
        work=Work(2.0 * steps * steps * sizes.dim, x.nbytes + y.nbytes),
    )


def all_pairs(sizes):
    xs = walks(sizes.count(100), 30, sizes.dim, 3)
    X = stacked(xs)
    upper = np.triu_indices(len(X), 1)
    return Case(
        ours=lambda threads: tracewarp.dtw_matrix(xs, threads=threads),
        baseline=lambda: baseline.all_pairs(X),
        check=lambda ours, theirs: same_distances(ours[upper], theirs, 30),
        # Half of the products: the distance is symmetric. numpy saves them for the baseline too: for `rows @ rows.T` it
        # calls BLAS's symmetric product (syrk), 1.6 times as fast as a product of two matrices.
        work=Work(2.0 * sizes.dim * 900 * len(upper[0]), xs.rows.nbytes),
    )


def nearest(sizes):
    xs, ys = (walks(sizes.count(full), 30, sizes.dim, seed) for full, seed in ((20, 6), (400, 7)))
    X, Y = stacked(xs), stacked(ys)

    def check(ours, theirs):
        index, distance = theirs
        assert (ours.indices[:, 0] == index).all(), "other neighbours"
        return same_distances(ours.distances[:, 0], distance, 30)

    return Case(
        ours=lambda threads: tracewarp.dtw_nearest(xs, ys, threads=threads),
        baseline=lambda: baseline.nearest(X, Y),
        check=check,
        work=Work(2.0 * sizes.dim * 900 * len(xs) * len(ys), xs.rows.nbytes + ys.rows.nbytes),
    )


def all_row_pairs(x):
    return Work(x.shape[1] * float(len(x)) * (len(x) - 1), x.nbytes)


def diversity(sizes):
    x = texts(sizes.rows, sizes.dim, 5)

    def ours(threads):
        return tracewarp.DiversityFilter(sizes.dim, 0.70).add(x, threads=threads)

    def check(accepted, theirs):
        assert np.array_equal(np.flatnonzero(accepted.accepted), theirs), "other rows were accepted"
        return {"accepted rows": f"{len(theirs)} of {len(x)}, equal"}

    # A row is compared with every accepted row before it, a rejected one only up to its witness.
    kept = ours(1)
    compared = np.where(
        kept.accepted, kept.accepted.cumsum() - 1, np.searchsorted(np.flatnonzero(kept.accepted), kept.witness) + 1
    )
    work = Work(2.0 * sizes.dim * float(compared.sum()), x.nbytes)
    return Case(ours, lambda: baseline.diversity_filter(x), check, work)


def grouping(method, theirs):
    def make(sizes):
        x = texts(sizes.rows, sizes.dim, 5)

        def check(clusters, labels):
            assert np.array_equal(clusters.labels, labels), "other groups"
            return {"groups": f"{clusters.n_clusters}, every label equal"}

        return Case(
            ours=lambda threads: tracewarp.cluster(x, 0.60, method=method, threads=threads),
            baseline=lambda: theirs(x),
            check=check,
            work=all_row_pairs(x),
        )

    return make


def similar_pairs(sizes):
    x = texts(sizes.rows, sizes.dim, 5)

    def check(found, theirs):
        i, j, cosine = theirs
        assert np.array_equal(found.i, i) and np.array_equal(found.j, j), "other pairs"
        return {
            "pairs": f"{len(i)}, equal",
            "largest difference": float(np.abs(found.similarity - cosine).max(initial=0)),
        }

    def peer_check(found, pairs):
        assert abs(len(found.i) - pairs) <= 1e-4 * len(found.i) + 1, f"{pairs} pairs against {len(found.i)}"
        return {"pairs": pairs}

    return Case(
        ours=lambda threads: tracewarp.cosine_pairs(x, threshold=0.60, threads=threads),
        baseline=lambda: baseline.similar_pairs(x),
        check=check,
        work=all_row_pairs(x),
        peers=faiss_pairs(x),
        peer_check=peer_check,
    )


def faiss_pairs(x):
    """Pairs above 0.60 by faiss's flat index, which finds both orders and each row itself."""
    try:
        import faiss
    except ImportError:
        return {}

    def search():
        index = faiss.IndexFlatIP(x.shape[1])
        index.add(x)
        limits, _, _ = index.range_search(x, 0.60)
        return (int(limits[-1]) - len(x)) // 2

    return {"faiss IndexFlatIP.range_search": search}


def top_k(sizes):
    x = texts(sizes.rows, sizes.dim, 5)
    queries = np.ascontiguousarray(x[:: max(len(x) // 500, 1)])
    k = min(10, len(x) - 1)

    def check(found, theirs):
        same = float(np.mean(found.indices == theirs))
        # float32 ranks rows within rounding of each other otherwise.
        assert same >= 0.999, f"only {same:.2%} of the neighbours are equal"
        return {"equal neighbours": f"{100 * same:.2f} %"}

    return Case(
        ours=lambda threads: tracewarp.cosine_top_k(queries, x, k, threads=threads),
        baseline=lambda: baseline.top_k(queries, x, k),
        check=check,
        work=Work(2.0 * sizes.dim * len(queries) * len(x), x.nbytes + queries.nbytes),
        peers=faiss_top_k(queries, x, k),
        peer_check=check,
    )


def faiss_top_k(queries, x, k):
    try:
        import faiss
    except ImportError:
        return {}

    def search():
        index = faiss.IndexFlatIP(x.shape[1])
        index.add(x)
        return index.search(queries, k)[1]

    return {"faiss IndexFlatIP.search": search}


def tiny_call(sizes):
    """Crossing the boundary: one pair of 2 x 2 steps in 8 dimensions, a thousand times."""
    calls = max(round(1000 * sizes.scale), 10)
    x, y = (walk(2, 8, seed) for seed in (1, 2))

    def check(ours, theirs):
        return same_distances([ours], np.array([theirs[0]], np.float64), 3)

    def ours(_threads):
        for _ in range(calls):
            result = tracewarp.dtw_distance(x, y)
        return result

    def theirs():
        for _ in range(calls):
            result = baseline.path_of(x, y)
        return result

    return Case(ours, theirs, check, None)


def of_rows(words):
    return lambda sizes: words.format(rows=f"{sizes.rows:,}")


JOBS = {
    job.name: job
    for job in (
        square_pairs(200, 30, "pairs-30", {"avx2": 2.0, "avx512": 1.5}),
        square_pairs(2000, 8, "pairs-8", {"avx2": 2.5, "avx512": 1.5}),
        Job(
            "pairs-ragged",
            lambda s: f"{s.count(400)} ragged pairs, 3-60 steps, distance and path",
            ragged_pairs,
            {"avx2": 2.5, "avx512": 2.0},
        ),
        Job(
            "vertex-24",
            lambda s: f"VERTEX, {s.count(800)} pairs 24x24 with score",
            vertex,
            {"avx2": 2.0, "avx512": 1.5},
        ),
        Job(
            "long-pair",
            lambda s: f"one pair {long_steps(s):,} x {long_steps(s):,} with path",
            long_pair,
            {"avx2": 1.1, "avx512": 1.1},
        ),
        Job(
            "all-pairs",
            lambda s: f"all pairs of {s.count(100)} trajectories of 30, distance",
            all_pairs,
            {"avx2": 1.2, "avx512": 1.3},
        ),
        Job("nearest", lambda s: f"nearest of {s.count(400)} for {s.count(20)}, 30 steps", nearest, screened=True),
        Job(
            "filter",
            of_rows("diversity filter, {rows} rows, t = 0.70"),
            diversity,
            {"avx2": 3.0, "avx512": 4.5},
            screened=True,
        ),
        Job(
            "first-come",
            of_rows("first-come groups, {rows} rows, t = 0.60"),
            grouping("first_come", baseline.first_come),
            {"avx2": 3.5, "avx512": 5.0},
            screened=True,
        ),
        Job(
            "single-link",
            of_rows("single link, {rows} rows, t = 0.60"),
            grouping("single_link", baseline.single_link),
            screened=True,
        ),
        Job("similar-pairs", of_rows("pairs above 0.60 of {rows} rows"), similar_pairs, screened=True),
        Job(
            "top-k",
            lambda s: f"10 most similar of {s.rows:,} rows for {min(s.rows, 500)} of them",
            top_k,
            screened=True,
        ),
        Job(
            "tiny-call",
            lambda s: f"{max(round(1000 * s.scale), 10):,} calls of `dtw_distance` with one pair 2x2, d = 8",
            tiny_call,
        ),
    )
}
