"""The rule by which the default is chosen, stated before the figures were seen: docs/decisions/0028."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

from tracewarp.studies.validity.measures import Estimate, Measured
from tracewarp.studies.validity.settings import TODAY, Setting

CRITERIA = ("tau", "worst_damage", "auc")
"""In this order; then the fewest parameters; then the default of today."""


@dataclass(frozen=True)
class Round:
    """One criterion: who was there, and who stays."""

    criterion: str
    best: Setting | None
    values: Mapping[str, Estimate]
    """By label of the setting: its figure; the interval is that of its difference from the best."""
    staying: tuple[Setting, ...]


@dataclass(frozen=True)
class Choice:
    """What the rule chooses, round by round."""

    chosen: Setting
    rounds: tuple[Round, ...]


def choose(
    candidates: Sequence[Setting],
    measured: Mapping[str, Callable[[Setting], Measured | None]],
    *,
    confidence: float = 0.95,
) -> Choice:
    """Apply the rule.

    In each round the candidate with the highest figure is the best; all stay whose paired difference from it has an
    interval that holds 0. A criterion without figures lets everyone stay.

    Args:
        candidates: at least one.
        measured: by criterion, the figure of a candidate; figures of one criterion share their resamples.
        confidence: of the intervals.
    """
    staying = tuple(candidates)
    rounds = []
    for criterion in CRITERIA:
        found = {setting: measured[criterion](setting) for setting in staying}
        figures = {setting: figure for setting, figure in found.items() if figure is not None}
        if not figures:
            rounds.append(Round(criterion, None, {}, staying))
            continue
        best = max(figures, key=lambda setting: figures[setting].value)
        differences = {setting: figure.minus(figures[best], confidence) for setting, figure in figures.items()}
        staying = tuple(s for s in staying if s in differences and _equal(differences[s]))
        values = {
            s.label: Estimate(figures[s].value, differences[s].interval, figures[s].n, figures[s].clusters)
            for s in figures
        }
        rounds.append(Round(criterion, best, values, staying))
    fewest = min(setting.parameters for setting in staying)
    simplest = tuple(setting for setting in staying if setting.parameters == fewest)
    rounds.append(Round("parameters", None, {}, simplest))
    return Choice(min(simplest, key=_distance), tuple(rounds))


def _equal(difference: Estimate) -> bool:
    """Whether the interval of a difference holds 0; without an interval only equal figures are equal."""
    if difference.interval is None:
        return difference.value == 0
    low, high = difference.interval
    return low <= 0 <= high


def _distance(setting: Setting) -> int:
    """In how many fields a setting differs from the default of today."""
    return sum(value != getattr(TODAY, name) for name, value in setting.to_dict().items())
