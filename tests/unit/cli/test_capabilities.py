from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracewarp.cli import main

TASKS = [
    {"task_id": 1, "intent": "Fork a", "intent_template": "Fork {{repo}}", "intent_template_id": 1, "sites": ["git"]},
    {"task_id": 2, "intent": "Fork b", "intent_template": "Fork the {{repo}}", "intent_template_id": 2},
    {"task_id": 3, "intent": "Price?", "intent_template": "What is the price of {{x}}?", "intent_template_id": 3},
    {"task_id": 4, "intent": "Anything [bold]"},
]
SHARED = Path(__file__).parents[4] / "shared" / "data" / "webarena" / "test.raw.json"


@pytest.fixture
def run(capsys):
    def call(*arguments):
        try:
            main(["capabilities", *map(str, arguments)])
            code = 0
        except SystemExit as leave:
            code = leave.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


@pytest.fixture
def tasks(tmp_path):
    path = tmp_path / "tasks.json"
    path.write_text(json.dumps(TASKS))
    return path


def test_groups_say_who_joined_whom_and_at_which_similarity(run, tasks):
    code, out, err = run(tasks, "--threshold", 0.5)
    assert (code, err) == (0, "")
    assert "4, of these 1 without a template" in out
    assert "3: computed with hashed/" in out
    joined = next(line for line in out.splitlines() if "<-" in line)
    assert "Fork the {{repo}}  <- Fork {{repo}}" in joined
    assert 0.5 < float(joined.split()[0]) < 1
    assert "Anything [bold]" in out


def test_json_holds_the_same(run, tasks):
    code, out, _ = run(tasks, "--threshold", 0.5, "--json")
    told = json.loads(out)
    assert code == 0
    assert [group["tasks"] for group in told["groups"]] == [["1", "2"], ["3"], ["4"]]
    assert told["facts"]["adjusted_rand_index"] is None
    assert told["without_template"] == ["4"]


def test_a_threshold_that_belongs_to_another_encoder_is_told(run, tasks):
    assert "belongs to the paper's encoder" in run(tasks)[2]


def test_bad_words_are_one_sentence_and_exit_code_2(run, tasks, tmp_path):
    for arguments, sentence in [
        ((tasks, "--threshold", 2), "threshold: expected a cosine in [-1, 1], got 2.0"),
        ((tasks, "--published"), "--published: expected WebArena's tasks"),
        ((tmp_path / "no.json",), "no such file"),
        ((tasks, "--method", "average"), "Invalid value for '--method'"),
    ]:
        code, out, err = run(*arguments)
        assert (code, out) == (2, "")
        assert sentence in err
        assert "Traceback" not in err


def test_labels_in_the_task_file_are_compared_with_the_computed_groups(run, tmp_path):
    path = tmp_path / "labelled.json"
    path.write_text(json.dumps([{**row, "capability": "fork"} if "Fork" in row["intent"] else row for row in TASKS]))
    code, out, _ = run(path, "--threshold", 0.5)
    assert code == 0
    assert "1.0000 against the labels in the task file (3 groups), over tasks" in out
    assert "2: each is a capability of its own" in out
    facts = json.loads(run(path, "--threshold", 0.5, "--json")[1])["facts"]
    assert (facts["compared_with"], facts["compared_groups"], facts["without_label"]) == ("task file", 3, 2)


def test_a_file_of_labels_is_compared_instead(run, tasks, tmp_path):
    labels = tmp_path / "labels.json"
    labels.write_text(json.dumps({"1": "a", "2": "b", "3": "b", "4": "c"}))
    facts = json.loads(run(tasks, "--threshold", 0.5, "--capabilities", labels, "--json")[1])["facts"]
    assert (facts["compared_with"], facts["compared_groups"], facts["without_label"]) == ("file", 3, 0)
    assert facts["adjusted_rand_index"] < 0
    labels.write_text("[]")
    code, out, err = run(tasks, "--capabilities", labels)
    assert (code, out) == (2, "")
    assert "expected a JSON object of task id to label" in err


@pytest.mark.shared
def test_webarena_is_compared_with_the_published_map(run):
    if not SHARED.exists():
        pytest.skip("the data beside the checkout is not there")
    facts = json.loads(run(SHARED, "--json")[1])["facts"]
    assert (facts["tasks"], facts["templates"], facts["template_ids"], facts["without_template"]) == (812, 241, 190, 0)
    assert 0.3 < facts["adjusted_rand_index"] < 1
    published = json.loads(run(SHARED, "--published", "--json")[1])["facts"]
    assert (published["labels"], published["groups"], published["reachable"]) == (144, 136, 131)
    assert "136: connected components of the 144 published labels" in run(SHARED, "--published")[1]
