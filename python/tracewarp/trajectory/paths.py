"""Checks on paths before anything is opened: opening a named pipe or a device can block forever."""

from __future__ import annotations

import os
import stat
from pathlib import Path

from tracewarp.errors import UnreadableFileError
from tracewarp.trajectory.problems import escaped


def require_regular_file(path: str | os.PathLike[str], *, expected: str = "", missing_ok: bool = False) -> None:
    """Refuse a path that is not a regular file, without opening it. Symbolic links are followed.

    Args:
        path: the path that a reader is about to open.
        expected: a phrase for the end of the message, e.g. `expected a file with one text per line`.
        missing_ok: accept a path that does not exist (files that are made where they are missing).

    Raises:
        UnreadableFileError: the path is missing, a folder, a named pipe, a socket or a device, or cannot be examined.
    """
    end = f"; {expected}" if expected else ""
    try:
        mode = Path(path).stat().st_mode
    except (FileNotFoundError, NotADirectoryError):
        if missing_ok:
            return
        raise UnreadableFileError(f"{shown_path(path)}: no such file{end}") from None
    except (OSError, ValueError) as error:  # no permission, a loop of links, a name that is too long or holds NUL
        raise UnreadableFileError(f"{shown_path(path)}: cannot be read ({reason_of(error)}){end}") from None
    if not stat.S_ISREG(mode):
        raise UnreadableFileError(f"{shown_path(path)}: {kind_of(mode)}, not a regular file{end}")


def kind_of(mode: int) -> str:
    """Name the kind of a file by its mode: `a folder`, `a named pipe`, `a socket` or `a device`."""
    if stat.S_ISDIR(mode):
        return "a folder"
    if stat.S_ISFIFO(mode):
        return "a named pipe"
    if stat.S_ISSOCK(mode):
        return "a socket"
    return "a device"


def shown_path(path: str | os.PathLike[str]) -> str:
    """Return a path for a message, with control characters as escapes."""
    return escaped(os.fspath(path))


def reason_of(error: BaseException) -> str:
    """Return the system's own words for an error, in one phrase."""
    said = error.strerror if isinstance(error, OSError) else None
    return said or str(error) or type(error).__name__
