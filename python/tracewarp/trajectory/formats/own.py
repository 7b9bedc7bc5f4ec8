"""Our own format: one `Trajectory` per line, as JSON. Records of earlier schema versions are migrated.

definition  null means absent in every object of the record: other programs (datasets, pyarrow, pandas) write null for a
            field that a row lacks. In a record with a `schema_version`, which tracewarp wrote, nulls under `extra` and
            `sampling` are kept; in any other record they are dropped as well. Ids may be numbers.
            A last step whose observation is null has an empty page: the one after the end.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Final

from pydantic import ValidationError

from tracewarp.errors import RecordError, SchemaVersionError
from tracewarp.trajectory.complaints import complaints, shown_value
from tracewarp.trajectory.model import SCHEMA_VERSION, Trajectory

FORMAT = "tracewarp-jsonl"

_FREE: Final = frozenset({"extra", "sampling"})
"""Objects whose keys are not ours."""


def parse_record(record: Mapping[str, Any]) -> Trajectory:
    """Turn one parsed line into a trajectory.

    Records of version 1 are migrated. A record without `schema_version` is read as version 1.

    Raises:
        SchemaVersionError: a version that this release does not know.
        RecordError: fields that are missing, unknown, or of the wrong kind: the message tells all of them, without the
            place of the record.
    """
    version = record.get("schema_version")
    ours = version is not None
    if not ours:
        version = 1
    if isinstance(version, float) and version.is_integer():  # as pandas writes whole numbers beside nulls
        version = int(version)
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise SchemaVersionError(
            f"schema_version {shown_value(version)}: this release of tracewarp reads versions 1 to {SCHEMA_VERSION}"
        )
    try:
        record = _with_text_ids(_without_nulls(_with_a_last_page(record), keep_free=ours))
        record = _from_version_1(record) if version == 1 else {**record, "schema_version": version}
        return Trajectory.model_validate(record)
    except ValidationError as error:
        raise RecordError(complaints(error, Trajectory)) from None
    except RecursionError:
        raise RecordError("JSON nested too deeply to be a trajectory") from None


def _without_nulls(value: Any, *, keep_free: bool) -> Any:
    """A record without the entries that are null."""
    if isinstance(value, list):
        return [_without_nulls(item, keep_free=keep_free) for item in value]
    if not isinstance(value, Mapping):
        return value
    return {
        key: item if keep_free and key in _FREE else _without_nulls(item, keep_free=keep_free)
        for key, item in value.items()
        if item is not None
    }


def _with_text_ids(record: dict[str, Any]) -> dict[str, Any]:
    """The ids of the task as text: a number is the same id as its digits."""
    task = record.get("task")
    if not isinstance(task, dict):
        return record
    found = {name: id_text(task[name]) for name in ("id", "template_id", "capability") if name in task}
    sites = task.get("sites")
    if isinstance(sites, str):
        found["sites"] = [sites]
    return {**record, "task": {**task, **found}} if found else record


def id_text(value: Any) -> Any:
    """The text of an id that is a whole number (1, or 1.0 as pandas writes it); any other value as it is."""
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        return value
    if isinstance(value, float) and not value.is_integer():
        return value
    return str(int(value))


def _with_a_last_page(record: Mapping[str, Any]) -> Mapping[str, Any]:
    """A record whose last step has an empty page where it has null; without an action that step came after the end."""
    steps = record.get("steps")
    if not isinstance(steps, list) or not steps:
        return record
    last = {"observation": None} if steps[-1] is None else steps[-1]
    if not isinstance(last, dict) or "observation" not in last:
        return record
    page = {"text": None} if last["observation"] is None else last["observation"]
    if not isinstance(page, dict) or page.get("text", "") is not None:
        return record
    last = {**last, "observation": {**page, "text": ""}}
    if all(last.get(name) is None for name in ("action", "response", "executed")):
        last["executed"] = False
    return {**record, "steps": [*steps[:-1], last]}


def _from_version_1(record: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept a model's thinking and finish reason under `extra` of the step; version 2 has fields for them."""
    steps = record.get("steps")
    if isinstance(steps, list):
        steps = [step_from_version_1(step) if isinstance(step, dict) else step for step in steps]
        record = {**record, "steps": steps}
    return {**record, "schema_version": SCHEMA_VERSION}


def step_from_version_1(step: dict[str, Any]) -> dict[str, Any]:
    """A step of version 1 with thinking and finish reason where version 2 has them."""
    extra = step.get("extra")
    if not isinstance(extra, dict):
        return step
    moved = {name: extra[name] for name in ("thinking", "finish_reason") if isinstance(extra.get(name), str)}
    if not moved:
        return step
    return {**moved, **step, "extra": {name: value for name, value in extra.items() if name not in moved}}
