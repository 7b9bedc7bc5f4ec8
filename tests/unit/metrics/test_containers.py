"""Tensors, tables, series and lists are rows where their meaning is plain; where it is not, the error names the fix."""

from __future__ import annotations

import numpy as np
import pandas as pd
import polars as pl
import pytest
from metric_entries import GOOD, OTHER, SLOTS, names, plain, slots

from tracewarp import metrics
from tracewarp.errors import DtypeError, EmptyInputError, NonFiniteError, ShapeError, TracewarpError

NAMES = ["a", "b", "c"]


class Listed:
    """An array of somebody else's library, read by `__array__`."""

    def __init__(self, rows):
        self.rows = rows

    def __array__(self, dtype=None, copy=None):
        return np.array(self.rows, dtype=dtype)


class Exported:
    """The same, read by `__dlpack__`."""

    def __init__(self, rows):
        self.rows = rows

    def __dlpack__(self, **options):
        return self.rows.__dlpack__(**options)

    def __dlpack_device__(self):
        return self.rows.__dlpack_device__()


class OnDevice(Exported):
    def __dlpack_device__(self):
        return (2, 0)


def tensor(rows):
    return pytest.importorskip("torch").from_numpy(np.array(rows))


SAME = {
    "list of lists": (lambda rows: rows.astype(np.float64).tolist(), np.float64),
    "tuple of tuples": (lambda rows: tuple(map(tuple, rows.astype(np.float64).tolist())), np.float64),
    "list of arrays": (list, np.float32),
    "list of tensors": (lambda rows: list(tensor(rows)), np.float32),
    "list of series": (lambda rows: [pd.Series(row) for row in rows], np.float32),
    "tensor": (tensor, np.float32),
    "tensor that learns": (lambda rows: tensor(rows).requires_grad_(), np.float32),
    "result of a layer": (lambda rows: tensor(rows).requires_grad_() * 1.0, np.float32),
    "transposed tensor": (lambda rows: tensor(rows.T).T, np.float32),
    "half tensor": (lambda rows: tensor(rows).half(), np.float16),
    "double tensor": (lambda rows: tensor(rows).double(), np.float64),
    "pandas": (lambda rows: pd.DataFrame(rows, columns=NAMES), np.float32),
    "pandas with another index": (lambda rows: pd.DataFrame(rows, index=[5, 3, 1]), np.float32),
    "pandas of two floats": (
        lambda rows: pd.DataFrame({"a": rows[:, 0], "b": rows[:, 1].astype(np.float64), "c": rows[:, 2]}),
        np.float64,
    ),
    "pandas, nullable": (lambda rows: pd.DataFrame(rows).astype("Float32"), np.float32),
    "pandas, Arrow": (lambda rows: pd.DataFrame(rows).astype("float32[pyarrow]"), np.float32),
    "pandas series of rows": (lambda rows: pd.Series(list(rows), index=[2, 7, 4]), np.float32),
    "pandas series of lists": (lambda rows: pd.Series(rows.astype(np.float64).tolist()), np.float64),
    "polars": (lambda rows: pl.DataFrame(rows, schema=NAMES), np.float32),
    "polars series of lists": (lambda rows: pl.Series(rows.astype(np.float64).tolist()), np.float64),
    "polars series of arrays": (pl.Series, np.float64),
    "__array__": (Listed, np.float32),
    "__dlpack__": (Exported, np.float32),
}


@slots()
@pytest.mark.parametrize("container", SAME)
def test_what_another_library_holds_gives_the_result_of_its_rows(slot, container):
    make, dtype = SAME[container]
    assert plain(slot.call(make(GOOD))) == plain(slot.call(GOOD.astype(dtype)))


@slots()
def test_a_container_is_left_as_it_was(slot):
    table = pd.DataFrame(GOOD)
    learning = tensor(GOOD).requires_grad_()
    slot.call(table)
    slot.call(learning)
    pd.testing.assert_frame_equal(table, pd.DataFrame(GOOD))
    assert learning.requires_grad


