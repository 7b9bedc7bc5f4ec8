"""What the study varies: one factor at a time, around one setting."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from tracewarp.improve import ImproveOptions
from tracewarp.improve.options import Arm
from tracewarp.improve.tiny import tiny_options
from tracewarp.synthesize import PAPER_RULES

BASE_SEEDS: Final = (0, 1, 2)
TRAINING_SEEDS: Final = (0, 1, 2)
FIRST_WORLD: Final = 4
"""World of the first base; the next ones follow. No base was demonstrated, chosen or scored on them before."""
TRAIN_TASKS, SAMPLES, TEST_TASKS, SAMPLED_RUNS = 80, 4, 100, 3

HEADLINE: Final = ("A", "agreement/A", "random/A")
BY_CAPABILITY: Final = {"train_split": "capability-train", "test_split": "capability-test"}


@dataclass(frozen=True)
class Experiment:
    """One setting, which every base and every training seed meets."""

    name: str
    words: str
    """What differs from the first experiment."""
    arms: tuple[str, ...]
    base: str = "habit"
    """Kind of the base: `habit`, `no-habit`, `visible-SHARE` (without habit), or `unplanted`."""
    changes: Mapping[str, Any] = field(default_factory=dict)
    """Of `ImproveOptions`."""
    training: Mapping[str, Any] = field(default_factory=dict)
    shares: str | None = None
    """An experiment with the same base and tasks, whose test runs of the base and whose collected episodes it takes."""
    first_rounds: bool = False
    """It shares the first round of its arms, too."""
    bases: tuple[int, ...] = BASE_SEEDS
    """Seeds of the bases."""
    seeds: tuple[int, ...] = TRAINING_SEEDS
    """Training seeds of each base."""

    def kind(self, base_seed: int) -> str:
        """The kind of a base: unplanted ones take turns."""
        return ("early", "third")[base_seed % 2] if self.base == "unplanted" else self.base

    @property
    def rounds(self) -> int:
        """Of collecting and training."""
        return int(self.changes.get("rounds", 1))


def without(rule: str) -> tuple[str, ...]:
    """The paper's rules without one."""
    return tuple(name for name in PAPER_RULES if name != rule)


ONCE: Final = {"sampled_runs": 1}
"""Of the factors around the main setting: one run at temperature 1 instead of three."""

EXPERIMENTS: Final = (
    Experiment("main", "a base with slips and a habit", HEADLINE),
    Experiment("no-habit", "a base with slips and without the habit", HEADLINE, base="no-habit"),
    Experiment("capability", "tested on capabilities that were not collected on", HEADLINE, changes=BY_CAPABILITY),
    Experiment(
        "forced", "the random control with all its epochs: early stopping may give back the base", ("random/A",),
        training={"restore_best": False, "patience": None}, shares="main",
    ),
    Experiment("mixtures", "mixtures, and the ceiling of any filter", ("B", "C", "true/A"), shares="main"),
    Experiment(
        "rounds", "two rounds", ("A", "agreement/A"), changes={"rounds": 2}, shares="main", first_rounds=True,
    ),
    Experiment(
        "off-by-one", "round 2 falls back to rejected trajectories too, as published", ("A",),
        changes={**ONCE, "rounds": 2, "off_by_one": True}, shares="main", first_rounds=True,
    ),
    Experiment("all-steps", "every step", ("A",), changes={**ONCE, "all_steps": True}, shares="main"),
    *(
        Experiment(f"without-{rule}", f"without {rule}", ("A",), shares="main",
                   changes={**ONCE, "rules": without(rule)})
        for rule in PAPER_RULES
    ),
    *(
        Experiment(f"rate-{rate:g}", f"{rate:g}", ("A",), changes=ONCE, training={"learning_rate": rate}, shares="main")
        for rate in (1e-5, 2e-3, 1e-4)
    ),
    *(
        Experiment(f"agree-{m}-of-{k}", f"{m} of {k} samples", ("agreement/A",),
                   changes={**ONCE, "samples": k, "agreement": m}, shares=shares)
        for m, k, shares in (
            (4, 4, "main"), (3, 4, "main"), (2, 8, None), (3, 8, "agree-2-of-8"), (4, 8, "agree-2-of-8"), (2, 2, None)
        )
    ),
    *(
        Experiment(f"visible-{share:g}", f"{share:.0%}", ("A",), base=f"visible-{share:g}", changes=ONCE)
        for share in (0.0, 1.0)
    ),
)  # fmt: skip
"""In the order in which they are done: what matters most comes first."""
FURTHER: Final = (
    Experiment("further", "further bases with slips and a habit", HEADLINE, bases=tuple(range(3, 12)), seeds=(0,)),
    Experiment(
        "unplanted", "bases whose faults nobody planted", HEADLINE, base="unplanted", bases=tuple(range(6)), seeds=(0,),
    ),
)  # fmt: skip
"""Bases added until the headline is precise enough (precise.py), one training seed each."""
BY_NAME: Final = {experiment.name: experiment for experiment in (*EXPERIMENTS, *FURTHER)}


def options(experiment: Experiment, base: str, base_seed: int, training_seed: int) -> ImproveOptions:
    """What `improve` does for one base and one training seed of an experiment.

    Args:
        experiment: the setting.
        base: folder of the base.
        base_seed: gives the world and every draw.
        training_seed: of LoRA's start and the order of examples.
    """
    suits = tiny_options()
    given: dict[str, Any] = {
        **suits,
        "model": base,
        "arms": tuple(Arm.parse(arm) for arm in experiment.arms),
        "settings": {**suits["settings"], "seed": FIRST_WORLD + base_seed},
        "training": {**suits["training"], **experiment.training, "seed": training_seed},
        "samples": SAMPLES,
        "train_limit": TRAIN_TASKS,
        "test_limit": TEST_TASKS,
        "sampled_runs": SAMPLED_RUNS,
        "seed": base_seed,
        **experiment.changes,
    }
    return ImproveOptions(**given)
