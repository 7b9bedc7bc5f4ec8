"""The study from end to end: collect, score, measure, choose. Collected runs and finished cells are used again."""

from __future__ import annotations

import hashlib
import random
import re
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from importlib.metadata import version
from pathlib import Path
from typing import Any, Protocol

import numpy as np

from tracewarp.collect import CollectOptions, collect
from tracewarp.embed import embed_texts, get_encoder
from tracewarp.envs.base import OracleSource, TaskRef, TaskSource
from tracewarp.envs.registry import open_source
from tracewarp.errors import EmptyInputError, MissingExtraError
from tracewarp.evaluate.capability_groups import groups_of
from tracewarp.studies.validity.agents import GOING_ON, PUBLISHED, mistake_of
from tracewarp.studies.validity.choosing import Choice, choose
from tracewarp.studies.validity.evidence import Evidence, Floats
from tracewarp.studies.validity.leaks import audit
from tracewarp.studies.validity.material import REFERENCES, Material, References, Source, gather
from tracewarp.studies.validity.measures import Estimate, Measured, tau_of_agents
from tracewarp.studies.validity.options import RecordingOptions, ValidityOptions
from tracewarp.studies.validity.reorderings import TRIES, first_valid, leaves_a_trace
from tracewarp.studies.validity.results import (
    AgentRow,
    AucRow,
    DamageRow,
    FailureRow,
    GridRow,
    SplitResult,
    StudyResult,
)
from tracewarp.studies.validity.scoring import NEIGHBOURS, Scorer
from tracewarp.studies.validity.settings import DECAYS, PAPER, TODAY, Setting, grid, one_factor, unique
from tracewarp.trajectory import Task, Trajectory, load_tasks, open_run

Scores = Callable[[References], Floats]


class Listener(Protocol):
    """Hears about progress."""

    def __call__(self, stage: str, done: int, total: int) -> None:
        """`done` of `total` units of a stage are finished."""
        ...


def silent(stage: str, done: int, total: int) -> None:
    """The listener that does nothing."""


def study_environment(
    options: ValidityOptions,
    work: Path,
    *,
    prefer: Setting | None = None,
    listener: Listener = silent,
) -> StudyResult:
    """Measure the score on an environment that knows solutions.

    Args:
        options: what is studied.
        work: folder for runs and finished cells; the same options continue there.
        prefer: the setting that was chosen elsewhere, to be confirmed; None: the first split chooses.
        listener: hears about progress.

    Raises:
        OptionError: an unknown environment, split or policy, or an environment that knows no solutions.
        EmptyInputError: a split without a task whose solution is known.
        MissingExtraError: the environment needs an extra.
    """
    source = open_source(options.environment, **options.settings)
    folder = work / _slug(options.environment, options.settings)
    prepared = []
    for split in options.splits:
        collected = _collect_split(source, split, options, folder, listener)
        prepared.append(_Split(split, collected, options, folder, listener))
    chosen = prefer
    if chosen is None and not options.chosen_elsewhere:
        chosen = prepared[0].choice.chosen
    notes = [note for split in prepared for note in split.notes]
    results = tuple(split.result(chosen) for split in prepared)
    return StudyResult(
        name=_slug("-".join(filter(None, (options.environment, options.settings.get("profile")))), {}),
        options=options.to_dict(),
        versions=_versions(),
        today=TODAY.label,
        chosen=None if chosen is None else chosen.label,
        shown=tuple(setting.label for setting in _shown(chosen)),
        splits=results,
        notes=tuple(dict.fromkeys(notes)),
    )


