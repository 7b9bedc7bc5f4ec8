"""Tiny real runs, written to disk and read back like any other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracewarp.evaluate import EvaluateOptions, evaluate
from tracewarp.trajectory import Observation, Outcome, Step, Task, Trajectory, write_trajectories


def step(action, page="a page", *, url="http://shop/", valid=None, executed=True):
    return Step(observation=Observation(text=page, url=url), action=action, valid=valid, executed=executed)


def episode(task, actions=("click [1]", "stop [done]"), *, score=1.0, repeat=0, ending="stop", pages=None, **of_task):
    """One trajectory; a step is an action on a page of its own, or a ready `Step`."""
    steps = [
        made if isinstance(made, Step) else step(made, (pages or {}).get(i, f"page {i} of {task}"))
        for i, made in enumerate(actions)
    ]
    return Trajectory(
        task=Task(id=str(task), objective=f"objective {task}", **of_task),
        repeat=repeat,
        steps=tuple(steps),
        outcome=Outcome(score=score, ending=ending),
    )


class Workshop:
    """Writes runs and task files into a folder, and evaluates them with a cache of its own."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    step = staticmethod(step)
    episode = staticmethod(episode)

    def run(self, name, episodes):
        path = self.folder / f"{name}.jsonl"
        path.parent.mkdir(parents=True, exist_ok=True)
        write_trajectories(path, episodes)
        return path

    def tasks(self, entries, name="tasks.json"):
        """Task file from {id: template}; a template of None is left out, sites may follow as a list."""
        rows = []
        for task, template in entries.items():
            text, sites = template if isinstance(template, tuple) else (template, ["shop"])
            row = {"task_id": int(task), "intent": f"objective {task}", "sites": sites}
            rows.append(row if text is None else {**row, "intent_template": text})
        path = self.folder / name
        path.write_text(json.dumps(rows), encoding="utf-8")
        return path

    def scores(self, *runs, **options):
        options.setdefault("resamples", 2_000)
        options.setdefault("use_cache", False)
        return evaluate(list(runs), EvaluateOptions(**options))

    def score(self, *runs, **options):
        return self.scores(*runs, **options).runs[0]


@pytest.fixture
def workshop(tmp_path):
    return Workshop(tmp_path)
