"""The stages of one candidate, each a prompt, a reading with its checks, and another try where it was refused.

definition  objective and host -> plan -> step -> address -> actions -> page (-> the agent's own prompt). The candidates
            of a wave go through a stage together, so that the model answers in batches; novelty is decided one by one,
            in the order of their numbers.
source      Patel et al. 2024, section 2.2 and appendix G; the wording is ours
differs     tries are bounded and counted; a plan's lines that neither click, type, scroll nor stop are dropped
"""

from __future__ import annotations

import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cache
from typing import Any, TypeVar

from jinja2 import Environment, PackageLoader, StrictUndefined

from tracewarp.models import Message, Model, Sampling
from tracewarp.synthesize.dice import seeded
from tracewarp.synthesize.examples import Example, Place
from tracewarp.synthesize.out_of_domain.reading import (
    Moment,
    Refused,
    place_in_plan,
    read_address,
    read_moment,
    read_objective,
    read_page,
    read_plan,
)
from tracewarp.synthesize.out_of_domain.settings import GenerationSettings
from tracewarp.trajectory.surrogates import repair

T = TypeVar("T")


@dataclass(frozen=True, slots=True)
class Shot:
    """An objective with the host of its site."""

    objective: str
    host: str


@dataclass(frozen=True, slots=True)
class Agent:
    """What the generated examples have to fit: how the agent is told of its actions, and how it answers."""

    grammar: str
    opening: str
    closing: str


@dataclass
class Candidate:
    """One example on its way."""

    number: int
    refusals: dict[str, int] = field(default_factory=dict)
    """`stage:reason` -> how often an answer was refused for it."""
    lost_at: str | None = None
    """The stage that was tried in vain."""
    objective: str = ""
    host: str = ""
    plan: tuple[str, ...] = ()
    step: int = 0
    address: str = ""
    moment: Moment | None = None
    page: str = ""

    @property
    def place(self) -> Place:
        """Of its step in the plan."""
        return place_in_plan(self.step, len(self.plan))


