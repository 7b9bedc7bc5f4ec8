"""The figures of a run in the order in which people ask for them: one list for the terminal and the page."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Literal

from tracewarp.evaluate.results import (
    CapabilityScore,
    FunctionalCorrectness,
    PassAtK,
    RepeatScores,
    RunScores,
    Scores,
    StepStatistics,
    VertexScore,
)
from tracewarp.metrics.statistics import Estimate, Interval
from tracewarp.metrics.statistics.clusters import plural
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

    def vertex_row(self, label: str, cell: Callable[[VertexScore], str | None], *, main: bool = False) -> None:
        """A row of VERTEX_DTW."""
        self.add(label, lambda run: None if run.vertex_dtw is None else cell(run.vertex_dtw), main=main)

    def estimate(
        self,
        label: str,
        of: Callable[[RunScores], Estimate | None],
        write: Callable[[float], str],
        interval: Callable[[Interval | None], str],
    ) -> None:
        """A main row with its interval below, and with the reason where there is none."""
        self.add(label, lambda run: None if (found := of(run)) is None else write(found.value), main=True)
        self.add(self.interval, lambda run: None if (found := of(run)) is None else interval(found.interval))
        self.add("no interval", lambda run: None if (found := of(run)) is None else found.reason)

    def correctness(self) -> None:
        """Success rate and its parts."""
        self.estimate("Success rate", lambda run: run.functional_correctness.rate, percent, share_interval)
        self.add("design effect", lambda run: design_effect(run.functional_correctness.rate))
        self.add("mean over templates", lambda run: share_of(run.functional_correctness.by_template))
        self.add("tasks, episodes", lambda run: tasks_episodes(run.functional_correctness))
        self.add("solved episodes", lambda run: of(run.functional_correctness.successes, run.functional_correctness.n))
        self.add("partial credit", lambda run: f"{run.functional_correctness.partial:,}")
        self.add("mean score", lambda run: value_of(run.functional_correctness.mean_score, percent))
        self.add("not judged", lambda run: f"{run.functional_correctness.unknown:,}" if unjudged(run) else None)
        self.add(
            "transport failures",
            lambda run: failures(
                run.functional_correctness.transport_failures, run.functional_correctness.transport_failure_rate
            ),
        )
        self.add("bounds", lambda run: bounds(run.functional_correctness))
        self.add("agent failures", lambda run: agent_failures(run.functional_correctness))

    def repeats(self) -> None:
        """pass@k and consistency, where tasks have several episodes."""
        for k in repeat_counts(self.runs):
            self.estimate(f"pass@{k}", partial(pass_at, k=k), percent, share_interval)
        if any(run.repeats is not None for run in self.runs):
            self.estimate("Consistency", partial(of_repeats, name="consistency"), percent, share_interval)
            self.estimate("All repeats succeed", partial(of_repeats, name="all_succeed"), percent, share_interval)
            self.add("tasks with repeats", lambda run: None if run.repeats is None else f"{run.repeats.n_tasks:,}")

    def capability(self) -> None:
        """Capability score over all groups and over the reachable ones."""
        self.estimate(
            "capability@1", lambda run: None if run.capability is None else run.capability.at_1, percent, share_interval
        )
        self.capability_row("of the reachable", lambda c: share_of(c.reachable_at_1))
        if any(run.capability is not None and run.capability.most_episodes > 1 for run in self.runs):
            self.estimate(
                "capability@all",
                lambda run: None if run.capability is None else run.capability.at_all,
                percent,
                share_interval,
            )
            self.capability_row("most episodes per task", lambda c: f"{c.most_episodes:,}")
            self.capability_row("of the reachable", lambda c: share_of(c.reachable_at_all))
        self.capability_row("acquired", lambda c: of(c.acquired, c.groups))
        self.capability_row("reachable groups", lambda c: f"{c.reachable:,}")
        self.capability_row("groups in the task file", lambda c: f"{c.groups_in_tasks:,}")
        self.capability_row("source of the groups", lambda c: c.source)

    def vertex(self) -> None:
        """VERTEX_DTW with everything without which it cannot be read."""
        self.estimate(
            "VERTEX_DTW", lambda run: None if run.vertex_dtw is None else run.vertex_dtw.mean, number, score_interval
        )
        self.vertex_row("design effect", lambda v: design_effect(v.mean))
        self.vertex_row("encoder", lambda v: v.encoder)
        self.vertex_row("step template", lambda v: v.step_template)
        self.vertex_row("chance level", lambda v: None if v.chance is None else number(v.chance))
        self.vertex_row("ceiling", lambda v: None if v.ceiling is None else number(v.ceiling))
        self.vertex_row("last-step cosine", lambda v: beside(v.last_step_cosine))
        self.vertex_row("action edit similarity", lambda v: beside(v.action_similarity))
        self.vertex_row("with a reference", lambda v: of(v.n_referenced, v.n_tasks))
        self.vertex_row("coverage", lambda v: percent(v.coverage))
        self.vertex_row(
            "mean over capabilities",
            lambda v: None if v.by_capability_mean is None else number(v.by_capability_mean),
        )
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
        self.estimate(
            "Mean steps per episode",
            lambda run: None if run.steps is None else run.steps.mean,
            partial(number, digits=1),
            partial(score_interval, digits=1),
        )
        self.step_row("median", lambda found: number(found.median, 1))
        self.step_row("total steps", lambda found: f"{found.total:,}")
        self.estimate(
            "Invalid actions",
            lambda run: None if run.steps is None else run.steps.invalid_rate,
            percent,
            share_interval,
        )
        self.step_row("refused, unparsable", lambda found: f"{found.invalid:,}, {found.unparsable:,}")
        self.step_row("Early stops", lambda found: f"{found.early_stops:,}", main=True)
        for ending in (Ending.ENVIRONMENT_ERROR, Ending.MODEL_UNAVAILABLE, Ending.AGENT_ERROR):
            self.step_row(f"ended in {ending.value}", partial(ended_in, ending=ending))

    def step_row(self, label: str, cell: Callable[[StepStatistics], str | None], *, main: bool = False) -> None:
        """A row about steps."""
        self.add(label, lambda run: None if run.steps is None else cell(run.steps), main=main)


def ended_in(steps: StepStatistics, ending: Ending) -> str | None:
    """How many episodes ended in this way; None for none."""
    return f"{count:,}" if (count := steps.endings.get(ending.value, 0)) else None


def value_of(estimate: Estimate | None, write: Callable[[float], str]) -> str | None:
    """An estimate's value as text."""
    return None if estimate is None else write(estimate.value)


