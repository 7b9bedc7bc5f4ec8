"""The filter accepts the same rows however they are fed, and after it has been saved and loaded."""

from __future__ import annotations

import contextlib
import threading
import zipfile

import numpy as np
import pytest

from tracewarp.errors import FileError, InputError, OptionError, SchemaVersionError, ShapeError, UnreadableFileError
from tracewarp.metrics import DiversityFilter

ROWS = np.random.default_rng(1).normal(size=(60, 4)).astype(np.float32)
"""In four dimensions a random row is often near an accepted one."""


def fates(results):
    return [value for result in results for value in result.accepted.tolist()]


def test_rows_are_numbered_by_arrival_across_calls():
    made = DiversityFilter(2)
    first = made.add(np.array([[1, 0], [1, 0.1]], np.float32))
    second = made.add(np.array([[0, 1], [0.1, 1], [1, 0]], np.float32))
    assert first.witness.tolist() == [-1, 0]
    assert second.witness.tolist() == [-1, 2, 0]
    assert second.similarity[2] == 1.0
    assert np.isnan(second.similarity[0])
    assert made.indices.tolist() == [0, 2]
    assert (len(made), made.seen) == (2, 5)
    np.testing.assert_array_equal(made.rows, [[1, 0], [0, 1]])


@pytest.mark.parametrize("size", [1, 2, 7, 59])
def test_cutting_into_calls_changes_nothing(size):
    whole, parts = DiversityFilter(4), DiversityFilter(4)
    expected = whole.add(ROWS)
    found = [parts.add(ROWS[start : start + size]) for start in range(0, len(ROWS), size)]
    assert fates(found) == expected.accepted.tolist()
    assert [w for result in found for w in result.witness.tolist()] == expected.witness.tolist()
    assert 1 < len(parts) < len(ROWS)


def test_one_row_may_come_as_a_vector():
    made = DiversityFilter(4)
    assert [made.add(row).accepted.shape for row in ROWS[:2]] == [(1,), (1,)]
    with pytest.raises(ShapeError, match=r"^rows: expected rows of 4 numbers, got 3"):
        made.add(np.ones(3, np.float32))


@pytest.mark.parametrize("dtype", [np.float16, np.float32, np.float64])
def test_a_saved_filter_goes_on_as_if_it_had_never_been_saved(tmp_path, dtype):
    rows = ROWS.astype(dtype)
    straight, saved = DiversityFilter(4, 0.8, zero="orthogonal"), DiversityFilter(4, 0.8, zero="orthogonal")
    expected = [straight.add(part).to_dict() for part in (rows[:20], rows[20:])]
    found = [saved.add(rows[:20]).to_dict()]
    saved.save(tmp_path / "filter.npz")
    loaded = DiversityFilter.load(tmp_path / "filter.npz")
    found.append(loaded.add(rows[20:]).to_dict())
    assert found == expected
    assert loaded.rows.dtype == dtype
    assert (loaded.dim, loaded.threshold, loaded.zero, loaded.seen) == (4, 0.8, "orthogonal", 60)
    np.testing.assert_array_equal(loaded.indices, straight.indices)


def test_an_empty_filter_can_be_saved(tmp_path):
    DiversityFilter(3).save(tmp_path / "empty.npz")
    loaded = DiversityFilter.load(tmp_path / "empty.npz")
    assert (loaded.dim, len(loaded), loaded.seen) == (3, 0, 0)
    assert loaded.add(np.eye(3)).accepted.all()


def test_wider_rows_widen_the_filter_and_change_no_decision():
    narrow = ROWS.astype(np.float16)
    one, mixed = DiversityFilter(4), DiversityFilter(4)
    expected = fates([one.add(narrow)])
    found = [mixed.add(narrow[:20]), mixed.add(narrow[20:40].astype(np.float64)), mixed.add(narrow[40:])]
    assert fates(found) == expected
    assert (one.rows.dtype, mixed.rows.dtype) == (np.float16, np.float64)


def test_an_error_adds_nothing():
    made = DiversityFilter(4)
    made.add(ROWS[:5])
    before = (len(made), made.seen)
    bad = ROWS[5:9].copy()
    bad[2, 0] = np.nan
    with pytest.raises(InputError):
        made.add(bad)
    assert (len(made), made.seen) == before


def test_calls_from_several_threads_take_turns():
    made = DiversityFilter(4, 1.0)
    workers = [threading.Thread(target=lambda: [made.add(row) for row in ROWS]) for _ in range(4)]
    for worker in workers:
        worker.start()
    for worker in workers:
        worker.join()
    assert (made.seen, len(made)) == (240, 60)


