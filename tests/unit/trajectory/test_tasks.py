from __future__ import annotations

import gzip
import hashlib
import json
import re

import pytest

from tracewarp.errors import InputError, RecordError, UnreadableFileError
from tracewarp.trajectory import load_tasks

WEBARENA = {
    "task_id": 7,
    "intent": "Tell me the address",
    "sites": ["map"],
    "start_url": "__MAP__",
    "intent_template": "Tell me the {{what}} ",
    "intent_template_id": 79,
    "eval": {"eval_types": ["string_match"]},
    "geolocation": None,
}


def stored(tmp_path, content):
    path = tmp_path / "tasks.json"
    path.write_bytes(content if isinstance(content, bytes) else json.dumps(content).encode())
    return path


def test_webarena_entry_becomes_a_task(tmp_path):
    path = stored(tmp_path, [WEBARENA])
    tasks = load_tasks(path)
    (task,) = tasks
    assert (task.id, task.objective, task.sites, task.start_url) == ("7", "Tell me the address", ("map",), "__MAP__")
    assert (task.template, task.template_id) == ("Tell me the {{what}} ", "79")
    assert task.extra == {"eval": {"eval_types": ["string_match"]}, "geolocation": None}
    assert len(tasks) == 1
    assert tasks.sha256 == hashlib.sha256(path.read_bytes()).hexdigest()


@pytest.mark.parametrize("name", ["7", "task_7", "webarena.7"])
def test_task_is_found_by_each_of_its_names(tmp_path, name):
    tasks = load_tasks(stored(tmp_path, [WEBARENA]))
    assert tasks.find(name) is tasks.tasks[0]
    assert tasks.find("8") is None


def test_task_file_with_prefixed_ids_is_searched_by_the_bare_id_too(tmp_path):
    tasks = load_tasks(stored(tmp_path, [{"task_id": "webarena.7"}, {"task_id": "task_8"}, {"task_id": 8}]))
    assert tasks.find("7") is tasks.tasks[0]
    assert (tasks.find("8"), tasks.find("task_8")) == (tasks.tasks[2], tasks.tasks[1])


def test_lines_are_read_as_well_and_our_own_names(tmp_path):
    data = b'{"id": "a", "objective": "x", "template": "T", "template_id": "t", "sites": "one"}\n\n{"task_id": "b"}\n'
    tasks = load_tasks(stored(tmp_path, gzip.compress(data)))
    assert [(task.id, task.template_id, task.sites) for task in tasks] == [("a", "t", ("one",)), ("b", None, ())]


def test_templates_are_counted_after_strip(tmp_path):
    texts = [("A", 1), ("A ", 1), ("B", 1), (None, None)]
    entries = [{"task_id": i, "intent_template": t, "intent_template_id": k} for i, (t, k) in enumerate(texts)]
    tasks = load_tasks(stored(tmp_path, entries))
    assert (tasks.n_templates, tasks.n_template_ids) == (2, 1)


def test_webarena_is_told_by_ids_and_template_ids(tmp_path):
    assert load_tasks(stored(tmp_path, [WEBARENA])).is_webarena
    assert not load_tasks(stored(tmp_path, [{**WEBARENA, "intent_template_id": 80}])).is_webarena
    assert not load_tasks(stored(tmp_path, [{**WEBARENA, "task_id": 812}])).is_webarena
    assert not load_tasks(stored(tmp_path, [WEBARENA, {"task_id": "mine"}])).is_webarena


@pytest.mark.parametrize(
    ("content", "error", "words"),
    [
        ([], UnreadableFileError, "no task in it"),
        (b"", UnreadableFileError, "no task in it"),
        (b"[1, 2", UnreadableFileError, "not JSON"),
        (b'{"tasks":\n []}', UnreadableFileError, ":1: not JSON"),
        (b"[" * 50_000, UnreadableFileError, "nested too deeply"),
        (b"\xff\xfe[\0", UnreadableFileError, "the text is UTF-16, expected UTF-8"),
        (b"\xff\x00", UnreadableFileError, "byte 0xff"),
        (gzip.compress(b"[]", mtime=0)[:-9], UnreadableFileError, "cut off"),
        ([3], RecordError, "entry 0: 3 is no task"),
        ([{"intent": "x"}], RecordError, "entry 0: task_id is missing"),
        ([{"task_id": True}], RecordError, "entry 0: task_id: expected a number or a name, got true"),
        ([{"task_id": " "}], RecordError, "task_id: expected"),
        ([{"task_id": 1, "intent_template_id": 1.5}], RecordError, "intent_template_id: expected"),
        ([{"task_id": 1, "sites": 5}], RecordError, "(task_id 1): sites: input should be a valid tuple"),
        ([{"task_id": 1, "intent": 5}], RecordError, "(task_id 1): objective: input should be a valid string"),
        ([{"task_id": 1}, {"task_id": "1"}], RecordError, "entry 1: task_id 1 was already at"),
    ],
)
def test_bad_task_file_is_one_sentence(tmp_path, content, error, words):
    path = stored(tmp_path, content)
    with pytest.raises(error, match=re.escape(words)) as raised:
        load_tasks(path)
    assert str(path) in str(raised.value)


def test_missing_task_file_is_refused(tmp_path):
    with pytest.raises(UnreadableFileError, match="no such file"):
        load_tasks(tmp_path / "no.json")
    with pytest.raises(UnreadableFileError, match="not a regular file"):
        load_tasks(tmp_path)
    with pytest.raises(UnreadableFileError):
        load_tasks("a\0b")
    with pytest.raises(InputError):
        load_tasks(None)