def study_recordings(
    runs: Sequence[str | Path],
    options: RecordingOptions,
    work: Path,
    *,
    name: str = "recordings",
    prefer: Setting | None = None,
    listener: Listener = silent,
) -> StudyResult:
    """Measure the score on recordings that people or evaluators labelled.

    The references of an attempt are successes: of the same task, or of the other tasks of its capability.

    Args:
        runs: one for each agent.
        options: task file, seed and the rest.
        work: folder for finished cells.
        name: of the results.
        prefer: a setting to show beside the default of today.
        listener: hears about progress.

    Raises:
        EmptyInputError: no judged episode.
        FileError: a run cannot be read.
    """
    task_set = None if options.tasks is None else load_tasks(options.tasks)
    readers = [open_run(path) for path in runs]
    names = [reader.name for reader in readers]
    found: dict[str, list[Trajectory]] = {}
    tasks: dict[str, Task] = {}
    for place, reader in enumerate(readers):
        label = names[place] if names.count(names[place]) == 1 else f"{names[place]}#{place + 1}"
        for trajectory in reader:
            known = None if task_set is None else task_set.find(trajectory.task.id)
            task = tasks.setdefault((known or trajectory.task).id, known or trajectory.task)
            found.setdefault(label, []).append(trajectory.model_copy(update={"task": task}))
        listener("reading", place + 1, len(readers))
    webarena = task_set is not None and task_set.is_webarena
    labels = _capabilities(list(tasks.values()), webarena=webarena)
    material = gather(
        name,
        tasks=list(tasks.values()),
        capability=labels,
        solutions=None,
        attempts=[Source(agent, trajectories) for agent, trajectories in found.items()],
        max_references=options.max_references,
        seed=options.seed,
    )
    every = [trajectory for trajectories in found.values() for trajectory in trajectories]
    collected = _Collected(material, every, ())
    split = _Split(name, collected, options, work / name, listener)
    return StudyResult(
        name=name,
        options=options.to_dict() | {"runs": [Path(path).name for path in runs]},
        versions=_versions(),
        today=TODAY.label,
        chosen=None if prefer is None else prefer.label,
        shown=tuple(setting.label for setting in _shown(prefer)),
        splits=(split.result(prefer),),
        notes=tuple(split.notes),
    )


@dataclass(frozen=True)
class _Collected:
    """One set of tasks, collected."""

    material: Material
    attempts: Sequence[Trajectory]
    trivial: Sequence[str]
    """Tasks that doing nothing solves; they are left out."""


def _collect_split(
    source: TaskSource, split: str, options: ValidityOptions, folder: Path, listener: Listener
) -> _Collected:
    """Solutions, attempts and other orders of the tasks of a split whose solution is known."""
    refs = source.solvable(split) if isinstance(source, OracleSource) else source.split(split)
    refs = refs[: options.limit]
    if not refs:
        raise EmptyInputError(f"split {split} of {options.environment}: no task in it whose solution is known")

    def run(policy: str, repeats: int = 1, some: Sequence[TaskRef] = refs) -> list[Trajectory]:
        path = folder / "runs" / split / _slug(policy, {})
        asked = CollectOptions(
            options.environment,
            policy,
            settings=options.settings,
            split=split,
            tasks=tuple(str(ref) for ref in some),
            repeats=repeats,
            seed=options.seed,
            workers=options.workers,
        )
        stage = f"{split}: {policy}"
        collect(path, asked, listener=lambda now: listener(stage, now.tally.done, now.total))
        return list(open_run(path))

    solved = {one.task.id: one for one in run("oracle") if one.outcome.success}
    if not solved:
        raise EmptyInputError(
            f"split {split} of {options.environment}: its oracle solves none of the {len(refs)} tasks"
        )
    trivial = [one.task.id for one in run("trivial") if one.outcome.success]
    tasks = [source.task(ref) for ref in refs]
    kept = [(ref, task) for ref, task in zip(refs, tasks, strict=True) if task.id in solved and task.id not in trivial]
    # The objective of a task that its page makes is known only then.
    kept = [(ref, task.model_copy(update={"objective": solved[task.id].task.objective})) for ref, task in kept]
    attempts = {policy: run(policy, options.repeats) for policy in options.agents}
    traced = [ref for ref, task in kept if leaves_a_trace(task)]
    swapped: dict[str, Trajectory] = {}
    if traced and not isinstance(source, OracleSource):
        swapped = first_valid(run("tracewarp.studies.validity.reorderings:SwappedPolicy", TRIES, traced))
    material = gather(
        split,
        tasks=[task for _, task in kept],
        capability=_capabilities([task for _, task in kept]),
        solutions=solved,
        attempts=[Source(agent, found) for agent, found in attempts.items()],
        reordered=swapped,
        max_references=options.max_references,
        seed=options.seed,
    )
    every = [trajectory for found in attempts.values() for trajectory in found]
    return _Collected(material, every, trivial)


