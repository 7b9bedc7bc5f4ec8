"""Trajectories onto disk: one JSON object a line, whole or not at all."""

from __future__ import annotations

import gzip
import os
import threading
from collections.abc import Iterable, Iterator
from contextlib import ExitStack, contextmanager, suppress
from pathlib import Path
from typing import IO, cast

import zstandard
from pydantic_core import PydanticSerializationError

from tracewarp.errors import DuplicateKeyError, FileError, InputError, RecordError
from tracewarp.trajectory.model import Trajectory
from tracewarp.trajectory.paths import reason_of, require_regular_file, shown_path
from tracewarp.trajectory.problems import shown_name


def to_json_line(trajectory: Trajectory) -> bytes:
    """One line of our format, with its line end. Every field is written; the order is that of the record.

    Raises:
        InputError: not a `Trajectory`.
        RecordError: something under an `extra` that JSON cannot hold, or nested too deeply to be read again.
    """
    if not isinstance(trajectory, Trajectory):
        raise InputError(f"trajectories: expected Trajectory records, got {type(trajectory).__name__}")
    try:
        return trajectory.model_dump_json().encode("utf-8") + b"\n"
    except (PydanticSerializationError, ValueError, RecursionError, TypeError) as error:
        raise RecordError(
            f"task {shown_name(trajectory.task.id)}, repeat {trajectory.repeat}: cannot be written as JSON ({error})"
        ) from None


def write_trajectories(path: str | Path, trajectories: Iterable[Trajectory]) -> int:
    """Write a run, compressed by the name's suffix (.gz, .zst).

    The file is written beside and renamed at the end, so that a reader sees the old file or the new one. The same
    records give the same bytes.

    Args:
        path: where the file goes; an older one is replaced.
        trajectories: consumed one by one.

    Returns:
        The number of records written.

    Raises:
        DuplicateKeyError: a (task, repeat) comes again; nothing is written then.
        RecordError: a record that JSON cannot hold.
        FileError: the system refuses to write.
    """
    path = Path(path)
    seen: set[tuple[str, int]] = set()
    with beside(path) as file:
        for trajectory in trajectories:
            line = to_json_line(trajectory)
            if trajectory.key in seen:
                task, repeat = trajectory.key
                raise DuplicateKeyError(
                    f"trajectories: task {shown_name(task)}, repeat {repeat} comes twice; "
                    "a run holds each (task, repeat) once"
                )
            seen.add(trajectory.key)
            file.write(line)
    return len(seen)


@contextmanager
def beside(path: Path) -> Iterator[IO[bytes]]:
    """A file beside `path` that takes its place when the block ends well, and goes away when it does not.

    What is written to it is compressed by the suffix of `path`.

    Raises:
        FileError: the path is a folder, a named pipe, a socket or a device, or the system refuses to write.
    """
    require_regular_file(path, missing_ok=True)
    temporary = path.with_name(f".{path.name}.{os.getpid()}-{threading.get_ident()}.tmp")
    try:
        with temporary.open("wb") as raw:
            with ExitStack() as layers:
                yield _compressed(raw, path, layers)
            raw.flush()
            os.fsync(raw.fileno())
        temporary.replace(path)
    except OSError as error:
        raise FileError(f"{shown_path(path)}: cannot be written ({reason_of(error)})") from None
    finally:
        with suppress(OSError):  # a read-only folder refuses this even where the file was never made
            temporary.unlink()


def make_folder(folder: Path) -> None:
    """Make a folder where it is missing, with those above it.

    Raises:
        FileError: the system refuses.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (OSError, ValueError) as error:
        raise FileError(f"{shown_path(folder)}: the folder cannot be made ({reason_of(error)})") from None


def _compressed(raw: IO[bytes], path: Path, layers: ExitStack) -> IO[bytes]:
    if path.suffix == ".gz":
        # No name and no time inside, so that the bytes depend on the records alone.
        return cast(IO[bytes], layers.enter_context(gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0)))
    if path.suffix == ".zst":
        return layers.enter_context(zstandard.ZstdCompressor(level=10).stream_writer(raw, closefd=False))
    return raw
