"""Runs into training data, as files: verdicts with their reasons, what was kept, balanced examples, the two sides.

definition  Every trajectory of the runs, but those of held-out tasks, gets a verdict (`filters`, `agreement`). Kept
            trajectories give examples, balanced over the places in a trajectory (`balance`), or all of them; these are
            split for validation by task (`mixtures`). Where runs share a task, later samples get the next free repeats.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tracewarp.errors import EmptyInputError, EmptyRunError, FileError
from tracewarp.synthesize.agreement import AGREEMENT, judge_agreement
from tracewarp.synthesize.balance import Balanced, balance, every_step
from tracewarp.synthesize.examples import Example, examples_of, write_examples
from tracewarp.synthesize.filters import PAPER_RULES, Verdict, judge_plausible
from tracewarp.synthesize.holdout import Holdout
from tracewarp.synthesize.mixtures import mix
from tracewarp.synthesize.quality import FilterQuality, filter_quality
from tracewarp.trajectory import Task, Trajectory, open_run, write_trajectories
from tracewarp.trajectory.write import beside

VERDICTS: Final = "verdicts.jsonl"
KEPT: Final = "kept.jsonl"
EXAMPLES: Final = "examples.jsonl"
TRAIN: Final = "train.jsonl"
VALIDATION: Final = "validation.jsonl"
HOLDOUT: Final = "holdout.json"
SUMMARY: Final = "filter.json"


@dataclass(frozen=True, slots=True)
class Sample:
    """A trajectory, and where it comes from."""

    run: str
    repeat: int
    """In its run; in `trajectory` it may have another, so that (task, repeat) is unique over the runs."""
    trajectory: Trajectory


@dataclass(frozen=True, slots=True)
class Filtered:
    """What a filter made of runs."""

    samples: tuple[Sample, ...]
    """Those that were judged."""
    verdicts: tuple[Verdict, ...]
    """One a sample, in order."""
    rules: tuple[str, ...]
    """That were asked, agreement included."""
    agreement: int | None
    holdout: Holdout | None
    left_out: int
    """Trajectories of held-out tasks: not judged, in no file."""
    quality: FilterQuality
    unfiltered: FilterQuality
    """The same figures for keeping everything."""

    @property
    def kept(self) -> tuple[Trajectory, ...]:
        """In order."""
        return tuple(verdict.trajectory for verdict in self.verdicts if verdict.kept)


@dataclass(frozen=True, slots=True)
class TrainingData:
    """Examples, and how they were divided."""

    balanced: Balanced
    examples: tuple[Example, ...]
    train: tuple[Example, ...]
    validation: tuple[Example, ...]


def read_samples(runs: Sequence[str | Path]) -> tuple[Sample, ...]:
    """Read runs, and number the samples of each task.

    Raises:
        UnreadableFileError, RecordError: as `tracewarp.trajectory.open_run`.
        EmptyRunError: no run holds an episode.
    """
    taken: set[tuple[str, int]] = set()
    samples = []
    for path in runs:
        reader = open_run(path)
        for trajectory in reader:
            repeat = trajectory.repeat
            while (trajectory.task.id, repeat) in taken:
                repeat += 1
            taken.add((trajectory.task.id, repeat))
            numbered = trajectory.model_copy(update={"repeat": repeat})
            samples.append(Sample(reader.name, trajectory.repeat, numbered))
    if not samples:
        raise EmptyRunError(f"{', '.join(map(str, runs))}: expected at least one episode, got none")
    return tuple(samples)


def tasks_of(samples: Iterable[Sample]) -> tuple[Task, ...]:
    """Every task once, in order of appearance."""
    return tuple({sample.trajectory.task.id: sample.trajectory.task for sample in samples}.values())


def filter_samples(
    samples: Sequence[Sample],
    *,
    rules: Sequence[str] = PAPER_RULES,
    agreement: int | None = None,
    keep: Literal["all", "one"] = "all",
    holdout: Holdout | None = None,
) -> Filtered:
    """Judge samples.

    Args:
        samples: of `read_samples`.
        rules: names of `RULES`; none objects to nothing.
        agreement: m, samples of a task that must take the same actions, >= 2; None: none has to.
        keep: of samples that agree `all`, or the first `one`.
        holdout: tasks that are left out.

    Raises:
        OptionError: an unknown rule, an agreement below 2, or another word for keep.
    """
    held = set() if holdout is None else {*holdout.held_out, *holdout.on_both_sides}
    judged = tuple(sample for sample in samples if sample.trajectory.task.id not in held)
    trajectories = [sample.trajectory for sample in judged]
    verdicts = judge_plausible(trajectories, rules=rules)
    asked = tuple(rules)
    if agreement is not None:
        verdicts, asked = judge_agreement(verdicts, m=agreement, keep=keep), (*asked, AGREEMENT)
    return Filtered(
        samples=judged,
        verdicts=verdicts,
        rules=asked,
        agreement=agreement,
        holdout=holdout,
        left_out=len(samples) - len(judged),
        quality=filter_quality(verdicts, rules=asked),
        unfiltered=filter_quality(judge_plausible(trajectories, rules=()), rules=()),
    )


def write_filtered(out: str | Path, filtered: Filtered) -> None:
    """Write the verdicts, the kept trajectories, the holdout, and a summary of figures into a folder.

    Raises:
        FileError: the system refuses to write.
    """
    folder = Path(out)
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise FileError(f"{folder}: cannot be made ({error.strerror or error})") from None
    rows = (_row(sample, verdict) for sample, verdict in zip(filtered.samples, filtered.verdicts, strict=True))
    _write_lines(folder / VERDICTS, rows)
    write_trajectories(folder / KEPT, filtered.kept)
    if filtered.holdout is None:
        (folder / HOLDOUT).unlink(missing_ok=True)
    else:
        _write_json(folder / HOLDOUT, asdict(filtered.holdout))
    _write_json(folder / SUMMARY, summary(filtered))


def _row(sample: Sample, verdict: Verdict) -> dict[str, Any]:
    trajectory = sample.trajectory
    return {
        "run": sample.run,
        "task": trajectory.task.id,
        "repeat": sample.repeat,
        "kept_as_repeat": trajectory.repeat if verdict.kept else None,
        "kept": verdict.kept,
        "reasons": [{"rule": rule, "reason": reason} for rule, reason in verdict.reasons],
        "steps": len(trajectory.executed_steps),
        "score": trajectory.outcome.score,
    }


def summary(filtered: Filtered) -> dict[str, Any]:
    """The figures as plain values."""
    return {
        "runs": list(dict.fromkeys(sample.run for sample in filtered.samples)),
        "rules": list(filtered.rules),
        "agreement": filtered.agreement,
        "holdout": None if filtered.holdout is None else filtered.holdout.by,
        "left_out": filtered.left_out,
        "quality": asdict(filtered.quality),
        "unfiltered": asdict(filtered.unfiltered),
    }


def make_training_data(
    filtered: Filtered,
    *,
    balanced: bool = True,
    min_examples: int = 1,
    validation_share: float = 0.1,
    seed: int = 0,
) -> TrainingData:
    """Examples from kept trajectories.

    Args:
        filtered: of `filter_samples`.
        balanced: as many first as intermediate as last steps; False: every step.
        min_examples: fewer are refused, >= 1.
        validation_share: in (0, 1), of tasks.
        seed: of the draws.

    Raises:
        EmptyInputError: nothing was kept (the message says what each rule removed), too few examples remain, or all
            of them are of one task.
        RecordError: the trajectories are not a model's: they hold no prompts.
        OptionError: a share outside (0, 1).
    """
    if not filtered.kept:
        counts = (f"{rule.rule} {rule.objected:,}" for rule in filtered.quality.rules if rule.objected)
        raise EmptyInputError(
            f"no trajectory of {len(filtered.samples):,} was kept (objections: {', '.join(counts)}); collect more, or "
            "drop a rule"
        )
    steps = [examples_of(trajectory) for trajectory in filtered.kept]
    drawn = balance(steps, seed=seed) if balanced else every_step(steps)
    examples = drawn.examples
    if len(examples) < max(1, min_examples):
        had = f"; the kept trajectories have {_words(drawn.available)} steps"
        raise EmptyInputError(
            f"examples: expected at least {max(1, min_examples)}, got {len(examples)} of {len(filtered.kept):,} kept "
            f"trajectories{had}; collect more tasks"
        )
    mixture = mix("A", examples, validation_share=validation_share, seed=seed)
    return TrainingData(drawn, examples, mixture.train, mixture.validation)


def _words(available: Mapping[Any, int]) -> str:
    return ", ".join(f"{count:,} {place}" for place, count in available.items())


def write_training_data(out: str | Path, data: TrainingData) -> None:
    """Write the examples and their two sides into a folder.

    Raises:
        FileError: the system refuses to write.
    """
    for name, examples in ((EXAMPLES, data.examples), (TRAIN, data.train), (VALIDATION, data.validation)):
        path = Path(out) / name
        try:
            write_examples(path, examples)
        except OSError as error:
            raise FileError(f"{path}: cannot be written ({error.strerror or error})") from None


def drop_training_data(out: str | Path) -> None:
    """Remove what an earlier filtering left: examples that do not belong to the verdicts beside them mislead."""
    for name in (EXAMPLES, TRAIN, VALIDATION):
        (Path(out) / name).unlink(missing_ok=True)


def _write_lines(path: Path, rows: Iterable[Mapping[str, Any]]) -> None:
    with beside(path) as file:
        for row in rows:
            file.write(json.dumps(row, ensure_ascii=False).encode("utf-8", errors="replace") + b"\n")


def _write_json(path: Path, content: Mapping[str, Any]) -> None:
    with beside(path) as file:
        file.write(json.dumps(content, indent=1, ensure_ascii=False).encode("utf-8", errors="replace"))
