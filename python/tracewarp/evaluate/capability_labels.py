"""A file of capability labels, and which tasks it labels.

definition  A JSON object: task id -> label, a text or a whole number. Tasks of equal labels test the same capability;
            7 and "7" are the same label. `7`, `task_7` and `webarena.7` name the same task, as in runs. null: no label.
            `tracewarp arena tasks --format labels` writes such a file.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tracewarp.errors import RecordError, UnreadableFileError
from tracewarp.trajectory.complaints import shown_value
from tracewarp.trajectory.formats.own import id_text
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import DEFAULT_MAX_LINE_BYTES, read_whole
from tracewarp.trajectory.model import Task
from tracewarp.trajectory.names import task_id_of
from tracewarp.trajectory.paths import require_regular_file
from tracewarp.trajectory.problems import shown_name

_EXPECTED = 'expected a JSON object of task id to label, like {"7": "search", "8": "search", "9": "log in"}'


@dataclass(frozen=True)
class CapabilityLabels:
    """Labels as a file gives them."""

    labels: dict[str, str]
    """Bare task id -> label."""
    path: str
    sha256: str
    """Of the file's bytes, in hexadecimal."""

    def of(self, tasks: Iterable[Task]) -> dict[str, str]:
        """The labels of these tasks, by their ids.

        Raises:
            RecordError: the file labels none of them.
        """
        found: dict[str, str] = {}
        ids = [task.id for task in tasks]
        for task in ids:
            label = self.labels.get(task_id_of(task))
            if label is not None:
                found[task] = label
        if ids and not found:
            raise RecordError(
                f"{self.path}: labels none of the {len(ids)} tasks; it has ids like {_some(self.labels)}, the tasks "
                f"have ids like {_some(ids)}"
            )
        return found


def read_labels(path: str | Path) -> CapabilityLabels:
    """Read a file of labels; .gz and .zst are unpacked.

    Raises:
        UnreadableFileError: missing, not JSON, no object, or without a label.
        RecordError: a label that is neither a text nor a whole number, or two labels for one task.
    """
    path = Path(path)
    require_regular_file(path, expected=_EXPECTED)
    data = read_whole(path, max_bytes=DEFAULT_MAX_LINE_BYTES)
    try:
        value, _ = parse_json(data)
    except BadJsonError as error:
        raise UnreadableFileError(f"{path}: {error}; {_EXPECTED}") from None
    if not isinstance(value, dict):
        raise UnreadableFileError(f"{path}: {_EXPECTED}, got {shown_value(value)}")
    labels: dict[str, str] = {}
    for name, given in value.items():
        if given is None:
            continue
        label = _label(given, f"{path}: task {shown_name(name)}")
        task = task_id_of(name)
        if labels.setdefault(task, label) != label:
            raise RecordError(
                f"{path}: task {shown_name(task)} has two labels under two of its names, {labels[task]!r} and {label!r}"
            )
    if not labels:
        raise UnreadableFileError(f"{path}: no label in it; {_EXPECTED}")
    return CapabilityLabels(labels, str(path), hashlib.sha256(data).hexdigest())


def _label(value: Any, place: str) -> str:
    text = id_text(value)
    if not isinstance(text, str) or not text.strip():
        raise RecordError(f"{place}: expected a label, a text or a whole number, got {shown_value(value)}")
    return text.strip()


def _some(ids: Iterable[str]) -> str:
    return ", ".join(shown_name(name) for name in list(ids)[:3])
