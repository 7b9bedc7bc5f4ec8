"""The options of an evaluation: one frozen object, checked when it is made, recorded in the scores."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

from tracewarp.errors import OptionError
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, DEFAULT_RESAMPLES, check_resampling
from tracewarp.metrics.vertex import VertexOptions


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
        if self.references_from not in (None, "capability"):
            raise OptionError(f"references_from: expected 'capability' or None, got {self.references_from!r}")
        check_resampling(seed=self.seed, resamples=self.resamples, confidence=self.confidence)
        if self.chance_draws < 0:
            raise OptionError(f"chance_draws: expected an integer >= 0, got {self.chance_draws}")
        if self.threads is not None and self.threads < 1:
            raise OptionError(f"threads: expected an integer >= 1 or None, got {self.threads}")

    @property
    def wants_references(self) -> bool:
        """True where VERTEX_DTW is asked for."""
        return bool(self.references) or self.references_from is not None
