"""Policies that know nothing of a task but its words: what a score must be compared with."""

from __future__ import annotations

import random
import re

from tracewarp.collect.policy import BasePolicy, Decision, Start, View
from tracewarp.collect.suits import check_suits
from tracewarp.envs.base import AdmissibleEnvironment, Capability

GIVE_UP = "stop [N/A]"
"""The answer that a task cannot be done."""

_LINK = re.compile(r"^[ \t]*\[(\d+)\] link (['\"])(.*)\2", re.MULTILINE)

_WORD = re.compile(r"[^\W_]+")


def words(text: str) -> frozenset[str]:
    """The words of a text, in lower case."""
    return frozenset(_WORD.findall(text.lower()))


STOP_WORDS = words(
    "a all and any are as at be by can do for from has have how i in is it its last many me my of on or that the their "
    "them there this to was what when where which who with you your"
)
"""Words of an objective that say nothing about where to go."""


class TrivialPolicy(BasePolicy):
    """Does nothing: answers `stop [N/A]` to the first page. What it solves, nobody needs an agent for."""

    name = "trivial"

    def act(self, view: View) -> Decision:
        """Give up."""
        return Decision(GIVE_UP, response=GIVE_UP)


class RandomPolicy(BasePolicy):
    """Takes any of the admissible actions, each as likely, drawn with the episode's seed."""

    name = "random"
    requires = frozenset({Capability.ADMISSIBLE})

    def start(self, start: Start) -> None:
        """Seed the draws; raises `PolicyError` where the environment does not list its admissible actions."""
        check_suits(self, start.spec)
        assert isinstance(start.environment, AdmissibleEnvironment)
        self.environment: AdmissibleEnvironment = start.environment
        self.draws = random.Random(start.seed)  # noqa: S311 (a benchmark, no secret)

    def act(self, view: View) -> Decision:
        """Draw one; where nothing is possible, give up."""
        actions = self.environment.admissible()
        action = actions[self.draws.randrange(len(actions))] if actions else GIVE_UP
        return Decision(action, response=action)


class OverlapPolicy(BasePolicy):
    """Follows the link that shares most words with the objective, and stops when no such link is new.

    Words are compared in lower case, those in `STOP_WORDS` left out; of equal links the first on the page is taken; a
    link is known by its name and followed once in an episode. The answer at the end is the name of the last link.
    """

    name = "overlap"

    def start(self, start: Start) -> None:
        """Read the objective."""
        self.wanted = words(start.task.objective) - STOP_WORDS
        self.followed: list[str] = []

    def act(self, view: View) -> Decision:
        """Follow the best new link, or stop."""
        best, shared = None, 0
        for found in _LINK.finditer(view.observation.text):
            place, name = found[1], found[3]
            count = len(self.wanted & words(name))
            if count > shared and name not in self.followed:
                best, shared = (place, name), count
        if best is None:
            action = f"stop [{self.followed[-1] if self.followed else ''}]"
        else:
            self.followed.append(best[1])
            action = f"click [{best[0]}]"
        return Decision(action, response=action)
