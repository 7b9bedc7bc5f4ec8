"""Names of tasks: the same task is called `7`, `task_7` or `webarena.7`, depending on who wrote the file."""

from __future__ import annotations

import re
from dataclasses import dataclass

PREFIXES = ("task_", "webarena.")
"""What may stand before an id; other benchmarks' names (`miniwob.click-test`) are kept whole."""

SUPERSEDED = "_"
"""AgentLab puts this before the name of a folder whose run it repeats."""

_DATE = re.compile(r"\d{4}-\d\d-\d\d_\d\d-\d\d-\d\d_")
_MOST_COPIES = 998
"""AgentLab tells runs of the same second apart by a last `_1` to `_998`."""


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
    """Take `2024-10-01_12-00-00_<agent>_on_webarena.123_5` apart: id `123`, seed 5; any other name is an id.

    After the seed may stand `_1`, `_2`, ...: other runs of the same second.
    """
    bare = name.lstrip(SUPERSEDED) or name
    agent, on, rest = _DATE.sub("", bare, count=1).rpartition("_on_")
    if not (on and agent and rest):
        return FolderName(task=task_id_of(bare), seed=None, agent=None)
    task, seed = _task_and_seed(rest)
    return FolderName(task=task_id_of(task), seed=seed, agent=agent)


def _task_and_seed(text: str) -> tuple[str, int | None]:
    parts = text.split("_")
    numbers: list[str] = []
    while len(parts) > 1 and len(numbers) < 2 and _is_seed(parts[-1]):
        numbers.insert(0, parts.pop())
    if len(numbers) == 2 and not _is_copy(numbers[1]):
        parts.append(numbers.pop(0))
    seed = numbers[0] if numbers else "None"
    return "_".join(parts), None if seed == "None" else int(seed)


def _is_seed(text: str) -> bool:
    return text == "None" or (text.isascii() and text.isdigit() and len(text) <= 18)


def _is_copy(text: str) -> bool:
    return text.isdigit() and text == str(int(text)) and 1 <= int(text) <= _MOST_COPIES


def natural_order(name: str) -> tuple[tuple[int, int | str], ...]:
    """A sort key under which `task_9` stands before `task_10`."""
    parts = re.split(r"([0-9]{1,18})", name)
    return tuple((1, int(part)) if odd % 2 else (0, part) for odd, part in enumerate(parts))
