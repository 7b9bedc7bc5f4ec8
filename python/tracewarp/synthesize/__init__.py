"""New training data from old: which trajectories to learn from, which of their steps, and in which mixture."""

from __future__ import annotations

from tracewarp.synthesize.agreement import judge_agreement
from tracewarp.synthesize.balance import Balanced, balance, every_step
from tracewarp.synthesize.examples import Example, examples_of, read_examples, write_examples
from tracewarp.synthesize.filters import (
    PAPER_RULES,
    PAPER_TEXT_RULES,
    RULE_SETS,
    RULES,
    RULES_IN_WORDS,
    Verdict,
    judge_plausible,
)
from tracewarp.synthesize.holdout import HOLDOUTS, Holdout, hold_out
from tracewarp.synthesize.mixtures import MIXTURES, Mixture, mix, split_by_group
from tracewarp.synthesize.quality import FilterQuality, RuleCount, filter_quality

__all__ = [
    "HOLDOUTS",
    "MIXTURES",
    "PAPER_RULES",
    "PAPER_TEXT_RULES",
    "RULES",
    "RULES_IN_WORDS",
    "RULE_SETS",
    "Balanced",
    "Example",
    "FilterQuality",
    "Holdout",
    "Mixture",
    "RuleCount",
    "Verdict",
    "balance",
    "every_step",
    "examples_of",
    "filter_quality",
    "hold_out",
    "judge_agreement",
    "judge_plausible",
    "mix",
    "read_examples",
    "split_by_group",
    "write_examples",
]