def beside(estimate: Estimate | None) -> str | None:
    """A score with its interval in one cell."""
    return None if estimate is None else f"{number(estimate.value)} {score_interval(estimate.interval)}"


def share_of(share: float | None) -> str | None:
    """A share as text; None where there is none."""
    return None if share is None else percent(share)


def design_effect(estimate: Estimate | None) -> str | None:
    """The design effect and its clusters: `2.4 (190 templates)`; None where each task is a cluster."""
    if estimate is None or estimate.cluster == "task" or estimate.design_effect is None:
        return None
    return f"{number(estimate.design_effect, 1)} ({estimate.clusters:,} {plural(estimate.cluster, estimate.clusters)})"


def tasks_episodes(found: FunctionalCorrectness) -> str:
    """Counted tasks and episodes."""
    return f"{found.n_tasks:,}, {found.n:,}"


def failures(count: int, rate: float) -> str | None:
    """How many, and their share; None for none."""
    return f"{count:,} ({percent(rate)})" if count else None


def bounds(found: FunctionalCorrectness) -> str | None:
    """The rate if every unjudged episode and every transport failure had failed, or succeeded."""
    return None if found.bounds is None else share_interval(found.bounds)


def agent_failures(found: FunctionalCorrectness) -> str | None:
    """Agent failures with their share and its interval; None for none."""
    rate = found.agent_failure_rate
    if rate is None or not found.agent_failures:
        return None
    return f"{failures(found.agent_failures, rate.value)} {share_interval(rate.interval)}"


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


def pass_at(run: RunScores, k: int) -> Estimate | None:
    """pass@k of one run."""
    found = None if run.repeats is None else passed(run.repeats, k)
    return None if found is None else found.rate


def of_repeats(run: RunScores, name: Literal["consistency", "all_succeed"]) -> Estimate | None:
    """One of the shares over tasks with repeats."""
    if run.repeats is None:
        return None
    return run.repeats.consistency if name == "consistency" else run.repeats.all_succeed
