"""Which trajectories are plausible: rules that need no ground truth, each with a name and a reason.

definition  A trajectory is kept if no chosen rule objects to it. Every objection is kept with its rule.
source      Patel et al. 2024, section 2.1, which names `failure`, `unparsable`, `gives_up_in_any_response` and
            `gives_up` (`PAPER_TEXT_RULES`). The authors' released code (`PAPER_RULES`) also has `early_stop` and
            `loops` (an action may occur fewer than 3 times), and searches only the last response for those words.
differs     The words of giving up are compared without regard to case. BrowserGym's `report_infeasible` and an empty
            `send_msg_to_user` count as giving up. An answer that was asked for again counts as not parsed.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tracewarp.envs.web.actions import ActionSyntaxError, parse_action
from tracewarp.errors import OptionError
from tracewarp.trajectory import Ending, Step, Trajectory

MOST_EQUAL_ACTIONS: Final = 3
"""An action that occurs so often, compared as a string, is a loop."""

_GIVING_UP: Final = re.compile(r"impossible|cannot", re.IGNORECASE)
_NO_ANSWER: Final = re.compile(r"n/a\Z|no\b|\Z", re.IGNORECASE)

Rule = Callable[[Trajectory], str | None]
"""A reason against a trajectory, or None."""


def _early_stop(trajectory: Trajectory) -> str | None:
    ending = trajectory.outcome.ending
    return f"ended by {ending.value}" if ending.early or ending is Ending.UNKNOWN else None


def _failure(trajectory: Trajectory) -> str | None:
    ending = trajectory.outcome.ending
    return f"ended by {ending.value}" if ending.failure else None


def _unparsable(trajectory: Trajectory) -> str | None:
    for place, step in enumerate(trajectory.executed_steps):
        if step.extra.get("attempts") or unreadable(step.action):
            return f"the response of step {place} holds no action"
    return None if trajectory.executed_steps else "no step was taken"


def _loops(trajectory: Trajectory) -> str | None:
    counts = Counter(step.action for step in trajectory.executed_steps if step.action is not None)
    action, times = max(counts.items(), key=lambda item: item[1], default=("", 0))
    return f"{action[:80]!r} occurs {times} times" if times >= MOST_EQUAL_ACTIONS else None


def _gives_up_in_words(trajectory: Trajectory) -> str | None:
    last = trajectory.executed_steps[-1:]
    found = _GIVING_UP.search((last[0].response or "") if last else "")
    return f"the last response says {found[0].lower()!r}" if found else None


def _gives_up_in_any_response(trajectory: Trajectory) -> str | None:
    for place, step in enumerate(trajectory.executed_steps):
        for response in (*_earlier_responses(step), step.response or ""):
            found = _GIVING_UP.search(response)
            if found:
                return f"the response of step {place} says {found[0].lower()!r}"
    return None


def _earlier_responses(step: Step) -> list[str]:
    """The answers to a step that held no action, before the last one."""
    attempts = step.extra.get("attempts")
    said = [attempt.get("response") for attempt in attempts or () if isinstance(attempt, dict)]
    return [response for response in said if isinstance(response, str)]


def _gives_up(trajectory: Trajectory) -> str | None:
    last = trajectory.executed_steps[-1:]
    answer = final_answer(last[0].action) if last else None
    return f"the answer is {answer[:80]!r}" if answer is not None and gives_no_answer(answer) else None


def _invalid_action(trajectory: Trajectory) -> str | None:
    for place, step in enumerate(trajectory.executed_steps):
        if step.valid is False:
            return f"the action of step {place} was refused: {step.error or 'no reason given'}"
    return None


RULES: Final = MappingProxyType(
    {
        "early_stop": _early_stop,
        "failure": _failure,
        "unparsable": _unparsable,
        "loops": _loops,
        "gives_up_in_words": _gives_up_in_words,
        "gives_up_in_any_response": _gives_up_in_any_response,
        "gives_up": _gives_up,
        "invalid_action": _invalid_action,
    }
)
"""Name -> rule, in the order in which reasons are given."""

RULES_IN_WORDS: Final = MappingProxyType(
    {
        "early_stop": "ended by a limit of the runner (the step limit is one)",
        "failure": "ended by an error of the environment, of the model's server, or of the agent",
        "unparsable": "a response without an action",
        "loops": f"one action {MOST_EQUAL_ACTIONS} times or more",
        "gives_up_in_words": 'the last response says "impossible" or "cannot"',
        "gives_up_in_any_response": 'a response says "impossible" or "cannot"',
        "gives_up": "the answer is N/A, empty, or begins with No",
        "invalid_action": "an action that the environment refused (not in the paper)",
    }
)

PAPER_RULES: Final = ("early_stop", "failure", "unparsable", "loops", "gives_up_in_words", "gives_up")
"""The filter of the authors' released code, and the default."""

PAPER_TEXT_RULES: Final = ("failure", "unparsable", "gives_up_in_any_response", "gives_up")
"""The filter as section 2.1 of the paper words it."""

RULE_SETS: Final = MappingProxyType({"paper": PAPER_RULES, "paper-text": PAPER_TEXT_RULES, "none": ()})
"""Names of sets of rules, for command lines."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the filter says of one trajectory."""

    trajectory: Trajectory
    reasons: tuple[tuple[str, str], ...]
    """(rule, reason) of every rule that objects; empty: kept."""

    @property
    def kept(self) -> bool:
        """No rule objects."""
        return not self.reasons


def judge_plausible(trajectories: Iterable[Trajectory], *, rules: Sequence[str] = PAPER_RULES) -> tuple[Verdict, ...]:
    """Ask every rule about every trajectory.

    Args:
        trajectories: of one or several runs.
        rules: names of `RULES`; none keeps everything.

    Returns:
        One verdict a trajectory, in order.

    Raises:
        OptionError: an unknown rule.
    """
    for name in rules:
        if name not in RULES:
            raise OptionError(f"rules: expected some of {', '.join(RULES)}, got {name!r}")
    return tuple(
        Verdict(trajectory, tuple((name, reason) for name in rules if (reason := RULES[name](trajectory)) is not None))
        for trajectory in trajectories
    )


def unreadable(action: str | None) -> bool:
    """Is this no action of either dialect?"""
    if action is None:
        return True
    try:
        parse_action(action)
    except ActionSyntaxError:
        return True
    return False


def final_answer(action: str | None) -> str | None:
    """The answer that an action ends the episode with; None where it does not end it."""
    if action is None:
        return None
    try:
        read = parse_action(action)
    except ActionSyntaxError:
        return None
    return (read.text or "") if read.verb == "stop" else None


def gives_no_answer(answer: str) -> bool:
    """Is this N/A, empty, or a sentence that begins with No?"""
    return _NO_ANSWER.match(answer.strip()) is not None
