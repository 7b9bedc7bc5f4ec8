"""Paths that are no files, folders that cannot be read or written: one sentence, exit code 2, and never a wait."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

import pytest

from tracewarp.cli import main

CASES = Path(__file__).parents[2] / "data" / "cases"
RUN = CASES / "hf-roundtrip-in.jsonl"
NOBODY = 65534


@contextmanager
def within(seconds: int) -> Iterator[None]:
    """Fail where something waits, e.g. for somebody who writes into a pipe."""

    def stop(_number: int, _frame: object) -> None:
        raise AssertionError(f"still waiting after {seconds} s")

    before = signal.signal(signal.SIGALRM, stop)
    signal.alarm(seconds)
    try:
        yield
    finally:
        signal.alarm(0)
        signal.signal(signal.SIGALRM, before)


def refused(capsys: pytest.CaptureFixture[str], *arguments: object) -> str:
    """What a command says on stderr before it leaves with exit code 2."""
    capsys.readouterr()
    with within(20), pytest.raises(SystemExit) as left:
        main([str(argument) for argument in arguments])
    said = capsys.readouterr().err
    assert left.value.code == 2, said
    assert "Traceback" not in said
    assert len(said.strip().splitlines()) == 1, said
    return said


READING = [
    ("validate", "{}"),
    ("show", "{}"),
    ("judge", "{}"),
    ("bench", "--from", "{}"),
    ("filter", "{}", "--out", "{out}"),
    ("evaluate", "{}"),
    ("evaluate", "{run}", "--references", "{}"),
    ("evaluate", "{run}", "--trivial", "{}"),
    ("evaluate", "{run}", "--compare-to", "{}"),
    ("evaluate", "{run}", "--tasks", "{}"),
    ("capabilities", "{}"),
    ("dedup", "{}"),
    ("dedup", "{}", "--field", "text"),
    ("train", "{}", "--base", "{run}", "--out", "{out}", "--dry-run"),
]
"""Commands with a path that is read."""


@pytest.fixture
def odd(tmp_path: Path) -> Iterator[dict[str, Path]]:
    os.mkfifo(tmp_path / "pipe")
    listening = socket.socket(socket.AF_UNIX)
    listening.bind(str(tmp_path / "socket"))
    yield {"a named pipe": tmp_path / "pipe", "a socket": tmp_path / "socket", "a device": Path("/dev/zero")}
    listening.close()


@pytest.mark.parametrize("words", READING, ids=" ".join)
def test_what_is_no_regular_file_is_refused_before_it_is_opened(words, odd, tmp_path, capsys):
    for kind, path in odd.items():
        arguments = [word.format(path, out=tmp_path / "out", run=RUN) for word in words]
        assert kind in refused(capsys, *arguments)


@pytest.mark.parametrize("name", ["trajectories.jsonl", "run.json"])
def test_a_pipe_inside_a_run_folder_is_refused(name, tmp_path, capsys):
    shutil.copy(RUN, tmp_path / "trajectories.jsonl")
    (tmp_path / name).unlink(missing_ok=True)
    os.mkfifo(tmp_path / name)
    assert "a named pipe" in refused(capsys, "validate", tmp_path)


def test_a_pipe_among_the_step_files_loses_itself_alone(tmp_path, capsys):
    for folder in (CASES / "agentlab-same-second").iterdir():
        shutil.copytree(folder, tmp_path / folder.name)
    (tmp_path / folder.name / "steps_info_1.json").unlink()
    os.mkfifo(tmp_path / folder.name / "steps_info_1.json")
    with within(20), pytest.raises(SystemExit) as left:
        main(["validate", str(tmp_path)])
    assert left.value.code == 1
    assert "steps_info_1.json: a named pipe" in capsys.readouterr().out


@pytest.mark.parametrize(
    "words",
    [
        ("judge", "{run}", "--out", "{}"),
        ("evaluate", "{run}", "--cache", "{}", "--references", "{run}"),
    ],
    ids=" ".join,
)
def test_a_pipe_is_no_place_to_write_to(words, odd, capsys):
    assert "a named pipe" in refused(capsys, *(word.format(odd["a named pipe"], run=RUN) for word in words))
    assert odd["a named pipe"].is_fifo()


@contextmanager
def unprivileged() -> Iterator[None]:
    """Root may do everything: go on as somebody else."""
    privileged = os.geteuid() == 0
    if privileged:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if privileged:
            os.seteuid(0)


@pytest.fixture
def folder() -> Iterator[Path]:
    """A folder with a run, texts, tasks, a run folder and an AgentLab directory, outside pytest's own closed one."""
    root = Path(tempfile.mkdtemp())
    root.chmod(0o755)
    folder = root / "locked"
    folder.mkdir()
    shutil.copy(RUN, folder / "run.jsonl")
    (folder / "texts.txt").write_text("one\ntwo\n")
    (folder / "tasks.json").write_text('[{"task_id": 1, "intent": "a", "intent_template": "a"}]')
    (folder / "closed").mkdir()
    shutil.copy(RUN, folder / "closed" / "trajectories.jsonl")
    for name in ("2024-10-01_12-00-00_GenericAgent-m_on_webarena.21_10", "other"):
        source = CASES / "agentlab-same-second" / "2024-10-01_12-00-00_GenericAgent-m_on_webarena.21_10"
        shutil.copytree(source, folder / "half" / name)
    yield folder
    for inner in (folder, folder / "closed", folder / "half" / "other"):
        inner.chmod(0o755)
    shutil.rmtree(root)


