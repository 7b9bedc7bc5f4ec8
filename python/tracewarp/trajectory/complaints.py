"""What is wrong with a record, in words: every fault, each with the nearest known name."""

from __future__ import annotations

import json
import typing
from collections.abc import Mapping
from difflib import get_close_matches
from typing import Any, Final

from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from tracewarp.trajectory.model import Observation, Outcome, Provenance, Step, Task, Trajectory
from tracewarp.trajectory.problems import shown_name

GUIDE: Final = "docs/guides/bring-your-own-trajectories.md"
"""Where the fields are explained."""

MAX_FAULTS = 12
"""Faults of one record that are told; the number of the others follows."""

_SHOWN_CHARS = 60
_HOMES: Final[Mapping[str, type[BaseModel]]] = {
    "the record": Trajectory,
    "task": Task,
    "steps[]": Step,
    "steps[].observation": Observation,
    "outcome": Outcome,
    "provenance": Provenance,
}


def complaints(error: ValidationError, model: type[BaseModel]) -> str:
    """Every fault of a record as `steps[3].acton: unknown field; did you mean 'action'?`, with `; ` between faults.

    Args:
        error: what validation raised.
        model: the record's own class, whose field names are suggested.
    """
    faults = error.errors(include_url=False, include_context=True, include_input=True)
    told = [_fault(fault, model) for fault in faults[:MAX_FAULTS]]
    if len(faults) > MAX_FAULTS:
        told.append(f"and {len(faults) - MAX_FAULTS} more faults")
    return "; ".join(told)


def suggestion(name: str, known: typing.Iterable[str]) -> str:
    """Return `did you mean 'action'?` for the nearest known name, or "" where none is near."""
    near = get_close_matches(name[:_SHOWN_CHARS].strip().lower(), list(known), n=1, cutoff=0.6)
    return f"did you mean {near[0]!r}?" if near else ""


def shown_value(value: Any) -> str:
    """A value for a message: short, in JSON's words, without control characters."""
    if isinstance(value, (list, tuple)):
        return f"a list of {len(value)}"
    if isinstance(value, Mapping):
        return f"an object of {len(value)}"
    if value is None:
        return "null"
    try:
        text = json.dumps(value[: 2 * _SHOWN_CHARS] if isinstance(value, str) else value, ensure_ascii=False)
    except (TypeError, ValueError):
        text = str(value)[: 2 * _SHOWN_CHARS]
    return shown_name(text if len(text) <= _SHOWN_CHARS else f"{text[:_SHOWN_CHARS]}…")


def _fault(fault: ErrorDetails, model: type[BaseModel]) -> str:
    *above, last = fault["loc"] or ("record",)
    where = _path(fault["loc"])
    if fault["type"] == "extra_forbidden":
        return f"{where}: unknown field; {_about_unknown(str(last), _model_at(above, model))}"
    if fault["type"] == "missing":
        return f"{where}: missing"
    came = shown_value(fault["input"])
    if fault["type"] == "enum":
        expected = str(fault.get("ctx", {}).get("expected", "")).replace("'", "").replace(" or ", ", ")
        hint = suggestion(str(fault["input"]), expected.split(", "))
        return f"{where}: expected one of {expected}, got {came}" + (f"; {hint}" if hint else "")
    message = fault["msg"]
    return f"{where}: {message[:1].lower()}{message[1:200]}, got {came}"


def _about_unknown(name: str, model: type[BaseModel] | None) -> str:
    """The nearest field of the same object, or the object that has a field of this very name."""
    known = list(model.model_fields) if model is not None else []
    home = next((home for home, other in _HOMES.items() if name in other.model_fields and other is not model), None)
    hint = suggestion(name, known)
    if hint:
        return hint
    if home is not None:
        return f"{name} is a field of {home}"
    return "what no field has a place for goes under extra"


def _model_at(place: typing.Sequence[str | int], model: type[BaseModel]) -> type[BaseModel] | None:
    """The class of the object at a place within a record."""
    current: type[BaseModel] | None = model
    for part in place:
        if isinstance(part, str):
            field = None if current is None else current.model_fields.get(part)
            current = None if field is None else _class_in(field.annotation)
    return current


def _class_in(annotation: Any) -> type[BaseModel] | None:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    return next((found for part in typing.get_args(annotation) if (found := _class_in(part)) is not None), None)


def _path(place: typing.Sequence[str | int]) -> str:
    path = ""
    for part in place:
        path += f"[{part}]" if isinstance(part, int) else f".{shown_name(part)}" if path else shown_name(part)
    return path or "record"
