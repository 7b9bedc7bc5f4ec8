"""Runs on disk: `open_run` finds out what a path holds and streams its episodes, one at a time.

One bad line does not lose the others. It is reported as a `Problem`, or raised as a `RecordError` by a strict reader.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracewarp.errors import (
    DuplicateKeyError,
    EmptyRunError,
    InputError,
    OptionError,
    RecordError,
    UnreadableFileError,
)
from tracewarp.trajectory.formats import agentlab, agentlab_folder, atif, harbor, own, prompt_folder, webarena_pages
from tracewarp.trajectory.formats.agentlab_folder import TaskFolders
from tracewarp.trajectory.formats.detect import EXPECTED, RUN_FORMAT, Files, identify, identify_file, identify_folder
from tracewarp.trajectory.formats.harbor import Trial
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import DEFAULT_MAX_LINE_BYTES, Line, LineSource
from tracewarp.trajectory.model import Trajectory
from tracewarp.trajectory.paths import reason_of, require_regular_file, shown_path
from tracewarp.trajectory.problems import Problem, Report, StrictError, place, shown_name
from tracewarp.trajectory.run_info import RunInfo, read_run_info
from tracewarp.trajectory.units import Episodes, Unit, read_units

_SUFFIXES = (".gz", ".zst", ".jsonl", ".json", ".ndjson")


@dataclass(frozen=True)
class Located:
    """An episode and where it stood."""

    path: str
    line: int | None
    trajectory: Trajectory

    @property
    def where(self) -> str:
        """`file:12`, or the folder."""
        return place(self.path, self.line)


_Episodes = Callable[[Report], Iterator[tuple[str, int | None, Trajectory]]]


class RunReader:
    """The episodes of one run, streamed; made by `open_run`. It can be iterated again, from the start."""

    def __init__(
        self,
        path: Path,
        *,
        name: str,
        format: str,  # noqa: A002
        episodes: _Episodes,
        strict: bool,
        info: RunInfo | None = None,
    ) -> None:
        self.path = path
        """As the caller gave it."""
        self.name = name
        """File name without `.jsonl.gz` and the like, or the folder's name, or the name in its `run.json`."""
        self.format = format
        """`tracewarp-jsonl`, `agentlab-jsonl`, `agentlab-directory` or `tracewarp-run`."""
        self.info = info
        """`run.json` of a run folder; None: it has none, or this is no run folder."""
        self.problems: list[Problem] = []
        """What could not be read so far; starts anew with each iteration."""
        self._episodes = episodes
        self._strict = strict

    def __iter__(self) -> Iterator[Trajectory]:
        """Give the episodes in the order of the file.

        Raises:
            DuplicateKeyError: a (task, repeat) comes again; the message names both places.
            EmptyRunError: at the end, when there was no episode at all.
            RecordError: the first problem, where the reader is strict.
            UnreadableFileError: the file went away or cannot be read any more.
        """
        seen: dict[tuple[str, int], tuple[str, int | None]] = {}
        for found in self.located():
            key = found.trajectory.key
            if key in seen:
                raise DuplicateKeyError(
                    f"{found.where}: task {shown_name(key[0])}, repeat {key[1]} was already at {place(*seen[key])}; "
                    "a run holds each (task, repeat) once"
                )
            seen[key] = (found.path, found.line)
            yield found.trajectory

    def located(self) -> Iterator[Located]:
        """Give the episodes with their places, repeated keys included; raises as iteration does otherwise."""
        self.problems.clear()
        n_episodes = 0
        for path, line, trajectory in self._episodes(self._report):
            n_episodes += 1
            yield Located(path, line, trajectory)
        if not n_episodes:
            first = f" (first of {len(self.problems)} problems: {self.problems[0]})" if self.problems else ""
            raise EmptyRunError(f"{self.path}: no episode in it{first}")

    def _report(self, problem: Problem) -> None:
        if self._strict and not problem.notice:
            raise StrictError(str(problem))
        self.problems.append(problem)


