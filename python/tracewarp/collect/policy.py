"""The protocol of a policy: it sees what an agent may see, and answers with one action as text."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from tracewarp.envs.base import Environment, EnvSpec, Observation
from tracewarp.trajectory import Task


@dataclass(frozen=True, slots=True)
class Start:
    """What a policy is told when an episode begins."""

    task: Task
    repeat: int
    seed: int
    """Of this episode: SHA-256 of the run's seed, the task and the repeat. The only randomness of a policy."""
    spec: EnvSpec
    environment: Environment
    """For policies that ask its declared capabilities (random, oracle); an agent's policy leaves it alone."""


@dataclass(frozen=True, slots=True)
class View:
    """What a policy sees before an action."""

    observation: Observation
    step: int
    """Counted from 0."""
    previous_action: str | None
    """The last action as a sentence (`click [12] where [12] is link 'Lamps'`); None at first."""
    previous_error: str | None
    """Why the last action was not taken."""
    attempt: int = 0
    """How often this step was asked before, each time without an action that could be read."""


@dataclass(frozen=True, slots=True)
class Decision:
    """What a policy answered."""

    action: str | None
    """None: nothing could be parsed from the response."""
    response: str | None = None
    """The model's answer, without what it thought before answering."""
    thinking: str | None = None
    """What the model thought before answering."""
    reasoning: str | None = None
    finish_reason: str | None = None
    """`stop`, `length` (the answer was cut at `max_new_tokens`), or what the server said."""
    prompt: tuple[Mapping[str, str], ...] | None = None
    """The chat messages that were sent, as plain JSON."""
    sampling: Mapping[str, Any] = field(default_factory=dict)
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    model_seconds: float | None = None
    extra: Mapping[str, Any] = field(default_factory=dict)


class Policy(Protocol):
    """Decides on actions, one episode at a time. One object serves one worker; it is not shared between threads.

    An exception ends the episode: `ModelUnavailableError` (the model's server gives no answer) as `model_unavailable`,
    every other one as `agent_error`.

    A policy may have two more attributes. `requires`: a set of `Capability` that it asks of the environment. `check()`:
    called once before the first episode; it raises `ModelUnavailableError` if the model does not answer.
    """

    name: str

    def start(self, start: Start) -> None:
        """An episode begins."""
        ...

    def act(self, view: View) -> Decision:
        """Decide on one action."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """Settings for the run's record, as plain JSON."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...


class BasePolicy:
    """What a policy without settings and without anything to let go of may be made from: it adds `name` and `act`."""

    def start(self, start: Start) -> None:
        """Nothing to prepare."""

    def describe(self) -> Mapping[str, Any]:
        """No settings."""
        return {}

    def close(self) -> None:
        """Nothing to let go of."""