class _Split:
    """One set of tasks, measured."""

    def __init__(
        self,
        name: str,
        collected: _Collected,
        options: ValidityOptions | RecordingOptions,
        folder: Path,
        listener: Listener,
    ) -> None:
        self.name = name
        self.collected = collected
        self.options = options
        self.listener = listener
        self.done = 0
        self.material = collected.material
        self.notes: list[str] = []
        self.scorer = Scorer(self.material, folder=folder / "cells", threads=options.threads, told=self._told)
        self.evidence = Evidence(
            self.material, resamples=options.resamples, confidence=options.confidence, seed=options.seed
        )
        self.folder = folder
        self._known: dict[tuple[str, Setting], Measured | None] = {}
        self._choice: Choice | None = None
        self.n_cells = len({s.pairwise for s in (*grid(), *one_factor(TODAY))}) + len(NEIGHBOURS)

    def _told(self, label: str) -> None:
        self.done += 1
        self.listener(f"{self.name}: scoring", self.done, max(self.done, self.n_cells))

    def scored(self, setting: Setting) -> Scores:
        """Scores of every item under a setting."""
        return lambda which: self.scorer.scores(setting, which)

    def measured(self, criterion: str, setting: Setting) -> Measured | None:
        """A figure of the rule."""
        if (criterion, setting) not in self._known:
            compute = {
                "tau": self.evidence.rule_tau,
                "worst_damage": self.evidence.rule_damage,
                "auc": self.evidence.rule_auc,
            }[criterion]
            self._known[criterion, setting] = compute(self.scored(setting))
        return self._known[criterion, setting]

    @property
    def choice(self) -> Choice:
        """What the rule chooses on these tasks."""
        if self._choice is None:
            criteria = {
                criterion: (lambda setting, criterion=criterion: self.measured(criterion, setting))
                for criterion in ("tau", "worst_damage", "auc")
            }
            self._choice = choose(grid(), criteria, confidence=self.options.confidence)
        return self._choice

    def result(self, chosen: Setting | None) -> SplitResult:
        """Everything about these tasks."""
        settings = {setting.label: setting for setting in _shown(chosen)}
        compared: dict[str, Scores] = {label: self.scored(setting) for label, setting in settings.items()}
        neighbours: dict[str, Scores] = {name: self._neighbour(name) for name in NEIGHBOURS}
        choice = self.choice  # also where it decides nothing
        return SplitResult(
            name=self.name,
            facts=self._facts(),
            grid=tuple(self._grid_row(setting) for setting in grid()),
            choice=choice,
            agents=self._agents(compared),
            published=self._agents({PAPER.label: self.scored(PAPER), **compared}, PUBLISHED),
            published_tau=self._published_tau({PAPER.label: self.scored(PAPER), **compared}),
            auc=self._auc(chosen, neighbours),
            failures=self._failures({**compared, **neighbours}),
            damages=self._damages({**self._decays(chosen), **neighbours}),
            leaks=audit(
                self.collected.attempts,
                resamples=self.options.resamples,
                confidence=self.options.confidence,
                seed=self.options.seed,
            ),
        )

    def _decays(self, chosen: Setting | None) -> dict[str, Scores]:
        """Every decay. Damaged copies of solutions have no refused step, so the choice of steps does not matter."""
        base = chosen or TODAY
        settings = [replace(base, decay=decay, strength=strength) for decay, strength in DECAYS]
        return {setting.label: self.scored(setting) for setting in unique([base, *settings])}

    def _neighbour(self, name: str) -> Scores:
        return lambda which: self.scorer.neighbour(name, which)

    def _facts(self) -> dict[str, Any]:
        evidence, material = self.evidence, self.material
        return {
            "tasks": len(material.tasks),
            "trivial_tasks_left_out": len(self.collected.trivial),
            "capabilities": len(set(material.capability)),
            "agents": len(material.agents),
            "attempts": len(evidence.attempts),
            "successes": int(evidence.success.sum()),
            "steps": int(sum(len(material.items[i].rows) for i in evidence.attempts)),
            "references": len(material.references),
            "tasks_with_other_references": len(np.unique(material.task_of_item[material.pairs("other")[:, 1]])),
            "damaged_copies": len(material.where("copy")),
            "damaged_solutions": len({material.items[i].task for i in material.where("copy")}),
            "reorderings": len(material.where("reordered")),
        }

    def _grid_row(self, setting: Setting) -> GridRow:
        figures = {criterion: self.measured(criterion, setting) for criterion in ("tau", "worst_damage", "auc")}
        confidence = self.options.confidence
        found = {name: None if figure is None else figure.estimate(confidence) for name, figure in figures.items()}
        taus = {which: self.evidence.tau(self.scored(setting)(which)) for which in REFERENCES}
        return GridRow(
            setting.label,
            found["tau"],
            found["worst_damage"],
            found["auc"],
            {which: None if tau is None else tau.estimate(confidence) for which, tau in taus.items()},
            setting.parameters,
        )

    def _agents(self, compared: Mapping[str, Scores], only: Sequence[str] | None = None) -> tuple[AgentRow, ...]:
        """Success and mean score, over the tasks that every agent tried and that have references of both kinds."""
        evidence, names = self.evidence, self.material.agents
        chosen = [name for name in (names if only is None else only) if name in names]
        if only is not None and len(chosen) < len(only):
            return ()
        counts = np.bincount(evidence.agent, minlength=len(names))
        rows = []
        tables = {
            (label, which): evidence.agent_table(scores(which))
            for label, scores in compared.items()
            for which in REFERENCES
        }
        for name in chosen:
            place = names.index(name)
            found: dict[str, dict[str, float]] = {}
            success = float(evidence.success[evidence.agent == place].mean())
            for (label, which), table in tables.items():
                if table is not None:
                    found.setdefault(label, {})[which] = float(table[1][place].mean())
            rows.append(AgentRow(name, int(counts[place]), success, found))
        return tuple(rows)

    def _published_tau(self, compared: Mapping[str, Scores]) -> dict[str, dict[str, Any]]:
        names = self.material.agents
        if not set(PUBLISHED) <= set(names):
            return {}
        places = [names.index(name) for name in PUBLISHED]
        found: dict[str, dict[str, Any]] = {}
        for label, scores in compared.items():
            for which in REFERENCES:
                table = self.evidence.agent_table(scores(which))
                if table is not None:
                    success, score, tasks = table
                    tau = tau_of_agents(success[places], score[places], self.evidence.by_task[:, tasks])
                    found.setdefault(label, {})[which] = tau.estimate(self.options.confidence)
        return found

    def _auc(self, chosen: Setting | None, neighbours: Mapping[str, Scores]) -> tuple[AucRow, ...]:
        rows = [self._auc_row(setting.label, "grid", self.scored(setting)) for setting in grid()]
        rows += [self._auc_row(setting.label, "one factor", self.scored(setting)) for setting in one_factor(TODAY)]
        if chosen is not None and chosen != TODAY:
            rows += [
                self._auc_row(setting.label, "around the choice", self.scored(setting))
                for setting in one_factor(chosen)
            ]
        rows += [self._auc_row(name, "neighbour", scores) for name, scores in neighbours.items()]
        return (*rows, *self._encoders(chosen))

    def _auc_row(
        self, label: str, group: str, scores: Scores, evidence: Evidence | None = None, today: Scores | None = None
    ) -> AucRow:
        measured = evidence or self.evidence
        confidence = self.options.confidence
        within = {which: measured.auc_task(scores(which)) for which in REFERENCES}
        base = {which: measured.auc_task((today or self.scored(TODAY))(which)) for which in REFERENCES}
        return AucRow(
            label,
            group,
            {which: figure.estimate(confidence) for which, figure in within.items() if figure.n},
            {
                which: figure.estimate(confidence)
                for which in REFERENCES
                if (figure := measured.auc_capability(scores(which))).n
            },
            {which: within[which].minus(base[which], confidence) if within[which].n else None for which in REFERENCES},
        )

    def _encoders(self, chosen: Setting | None) -> list[AucRow]:
        """The other encoders, on a few tasks: a transformer reads some hundred steps a second on two cores."""
        others = self.options.encoders[1:]
        if not others:
            return []
        some = self._some_tasks(self.options.encoder_tasks)
        evidence = Evidence(
            some, resamples=self.options.resamples, confidence=self.options.confidence, seed=self.options.seed
        )
        rows = []
        scorer = Scorer(some, folder=self.folder / "cells", threads=self.options.threads)
        settings = unique([TODAY, *([] if chosen is None else [chosen])])
        for encoder in self.options.encoders:
            try:
                get_encoder(encoder)
            except MissingExtraError as error:
                self.notes.append(f"{encoder} was left out: {error}")
                continue
            self.listener(f"{self.name}: encoder {encoder}, {len(some.steps):,} steps", 0, 1)
            for setting in settings:
                tried = replace(setting, encoder=encoder)
                label = f"{setting.label}, encoder {encoder}, {len(some.tasks)} tasks"
                rows.append(
                    self._auc_row(
                        label,
                        "encoder",
                        lambda which, tried=tried: scorer.scores(tried, which),  # type: ignore[misc]
                        evidence,
                        lambda which: scorer.scores(TODAY, which),
                    )
                )
            self.listener(f"{self.name}: encoder {encoder}, {len(some.steps):,} steps", 1, 1)
        return rows

    def _some_tasks(self, n: int) -> Material:
        """The material of some capabilities, drawn with the seed, that have at least `n` tasks together."""
        material = self.material
        labels = sorted(set(material.capability))
        random.Random(f"{self.options.seed}").shuffle(labels)  # noqa: S311 (a benchmark, no secret)
        kept: set[str] = set()
        for label in labels:
            if sum(one in kept for one in material.capability) >= n:
                break
            kept.add(label)
        return restricted(material, [i for i, label in enumerate(material.capability) if label in kept])

    def _failures(self, compared: Mapping[str, Scores]) -> tuple[FailureRow, ...]:
        """All successes against the failures of each kind of agent."""
        agents = self.material.agents
        kinds = dict.fromkeys(mistake_of(agent) for agent in agents)
        chosen: dict[str, set[str]] = {kind: {kind} for kind in kinds}
        if set(GOING_ON) <= set(kinds):
            chosen["agents that go on after their mistake"] = set(GOING_ON)
        rows = []
        for name, those in chosen.items():
            among = self.evidence.failing(lambda item, those=those: mistake_of(agents[item.agent]) in those)  # type: ignore[misc]
            n = int((among & ~self.evidence.success).sum())
            auc: dict[str, dict[str, Estimate]] = {
                label: {
                    which: figure.estimate(self.options.confidence)
                    for which in REFERENCES
                    if (figure := self.evidence.auc_task(scores(which), among)).n
                }
                for label, scores in compared.items()
            }
            if n and any(auc.values()):
                rows.append(FailureRow(name, n, auc))
        return tuple(rows)

    def _damages(self, compared: Mapping[str, Scores]) -> tuple[DamageRow, ...]:
        return tuple(
            DamageRow(label, which, tuple(curves), self.evidence.reordered(found))
            for label, scores in compared.items()
            for which in REFERENCES
            if (curves := self.evidence.damages(found := scores(which)))
        )


