"""An improvement by hand: the base, an arm and its control, with every figure that a page can show."""

from __future__ import annotations

from tracewarp.evaluate.improvement import AgentRow, Gain, Improvement, RuleRow, SelectionRow, Success, TrainingRow
from tracewarp.evaluate.results import Scores
from tracewarp.metrics.statistics import Estimate, Interval, PairedDifference

NAMES = ("base", "A, round 1", "random-A, round 1")


def made_improvement(scores: Scores) -> Improvement:
    """The scores' runs bear these `NAMES`."""
    base = AgentRow(
        name="base", arm=None, round=0, greedy=success(0.5), sampled=success(0.3), cooled=success(0.45),
        selection=None, training=None,
    )  # fmt: skip
    control = learnt("random-A, round 1", "base", rules=(RuleRow(rule="choice", objected=40, alone=40, precision=0.85,
                                                                recall=0.37),), kept_epoch=0)  # fmt: skip
    return Improvement(
        options={"model": "some/tiny", "train_split": "train", "test_split": "test", "samples": 3,
                 "control_temperature": 0.5, "training": {"method": "lora"}},
        notes=("the habit of giving up was planted on purpose",),
        agents=(base, learnt("A, round 1", "base", "random-A, round 1"), control),
        scores=scores,
    )  # fmt: skip


def estimate(value: float, half: float | None, *, n: int = 120, cluster: str = "template") -> Estimate:
    """A figure with an interval of this half width; None: without one."""
    return Estimate(
        value=value,
        interval=None if half is None else Interval(value - half, value + half, "wilson", 0.95),
        reason="all values are equal" if half is None else None,
        n=n,
        cluster=cluster,
        clusters=40,
        effective_clusters=36.0,
        design_effect=2.4,
        mean_of_clusters=value,
    )


def paired(difference: float, interval: Interval | None, *, p_value: float, n: int = 120) -> PairedDifference:
    """A difference between two runs."""
    return PairedDifference(
        difference=difference,
        standard_error=0.02,
        interval=interval,
        reason=None if interval is not None else "all values are equal",
        p_value=p_value,
        comparisons=2,
        n=n,
        cluster="template",
        clusters=40,
        effective_clusters=36.0,
    )


def success(rate: float, *against: str, infeasible: float | None = 0.5) -> Success:
    return Success(
        rate=estimate(rate, 0.1),
        n_tasks=120,
        n_runs=1,
        infeasible=infeasible,
        n_infeasible=4 if infeasible is not None else 0,
        plausible=0.81,
        plausible_precision=0.71,
        gains=tuple(
            Gain(against=name, paired=paired(0.084, Interval(0.031, 0.12, "max-t", 0.95), p_value=0.0004))
            for name in against
        ),
    )


def learnt(name: str, *against: str, kept_epoch: int = 2, rules: tuple[RuleRow, ...] | None = None) -> AgentRow:
    rule = RuleRow(rule="gives_up", objected=37, alone=36, precision=0.811, recall=0.326)
    return AgentRow(
        name=name,
        arm=name.split(",", maxsplit=1)[0],
        round=1,
        greedy=success(0.6, *against),
        sampled=success(0.5, *against, "base, temperature 0.5"),
        cooled=None,
        selection=SelectionRow(
            collected=108, kept=68, fallbacks=3, successes=16, accuracy=0.389, precision=0.132, recall=0.5625, f1=0.214,
            rules=(rule,) if rules is None else rules,
            available={"first": 68, "intermediate": 66, "last": 67}, per_place=66, in_domain=198, out_of_domain=198,
            refusals={"page:the acted-on id is not on the page": 7},
        ),
        training=TrainingRow(
            n_train=177, n_validation=21, too_long=2, best_epoch=kept_epoch, kept_epoch=kept_epoch, epochs=3,
            updates=36, curve=((0, None, 9.5), (1, 1.2, 3.25), (2, 0.9, 2.75), (3, 0.7, 2.875)), seconds=61.25,
        ),
    )  # fmt: skip
