"""Arena's tasks and pages are what they were: figures of other days can be compared with those of today.

Whoever means to change the benchmark writes the new digests down here, and says in CHANGELOG.md that scores before and
after are not of the same tasks.
"""

from __future__ import annotations

import hashlib
import json

import pytest

from tracewarp.envs.arena.environment import make_arena
from tracewarp.envs.arena.source import ArenaSource

TASKS = {"full": "28b4174430745a07", "small": "03e23365e32b7d25"}
"""Without the capability labels."""
LABELS = {"full": "5f8829f468253e12", "small": "72a7bcc54e9922e0"}
"""Of task id and capability."""
FIRST_PAGES = {"full": "ee9650eedee694c2", "small": "1a7a062cfd75fcc1"}
"""Of the test split."""


def digest(parts: list[str]) -> str:
    return hashlib.sha256("\n".join(parts).encode()).hexdigest()[:16]


@pytest.mark.parametrize("profile", TASKS)
def test_the_tasks_are_the_same(profile):
    source = ArenaSource(profile=profile)
    records = [[str(ref), source.task(ref).model_dump(mode="json", exclude={"capability"})] for ref in source]
    assert digest([json.dumps(record, sort_keys=True) for record in records]) == TASKS[profile]


@pytest.mark.parametrize("profile", LABELS)
def test_the_capabilities_are_the_same(profile):
    source = ArenaSource(profile=profile)
    tasks = [source.task(ref) for ref in source]
    assert digest([f"{task.id} {task.capability}" for task in tasks]) == LABELS[profile]


@pytest.mark.parametrize("profile", FIRST_PAGES)
def test_the_first_pages_are_the_same(profile):
    with make_arena(profile=profile) as env:
        pages = [env.reset(ref).text for ref in env.source.split("test")]
    assert digest(pages) == FIRST_PAGES[profile]
