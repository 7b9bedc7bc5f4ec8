"""AgentLab's own layout: a folder a task, with `steps_info_<i>.json` and `summary_info.json` (or both as .json.gz)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracewarp.errors import UnreadableFileError
from tracewarp.trajectory.formats import agentlab
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import read_whole
from tracewarp.trajectory.model import Trajectory
from tracewarp.trajectory.names import SUPERSEDED, FolderName, natural_order, read_folder_name
from tracewarp.trajectory.paths import reason_of, shown_path
from tracewarp.trajectory.problems import Problem, Report
from tracewarp.trajectory.units import Unit

_STEP_FILE = re.compile(r"steps?_info_([0-9]{1,9})\.json(?:\.gz)?\Z")
_SUMMARY_FILES = ("summary_info.json", "summary_info.json.gz")
_PICKLE = re.compile(r"step_[0-9]+\.pkl(?:\.gz)?\Z")


@dataclass(frozen=True)
class TaskFolder:
    """The files of one episode."""

    path: Path
    steps: tuple[tuple[int, Path], ...]
    """(step number, file), ascending."""
    summary: Path | None
    pickles: int
    """Steps that are there only as pickles."""

    @property
    def readable(self) -> bool:
        """True where there is an episode to read: steps, or a summary that says why there are none."""
        return bool(self.steps) or (self.summary is not None and not self.pickles)


def look_into(folder: Path) -> TaskFolder | None:
    """The episode in a folder, or None where it holds none of AgentLab's files."""
    steps: dict[int, Path] = {}
    summary, pickles = None, 0
    for file in sorted(folder.iterdir()):
        if found := _STEP_FILE.match(file.name):
            steps.setdefault(int(found[1]), file)
        elif file.name in _SUMMARY_FILES:
            summary = summary or file
        elif _PICKLE.match(file.name):
            pickles += 1
    if not steps and summary is None and not pickles:
        return None
    return TaskFolder(path=folder, steps=tuple(sorted(steps.items())), summary=summary, pickles=pickles)


@dataclass(frozen=True)
class TaskFolders:
    """The episodes of a directory."""

    folders: tuple[TaskFolder, ...]
    superseded: tuple[TaskFolder, ...] = ()
    """Runs that were repeated later; AgentLab puts `_` before their names."""
    problems: tuple[Problem, ...] = ()
    """Folders that could not be looked into."""

    @property
    def readable(self) -> bool:
        """True where there is an episode to read."""
        return any(folder.readable for folder in self.folders)


def find_task_folders(root: Path) -> TaskFolders:
    """The folder itself where it is one, else the ones directly below it, in natural order of their names."""
    itself = look_into(root)
    if itself is not None:
        return TaskFolders((itself,))
    found: list[TaskFolder] = []
    superseded: list[TaskFolder] = []
    problems: list[Problem] = []
    for child in sorted(root.iterdir(), key=lambda child: natural_order(child.name)):
        try:
            folder = look_into(child) if child.is_dir() else None
        except OSError as error:
            problems.append(Problem(str(child), None, f"cannot be read ({reason_of(error)}); left out"))
            continue
        if folder is not None:
            (superseded if child.name.startswith(SUPERSEDED) else found).append(folder)
    return TaskFolders(tuple(found), tuple(superseded), tuple(problems))


def units(found: TaskFolders, *, max_bytes: int, report: Report) -> Iterator[Unit]:
    """Give the episodes one by one. Folders of one task are its repeats, in order of seed, then name."""
    for problem in found.problems:
        report(problem)
    for folder in found.superseded:
        report(
            Problem(
                str(folder.path), None, "superseded by a later run (its name begins with `_`); left out", notice=True
            )
        )
    names = {folder.path: read_folder_name(folder.path.name) for folder in found.folders}
    repeats = _repeats(names)
    for folder in found.folders:
        reading = partial(_read, folder, names[folder.path], repeats[folder.path], max_bytes)
        yield Unit(str(folder.path), None, reading)


def _read(folder: TaskFolder, name: FolderName, repeat: int, max_bytes: int, report: Report) -> Trajectory:
    place = str(folder.path)
    if not folder.readable:
        raise UnreadableFileError(f"{place}: {folder.pickles} steps stored as pickles only; {PICKLE_HINT}")
    return agentlab.parse_record(
        _assemble(folder, name, max_bytes=max_bytes, report=report),
        source=agentlab.DIRECTORY_FORMAT,
        complain=lambda message: report(Problem(place, None, message)),
        repeat=repeat,
        seed=name.seed,
        agent=name.agent,
    )


PICKLE_HINT = (
    "unpickling runs whatever code the file holds, so that only JSON step records are read "
    "(steps_info_<i>.json and summary_info.json)"
)


def _repeats(names: dict[Path, FolderName]) -> dict[Path, int]:
    by_task: dict[str, list[Path]] = defaultdict(list)
    for path, name in names.items():
        by_task[name.task].append(path)
    ranks: dict[Path, int] = {}
    for paths in by_task.values():
        paths.sort(key=lambda path: (names[path].seed or 0, natural_order(path.name)))
        ranks.update((path, rank) for rank, path in enumerate(paths))
    return ranks


def _assemble(folder: TaskFolder, name: FolderName, *, max_bytes: int, report: Report) -> dict[str, Any]:
    steps = []
    for number, file in folder.steps:
        step = _read_object(file, max_bytes=max_bytes, report=report)
        if step is not None:
            step.setdefault("step", number)
            steps.append(step)
    summary = _read_object(folder.summary, max_bytes=max_bytes, report=report) if folder.summary else None
    return {"task": name.task, "steps": steps, "summary": summary}


def _read_object(file: Path, *, max_bytes: int, report: Report) -> dict[str, Any] | None:
    """One JSON object, or None after a report."""
    try:
        value, notes = parse_json(read_whole(file, max_bytes=max_bytes))
    except BadJsonError as error:
        report(Problem(str(file), None, f"{error}; the file is left out"))
        return None
    except UnreadableFileError as error:
        reason = str(error).removeprefix(f"{file}: ").removeprefix(f"{shown_path(file)}: ")
        report(Problem(str(file), None, f"{reason}; the file is left out"))
        return None
    if not isinstance(value, dict):
        report(Problem(str(file), None, "not a JSON object; the file is left out"))
        return None
    for note in notes:
        report(Problem(str(file), None, note))
    return value
