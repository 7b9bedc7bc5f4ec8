"""Folders of Harbor: a job with one folder per trial, each with a trajectory in ATIF and the verifier's reward.

definition  A trial is a folder `<task>__<id>` with `agent/trajectory.json`. Its task is `task_name` of result.json,
            else the task of config.json, else the folder's name before `__`. Its score is the reward of result.json,
            else of verifier/reward.json, else of verifier/reward.txt. Several trials of one task are its repeats, in
            order of their start. A folder of jobs is read as one run.
source      Harbor, layout of `jobs/<job>/<trial>`.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from tracewarp.errors import RecordError, UnreadableFileError
from tracewarp.trajectory.complaints import shown_value
from tracewarp.trajectory.encodings import NotUtf8Error, decode_utf8
from tracewarp.trajectory.formats import atif
from tracewarp.trajectory.jsontext import BadJsonError, finite_number, parse_json
from tracewarp.trajectory.lines import read_whole
from tracewarp.trajectory.model import Ending, Trajectory
from tracewarp.trajectory.names import natural_order
from tracewarp.trajectory.problems import Problem, Report
from tracewarp.trajectory.units import Unit

FORMAT = "harbor-job"

TRAJECTORY = Path("agent", "trajectory.json")
_DEEPEST = 3
"""Folders between the one that is opened and a trial: a folder of jobs, a job, and one more."""


@dataclass(frozen=True)
class Trial:
    """One attempt at one task."""

    path: Path
    has_trajectory: bool


def find_trials(root: Path) -> list[Trial]:
    """The trials in a folder, a job or a folder of jobs, in natural order of their names."""
    return list(_trials(root, _DEEPEST))


def _trials(folder: Path, depth: int) -> Iterator[Trial]:
    try:
        inside = {child.name: child for child in folder.iterdir()}
        if (folder / TRAJECTORY).is_file():
            yield Trial(folder, has_trajectory=True)
            return
        children = [child for child in inside.values() if child.is_dir()] if depth else []
    except OSError:
        return  # a folder without permission holds nothing that could be read
    children.sort(key=lambda child: natural_order(child.name))
    trials = [trial for child in children for trial in _trials(child, depth - 1)]
    # A job is named by its time, such as 2025-10-01__12-00-00, and has a result.json and a config.json as a trial has.
    named = "__" in folder.name or "agent" in inside or "verifier" in inside
    if not trials and named and {"result.json", "config.json"} & set(inside):
        yield Trial(folder, has_trajectory=False)
    yield from trials


def units(trials: list[Trial], *, max_bytes: int, report: Report) -> Iterator[Unit]:
    """Give the trials one by one."""
    told = {trial.path: _Told(trial.path, max_bytes, report) for trial in trials}
    repeats: Counter[str] = Counter()
    numbers: dict[Path, int] = {}
    for trial in sorted(trials, key=lambda trial: told[trial.path].started_at):
        if trial.has_trajectory:
            task = told[trial.path].task
            numbers[trial.path] = repeats[task]
            repeats[task] += 1
    for trial in trials:
        yield Unit(
            str(trial.path), None, partial(_read, trial, told[trial.path], numbers.get(trial.path, 0), max_bytes)
        )


class _Told:
    """What result.json, config.json and the verifier say of a trial."""

    def __init__(self, trial: Path, max_bytes: int, report: Report) -> None:
        self._trial, self._max_bytes = trial, max_bytes
        self._report = report
        self.result = self._object("result.json")
        config = self._object("config.json")
        about = config.get("task")
        about = about if isinstance(about, Mapping) else {}
        names = (self.result.get("task_name"), about.get("name"), _last_part(about.get("path")))
        named = next((str(name).strip() for name in names if isinstance(name, (str, int)) and str(name).strip()), None)
        self.task = named or trial.name.rpartition("__")[0] or trial.name
        started = self.result.get("started_at")
        self.started_at = started if isinstance(started, str) else ""
        error = self.result.get("exception_info")
        self.error: Mapping[str, Any] = error if isinstance(error, Mapping) else {}

    def score(self) -> float | None:
        """The reward, or None where nobody judged."""
        verdict = self.result.get("verifier_result")
        rewards = verdict.get("rewards", verdict) if isinstance(verdict, Mapping) else None
        found = self._reward(rewards, "result.json") if rewards is not None else None
        if found is None:
            found = self._reward(self._object("verifier/reward.json") or None, "verifier/reward.json")
        return self._reward_text() if found is None else found

    def ending(self) -> Ending:
        """Why the trial ended; without an exception its agent was done."""
        kind = str(self.error.get("exception_type") or "")
        if not self.error:
            return Ending.STOP if self.result else Ending.UNKNOWN
        if "AgentTimeout" in kind:
            return Ending.TIME_LIMIT
        if "Agent" in kind or "LLM" in kind or "Context" in kind:
            return Ending.AGENT_ERROR
        return Ending.ENVIRONMENT_ERROR if kind else Ending.UNKNOWN

    def why(self) -> str | None:
        """The error that ended the trial."""
        said = [str(self.error[key]) for key in ("exception_type", "exception_message") if self.error.get(key)]
        return ": ".join(said) or None

    def _reward(self, rewards: Any, where: str) -> float | None:
        """`reward` among several, or the only number that there is."""
        if isinstance(rewards, Mapping):
            numbers = [value for value in rewards.values() if finite_number(value) is not None]
            rewards = rewards.get("reward", rewards.get("score", numbers[0] if len(numbers) == 1 else None))
        if rewards is None:
            return None
        score = finite_number(rewards)
        if score is None:
            self.complain(f"{where}: reward: expected a number in 0..1, got {shown_value(rewards)}; read as not judged")
        elif not 0.0 <= score <= 1.0:
            self.complain(f"{where}: reward: expected a number in 0..1, got {score:g}; clipped")
            score = min(max(score, 0.0), 1.0)
        return score

    def _reward_text(self) -> float | None:
        file = self._trial / "verifier" / "reward.txt"
        try:
            if not file.exists():
                return None
            text = decode_utf8(read_whole(file, max_bytes=self._max_bytes)).strip()
            return self._reward(float(text) if text else None, "verifier/reward.txt")
        except (OSError, ValueError, NotUtf8Error, UnreadableFileError) as error:
            self.complain(f"verifier/reward.txt: {error}; read as not judged")
            return None

    def _object(self, name: str) -> Mapping[str, Any]:
        file = self._trial / name
        try:
            if not file.exists():
                return {}
            value, _ = parse_json(read_whole(file, max_bytes=self._max_bytes))
        except (OSError, BadJsonError, UnreadableFileError) as error:
            self.complain(f"{name}: {str(error).removeprefix(f'{file}: ')}; the file is left out")
            return {}
        if isinstance(value, Mapping):
            return value
        if name.endswith("reward.json") and finite_number(value) is not None:
            return {"reward": value}
        self.complain(f"{name}: expected an object, got {shown_value(value)}; the file is left out")
        return {}

    def complain(self, message: str) -> None:
        """Report something about this trial."""
        self._report(Problem(str(self._trial), None, message))


def _read(trial: Trial, told: _Told, repeat: int, max_bytes: int, report: Report) -> Trajectory:
    if not trial.has_trajectory:
        why = told.why()
        raise UnreadableFileError(f"{trial.path}: a trial without {TRAJECTORY}" + (f" ({why})" if why else ""))
    file = trial.path / TRAJECTORY

    def complain(message: str) -> None:
        report(Problem(str(file), None, message))

    value, notes = parse_json(read_whole(file, max_bytes=max_bytes))
    if not atif.is_atif(value):
        raise RecordError(f"{TRAJECTORY}: not a document of ATIF")
    value = atif.with_continuations(value, file, used=set(), max_bytes=max_bytes, complain=complain)
    episode = atif.parse_record(value, complain=complain, task=told.task)
    for note in notes:
        complain(note)
    outcome = episode.outcome.model_copy(update={"score": told.score(), "ending": told.ending(), "error": told.why()})
    from_where = {**episode.provenance.extra, "trial": trial.path.name}
    who = episode.provenance.model_copy(
        update={
            "source": FORMAT,
            "started_at": told.started_at or episode.provenance.started_at,
            "extra": from_where,
        }
    )
    return episode.model_copy(update={"repeat": repeat, "outcome": outcome, "provenance": who})


def _last_part(path: Any) -> str | None:
    """The last part of a path, whichever separator it has."""
    if not isinstance(path, str):
        return None
    return path.replace("\\", "/").rstrip("/").rpartition("/")[2] or None
