"""Names of tasks: the same task is called `7`, `task_7` or `webarena.7`, depending on who wrote the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIXES = ("task_", "webarena.")
"""What may stand before an id; other benchmarks' names (`miniwob.click-test`) are kept whole."""

_FOLDER = re.compile(r"(?:\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_)?(?P<agent>.+)_on_(?P<task>.+?)(?:_(?P<seed>\d{1,18}))?\Z")


def task_id_of(name: str) -> str:
    """The bare id: `7` for `7`, `task_7` and `webarena.7`."""
    bare = name.strip()
    for prefix in PREFIXES:
        rest = bare.removeprefix(prefix)
        if rest and rest != bare:
            return rest
    return bare


@dataclass(frozen=True)
class FolderName:
    """What an AgentLab task folder says by its name."""

    task: str
    """The bare task id."""
    seed: int | None
    agent: str | None


def read_folder_name(name: str) -> FolderName:
    """Take `2024-10-01_12-00-00_<agent>_on_webarena.123_5` apart: id `123`, seed 5; any other name is an id."""
    found = _FOLDER.match(name)
    if found is None:
        return FolderName(task=task_id_of(name), seed=None, agent=None)
    seed = found["seed"]
    return FolderName(task=task_id_of(found["task"]), seed=None if seed is None else int(seed), agent=found["agent"])


def natural_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """A sort key under which `task_9` stands before `task_10`."""
    parts = re.split(r"([0-9]{1,18})", name)
    return tuple((1, int(part)) if odd % 2 else (0, part) for odd, part in enumerate(parts))
