"""How well a filter picks successes, where the truth is known.

definition  Keeping is the prediction, success the truth: precision = successes among the kept, recall = kept among
            the successes, accuracy = right decisions among all, F1 = harmonic mean of precision and recall. A rule is
            judged as a detector of failures: precision = failures among what it objects to, recall = share of failures
            found.
range       0..1; None where the denominator is 0
source      Patel et al. 2024, section 2.1, table 1: precision .431, recall .431, accuracy .919, F1 .431 on 812 tasks
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracewarp.synthesize.filters import Verdict


@dataclass(frozen=True, slots=True)
class RuleCount:
    """What one rule did."""

    rule: str
    objected: int
    """Trajectories that it objects to."""
    alone: int
    """Those that no other rule objects to: what switching it off would let in."""
    precision: float | None
    """Share of failures among what it objects to; None: nothing, or nobody judged."""
    recall: float | None
    """Share of the failures that it objects to."""


@dataclass(frozen=True, slots=True)
class FilterQuality:
    """What a filter did, over trajectories whose outcome is known."""

    n: int
    """Trajectories."""
    kept: int
    judged: int
    """Those whose outcome is known: the figures below are over these."""
    successes: int
    accuracy: float | None
    precision: float | None
    recall: float | None
    f1: float | None
    rules: tuple[RuleCount, ...]


def filter_quality(verdicts: Sequence[Verdict], *, rules: Sequence[str]) -> FilterQuality:
    """Count what a filter kept, and how much of it was right.

    Args:
        verdicts: of `judge_plausible` or `judge_agreement`.
        rules: the rules that were asked, in the order of the table.
    """
    judged = [verdict for verdict in verdicts if verdict.trajectory.outcome.success is not None]
    truth = [bool(verdict.trajectory.outcome.success) for verdict in judged]
    kept = [verdict.kept for verdict in judged]
    both = sum(k and t for k, t in zip(kept, truth, strict=True))
    precision, recall = _ratio(both, sum(kept)), _ratio(both, sum(truth))
    return FilterQuality(
        n=len(verdicts),
        kept=sum(verdict.kept for verdict in verdicts),
        judged=len(judged),
        successes=sum(truth),
        accuracy=_ratio(sum(k == t for k, t in zip(kept, truth, strict=True)), len(judged)),
        precision=precision,
        recall=recall,
        f1=_ratio(2 * both, sum(kept) + sum(truth)),
        rules=tuple(_rule(rule, verdicts) for rule in rules),
    )


def _rule(rule: str, verdicts: Sequence[Verdict]) -> RuleCount:
    against = [verdict for verdict in verdicts if any(name == rule for name, _ in verdict.reasons)]
    failures = [verdict for verdict in verdicts if verdict.trajectory.outcome.success is False]
    judged = [verdict for verdict in against if verdict.trajectory.outcome.success is not None]
    right = sum(verdict.trajectory.outcome.success is False for verdict in judged)
    return RuleCount(
        rule=rule,
        objected=len(against),
        alone=sum(all(name == rule for name, _ in verdict.reasons) for verdict in against),
        precision=_ratio(right, len(judged)),
        recall=_ratio(right, len(failures)),
    )


def _ratio(part: int, whole: int) -> float | None:
    return part / whole if whole else None
