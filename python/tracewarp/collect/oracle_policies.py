"""Policies that are told the solution: one follows it, one errs at stated rates."""

from __future__ import annotations

import random
import re
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import Any

from tracewarp.collect.policy import BasePolicy, Decision, Start, View
from tracewarp.collect.simple_policies import GIVE_UP
from tracewarp.collect.suits import check_suits
from tracewarp.envs.base import AdmissibleEnvironment, Capability, OracleEnvironment
from tracewarp.errors import EnvironmentFailure, OptionError
from tracewarp.trajectory import action_verb

BELIEVED = "stop [done]"
"""What the noisy oracle says when it took a wrong element and believes that all is well."""
MUMBLE = "I am not sure what to do on this page."
"""An answer without an action."""
SETTLE = 0.25
"""Chance that a policy that wanders believes to be done, at each step after its mistake."""
_NAMED = re.compile(r"\[\d+\] \S+ (['\"])(.+?)\1")
"""An element of an observation, with its name."""


class OraclePolicy(BasePolicy):
    """Follows the solution that the environment knows."""

    name = "oracle"
    requires = frozenset({Capability.ORACLE})

    def start(self, start: Start) -> None:
        """Find the solution; raises `PolicyError` where the environment knows none."""
        check_suits(self, start.spec)
        assert isinstance(start.environment, OracleEnvironment)
        self.environment: OracleEnvironment = start.environment

    def act(self, view: View) -> Decision:
        """The next action of the solution."""
        action = self.environment.oracle_action()
        return Decision(action, response=action)


@dataclass(frozen=True, slots=True)
class Noise:
    """Rates of the noisy oracle, each for every step at which it follows the solution.

    The sum of `wrong`, `give_up`, `loop`, `malformed` and `wander` is at most 1.
    """

    wrong: float = 0.0
    """It takes a wrong element."""
    give_up: float = 0.0
    """It says `stop [N/A]`."""
    loop: float = 0.0
    """It repeats its last action until the runner ends the episode; at the first step, the solution's action."""
    malformed: float = 0.0
    """Its answer holds no action, however often this step is asked; at the next step it goes on."""
    wander: float = 0.0
    """It takes a wrong element, does not notice, and takes further ones until it believes to be done."""
    misread: float = 0.0
    """Where the solution ends with an answer: the chance that it answers with another name on the page."""
    recover: float = 0.5
    """After a wrong element that led nowhere else: the chance that it notices and goes on."""

    def __post_init__(self) -> None:
        for name, rate in asdict(self).items():
            if isinstance(rate, bool) or not isinstance(rate, (int, float)) or not 0 <= rate <= 1:
                raise OptionError(f"policy noisy: {name}: expected a rate in 0..1, got {rate!r}")
        total = self.wrong + self.give_up + self.loop + self.malformed + self.wander
        if total > 1:
            raise OptionError(
                f"policy noisy: expected wrong + give_up + loop + malformed + wander to be at most 1, got {total:g}"
            )