@pytest.mark.parametrize(
    "words",
    [
        ("judge", "{}/run.jsonl", "--out", "{}/judged.jsonl"),
        ("dedup", "{}/texts.txt", "--no-cache", "--out", "{}/distinct.txt"),
        ("evaluate", "{}/run.jsonl", "--out", "{}/out"),
        ("evaluate", "{}/run.jsonl", "--references", "{}/run.jsonl", "--cache", "{}/cache.sqlite"),
        ("filter", "{}/run.jsonl", "--out", "{}/out"),
        ("collect", "--env", "arena", "--policy", "trivial", "--out", "{}/run", "--limit", "1"),
    ],
    ids=" ".join,
)
def test_a_read_only_folder_is_one_sentence(words, folder, tmp_path, capsys):
    # once where it may write, so that every module is loaded before the process becomes somebody else
    shutil.copytree(folder, tmp_path / "open")
    with suppress(SystemExit):
        main([word.format(tmp_path / "open") for word in words])
    folder.chmod(0o555)
    with unprivileged():
        said = refused(capsys, *(word.format(folder) for word in words))
    assert str(folder) in said


def test_commands_that_only_read_work_in_a_read_only_folder(folder, capsys):
    for words in (("capabilities", "tasks.json"), ("dedup", "texts.txt"), ("validate", "run.jsonl")):
        main([words[0], str(folder / words[1])])
    folder.chmod(0o555)
    with unprivileged():
        for words in (("capabilities", "tasks.json"), ("dedup", "texts.txt"), ("validate", "run.jsonl")):
            main([words[0], str(folder / words[1])])


@pytest.mark.parametrize("command", ["validate", "show", "judge", "evaluate"])
def test_a_folder_without_permission_is_one_sentence(command, folder, capsys):
    with suppress(SystemExit):
        main([command, str(folder / "closed")])
    (folder / "closed").chmod(0o000)
    with unprivileged():
        said = refused(capsys, command, folder / "closed")
    assert "closed: cannot be read (Permission denied)" in said


def test_a_task_folder_without_permission_loses_itself_alone(folder, capsys):
    (folder / "half" / "other").chmod(0o000)
    with unprivileged(), pytest.raises(SystemExit) as left:
        main(["validate", str(folder / "half")])
    assert left.value.code == 1
    said = capsys.readouterr().out
    assert "other: cannot be read (Permission denied)" in said
    assert "episodes       1" in said
