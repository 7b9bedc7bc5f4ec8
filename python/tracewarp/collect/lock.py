"""One collector at a time in a run folder."""

from __future__ import annotations

import json
import os
import socket
from contextlib import suppress
from pathlib import Path
from types import TracebackType

from filelock import FileLock, Timeout

from tracewarp.collect.record import now
from tracewarp.errors import FileError, RunLockedError
from tracewarp.trajectory.paths import require_regular_file

LOCK = ".lock"
OWNER = ".lock.json"
"""Who holds the lock: taking a lock empties its own file, so that the words stand beside it."""


class RunLock:
    """Held from entering to leaving; the system lets go of it when the process dies, however it dies.

    Args:
        folder: the run folder; it is there.

    Raises (on entering):
        RunLockedError: another process holds it; the message names process and machine.
        FileError: the folder cannot be written.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._lock = FileLock(folder / LOCK, timeout=0)

    def __enter__(self) -> RunLock:
        for name in (LOCK, OWNER):
            require_regular_file(self.folder / name, missing_ok=True)
        try:
            self._lock.acquire()
        except Timeout:
            raise RunLockedError(
                f"{self.folder}: another process is collecting into this folder{self._owner()}; "
                "wait for it, stop it, or choose another folder"
            ) from None
        except OSError as error:
            raise FileError(f"{self.folder}: cannot be locked ({error.strerror or error})") from None
        owner = {"pid": os.getpid(), "host": socket.gethostname(), "since": now()}
        try:
            (self.folder / OWNER).write_text(json.dumps(owner) + "\n", encoding="utf-8")
        except OSError as error:
            self._lock.release()
            raise FileError(f"{self.folder}: cannot be written ({error.strerror or error})") from None
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        with suppress(OSError):  # who held it is no longer of interest
            (self.folder / OWNER).unlink(missing_ok=True)
        self._lock.release()

    def _owner(self) -> str:
        try:
            owner = json.loads((self.folder / OWNER).read_text("utf-8"))
            return f" (process {owner['pid']} on {owner['host']}, since {owner['since']})"
        except (OSError, ValueError, KeyError, TypeError):
            return ""