WHOLE = np.ones((3, 3), np.int64)
FIXES = {
    "whole numbers": (lambda: WHOLE, DtypeError, r"got int64; \w+(\[1\])?\.astype\(np\.float32\) makes it float32"),
    "booleans": (lambda: WHOLE > 0, DtypeError, r"got bool; .*\.astype\(np\.float32\)"),
    "list of whole numbers": (WHOLE.tolist, DtypeError, r"np\.asarray\(.*\)\.astype\(np\.float32\)"),
    "tensor of whole numbers": (lambda: tensor(WHOLE), DtypeError, r"\.float\(\) makes it float32"),
    "bfloat16": (lambda: tensor(GOOD).bfloat16(), DtypeError, r"got bfloat16, .*\.float\(\) makes it float32"),
    "sparse tensor": (lambda: tensor(GOOD).to_sparse(), DtypeError, r"\.to_dense\(\)"),
    "tensor elsewhere": (lambda: tensor(GOOD).to("meta"), DtypeError, r"one on meta; .*\.cpu\(\)"),
    "array elsewhere": (lambda: OnDevice(GOOD), DtypeError, r"on a device; .*\.cpu\(\)"),
    "pandas of whole numbers": (lambda: pd.DataFrame(WHOLE), DtypeError, r"\.astype\(np\.float32\)"),
    "pandas with one column of whole numbers": (
        lambda: pd.DataFrame({"a": [1.0, 2, 3], "n": [1, 2, 3], "c": [1.0, 2, 3]}),
        DtypeError,
        r"column 'n' of int64; .*\.astype\(\"float32\"\)",
    ),
    "pandas with a column of names": (
        lambda: pd.DataFrame({"a": [1.0, 2, 3], "name": ["x", "y", "z"]}),
        DtypeError,
        r"column 'name'",
    ),
    "polars of whole numbers": (lambda: pl.DataFrame(WHOLE), DtypeError, r"\.cast\(polars\.Float32\)"),
    "polars with a column of names": (
        lambda: pl.DataFrame({"a": [1.0, 2, 3], "name": ["x", "y", "z"]}),
        DtypeError,
        r"column 'name' of String; .*\.cast\(polars\.Float32\)",
    ),
    "a query": (lambda: pl.DataFrame(GOOD).lazy(), DtypeError, r"\.collect\(\) makes it one"),
    "array of objects": (lambda: GOOD.astype(object), DtypeError, r"got object; .*\.astype\(np\.float64\)"),
    "no rows at all": (list, EmptyInputError, r"expected at least one row, got an empty list"),
    "rows of different lengths": (lambda: [[1.0, 2.0], [1.0]], ShapeError, r"of one length"),
    "tensors of different lengths": (lambda: [tensor(GOOD[0]), tensor(GOOD[0, :2])], ShapeError, r"of one length"),
    "no columns": (lambda: pd.DataFrame(index=[1, 2]), ShapeError, r"without columns"),
    "names": (lambda: [["a", "b"], ["c", "d"]], DtypeError, r"expected float16, float32 or float64"),
    "nothing": (lambda: [[None, 1.0], [2.0, 3.0]], DtypeError, r"got object"),
}


@slots()
@pytest.mark.parametrize("container", FIXES)
def test_what_is_not_plain_is_an_error_that_names_argument_and_fix(slot, container):
    make, error, fix = FIXES[container]
    with pytest.raises(error, match=names(slot)) as caught:
        slot.call(make())
    caught.match(fix)


@slots()
@pytest.mark.parametrize(
    ("make", "spelled"),
    [
        (lambda: np.ones(3, np.float32), r"\w+(\[1\])?"),
        (lambda: tensor(np.ones(3, np.float32)), r"\w+(\[1\])?"),
        (lambda: pd.Series([1.0, 2.0, 3.0]), r"\w+(\[1\])?\.to_numpy\(\)"),
        (lambda: pl.Series([1.0, 2.0, 3.0]), r"\w+(\[1\])?\.to_numpy\(\)"),
        (lambda: [1.0, 2.0, 3.0], r"np\.asarray\(\w+(\[1\])?\)"),
    ],
)
def test_one_axis_is_an_error_that_names_both_meanings(slot, make, spelled):
    if slot.argument == "rows" and slot is SLOTS["DiversityFilter.add"]:
        assert len(slot.call(make())) == 1  # one row, as its definition says
        return
    with pytest.raises(ShapeError, match=names(slot)) as caught:
        slot.call(make())
    caught.match(rf"{spelled}\[:, None\] is 3 rows of one number, {spelled}\[None, :\] is one row of 3 numbers")


@slots()
def test_a_missing_number_is_refused_with_its_row(slot):
    missing = GOOD.astype(np.float64).tolist()
    missing[2][1] = None
    for table in (pd.DataFrame(missing), pd.DataFrame(missing).astype("Float64"), pl.DataFrame(missing, orient="row")):
        with pytest.raises(NonFiniteError, match=r"row 2|row 5"):
            slot.call(table)


SERIES = {
    "array": np.asarray,
    "list": list,
    "tensor": lambda values: tensor(np.asarray(values)),
    "pandas": lambda values: pd.Series(values, index=range(7, 7 + len(values))),
    "polars": pl.Series,
}
WALK = np.cumsum(np.random.default_rng(3).standard_normal(40))
LATER = np.roll(WALK, 3)


