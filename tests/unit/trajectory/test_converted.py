"""Files that other programs wrote (tests/data/converted), and what is said of fields that are none."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracewarp.errors import EmptyRunError, UnreadableFileError
from tracewarp.trajectory import Ending, load_tasks, open_run

CONVERTED = Path(__file__).parents[2] / "data" / "converted"
GOOD = '{"task": {"id": "good"}}\n'


def read(path: Path, text: str | bytes):
    path.write_bytes(text if isinstance(text, bytes) else text.encode())
    reader = open_run(path)
    return list(reader), [str(problem).removeprefix(f"{path}:") for problem in reader.problems]


@pytest.mark.parametrize("program", ["datasets", "pandas", "pyarrow"])
def test_records_are_equal_after_they_went_through_other_programs(program):
    reader = open_run(CONVERTED / f"{program}.jsonl", strict=True)
    assert list(reader) == list(open_run(CONVERTED / "source.jsonl", strict=True))


def test_nulls_under_extra_are_kept_in_records_that_tracewarp_wrote(tmp_path):
    text = '{"schema_version": 2, "task": {"id": "1", "template": null}, "steps": null, "extra": {"a": null}}\n'
    (ours,), _ = read(tmp_path / "a.jsonl", text)
    (other,), _ = read(tmp_path / "b.jsonl", text.replace('"schema_version": 2', '"schema_version": null'))
    assert (ours.extra, other.extra, ours.steps) == ({"a": None}, {}, ())


@pytest.mark.parametrize("last", ["null", '{"observation": null}', '{"observation": {"text": null, "url": "u"}}'])
def test_a_null_last_observation_is_the_page_after_the_end(tmp_path, last):
    steps = '{"observation": {"text": "a"}, "action": "click [1]"}'
    (episode,), problems = read(tmp_path / "a.jsonl", f'{{"task": {{"id": "1"}}, "steps": [{steps}, {last}]}}\n')
    assert [(step.observation.text, step.executed) for step in episode.steps] == [("a", True), ("", False)]
    assert problems == []


def test_an_action_on_a_last_page_that_is_null_counts(tmp_path):
    text = '{"task": {"id": "1"}, "steps": [{"observation": null, "action": "stop [x]"}]}\n'
    (episode,), _ = read(tmp_path / "a.jsonl", text)
    assert [step.action for step in episode.executed_steps] == ["stop [x]"]


def test_a_page_that_is_missing_elsewhere_is_a_fault(tmp_path):
    for steps in ('{"observation": null}, {"observation": {"text": "a"}}', '{"action": "click [1]"}'):
        episodes, problems = read(tmp_path / "a.jsonl", f'{GOOD}{{"task": {{"id": "1"}}, "steps": [{steps}]}}\n')
        assert len(episodes) == 1
        assert "2: steps[0].observation: missing" in problems[0]


@pytest.mark.parametrize(
    ("task", "key", "template"),
    [
        ('{"id": 7, "template_id": 12}', "7", "12"),
        ('{"id": 7.0, "template_id": 12.0}', "7", "12"),
        ('{"id": 12345678901234567890}', "12345678901234567890", None),
        ('{"id": "007"}', "007", None),
    ],
)
def test_ids_that_are_numbers_are_their_digits(tmp_path, task, key, template):
    (episode,), _ = read(tmp_path / "a.jsonl", f'{{"task": {task}, "provenance": {{"seed": "3"}}}}\n')
    assert (episode.task.id, episode.task.template_id, episode.provenance.seed) == (key, template, 3)


@pytest.mark.parametrize("value", ["true", "1.5", "[1]", '""'])
def test_ids_of_another_kind_are_refused(tmp_path, value):
    episodes, problems = read(tmp_path / "a.jsonl", f'{GOOD}{{"task": {{"id": {value}}}}}\n')
    assert len(episodes) == 1
    assert problems[0].startswith("2: task.id: ")


def test_ids_of_tasks_may_be_numbers_or_null_elsewhere(tmp_path):
    (tmp_path / "a.json").write_text('[{"task_id": 1.0, "intent": "a", "intent_template_id": 5.0, "sites": null}]')
    (task,) = load_tasks(tmp_path / "a.json")
    assert (task.id, task.template_id, task.sites) == ("1", "5", ())


# Messages.


def test_every_fault_of_a_line_is_told_with_the_nearest_name(tmp_path):
    record = {
        "task": {"id": "1", "objectiv": "x"},
        "setps": [],
        "objective": "o",
        "steps": [{"observation": {"txt": "a"}, "acton": "x", "valid": "perhaps"}],
        "outcome": {"score": 3, "ending": "stoped"},
        "wholly_new": 1,
    }
    _, (problem, second) = read(tmp_path / "a.jsonl", f"{GOOD}{json.dumps(record)}\n" + '{"task": {}}\n')
    for said in (
        "2: task.objectiv: unknown field; did you mean 'objective'?",
        "steps[0].observation.txt: unknown field; did you mean 'text'?",
        "steps[0].observation.text: missing",
        "steps[0].acton: unknown field; did you mean 'action'?",
        'steps[0].valid: input should be a valid boolean, unable to interpret input, got "perhaps"',
        "outcome.score: input should be less than or equal to 1, got 3",
        "got \"stoped\"; did you mean 'stop'?",
        "setps: unknown field; did you mean 'steps'?",
        "objective: unknown field; objective is a field of task",
        "wholly_new: unknown field; what no field has a place for goes under extra",
        "docs/guides/bring-your-own-trajectories.md",
    ):
        assert said in problem
    assert "docs/guides" not in second


def test_the_faults_are_told_where_no_line_can_be_read(tmp_path):
    with pytest.raises(EmptyRunError, match=r"task_id: unknown field; did you mean 'task'\?.*docs/guides"):
        read(tmp_path / "a.jsonl", '{"task_id": "1", "steps": []}\n')
    with pytest.raises(UnreadableFileError, match=r"did you mean 'task'\?.*docs/guides"):
        read(tmp_path / "a.jsonl", '{"tsk": {"id": "1"}}\n')


def test_control_characters_of_a_file_do_not_reach_a_message(tmp_path):
    _, problems = read(tmp_path / "a.jsonl", GOOD + '{"task": {"id": "1"}, "a\\u001b[31m\\u0007": "\\u001b[2J"}\n')
    assert problems[0].isprintable()
    assert "a\\x1b[31m\\x07: unknown field" in problems[0]


@pytest.mark.parametrize("encoding", ["utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le"])
def test_another_encoding_is_named(tmp_path, encoding):
    for name in ("a.jsonl", "a.json"):
        with pytest.raises(UnreadableFileError, match=f"the text is {encoding[:6].upper()}, expected UTF-8"):
            read(tmp_path / name, GOOD.encode(encoding))
        with pytest.raises(UnreadableFileError, match=f"the text is {encoding[:6].upper()}, expected UTF-8"):
            load_tasks(tmp_path / name)


def test_text_in_latin_1_is_named(tmp_path):
    text = GOOD.encode() + '{"task": {"id": "1", "objective": "Öffne das Café"}}\n'.encode("latin-1")
    episodes, problems = read(tmp_path / "a.jsonl", text)
    assert len(episodes) == 1
    assert "2: byte 0xd6" in problems[0]
    assert "looks like Latin-1" in problems[0]
    with pytest.raises(UnreadableFileError, match="looks like Latin-1"):
        read(tmp_path / "b.jsonl", text[len(GOOD) :])


# ATIF.


def test_a_document_that_the_formats_own_package_wrote():
    reader = open_run(CONVERTED / "atif.json")
    (episode,) = reader
    assert (episode.key, episode.task.objective, episode.outcome.ending) == (("t-1", 0), "List the files.", Ending.STOP)
    assert [step.action for step in episode.steps] == [
        'bash(cmd="ls")\npwd()',
        'bash(cmd="old")',
        'delegate(to="s")',
        "send_msg_to_user('There is a.txt.')",
    ]
    assert [step.executed for step in episode.steps] == [True, False, True, True]
    assert episode.steps[0].observation.text == "$ "
    assert (episode.steps[0].thinking, episode.steps[0].response) == ("I need ls.", "I look.")
    assert sorted(problem.message for problem in reader.problems) == [
        "1 parts of a message that are no text are left out",
        "1 trajectories of subagents are left out",
    ]
