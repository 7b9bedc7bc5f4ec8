"""Runs into samples, samples into verdicts and examples."""

from __future__ import annotations

import random
from collections.abc import Callable
from itertools import pairwise
from pathlib import Path

import pytest

from tracewarp.errors import EmptyInputError, EmptyRunError, FileError
from tracewarp.synthesize import hold_out
from tracewarp.synthesize.filtering import (
    filter_samples,
    make_training_data,
    read_samples,
    tasks_of,
    write_filtered,
    write_training_data,
)
from tracewarp.trajectory import Trajectory, write_trajectories

Make = Callable[..., Trajectory]
GOOD = ["click [1]", "type [2] [lamp] [1]", "stop [42]"]


def run(path: Path, *trajectories: Trajectory) -> Path:
    write_trajectories(path, trajectories)
    return path


def test_samples_of_one_task_get_the_next_free_repeat(make: Make, tmp_path: Path) -> None:
    first = run(tmp_path / "first.jsonl", make(GOOD, repeat=0), make(GOOD, repeat=2))
    second = run(tmp_path / "second.jsonl", make(GOOD, repeat=0), make(GOOD, repeat=1), make(GOOD, task="2"))
    samples = read_samples([first, second])
    assert [(s.run, s.repeat, s.trajectory.key) for s in samples] == [
        ("first", 0, ("1", 0)),
        ("first", 2, ("1", 2)),
        ("second", 0, ("1", 1)),
        ("second", 1, ("1", 3)),
        ("second", 0, ("2", 0)),
    ]
    assert [task.id for task in tasks_of(samples)] == ["1", "2"]


def test_a_run_without_episodes_is_refused(tmp_path: Path) -> None:
    (tmp_path / "empty.jsonl").touch()
    with pytest.raises(EmptyRunError):
        read_samples([tmp_path / "empty.jsonl"])


def test_more_agreement_keeps_a_part_of_what_less_keeps(make: Make, tmp_path: Path) -> None:
    dice = random.Random(0)
    courses = [GOOD, [*GOOD[:1], "stop [7]"], ["stop [N/A]"], [f"click [{dice.random()}]", "stop [1]"]]
    trajectories = [make(dice.choice(courses), task=str(i % 6), repeat=i) for i in range(60)]
    samples = read_samples([run(tmp_path / "run.jsonl", *trajectories)])
    kept = [{trajectory.key for trajectory in filter_samples(samples, agreement=m).kept} for m in (None, 2, 3, 4)]
    assert all(less >= more for less, more in pairwise(kept))
    assert len(kept[0]) > len(kept[-1]) > 0


def test_held_out_tasks_are_not_judged(make: Make, tmp_path: Path) -> None:
    samples = read_samples([run(tmp_path / "run.jsonl", *(make(GOOD, task=str(i)) for i in range(10)))])
    holdout = hold_out(tasks_of(samples), by="task", share=0.3)
    filtered = filter_samples(samples, holdout=holdout)
    assert (filtered.left_out, filtered.quality.n, filtered.unfiltered.kept) == (3, 7, 7)


def test_what_is_missing_is_said_in_numbers(make: Make, tmp_path: Path) -> None:
    samples = read_samples([run(tmp_path / "run.jsonl", *(make(["click [1]", "stop [1]"], task=str(i)) for i in "ab"))])
    with pytest.raises(EmptyInputError, match=r"got 0 of 2 kept trajectories; .* have 2 first, 0 intermediate, 2 last"):
        make_training_data(filter_samples(samples))
    data = make_training_data(filter_samples(samples), balanced=False)
    assert (len(data.examples), len(data.train), len(data.validation)) == (4, 2, 2)


def test_a_folder_that_cannot_be_written_is_a_sentence(make: Make, tmp_path: Path) -> None:
    samples = read_samples([run(tmp_path / "run.jsonl", *(make(GOOD, task=str(i)) for i in range(3)))])
    (tmp_path / "file").touch()
    with pytest.raises(FileError, match="cannot be made"):
        write_filtered(tmp_path / "file" / "data", filter_samples(samples))
    with pytest.raises(FileError, match="the folder cannot be made"):
        write_training_data(tmp_path / "file" / "data", make_training_data(filter_samples(samples)))
