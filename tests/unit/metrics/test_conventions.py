"""One answer for each question of the conventions, at every entry of tracewarp.metrics that takes rows."""

from __future__ import annotations

from dataclasses import FrozenInstanceError

import numpy as np
import pytest
from metric_entries import FLOATS, GOOD, OTHER, SLOTS, names, plain, row, slots

from tracewarp import metrics
from tracewarp.errors import (
    DtypeError,
    EmptyInputError,
    NonFiniteError,
    OptionError,
    RowIndexError,
    ShapeError,
    TooLargeError,
    TracewarpError,
    ZeroVectorError,
)


def test_every_public_function_that_takes_rows_is_here():
    from_other_inputs = {
        "adjusted_rand_index",
        "bca_interval",
        "clustered_mean",
        "clustered_proportion",
        "clustered_ratio",
        "compare_paired",
        "detectable_difference",
        "mcnemar_exact",
        "t_interval",
        "units_needed",
        "wilson_interval",
    }
    functions = {name for name in metrics.__all__ if name[0].islower()} | {"DiversityFilter.add"}
    assert functions - from_other_inputs == {name.split("-")[0] for name in SLOTS}


@slots()
def test_the_slot_takes_good_rows(slot):
    slot.call(GOOD)


@slots()
def test_no_rows_is_an_error_that_names_the_argument(slot):
    with pytest.raises(EmptyInputError, match=rf"^{slot.argument}: "):
        slot.call(GOOD[:0])


@slots()
@pytest.mark.parametrize("dtype", FLOATS)
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
def test_a_value_that_is_not_finite_is_an_error_that_names_argument_and_row(slot, dtype, bad):
    rows = GOOD.astype(dtype)
    rows[2, 1] = bad
    with pytest.raises(NonFiniteError, match=row(slot, 2)):
        slot.call(rows)


@slots(zero_is_legal=False)
def test_a_zero_vector_is_an_error_that_names_argument_and_row(slot):
    rows = GOOD.copy()
    rows[1] = 0
    with pytest.raises(ZeroVectorError, match=row(slot, 1)):
        slot.call(rows)


@slots(zero=True, zero_is_legal=False)
def test_a_zero_vector_may_be_orthogonal_to_everything(slot):
    rows = GOOD.copy()
    rows[1] = 0
    slot.call(rows, zero="orthogonal")
    with pytest.raises(OptionError, match=r"^zero: expected one of error, orthogonal, got 'ignore'"):
        slot.call(rows, zero="ignore")


@slots(zero_is_legal=True)
def test_a_zero_vector_is_a_row_where_no_direction_is_compared(slot):
    slot.call(np.zeros_like(GOOD))


@slots()
@pytest.mark.parametrize(
    "dtype", ["int64", "uint8", "bool", "complex64", "object", "U3", "datetime64[s]", "longdouble"]
)
def test_another_dtype_is_an_error_that_names_the_argument(slot, dtype):
    with pytest.raises(DtypeError, match=names(slot)):
        slot.call(np.ones((3, 3)).astype(dtype))


@slots()
@pytest.mark.parametrize("value", [{"a": [1.0]}, {1.0}, "rows", b"rows", 3, object(), np.ma.masked_array(GOOD)])
def test_what_is_no_array_is_an_error_that_names_the_argument(slot, value):
    with pytest.raises(DtypeError, match=names(slot)):
        slot.call(value)


@slots()
@pytest.mark.parametrize("shape", [(), (2, 3, 3), (3, 0)])
def test_another_number_of_axes_or_no_columns_is_an_error_that_names_the_argument(slot, shape):
    expected = (ShapeError, EmptyInputError) if slot.argument == "costs" else ShapeError
    with pytest.raises(expected, match=names(slot)):
        slot.call(np.ones(shape, np.float32))


@slots(dim=True)
def test_rows_of_another_dimension_are_an_error(slot):
    with pytest.raises(ShapeError, match=r": expected (rows of|shape \(3,) [34]"):
        slot.call(np.ones((3, 4), np.float32))


@slots()
@pytest.mark.parametrize("dtype", FLOATS)
def test_dtypes_are_promoted_to_the_wider(slot, dtype):
    # GOOD and OTHER hold numbers that float16 holds, so that promotion is all that happens.
    wide = np.promote_types(dtype, OTHER.dtype)
    assert plain(slot.call(GOOD.astype(dtype))) == plain(slot.call(GOOD.astype(wide)))


@slots()
@pytest.mark.parametrize("dtype", FLOATS)
def test_results_are_float64(slot, dtype):
    result = slot.call(GOOD.astype(dtype))
    parts = [result] if isinstance(result, (float, np.ndarray)) else list(vars(result).values())
    floats = [part for part in parts if isinstance(part, np.ndarray) and part.dtype.kind == "f"]
    assert all(part.dtype == np.float64 for part in floats)
    assert not any(isinstance(part, np.floating) and not isinstance(part, float) for part in parts)


def unaligned(rows):
    buffer = np.zeros(rows.nbytes + 1, np.uint8)
    buffer[1:] = np.frombuffer(rows.tobytes(), np.uint8)
    return buffer[1:].view(rows.dtype).reshape(rows.shape)


