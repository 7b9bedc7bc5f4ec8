"""Files of capability labels: what is read, and what is refused with which sentence."""

from __future__ import annotations

import gzip
import json

import pytest

from tracewarp.envs.arena.benchmark import capability_labels, listed
from tracewarp.errors import EmptyInputError, RecordError, UnreadableFileError
from tracewarp.evaluate.capability_groups import adjusted_rand_index, given_groups, groups_of, own_labels
from tracewarp.evaluate.capability_labels import read_labels
from tracewarp.trajectory import Task


def written(tmp_path, value, name="labels.json"):
    path = tmp_path / name
    path.write_text(value if isinstance(value, str) else json.dumps(value), encoding="utf-8")
    return path


def tasks(*ids, **fields):
    return [Task(id=str(number), objective=f"do {number}", **fields) for number in ids]


def test_numbers_and_texts_name_the_same_label(tmp_path):
    found = read_labels(written(tmp_path, {"1": 7, "2": "7", "3": 7.0, "4": " x ", "5": None}))
    assert found.labels == {"1": "7", "2": "7", "3": "7", "4": "x"}
    assert found.of(tasks(1, "task_4", 9)) == {"1": "7", "task_4": "x"}


def test_a_packed_file_is_read(tmp_path):
    path = tmp_path / "labels.json.gz"
    path.write_bytes(gzip.compress(b'{"1": "a"}'))
    assert read_labels(path).labels == {"1": "a"}


@pytest.mark.parametrize(
    ("value", "error", "words"),
    [
        ("[1, 2]", UnreadableFileError, "expected a JSON object of task id to label"),
        ("{", UnreadableFileError, "not JSON"),
        ("{}", UnreadableFileError, "no label in it"),
        ({"1": None}, UnreadableFileError, "no label in it"),
        ({"1": ["a"]}, RecordError, "task 1: expected a label, a text or a whole number"),
        ({"1": True}, RecordError, "task 1: expected a label, a text or a whole number"),
        ({"1": 0.5}, RecordError, "task 1: expected a label, a text or a whole number"),
        ({"1": "  "}, RecordError, "task 1: expected a label, a text or a whole number"),
        ({"7": "a", "task_7": "b"}, RecordError, "task 7 has two labels under two of its names, 'a' and 'b'"),
    ],
)
def test_what_is_no_file_of_labels_is_one_sentence(tmp_path, value, error, words):
    path = written(tmp_path, value)
    with pytest.raises(error, match=words.replace("(", r"\(")) as raised:
        read_labels(path)
    assert str(path) in str(raised.value)


def test_labels_of_other_tasks_are_refused_with_both_kinds_of_ids(tmp_path):
    labels = read_labels(written(tmp_path, {"10": "a", "11": "b"}))
    with pytest.raises(
        RecordError, match=r"labels none of the 2 tasks; it has ids like 10, 11, .* have ids like 1, 2$"
    ):
        labels.of(tasks(1, 2))


def test_a_label_that_looks_like_a_task_id_joins_nobody():
    groups = given_groups(tasks(1, 2, 3), {"1": "3", "2": "2"}, source="file")
    assert groups.labels == {"1": 0, "2": 1, "3": 2}
    assert (groups.names, groups.without_label) == ((("3",), ("2",), ("do 3",)), ("3",))
    with pytest.raises(EmptyInputError, match="at least one task"):
        given_groups([], {}, source="file")


def test_the_first_source_that_is_there_is_taken():
    def embed(texts):
        raise AssertionError(texts)

    own = [*tasks(1, 2, capability="a"), *tasks(3)]
    found = groups_of(own, embed, encoder="none")
    assert (found.source, found.n_groups, found.without_label) == ("records", 2, ("3",))
    assert groups_of(own, embed, encoder="none", own_source="task file").source == "task file"
    assert groups_of(own, embed, encoder="none", given={"1": "b"}).labels == {"1": 0, "2": 1, "3": 2}
    assert groups_of(tasks(1, 2), embed, encoder="none", is_webarena=True).source == "published"
    assert groups_of(tasks(1, 2), embed, encoder="none") is None


def test_arena_brings_its_58_capabilities_and_they_are_those_of_its_label_file():
    from tracewarp.envs.arena.source import ArenaSource

    source = ArenaSource()
    benchmark = [source.task(ref) for ref in source]
    groups = groups_of(benchmark, lambda texts: None, encoder="none")
    assert (groups.source, groups.n_groups, groups.without_label) == ("records", 58, ())
    written = capability_labels(listed())
    assert adjusted_rand_index([groups.labels[t.id] for t in benchmark], [written[t.id] for t in benchmark]) == 1.0
    assert own_labels(benchmark)["1000"] == "open-named-page"
