"""What an improvement says: the frozen records behind `improvement.json`."""

from __future__ import annotations

from typing import Any, Literal

from tracewarp.evaluate.results import Result, Scores
from tracewarp.metrics.statistics import Estimate, PairedDifference


class RuleRow(Result):
    """What one rule of a filter did."""

    rule: str
    objected: int
    """Trajectories that it objects to."""
    alone: int
    """Those that no other rule objects to."""
    precision: float | None
    """Failures among what it objects to."""
    recall: float | None
    """Share of the failures that it objects to."""


class SelectionRow(Result):
    """What an arm learnt from in a round."""

    collected: int
    kept: int
    """Of the collected."""
    fallbacks: int
    """Trajectories of the round before, for tasks of which none was kept."""
    successes: int | None
    """Among the collected; None: nobody judged."""
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    rules: tuple[RuleRow, ...]
    """In the order in which they were asked."""
    available: dict[str, int]
    """Steps by place before balancing."""
    per_place: int | None
    """Of each place, after balancing; None: every step was taken."""
    in_domain: int
    """Examples, after balancing."""
    out_of_domain: int
    """Examples, whether or not the mixture holds the in-domain ones too."""
    refusals: dict[str, int]
    """`stage:reason` -> answers that the out-of-domain generation refused."""


class TrainingRow(Result):
    """How a training went."""

    n_train: int
    n_validation: int
    too_long: int
    best_epoch: int
    kept_epoch: int
    epochs: int
    updates: int
    curve: tuple[tuple[int, float | None, float], ...]
    """(epoch, training loss, validation perplexity)."""
    seconds: float
    """Over all epochs."""


class Gain(Result):
    """A paired difference in success over the test tasks, in 0..1."""

    against: str
    paired: PairedDifference
    """Interval and p value are adjusted over all gains of greedy runs, or of sampled ones."""


class Success(Result):
    """Success on the test tasks."""

    rate: Estimate
    """Mean over tasks of the share of episodes that succeeded."""
    n_tasks: int
    n_runs: int
    infeasible: float | None
    """Success on tasks whose right answer is N/A; None: there are none."""
    n_infeasible: int
    plausible: float
    """Share of the episodes that the paper's filter would keep."""
    plausible_precision: float | None
    """Successes among those; None: there are none."""
    gains: tuple[Gain, ...]


class AgentRow(Result):
    """One agent: the base, or an arm after a round."""

    name: str
    arm: str | None
    """None: the base."""
    round: int
    greedy: Success
    sampled: Success | None
    """At temperature 1; None: not run."""
    cooled: Success | None
    """At the control's temperature."""
    selection: SelectionRow | None
    training: TrainingRow | None


class Improvement(Result):
    """The content of `improvement.json`."""

    schema_version: Literal[2] = 2
    options: dict[str, Any]
    notes: tuple[str, ...]
    """What a reader must know: who wrote the out-of-domain examples, which arms had nothing to learn from, ..."""
    agents: tuple[AgentRow, ...]
    scores: Scores
    """Of the greedy runs: functional correctness, capability, VERTEX_DTW, steps, every pair compared."""
