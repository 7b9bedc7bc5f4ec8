"""Relations that hold for every input, and the promise that bad input meets only our own errors."""

from __future__ import annotations

import tempfile
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracewarp.errors import TracewarpError
from tracewarp.metrics import DiversityFilter, cluster, cosine_pairs, cosine_similarity, cosine_top_k

FLOATS = st.sampled_from([np.float16, np.float32, np.float64])
ANYTHING = st.one_of(
    hnp.arrays(
        dtype=st.one_of(FLOATS, hnp.scalar_dtypes()),
        shape=hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=6),
    ),
    st.lists(st.floats(), max_size=3),
    st.none(),
    st.text(max_size=3),
)
OPTION = st.one_of(st.floats(), st.integers(-3, 12), st.none(), st.booleans(), st.sampled_from(["error", "orthogonal"]))


@st.composite
def matrices(draw, dtype=FLOATS):
    """Rows that are legal: finite, with a number in each that is not zero."""
    kind = draw(dtype)
    shape = draw(st.tuples(st.integers(1, 12), st.integers(1, 6)))
    rows = draw(hnp.arrays(kind, shape, elements=st.integers(-3, 3)))
    rows[~rows.any(axis=1), 0] = 1
    return rows


COSINES = st.one_of(st.floats(-1, 1), st.sampled_from([-1.0, 0.0, 0.5, 0.6, 0.7, 1.0]))


@given(ANYTHING, ANYTHING, OPTION, OPTION, OPTION)
@settings(max_examples=300)
def test_only_our_own_errors_and_the_right_shapes(x, y, first, second, third):
    calls = [
        (
            lambda: cosine_similarity(x, y, zero=first, threads=second),
            lambda r: r.shape == (len(x), len(x if y is None else y)),
        ),
        (
            lambda: cosine_top_k(x, y, first, zero=third),
            lambda r: r.indices.shape == r.similarities.shape == (len(x), first),
        ),
        (
            lambda: cosine_pairs(x, y, threshold=first, strict=second, max_pairs=third),
            lambda r: r.i.shape == r.j.shape == r.similarity.shape,
        ),
        (lambda: cluster(x, first, strict=second, scope=y), lambda r: r.labels.shape == (len(x),)),
        (lambda: cluster(x, first, method="first_come", zero=second), lambda r: r.labels.shape == (len(x),)),
        (lambda: DiversityFilter(first, second).add(x), lambda r: r.accepted.shape == r.witness.shape),
        (
            lambda: DiversityFilter(np.shape(x)[-1], zero="orthogonal").add(x, threads=first),
            lambda r: r.accepted.shape == r.similarity.shape,
        ),
    ]
    for call, fits in calls:
        try:
            result = call()
        except TracewarpError:
            continue
        except IndexError:
            assert np.shape(x) == ()  # `np.shape(x)[-1]` of this test
            continue
        assert fits(result)


@given(matrices(), st.integers(1, 3))
def test_the_table_is_symmetric_within_bounds_and_one_on_the_diagonal(rows, threads):
    table = cosine_similarity(rows, threads=threads)
    np.testing.assert_array_equal(table, table.T)
    np.testing.assert_array_equal(table.diagonal(), 1.0)
    assert (np.abs(table) <= 1).all()


@given(matrices(), st.sampled_from([0.25, 0.5, 2.0, 8.0]))
def test_scaling_rows_by_a_power_of_two_changes_no_bit(rows, factor):
    np.testing.assert_array_equal(cosine_similarity(rows), cosine_similarity(rows * rows.dtype.type(factor)))


@given(matrices(), COSINES, st.booleans(), st.randoms(use_true_random=False))
def test_single_link_ignores_the_order_of_rows(rows, threshold, strict, random):
    order = list(range(len(rows)))
    random.shuffle(order)
    straight = cluster(rows, threshold, strict=strict).labels[order]
    shuffled = cluster(rows[order], threshold, strict=strict).labels
    np.testing.assert_array_equal(straight[:, None] == straight, shuffled[:, None] == shuffled)


@given(matrices(), COSINES, COSINES)
def test_a_higher_threshold_never_joins_more(rows, one, other):
    low, high = (cluster(rows, threshold).labels for threshold in sorted((one, other)))
    together = high[:, None] == high
    assert (low[:, None] == low)[together].all()


@given(matrices(), COSINES, st.booleans())
def test_the_pairs_are_the_links_of_the_clusters(rows, threshold, strict):
    found = cosine_pairs(rows, threshold=threshold, strict=strict)
    labels = cluster(rows, threshold, strict=strict).labels
    assert (labels[found.i] == labels[found.j]).all()
    assert len(rows) - len(found) <= len(set(labels.tolist()))
    keys = list(zip(found.i.tolist(), found.j.tolist(), strict=True))
    assert keys == sorted(set(keys))
    assert all(i < j for i, j in keys)


@given(matrices(), COSINES, st.lists(st.integers(1, 11), max_size=3), st.booleans())
def test_the_filter_does_not_care_how_it_is_fed_or_kept(rows, threshold, cuts, save):
    whole = DiversityFilter(rows.shape[1], threshold)
    expected = whole.add(rows)
    made = DiversityFilter(rows.shape[1], threshold)
    accepted = []
    for part in np.split(rows, sorted({cut for cut in cuts if cut < len(rows)})):
        accepted += made.add(part).accepted.tolist()
        if save:
            with tempfile.TemporaryDirectory() as folder:
                made.save(Path(folder) / "filter.npz")
                made = DiversityFilter.load(Path(folder) / "filter.npz")
    assert accepted == expected.accepted.tolist()
    np.testing.assert_array_equal(made.indices, whole.indices)
    assert made.seen == len(rows)


@given(matrices(), COSINES)
def test_accepted_rows_are_apart_and_rejected_ones_near_their_witness(rows, threshold):
    made = DiversityFilter(rows.shape[1], threshold)
    result = made.add(rows)
    kept = rows[result.accepted]
    assert len(cosine_pairs(kept, threshold=threshold, strict=False)) == 0
    assert result.accepted[0]
    for i in np.flatnonzero(~result.accepted):
        assert result.witness[i] < i
        assert result.accepted[result.witness[i]]
        assert result.similarity[i] >= threshold
        assert result.similarity[i] == pytest.approx(
            cosine_similarity(rows[i : i + 1], rows[result.witness[i]][None])[0, 0], abs=1e-5
        )
    np.testing.assert_array_equal(made.rows, kept)


@given(matrices(), matrices(), st.data())
def test_top_k_is_the_head_of_all(queries, rows, data):
    width = min(queries.shape[1], rows.shape[1])
    queries, rows = np.ones_like(queries[:, :width]) + abs(queries[:, :width]), abs(rows[:, :width]) + 1
    every = cosine_top_k(queries, rows, len(rows))
    k = data.draw(st.integers(1, len(rows)))
    some = cosine_top_k(queries, rows, k)
    np.testing.assert_array_equal(some.indices, every.indices[:, :k])
    assert (np.diff(every.similarities, axis=1) <= 0).all()
    assert (np.sort(every.indices, axis=1) == np.arange(len(rows))).all()


@given(st.binary(max_size=300))
def test_loading_any_bytes_is_our_own_error(content):
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "filter.npz"
        path.write_bytes(content)
        with pytest.raises(TracewarpError):
            DiversityFilter.load(path)
