"""What a step records about a model's answers, those without an action included."""

from __future__ import annotations

from typing import Any

from tracewarp.trajectory.model import Step

CUT = "length"
"""The `finish_reason` of an answer that was cut at the token limit."""


def finish_reasons(step: Step) -> list[str]:
    """Return the finish reason of each answer that the model gave in a step."""
    found = [*(said.get("finish_reason") for said in attempts(step)), step.finish_reason]
    return [reason for reason in found if isinstance(reason, str)]


def attempts(step: Step) -> list[dict[str, Any]]:
    """The answers without an action before the last one."""
    found = step.extra.get("attempts")
    return [said for said in found if isinstance(said, dict)] if isinstance(found, list) else []
