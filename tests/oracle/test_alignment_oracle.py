"""Alignment and scores against the textbook, over sizes around the edges, unequal lengths and every dtype."""

import dtw_oracle
import numpy as np
import pytest
import vertex_oracle
from scipy.spatial.distance import cdist

from tracewarp.metrics import (
    dtw,
    dtw_from_costs,
    dtw_matrix,
    dtw_nearest,
    dtw_pairs,
    gaussian_similarity,
    mmd2,
    vertex_dtw,
    vertex_dtw_pairs,
)

SIZES = (1, 2, 3, 7, 8, 9, 31, 32, 33)
# 1 - cos cancels for near-equal rows, so float32 is judged by the length of the path, float64 by the value.
TOLERANCE = {np.float16: 1e-6, np.float32: 1e-6, np.float64: 1e-12}


def rows(rng, steps, dim, dtype):
    return rng.standard_normal((steps, dim)).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("metric", ["cosine", "euclidean", "sqeuclidean"])
def test_dtw_is_the_textbook(dtype, metric):
    rng = np.random.default_rng(1)
    cost = getattr(dtw_oracle, metric)
    for m in SIZES:
        for n in (SIZES[0], SIZES[3], SIZES[-1], m):
            x, y = rows(rng, m, 5, dtype), rows(rng, n, 5, dtype)
            costs = [[cost(u, v) for v in y.astype(float).tolist()] for u in x.astype(float).tolist()]
            expected, _ = dtw_oracle.dtw(costs)
            found = dtw(x, y, metric=metric)
            tolerance = TOLERANCE[dtype] * max(len(found.path), expected)
            assert abs(found.distance - expected) <= tolerance
            assert abs(sum(costs[i][j] for i, j in found.path) - found.distance) <= tolerance
            assert max(m, n) <= len(found.path) <= m + n - 1


def test_the_oracle_itself_agrees_with_scipy_costs():
    rng = np.random.default_rng(2)
    x, y = rng.standard_normal((9, 4)), rng.standard_normal((7, 4))
    for metric in ("cosine", "euclidean", "sqeuclidean"):
        table = [[getattr(dtw_oracle, metric)(u, v) for v in y] for u in x]
        np.testing.assert_allclose(table, cdist(x, y, metric), atol=1e-14)


@pytest.mark.parametrize("window_steps", [None, 0, 1, 3, 40])
def test_paths_over_whole_costs_are_the_textbooks_cell_by_cell(window_steps):
    rng = np.random.default_rng(3)
    for m in SIZES:
        for n in SIZES:
            costs = rng.integers(0, 3, (m, n)).astype(float)
            distance, path = dtw_oracle.dtw(costs.tolist(), window_steps=window_steps)
            found = dtw_from_costs(costs, window_steps=window_steps)
            assert (found.distance, [tuple(cell) for cell in found.path.tolist()]) == (distance, path)


def test_matrix_and_nearest_are_the_textbook():
    rng = np.random.default_rng(4)
    xs = [rows(rng, int(m), 6, np.float32) for m in rng.integers(1, 12, 7)]
    ys = [rows(rng, int(n), 6, np.float32) for n in rng.integers(1, 12, 5)]
    expected = np.array([[dtw_oracle.dtw(cdist(x, y, "cosine").tolist())[0] for y in ys] for x in xs])
    found = dtw_matrix(xs, ys)
    np.testing.assert_allclose(found, expected, atol=2e-5)
    nearest = dtw_nearest(xs, ys, k=3)
    np.testing.assert_array_equal(nearest.indices, np.argsort(expected, axis=1)[:, :3])
    np.testing.assert_allclose(nearest.distances, np.sort(expected, axis=1)[:, :3], atol=2e-5)


@pytest.mark.parametrize("mode", ["normalized", "eq1", "released"])
@pytest.mark.parametrize(
    ("decay", "strength"), [("hyperbolic", 1.0), ("relative", 1.0), ("relative", 2.0), ("relative", 0.3), ("none", 1.0)]
)
@pytest.mark.parametrize("z", ["zero_pad", "hold_last", "scalar_mean", "none"])
def test_vertex_is_its_definition(mode, decay, strength, z):
    rng = np.random.default_rng(5)
    for dtype, tolerance in ((np.float64, 1e-12), (np.float32, 2e-5)):
        for m, n, t in ((1, 1, 1), (1, 5, 2), (4, 1, 1), (7, 9, 2), (12, 8, 20)):
            reference, test, trivial = (rows(rng, steps, 6, dtype) for steps in (m, n, t))
            for gamma in (0.3, 1.0, 3.0):
                options = {"mode": mode, "decay": decay, "strength": strength, "z": z, "gamma": gamma}
                found = vertex_dtw(reference, test, trivial=trivial, **options)
                expected = vertex_oracle.score(
                    reference.tolist(), test.tolist(), found.path.tolist(), trivial.tolist(), **options
                )
                assert abs(found.score - expected) <= tolerance
                batch = vertex_dtw_pairs([reference], [test], [(0, 0)], trivials=[trivial], **options)
                assert batch.scores[0] == found.score


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("estimator", ["biased", "unbiased"])
def test_mmd2_is_its_definition(dtype, estimator):
    rng = np.random.default_rng(6)
    for n, m in ((2, 2), (3, 8), (9, 7)):
        x, y = rows(rng, n, 4, dtype), rows(rng, m, 4, dtype)
        unbiased = estimator == "unbiased"
        each = [vertex_oracle.mmd2(x.tolist(), y.tolist(), g, unbiased=unbiased) for g in (0.2, 1.0)]
        assert mmd2(x, y, gamma=0.2, estimator=estimator) == pytest.approx(each[0], abs=1e-12)
        assert mmd2(x, y, gamma=[0.2, 1.0], estimator=estimator) == pytest.approx(sum(each) / 2, abs=1e-12)
        found = mmd2(x, y, gamma=(0.2, 1.0), estimator=estimator, combine="sum")
        assert found == pytest.approx(sum(each), abs=1e-12)


def test_the_gaussian_similarity_is_its_definition():
    rng = np.random.default_rng(7)
    u, v = rows(rng, 9, 5, np.float32), rows(rng, 9, 5, np.float32)
    expected = [vertex_oracle.kernel(a, b, 0.4) for a, b in zip(u.tolist(), v.tolist(), strict=True)]
    np.testing.assert_allclose(gaussian_similarity(u, v, gamma=0.4), expected, rtol=1e-12)


def test_batches_of_pairs_are_the_textbook():
    rng = np.random.default_rng(8)
    xs = [rows(rng, int(m), 3, np.float64) for m in rng.integers(1, 9, 6)]
    found = dtw_pairs(xs, xs, [(p, 5 - p) for p in range(6)], paths=True)
    for p in range(6):
        distance, path = dtw_oracle.dtw(cdist(xs[p], xs[5 - p], "cosine").tolist())
        assert found[p].distance == pytest.approx(distance, rel=1e-12)
        assert [tuple(cell) for cell in found[p].path.tolist()] == path
