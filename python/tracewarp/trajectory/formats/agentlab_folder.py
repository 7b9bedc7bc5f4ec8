"""AgentLab's own layout: a folder a task, with `steps_info_<i>.json` and `summary_info.json` (or both as .json.gz)."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracewarp.errors import RecordError, UnreadableFileError
from tracewarp.trajectory.formats import agentlab
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import read_whole
from tracewarp.trajectory.model import Trajectory
from tracewarp.trajectory.names import FolderName, natural_order, read_folder_name
from tracewarp.trajectory.problems import Problem, Report

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


def find_task_folders(root: Path) -> list[TaskFolder]:
    """The folder itself where it is one, else the ones directly below it, in natural order of their names."""
    itself = look_into(root)
    if itself is not None:
        return [itself]
    children = sorted(
        (child for child in root.iterdir() if child.is_dir()), key=lambda child: natural_order(child.name)
    )
    return [found for child in children if (found := look_into(child)) is not None]


def read_folders(
    folders: list[TaskFolder], *, max_bytes: int, report: Report
) -> Iterator[tuple[str, int | None, Trajectory]]:
    """Give (folder, None, trajectory) one by one. Folders of one task are its repeats, in order of seed, then name."""
    names = {folder.path: read_folder_name(folder.path.name) for folder in folders}
    repeats = _repeats(names)
    for folder in folders:
        place = str(folder.path)
        if not folder.readable:
            report(Problem(place, None, f"{folder.pickles} steps stored as pickles only; {PICKLE_HINT}"))
            continue
        name = names[folder.path]
        record = _assemble(folder, name, max_bytes=max_bytes, report=report)
        try:
            yield (
                place,
                None,
                agentlab.parse_record(
                    record,
                    source=agentlab.DIRECTORY_FORMAT,
                    complain=partial(_complain, report, place),
                    repeat=repeats[folder.path],
                    seed=name.seed,
                    agent=name.agent,
                ),
            )
        except RecordError as error:
            report(Problem(place, None, f"{error}; the episode is left out"))


def _complain(report: Report, place: str, message: str) -> None:
    report(Problem(place, None, message))


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
        paths.sort(key=lambda path: (names[path].seed or 0, path.name))
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
        report(Problem(str(file), None, f"{str(error).removeprefix(f'{file}: ')}; the file is left out"))
        return None
    if not isinstance(value, dict):
        report(Problem(str(file), None, "not a JSON object; the file is left out"))
        return None
    for note in notes:
        report(Problem(str(file), None, note))
    return value