@pytest.mark.parametrize("dim", [0, -1, 2.0, True, None])
def test_a_dimension_below_one_is_an_error(dim):
    with pytest.raises(OptionError, match=r"^dim: "):
        DiversityFilter(dim)


def saved(tmp_path):
    path = tmp_path / "filter.npz"
    made = DiversityFilter(4)
    made.add(ROWS)
    made.save(path)
    return path


def rewritten(path, **changes):
    with np.load(path) as archive:
        state = dict(archive)
    state.update(changes)
    np.savez(path, **{name: value for name, value in state.items() if value is not None})
    return path


def test_a_missing_or_torn_file_is_one_sentence(tmp_path):
    with pytest.raises(UnreadableFileError, match=r"(?i)no such file"):
        DiversityFilter.load(tmp_path / "nowhere.npz")
    path = saved(tmp_path)
    content = path.read_bytes()
    for cut in (0, 3, 100, len(content) // 2, len(content) - 5):
        path.write_bytes(content[:cut])
        with pytest.raises(UnreadableFileError, match="cannot be read"):
            DiversityFilter.load(path)


def test_a_flipped_byte_is_an_error_or_harmless(tmp_path):
    path = saved(tmp_path)
    content = bytearray(path.read_bytes())
    for at in range(0, len(content), 37):
        changed = content.copy()
        changed[at] ^= 0xFF
        path.write_bytes(changed)
        with contextlib.suppress(FileError):
            DiversityFilter.load(path).add(ROWS)


@pytest.mark.parametrize("content", [b"\x93NUMPY", b"PK\x03\x04", b"{}", b"\x80\x04."])
def test_another_file_is_refused(tmp_path, content):
    path = tmp_path / "other.npz"
    path.write_bytes(content)
    with pytest.raises(UnreadableFileError):
        DiversityFilter.load(path)


@pytest.mark.parametrize("name", ["text", "array.npy"])
def test_what_is_no_archive_is_said_in_our_own_words(tmp_path, name):
    path = tmp_path / name
    if name == "text":
        path.write_text("x")
    else:
        np.save(path, ROWS)
    with pytest.raises(UnreadableFileError, match="no archive of arrays, or one that is cut off") as refused:
        DiversityFilter.load(path)
    assert "pickle" not in str(refused.value)


def test_a_pickle_inside_is_not_opened(tmp_path):
    with pytest.raises(UnreadableFileError, match="cannot be read"):
        DiversityFilter.load(rewritten(saved(tmp_path), rows=np.array([{}], object)))


@pytest.mark.parametrize("version", [0, 2, "1"])
def test_an_unknown_version_is_refused(tmp_path, version):
    with pytest.raises(SchemaVersionError, match="this release reads version 1"):
        DiversityFilter.load(rewritten(saved(tmp_path), schema_version=np.array(version)))


@pytest.mark.parametrize(
    "changes",
    [
        {"indices": np.arange(3)},
        {"indices": np.array([0.5])},
        {"seen": np.int64(1)},
        {"seen": np.int64(-1)},
        {"seen": None},
        {"threshold": np.float64(2)},
        {"threshold": np.array([0.7, 0.7])},
        {"zero": np.str_("maybe")},
        {"rows": ROWS[:, 0]},
        {"rows": ROWS.astype(int)},
    ],
    ids=str,
)
def test_a_state_that_no_filter_had_is_refused(tmp_path, changes):
    with pytest.raises(UnreadableFileError):
        DiversityFilter.load(rewritten(saved(tmp_path), **changes))


def test_an_archive_of_something_else_is_refused(tmp_path):
    path = tmp_path / "other.npz"
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("readme.txt", "nothing")
    with pytest.raises(UnreadableFileError, match="holds no schema_version"):
        DiversityFilter.load(path)


def test_a_folder_that_cannot_be_written_is_one_sentence(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        DiversityFilter(2).save(tmp_path / "no" / "such" / "folder.npz")
    with pytest.raises(InputError, match=r"^path: "):
        DiversityFilter(2).save(3)  # type: ignore[arg-type]


def test_saving_over_an_older_file_leaves_one_file(tmp_path):
    path = saved(tmp_path)
    DiversityFilter(9).save(path)
    assert DiversityFilter.load(path).dim == 9
    assert [entry.name for entry in tmp_path.iterdir()] == ["filter.npz"]
