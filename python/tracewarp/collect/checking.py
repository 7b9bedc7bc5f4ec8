"""What a policy or an environment gave, checked before it is used: right types, text that UTF-8 can write, plain JSON.

A policy may be anybody's code. Its answers are checked and repaired here and nowhere else, so that neither the
environment nor the record meets a lone surrogate, a number where text is expected, or an answer of 100 megabytes.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from numbers import Real
from typing import Any

from tracewarp.collect.policy import Decision, Policy
from tracewarp.collect.record import optional, plain, text
from tracewarp.envs.base import Observation, StepResult
from tracewarp.errors import EnvironmentFailure, PolicyError

MAX_ANSWER_CHARS = 1_000_000
"""A longer answer (or action, or thought) is an error of the policy: no model writes one, and every record keeps it."""

_TEXTS = ("action", "response", "thinking", "reasoning", "finish_reason")
_COUNTS = ("prompt_tokens", "completion_tokens")


def checked_decision(decision: object, *, policy: str) -> Decision:
    """Return a decision with every text repaired and every value as plain JSON.

    Args:
        decision: what `Policy.act` returned.
        policy: the policy's name, for the message.

    Raises:
        PolicyError: it is no `Decision`, or one of its fields has a wrong type or is too long.
    """
    if not isinstance(decision, Decision):
        raise PolicyError(f"policy {policy}: expected a Decision from act, got {type(decision).__name__}")
    for name in _TEXTS:
        value = getattr(decision, name)
        if value is not None and not isinstance(value, str):
            raise PolicyError(f"policy {policy}: expected the {name} as text or None, got {type(value).__name__}")
        if value is not None and len(value) > MAX_ANSWER_CHARS:
            raise PolicyError(
                f"policy {policy}: expected the {name} in at most {MAX_ANSWER_CHARS:,} characters, got {len(value):,}"
            )
    for name in _COUNTS:
        value = getattr(decision, name)
        if value is not None and (isinstance(value, bool) or not isinstance(value, int) or value < 0):
            raise PolicyError(f"policy {policy}: expected {name} as an integer >= 0 or None, got {plain(value)!r}")
    seconds = decision.model_seconds
    if seconds is not None and (isinstance(seconds, bool) or not _is_duration(seconds)):
        raise PolicyError(f"policy {policy}: expected model_seconds as a number >= 0 or None, got {plain(seconds)!r}")
    for name in ("sampling", "extra"):
        if not isinstance(getattr(decision, name), Mapping):
            found = type(getattr(decision, name)).__name__
            raise PolicyError(f"policy {policy}: expected {name} as a mapping, got {found}")
    prompt = decision.prompt
    if prompt is not None and not (isinstance(prompt, (tuple, list)) and all(isinstance(m, Mapping) for m in prompt)):
        raise PolicyError(
            f"policy {policy}: expected the prompt as a sequence of messages, got {type(prompt).__name__}"
        )
    return replace(
        decision,
        action=optional(decision.action),
        response=optional(decision.response),
        thinking=optional(decision.thinking),
        reasoning=optional(decision.reasoning),
        finish_reason=optional(decision.finish_reason),
        prompt=None if prompt is None else tuple(plain(message) for message in prompt),
        sampling=plain(decision.sampling),
        extra=plain(decision.extra),
    )


def described(policy: Policy) -> dict[str, Any]:
    """Return what a policy says about itself, as plain JSON.

    Raises:
        PolicyError: `describe()` returned no mapping, or its `sampling` is none.
    """
    about = policy.describe()
    if not isinstance(about, Mapping):
        raise PolicyError(f"policy {policy.name}: expected a mapping from describe, got {type(about).__name__}")
    sampling = about.get("sampling")
    if sampling is not None and not isinstance(sampling, Mapping):
        raise PolicyError(f"policy {policy.name}: expected `sampling` as a mapping, got {type(sampling).__name__}")
    return dict(plain(about))


def checked_observation(observation: object) -> Observation:
    """Return an observation whose texts UTF-8 can write: what the policy sees is what the record keeps.

    Raises:
        EnvironmentFailure: it is no `Observation`, or one of its texts is none.
    """
    if not isinstance(observation, Observation):
        raise EnvironmentFailure(f"expected an Observation from the environment, got {type(observation).__name__}")
    for name in ("text", "instruction"):
        if not isinstance(getattr(observation, name), str):
            found = type(getattr(observation, name)).__name__
            raise EnvironmentFailure(f"expected the observation's {name} as text, got {found}")
    for name in ("url", "title"):
        value = getattr(observation, name)
        if value is not None and not isinstance(value, str):
            raise EnvironmentFailure(f"expected the observation's {name} as text or None, got {type(value).__name__}")
    return replace(
        observation,
        text=text(observation.text),
        instruction=text(observation.instruction),
        url=optional(observation.url),
        title=optional(observation.title),
    )


def checked_result(result: object) -> StepResult:
    """Return a result of an action with a checked observation.

    Raises:
        EnvironmentFailure: it is no `StepResult`, or one of its fields has a wrong type or is out of range.
    """
    if not isinstance(result, StepResult):
        raise EnvironmentFailure(f"expected a StepResult from the environment, got {type(result).__name__}")
    score = _number(result.score, "score")
    if not 0.0 <= score <= 1.0:
        raise EnvironmentFailure(f"score: expected a number in 0..1 from the environment, got {score}")
    if result.error is not None and not isinstance(result.error, str):
        raise EnvironmentFailure(f"expected the result's error as text or None, got {type(result.error).__name__}")
    if not isinstance(result.info, Mapping):
        raise EnvironmentFailure(f"expected the result's info as a mapping, got {type(result.info).__name__}")
    return replace(
        result,
        observation=checked_observation(result.observation),
        score=score,
        reward=_number(result.reward, "reward"),
        error=optional(result.error),
        valid=None if result.valid is None else bool(result.valid),
    )


def _number(value: object, name: str) -> float:
    if isinstance(value, Real):
        return float(value)
    raise EnvironmentFailure(f"{name}: expected a number from the environment, got {plain(value)!r}")


def _is_duration(value: object) -> bool:
    return isinstance(value, Real) and math.isfinite(value) and float(value) >= 0
