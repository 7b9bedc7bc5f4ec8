"""What an episode leaves behind: plain JSON under the fields of the trajectory record."""

from __future__ import annotations

import math
from collections.abc import Mapping
from datetime import datetime, timezone
from enum import Enum
from typing import Any

from tracewarp.collect.policy import Decision
from tracewarp.envs.base import Observation, StepResult
from tracewarp.trajectory import Observation as SeenObservation
from tracewarp.trajectory import Step, Trajectory
from tracewarp.trajectory.surrogates import repair

EVIDENCE = "evidence"
"""Key of `StepResult.info` and of `Outcome.extra`: what judging needs."""
SENTENCE = "sentence"
"""Key of `StepResult.info` and of `Step.extra`: the action with its element in words."""
SECONDS_DIGITS = 6
"""Timings are kept to the microsecond."""


def now() -> str:
    """The time in UTC, ISO 8601 with milliseconds."""
    return datetime.now(timezone.utc).isoformat(timespec="milliseconds")


MOST_NESTING = 64
"""How deeply a value may be nested; a record must be readable again, and JSON readers have limits."""
_LARGEST_INT = 2**63


def plain(value: Any, *, depth: int = 0) -> Any:
    """A value as JSON can hold it and UTF-8 can write it; what is neither becomes its `str`."""
    if depth > MOST_NESTING:
        return "(nested too deeply)"
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int) and not isinstance(value, Enum):
        # Readers of JSON differ in what they make of longer ones, and Python refuses thousands of digits.
        return int(value) if -_LARGEST_INT <= value < _LARGEST_INT else hex(value)
    if isinstance(value, str):
        return text(value.value if isinstance(value, Enum) else value)
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {text(str(key)): plain(item, depth=depth + 1) for key, item in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(item, depth=depth + 1) for item in value]
    if isinstance(value, (set, frozenset)):
        return sorted((plain(item, depth=depth + 1) for item in value), key=str)
    return text(str(value))


def text(value: str) -> str:
    """A text that UTF-8 can write: halves of surrogate pairs, which pages and models may send, become U+FFFD."""
    return repair(value)


def optional(value: str | None) -> str | None:
    """The same, where there may be none."""
    return None if value is None else text(value)


def seen(observation: Observation) -> SeenObservation:
    """What of an observation is kept; the tree is kept as its print, pictures and markup are not."""
    return SeenObservation(
        text=text(observation.text),
        url=optional(observation.url),
        title=optional(observation.title),
        extra=plain(observation.extra),
    )


def attempt(decision: Decision, seconds: float) -> dict[str, Any]:
    """An answer without an action, for `Step.extra["attempts"]`."""
    said: dict[str, Any] = {"response": optional(decision.response), "seconds": round(seconds, SECONDS_DIGITS)}
    for name, value in (("thinking", decision.thinking), ("finish_reason", decision.finish_reason)):
        if value is not None:
            said[name] = optional(value)
    return said | _said(decision)


def step(
    observation: Observation,
    decision: Decision | None,
    *,
    attempts: list[dict[str, Any]],
    model_seconds: float,
    result: StepResult | None = None,
    environment_seconds: float | None = None,
    error: str | None = None,
    executed: bool = True,
) -> Step:
    """One step.

    Args:
        observation: what the policy saw.
        decision: its last answer; None: it gave none.
        attempts: its answers before that one.
        model_seconds: of all answers together.
        result: what the action led to; None: no action, or the world failed.
        environment_seconds: of the action.
        error: why there is no result.
        executed: False where the policy gave no answer.
    """
    extra: dict[str, Any] = {} if decision is None else _said(decision)
    if attempts:
        extra["attempts"] = attempts
    if result is not None:
        extra |= {key: plain(value) for key, value in result.info.items() if key != EVIDENCE}
    unreadable = executed and (decision is None or decision.action is None)
    return Step(
        observation=seen(observation),
        response=None if decision is None else optional(decision.response),
        thinking=None if decision is None else optional(decision.thinking),
        reasoning=None if decision is None else optional(decision.reasoning),
        finish_reason=None if decision is None else optional(decision.finish_reason),
        action=None if decision is None else optional(decision.action),
        executed=executed,
        valid=False if unreadable else None if result is None else result.valid,
        error=optional(error if result is None else result.error),
        reward=None if result is None else plain(float(result.reward)),
        model_seconds=round(model_seconds, SECONDS_DIGITS),
        environment_seconds=None if environment_seconds is None else round(environment_seconds, SECONDS_DIGITS),
        extra=extra,
    )


def _said(decision: Decision) -> dict[str, Any]:
    """Prompt, sampling values and tokens of an answer, and what the policy adds."""
    said: dict[str, Any] = dict(plain(decision.extra))
    if decision.prompt is not None:
        said["prompt"] = plain(decision.prompt)
    if decision.sampling:
        said["sampling"] = plain(decision.sampling)
    tokens = {"prompt": decision.prompt_tokens, "completion": decision.completion_tokens}
    if any(count is not None for count in tokens.values()):
        said["tokens"] = tokens
    return said


def without_timings(trajectory: Trajectory) -> Trajectory:
    """The same record with nothing in it that depends on a clock: two equal collections are equal after this.

    Timings are the fields and the keys under `extra` whose names end in `seconds`, and `started_at`.
    """
    return Trajectory.model_validate(_untimed(trajectory.model_dump(mode="json")))


def _untimed(value: Any) -> Any:
    if isinstance(value, dict):
        return {
            key: _untimed(item) for key, item in value.items() if not (key.endswith("seconds") or key == "started_at")
        }
    return [_untimed(item) for item in value] if isinstance(value, list) else value
