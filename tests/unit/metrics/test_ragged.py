"""A set of sequences: checked when it is made, a view where it can be, a copy once where it cannot."""

from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from tracewarp.errors import DtypeError, EmptyInputError, OffsetsError, OptionError, RowIndexError, ShapeError
from tracewarp.metrics import Ragged, dtw_matrix, dtw_nearest, dtw_pairs, vertex_dtw_pairs

ROWS = np.arange(12, dtype=np.float32).reshape(6, 2) + 1


def test_it_is_a_view():
    rows, offsets = ROWS.copy(), np.array([0, 2, 6])
    made = Ragged(rows, offsets)
    assert np.shares_memory(made.rows, rows)
    assert np.shares_memory(made.offsets, offsets)
    assert np.shares_memory(made[1], rows)


def test_a_set_has_a_length_a_dimension_and_its_sequences():
    made = Ragged(ROWS, [0, 2, 2, 6])
    assert (len(made), made.dim) == (3, 2)
    assert [part.tolist() for part in made] == [ROWS[:2].tolist(), [], ROWS[2:].tolist()]


@pytest.mark.parametrize("index", [3, -1, 10**30])
def test_an_index_outside_is_an_error_and_an_index_error(index):
    with pytest.raises(RowIndexError, match=r"^index: expected 0 to 2, got ") as caught:
        Ragged(ROWS, [0, 2, 2, 6])[index]
    assert isinstance(caught.value, IndexError)


@pytest.mark.parametrize("index", ["0", 1.0, None, slice(2), True])
def test_an_index_is_a_whole_number(index):
    with pytest.raises(OptionError, match=r"^index: expected a whole number"):
        Ragged(ROWS, [0, 6])[index]


@pytest.mark.parametrize(
    "offsets",
    [
        [1, 6],
        [0, 5],
        [0, 7],
        [0, 4, 2, 6],
        [0, -1, 6],
        [-1, 6],
        [0],
        [6, 0],
        # Differences that leave int64 must not look like ascents.
        [0, 2**63 - 1, -2, 6],
        [0, -(2**63), 6],
    ],
)
def test_offsets_start_at_0_ascend_and_end_at_the_rows(offsets):
    with pytest.raises(OffsetsError, match=r"^offsets: expected to start at 0, ascend, and end at the 6 rows, got "):
        Ragged(ROWS, offsets)


def test_a_descent_is_found():
    with pytest.raises(OffsetsError, match=r"a descent at position 2$"):
        Ragged(ROWS, [0, 4, 2, 6])


@pytest.mark.parametrize("offsets", [[0.0, 6.0], ["0", "6"], None, [0, 2**63], [True], object()])
def test_offsets_are_whole_numbers(offsets):
    with pytest.raises(DtypeError, match=r"^offsets: expected whole numbers that fit int64"):
        Ragged(ROWS, offsets)


@pytest.mark.parametrize("offsets", [[[0, 6]], 6, [[0], [1, 2]], np.empty((0,), int)])
def test_offsets_have_one_axis_and_an_entry(offsets):
    with pytest.raises(ShapeError, match=r"^offsets: expected shape \(n_sequences \+ 1,\)"):
        Ragged(ROWS, offsets)


@pytest.mark.parametrize("dtype", ["int8", "uint32", ">i8", "int64"])
def test_any_whole_numbers_are_offsets(dtype):
    made = Ragged(ROWS, np.array([0, 2, 6], dtype=dtype))
    assert made.offsets.dtype == np.int64
    assert made.offsets.tolist() == [0, 2, 6]


def test_it_is_frozen():
    with pytest.raises(FrozenInstanceError):
        Ragged(ROWS, [0, 6]).rows = ROWS


