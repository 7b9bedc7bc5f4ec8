"""Runs read once, as a stream: facts and embedded steps are kept, texts are dropped."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from tracewarp.embed import StepEmbedder
from tracewarp.errors import DuplicateKeyError
from tracewarp.evaluate.actions import ActionIdentity, action_identity
from tracewarp.evaluate.options import ScoredSteps
from tracewarp.trajectory import Problem, RunReader, TaskSet
from tracewarp.trajectory.answers import CUT, finish_reasons
from tracewarp.trajectory.lines import LineSource
from tracewarp.trajectory.model import Ending, Step, Task, Trajectory
from tracewarp.trajectory.names import SUPERSEDED

TRIVIAL_ACTION = "stop [N/A]"
"""What the agent that does nothing answers to its first page."""


@dataclass(frozen=True, slots=True)
class Episode:
    """What the scores need to know about one trajectory."""

    task: str
    repeat: int
    score: float | None
    ending: Ending
    steps: int
    """Executed steps; the only ones that are counted."""
    invalid: int
    """Steps whose action the environment refused."""
    unparsable: int
    """Steps without an action."""
    invalid_or_unparsable: int
    first_row: int | None
    """Where its steps start in the run's rows; None: not embedded."""
    trivial_row: int | None
    """The row of the trivial agent's step on this trajectory's first page; None: not embedded."""
    strict: bool = False
    """Was it judged by the strict evaluator?"""
    differs: bool = False
    """And does WebArena's own evaluator give it another score?"""
    actions: tuple[ActionIdentity, ...] = ()
    """What each embedded step did: those of its steps that are scored, in order."""
    cut: bool = False
    """True if an answer of the last step was cut at the token limit."""

    @property
    def success(self) -> bool:
        """True for a score of 1; an episode that nobody judged is no success."""
        return self.score is not None and self.score >= 1.0

    @property
    def counted(self) -> bool:
        """False for a transport failure, which says nothing about the agent."""
        return not self.ending.transport_failure

    @property
    def agent_failure(self) -> bool:
        """Unsolved, and the agent's own machinery failed: an exception, a prompt too long, an answer cut short."""
        return not self.success and self.counted and (self.ending is Ending.AGENT_ERROR or self.cut)

    @property
    def key(self) -> tuple[str, int]:
        """(task id, repeat)."""
        return (self.task, self.repeat)


@dataclass(frozen=True, eq=False)
class LoadedRun:
    """One run in memory."""

    name: str
    path: str
    """As the user gave it."""
    format: str
    episodes: tuple[Episode, ...]
    """In the order of the file."""
    tasks: Mapping[str, Task]
    """The tasks that it attempted, by id: the task file's entry, or what the record says."""
    rows: NDArray[np.float16] | None
    """(embedded steps, dim)."""
    problems: tuple[Problem, ...]

    def steps_of(self, episode: Episode) -> NDArray[np.float16]:
        """The embedded steps of an episode: those that are scored, (steps, dim)."""
        assert self.rows is not None
        assert episode.first_row is not None
        return self.rows[episode.first_row : episode.first_row + len(episode.actions)]

    def trivial_of(self, episode: Episode) -> NDArray[np.float16]:
        """The embedded trivial step on the episode's first page, (1, dim)."""
        assert self.rows is not None
        assert episode.trivial_row is not None
        return self.rows[episode.trivial_row : episode.trivial_row + 1]

    def by_task(self, *, counted: bool = True) -> dict[str, tuple[Episode, ...]]:
        """Episodes by task, ascending by repeat; transport failures only with `counted=False`."""
        grouped: dict[str, list[Episode]] = {}
        for episode in self.episodes:
            if episode.counted or not counted:
                grouped.setdefault(episode.task, []).append(episode)
        return {task: tuple(sorted(found, key=lambda e: e.repeat)) for task, found in grouped.items()}


@dataclass(frozen=True)
class Wanted:
    """Which steps are embedded, told by task (as in the task file) and trajectory."""

    steps: Callable[[Task, Trajectory], bool]
    trivial: Callable[[Task, Trajectory], bool]
    """The step of the trivial agent on its first page (for trajectories that may serve as references)."""


NOTHING = Wanted(steps=lambda _task, _trajectory: False, trivial=lambda _task, _trajectory: False)


@dataclass(frozen=True, slots=True)
class Progress:
    """Where the reading of a run stands."""

    run: str
    episodes: int
    """Episodes read so far."""
    steps: int
    """Steps that have an embedding so far."""
    encoded: int
    """Those of them that the encoder had to encode now; the others came from the cache."""
    expected_episodes: int | None
    """Records in the run, readable or not; None: not known."""
    done: bool = False
    """The run is read to its end."""


class Listener(Protocol):
    """Hears about progress."""

    def __call__(self, progress: Progress) -> None:
        """Called after each episode, after each chunk of embedded steps, and at the end of a run."""


def silent(progress: Progress) -> None:
    """The listener that does nothing."""