def restricted(material: Material, tasks: Sequence[int]) -> Material:
    """The material of some of its tasks; the table of steps holds only theirs."""
    place = {task: i for i, task in enumerate(tasks)}
    kept = [item for item in material.items if item.task in place]
    references = [(r, one) for r, one in enumerate(material.references) if one.task in place]
    new_origin = {r: i for i, (r, _) in enumerate(references)}
    wanted = sorted(
        {row for item in kept for row in item.rows}
        | {row for _, one in references for row in (*one.rows, one.trivial_row)}
    )
    row_of = {row: i for i, row in enumerate(wanted)}

    def moved(rows: Iterable[int]) -> tuple[int, ...]:
        return tuple(row_of[row] for row in rows)

    return replace(
        material,
        tasks=tuple(material.tasks[task] for task in tasks),
        capability=tuple(material.capability[task] for task in tasks),
        steps=tuple(material.steps[row] for row in wanted),
        references=tuple(
            replace(one, task=place[one.task], rows=moved(one.rows), trivial_row=row_of[one.trivial_row])
            for _, one in references
        ),
        items=tuple(
            replace(item, task=place[item.task], rows=moved(item.rows), origin=new_origin.get(item.origin, -1))
            for item in kept
        ),
    )


def _shown(chosen: Setting | None) -> tuple[Setting, ...]:
    """The settings that tables compare: today's default, the choice, and the choice with one part changed back."""
    if chosen is None or chosen == TODAY:
        return unique([TODAY, Setting(decay="relative", steps="accepted"), Setting(decay="none", steps="accepted")])
    return unique([TODAY, replace(TODAY, steps=chosen.steps), replace(chosen, steps=TODAY.steps), chosen])


