"""The options of the study: one frozen object, checked when it is made, printed with the results."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from pathlib import Path
from typing import Any

from tracewarp.errors import OptionError
from tracewarp.metrics.statistics import check_resampling
from tracewarp.studies.validity.agents import planted_agents


@dataclass(frozen=True, kw_only=True)
class ValidityOptions:
    """What is studied, and how."""

    environment: str = "arena"
    settings: Mapping[str, Any] = field(default_factory=dict)
    """Of the environment, such as `profile`."""
    splits: tuple[str, ...] = ("capability-train", "capability-test")
    """The default is chosen on the first and confirmed on the others. One split alone only confirms."""
    chosen_elsewhere: bool = False
    """The default was chosen on another benchmark: every split only confirms."""
    agents: tuple[str, ...] = field(default_factory=planted_agents)
    """Policies that attempt every task."""
    limit: int | None = None
    """Only the first so many tasks of each split."""
    repeats: int = 2
    """Attempts of each agent at each task."""
    max_references: int = 3
    """References of each task; 0: all."""
    encoders: tuple[str, ...] = ("hashed", "minilm")
    """The first serves everything; the others are compared with it on `encoder_tasks` tasks."""
    encoder_tasks: int = 40
    seed: int = 0
    resamples: int = 2_000
    confidence: float = 0.95
    workers: int = 1
    threads: int | None = None

    def __post_init__(self) -> None:
        check_resampling(seed=self.seed, resamples=self.resamples, confidence=self.confidence)
        for name, least in (("repeats", 1), ("max_references", 0), ("encoder_tasks", 1), ("workers", 1)):
            value = getattr(self, name)
            if isinstance(value, bool) or not isinstance(value, int) or value < least:
                raise OptionError(f"{name}: expected an integer >= {least}, got {value!r}")
        if self.limit is not None and self.limit < 1:
            raise OptionError(f"limit: expected an integer >= 1, got {self.limit}")
        for name in ("splits", "agents", "encoders"):
            value = getattr(self, name)
            if not value or len(set(value)) < len(value):
                raise OptionError(f"{name}: expected at least one, each once, got {', '.join(value) or 'none'}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON; what changes no figure is left out."""
        return {name: value for name, value in asdict(self).items() if name not in ("workers", "threads")}


@dataclass(frozen=True, kw_only=True)
class RecordingOptions:
    """How recordings that people labelled are studied."""

    tasks: str | Path | None = None
    """Task file with templates; None: what the records say."""
    max_references: int = 3
    encoders: tuple[str, ...] = ("hashed",)
    encoder_tasks: int = 40
    seed: int = 0
    resamples: int = 2_000
    confidence: float = 0.95
    threads: int | None = None

    def __post_init__(self) -> None:
        check_resampling(seed=self.seed, resamples=self.resamples, confidence=self.confidence)
        if self.max_references < 0:
            raise OptionError(f"max_references: expected an integer >= 0, got {self.max_references}")

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return {name: value for name, value in asdict(self).items() if name != "threads"} | {
            "tasks": None if self.tasks is None else Path(self.tasks).name
        }
