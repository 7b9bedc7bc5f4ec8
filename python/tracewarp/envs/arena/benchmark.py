"""Templates into tasks: every instance in its place, written in WebArena's schema."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import islice
from typing import Any

from tracewarp.envs.arena.dice import stable_random
from tracewarp.envs.arena.hosts import WEBARENA_NAMES
from tracewarp.envs.arena.sites.admin import tasks as admin
from tracewarp.envs.arena.sites.code import tasks as code
from tracewarp.envs.arena.sites.forum import tasks as forum
from tracewarp.envs.arena.sites.home import tasks as home
from tracewarp.envs.arena.sites.places import tasks as places
from tracewarp.envs.arena.sites.shop import tasks as shop
from tracewarp.envs.arena.sites.wiki import tasks as wiki
from tracewarp.envs.arena.tasks import Instance, Template
from tracewarp.envs.arena.world import world
from tracewarp.errors import OptionError

TEMPLATES: tuple[Template, ...] = (
    *home.TEMPLATES,
    *shop.TEMPLATES,
    *admin.TEMPLATES,
    *forum.TEMPLATES,
    *code.TEMPLATES,
    *wiki.TEMPLATES,
    *places.TEMPLATES,
)
"""Every template, in the order of their ids."""

MAX_INSTANCES = 1000
"""Of one template. A task's id is `template id * 1000 + place among the instances`."""


@dataclass(frozen=True, slots=True)
class ArenaTask:
    """An instance with its place."""

    template: Template
    number: int
    """Its place among the instances that its template's generator gives, from 0: stable for a profile and a seed."""
    instance: Instance

    @property
    def id(self) -> int:
        """Unique over all templates."""
        return self.template.id * MAX_INSTANCES + self.number

    @property
    def intent(self) -> str:
        """What the agent is told."""
        return self.template.fill(self.instance.params)

    def record(self) -> dict[str, Any]:
        """The task in WebArena's schema: its keys, in its order, and the capability."""
        return {
            "sites": [WEBARENA_NAMES[site] for site in self.template.sites],
            "task_id": self.id,
            "require_login": False,
            "storage_state": None,
            "start_url": self.instance.start,
            "geolocation": None,
            "intent_template": self.template.intent,
            "instantiation_dict": dict(self.instance.params),
            "intent": self.intent,
            "require_reset": self.template.kind == "change",
            "eval": dict(self.instance.eval),
            "intent_template_id": self.template.id,
            "capability": self.template.capability,
        }


def listed(profile: str = "full", seed: int = 0) -> tuple[ArenaTask, ...]:
    """The benchmark: the first instances of every template, by template."""
    return tuple(task for template in TEMPLATES for task in tasks_of(template, profile, seed)[: template.listed])


def generated(
    number: int, profile: str = "full", seed: int = 0, *, templates: Sequence[Template] | None = None
) -> tuple[ArenaTask, ...]:
    """The first `number` instances (or all there are) in turns: one of every template, then a second of every one."""
    return tuple(islice(_in_turns(profile, seed, TEMPLATES if templates is None else templates), number))


def templates_named(names: str | None) -> tuple[Template, ...]:
    """The templates of names with plus signs between, `shop.buy` for one and `shop` for a site; None: all.

    Raises:
        OptionError: a name that no template has.
    """
    if names is None:
        return tuple(TEMPLATES)
    wanted = [name.strip() for name in names.split("+")]
    for name in wanted:
        if not any(_is_named(template.key, name) for template in TEMPLATES):
            raise OptionError(f"templates: expected keys of templates or names of sites, got {name!r}")
    return tuple(template for template in TEMPLATES if any(_is_named(template.key, name) for name in wanted))


def _is_named(key: str, name: str) -> bool:
    return key == name or key.startswith(f"{name}.")


def capability_labels(tasks: Iterable[ArenaTask]) -> dict[str, int]:
    """Task id -> number of its capability among all, sorted by name: the form of WebArena's published labels."""
    names = sorted({template.capability for template in TEMPLATES})
    return {str(task.id): names.index(task.template.capability) for task in tasks}


@lru_cache(maxsize=512)
def tasks_of(template: Template, profile: str, seed: int) -> tuple[ArenaTask, ...]:
    """Every instance of a template; none where it does not fit the profile."""
    if profile not in template.profiles:
        return ()
    content = world(profile, seed)
    # Paraphrases draw the same instances in the same order, so that a number means the same split for all of them.
    dice = stable_random(seed, profile, template.instances.__module__, template.instances.__qualname__)
    instances = list(islice(template.instances(content, dice), MAX_INSTANCES))
    numbers = [*range(template.first, len(instances)), *range(min(template.first, len(instances)))]
    tasks = tuple(ArenaTask(template, number, instances[number]) for number in numbers)
    twice = [intent for intent, count in Counter(task.intent for task in tasks).items() if count > 1]
    assert not twice, f"{template.key}: {twice[0]!r} comes twice"
    return tasks


def _in_turns(profile: str, seed: int, templates: Sequence[Template]) -> Iterator[ArenaTask]:
    pools = [tasks_of(template, profile, seed) for template in templates]
    for number in range(max(map(len, pools), default=0)):
        for pool in pools:
            if number < len(pool):
                yield pool[number]
