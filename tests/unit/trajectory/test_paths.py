import os
import socket

import pytest

from tracewarp.errors import UnreadableFileError
from tracewarp.trajectory.paths import require_regular_file


def test_a_regular_file_passes(tmp_path):
    file = tmp_path / "a.jsonl"
    file.write_text("x")
    (tmp_path / "link").symlink_to(file)
    require_regular_file(file)
    require_regular_file(str(tmp_path / "link"))


def test_a_missing_file_is_refused_unless_it_may_be_missing(tmp_path):
    require_regular_file(tmp_path / "a", missing_ok=True)
    with pytest.raises(UnreadableFileError, match=r"a: no such file; expected tasks"):
        require_regular_file(tmp_path / "a", expected="expected tasks")


def test_what_is_not_a_regular_file_is_named_and_not_opened(tmp_path):
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as listening:
        listening.bind(str(tmp_path / "socket"))
        for path, kind in (
            (tmp_path / "pipe", "a named pipe"),
            (tmp_path / "socket", "a socket"),
            (tmp_path, "a folder"),
            ("/dev/null", "a device"),
        ):
            for missing_ok in (False, True):
                with pytest.raises(UnreadableFileError, match=f"{path}: {kind}, not a regular file"):
                    require_regular_file(path, missing_ok=missing_ok)


@pytest.mark.parametrize("name", ["a\0b", "x" * 5000, "loop"])
def test_a_path_that_cannot_be_examined_is_one_sentence(tmp_path, name):
    (tmp_path / "loop").symlink_to(tmp_path / "loop")
    with pytest.raises(UnreadableFileError, match="cannot be read") as refused:
        require_regular_file(tmp_path / name)
    assert str(refused.value).isprintable()
