from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracewarp.cli import main

DATA = Path(__file__).parents[2] / "data" / "trajectories"
GOOD = (
    '{"task": {"id": "1"}, "steps": [{"observation": {"text": "t"}, "action": "click [1]"}], "outcome": {"score": 1}}\n'
)


def run(*args):
    with pytest.raises(SystemExit) as left:
        main([*map(str, args)])
        raise SystemExit(0)
    return left.value.code


def test_whole_file_exits_with_zero_and_counts(capsys):
    assert run("validate", DATA / "agentlab.jsonl", "--json") == 0
    found = json.loads(capsys.readouterr().out)
    assert found["format"] == "agentlab-jsonl"
    assert (found["episodes"], found["empty_episodes"], found["judged"], found["successes"]) == (3, 1, 3, 1)
    assert (found["steps"], found["executed_steps"], found["refused_actions"]) == (6, 4, 1)
    assert found["verbs_outside"] == {"take_note": 1}
    assert found["problems"] == []


def test_problems_exit_with_one_and_name_file_and_line(tmp_path, capsys):
    path = tmp_path / "run.jsonl"
    path.write_text(GOOD + "bad\n" * 30 + GOOD)
    assert run("validate", path) == 1
    out = capsys.readouterr().out
    assert f"{path}:2: not JSON" in out
    assert out.count("not JSON") == 20
    assert "... and 11 more" in out


def test_repeated_key_is_a_finding(tmp_path, capsys):
    path = tmp_path / "run.jsonl"
    path.write_text(GOOD * 2)
    assert run("validate", path, "--json") == 1
    assert json.loads(capsys.readouterr().out)["duplicate_keys"] == [f"{path}:2: task 1, repeat 0, as at {path}:1"]


def test_strict_stops_at_the_first_problem(tmp_path, capsys):
    path = tmp_path / "run.jsonl"
    path.write_text(GOOD + "bad\nworse\n")
    assert run("validate", path, "--strict") == 2
    assert capsys.readouterr().err.startswith(f"Error: {path}:2: not JSON")


def test_unreadable_exits_with_two_and_one_sentence(tmp_path, capsys):
    assert run("validate", tmp_path / "none.jsonl") == 2
    captured = capsys.readouterr()
    assert captured.out == ""
    assert captured.err.count("\n") == 1
    assert "no such file" in captured.err


def test_run_of_problems_only_says_them(tmp_path, capsys):
    (tmp_path / "trajectories.jsonl").write_text('{"task"')
    assert run("validate", tmp_path) == 2
    error = capsys.readouterr().err
    assert "trajectories.jsonl:1: the last line is cut off" in error
    assert "Error: " in error
