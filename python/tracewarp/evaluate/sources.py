"""Which files an evaluation reads, in which roles, and what of each is embedded; each file is read once."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracewarp.embed import StepEmbedder
from tracewarp.errors import EmptyInputError, OptionError
from tracewarp.evaluate.episodes import Listener, LoadedRun, Wanted, load_run
from tracewarp.evaluate.options import EvaluateOptions
from tracewarp.trajectory import RunReader, TaskSet, open_run
from tracewarp.trajectory.model import Task, Trajectory


@dataclass(frozen=True, eq=False)
class Sources:
    """The runs of one evaluation; a file that has several roles is the same object in each."""

    runs: tuple[LoadedRun, ...]
    references: tuple[LoadedRun, ...]
    trivial: LoadedRun | None
    baseline: LoadedRun | None

    @property
    def all(self) -> tuple[LoadedRun, ...]:
        """Every run once: evaluated runs, baseline, references, trivial."""
        others = [run for run in (self.baseline, *self.references, self.trivial) if run is not None]
        return tuple(dict.fromkeys([*self.runs, *others]))

    @property
    def evaluated(self) -> tuple[LoadedRun, ...]:
        """The runs that get scores: those asked for, then the baseline where it is not one of them."""
        return tuple(dict.fromkeys([*self.runs, *([self.baseline] if self.baseline is not None else [])]))

    @property
    def references_set_aside(self) -> tuple[LoadedRun, ...]:
        """Reference runs that cannot serve for the same task, because they are compared with other runs themselves.

        A trajectory is never its own reference, so such a run would meet other references than the runs beside it.
        """
        return tuple(run for run in self.references if run in self.evaluated) if len(self.evaluated) > 1 else ()


class Opened:
    """The files of an evaluation, opened (so that a missing one is told at once) but not yet read."""

    def __init__(self, runs: Sequence[str | Path], options: EvaluateOptions) -> None:
        if not runs:
            raise EmptyInputError("runs: expected at least one run, got none")
        self.options = options
        self.runs = [self._key(path) for path in runs]
        for i, key in enumerate(self.runs):
            if key in self.runs[:i]:
                raise OptionError(f"runs: {runs[i]} is given twice; expected each run once")
        self.references = [self._key(path) for path in options.references]
        self.trivial = None if options.trivial is None else self._key(options.trivial)
        self.baseline = None if options.compare_to is None else self._key(options.compare_to)
        given = [*runs, *options.references, options.trivial, options.compare_to]
        self.given: dict[Path, str | Path] = {}
        for path in given:
            if path is not None:
                self.given.setdefault(self._key(path), path)
        self.readers: dict[Path, RunReader] = {
            key: open_run(path, strict=options.strict) for key, path in self.given.items()
        }
        self.names = dict(zip(self.readers, unique_names(list(self.readers.values())), strict=True))

    @staticmethod
    def _key(path: str | Path) -> Path:
        return Path(path).resolve()

    def read(self, tasks: TaskSet | None, embedder: StepEmbedder | None, listener: Listener) -> Sources:
        """Read every file once, the references first: they tell which tasks are worth embedding."""
        loaded: dict[Path, LoadedRun] = {}

        def load(key: Path) -> LoadedRun:
            if key not in loaded:
                loaded[key] = load_run(
                    self.readers[key],
                    given=self.given[key],
                    name=self.names[key],
                    tasks=tasks,
                    embedder=embedder,
                    wanted=self._wanted(key, {k: loaded[k] for k in self.references if k in loaded}),
                    steps=self.options.steps,
                    listener=listener,
                )
            return loaded[key]

        references = tuple(load(key) for key in dict.fromkeys(self.references))
        return Sources(
            references=references,
            trivial=None if self.trivial is None else load(self.trivial),
            runs=tuple(load(key) for key in self.runs),
            baseline=None if self.baseline is None else load(self.baseline),
        )

    def _wanted(self, key: Path, references: dict[Path, LoadedRun]) -> Wanted:
        """What of a file is embedded: tests, possible references with their trivial steps, trivial trajectories."""
        evaluated = [*self.runs, self.baseline]
        is_reference = key in (self.references or evaluated)
        is_test, is_trivial = key in evaluated, key == self.trivial
        referenced: set[str] | None = None
        if self.options.references_from is None and len(references) == len(set(self.references)):
            episodes = (episode for run in references.values() for episode in run.episodes)
            referenced = {episode.task for episode in episodes if self._serves(success=episode.success)}

        def serves(_task: Task, trajectory: Trajectory) -> bool:
            return is_reference and self._serves(success=trajectory.outcome.success is True)

        def steps(task: Task, trajectory: Trajectory) -> bool:
            met = referenced is None or task.id in referenced
            return ((is_test or is_trivial) and met) or serves(task, trajectory)

        return Wanted(steps=steps, trivial=serves)

    def _serves(self, *, success: bool) -> bool:
        return success or self.options.all_references


def unique_names(readers: Sequence[RunReader]) -> list[str]:
    """A name for each run: its own, where that is taken with the parent folder's, else with a number."""
    own = [reader.name for reader in readers]
    names: list[str] = []
    for reader in readers:
        name = reader.name
        if own.count(name) > 1:
            parent = reader.path.resolve().parent.name
            name = f"{parent}/{name}" if parent else name
        number, candidate = 1, name
        while candidate in names:
            number += 1
            candidate = f"{name}#{number}"
        names.append(candidate)
    return names
