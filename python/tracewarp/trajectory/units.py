"""One record at a time: what a reader is made of, and the one place where its failures become problems."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

from tracewarp.errors import RecordError, SchemaVersionError, UnreadableFileError
from tracewarp.trajectory.complaints import GUIDE
from tracewarp.trajectory.encodings import NotUtf8Error
from tracewarp.trajectory.jsontext import BadJsonError
from tracewarp.trajectory.model import Trajectory
from tracewarp.trajectory.problems import Problem, Report, StrictError, escaped

Episodes = Iterator[tuple[str, int | None, Trajectory]]
"""(file or folder, line, episode) one by one."""


@dataclass(frozen=True)
class Unit:
    """One record that can be read, and can fail, by itself."""

    path: str
    """The file or folder, as the caller named it."""
    line: int | None
    read: Callable[[Report], Trajectory]
    """Read it; what is lost of it goes to the report."""


def read_units(units: Iterable[Unit], report: Report) -> Episodes:
    """Read records one by one. A record that cannot be read is reported with its place, and the others are kept.

    Raises:
        StrictError: the first problem, where the report is strict.
    """
    told_about_fields = False
    for unit in units:
        try:
            trajectory = unit.read(report)
        except StrictError:
            raise
        except RecordError as error:
            guide = "" if told_about_fields else f" (the fields are explained in {GUIDE})"
            told_about_fields = True
            report(Problem(unit.path, unit.line, f"{error}{guide}; left out"))
        except (BadJsonError, NotUtf8Error, SchemaVersionError, UnreadableFileError) as error:
            reason = str(error).removeprefix(f"{unit.path}: ").removeprefix(f"{escaped(unit.path)}: ")
            report(Problem(unit.path, unit.line, f"{reason}; left out"))
        except Exception as error:
            reason = f"cannot be read ({type(error).__name__}: {str(error)[:200]})"
            report(Problem(unit.path, unit.line, f"{reason}; left out"))
        else:
            yield unit.path, unit.line, trajectory