def load_run(
    reader: RunReader,
    *,
    given: str | Path,
    name: str,
    tasks: TaskSet | None,
    embedder: StepEmbedder | None,
    wanted: Wanted = NOTHING,
    steps: ScoredSteps = "all",
    listener: Listener = silent,
) -> LoadedRun:
    """Read a run once.

    Args:
        reader: the open run.
        given: its path as the user wrote it.
        name: what it is called in the scores.
        tasks: the task file; its entries replace what the records say about their task.
        embedder: embeds the wanted steps; None: nothing is embedded.
        wanted: which steps those are.
        steps: which of an episode's executed steps are scored; the others are not embedded.
        listener: hears about progress.

    Raises:
        EmptyRunError: no episode at all.
        DuplicateKeyError: the same (task, repeat) twice, also when two spellings name one task.
        FileError: the run cannot be read (in a strict reader: any record of it).
    """
    wanted = wanted if embedder is not None else NOTHING
    reading = _Reading(reader, name, tasks, wanted, scored=steps, listener=listener)
    rows = None
    if embedder is None:
        for _ in reading.embeddable():
            raise AssertionError("nothing is wanted without an embedder")
    else:
        rows = embedder.embed(reading.embeddable(), progress=reading.embedded)
    reading.tell(done=True)
    return LoadedRun(
        name=name,
        path=str(given),
        format=reader.format,
        episodes=tuple(reading.episodes),
        tasks=reading.tasks,
        rows=rows,
        problems=tuple(reader.problems),
    )


class _Reading:
    """The state of one pass over a run: facts gather here while the embedder draws steps from `embeddable`."""

    def __init__(
        self,
        reader: RunReader,
        name: str,
        tasks: TaskSet | None,
        wanted: Wanted,
        *,
        scored: ScoredSteps,
        listener: Listener,
    ) -> None:
        self.reader = reader
        self.name = name
        self.task_file = tasks
        self.wanted = wanted
        self.scored = scored
        self.listener = listener
        self.episodes: list[Episode] = []
        self.tasks: dict[str, Task] = {}
        self.keys: set[tuple[str, int]] = set()
        self.actions: dict[ActionIdentity, ActionIdentity] = {}
        self.n_rows = 0
        self.progress = (0, 0)
        self.expected = None if listener is silent else expected_episodes(reader)

    def embeddable(self) -> Iterator[tuple[Task, Step]]:
        """Yield the wanted steps in order, and note the facts of every episode."""
        for trajectory in self.reader:
            task = self.task_of(trajectory)
            steps = trajectory.accepted_steps if self.scored == "accepted" else trajectory.executed_steps
            first = trivial = None
            actions: tuple[ActionIdentity, ...] = ()
            if steps and self.wanted.steps(task, trajectory):
                first = self.n_rows
                self.n_rows += len(steps)
                # Equal actions of a run are one object: answers and typed texts can be long.
                actions = tuple(self.actions.setdefault(made, made) for made in map(action_identity, steps))
                for step in steps:
                    yield task, step
            if steps and self.wanted.trivial(task, trajectory):
                trivial = self.n_rows
                self.n_rows += 1
                yield task, trivial_step(steps[0])
            self.note(trajectory, task, first, trivial, actions)

    def task_of(self, trajectory: Trajectory) -> Task:
        """The task file's entry where it has one."""
        found = None if self.task_file is None else self.task_file.find(trajectory.task.id)
        task = trajectory.task if found is None else found
        return self.tasks.setdefault(task.id, task)

    def note(
        self,
        trajectory: Trajectory,
        task: Task,
        first: int | None,
        trivial: int | None,
        actions: tuple[ActionIdentity, ...],
    ) -> None:
        """Keep the facts of an episode."""
        key = (task.id, trajectory.repeat)
        if key in self.keys:
            raise DuplicateKeyError(
                f"{self.reader.path}: task {task.id!r}, repeat {trajectory.repeat} occurs twice; expected one episode "
                "for each (task, repeat)"
            )
        self.keys.add(key)
        steps = trajectory.executed_steps
        refused = [step.valid is False for step in steps]
        missing = [step.action is None for step in steps]
        strict, differs = _strictly(trajectory)
        self.episodes.append(
            Episode(
                task=task.id,
                repeat=trajectory.repeat,
                score=trajectory.outcome.score,
                ending=trajectory.outcome.ending,
                steps=len(steps),
                invalid=sum(refused),
                unparsable=sum(missing),
                invalid_or_unparsable=sum(a or b for a, b in zip(refused, missing, strict=True)),
                first_row=first,
                trivial_row=trivial,
                strict=strict,
                differs=differs,
                actions=actions,
                cut=bool(steps) and CUT in finish_reasons(steps[-1]),
            )
        )
        self.tell()

    def embedded(self, done: int, encoded: int) -> None:
        """The embedder's progress."""
        self.progress = (done, encoded)
        self.tell()

    def tell(self, *, done: bool = False) -> None:
        """Tell the listener."""
        steps, encoded = self.progress
        self.listener(Progress(self.name, len(self.episodes), steps, encoded, self.expected, done=done))


def _strictly(trajectory: Trajectory) -> tuple[bool, bool]:
    """Was a trajectory judged by the strict evaluator, and does WebArena's own give another score?"""
    judgement = trajectory.outcome.extra.get("judgement")
    if not isinstance(judgement, dict) or judgement.get("evaluator") != "strict":
        return False, False
    return True, judgement.get("webarena") != {bound: judgement.get(bound) for bound in ("low", "high")}


def expected_episodes(reader: RunReader) -> int | None:
    """How many records a run holds, by a quick look: lines of a file, folders of a directory, or what run.json says.

    Only for telling the time left: blank lines and records that turn out to be unreadable count too.
    """
    if reader.format == "agentlab-directory":
        return sum(entry.is_dir() and not entry.name.startswith(SUPERSEDED) for entry in reader.path.iterdir())
    if reader.format == "atif":
        return None  # one document may have many lines
    if reader.path.is_dir():
        return None if reader.info is None else reader.info.episodes
    return sum(chunk.count(b"\n") for chunk in LineSource(reader.path).chunks())


def trivial_step(first: Step) -> Step:
    """The trivial agent's only step: the same page, answered with `stop [N/A]`."""
    return first.model_copy(update={"action": TRIVIAL_ACTION, "response": TRIVIAL_ACTION, "reasoning": None})
