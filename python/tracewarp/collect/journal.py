"""The episodes of a run on disk, one line each: appended when they are finished, put into order at the end.

A line is with the system before the run goes on, so that a kill at any moment loses no finished episode; at most the
line that was being written is torn, and that one is dropped when the file is opened again. The disk is waited for
every `SYNC_SECONDS`: a power cut costs no more than that, and quick episodes need not wait.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable
from contextlib import suppress
from pathlib import Path

from tracewarp.errors import DuplicateKeyError, FileError, RecordError
from tracewarp.trajectory import Trajectory
from tracewarp.trajectory.formats.own import parse_record
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.paths import require_regular_file
from tracewarp.trajectory.problems import shown_name
from tracewarp.trajectory.write import beside

SYNC_SECONDS = 0.1
"""Between two waits for the disk; an episode that takes longer is waited for on its own."""

Key = tuple[str, int]
"""(task id, repeat)."""


class Journal:
    """The file of a run's episodes, open for appending.

    Args:
        path: made where it is missing.
        found: hears every episode that is already there.

    Raises:
        RecordError: a line that is no episode; nothing is changed then.
        DuplicateKeyError: the same (task, repeat) twice.
        FileError: the system refuses to read or to write.
    """

    def __init__(self, path: Path, *, found: Callable[[Trajectory], None]) -> None:
        self.path = path
        self.places: dict[Key, tuple[int, int]] = {}
        """Where each episode's line begins, and how many bytes it has."""
        self.torn = 0
        """Bytes of a torn last line that were dropped."""
        self._size = 0
        self._synced = 0.0
        require_regular_file(path, missing_ok=True)
        try:
            self._file = os.open(path, os.O_RDWR | os.O_CREAT | os.O_APPEND, 0o666)
        except OSError as error:
            raise FileError(f"{path}: cannot be opened ({error.strerror or error})") from None
        try:
            self._read(found)
        except OSError as error:
            self.close()
            raise FileError(f"{path}: cannot be read ({error.strerror or error})") from None
        except BaseException:
            self.close()
            raise

    def __contains__(self, key: Key) -> bool:
        return key in self.places

    def append(self, key: Key, line: bytes) -> None:
        """Write a line.

        Raises:
            FileError: the disk is full, or the system refuses for another reason; the file is as it was before.
        """
        try:
            rest = memoryview(line)
            while rest:
                rest = rest[os.write(self._file, rest) :]
            if time.monotonic() - self._synced >= SYNC_SECONDS:
                os.fsync(self._file)
                self._synced = time.monotonic()
        except OSError as error:
            with suppress(OSError):  # else the next reader drops the torn line
                os.ftruncate(self._file, self._size)
            raise FileError(
                f"{self.path}: cannot be written ({error.strerror or error}); the {len(self.places)} finished episodes "
                "are kept, and the same command goes on with the others"
            ) from None
        self.places[key] = (self._size, len(line))
        self._size += len(line)

    def drop(self, keys: Iterable[Key]) -> None:
        """Take episodes out again."""
        gone = set(keys)
        if gone:
            self._rewrite([key for key in self.places if key not in gone])

    def arrange(self, order: Iterable[Key]) -> None:
        """Put the episodes that are there into this order, all at once or not at all; others stand behind them."""
        wanted = [key for key in dict.fromkeys([*order, *self.places]) if key in self.places]
        if wanted != list(self.places):
            self._rewrite(wanted)

    def close(self) -> None:
        """Close the file; may be called twice."""
        if self._file >= 0:
            with suppress(OSError):  # a file that does not sync was written as far as the system goes
                os.fsync(self._file)
            os.close(self._file)
            self._file = -1

    def _rewrite(self, keys: list[Key]) -> None:
        places: dict[Key, tuple[int, int]] = {}
        size = 0
        with beside(self.path) as file:
            for key in keys:
                begin, length = self.places[key]
                file.write(os.pread(self._file, length, begin))
                places[key] = (size, length)
                size += length
        os.close(self._file)
        self._file = os.open(self.path, os.O_RDWR | os.O_APPEND)
        self.places, self._size = places, size

    def _read(self, found: Callable[[Trajectory], None]) -> None:
        with self.path.open("rb") as file:
            for number, line in enumerate(file, start=1):
                if not line.endswith(b"\n"):
                    self.torn = len(line)
                    break
                trajectory = _parsed(line, f"{self.path}:{number}")
                if trajectory.key in self.places:
                    task, repeat = trajectory.key
                    raise DuplicateKeyError(
                        f"{self.path}:{number}: task {shown_name(task)}, repeat {repeat} comes for the second time"
                    )
                self.places[trajectory.key] = (self._size, len(line))
                self._size += len(line)
                found(trajectory)
        if self.torn:
            os.ftruncate(self._file, self._size)


def _parsed(line: bytes, where: str) -> Trajectory:
    try:
        value, _ = parse_json(line)
        if not isinstance(value, dict):
            raise RecordError("expected an object")
        return parse_record(value)
    except (BadJsonError, RecordError) as error:
        raise RecordError(f"{where}: {error}; remove the line to have its episode collected again") from None
