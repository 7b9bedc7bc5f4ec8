"""Every decision of the core equals that of the f64 loop, for every dtype and any number of threads."""

from __future__ import annotations

import cosine_oracle as oracle
import numpy as np
import pytest
from adversarial_rows import SIZES, families, planted

from tracewarp.metrics import DiversityFilter, cluster, cosine_pairs, cosine_similarity, cosine_top_k

DTYPES = (np.float16, np.float32, np.float64)
CASES = [
    pytest.param(rows, threshold, id=f"{name}-{n}x{dim}-{np.dtype(dtype).name}-{threshold}")
    for n in SIZES
    for dim, dtype, threshold in ((5, np.float32, 0.60), (40, np.float16, 0.70), (17, np.float64, 0.70))
    for name, rows in families(n, dim, threshold, dtype).items()
]


@pytest.mark.parametrize(("rows", "threshold"), CASES)
def test_clusters_are_those_of_the_loop(rows, threshold):
    scope = np.arange(len(rows)) % 2
    for strict in (True, False):
        for method, plain in (("single_link", oracle.single_link), ("first_come", oracle.first_come)):
            found = cluster(rows, threshold, method=method, strict=strict)
            assert found.labels.tolist() == plain(rows, threshold, strict)
            assert found.n_clusters == len(set(found.labels.tolist()))
            scoped = cluster(rows, threshold, method=method, strict=strict, scope=scope)
            assert scoped.labels.tolist() == plain(rows, threshold, strict, scope)


@pytest.mark.parametrize(("rows", "threshold"), CASES)
def test_filter_is_that_of_the_loop(rows, threshold):
    found = DiversityFilter(rows.shape[1], threshold).add(rows)
    accepted, witness, similarity = oracle.diversity(rows, threshold)
    assert found.accepted.tolist() == accepted
    assert found.witness.tolist() == witness
    np.testing.assert_allclose(found.similarity, similarity, atol=1e-14)


@pytest.mark.parametrize(("rows", "threshold"), CASES)
def test_pairs_are_those_of_the_loop(rows, threshold):
    for strict in (True, False):
        found = cosine_pairs(rows, threshold=threshold, strict=strict)
        assert list(zip(found.i.tolist(), found.j.tolist(), strict=True)) == oracle.pairs(rows, threshold, strict)
        assert all(oracle.passes(value, threshold, strict) for value in found.similarity)
        assert not found.truncated


@pytest.mark.parametrize(("rows", "threshold"), CASES)
def test_table_is_that_of_the_loop(rows, threshold):
    expected = oracle.table(rows, rows)
    # A sum of dim products in f32 in any order, and two rounded rows; in f64 the same with its own roundoff.
    roundoff = 2.0**-53 if rows.dtype == np.float64 else 2.0**-24
    tolerance = 4 * (rows.shape[1] + 5) * roundoff
    np.testing.assert_allclose(cosine_similarity(rows), expected, rtol=0, atol=tolerance)
    np.testing.assert_array_equal(cosine_similarity(rows), cosine_similarity(rows, rows.copy()))
    np.testing.assert_array_equal(cosine_similarity(rows).diagonal(), 1.0)


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", DTYPES)
def test_nearest_rows_are_those_of_the_loop(n, dtype):
    rows = families(n, 9, 0.6, dtype)["small whole numbers"]  # many exact ties
    queries = families(5, 9, 0.6, dtype)["small whole numbers"]
    found = cosine_top_k(queries, rows, n)
    assert found.indices.tolist() == oracle.top_k(queries, rows, n)
    for k in {1, (n + 1) // 2}:
        some = cosine_top_k(queries, rows, k)
        assert some.indices.tolist() == found.indices[:, :k].tolist()
        assert some.similarities.tolist() == found.similarities[:, :k].tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_no_number_of_threads_changes_anything(dtype):
    rows = np.concatenate([planted(150, 96, 0.7, seed, dtype) for seed in range(4)])
    rows = rows[np.random.default_rng(5).permutation(len(rows))]
    results = []
    for threads in (1, 2, 8):
        pairs = cosine_pairs(rows, threshold=0.7, threads=threads)
        fates = DiversityFilter(96).add(rows, threads=threads)
        results.append(
            [
                cosine_similarity(rows, threads=threads).tobytes(),
                cosine_top_k(rows, rows, 7, threads=threads).similarities.tobytes(),
                (pairs.i.tobytes(), pairs.j.tobytes(), pairs.similarity.tobytes()),
                cluster(rows, 0.7, threads=threads).labels.tobytes(),
                cluster(rows, 0.7, method="first_come", threads=threads).labels.tobytes(),
                (fates.accepted.tobytes(), fates.witness.tobytes(), fates.similarity.tobytes()),
            ]
        )
    assert results[0] == results[1] == results[2]


def test_single_link_does_not_depend_on_the_order_of_rows():
    rows = families(33, 5, 0.6)["random"]
    order = np.random.default_rng(3).permutation(33)
    straight, shuffled = cluster(rows, 0.6).labels, cluster(rows[order], 0.6).labels
    assert oracle.numbered(straight[order].tolist()) == shuffled.tolist()


@pytest.mark.parametrize("dtype", DTYPES)
def test_seven_of_ten_ones_in_common_is_exactly_the_threshold(dtype):
    rows = np.zeros((2, 13), dtype)
    rows[0, :10] = rows[1, 3:] = 1
    assert DiversityFilter(13, 0.70).add(rows).accepted.tolist() == [True, False]
    assert cluster(rows, 0.70).n_clusters == 2
    assert cluster(rows, 0.70, strict=False).n_clusters == 1
    assert cosine_pairs(rows, threshold=0.70, strict=False).similarity.tolist() == [0.7]


@pytest.mark.parametrize("dtype", DTYPES)
def test_three_four_five_is_exactly_the_threshold(dtype):
    rows = np.array([[1, 0], [3, 4]], dtype)
    assert cluster(rows, 0.60).n_clusters == 2
    assert DiversityFilter(2, 0.60).add(rows).accepted.tolist() == [True, False]


@pytest.mark.parametrize(
    ("dtype", "factors"),
    [(np.float32, (1e-38, 1e-44, 3e38, 1e-20, 1e20)), (np.float64, (1e-310, 1e-300, 1e300, 1.7e308))],
)
def test_rows_of_extreme_magnitude_keep_their_cosines(dtype, factors):
    for first in factors:
        for second in factors:
            x = (np.array([[1.0, 0.0]]) * first).astype(dtype)
            y = (np.array([[0.6, 0.8]]) * second).astype(dtype)
            # Subnormal numbers have few digits: what they hold is what counts.
            held = y.astype(np.float64) / np.abs(y.astype(np.float64)).max()
            expected = held[0, 0] / np.linalg.norm(held)
            value = cosine_similarity(x, y)[0, 0]
            assert value == pytest.approx(expected, abs=1e-6)
            found = cosine_pairs(x, y, threshold=-1.0, strict=False)
            assert found.similarity[0] == pytest.approx(expected, abs=1e-14)


def test_the_planted_rows_do_fool_plain_float32():
    rows = planted(400, 96, 0.7, 0)
    unit = rows / np.linalg.norm(rows, axis=1, keepdims=True)
    fooled = [(i, j) for i, j in zip(*np.nonzero(np.triu(unit @ unit.T > np.float32(0.7), 1)), strict=True)]
    found = cosine_pairs(rows, threshold=0.7)
    assert fooled != list(zip(found.i.tolist(), found.j.tolist(), strict=True))
