"""Nonsense at every public function of alignment and scores: our own errors or a result of the right shape, no more."""

import math

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp

from tracewarp import metrics
from tracewarp.errors import TracewarpError

ELEMENTS = {"allow_nan": True, "allow_infinity": True}
FLOATS = st.sampled_from([np.float16, np.float32, np.float64])
LEGAL = st.tuples(FLOATS, st.integers(1, 5)).flatmap(
    lambda made: hnp.arrays(made[0], (made[1], 2), elements=st.integers(1, 4))
)
WILD = hnp.arrays(
    st.one_of(FLOATS, hnp.scalar_dtypes()),
    hnp.array_shapes(min_dims=0, max_dims=3, min_side=0, max_side=4),
)
JUNK = st.one_of(
    st.none(),
    st.booleans(),
    st.integers(),
    st.integers(-3, 3),
    st.floats(**ELEMENTS),
    st.text(max_size=3),
    st.binary(max_size=3),
    st.complex_numbers(),
    st.lists(st.integers(), max_size=3),
    st.dictionaries(st.text(max_size=1), st.integers(), max_size=2),
    st.builds(object),
)


def mostly(legal, *others):
    """What is legal four times out of five, so that nonsense in one place meets sense in the others."""
    return st.integers(0, 4).flatmap(lambda die: st.one_of(*others) if die == 0 else legal)


ROWS = mostly(LEGAL, WILD, JUNK)
RAGGED = st.lists(st.integers(0, 4), max_size=4).map(
    lambda steps: metrics.Ragged(np.ones((sum(steps), 2), np.float32), np.cumsum([0, *steps], dtype=np.int64))
)
SETS = mostly(st.lists(LEGAL, min_size=1, max_size=3), st.lists(ROWS, max_size=3), RAGGED, ROWS)
PAIRS = mostly(
    st.lists(st.tuples(st.integers(0, 1), st.integers(0, 1)), max_size=4),
    st.none(),
    st.lists(st.lists(st.integers(), max_size=3), max_size=3),
    hnp.arrays(hnp.integer_dtypes(), hnp.array_shapes(max_dims=3, max_side=3)),
    JUNK,
)
THREADS = mostly(st.sampled_from([1, 2, None, 10**20]), st.sampled_from([0, -1, "2", 1.0, True]))
LEGAL_OPTIONS = {
    "metric": st.sampled_from(["cosine", "euclidean", "sqeuclidean"]),
    "window_steps": st.none() | st.integers(0, 9) | st.just(10**30),
    "open_begin": st.booleans(),
    "open_end": st.booleans(),
    "normalize": st.sampled_from(["none", "path"]),
    "max_distance": st.floats(allow_nan=False),
    "ties": st.sampled_from(["diagonal", "fastdtw-py", "fastdtw-cy"]),
    "zero": st.sampled_from(["error", "orthogonal"]),
    "mode": st.sampled_from(["normalized", "eq1", "released"]),
    "gamma": st.floats(5e-324, 1.7e308),
    "decay": st.sampled_from(["hyperbolic", "relative", "none"]),
    "strength": st.just(1.0) | st.floats(5e-324, 1.7e308),
    "z": st.sampled_from(["zero_pad", "hold_last", "scalar_mean", "none"]),
    "min_headroom": st.floats(0, 1, exclude_max=True),
    "estimator": st.sampled_from(["biased", "unbiased"]),
    "combine": st.sampled_from(["mean", "sum"]),
}


def options(names):
    """Some of the named options, each with a value that is mostly legal."""
    return st.fixed_dictionaries({}, optional={name: mostly(LEGAL_OPTIONS[name], JUNK, WILD) for name in names.split()})


ALIGNMENT = options("metric window_steps open_begin open_end normalize max_distance ties zero")
SCORE = options("mode gamma decay strength z min_headroom ties")


def attempt(function, *arguments, **named):
    """The result, or None where one of our own errors was raised; anything else fails the test."""
    try:
        return function(*arguments, **named)
    except TracewarpError as error:
        assert str(error).strip(), "an error without a sentence"
        return None


def set_length(value):
    return len(value) if isinstance(value, (list, metrics.Ragged, np.ndarray)) else None


pytestmark = pytest.mark.filterwarnings("error")
many = settings(
    max_examples=150, deadline=2000, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large]
)