def _capabilities(tasks: Sequence[Task], *, webarena: bool = False) -> list[str]:
    """The capability of each task, as `tracewarp evaluate` groups them; a task without one is its own."""
    encoder = get_encoder("hashed")
    groups = groups_of(tasks, lambda texts: embed_texts(texts, encoder), encoder=encoder.name, is_webarena=webarena)
    labels = {} if groups is None else groups.labels
    return [str(labels.get(task.id, f"task {task.id}")) for task in tasks]


def _slug(name: str, settings: Mapping[str, Any]) -> str:
    """A name for a folder, different for different settings."""
    short = re.sub(r"[^\w.=,-]+", "-", name)[-60:].strip("-")
    known = {key: value for key, value in sorted(settings.items()) if value is not None}
    words = "".join(f"-{value}" for value in known.values())
    plain = re.sub(r"[^\w.=,-]+", "-", words)[:40]
    return f"{short}{plain}" if short + words == name + plain else f"{short}{plain}-{_digest(name, known)}"


def _digest(name: str, settings: Mapping[str, Any]) -> str:
    return hashlib.sha256(repr((name, dict(settings))).encode()).hexdigest()[:8]


def _versions() -> dict[str, str]:
    import scipy

    return {"tracewarp": version("tracewarp"), "numpy": np.__version__, "scipy": scipy.__version__}


__all__ = ["Listener", "study_environment", "study_recordings"]