class TestFromList:
    def test_it_copies_once_in_the_widest_dtype(self):
        parts = [ROWS[:2].astype(np.float16), ROWS[2:].astype(np.float64)]
        made = Ragged.from_list(parts)
        assert made.rows.dtype == np.float64
        assert made.offsets.tolist() == [0, 2, 6]
        np.testing.assert_array_equal(made.rows, ROWS)

    def test_a_cube_is_a_list_of_equally_long_sequences(self):
        made = Ragged.from_list(ROWS.reshape(3, 2, 2))
        assert made.offsets.tolist() == [0, 2, 4, 6]

    @pytest.mark.parametrize("sequences", [[], (), np.empty((0, 3, 2), np.float32)])
    def test_no_sequences_have_no_dimension(self, sequences):
        with pytest.raises(EmptyInputError, match=r"^xs: expected at least one sequence, got none"):
            Ragged.from_list(sequences, argument="xs")

    @pytest.mark.parametrize("sequences", [ROWS, "abc", None, {0: ROWS}, (part for part in [ROWS])])
    def test_anything_else_than_a_list_is_an_error(self, sequences):
        with pytest.raises(DtypeError, match=r"^xs: expected a list of \(steps, dim\) arrays or a Ragged, got "):
            Ragged.from_list(sequences, argument="xs")

    def test_the_sequence_is_named(self):
        with pytest.raises(ShapeError, match=r"^xs\[1\]: expected rows of 2 numbers, got 3"):
            Ragged.from_list([ROWS, np.ones((2, 3), np.float32)], argument="xs")
        with pytest.raises(ShapeError, match=r"^xs\[1\]: expected 2 axes, got shape \(2,\)"):
            Ragged.from_list([ROWS, ROWS[0]], argument="xs")
        with pytest.raises(DtypeError, match=r"^xs\[0\]: expected float16, float32 or float64, got int64"):
            Ragged.from_list([ROWS.astype(np.int64)], argument="xs")


class TestInTheBatches:
    def test_a_list_and_its_ragged_are_the_same(self):
        parts = [ROWS[:2], ROWS[2:3], ROWS[3:]]
        made = Ragged(ROWS, [0, 2, 3, 6])
        np.testing.assert_array_equal(dtw_matrix(parts), dtw_matrix(made))
        pairs = [(0, 1), (2, 0)]
        assert dtw_pairs(parts, made, pairs, paths=True).to_dict() == dtw_pairs(made, made, pairs, paths=True).to_dict()
        found = [vertex_dtw_pairs(one, one, pairs, trivials=one).to_dict() for one in (parts, made)]
        assert found[0] == found[1]

    def test_a_sequence_without_steps_is_an_error_only_where_it_is_used(self):
        made = Ragged(ROWS, [0, 2, 2, 6])
        assert len(dtw_pairs(made, made, [(0, 2), (2, 2)])) == 2
        with pytest.raises(EmptyInputError, match=r"^ys: expected at least one row, got none in sequence 1$"):
            dtw_pairs(made, made, [(0, 2), (2, 1)])
        with pytest.raises(EmptyInputError, match=r"^tests: expected at least one row, got none in sequence 1$"):
            vertex_dtw_pairs(made, made, [(0, 1)])
        for call in (dtw_matrix, lambda xs: dtw_nearest(xs, xs)):
            with pytest.raises(EmptyInputError, match=r"^xs: expected at least one row, got none in sequence 1$"):
                call(made)

    def test_a_trivial_trajectory_without_steps_is_an_error_where_its_reference_has_some(self):
        made = Ragged(ROWS, [0, 2, 2, 6])
        assert vertex_dtw_pairs(made, made, [(0, 0)], trivials=made).scores[0] >= 0
        with pytest.raises(EmptyInputError, match=r"^trivials: expected at least one row, got none in sequence 1$"):
            vertex_dtw_pairs(Ragged(ROWS, [0, 2, 4, 6]), made, [(0, 0)], trivials=made)

    def test_a_set_without_sequences_gives_an_empty_result(self):
        none = Ragged(ROWS[:0], [0])
        some = Ragged(ROWS, [0, 2, 6])
        assert dtw_matrix(none, some).shape == (0, 2)
        assert dtw_matrix(some, none).shape == (2, 0)
        assert dtw_nearest(none, some, k=2).indices.shape == (0, 2)
        assert len(dtw_pairs(none, none)) == 0

    def test_both_sets_are_promoted_to_the_wider_dtype(self):
        narrow, wide = [ROWS[:3].astype(np.float16)], [ROWS[3:].astype(np.float64)]
        both = dtw_pairs([narrow[0].astype(np.float64)], wide).distances
        assert dtw_pairs(narrow, wide).distances.tolist() == both.tolist()
