"""The settings of the score that the study compares: a full grid for the default, and one factor at a time."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass, replace
from itertools import product

from tracewarp.evaluate.options import ScoredSteps
from tracewarp.metrics.vertex import Baseline, Decay, Mode, ReferenceAggregate, VertexOptions

DECAYS: tuple[tuple[Decay, float], ...] = (("hyperbolic", 1.0), ("relative", 1.0), ("relative", 2.0), ("none", 1.0))
STEPS: tuple[ScoredSteps, ...] = ("all", "accepted")
AGGREGATES: tuple[ReferenceAggregate, ...] = ("max", "mean", "median")


@dataclass(frozen=True, kw_only=True)
class Setting:
    """Everything that a score depends on beside the trajectories."""

    mode: Mode = "normalized"
    decay: Decay = "hyperbolic"
    strength: float = 1.0
    z: Baseline = "zero_pad"
    gamma: float = 1.0
    steps: ScoredSteps = "all"
    aggregate: ReferenceAggregate = "max"
    template: str = "action_first"
    encoder: str = "hashed"

    @property
    def vertex(self) -> VertexOptions:
        """The part that `vertex_dtw_pairs` takes."""
        return VertexOptions(mode=self.mode, decay=self.decay, strength=self.strength, z=self.z, gamma=self.gamma)

    @property
    def pairwise(self) -> Setting:
        """The same without the aggregate: settings that share their scores of pairs."""
        return replace(self, aggregate="max")

    @property
    def label(self) -> str:
        """`relative 1, accepted, max`, and what else differs from the defaults of this class."""
        named = {"relative": f"relative {self.strength:g}", "none": "no decay"}
        decay = named.get(self.decay, self.decay)
        plain = Setting()
        others = [
            f"{name} {getattr(self, name):g}" if name == "gamma" else f"{name} {getattr(self, name)}"
            for name in ("mode", "z", "gamma", "template", "encoder")
            if getattr(self, name) != getattr(plain, name)
        ]
        return ", ".join([decay, self.steps, self.aggregate, *others])

    @property
    def parameters(self) -> int:
        """How many choices it makes beyond a plain mean over all steps: the last criterion of the rule.

        A decay counts one, its strength another; leaving out steps counts one. Each aggregate is one choice: 0.
        """
        return (self.decay != "none") + (self.decay == "relative") + (self.steps != "all")

    def to_dict(self) -> dict[str, object]:
        """Plain values for JSON."""
        return asdict(self)


TODAY = Setting()
"""The default before this study."""
PAPER = Setting(mode="eq1", template="paper")
"""The paper's settings but for its encoder: equation 1 with hyperbolic decay, all steps, page first, best reference."""


def grid() -> tuple[Setting, ...]:
    """Every decay and strength with every choice of steps and every aggregate: the candidates for the default."""
    return tuple(
        Setting(decay=decay, strength=strength, steps=steps, aggregate=aggregate)
        for (decay, strength), steps, aggregate in product(DECAYS, STEPS, AGGREGATES)
    )


def one_factor(around: Setting) -> tuple[Setting, ...]:
    """Settings that differ from `around` in one of mode, baseline, bandwidth or template."""
    found = [replace(around, mode=mode) for mode in ("eq1", "released")]
    found += [replace(around, z=z) for z in ("hold_last", "scalar_mean", "none")]
    found += [replace(around, gamma=gamma) for gamma in (0.25, 0.5, 2.0, 4.0)]
    found += [replace(around, template=template) for template in ("paper", "split")]
    return tuple(found)


def unique(settings: Iterable[Setting]) -> tuple[Setting, ...]:
    """Each setting once, in order of first appearance."""
    return tuple(dict.fromkeys(settings))