def read_only(rows):
    rows = rows.copy()
    rows.flags.writeable = False
    return rows


LAYOUTS = {
    "Fortran order": np.asfortranarray,
    "negative strides": lambda rows: np.ascontiguousarray(rows[::-1, ::-1])[::-1, ::-1],
    "every second": lambda rows: np.repeat(np.repeat(rows, 2, axis=0), 2, axis=1)[::2, ::2],
    "other byte order": lambda rows: rows.astype(rows.dtype.newbyteorder()),
    "read-only": read_only,
    "unaligned": unaligned,
    "matrix": np.asmatrix,
}


@slots()
@pytest.mark.filterwarnings("ignore:the matrix subclass:PendingDeprecationWarning")
@pytest.mark.parametrize("layout", LAYOUTS)
@pytest.mark.parametrize("dtype", FLOATS)
def test_the_layout_does_not_matter(slot, layout, dtype):
    rows = GOOD.astype(dtype)
    assert plain(slot.call(LAYOUTS[layout](rows))) == plain(slot.call(rows))


@slots()
def test_a_memory_mapped_file_is_an_array(slot, tmp_path):
    np.save(tmp_path / "rows.npy", GOOD)
    assert plain(slot.call(np.load(tmp_path / "rows.npy", mmap_mode="r"))) == plain(slot.call(GOOD))


@slots()
def test_inputs_are_left_as_they_were(slot):
    rows, other = GOOD.copy(), OTHER.copy()
    slot.call(rows)
    np.testing.assert_array_equal(rows, GOOD)
    np.testing.assert_array_equal(OTHER, other)


@slots(threads=True)
def test_threads_change_no_bit(slot):
    expected = plain(slot.call(GOOD, threads=1))
    for threads in (2, 8, np.int32(3), None, 10**30):
        assert plain(slot.call(GOOD, threads=threads)) == expected


@slots(threads=True)
@pytest.mark.parametrize("threads", [0, -1, True, 1.0, "2", np.float64(2), -(10**30)])
def test_threads_below_one_or_no_whole_number_are_an_error(slot, threads):
    with pytest.raises(OptionError, match=r"^threads: expected a whole number of at least 1, got "):
        slot.call(GOOD, threads=threads)


@slots()
def test_an_unknown_option_is_an_error(slot):
    with pytest.raises((OptionError, TypeError), match="colour"):
        slot.call(GOOD, colour="red")


@slots()
def test_results_are_frozen_and_become_plain_values(slot):
    result = slot.call(GOOD)
    if isinstance(result, (float, np.ndarray)):
        return
    field = next(iter(vars(result)))
    with pytest.raises(FrozenInstanceError):
        setattr(result, field, None)
    assert set(result.to_dict()) <= set(vars(result))


BAD_OPTIONS = {
    "metric": ("cosine, euclidean, sqeuclidean", ["manhattan", None, 1, b"cosine", GOOD]),
    "window_steps": ("a whole number of at least 0", [-1, 1.0, True, "3", -(10**30)]),
    "open_begin": ("True or False", [1, None, "yes"]),
    "open_end": ("True or False", [0, None]),
    "normalize": ("none, path", ["steps", None, True]),
    "max_distance": ("a number", [np.nan, "inf", None, True, 1j]),
    "ties": ("diagonal, fastdtw-py, fastdtw-cy", ["up", None]),
}
DTW_ENTRIES = [name for name in SLOTS if name.startswith("dtw")]


@pytest.mark.parametrize("name", DTW_ENTRIES)
@pytest.mark.parametrize("option", BAD_OPTIONS)
def test_options_of_an_alignment_outside_their_range(name, option):
    expected, values = BAD_OPTIONS[option]
    for value in values:
        with pytest.raises(OptionError, match=rf"^{option}: expected .*{expected}"):
            SLOTS[name].call(GOOD, **{option: value})


BAD_SCORE_OPTIONS = {
    "mode": ("normalized, eq1, released", ["paper", None]),
    "gamma": ("a .*number", [0, -1.0, np.nan, np.inf, 10**400, "1", None, True]),
    "decay": ("hyperbolic, relative, none", ["linear", None]),
    "strength": ("a .*number", [0, -1.0, np.nan, np.inf, 10**400, "1", None, True]),
    "z": ("zero_pad, hold_last, scalar_mean, none", ["zeros", None]),
    "min_headroom": ("a number", [-0.1, 1.0, np.nan, np.inf, "0", None]),
    "ties": ("diagonal, fastdtw-py, fastdtw-cy", ["up", None]),
}


@pytest.mark.parametrize("name", [name for name in SLOTS if name.startswith("vertex")])
@pytest.mark.parametrize("option", BAD_SCORE_OPTIONS)
def test_options_of_a_score_outside_their_range(name, option):
    expected, values = BAD_SCORE_OPTIONS[option]
    for value in values:
        with pytest.raises(OptionError, match=rf"^{option}: expected .*{expected}"):
            SLOTS[name].call(GOOD, **{option: value})


