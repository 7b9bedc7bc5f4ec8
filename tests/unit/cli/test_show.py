from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from tracewarp.cli import main
from tracewarp.cli._terminal import one_line, printable, shortened
from tracewarp.trajectory import Ending, Observation, Outcome, Step, Task, Trajectory, write_trajectories

DATA = Path(__file__).parents[2] / "data" / "trajectories"


def shown(capsys, *args):
    main(["show", *map(str, args)])
    return capsys.readouterr().out


def refused(capsys, *args):
    with pytest.raises(SystemExit) as left:
        main(["show", *map(str, args)])
    assert left.value.code == 2
    return capsys.readouterr().err


def test_table_has_a_row_an_episode(capsys):
    out = shown(capsys, DATA / "agentlab")
    assert "agentlab (agentlab-directory)" in out
    assert "step_limit" in out and "environment_error" in out
    assert out.count("Buy a red mug") == 2


def test_episode_is_read_step_by_step(capsys):
    out = shown(capsys, DATA / "agentlab.jsonl", "task_7", "--repeat", "1")
    assert "> click('12')" in out
    assert "TimeoutError: Locator.click" in out
    assert "http://shop.test/mugs" in out
    assert "(recorded after the end, not executed)" in out
    assert "score 1, ending stop, 3 executed steps" in out


def test_one_step_alone(capsys):
    out = shown(capsys, DATA / "agentlab.jsonl", "7", "--step", "1")
    assert "step 1" in out and "step 0" not in out


def test_tree_is_cut_unless_full(tmp_path, capsys):
    tree = "\n".join(f"line{number}" for number in range(50))
    step = Step(observation=Observation(text=tree), reasoning="why " * 500, action="noop()")
    path = tmp_path / "run.jsonl"
    write_trajectories(path, [Trajectory(task=Task(id="1"), steps=(step,))])
    out = shown(capsys, path, "1")
    assert "line49" not in out and "38 more lines" in out and "…" in out
    assert "line49" in shown(capsys, path, "1", "--full")


def test_page_text_is_shown_and_never_obeyed(tmp_path, capsys):
    nasty = "[bold red]markup[/] \x1b[2J\x1b]0;title\x07 \u202egnp.exe \x9b31m :smile: [/nothing]"
    step = Step(observation=Observation(text=nasty, url=nasty, title=nasty), action=nasty, error=nasty, reasoning=nasty)
    path = tmp_path / "run.jsonl"
    write_trajectories(
        path,
        [Trajectory(task=Task(id="1", objective=nasty), steps=(step,), outcome=Outcome(error=nasty))],
    )
    for out in (shown(capsys, path), shown(capsys, path, "1", "--full")):
        assert not any(control in out for control in "\x1b\x07\x9b\u202e")
        assert "[bold red]markup[/]" in out and ":smile:" in out and "␛[2J" in out


def test_unknown_task_names_what_there_is(capsys):
    assert "has no episode of 99; it has e.g. 7" in refused(capsys, DATA / "agentlab.jsonl", "99")
    assert "has no episode of 7, repeat 9" in refused(capsys, DATA / "agentlab.jsonl", "7", "--repeat", "9")
    assert "--step: the episode has 4 steps" in refused(capsys, DATA / "agentlab.jsonl", "7", "--step", "4")
    assert "name the TASK" in refused(capsys, DATA / "agentlab.jsonl", "--step", "2")


def test_output_survives_an_encoding_without_the_characters():
    done = subprocess.run(
        [sys.executable, "-c", "from tracewarp.cli import main; main()", "show", DATA / "agentlab.jsonl", "7"],
        env={"PYTHONIOENCODING": "ascii", "PATH": ""},
        capture_output=True,
        check=True,
    )
    assert b"> click('12')" in done.stdout


def test_controls_become_pictures_and_layout_stays():
    assert printable("a\tb\nc\x00\x1b\x7f\x85\r") == "a\tb\nc␀␛␡�␍"
    assert one_line(" a\n\tb ") == "a b"
    assert (shortened("abcdef", 4), shortened("abcd", 4)) == ("abc…", "abcd")


def test_why_an_episode_failed_is_shown_with_its_traceback_and_never_obeyed(tmp_path, capsys):
    trace = (
        "Traceback (most recent call last):\n" + "".join(f"  frame {i}\n" for i in range(40)) + "ValueError: \x1b[2J\n"
    )
    outcome = Outcome(score=0.0, ending=Ending.AGENT_ERROR, error="ValueError: \x1b[2J\x07", traceback=trace)
    path = tmp_path / "run.jsonl"
    write_trajectories(path, [Trajectory(task=Task(id="1"), outcome=outcome)])
    out = shown(capsys, path, "1")
    assert "score 0, ending agent_error" in out and "frame 39" in out and "frame 3\n" not in out
    assert "22 earlier lines (--full shows them)" in out
    assert "\x1b" not in out and "\x07" not in out
    assert "frame 3\n" in shown(capsys, path, "1", "--full")


def test_answers_that_were_cut_are_marked_and_counted(tmp_path, capsys):
    page = Observation(text="page")
    attempt = {"response": "Let me see", "finish_reason": "length"}
    steps = (
        Step(
            observation=page,
            action="stop [1]",
            finish_reason="stop",
            thinking="first this",
            extra={"attempts": [attempt]},
        ),
        Step(observation=page, action=None, finish_reason="length"),
        Step(observation=page, action="stop [1]", finish_reason="stop", extra={"attempts": "none"}),
    )
    path = tmp_path / "run.jsonl"
    write_trajectories(path, [Trajectory(task=Task(id="1"), steps=steps)])
    out = shown(capsys, path, "1")
    assert "(1 of 2 answers were cut at max_new_tokens)" in out
    assert "(the answer was cut at max_new_tokens)" in out
    assert "2 of the model's answers were cut at max_new_tokens" in out
    assert "(thinking) first this" in out


def test_errors_of_the_command_line_do_not_control_the_terminal(capsys):
    for words in (["no\x1b[2Jrun"], [DATA / "agentlab.jsonl", "task\x1b[2J"], ["--\x1b[2J"]):
        assert "\x1b" not in refused(capsys, *words)


def test_the_package_runs_as_a_module():
    done = subprocess.run([sys.executable, "-m", "tracewarp", "--version"], capture_output=True, text=True)
    assert done.returncode == 0 and done.stdout.startswith("tracewarp ")
