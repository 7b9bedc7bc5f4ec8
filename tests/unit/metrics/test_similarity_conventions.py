"""One answer for each question of the conventions, at every entry that compares rows."""

from __future__ import annotations

import json
import signal
import threading
from dataclasses import FrozenInstanceError

import numpy as np
import pytest

from tracewarp import _core
from tracewarp.errors import (
    DtypeError,
    EmptyInputError,
    LayoutError,
    NonFiniteError,
    OptionError,
    ShapeError,
    TooLargeError,
    ZeroVectorError,
)
from tracewarp.metrics import DiversityFilter, cluster, cosine_pairs, cosine_similarity, cosine_top_k

GOOD = np.array([[1.0, 0.0], [3.0, 4.0], [0.0, 1.0]], np.float32)


def filtered(rows, **options):
    threads = {"threads": options.pop("threads")} if "threads" in options else {}
    return DiversityFilter(2, **options).add(rows, **threads)


ENTRIES = [
    pytest.param(cosine_similarity, "x", id="cosine_similarity"),
    pytest.param(lambda rows, **o: cosine_similarity(GOOD, rows, **o), "y", id="cosine_similarity-y"),
    pytest.param(lambda rows, **o: cosine_top_k(GOOD, rows, 1, **o), "rows", id="cosine_top_k"),
    pytest.param(lambda rows, **o: cosine_top_k(rows, GOOD, 1, **o), "queries", id="cosine_top_k-queries"),
    pytest.param(lambda rows, **o: cosine_pairs(rows, threshold=0.6, **o), "x", id="cosine_pairs"),
    pytest.param(lambda rows, **o: cosine_pairs(GOOD, rows, threshold=0.6, **o), "y", id="cosine_pairs-y"),
    pytest.param(cluster, "rows", id="cluster"),
    pytest.param(lambda rows, **o: cluster(rows, method="first_come", **o), "rows", id="cluster-first_come"),
    pytest.param(filtered, "rows", id="DiversityFilter"),
]
every_entry = pytest.mark.parametrize(("call", "name"), ENTRIES)


@every_entry
def test_no_rows_is_an_error_that_names_the_argument(call, name):
    with pytest.raises(EmptyInputError, match=rf"^{name}: "):
        call(np.empty((0, 2), np.float32))