@many
@given(ROWS, ROWS, ALIGNMENT)
def test_dtw(x, y, named):
    found = attempt(metrics.dtw, x, y, **named)
    if found is not None:
        assert found.path.shape == (len(found.path), 2)
        assert found.distance >= 0
        assert math.isinf(found.distance) or max(found.path[-1]) < len(x) + len(y)
    distance = attempt(metrics.dtw_distance, x, y, **named)
    assert (found is None) == (distance is None)
    assert found is None or distance == found.distance


@many
@given(ROWS, ALIGNMENT)
def test_dtw_from_costs(costs, named):
    found = attempt(metrics.dtw_from_costs, costs, **named)
    if found is not None and math.isfinite(found.distance):
        assert found.path[-1, 0] == len(costs) - 1


@many
@given(SETS, SETS, PAIRS, mostly(st.booleans(), JUNK), THREADS, ALIGNMENT)
def test_dtw_pairs(xs, ys, pairs, paths, threads, named):
    found = attempt(metrics.dtw_pairs, xs, ys, pairs, paths=paths, threads=threads, **named)
    if found is not None:
        count = set_length(xs) if pairs is None else len(np.asarray(pairs))
        assert found.distances.shape == (count,)
        assert (found.distances >= 0).all()
        assert paths == (found.paths_flat is not None)
        assert found.path_offsets is None or found.path_offsets.shape == (count + 1,)


@many
@given(SETS, st.one_of(st.none(), SETS), THREADS, ALIGNMENT)
def test_dtw_matrix(xs, ys, threads, named):
    found = attempt(metrics.dtw_matrix, xs, ys, threads=threads, **named)
    if found is not None:
        assert found.shape == (set_length(xs), set_length(xs if ys is None else ys))
        assert (found >= 0).all()


@many
@given(SETS, SETS, mostly(st.just(1), st.integers(0, 4), JUNK), THREADS, ALIGNMENT)
def test_dtw_nearest(xs, ys, k, threads, named):
    found = attempt(metrics.dtw_nearest, xs, ys, k, threads=threads, **named)
    if found is not None:
        assert found.indices.shape == found.distances.shape == (set_length(xs), k)
        assert ((found.indices >= -1) & (found.indices < set_length(ys))).all()


@many
@given(ROWS, ROWS, st.one_of(st.none(), ROWS), SCORE)
def test_vertex_dtw(reference, test, trivial, named):
    found = attempt(metrics.vertex_dtw, reference, test, trivial=trivial, **named)
    if found is not None:
        assert -1 <= found.score <= 1
        assert found.similarity.shape == found.decay.shape == found.z.shape == (len(found.path),)


@many
@given(SETS, SETS, PAIRS, st.one_of(st.none(), SETS), THREADS, SCORE)
def test_vertex_dtw_pairs(references, tests, pairs, trivials, threads, named):
    found = attempt(metrics.vertex_dtw_pairs, references, tests, pairs, trivials=trivials, threads=threads, **named)
    if found is not None:
        assert found.scores.shape == found.counted.shape == (len(np.asarray(pairs)),)
        assert found.best().scores.shape == (set_length(tests),)


@many
@given(ROWS, ROWS, mostly(LEGAL_OPTIONS["gamma"], JUNK, WILD))
def test_gaussian_similarity(u, v, gamma):
    found = attempt(metrics.gaussian_similarity, u, v, gamma=gamma)
    if found is not None:
        assert found.shape == (len(u),)
        assert ((found >= 0) & (found <= 1)).all()


@many
@given(ROWS, ROWS, options("gamma estimator combine"))
def test_mmd2(x, y, named):
    found = attempt(metrics.mmd2, x, y, **named)
    assert found is None or math.isfinite(found)


@many
@given(ROWS, st.lists(st.integers(0, 5), max_size=3), st.none() | JUNK | WILD)
def test_ragged(rows, cuts, other):
    n_rows = set_length(rows) if np.ndim(rows) else 0
    offsets = [0, *sorted(min(cut, n_rows) for cut in cuts), n_rows] if other is None else other
    found = attempt(metrics.Ragged, rows, offsets)
    if found is not None:
        assert sum(len(part) for part in found) == len(rows)


@many
@given(SETS)
def test_ragged_from_list(sequences):
    made = attempt(metrics.Ragged.from_list, sequences)
    assert made is None or len(made) == len(sequences)
