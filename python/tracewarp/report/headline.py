"""The figures of a run in the order in which people ask for them: one list for the terminal and the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tracewarp.evaluate.results import CapabilityScore, PassAtK, RepeatScores, RunScores, Scores, VertexScore
from tracewarp.report.words import MISSING, level, number, of, percent, score_interval, share_interval
from tracewarp.trajectory import Ending


@dataclass(frozen=True)
class Row:
    """One line of the headline table: a label and one cell for each run."""

    label: str
    cells: tuple[str, ...]
    main: bool = False
    """The figure itself, not what belongs to it."""


def shown_runs(scores: Scores) -> tuple[RunScores, ...]:
    """The runs in order, then the baseline where it is not one of them."""
    return scores.runs if scores.baseline is None else (*scores.runs, scores.baseline)


def headline_rows(scores: Scores, runs: Sequence[RunScores]) -> list[Row]:
    """Every headline figure of `runs`, and what belongs to it below it; lines that hold for no run are left out."""
    lines = Lines(runs, f"{level(scores.settings)} interval".strip())
    lines.correctness()
    lines.repeats()
    lines.capability()
    lines.vertex()
    lines.steps()
    return lines.rows


def encoders(runs: Sequence[RunScores]) -> str:
    """Encoder and step template of the VERTEX figures: `hashed, action_first`; empty where there are none."""
    pairs = dict.fromkeys(f"{v.encoder}, {v.step_template}" for run in runs if (v := run.vertex_dtw) is not None)
    return " / ".join(pairs)


class Lines:
    """Collects rows; a row for which no run has a figure is not shown, unless it is a main one."""

    def __init__(self, runs: Sequence[RunScores], interval: str) -> None:
        self.runs = runs
        self.interval = interval
        self.rows: list[Row] = []

    def add(self, label: str, cell: Callable[[RunScores], str | None], *, main: bool = False) -> None:
        """One row; `cell` gives None where the run has no such figure."""
        cells = [cell(run) for run in self.runs]
        if main or any(text is not None for text in cells):
            self.rows.append(Row(label, tuple(MISSING if text is None else text for text in cells), main))

    def capability_row(self, label: str, cell: Callable[[CapabilityScore], str | None], *, main: bool = False) -> None:
        """A row of the capability score."""
        self.add(label, lambda run: None if run.capability is None else cell(run.capability), main=main)

    def repeat_row(self, label: str, cell: Callable[[RepeatScores], str | None], *, main: bool = False) -> None:
        """A row about repeats; none where no run has any."""
        if any(run.repeats is not None for run in self.runs):
            self.add(label, lambda run: None if run.repeats is None else cell(run.repeats), main=main)

    def vertex_row(self, label: str, cell: Callable[[VertexScore], str | None], *, main: bool = False) -> None:
        """A row of VERTEX_DTW."""
        self.add(label, lambda run: None if run.vertex_dtw is None else cell(run.vertex_dtw), main=main)

    def correctness(self) -> None:
        """Functional correctness and its parts."""
        self.add("Functional correctness", lambda run: percent(run.functional_correctness.rate), main=True)
        self.add(self.interval, lambda run: share_interval(run.functional_correctness.interval))
        self.add("solved", lambda run: of(run.functional_correctness.successes, run.functional_correctness.n))
        self.add("partial credit", lambda run: f"{run.functional_correctness.partial:,}")
        self.add("mean score", lambda run: percent(run.functional_correctness.mean_score))
        self.add("not judged", lambda run: f"{run.functional_correctness.unknown:,}" if unjudged(run) else None)
        self.add(
            "if they fail, succeed",
            lambda run: share_interval(run.functional_correctness.bounds) if unjudged(run) else None,
        )

    def repeats(self) -> None:
        """pass@k and consistency, where tasks have several episodes."""
        for k in repeat_counts(self.runs):
            self.repeat_row(f"pass@{k}", partial(pass_at, k=k), main=True)
            self.repeat_row(self.interval, partial(pass_at_interval, k=k))
        self.repeat_row("Consistency", lambda r: percent(r.consistency), main=True)
        self.repeat_row(self.interval, lambda r: share_interval(r.consistency_interval))
        self.repeat_row("repeats all succeed", lambda r: percent(r.all_succeed))
        self.repeat_row(self.interval, lambda r: share_interval(r.all_succeed_interval))
        self.repeat_row("tasks with repeats", lambda r: f"{r.n_tasks:,}")

    def capability(self) -> None:
        """Capability score over all groups and over the reachable ones."""
        self.capability_row("Capability score", lambda c: percent(c.score), main=True)
        self.capability_row(self.interval, lambda c: share_interval(c.interval))
        if any(run.capability is not None and run.capability.interval_method != "bca" for run in self.runs):
            self.capability_row("interval method", lambda c: c.interval_method)
        self.capability_row("acquired", lambda c: of(c.acquired, c.groups))
        self.capability_row(
            "of the reachable", lambda c: None if c.reachable_score is None else percent(c.reachable_score)
        )
        self.capability_row("reachable groups", lambda c: f"{c.reachable:,}")
        self.capability_row("groups in the task file", lambda c: f"{c.groups_in_tasks:,}")
        self.capability_row("source of the groups", lambda c: c.source)

    def vertex(self) -> None:
        """VERTEX_DTW with everything without which it cannot be read."""
        self.vertex_row("VERTEX_DTW", lambda v: number(v.mean), main=True)
        self.vertex_row("encoder", lambda v: v.encoder)
        self.vertex_row("step template", lambda v: v.step_template)
        self.vertex_row(self.interval, lambda v: score_interval(v.interval))
        if any(run.vertex_dtw is not None and run.vertex_dtw.interval_method != "bca" for run in self.runs):
            self.vertex_row("interval method", lambda v: v.interval_method)
        self.vertex_row("chance level", lambda v: None if v.chance is None else number(v.chance))
        self.vertex_row("with a reference", lambda v: of(v.n_referenced, v.n_tasks))
        self.vertex_row("coverage", lambda v: percent(v.coverage))
        self.vertex_row(
            "best of each capability", lambda v: None if v.by_capability is None else number(v.by_capability)
        )
        self.vertex_row(
            "the same, no trivial tasks", lambda v: None if v.non_trivial is None else number(v.non_trivial)
        )
        for mode in variant_names(self.runs):
            self.vertex_row(f"mode {mode}", partial(variant, mode=mode))
        self.vertex_row("scored 0: no trajectory", lambda v: f"{v.no_test:,}" if v.no_test else None)
        self.vertex_row("scored 0: no counted cell", lambda v: f"{v.degenerate:,}" if v.degenerate else None)

    def steps(self) -> None:
        """Length of the episodes, invalid actions, early stops."""
        self.add("Steps an episode, mean", lambda run: number(run.steps.mean, 1), main=True)
        self.add("median", lambda run: number(run.steps.median, 1))
        self.add("steps in all", lambda run: f"{run.steps.total:,}")
        self.add("Invalid actions", lambda run: percent(run.steps.invalid_rate), main=True)
        self.add("refused, unparsable", lambda run: f"{run.steps.invalid:,}, {run.steps.unparsable:,}")
        self.add("Early stops", lambda run: f"{run.steps.early_stops:,}", main=True)
        self.add("environment errors", lambda run: f"{run.steps.environment_errors:,}")
        for ending in (Ending.MODEL_UNAVAILABLE, Ending.AGENT_ERROR):
            if any(run.steps.endings.get(ending.value) for run in self.runs):
                self.add(f"ended in {ending.value}", partial(ended_in, ending=ending))


def ended_in(run: RunScores, ending: Ending) -> str:
    """How many episodes ended in this way."""
    return f"{run.steps.endings.get(ending.value, 0):,}"


def unjudged(run: RunScores) -> bool:
    """Whether an episode of the run was not judged."""
    return run.functional_correctness.unknown > 0


def variant(vertex: VertexScore, mode: str) -> str:
    """The mean under one mode."""
    return number(vertex.variants.get(mode))


def variant_names(runs: Sequence[RunScores]) -> list[str]:
    """The modes of VERTEX_DTW that any run carries, in the order in which they come."""
    return list(dict.fromkeys(mode for run in runs if run.vertex_dtw is not None for mode in run.vertex_dtw.variants))


def repeat_counts(runs: Sequence[RunScores]) -> list[int]:
    """Every k of pass@k that any run carries, ascending."""
    return sorted({found.k for run in runs if run.repeats is not None for found in run.repeats.pass_at})


def passed(repeats: RepeatScores, k: int) -> PassAtK | None:
    """pass@k of one run, where it has it."""
    return next((found for found in repeats.pass_at if found.k == k), None)


def pass_at(repeats: RepeatScores, k: int) -> str | None:
    """The rate."""
    return None if (found := passed(repeats, k)) is None else percent(found.rate)


def pass_at_interval(repeats: RepeatScores, k: int) -> str | None:
    """Its interval."""
    return None if (found := passed(repeats, k)) is None else share_interval(found.interval)
