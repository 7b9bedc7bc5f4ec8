from __future__ import annotations

import gzip

import pytest

from tracewarp.errors import DuplicateKeyError, FileError, InputError, RecordError
from tracewarp.trajectory import Observation, Outcome, Step, Task, Trajectory, open_run, write_trajectories


def episode(task="1", **fields):
    step = Step(
        observation=Observation(text="tree\n\twith 'Ünïcode' \x00 \x1b[31m", url="http://x"), action="click [1]"
    )
    return Trajectory(task=Task(id=task), steps=(step,), outcome=Outcome(score=0.5), **fields)


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "run.jsonl.zst"])
def test_what_is_written_is_read_again(tmp_path, name):
    path = tmp_path / name
    episodes = [episode(), episode("2", repeat=3, extra={"a": [1, {"b": None}]})]
    assert write_trajectories(path, iter(episodes)) == 2
    assert list(open_run(path)) == episodes
    assert [file.name for file in tmp_path.iterdir()] == [name]


@pytest.mark.parametrize("name", ["run.jsonl", "run.jsonl.gz", "run.jsonl.zst"])
def test_same_records_give_the_same_bytes(tmp_path, name):
    write_trajectories(tmp_path / name, [episode()])
    first = (tmp_path / name).read_bytes()
    write_trajectories(tmp_path / name, [episode()])
    assert (tmp_path / name).read_bytes() == first


def test_suffix_decides_the_compression(tmp_path):
    write_trajectories(tmp_path / "a.gz", [episode()])
    assert gzip.decompress((tmp_path / "a.gz").read_bytes()).startswith(b'{"schema_version":2')


def test_failure_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "run.jsonl"
    write_trajectories(path, [episode("old")])

    def broken():
        yield episode("new")
        raise KeyError("stop")

    with pytest.raises(KeyError):
        write_trajectories(path, broken())
    assert [one.key for one in open_run(path)] == [("old", 0)]
    assert [file.name for file in tmp_path.iterdir()] == ["run.jsonl"]


def test_repeated_key_is_refused(tmp_path):
    with pytest.raises(DuplicateKeyError, match="task 1, repeat 0 comes twice"):
        write_trajectories(tmp_path / "run.jsonl", [episode(), episode()])
    assert list(tmp_path.iterdir()) == []


def test_what_json_cannot_hold_is_refused(tmp_path):
    nested: list = []
    for _ in range(2000):
        nested = [nested]
    for extra in ({"x": object()}, {"x": nested}, {"x": "\ud800"}):
        with pytest.raises(RecordError, match="task 1, repeat 0: cannot be written as JSON"):
            write_trajectories(tmp_path / "run.jsonl", [episode(extra=extra)])
    with pytest.raises(InputError, match="expected Trajectory records, got dict"):
        write_trajectories(tmp_path / "run.jsonl", [{}])


def test_place_that_cannot_be_written_is_refused(tmp_path):
    with pytest.raises(FileError, match="cannot be written"):
        write_trajectories(tmp_path / "no" / "folder" / "run.jsonl", [episode()])
