"""Known damage to a solution, by kind and dose; a score that measures what it claims must fall, more with more of it.

A damage is a list of places in a solution (or in another one), so that nothing is embedded twice; only a wrong element
makes new steps. Definitions: docs/definitions/validity.md.
"""

from __future__ import annotations

import ast
import random
import re
from collections.abc import Sequence
from dataclasses import dataclass

from tracewarp.trajectory import Step, action_verb

DOSES = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
"""Share of the steps that a damage is about."""
LEAST_STEPS = 3
"""Shorter solutions are not damaged: there is no middle, and no half."""
GRADED = ("cut", "middle", "loop", "other_task", "wrong_element", "same_capability")
"""Damages with a dose."""
SINGLE = ("no_end", "swapped")
"""Damages without one."""
NOT_IN_RULE = frozenset({"same_capability"})
"""Damage that takes its ending from another task of the same capability. References of other tasks cannot detect it."""

_ELEMENT = re.compile(r"\[(\d+)\] (\S+) ('(?:[^'\\]|\\.)*'|\"(?:[^\"\\]|\\.)*\")")
_TARGET = re.compile(r"""(\w+\s*[\[(]\s*['"]?)(\d+)(['"]?\s*[\]),].*)""", re.DOTALL)
_NO_ELEMENT = frozenset({"stop", "tab_focus", "send_msg_to_user", "report_infeasible", "goto", "noop", "scroll"})
"""Verbs whose first argument may look like an element's id and is none."""

Own = int
"""Place of a step in the solution."""


@dataclass(frozen=True)
class Copy:
    """A damaged copy of a solution."""

    damage: str
    dose: float | None
    """Share of the steps, as asked for; None: a damage without a dose."""
    changed: int
    """Number of steps that it is about: what the dose came to."""
    steps: tuple[tuple[str, int], ...]
    """Each step as ("own" | "other" | "same" | "wrong", place in that list of steps)."""


def copies(
    n: int,
    *,
    wrong: Sequence[int],
    other: int | None,
    same: int | None,
    ends_by_message: bool,
    rng: random.Random,
    doses: Sequence[float] = DOSES,
) -> list[Copy]:
    """Every damaged copy of a solution of `n` steps; none where it is shorter than `LEAST_STEPS`.

    Larger doses contain smaller ones: the same loop grows, and the same wrong elements stay.

    Args:
        n: number of steps.
        wrong: places whose step has a wrong twin, in any order.
        other: number of steps of a solution of another capability; None: there is none.
        same: number of steps of the solution of another task of the same capability; None: there is none.
        ends_by_message: the last step is a message that ends the episode.
        rng: draws where the loop is and which elements are wrong.
        doses: in (0, 1).
    """
    if n < LEAST_STEPS:
        return []
    own = [("own", i) for i in range(n)]
    looped = rng.randrange(n - 1)
    order = list(wrong)
    rng.shuffle(order)
    found: list[Copy] = []
    for dose in doses:
        k = max(1, round(dose * n))
        cut = min(k, n - 1)
        found.append(Copy("cut", dose, cut, tuple(own[: n - cut])))
        gone = min(k, n - 2)
        start = 1 + (n - 2 - gone) // 2
        found.append(Copy("middle", dose, gone, tuple(own[:start] + own[start + gone :])))
        found.append(Copy("loop", dose, k, tuple(own[: looped + 1] + [own[looped]] * k + own[looped + 1 :])))
        for damage, source, length in (("other_task", "other", other), ("same_capability", "same", same)):
            if length is not None:
                taken = min(k, length, n - 1)
                ends = [(source, length - taken + i) for i in range(taken)]
                found.append(Copy(damage, dose, taken, tuple(own[: n - taken] + ends)))
        if order:
            chosen = set(order[:k])
            steps = tuple(("wrong", i) if i in chosen else ("own", i) for i in range(n))
            found.append(Copy("wrong_element", dose, len(chosen), steps))
    if ends_by_message:
        found.append(Copy("no_end", None, 1, tuple(own[:-1])))
    found.append(Copy("swapped", None, n, tuple(own[n // 2 :] + own[: n // 2])))
    return found


def elements(text: str) -> list[tuple[int, str, str]]:
    """Id, role and name of every element of an observation in WebArena's form."""
    return [(int(found[1]), found[2], str(ast.literal_eval(found[3]))) for found in _ELEMENT.finditer(text)]


def wrong_twin(step: Step, rng: random.Random) -> Step | None:
    """The step with another element of the same page: of the same role, with another name.

    Returns:
        None where the action names no element, or the page has no other of its role.
    """
    target = _TARGET.fullmatch(step.action or "")
    if target is None or action_verb(step.action or "") in _NO_ELEMENT:
        return None
    page = elements(step.observation.text)
    mine = next((it for it in page if it[0] == int(target[2])), None)
    if mine is None:
        return None
    others = [it for it in page if it[1] == mine[1] and it[2] != mine[2]]
    if not others:
        return None
    chosen = others[rng.randrange(len(others))]
    action = f"{target[1]}{chosen[0]}{target[3]}"
    extra = {key: value for key, value in step.extra.items() if key != "sentence"}
    extra["sentence"] = f"{action} where [{chosen[0]}] is {chosen[1]} {chosen[2]!r}"
    return step.model_copy(update={"action": action, "response": action, "extra": extra})
