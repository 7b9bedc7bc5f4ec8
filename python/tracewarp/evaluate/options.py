"""The options of an evaluation: one frozen object, checked when it is made, recorded in the scores."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal, get_args

from tracewarp.errors import OptionError
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, check_resampling
from tracewarp.metrics.vertex import REFERENCE_AGGREGATES, ReferenceAggregate, VertexOptions

ScoredSteps = Literal["accepted", "all"]
"""`accepted`: executed steps whose action could be read and was not refused; `all`: every executed step."""
Preset = Literal["paper"]
ClusterKind = Literal["task", "template", "capability", "site"]
CLUSTER_KINDS: tuple[ClusterKind, ...] = get_args(ClusterKind)

DEFAULT_MAX_REFERENCES = 3


@dataclass(frozen=True)
class EvaluateOptions:
    """Everything that decides what `evaluate` computes; paths are as the user gave them."""

    tasks: str | Path | None = None
    """Task file; None: tasks are what the records say."""
    capabilities: str | Path | None = None
    """File of capability labels: a JSON object of task id to label. None: the tasks' own labels, else the published map
    for WebArena's tasks, else groups computed from the templates."""
    references: tuple[str | Path, ...] = ()
    """Runs whose trajectories are the references."""
    references_from: Literal["capability"] | None = None
    """`capability`: a task's references are trajectories of the other tasks of its capability, from `references` where
    given, else from all evaluated runs and `compare_to` together."""
    all_references: bool = False
    """Also take trajectories that did not succeed."""
    trivial: str | Path | None = None
    """Run of the agent that does nothing: its successes are the trivial tasks, its trajectories the baseline z."""
    compare_to: str | Path | None = None
    """Run that every run is compared with; None: every pair of runs."""
    encoder: str = "hashed"
    step_template: str = "action_first"
    include_reasoning: bool = False
    cache: str | Path | None = None
    """File of the embedding cache; None: the user's cache."""
    use_cache: bool = True
    vertex: VertexOptions = field(default_factory=VertexOptions)
    """How a trajectory is scored against a reference."""
    steps: ScoredSteps = "accepted"
    """Which executed steps of tests, references and trivial trajectories VERTEX_DTW and its neighbours compare."""
    reference_aggregate: ReferenceAggregate = "max"
    """How the scores of a test against its references become one."""
    max_references: int = DEFAULT_MAX_REFERENCES
    """References that each task meets at most, drawn by hash with `seed`; 0: all."""
    preset: Preset | None = None
    """The preset that these options were made from, see `from_preset`; a record that changes nothing."""
    cluster: ClusterKind | None = None
    """What was sampled, and what intervals and tests are taken over; None: templates where tasks have them, else
    tasks."""
    seed: int = 0
    resamples: int = DEFAULT_RESAMPLES
    confidence: float = DEFAULT_CONFIDENCE
    chance_draws: int = 5
    """Other tasks drawn for each referenced task to estimate the chance level; 0: no chance level."""
    threads: int | None = None
    """None: the CPUs that this process may use."""
    strict: bool = False
    """Raise on the first record that cannot be read."""

    def __post_init__(self) -> None:
        if self.cluster not in (None, *CLUSTER_KINDS):
            raise OptionError(f"cluster: expected one of {', '.join(CLUSTER_KINDS)}, got {self.cluster!r}")
        if self.references_from not in (None, "capability"):
            raise OptionError(f"references_from: expected 'capability' or None, got {self.references_from!r}")
        check_resampling(seed=self.seed, resamples=self.resamples, confidence=self.confidence)
        if self.steps not in get_args(ScoredSteps):
            raise OptionError(f"steps: expected 'accepted' or 'all', got {self.steps!r}")
        if self.reference_aggregate not in REFERENCE_AGGREGATES:
            expected = ", ".join(REFERENCE_AGGREGATES)
            raise OptionError(f"reference_aggregate: expected one of {expected}, got {self.reference_aggregate!r}")
        if self.max_references < 0:
            raise OptionError(f"max_references: expected an integer >= 0, got {self.max_references}")
        if self.preset is not None and self.preset not in PRESETS:
            raise OptionError(f"preset: expected one of {', '.join(PRESETS)} or None, got {self.preset!r}")
        if self.chance_draws < 0:
            raise OptionError(f"chance_draws: expected an integer >= 0, got {self.chance_draws}")
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"threads: expected an integer >= 1 or None, got {self.threads}")

    @classmethod
    def from_preset(cls, preset: Preset, **explicit: Any) -> EvaluateOptions:
        """Return the options of a preset; those that are given explicitly override it.

        Args:
            preset: `paper`: what the paper does, see docs/definitions/evaluation.md.
            **explicit: Fields of this class.

        Raises:
            OptionError: An unknown preset, or an option outside its range.
        """
        if preset not in PRESETS:
            raise OptionError(f"preset: expected one of {', '.join(PRESETS)}, got {preset!r}")
        return cls(**{**PRESETS[preset], **explicit}, preset=preset)

    @property
    def changed_from_preset(self) -> dict[str, Any]:
        """The options that differ from the preset's, with the preset's values; empty without a preset."""
        chosen = {} if self.preset is None else PRESETS[self.preset]
        return {name: value for name, value in chosen.items() if getattr(self, name) != value}

    @property
    def wants_references(self) -> bool:
        """True where VERTEX_DTW is asked for."""
        return bool(self.references) or self.references_from is not None


PRESETS: Mapping[Preset, Mapping[str, Any]] = {
    "paper": {
        "vertex": VertexOptions(mode="eq1", gamma=1.0, decay="hyperbolic", z="zero_pad"),
        "steps": "all",
        "encoder": "paper",
        "step_template": "paper",
        "all_references": True,
        "reference_aggregate": "max",
        "max_references": 0,
    }
}
"""Options of each preset; the others keep their defaults."""
