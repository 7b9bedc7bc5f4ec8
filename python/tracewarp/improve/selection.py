"""Which trajectories a round learns from.

definition  Verdicts of the chosen selection over all samples of the round. In later rounds a task without a kept
            trajectory falls back to those that were kept for it in the round before.
source      Patel et al. 2024, section 4.3 (the fallback); controls and agreement are ours
differs     The released code's fallback is off by one and lets rejected trajectories in; `off_by_one` repeats that for
            the study.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tracewarp.synthesize import PAPER_RULES, FilterQuality, Verdict, filter_quality, judge_agreement, judge_plausible
from tracewarp.synthesize.agreement import AGREEMENT
from tracewarp.synthesize.dice import seeded
from tracewarp.trajectory import Trajectory


@dataclass(frozen=True, slots=True)
class Selected:
    """What a round learns from."""

    trajectories: tuple[Trajectory, ...]
    """Those that are learnt from, fallbacks included."""
    fallbacks: int
    """How many of them are from the round before."""
    quality: FilterQuality
    """Of this round's verdicts."""


def select(
    collected: Sequence[Trajectory],
    selection: str,
    *,
    agreement: int,
    seed: int,
    rules: Sequence[str] = PAPER_RULES,
    before: Sequence[Trajectory] = (),
) -> Selected:
    """Choose trajectories.

    Args:
        collected: every sample of the round.
        selection: a name of `tracewarp.improve.options.SELECTIONS`.
        agreement: m of the agreement filter.
        seed: of the random control.
        rules: of the filter.
        before: what the round before falls back to: its selected trajectories, or all of them (`off_by_one`).
    """
    verdicts, asked = _verdicts(collected, selection, tuple(rules), agreement=agreement, seed=seed)
    kept = [verdict.trajectory for verdict in verdicts if verdict.kept]
    served = {trajectory.task.id for trajectory in kept}
    fallbacks = [trajectory for trajectory in before if trajectory.task.id not in served]
    return Selected((*kept, *fallbacks), len(fallbacks), filter_quality(verdicts, rules=asked))


def _verdicts(
    collected: Sequence[Trajectory], selection: str, rules: tuple[str, ...], *, agreement: int, seed: int
) -> tuple[tuple[Verdict, ...], tuple[str, ...]]:
    plausible = judge_plausible(collected, rules=rules)
    if selection == "paper":
        return plausible, rules
    if selection == "agreement":
        return judge_agreement(plausible, m=agreement), (*rules, AGREEMENT)
    if selection == "all":
        return judge_plausible(collected, rules=()), ()
    if selection == "true":
        return _only(collected, {t.key for t in collected if t.outcome.success}, "not a success"), (_CHOICE,)
    drawn = _draw(collected, sum(verdict.kept for verdict in plausible), seed)
    return _only(collected, drawn, "not drawn"), (_CHOICE,)


_CHOICE = "choice"
"""The name of the one rule of a control."""


def _only(collected: Sequence[Trajectory], chosen: set[tuple[str, int]], reason: str) -> tuple[Verdict, ...]:
    return tuple(Verdict(t, () if t.key in chosen else ((_CHOICE, reason),)) for t in collected)


def _draw(collected: Sequence[Trajectory], n: int, seed: int) -> set[tuple[str, int]]:
    dice = seeded(seed, "random control")
    return {trajectory.key for trajectory in dice.sample(list(collected), n)}
