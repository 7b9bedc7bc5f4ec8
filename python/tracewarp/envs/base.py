"""The protocol of every environment: a task comes in, observations go out, actions are text.

Nothing here knows prompts, policies or budgets. What an adapter can do beyond `reset`, `step` and `close` stands in
`EnvSpec.capabilities`; nobody finds it out by catching errors.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from enum import Enum
from types import TracebackType
from typing import Any, Protocol, runtime_checkable
from urllib.parse import parse_qsl, urlencode

from tracewarp.errors import OptionError
from tracewarp.trajectory import Task

_FORM = re.compile(r"(?P<env>[^/\s]+)/(?P<split>[^/\s]+)/(?P<key>[^/?\s]+)(?:/(?P<seed>\d+))?(?:\?(?P<params>\S*))?")


@dataclass(frozen=True, slots=True)
class TaskRef:
    """The stable name of one task instance, written `env/split/key/seed?name=value`."""

    env: str
    split: str
    key: str
    """Of the task or its template within the environment, e.g. `shop.cheapest-in-category`."""
    seed: int = 0
    """Which instance: what a template's generator is seeded with, or its number in a fixed list."""
    params: tuple[tuple[str, str], ...] = ()
    """Further settings, sorted by name, e.g. `(("profile", "small"),)`."""

    def __str__(self) -> str:
        query = f"?{urlencode(self.params)}" if self.params else ""
        return f"{self.env}/{self.split}/{self.key}/{self.seed}{query}"

    @classmethod
    def parse(cls, text: str) -> TaskRef:
        """Read the string form back.

        Raises:
            OptionError: text that does not have the form.
        """
        found = _FORM.fullmatch(text)
        if found is None:
            raise OptionError(f"task: expected the form env/split/key/seed, got {text!r}")
        params = tuple(sorted(parse_qsl(found["params"] or "", keep_blank_values=True)))
        return cls(found["env"], found["split"], found["key"], int(found["seed"] or 0), params)


class TaskSource(Protocol):
    """The tasks of an environment, by split, in a fixed order."""

    @property
    def splits(self) -> tuple[str, ...]:
        """The names of the splits."""
        ...

    def __iter__(self) -> Iterator[TaskRef]:
        """Every task of every split once, in the file's order."""
        ...

    def __len__(self) -> int:
        """How many tasks `__iter__` gives."""
        ...

    def split(self, name: str) -> tuple[TaskRef, ...]:
        """The tasks of one split; `all` is every task.

        Raises:
            OptionError: an unknown split.
        """
        ...

    def task(self, ref: TaskRef) -> Task:
        """What the task says, as the record keeps it.

        Raises:
            OptionError: a task that is not there.
        """
        ...


@runtime_checkable
class OracleSource(Protocol):
    """A source whose environment knows solutions of a part of its tasks only."""

    def solvable(self, name: str) -> tuple[TaskRef, ...]:
        """The tasks of one split whose solution is known; `all` is every one.

        Raises:
            OptionError: an unknown split.
        """
        ...


class Capability(str, Enum):
    """What an environment may offer beyond the protocol."""

    ADMISSIBLE = "admissible"
    """`admissible()`: the actions that are possible now."""
    ORACLE = "oracle"
    """`oracle_action()`: a known solution, step by step (`OracleEnvironment`)."""
    SCORE_STEP = "score_step"
    """The score is known after every step, not only at the end."""
    DETERMINISTIC = "deterministic"
    """The same task and actions give the same observations, byte for byte."""
    HTML = "html"
    """`Observation.html` is filled."""
    JUDGE = "judge"
    """`judge()`: an episode that the runner ends early is judged as it stands (`JudgingEnvironment`)."""


@dataclass(frozen=True, slots=True)
class EnvSpec:
    """What a runner must know of an environment before the first episode."""

    name: str
    driver: str | None
    """What stands behind it, e.g. `browserless`, `chromium 140.0.7339.80`."""
    grammar: str
    """The actions as the model is told of them, drawn from the table that executes them."""
    step_budget: int
    """The number of actions after which the runner ends an episode, unless it is told otherwise."""
    success: str
    """The rule by which an episode succeeds, in a sentence."""
    capabilities: frozenset[Capability] = frozenset()
    extras: tuple[str, ...] = ()
    """Extras of the package, or other installations, that it needs."""
    licence: str = ""
    """Whose content it is, and under which licence."""
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Profile, dialect, extent, token budget, ...: what the run's record keeps."""


@dataclass(frozen=True, slots=True)
class Observation:
    """What an agent may see."""

    text: str
    instruction: str
    url: str | None = None
    title: str | None = None
    html: str | None = None
    axtree: Any | None = None
    """The tree of which `text` is a print (web: `tracewarp.envs.web.nodes.Node`)."""
    screenshot: bytes | None = None
    """PNG."""
    extra: Mapping[str, Any] = field(default_factory=dict)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What an action led to."""

    observation: Observation
    reward: float = 0.0
    """The change of `score` by this action."""
    score: float = 0.0
    """In 0..1; 1 is success. Where a part could not be judged, the certain lower bound (see `info["unknown"]`)."""
    raw_score: float | None = None
    """In the environment's own unit."""
    success: bool = False
    terminated: bool = False
    """The environment is at its end; only `reset` may follow."""
    truncated: bool = False
    """A limit of the environment, not of the runner, ended the episode."""
    valid: bool | None = None
    """Was the action taken? None: the environment does not say."""
    unreadable: bool = False
    """The text is no action of any dialect: a parse failure, which is more than an action that was refused."""
    error: str | None = None
    """Why it was not, in a sentence for the agent."""
    info: Mapping[str, Any] = field(default_factory=dict)
    """`sentence`: the action with its element in words; at the end `evidence`: what judging needs, as plain JSON."""


@runtime_checkable
class Environment(Protocol):
    """A world with one episode at a time.

    `reset` and `step` raise `EnvironmentFailure` where the world itself fails (a crash, a site that is down); a bad
    action never raises. `step` before `reset`, or after the end, raises `OptionError`.
    """

    @property
    def spec(self) -> EnvSpec:
        """What it is, and what it offers."""
        ...

    def reset(self, task: TaskRef) -> Observation:
        """Begin an episode from a clean state, whatever went before."""
        ...

    def step(self, action: str) -> StepResult:
        """Carry out one action, given as text."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...

    def __enter__(self) -> Environment: ...

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None: ...


@runtime_checkable
class OracleEnvironment(Protocol):
    """Capability `ORACLE`: the environment knows a solution of the current task."""

    def oracle_action(self) -> str:
        """The next action of the known solution, given that every one before it was carried out.

        It advances when `step` carries out the action that it gave; asked again, it names that action for the page as
        it is then.

        Raises:
            EnvironmentFailure: the page has nothing to carry it out on (other actions led elsewhere).
        """
        ...


@runtime_checkable
class AdmissibleEnvironment(Protocol):
    """Capability `ADMISSIBLE`."""

    def admissible(self) -> tuple[str, ...]:
        """Actions that are possible now, in the order of the page; free text is filled with words of the task."""
        ...


@runtime_checkable
class JudgingEnvironment(Protocol):
    """Capability `JUDGE`."""

    def judge(self, answer: str) -> StepResult:
        """End the episode from outside and judge it, with `answer` in the place of the agent's own."""
        ...
