"""Relations that DTW and VERTEX_DTW obey for every input, through the public functions."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracewarp.metrics import (
    Ragged,
    dtw,
    dtw_distance,
    dtw_from_costs,
    dtw_matrix,
    dtw_nearest,
    dtw_pairs,
    vertex_dtw,
    vertex_dtw_pairs,
)

DTYPES = (np.float16, np.float32, np.float64)
METRICS = st.sampled_from(["cosine", "euclidean", "sqeuclidean"])
TIES = st.sampled_from(["diagonal", "fastdtw-py", "fastdtw-cy"])
WINDOWS = st.none() | st.integers(0, 14)


@st.composite
def sequences(draw, count=2):
    """Sequences of one dim and dtype: small whole numbers, so that equal rows and ties are common; no zero row."""
    dtype, dim = draw(st.sampled_from(DTYPES)), draw(st.integers(1, 6))
    made = []
    for _ in range(count):
        rows = draw(hnp.arrays(dtype, (draw(st.integers(1, 9)), dim), elements=st.integers(-2, 2)))
        rows[~rows.any(axis=1), 0] = 1
        made.append(rows)
    return made


@st.composite
def sets(draw):
    return draw(sequences(count=draw(st.integers(1, 6))))


def is_monotone(path, m, n):
    steps = {tuple(step) for step in np.diff(path, axis=0).tolist()}
    return path[0].tolist() == [0, 0] and path[-1].tolist() == [m - 1, n - 1] and steps <= {(1, 1), (1, 0), (0, 1)}


@given(sequences(), METRICS, TIES, WINDOWS)
def test_the_path_is_valid_and_costs_the_distance(pair, metric, ties, window_steps):
    x, y = pair
    found = dtw(x, y, metric=metric, ties=ties, window_steps=window_steps)
    m, n = len(x), len(y)
    assert is_monotone(found.path, m, n)
    assert max(m, n) <= len(found.path) <= m + n - 1
    cells = [dtw_distance(x[i : i + 1], y[j : j + 1], metric=metric) for i, j in found.path.tolist()]
    assert sum(cells) == found.distance
    if window_steps is not None:
        offset = found.path[:, 1] - found.path[:, 0]
        assert (-window_steps - max(0, m - n) <= offset).all()
        assert (offset <= window_steps + max(0, n - m)).all()


@given(sequences(count=1), METRICS)
def test_identity(one, metric):
    found = dtw(one[0], one[0].copy(), metric=metric)
    assert found.distance == 0
    assert found.path.tolist() == [[i, i] for i in range(len(one[0]))]


@given(sequences(), METRICS, WINDOWS)
def test_the_distance_is_symmetric(pair, metric, window_steps):
    x, y = pair
    options = {"metric": metric, "window_steps": window_steps}
    assert dtw_distance(x, y, **options) == dtw_distance(y, x, **options)


@given(
    hnp.arrays(
        np.float64, hnp.array_shapes(min_dims=2, max_dims=2, max_side=7), elements=st.floats(0, 1e6), unique=True
    )
)
def test_the_path_is_transposed_where_the_optimum_is_unique(costs):
    there, back = dtw_from_costs(costs), dtw_from_costs(costs.T)
    assert there.distance == back.distance
    # The rules disagree at every tie, so a path that all of them take has none: it is the only optimum.
    others = [dtw_from_costs(costs, ties=ties).path.tolist() for ties in ("fastdtw-py", "fastdtw-cy")]
    if others == [there.path.tolist()] * 2:
        assert there.path[:, ::-1].tolist() == back.path.tolist()


@given(sequences(), st.lists(st.floats(0.01, 100), min_size=9, max_size=9))
def test_the_cosine_does_not_feel_the_length_of_rows(pair, scales):
    x, y = (rows.astype(np.float64) for rows in pair)
    found = dtw(x, y)
    scaled = x * np.array(scales)[: len(x), np.newaxis]
    assert abs(dtw_distance(scaled, y) - found.distance) <= 1e-12 * len(found.path)


@given(sequences(), METRICS, st.integers(0, 8))
def test_a_step_said_twice_never_lowers_the_distance(pair, metric, at):
    x, y = pair
    longer = np.insert(x, at % len(x), x[at % len(x)], axis=0)
    assert dtw_distance(longer, y, metric=metric) >= dtw_distance(x, y, metric=metric)


@given(sequences(), METRICS, WINDOWS)
def test_both_read_backwards_are_as_far_apart(pair, metric, window_steps):
    x, y = pair
    options = {"metric": metric, "window_steps": window_steps}
    plain = dtw_distance(x, y, **options)
    assert abs(dtw_distance(x[::-1], y[::-1], **options) - plain) <= 1e-12 * max(plain, len(x) + len(y))


@given(sequences(), METRICS, st.integers(0, 10))
def test_a_wider_band_never_raises_the_distance_and_a_wide_one_is_none(pair, metric, w):
    x, y = pair
    narrow, wide, free = (dtw_distance(x, y, metric=metric, window_steps=s) for s in (w, w + 1, None))
    assert narrow >= wide >= free
    assert dtw_distance(x, y, metric=metric, window_steps=max(len(x), len(y))) == free


@given(sequences(), st.floats(0, 2))
def test_giving_up_early_is_exact_or_infinite(pair, share):
    x, y = pair
    plain = dtw(x, y)
    limit = plain.distance * share
    found = dtw(x, y, max_distance=limit)
    exact = plain.distance <= limit
    assert found.distance == (plain.distance if exact else np.inf)
    assert found.path.tolist() == (plain.path.tolist() if exact else [])


@settings(max_examples=50)
@given(sets(), METRICS, TIES, WINDOWS, st.booleans(), st.booleans())
def test_batches_are_their_singles_for_any_number_of_threads(xs, metric, ties, window_steps, begin, end):
    options = {"metric": metric, "ties": ties, "window_steps": window_steps, "open_begin": begin, "open_end": end}
    pairs = [(i, j) for i in range(len(xs)) for j in range(len(xs))]
    batches = [dtw_pairs(xs, xs, pairs, paths=True, threads=threads, **options) for threads in (1, 2, 8)]
    assert batches[0].to_dict() == batches[1].to_dict() == batches[2].to_dict()
    for (i, j), found in zip(pairs, batches[0], strict=True):
        single = dtw(xs[i], xs[j], **options)
        assert (single.distance, single.path.tolist()) == (found.distance, found.path.tolist())
    matrix = dtw_matrix(Ragged.from_list(xs), threads=2, **options)
    np.testing.assert_allclose(matrix.ravel(), batches[0].distances, rtol=0, atol=1e-6 * 17)
    nearest = dtw_nearest(xs, xs, len(xs), threads=2, **options)
    np.testing.assert_array_equal(nearest.distances, np.sort(matrix, axis=1))


@settings(max_examples=50)
@given(
    sequences(count=3),
    st.sampled_from(["normalized", "eq1", "released"]),
    st.sampled_from([{"decay": "hyperbolic"}, {"decay": "none"}])
    | st.builds(lambda strength: {"decay": "relative", "strength": strength}, st.floats(5e-324, 1.7e308)),
    st.sampled_from(["zero_pad", "hold_last", "scalar_mean", "none"]),
    TIES,
    st.floats(1e-3, 1e3),
)
def test_scores_stay_in_range_and_batches_are_their_singles(three, mode, decay, z, ties, gamma):
    reference, test, trivial = three
    options = {"mode": mode, "z": z, "ties": ties, "gamma": gamma, **decay}
    found = vertex_dtw(reference, test, trivial=trivial, **options)
    assert (-1 if mode == "released" else 0) <= found.score <= 1
    assert ((found.similarity >= 0) & (found.similarity <= 1) & (found.decay > 0) & (found.decay <= 1)).all()
    assert ((found.z >= 0) & (found.z <= 1)).all()
    assert 0 <= found.counted <= len(found.path)
    batch = vertex_dtw_pairs([reference] * 3, [test], [(2, 0), (0, 0)], trivials=[trivial] * 3, threads=2, **options)
    assert batch.scores.tolist() == [found.score] * 2
    assert batch.best().references.tolist() == [0]