def open_run(path: str | Path, *, strict: bool = False, max_line_bytes: int = DEFAULT_MAX_LINE_BYTES) -> RunReader:
    """Open a run, whichever of the known formats it has.

    A .jsonl (.gz, .zst) of ours, of AgentLab records or of ATIF; a run folder; an AgentLab directory; a document of
    ATIF or a folder of them; a job of Harbor, or a folder of jobs; a folder of WebArena's `render_<id>.html` or of the
    paper's `prompts/<id>.json`.

    Compression and format are told by the content, not by the name. Nothing but a first look happens here.

    Args:
        path: the file or the folder.
        strict: raise `RecordError` at the first thing that cannot be read, instead of reporting it.
        max_line_bytes: lines (and step files) beyond this size are reported and skipped; decompressed bytes.

    Raises:
        UnreadableFileError: missing, not a file or folder, or of no known format; a `run.json` that is none.
        EmptyRunError: an empty file or folder.
        SchemaVersionError: a `run.json` of a version that this release does not know.
        OptionError: `max_line_bytes` below 1.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"path: expected a str or a Path, got {type(path).__name__}")
    if max_line_bytes < 1:
        raise OptionError(f"max_line_bytes: expected at least 1, got {max_line_bytes}")
    path = Path(path)
    try:
        is_folder, exists = path.is_dir(), path.exists()
    except (OSError, ValueError) as error:  # names with NUL or too long, or a folder above it without permission
        raise UnreadableFileError(f"{shown_path(path)}: no such file or folder ({reason_of(error)})") from None
    if is_folder:
        return _open_folder(path, strict=strict, max_line_bytes=max_line_bytes)
    if not exists:
        raise UnreadableFileError(f"{shown_path(path)}: no such file or folder; {EXPECTED}")
    require_regular_file(path, expected=EXPECTED)
    found = identify_file(path, max_line_bytes=max_line_bytes)
    if isinstance(found, Files):
        return RunReader(
            path,
            name=_stem(path.name),
            format=found.format,
            episodes=partial(_read_files, found, max_bytes=max_line_bytes),
            strict=strict,
        )
    return RunReader(
        path,
        name=_stem(path.name),
        format=found,
        episodes=partial(_read_lines, path, max_line_bytes=max_line_bytes),
        strict=strict,
    )


def _open_folder(path: Path, *, strict: bool, max_line_bytes: int) -> RunReader:
    found = identify_folder(path, max_bytes=max_line_bytes)
    name = path.resolve().name
    if isinstance(found, Path):
        require_regular_file(found)
        info = read_run_info(path)
        return RunReader(
            path,
            name=name if info is None or info.name is None else info.name,
            format=RUN_FORMAT,
            episodes=partial(_read_lines, found, max_line_bytes=max_line_bytes, info=info),
            strict=strict,
            info=info,
        )
    if isinstance(found, Files):
        form, reading = found.format, partial(_read_files, found, max_bytes=max_line_bytes)
    elif isinstance(found, TaskFolders):
        form, reading = agentlab.DIRECTORY_FORMAT, partial(_read_agentlab, found, max_bytes=max_line_bytes)
    else:
        form, reading = harbor.FORMAT, partial(_read_harbor, found, max_bytes=max_line_bytes)
    return RunReader(path, name=name, format=form, episodes=reading, strict=strict)


def _read_agentlab(found: TaskFolders, report: Report, *, max_bytes: int) -> Episodes:
    return read_units(agentlab_folder.units(found, max_bytes=max_bytes, report=report), report)


def _read_harbor(trials: list[Trial], report: Report, *, max_bytes: int) -> Episodes:
    return read_units(harbor.units(trials, max_bytes=max_bytes, report=report), report)


def _read_files(files: Files, report: Report, *, max_bytes: int) -> Episodes:
    units = {
        atif.FORMAT: atif.units,
        webarena_pages.FORMAT: webarena_pages.units,
        prompt_folder.FORMAT: prompt_folder.units,
    }[files.format]
    return read_units(units(files.paths, max_bytes=max_bytes, report=report), report)


def _stem(name: str) -> str:
    stem = name
    while True:
        for suffix in _SUFFIXES:
            if stem.endswith(suffix) and len(stem) > len(suffix):
                stem = stem.removesuffix(suffix)
                break
        else:
            return stem


def _read_lines(path: Path, report: Report, *, max_line_bytes: int, info: RunInfo | None = None) -> Episodes:
    """The episodes of a file of lines, with the provenance that run.json tells; each line has its own format."""
    source = LineSource(path, max_line_bytes=max_line_bytes)
    lines = _Lines(source, path, info)
    yield from read_units(lines.units(), report)
    if source.flaw and not lines.flaw_said:
        report(Problem(str(path), None, f"{source.flaw}; what followed is lost"))


class _Lines:
    """The lines of one file as records."""

    def __init__(self, source: LineSource, path: Path, info: RunInfo | None) -> None:
        self.source = source
        self.flaw_said = False
        self._path = str(path)
        self._info = info
        self._attempts = atif.Attempts()

    def units(self) -> Iterator[Unit]:
        for line in self.source:
            if line.too_long or line.data.strip():
                yield Unit(self._path, line.number, partial(self._read, line))

    def _read(self, line: Line, report: Report) -> Trajectory:
        if line.too_long:
            raise BadJsonError(f"longer than max_line_bytes = {self.source.max_line_bytes}")
        try:
            value, notes = parse_json(line.data)
        except BadJsonError as error:
            if line.ended:
                raise
            self.flaw_said = self.source.flaw is not None
            raise BadJsonError(f"the last line is cut off ({self.source.flaw or error})") from None
        complaints: list[str] = list(notes)
        trajectory = self._parsed(value, complaints)
        for complaint in complaints:
            report(Problem(self._path, line.number, complaint))
        return trajectory if self._info is None else self._info.fill(trajectory)

    def _parsed(self, value: Any, complaints: list[str]) -> Trajectory:
        match identify(value):
            case own.FORMAT:
                return own.parse_record(value)
            case agentlab.JSONL_FORMAT:
                return agentlab.parse_record(value, source=agentlab.JSONL_FORMAT, complain=complaints.append)
            case atif.FORMAT:
                return self._attempts.number(atif.parse_record(value, complain=complaints.append))
            case _:
                raise RecordError("a JSON value that is no trajectory (expected an object with task and steps)")
