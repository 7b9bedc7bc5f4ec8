"""Similarity of two sequences of actions: the cheap neighbour that VERTEX_DTW has to beat."""

from __future__ import annotations

import re
from collections.abc import Sequence

from tracewarp.studies.validity.damages import elements
from tracewarp.trajectory import Step

_ACTION = re.compile(r"\s*(\w+)\s*(?:\[(\d+)\])?(.*)", re.DOTALL)


def action_key(step: Step) -> tuple[str, ...]:
    """What makes two actions equal: verb, text, and the element's role and name; ids are not compared."""
    if step.action is None:
        return ("",)
    found = _ACTION.fullmatch(step.action)
    assert found is not None
    verb, place, text = found[1].lower(), found[2], " ".join(found[3].split())
    if place is None or verb in ("stop", "tab_focus"):
        return (verb, f"{place or ''}{text}")
    mine = next((it for it in elements(step.observation.text) if it[0] == int(place)), None)
    return (verb, text) + (("", "") if mine is None else (mine[1], mine[2]))


def edit_similarity(x: Sequence[object], y: Sequence[object]) -> float:
    """1 - Levenshtein distance / length of the longer; 1 for two empty sequences."""
    if not x and not y:
        return 1.0
    before = list(range(len(y) + 1))
    for i, one in enumerate(x, start=1):
        now = [i]
        for j, other in enumerate(y, start=1):
            now.append(min(before[j] + 1, now[-1] + 1, before[j - 1] + (one != other)))
        before = now
    return 1 - before[-1] / max(len(x), len(y))