@pytest.mark.parametrize("name", [name for name in SLOTS if name.startswith("vertex")])
@pytest.mark.parametrize("decay", ["hyperbolic", "none"])
def test_a_strength_that_would_do_nothing_is_an_error(name, decay):
    message = rf'^strength: expected 1 under decay "{decay}", got 2.0; only decay "relative" has a strength$'
    with pytest.raises(OptionError, match=message):
        SLOTS[name].call(GOOD, decay=decay, strength=2)
    SLOTS[name].call(GOOD, decay="relative", strength=2)
    SLOTS[name].call(GOOD, decay=decay, strength=1)


@pytest.mark.parametrize("gamma", [0, -1.0, np.nan, np.inf, "1", None, True, np.array(0.0)])
@pytest.mark.parametrize("name", ["gaussian_similarity-u", "mmd2-x"])
def test_bandwidths_outside_their_range(name, gamma):
    with pytest.raises(OptionError, match=r"^gamma: expected a .*number"):
        SLOTS[name].call(GOOD, gamma=gamma)


@pytest.mark.parametrize("k", [0, -1, 3, 1.0, True, None, "1", 10**30])
@pytest.mark.parametrize(
    "call",
    [lambda k: metrics.dtw_nearest([GOOD], [GOOD, OTHER], k), lambda k: metrics.cosine_top_k(GOOD, OTHER[:2], k)],
)
def test_k_is_a_whole_number_from_1_to_what_there_is(call, k):
    with pytest.raises(OptionError, match=r"^k: expected "):
        call(k)


@pytest.mark.parametrize("threshold", [1.0000001, -2, np.nan, np.inf, "0.6", None, True])
@pytest.mark.parametrize(
    "call",
    [
        lambda t: metrics.cosine_pairs(GOOD, threshold=t),
        lambda t: metrics.cluster(GOOD, t),
        lambda t: metrics.DiversityFilter(3, t),
    ],
)
def test_thresholds_are_cosines(call, threshold):
    with pytest.raises(OptionError, match=r"^threshold: expected "):
        call(threshold)


PAIRED = {
    "dtw_pairs": lambda pairs: metrics.dtw_pairs([GOOD, OTHER], [OTHER], pairs),
    "vertex_dtw_pairs": lambda pairs: metrics.vertex_dtw_pairs([GOOD, OTHER], [OTHER], pairs),
}


@pytest.mark.parametrize("entry", PAIRED)
class TestPairs:
    @pytest.mark.parametrize(
        ("pairs", "index", "position", "size"),
        [([(0, 0), (2, 0)], 2, 1, 2), ([(0, 1)], 1, 0, 1), ([(-1, 0)], -1, 0, 2), ([(0, -(2**63))], -(2**63), 0, 1)],
    )
    def test_an_index_outside_its_set_is_an_error(self, entry, pairs, index, position, size):
        message = rf"^pairs: index {index} at position {position} is outside 0\.\.{size}$"
        with pytest.raises(RowIndexError, match=message):
            PAIRED[entry](pairs)

    @pytest.mark.parametrize(
        "pairs",
        [[0, 1], [[0]], [[0, 0, 0]], [[[0, 0]]], [[0, 0], [0]], np.empty((0, 3), int), np.empty((3, 0), int)],
    )
    def test_another_shape_is_an_error(self, entry, pairs):
        with pytest.raises(ShapeError, match=r"^pairs: expected shape \(p, 2\)"):
            PAIRED[entry](pairs)

    @pytest.mark.parametrize("pairs", [[(0.0, 0.0)], [(False, False)], "00", object(), [(0, 2**63)], [(0, 10**30)]])
    def test_other_numbers_are_an_error(self, entry, pairs):
        with pytest.raises(DtypeError, match=r"^pairs: expected whole numbers"):
            PAIRED[entry](pairs)

    @pytest.mark.parametrize("pairs", [[], np.empty((0, 2), np.int64), np.empty((0, 2), np.uint8)])
    def test_no_pairs_give_an_empty_batch(self, entry, pairs):
        assert len(PAIRED[entry](pairs)) == 0

    @pytest.mark.parametrize("dtype", ["int8", "uint32", ">i8"])
    def test_any_whole_numbers_do(self, entry, dtype):
        pairs = np.array([(1, 0), (0, 0)], dtype=dtype)
        expected = PAIRED[entry]([(1, 0), (0, 0)])
        assert plain(PAIRED[entry](np.asfortranarray(pairs))) == plain(expected)


def test_what_no_memory_holds_is_an_error_with_the_number_of_bytes():
    steps = metrics.Ragged(np.ones((10**7, 1), np.float16), np.arange(10**7 + 1))
    with pytest.raises(TooLargeError, match=r"^the matrix of distances would need 800,000,000,000,000 bytes"):
        metrics.dtw_matrix(steps)


def test_every_error_of_an_argument_is_a_value_error_and_ours():
    for call in (lambda: metrics.dtw(GOOD, GOOD[:0]), lambda: metrics.dtw({}, GOOD)):
        with pytest.raises(ValueError, match=r"expected") as caught:
            call()
        assert isinstance(caught.value, TracewarpError)
