"""What the study found, as plain data that goes into JSON, tables and plots."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field
from typing import Any

from tracewarp.studies.validity.choosing import Choice
from tracewarp.studies.validity.evidence import DamageCurve
from tracewarp.studies.validity.leaks import Leak
from tracewarp.studies.validity.measures import Estimate


@dataclass(frozen=True)
class AucRow:
    """How well one score tells success."""

    label: str
    group: str
    """`grid`, `one factor`, `around the choice`, `encoder` or `neighbour`."""
    within_task: Mapping[str, Estimate]
    """By kind of references."""
    within_capability: Mapping[str, Estimate]
    minus_today: Mapping[str, Estimate | None]
    """Paired difference of the AUC within a task from the default of today, by kind of references."""


@dataclass(frozen=True)
class AgentRow:
    """One agent: its success, and its score under the settings that are shown."""

    agent: str
    episodes: int
    success: float
    scores: Mapping[str, Mapping[str, float]]
    """By label of the setting, by kind of references."""


@dataclass(frozen=True)
class GridRow:
    """The figures of the rule for one candidate."""

    label: str
    tau: Estimate | None
    worst_damage: Estimate | None
    auc: Estimate | None
    tau_by: Mapping[str, Estimate | None]
    """By kind of references."""
    parameters: int


@dataclass(frozen=True)
class DamageRow:
    """What damage and reordering do under one setting, with references of one kind."""

    label: str
    references: str
    curves: tuple[DamageCurve, ...]
    reordered: tuple[Estimate, float, float] | None
    """Share of valid solutions in another order that score lower; their mean score, and that of their originals."""


@dataclass(frozen=True)
class FailureRow:
    """AUC of all successes against the failures of one kind of agent, within tasks."""

    failures: str
    n: int
    auc: Mapping[str, Mapping[str, Estimate]]
    """By label, by kind of references."""


@dataclass(frozen=True)
class SplitResult:
    """Everything about one set of tasks."""

    name: str
    facts: Mapping[str, Any]
    grid: tuple[GridRow, ...]
    choice: Choice | None
    """What the rule chooses here, whether or not it decides."""
    agents: tuple[AgentRow, ...]
    published: tuple[AgentRow, ...]
    published_tau: Mapping[str, Mapping[str, Estimate]]
    """Of the four agents of the first finding: by label, by kind of references."""
    auc: tuple[AucRow, ...]
    failures: tuple[FailureRow, ...]
    damages: tuple[DamageRow, ...]
    leaks: tuple[Leak, ...]


@dataclass(frozen=True)
class StudyResult:
    """The whole study of one environment, or of some recordings."""

    name: str
    options: Mapping[str, Any]
    versions: Mapping[str, str]
    today: str
    """Label of the default before the study."""
    chosen: str | None
    """Label of the setting that the rule chooses; None if this study does not choose."""
    shown: tuple[str, ...]
    """Labels of the settings that tables compare."""
    splits: tuple[SplitResult, ...]
    notes: tuple[str, ...] = field(default=())

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)
