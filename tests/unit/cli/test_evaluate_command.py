"""`tracewarp evaluate` from the outside: stdout, stderr, files, exit codes."""

from __future__ import annotations

import json

import pytest

from tracewarp.cli import main


def line(task, *, action="stop [x]", score=1, template=None):
    task = {"id": str(task), "objective": f"objective {task}", **({} if template is None else {"template": template})}
    steps = [{"observation": {"text": f"page {task['id']}"}, "action": action}]
    return json.dumps({"task": task, "steps": steps, "outcome": {"score": score}}) + "\n"


@pytest.fixture
def run(tmp_path):
    path = tmp_path / "run.jsonl"
    path.write_text(line(1, template="t") + line(2, template="t") + line(3, score=0), encoding="utf-8")
    return path


def call(*words):
    with pytest.raises(SystemExit) as left:
        main(["evaluate", *map(str, words)])
        raise SystemExit(0)
    return left.value.code


def test_table_goes_to_stdout_and_talk_to_stderr(run, capsys):
    assert call(run, "--no-cache") == 0
    said = capsys.readouterr()
    assert "66.7 %" in said.out
    assert "3/3 episodes" in said.err
    assert "3/3 episodes" not in said.out


def test_json_is_all_of_stdout(run, capsys):
    assert call(run, "--references-from", "capability", "--no-cache", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["runs"][0]["functional_correctness"]["successes"] == 2
    assert found["runs"][0]["vertex_dtw"]["n_referenced"] == 2
    assert found["settings"]["references_from"] == "capability"


def test_out_holds_the_same_scores_and_the_report(run, tmp_path, capsys):
    out = tmp_path / "new" / "out"
    assert call(run, "--no-cache", "--out", out, "--json") == 0
    assert (out / "scores.json").read_text(encoding="utf-8") == capsys.readouterr().out
    assert (out / "report.html").read_text(encoding="utf-8").startswith("<!doctype html>")
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "scores.json"]


def test_every_option_reaches_the_settings(run, tmp_path, capsys):
    words = ["--references", run, "--all-references", "--trivial", run, "--compare-to", run, "--include-reasoning"]
    words += ["--step-template", "split", "--mode", "eq1", "--gamma", "0.5", "--decay", "relative", "--z", "none"]
    words += ["--strength", "2", "--steps", "accepted", "--reference-aggregate", "mean", "--max-references", "5"]
    words += ["--seed", "3", "--resamples", "2500", "--confidence", "0.9", "--chance-draws", "2", "--threads", "1"]
    assert call(run, *words, "--cache", tmp_path / "cache.sqlite", "--json") == 0
    found = json.loads(capsys.readouterr().out)["settings"]
    given = {"mode": "eq1", "gamma": 0.5, "decay": "relative", "strength": 2, "z": "none"}
    assert found["vertex"] | given == found["vertex"]
    assert (found["seed"], found["resamples"], found["confidence"]) == (3, 2500, 0.9)
    assert (found["chance_draws"], found["threads"], found["step_template"]) == (2, 1, "split")
    assert found["all_references"] and found["include_reasoning"]
    assert (found["steps"], found["reference_aggregate"], found["max_references"]) == ("accepted", "mean", 5)
    assert (found["preset"], found["changed_from_preset"]) == (None, [])
    assert found["references"] == [str(run)]
    assert found["trivial"] == found["compare_to"] == str(run)
    assert (tmp_path / "cache.sqlite").exists()


def test_a_preset_is_overridden_by_what_is_given_and_recorded(run, capsys):
    words = [
        "--references",
        run,
        "--preset",
        "paper",
        "--encoder",
        "hashed",
        "--decay",
        "relative",
        "--no-cache",
        "--json",
    ]
    assert call(run, *words, "--successful-references") == 0
    found = json.loads(capsys.readouterr().out)["settings"]
    assert found["vertex"] | {"mode": "eq1", "decay": "relative", "z": "zero_pad"} == found["vertex"]
    assert (found["max_references"], found["step_template"], found["encoder"]["name"]) == (0, "paper", "hashed")
    assert not found["all_references"]
    assert found["preset"] == "paper"
    assert found["changed_from_preset"] == ["all_references", "encoder", "vertex"]


def test_a_bad_line_is_said_and_the_others_count(run, capsys):
    run.write_text(run.read_text(encoding="utf-8") + "{torn", encoding="utf-8")
    assert call(run, "--no-cache", "--json") == 0
    said = capsys.readouterr()
    assert f"{run}:4: " in said.err
    assert json.loads(said.out)["runs"][0]["functional_correctness"]["n"] == 3
    assert call(run, "--no-cache", "--strict") == 2


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ((), "RUN"),
        (("nowhere.jsonl",), "nowhere.jsonl"),
        (("RUN", "--tasks", "nowhere.json"), "nowhere.json"),
        (("RUN", "--gamma", "-1"), "gamma"),
        (("RUN", "--gamma", "nan"), "gamma"),
        (("RUN", "--strength", "2"), 'only decay "relative" has a strength'),
        (("RUN", "--decay", "relative", "--strength", "0"), "strength"),
        (("RUN", "--resamples", "5"), "resamples"),
        (("RUN", "--confidence", "1"), "confidence"),
        (("RUN", "--threads", "0"), "threads"),
        (("RUN", "--seed", "-1"), "seed"),
        (("RUN", "--mode", "best"), "--mode"),
        (("RUN", "--steps", "some"), "--steps"),
        (("RUN", "--reference-aggregate", "min"), "--reference-aggregate"),
        (("RUN", "--max-references", "-1"), "max_references"),
        (("RUN", "--preset", "article"), "--preset"),
        (("RUN", "--cache", "c", "--no-cache"), "--no-cache"),
        (("RUN", "RUN"), "given twice"),
        (("RUN", "--out", "RUN"), "--out"),
        (("RUN", "--references", "RUN", "--encoder", "no/such-model"), "no/such-model"),
    ],
)
def test_bad_words_exit_with_two_and_one_sentence(run, capsys, monkeypatch, words, said):
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    assert call(*(run if word == "RUN" else word for word in words)) == 2
    told = capsys.readouterr()
    assert told.out == ""
    assert said in told.err
    assert "Traceback" not in told.err


def test_nothing_is_written_where_nothing_is_embedded(run, tmp_path, monkeypatch):
    monkeypatch.setenv("TRACEWARP_CACHE", str(tmp_path / "cache" / "c.sqlite"))
    run.write_text(line(1), encoding="utf-8")
    assert call(run) == 0
    assert not (tmp_path / "cache").exists()