class NoisyOraclePolicy(OraclePolicy):
    """Follows the solution, with errors at stated rates: planted mistakes that scores must find.

    At each step at which it follows the solution it draws one of: a wrong element, an early give-up, a loop, a
    malformed answer, a wrong element after which it wanders, or the right action. A wrong element is any other
    admissible action, of the same verb where there is one. After it the solution fits no more, unless the policy turns
    back: with the chance `recover` it does so (by `go_back`, where the address changed) and goes on; otherwise, and
    where the solution does not fit after all, it believes that it is done and says `stop [done]`. A refused action
    changed nothing, so it goes on after one. A policy that wanders goes on after its mistake with admissible clicks and
    texts, and believes to be done with the chance `SETTLE` before each: its failures do not end abruptly.

    Args:
        rates: as the fields of `Noise`.

    Raises:
        OptionError: an unknown rate, or rates out of range.
    """

    name = "noisy"

    def __init__(self, **rates: Any) -> None:
        known = Noise.__dataclass_fields__
        for name in rates:
            if name not in known:
                raise OptionError(f"policy noisy: expected rates among {', '.join(known)}, got {name!r}")
        self.noise = Noise(**rates)
        if self.noise.wrong or self.noise.wander:
            self.requires = self.requires | {Capability.ADMISSIBLE}

    def start(self, start: Start) -> None:
        """Find the solution, and seed the draws; wrong elements need an environment that lists admissible actions."""
        super().start(start)
        self.world = start.environment
        self.draws = random.Random(start.seed)  # noqa: S311 (a benchmark, no secret)
        self.last: str | None = None
        self.looping: str | None = None
        self.strayed_from: str | None = None
        """The address at which a wrong element was taken, until the policy has dealt with it."""
        self.strayed = False
        self.wandering = False
        self.astray = False
        """A wrong element was taken at some time: the solution may not fit any more."""

    def act(self, view: View) -> Decision:
        """The next action, right or wrong."""
        if view.attempt:
            return Decision(None, response=MUMBLE)
        if self.looping is None:
            if self.wandering:
                chosen: str | None = self._wander()
            else:
                chosen = self._after_straying(view) if self.strayed else self._follow(view)
            if chosen is None:
                return Decision(None, response=MUMBLE)
            self.last = chosen
        action = self.looping or self.last
        return Decision(action, response=action)

    def describe(self) -> Mapping[str, Any]:
        """The rates."""
        return {"noise": asdict(self.noise)}

    def _after_straying(self, view: View) -> str:
        """Turn back, go on, or believe to be done."""
        self.strayed = False
        if view.previous_error is not None:
            return self._solution()
        if self.draws.random() >= self.noise.recover:
            return BELIEVED
        return "go_back" if view.observation.url != self.strayed_from else self._solution()

    def _follow(self, view: View) -> str | None:
        """The solution's action or one of the planted errors; None for an answer without an action."""
        noise, drawn = self.noise, self.draws.random()
        if drawn < noise.wrong:
            return self._wrong(view)
        if drawn < noise.wrong + noise.give_up:
            return GIVE_UP
        if drawn < noise.wrong + noise.give_up + noise.loop:
            self.looping = self.last or self._solution()
            return self.looping
        if drawn < noise.wrong + noise.give_up + noise.loop + noise.malformed:
            return None
        if drawn < noise.wrong + noise.give_up + noise.loop + noise.malformed + noise.wander:
            chosen = self._wrong(view)
            self.wandering, self.strayed = self.strayed, False
            return chosen
        return self._misread(view, self._solution())

    def _misread(self, view: View, right: str) -> str:
        """The solution's action, or another answer in its place."""
        # Nothing is drawn without such a rate, so that the records of policies that lack it stay as they were.
        answer = right.partition("[")[2].removesuffix("]")
        if not self.noise.misread or action_verb(right) != "stop" or not answer:
            return right
        names = sorted({found[2] for found in _NAMED.finditer(view.observation.text)} - {answer})
        if not names or self.draws.random() >= self.noise.misread:
            return right
        return f"stop [{names[self.draws.randrange(len(names))]}]"

    def _wander(self) -> str:
        """Any click or text that is possible, or the belief to be done."""
        assert isinstance(self.world, AdmissibleEnvironment)
        possible = [action for action in self.world.admissible() if action_verb(action) in ("click", "type")]
        if not possible or self.draws.random() < SETTLE:
            return BELIEVED
        return possible[self.draws.randrange(len(possible))]

    def _wrong(self, view: View) -> str:
        right = self._solution()
        assert isinstance(self.world, AdmissibleEnvironment)
        others = [action for action in self.world.admissible() if action != right]
        alike = [action for action in others if action_verb(action) == action_verb(right)] or others
        if not alike:
            return right
        self.strayed = self.astray = True
        self.strayed_from = view.observation.url
        return alike[self.draws.randrange(len(alike))]

    def _solution(self) -> str:
        """The solution's next action; once astray, it may not fit the page."""
        try:
            return self.environment.oracle_action()
        except EnvironmentFailure:
            if self.astray:
                return BELIEVED
            raise
