"""Arena's tasks as a source: the listed benchmark, or any number of generated instances, in two kinds of split."""

from __future__ import annotations

import secrets
from collections.abc import Callable, Iterator

from tracewarp.envs.arena.app import COOKIE
from tracewarp.envs.arena.benchmark import TEMPLATES, ArenaTask, generated, listed, tasks_of, templates_named
from tracewarp.envs.arena.dice import stable_random
from tracewarp.envs.arena.hosts import addresses
from tracewarp.envs.arena.profiles import profile_named, whole_number
from tracewarp.envs.base import TaskRef
from tracewarp.envs.web.driver import Session
from tracewarp.envs.web.oracle import Act
from tracewarp.envs.web.sites import SiteMap
from tracewarp.envs.web.tasks import AND
from tracewarp.errors import OptionError
from tracewarp.trajectory import Task

BY_INSTANCE = ("train", "validation", "test")
BY_CAPABILITY = ("capability-train", "capability-test")

_PATTERN = ("train", "test", "train", "validation", "train", "test", "train", "train", "test", "train")
"""Split of an instance by the last digit of its number: 60, 10 and 30 %. Whoever asks for more instances finds the
earlier ones in the split in which they were."""

_HELD_OUT_SHARE = 0.3


class ArenaSource:
    """Tasks of one profile of arena, in a fixed order (a `WebTaskSource`).

    Every task is in one of `train`, `validation`, `test` (tasks of one template differ in their parameters) and in one
    of `capability-train`, `capability-test` (no capability is in both).
    """

    name = "arena"
    licence = "Apache-2.0, as the package"
    deterministic = True
    has_oracle = True

    def __init__(
        self,
        *,
        profile: str = "full",
        seed: int | str = 0,
        instances: int | str | None = None,
        templates: str | None = None,
        forget: Callable[[str], None] | None = None,
    ) -> None:
        """Choose the tasks.

        Args:
            profile: `full` or `small`.
            seed: of the content and of the instances; 0 is the benchmark's.
            instances: how many to generate, in turns over the templates; None: the listed benchmark.
            templates: only these: keys or sites with plus signs between (`shop+wiki.fact`); None: all.
            forget: is called with the cookie of an episode that is over, so that its state can be let go.

        Raises:
            OptionError: an unknown profile or template, a negative seed, or fewer than one instance.
        """
        seed = whole_number("seed", seed, 0)
        self.profile = profile_named(profile).name
        self.sites = SiteMap(addresses())
        self._forget = forget
        self.seed = seed
        number = None if instances is None else whole_number("instances", instances, 1)
        chosen = templates_named(templates)
        if number is None:
            tasks = tuple(task for task in listed(profile, seed) if task.template in chosen)
        else:
            tasks = generated(number, profile, seed, templates=chosen)
        self.tasks = {self._ref(task, _by_instance(task)): task for task in tasks}
        """Reference -> task, in order."""

    @property
    def splits(self) -> tuple[str, ...]:
        """Three by instance, two by capability."""
        return BY_INSTANCE + BY_CAPABILITY

    def __iter__(self) -> Iterator[TaskRef]:
        return iter(self.tasks)

    def __len__(self) -> int:
        return len(self.tasks)

    def split(self, name: str) -> tuple[TaskRef, ...]:
        """The tasks of one split; `all` is every task.

        Raises:
            OptionError: an unknown split.
        """
        if name == "all":
            return tuple(self)
        if name in BY_INSTANCE:
            return tuple(ref for ref in self if ref.split == name)
        if name in BY_CAPABILITY:
            held_out = held_out_capabilities()
            wanted = name == "capability-test"
            return tuple(
                self._ref(task, name)
                for task in self.tasks.values()
                if (task.template.capability in held_out) == wanted
            )
        raise OptionError(f"split: expected all or one of {', '.join(self.splits)}, got {name!r}")

    def find(self, ref: TaskRef) -> ArenaTask:
        """The task with its known solution, whether or not this source lists it.

        Raises:
            OptionError: a task of another environment, profile or seed, or one that is not there.
        """
        template = next((it for it in TEMPLATES if it.key == ref.key), None)
        if ref.env != "arena" or template is None or ref.params != self._params:
            raise OptionError(f"task: no {str(ref)!r} in arena with profile {self.profile} and seed {self.seed}")
        for task in tasks_of(template, self.profile, self.seed):
            if task.number == ref.seed:
                return task
        raise OptionError(f"task: {ref.key} has no instance {ref.seed} in profile {self.profile}")

    def task(self, ref: TaskRef) -> Task:
        """What the task says, as the record keeps it.

        Raises:
            OptionError: a task that is not there.
        """
        return as_task(self.find(ref))

    def session(self, ref: TaskRef) -> Session:
        """A cookie of its own, and with it a clean state.

        Raises:
            OptionError: a task that is not there.
        """
        start = self.sites.resolve(self.find(ref).instance.start).split(AND)
        return Session(
            start_urls=tuple(start), allowed_origins=self.sites.origins, cookies={COOKIE: secrets.token_hex(8)}
        )

    def release(self, session: Session) -> None:
        """Let the episode's state go."""
        if self._forget is not None:
            self._forget(session.cookies[COOKIE])

    def oracle(self, ref: TaskRef) -> tuple[Act, ...]:
        """A known solution, `stop` included.

        Raises:
            OptionError: a task that is not there.
        """
        return self.find(ref).instance.acts

    @property
    def _params(self) -> tuple[tuple[str, str], ...]:
        params = {"profile": self.profile} if self.profile != "full" else {}
        return tuple(sorted((params | ({"seed": str(self.seed)} if self.seed else {})).items()))

    def _ref(self, task: ArenaTask, split: str) -> TaskRef:
        return TaskRef("arena", split, task.template.key, task.number, self._params)


def as_task(task: ArenaTask) -> Task:
    """A task as the loader of task files would give it."""
    record = task.record()
    named = {"sites", "task_id", "start_url", "intent_template", "intent", "intent_template_id", "capability"}
    return Task(
        id=str(record["task_id"]),
        objective=record["intent"],
        sites=tuple(record["sites"]),
        start_url=record["start_url"],
        template=record["intent_template"],
        template_id=str(record["intent_template_id"]),
        capability=record["capability"],
        extra={key: value for key, value in record.items() if key not in named},
    )


def held_out_capabilities() -> frozenset[str]:
    """The capabilities of `capability-test`: about three in ten, the same for every profile and seed."""
    names = sorted({template.capability for template in TEMPLATES})
    stable_random("held-out capabilities").shuffle(names)
    return frozenset(names[: round(_HELD_OUT_SHARE * len(names))])


def _by_instance(task: ArenaTask) -> str:
    return _PATTERN[task.number % len(_PATTERN)]