@pytest.mark.parametrize("kind", SERIES)
@pytest.mark.parametrize("metric", ["euclidean", "sqeuclidean"])
def test_a_series_of_numbers_is_steps_of_one_number_where_numbers_have_a_distance(kind, metric):
    make = SERIES[kind]
    x, y = WALK[:, None], LATER[:, None]
    distance = metrics.dtw_distance(x, y, metric=metric)
    assert metrics.dtw_distance(make(WALK), make(LATER), metric=metric) == distance
    assert metrics.dtw(make(WALK), y, metric=metric).distance == distance
    assert metrics.dtw_pairs([make(WALK)], [make(LATER)], metric=metric).distances.tolist() == [distance]
    expected = metrics.dtw_matrix([x, y], metric=metric)
    np.testing.assert_array_equal(metrics.dtw_matrix([make(WALK), make(LATER)], metric=metric), expected)
    found = metrics.dtw_nearest([make(WALK)], [make(LATER), make(WALK)], metric=metric)
    assert found.indices.tolist() == [[1]]
    with pytest.raises(ShapeError, match=r"\[:, None\]"):
        metrics.dtw_distance(make(WALK), make(LATER))


def test_a_series_agrees_with_the_textbook():
    table = np.full((len(WALK) + 1, len(LATER) + 1), np.inf)
    table[0, 0] = 0
    for i, a in enumerate(WALK):
        for j, b in enumerate(LATER):
            table[i + 1, j + 1] = abs(a - b) + min(table[i, j], table[i, j + 1], table[i + 1, j])
    found = metrics.dtw_distance(pd.Series(WALK), pl.Series(LATER), metric="euclidean")
    assert found == pytest.approx(table[-1, -1], rel=1e-12)


SETS = {
    "series of arrays": pd.Series,
    "tensors": lambda sets: [tensor(one) for one in sets],
    "tables": lambda sets: [pd.DataFrame(one) for one in sets],
    "batch": lambda sets: tensor(np.stack(sets)),
    "three axes": np.stack,
    "lists": lambda sets: [one.astype(np.float64).tolist() for one in sets],
    "groups": lambda sets: [
        rows.drop(columns="run")
        for _, rows in pd.concat([pd.DataFrame(one).assign(run=k) for k, one in enumerate(sets)]).groupby("run")
    ],
}


@pytest.mark.parametrize("kind", SETS)
def test_sets_of_sequences_come_in_the_same_containers(kind):
    expected = metrics.dtw_matrix([GOOD, OTHER])
    np.testing.assert_allclose(metrics.dtw_matrix(SETS[kind]([GOOD, OTHER])), expected, rtol=1e-5, atol=1e-7)


@pytest.mark.parametrize("one", [GOOD, tensor, pd.DataFrame(GOOD)], ids=["array", "tensor", "pandas"])
def test_one_sequence_for_a_set_names_the_fix(one):
    with pytest.raises(DtypeError, match=r"^xs: .*shape \(3, 3\); \[xs\] is a list of one sequence"):
        metrics.dtw_matrix(one(GOOD) if callable(one) else one)


def test_whole_numbers_come_in_the_same_containers():
    expected = metrics.dtw_pairs([GOOD, OTHER], [OTHER, GOOD], [(1, 0), (0, 1)]).distances.tolist()
    pairs = np.array([(1, 0), (0, 1)])
    for made in (tensor(pairs), pd.DataFrame(pairs), pl.DataFrame(pairs), pairs.tolist()):
        assert metrics.dtw_pairs([GOOD, OTHER], [OTHER, GOOD], made).distances.tolist() == expected
    rows = np.concatenate([GOOD, OTHER])
    for offsets in ([0, 3, 6], tensor(np.array([0, 3, 6])), pd.Series([0, 3, 6]), pl.Series([0, 3, 6])):
        assert len(metrics.Ragged(tensor(rows), offsets)) == 2


def test_labels_of_a_scope_come_in_the_same_containers():
    rows = np.ones((4, 2), np.float32)
    for scope in (["a", "b", "a", "b"], pd.Series(["a", "b", "a", "b"]), pl.Series(["a", "b", "a", "b"])):
        assert metrics.cluster(rows, scope=scope).labels.tolist() == [0, 1, 0, 1]
    assert metrics.cluster(rows, scope=tensor(np.array([5, 7, 5, 7]))).labels.tolist() == [0, 1, 0, 1]


def test_statistics_take_tensors_and_series():
    values = [0.25, 0.5, 1.0, 0.0]
    expected = metrics.bca_interval(values)
    for made in (tensor(np.array(values)).requires_grad_(), pd.Series(values), pl.Series(values)):
        assert metrics.bca_interval(made) == expected
        assert metrics.clustered_mean(made).value == np.mean(values)
        assert metrics.compare_paired([made])[0].difference == np.mean(values)


def test_a_library_that_fails_to_give_its_array_is_one_sentence():
    class Broken:
        def __array__(self, dtype=None, copy=None):
            raise RuntimeError("lost\non the way")

    with pytest.raises(DtypeError, match=r"^x: Broken of \w+ that numpy cannot read \(lost\)$"):
        metrics.dtw(Broken(), GOOD)
    with pytest.raises(TracewarpError, match=r"^pairs: expected whole numbers"):
        metrics.dtw_pairs([GOOD], [GOOD], Broken())