class Stages:
    """Takes candidates from stage to stage.

    Args:
        model: that writes.
        settings: of the generation.
        tasks: objectives with hosts, to start from.
        examples: kept in-domain examples: shots for actions and pages.
        agent: whose examples they become.
        taken_hosts: of sites that no example may be of, beside those of `tasks`.
    """

    def __init__(
        self,
        model: Model,
        settings: GenerationSettings,
        *,
        tasks: Sequence[Shot],
        examples: Sequence[Example],
        agent: Agent,
        taken_hosts: frozenset[str] = frozenset(),
    ) -> None:
        self._model = model
        self._settings = settings
        self._tasks = tasks
        self._taken_hosts = taken_hosts | {task.host for task in tasks}
        self._by_place: dict[Place, list[Example]] = {"first": [], "intermediate": [], "last": []}
        for example in examples:
            self._by_place[example.place].append(example)
        self._agent = agent

    def objectives(self, wave: Sequence[Candidate], earlier: Sequence[Shot], is_new: Callable[[str], bool]) -> None:
        """Stage 1: objective and host, unlike every one before."""

        def ask(candidate: Candidate, dice: random.Random) -> str:
            drawn = dice.sample(list(earlier), min(2, len(earlier)))
            shots = drawn + dice.sample(list(self._tasks), min(4 - len(drawn), len(self._tasks)))
            dice.shuffle(shots)
            return _render("objective", shots=shots)

        def take(candidate: Candidate, text: str) -> None:
            objective, host = read_objective(text, taken_hosts=self._taken_hosts)
            if not is_new(objective):
                raise Refused("similar")
            candidate.objective, candidate.host = objective, host

        self._stage("objective", wave, ask, take, max_new_tokens=200)

    def plans(self, wave: Sequence[Candidate]) -> None:
        """Stages 2 and 3: the plan, and which of its steps."""

        def ask(candidate: Candidate, dice: random.Random) -> str:
            return _render("plan", objective=candidate.objective, host=candidate.host)

        def take(candidate: Candidate, text: str) -> None:
            candidate.plan = read_plan(text)
            candidate.step = draw_step(len(candidate.plan), self._dice(candidate, "step"))

        self._stage("plan", wave, ask, take, max_new_tokens=512)

    def addresses(self, wave: Sequence[Candidate]) -> None:
        """Stage 4: the address after the step before; the home page at the first."""
        for candidate in wave:
            candidate.address = f"http://{candidate.host}/"

        def ask(candidate: Candidate, dice: random.Random) -> str:
            about: dict[str, Any] = {"objective": candidate.objective, "host": candidate.host, "plan": candidate.plan}
            return _render("address", number=candidate.step, **about)  # steps are counted from 1 in the prompt

        def take(candidate: Candidate, text: str) -> None:
            candidate.address = read_address(text, host=candidate.host)

        self._stage("address", [c for c in wave if c.step > 0], ask, take, max_new_tokens=100)

    def moments(self, wave: Sequence[Candidate]) -> None:
        """Stage 5: the action before and the next one."""

        def ask(candidate: Candidate, dice: random.Random) -> str:
            return _render(
                "actions",
                **self._shots(candidate, dice),
                objective=candidate.objective,
                address=candidate.address,
                plan=candidate.plan,
                number=candidate.step + 1,
                step=candidate.plan[candidate.step],
                first=candidate.step == 0,
            )

        def take(candidate: Candidate, text: str) -> None:
            candidate.moment = read_moment(text, opening=self._agent.opening, first=candidate.step == 0)

        self._stage("actions", wave, ask, take, max_new_tokens=self._settings.max_new_tokens)

    def pages(self, wave: Sequence[Candidate]) -> None:
        """Stage 6: the page on which the next action makes sense."""

        def ask(candidate: Candidate, dice: random.Random) -> str:
            moment = _moment(candidate)
            return _render(
                "page",
                **self._shots(candidate, dice),
                objective=candidate.objective,
                address=candidate.address,
                previous_action=moment.previous_action,
                next_action=moment.next_action,
            )

        def take(candidate: Candidate, text: str) -> None:
            candidate.page = read_page(text, element=_moment(candidate).element)

        self._stage("page", wave, ask, take, max_new_tokens=self._settings.max_new_tokens)

    def _stage(
        self,
        name: str,
        wave: Sequence[Candidate],
        ask: Callable[[Candidate, random.Random], str],
        take: Callable[[Candidate, str], None],
        *,
        max_new_tokens: int,
    ) -> None:
        """Ask about every candidate until its answer is taken, `tries` times at most."""
        open_ones = [candidate for candidate in wave if candidate.lost_at is None]
        for attempt in range(self._settings.tries):
            if not open_ones:
                return
            prompts = [
                (Message("user", ask(candidate, self._dice(candidate, f"{name}/{attempt}/shots"))),)
                for candidate in open_ones
            ]
            sampling = [
                Sampling(
                    temperature=self._settings.temperature,
                    top_p=self._settings.top_p,
                    max_new_tokens=max_new_tokens,
                    seed=self._dice(candidate, f"{name}/{attempt}").getrandbits(31),
                )
                for candidate in open_ones
            ]
            refused = []
            answers = self._model.generate(prompts, sampling)
            for candidate, answer in zip(open_ones, answers, strict=True):
                try:
                    take(candidate, repair(answer.text))
                except Refused as refusal:
                    why = f"{name}:{refusal.reason}"
                    candidate.refusals[why] = candidate.refusals.get(why, 0) + 1
                    refused.append(candidate)
            open_ones = refused
        for candidate in open_ones:
            candidate.lost_at = name

    def _shots(self, candidate: Candidate, dice: random.Random) -> Mapping[str, Any]:
        pool = self._by_place[candidate.place]
        shots = dice.sample(pool, min(2, len(pool)))
        agent = self._agent
        return {"shots": shots, "grammar": agent.grammar, "opening": agent.opening, "closing": agent.closing}

    def _dice(self, candidate: Candidate, what: str) -> random.Random:
        return seeded(self._settings.seed, candidate.number, what)


def draw_step(n_steps: int, dice: random.Random) -> int:
    """Which step of a plan: the first with 1/4, the last with 1/4, the others share 1/2; of two steps 1/2 each."""
    if n_steps == 2:
        return dice.randrange(2)
    drawn = dice.random()
    if drawn < 0.25:
        return 0
    return n_steps - 1 if drawn < 0.5 else dice.randrange(1, n_steps - 1)


def _moment(candidate: Candidate) -> Moment:
    assert candidate.moment is not None, "the stage before gave it"
    return candidate.moment


def _render(name: str, **words: Any) -> str:
    return _environment().get_template(f"{name}.jinja").render(words)


@cache
def _environment() -> Environment:
    # Prompts are plain text for a model: nothing is escaped.
    loader = PackageLoader("tracewarp.synthesize.out_of_domain", "prompts")
    return Environment(loader=loader, undefined=StrictUndefined, trim_blocks=False)  # noqa: S701
