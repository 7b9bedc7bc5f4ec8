"""The record at the centre: what was asked, what was seen, what was done, how it ended.

Frozen, versioned, and independent of who ran the episode. Stages meet in files of `Trajectory` records.
"""

from __future__ import annotations

from enum import Enum
from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict, Field

SCHEMA_VERSION: Final = 2
"""Version of the record. Every stored trajectory carries it; `formats.own` migrates records of version 1."""


class Record(BaseModel):
    """A frozen record that refuses fields it does not know; what a source adds goes under `extra`."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class Task(Record):
    """What the agent was asked to do. `id` is unique within a benchmark; the rest may be filled from a task file."""

    id: str = Field(min_length=1)
    objective: str = ""
    """The instruction in natural language (WebArena: intent)."""
    sites: tuple[str, ...] = ()
    start_url: str | None = None
    template: str | None = None
    """The text of which the objective is an instance, e.g. `Fork {{repo}}`."""
    template_id: str | None = None
    capability: str | None = None
    """The capability that the task tests, where its benchmark says so; tasks of equal labels test the same one."""
    extra: dict[str, Any] = Field(default_factory=dict)
    """What the task file says beyond this (WebArena: eval, instantiation_dict, ...)."""


class Observation(Record):
    """What the agent saw before it acted."""

    text: str
    """The accessibility tree, or whatever text stood for the page."""
    url: str | None = None
    title: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


class Step(Record):
    """One observation and what the agent did about it."""

    observation: Observation
    response: str | None = None
    """The model's answer, without what it thought before answering."""
    thinking: str | None = None
    """What the model thought before answering: a `<think>` block, a harmony channel, or `reasoning_content`."""
    reasoning: str | None = None
    """The part of the answer that explains the action, where it could be told apart."""
    finish_reason: str | None = None
    """Why the model stopped: `stop`, `length` (cut at `max_new_tokens`), or what its server said."""
    action: str | None = None
    """The action as text in the run's own dialect, e.g. `click [12]` or `click('12')`; None: unparsable."""
    executed: bool = True
    """False: recorded after the end. Such a step is evidence; scores, counts and filters leave it out."""
    valid: bool | None = None
    """Did the environment take the action? None: it did not say."""
    error: str | None = None
    """What the environment said against the action."""
    reward: float | None = None
    """Reward that this action earned."""
    model_seconds: float | None = None
    environment_seconds: float | None = None
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def accepted(self) -> bool:
        """Whether its action could be read and was not refused."""
        return self.action is not None and self.valid is not False


class Ending(str, Enum):
    """Why an episode ended: one reason for every ending."""

    STOP = "stop"
    """The agent said that it is done, or the environment ended the episode: goal reached or a rule broken (`error`)."""
    STEP_LIMIT = "step_limit"
    TIME_LIMIT = "time_limit"
    """The wall clock that the runner allowed ran out, between two steps."""
    PARSE_FAILURES = "parse_failures"
    REPEATED_ACTION = "repeated_action"
    ENVIRONMENT_ERROR = "environment_error"
    """A crash or time-out of the world; never the model's failure."""
    AGENT_ERROR = "agent_error"
    """The policy raised an exception, or its prompt did not fit into the context: a failure of the agent."""
    MODEL_UNAVAILABLE = "model_unavailable"
    """The model's server could not be reached, refused, or sent an error. It says nothing about the agent."""
    UNKNOWN = "unknown"

    @property
    def early(self) -> bool:
        """True where the runner, not the agent, ended the episode (limits and repeated mistakes)."""
        return self in (Ending.STEP_LIMIT, Ending.TIME_LIMIT, Ending.PARSE_FAILURES, Ending.REPEATED_ACTION)

    @property
    def transport_failure(self) -> bool:
        """True if the model's server or the environment failed, so that the episode says nothing about the agent."""
        return self in (Ending.ENVIRONMENT_ERROR, Ending.MODEL_UNAVAILABLE)

    @property
    def failure(self) -> bool:
        """True if an error ended the episode: a transport failure or an error of the agent."""
        return self.transport_failure or self is Ending.AGENT_ERROR


class Outcome(Record):
    """How the episode ended and what it was worth."""

    score: float | None = Field(default=None, ge=0.0, le=1.0)
    """Functional correctness in 0..1; None: not judged. Success is a score of 1; less is partial credit."""
    ending: Ending = Ending.UNKNOWN
    error: str | None = None
    """The error that ended the episode, if one did."""
    traceback: str | None = None
    """The traceback of an exception that the policy raised."""
    extra: dict[str, Any] = Field(default_factory=dict)

    @property
    def success(self) -> bool | None:
        """True for a score of 1, False below it, None where nobody judged."""
        return None if self.score is None else self.score >= 1.0


class Provenance(Record):
    """Where the record comes from."""

    source: str = "tracewarp"
    """The format that it was read from, or `tracewarp` for our own collector."""
    agent: str | None = None
    model: str | None = None
    driver: str | None = None
    sampling: dict[str, Any] = Field(default_factory=dict)
    seed: int | None = None
    started_at: str | None = None
    """ISO 8601, UTC."""
    extra: dict[str, Any] = Field(default_factory=dict)


class Trajectory(Record):
    """One episode. Its key within a run is (task id, repeat)."""

    schema_version: Literal[2] = SCHEMA_VERSION
    task: Task
    repeat: int = Field(default=0, ge=0)
    steps: tuple[Step, ...] = ()
    outcome: Outcome = Field(default_factory=Outcome)
    provenance: Provenance = Field(default_factory=Provenance)
    extra: dict[str, Any] = Field(default_factory=dict)
    """What the source said and no field above has a place for."""

    @property
    def key(self) -> tuple[str, int]:
        """(task id, repeat): unique within a run."""
        return (self.task.id, self.repeat)

    @property
    def executed_steps(self) -> tuple[Step, ...]:
        """The steps whose action was carried out or refused: the ones that are counted, embedded and scored."""
        return tuple(step for step in self.steps if step.executed)

    @property
    def accepted_steps(self) -> tuple[Step, ...]:
        """The executed steps whose action could be read and was not refused; the last executed one if none is left."""
        executed = self.executed_steps
        return tuple(step for step in executed if step.accepted) or executed[-1:]
