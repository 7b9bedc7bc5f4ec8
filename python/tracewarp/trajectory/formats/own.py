"""Our own format: one `Trajectory` per line, as JSON. Records of earlier schema versions are migrated."""

from __future__ import annotations

import json
from typing import Any

from pydantic import ValidationError

from tracewarp.errors import RecordError, SchemaVersionError
from tracewarp.trajectory.model import SCHEMA_VERSION, Trajectory
from tracewarp.trajectory.problems import shown_name

FORMAT = "tracewarp-jsonl"


def parse_record(record: dict[str, Any]) -> Trajectory:
    """Turn one parsed line into a trajectory.

    Records of version 1 are migrated. A record without `schema_version` is read as version 1.

    Raises:
        SchemaVersionError: a version that this release does not know.
        RecordError: a field is missing, unknown, or of the wrong kind; the message has no place yet.
    """
    version = record.get("schema_version", 1)
    if type(version) is not int or not 1 <= version <= SCHEMA_VERSION:
        raise SchemaVersionError(
            f"schema_version {_shown(version)}: this release of tracewarp reads versions 1 to {SCHEMA_VERSION}"
        )
    if version == 1:
        record = _from_version_1(record)
    try:
        return Trajectory.model_validate(record)
    except ValidationError as error:
        raise RecordError(first_complaint(error)) from None
    except RecursionError:
        raise RecordError("JSON nested too deeply to be a trajectory") from None


def _from_version_1(record: dict[str, Any]) -> dict[str, Any]:
    """Version 1 kept a model's thinking and finish reason under `extra` of the step; version 2 has fields for them."""
    steps = record.get("steps")
    if isinstance(steps, list):
        steps = [_step_from_version_1(step) if isinstance(step, dict) else step for step in steps]
        record = {**record, "steps": steps}
    return {**record, "schema_version": SCHEMA_VERSION}


def _step_from_version_1(step: dict[str, Any]) -> dict[str, Any]:
    extra = step.get("extra")
    if not isinstance(extra, dict):
        return step
    moved = {name: extra[name] for name in ("thinking", "finish_reason") if isinstance(extra.get(name), str)}
    if not moved:
        return step
    return {**moved, **step, "extra": {name: value for name, value in extra.items() if name not in moved}}


def first_complaint(error: ValidationError) -> str:
    """The first fault as `steps[3].observation.text: ...`, and how many more there are."""
    faults = error.errors(include_url=False, include_context=False, include_input=False)
    path = ""
    for part in faults[0]["loc"]:
        path += f"[{part}]" if isinstance(part, int) else f".{shown_name(part)}" if path else shown_name(part)
    message = faults[0]["msg"]
    more = f" (and {len(faults) - 1} more)" if len(faults) > 1 else ""
    return f"{path or 'record'}: {message[:1].lower()}{message[1:]}{more}"[:500]


def _shown(version: Any) -> str:
    text = json.dumps(version)
    return text if len(text) <= 60 else f"{text[:60]}…"