@every_entry
@pytest.mark.parametrize("bad", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_value_that_is_not_finite_is_an_error_that_names_argument_and_row(call, name, bad, dtype):
    rows = GOOD.astype(dtype)
    rows[1, 1] = bad
    with pytest.raises(NonFiniteError, match=rf"^{name}: row 1 "):
        call(rows, zero="orthogonal")


@every_entry
def test_a_zero_vector_is_an_error_unless_it_is_orthogonal(call, name):
    rows = GOOD.copy()
    rows[2] = 0
    with pytest.raises(ZeroVectorError, match=rf"^{name}: row 2 "):
        call(rows)
    call(rows, zero="orthogonal")


@every_entry
@pytest.mark.parametrize(
    "bad",
    [
        np.array([[1, 0]]),
        np.array([[True, False]]),
        np.array([[1.0, None]], object),
        np.array([[1j, 0]]),
        np.array([["1", "0"]]),
        None,
        "rows",
    ],
    ids=lambda bad: str(getattr(bad, "dtype", type(bad).__name__)),
)
def test_anything_but_an_array_of_floats_is_an_error(call, name, bad):
    if name == "y" and bad is None:
        pytest.skip("None stands for x itself")
    with pytest.raises(DtypeError, match=rf"^{name}: "):
        call(bad)


@every_entry
@pytest.mark.parametrize("shape", [(), (1, 2, 1), (3, 3), (3, 0)])
def test_another_shape_is_an_error(call, name, shape):
    if shape == (3, 3) and name in {"x", "queries"} | ({"rows"} if call is not filtered else set()):
        pytest.skip("this entry has nothing to compare the dimension with, or the other argument is to blame")
    with pytest.raises(ShapeError, match=rf"^{name}: "):
        call(np.ones(shape, np.float32))


@every_entry
def test_rows_that_are_not_contiguous_are_copied_and_left_as_they_are(call, name):
    wide = np.repeat(GOOD, 2, axis=1)
    view = wide[:, ::2]
    assert not view.flags.c_contiguous
    before = wide.copy()
    result, expected = call(view), call(GOOD)
    np.testing.assert_array_equal(wide, before)
    if isinstance(result, np.ndarray):
        np.testing.assert_array_equal(result, expected)
    else:
        assert result.to_dict() == expected.to_dict()


def test_the_binary_itself_never_copies_in_silence():
    view = np.repeat(GOOD, 2, axis=1)[:, ::2]
    with pytest.raises(LayoutError, match=r"^x: expected C-contiguous rows"):
        _core.cosine_similarity(view, None, "error", 1)


@every_entry
def test_a_read_only_array_is_read_in_place(call, name):
    rows = GOOD.copy()
    rows.flags.writeable = False
    call(rows)


@every_entry
@pytest.mark.parametrize("threads", [0, -1, 1.5, True, "2"])
def test_fewer_than_one_thread_is_an_error(call, name, threads):
    with pytest.raises(OptionError, match=r"^threads: "):
        call(GOOD, threads=threads)


@every_entry
def test_an_unknown_treatment_of_zeros_is_an_error(call, name):
    with pytest.raises(OptionError, match=r"^zero: expected one of error, orthogonal, got 'skip'"):
        call(GOOD, zero="skip")


@pytest.mark.parametrize("threshold", [1.0000001, -1.1, np.nan, np.inf, "0.6", None, True])
def test_a_threshold_that_is_no_cosine_is_an_error(threshold):
    for call in (
        lambda: cluster(GOOD, threshold),
        lambda: cosine_pairs(GOOD, threshold=threshold),
        lambda: DiversityFilter(2, threshold),
    ):
        with pytest.raises(OptionError, match=r"^threshold: "):
            call()


def test_thresholds_of_one_and_minus_one_are_legal():
    rows = np.array([[1, 1, 1], [2, 2, 2], [-1, -1, -1]], np.float32)
    assert cluster(rows, 1.0, strict=False).labels.tolist() == [0, 0, 1]
    assert cluster(rows, 1.0).labels.tolist() == [0, 1, 2]
    assert cluster(rows, -1.0, strict=False).labels.tolist() == [0, 0, 0]
    assert cluster(rows, -1.0).labels.tolist() == [0, 0, 1]
    assert DiversityFilter(3, -1.0).add(rows).accepted.tolist() == [True, False, False]


@pytest.mark.parametrize("k", [0, -1, 4, 1.0, True])
def test_k_outside_the_rows_is_an_error(k):
    with pytest.raises(OptionError, match=r"^k: "):
        cosine_top_k(GOOD, GOOD, k)


@pytest.mark.parametrize("max_pairs", [0, -1, 1.5])
def test_fewer_than_one_pair_is_an_error(max_pairs):
    with pytest.raises(OptionError, match=r"^max_pairs: "):
        cosine_pairs(GOOD, threshold=0.0, max_pairs=max_pairs)


def test_the_cap_on_pairs_is_visible():
    rows = np.ones((5, 2), np.float32)
    found = cosine_pairs(rows, threshold=0.5, max_pairs=3)
    assert (found.i.tolist(), found.j.tolist(), found.truncated) == ([0, 0, 0], [1, 2, 3], True)
    assert len(found) == 3
    assert not cosine_pairs(rows, threshold=0.5, max_pairs=10).truncated


def test_dtypes_are_promoted_to_the_wider():
    narrow, wide = GOOD.astype(np.float16), GOOD.astype(np.float64)
    np.testing.assert_array_equal(cosine_similarity(narrow, wide), cosine_similarity(wide, wide.copy()))
    assert cosine_top_k(narrow, GOOD, 2).indices.tolist() == cosine_top_k(GOOD, GOOD, 2).indices.tolist()
    big_endian = GOOD.astype(">f4")
    np.testing.assert_array_equal(cosine_similarity(big_endian), cosine_similarity(GOOD))


@pytest.mark.parametrize(
    ("scope", "error"),
    [
        ([0, 0], ShapeError),
        ("abc", DtypeError),
        (3, DtypeError),
        ([[0], [0], [0]], DtypeError),
        (np.ones((3, 1)), ShapeError),
    ],
)
def test_a_scope_of_another_kind_is_an_error(scope, error):
    with pytest.raises(error, match=r"^scope: "):
        cluster(GOOD, scope=scope)


def test_only_rows_of_one_scope_join():
    rows = np.ones((4, 2), np.float32)
    for scope in (["a", "b", "a", "b"], np.array([7, -1, 7, -1]), [("x", "y"), ("z",), ("x", "y"), ("z",)]):
        for method in ("single_link", "first_come"):
            assert cluster(rows, scope=scope, method=method).labels.tolist() == [0, 1, 0, 1]


def test_the_closure_links_what_the_first_come_rule_keeps_apart():
    angles = np.radians([0, 100, 50])
    rows = np.stack([np.cos(angles), np.sin(angles)], axis=1)
    assert cluster(rows).labels.tolist() == [0, 0, 0]
    assert cluster(rows, method="first_come").labels.tolist() == [0, 1, 0]


def test_an_unknown_method_is_an_error():
    with pytest.raises(OptionError, match=r"^method: expected one of single_link, first_come"):
        cluster(GOOD, method="average")  # type: ignore[arg-type]


def test_results_are_frozen_and_plain_for_json():
    results = [
        cluster(GOOD),
        cosine_top_k(GOOD, GOOD, 2),
        cosine_pairs(GOOD, threshold=0.5),
        DiversityFilter(2).add(GOOD),
    ]
    for result in results:
        json.dumps(result.to_dict(), allow_nan=False)
        with pytest.raises(FrozenInstanceError):
            result.labels = None  # type: ignore[misc, union-attr]


def test_a_table_that_no_machine_can_hold_is_an_error_with_its_size():
    rows = np.ones((5_000_000, 1), np.float16)
    with pytest.raises(TooLargeError, match="would need 200,000,020,000,000 bytes"):
        cosine_similarity(rows)


@pytest.fixture
def listening():
    """Ctrl-C is heard, also where a background job's shell told its children to ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


@pytest.mark.usefixtures("listening")
def test_ctrl_c_ends_a_long_call_and_the_filter_keeps_nothing_of_it():
    rows = np.random.default_rng(0).normal(size=(60_000, 256)).astype(np.float32)
    made = DiversityFilter(256, 0.999)
    made.add(rows[:10])
    for call in (lambda: cluster(rows, threads=1), lambda: made.add(rows, threads=1)):
        interrupt = threading.Timer(0.1, signal.raise_signal, [signal.SIGINT])
        interrupt.start()
        with pytest.raises(KeyboardInterrupt):
            call()
        interrupt.join()
    assert (len(made), made.seen) == (10, 10)


def test_the_lock_of_the_interpreter_is_free_during_a_call():
    rows = np.random.default_rng(0).normal(size=(1500, 256)).astype(np.float32)
    done, ticks = threading.Event(), []

    def work():
        cosine_similarity(rows, threads=1)
        done.set()

    thread = threading.Thread(target=work)
    thread.start()
    while not done.wait(0.001):
        ticks.append(None)
    thread.join()
    assert len(ticks) > 3
