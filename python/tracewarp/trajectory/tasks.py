"""Task files: what the agents were asked to do, in WebArena's schema or ours."""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from functools import cached_property
from importlib import resources
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tracewarp.errors import InputError, RecordError, UnreadableFileError
from tracewarp.trajectory.complaints import complaints
from tracewarp.trajectory.formats.own import id_text
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import DEFAULT_MAX_LINE_BYTES, read_whole
from tracewarp.trajectory.model import Task
from tracewarp.trajectory.names import task_id_of
from tracewarp.trajectory.paths import reason_of, require_regular_file, shown_path
from tracewarp.trajectory.problems import shown_name

_EXPECTED = "expected a JSON list of tasks, or one task a line, each with task_id and intent"

_FIELDS = {
    "id": ("task_id", "id"),
    "objective": ("intent", "objective"),
    "sites": ("sites",),
    "start_url": ("start_url",),
    "template": ("intent_template", "template"),
    "template_id": ("intent_template_id", "template_id"),
    "capability": ("capability",),
    "extra": ("extra",),
}
"""Field of `Task` -> its names in files, WebArena's first."""


@dataclass(frozen=True)
class TaskSet:
    """The tasks of a benchmark, in the order of the file."""

    tasks: tuple[Task, ...]
    sha256: str
    """Of the file's bytes as they lie on disk, in hexadecimal."""
    path: str = ""
    """The file, as the caller named it."""
    _by_id: dict[str, Task] = field(init=False, repr=False, compare=False)

    def __post_init__(self) -> None:
        by_name = {task_id_of(task.id): task for task in self.tasks} | {task.id: task for task in self.tasks}
        object.__setattr__(self, "_by_id", by_name)

    def __len__(self) -> int:
        return len(self.tasks)

    def __iter__(self) -> Iterator[Task]:
        return iter(self.tasks)

    def find(self, task_id: str) -> Task | None:
        """The task with this id, or None. `7`, `task_7` and `webarena.7` name the same task."""
        return self._by_id.get(task_id) or self._by_id.get(task_id_of(task_id))

    @cached_property
    def is_webarena(self) -> bool:
        """True where every task id stands in WebArena's published capability map with this template id.

        A part of WebArena's tasks counts too; one foreign id or another template id does not.
        """
        return bool(self.tasks) and all(_published().get(task.id, "") == task.template_id for task in self.tasks)

    @property
    def n_templates(self) -> int:
        """Distinct template texts, compared after strip; tasks without a template are not counted."""
        return len({task.template.strip() for task in self.tasks if task.template is not None})

    @property
    def n_template_ids(self) -> int:
        """Distinct template ids; tasks without one are not counted."""
        return len({task.template_id for task in self.tasks if task.template_id is not None})


def _published() -> Mapping[str, str]:
    """Task id -> template id of the tasks in the published map."""
    data = resources.files("tracewarp.data")
    labels = json.loads(data.joinpath("published-capability-labels.json").read_text("utf-8"))
    templates = json.loads(data.joinpath("webarena-template-ids.json").read_text("utf-8"))
    return {task: str(template) for task, template in templates.items() if task in labels}


def load_tasks(path: str | Path) -> TaskSet:
    """Read a task file: a JSON list (WebArena's test.raw.json) or one task a line; .gz and .zst are unpacked.

    A task has `task_id` (int or str) and `intent`, and may have `sites`, `start_url`, `intent_template`,
    `intent_template_id`, `capability`; the names of `Task` are accepted for these as well. The rest is kept in
    `Task.extra`.

    Raises:
        UnreadableFileError: missing, not JSON, or without a task.
        RecordError: an entry that is no task, or a task id for the second time; the message names the entry.
    """
    if not isinstance(path, (str, os.PathLike)):
        raise InputError(f"path: expected a str or a Path, got {type(path).__name__}")
    path = Path(path)
    require_regular_file(path, expected=_EXPECTED)
    try:
        digest = hashlib.sha256(path.read_bytes()).hexdigest()
    except OSError as error:
        raise UnreadableFileError(f"{shown_path(path)}: cannot be read ({reason_of(error)})") from None
    tasks: dict[str, Task] = {}
    places: dict[str, str] = {}
    for place, entry in _entries(path):
        try:
            task = _task(entry, place)
        except RecursionError:
            raise RecordError(f"{place}: JSON nested too deeply to be a task") from None
        if task.id in tasks:
            raise RecordError(
                f"{place}: task_id {shown_name(task.id)} was already at {places[task.id]}; ids are unique in a file"
            )
        tasks[task.id], places[task.id] = task, place
    if not tasks:
        raise UnreadableFileError(f"{path}: no task in it; {_EXPECTED}")
    return TaskSet(tasks=tuple(tasks.values()), sha256=digest, path=str(path))


def _entries(path: Path) -> Iterator[tuple[str, Any]]:
    data = read_whole(path, max_bytes=DEFAULT_MAX_LINE_BYTES)
    if data.lstrip().startswith(b"["):
        try:
            entries, _ = parse_json(data)
        except BadJsonError as error:
            raise UnreadableFileError(f"{path}: {error}; {_EXPECTED}") from None
        for number, entry in enumerate(entries):
            yield f"{path}: entry {number}", entry
        return
    for number, line in enumerate(data.split(b"\n"), start=1):
        if line.strip():
            try:
                entry, _ = parse_json(line)
            except BadJsonError as error:
                raise UnreadableFileError(f"{path}:{number}: {error}; {_EXPECTED}") from None
            yield f"{path}:{number}", entry


def _task(entry: Any, place: str) -> Task:
    if not isinstance(entry, dict):
        raise RecordError(f"{place}: {json.dumps(entry)[:60]} is no task; expected an object with task_id and intent")
    known: dict[str, Any] = {}
    for name, sources in _FIELDS.items():
        present = [source for source in sources if entry.get(source) is not None]
        if present:
            known[name] = entry[present[0]]
    for name in ("id", "template_id", "capability"):
        if name in known:
            known[name] = _identifier(known[name], f"{place}: {_FIELDS[name][0]}")
    if "id" not in known:
        raise RecordError(f"{place}: task_id is missing; {_EXPECTED}")
    if isinstance(known.get("sites"), str):
        known["sites"] = [known["sites"]]
    taken = {source for sources in _FIELDS.values() for source in sources}
    extra = known.pop("extra", {})
    rest = {key: value for key, value in entry.items() if key not in taken}
    try:
        return Task(**known, extra={**extra, **rest} if isinstance(extra, dict) else {**rest, "extra": extra})
    except ValidationError as error:
        raise RecordError(f"{place} (task_id {shown_name(known['id'])}): {complaints(error, Task)}") from None


def _identifier(value: Any, place: str) -> str:
    value = id_text(value)
    if isinstance(value, bool) or not isinstance(value, (int, str)) or (isinstance(value, str) and not value.strip()):
        raise RecordError(f"{place}: expected a number or a name, got {json.dumps(value)[:60]}")
    return str(value).strip()
