"""How long the episodes were, what went wrong in them, and how they ended."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from statistics import median

from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.results import StepStatistics
from tracewarp.trajectory.model import Ending


def step_statistics(episodes: Sequence[Episode]) -> StepStatistics:
    """Statistics of the executed steps of one or more `episodes`; mean and median are over episodes."""
    total = sum(episode.steps for episode in episodes)
    wrong = sum(episode.invalid_or_unparsable for episode in episodes)
    endings = Counter(episode.ending for episode in episodes)
    return StepStatistics(
        total=total,
        mean=total / len(episodes),
        median=float(median(episode.steps for episode in episodes)),
        invalid=sum(episode.invalid for episode in episodes),
        unparsable=sum(episode.unparsable for episode in episodes),
        invalid_or_unparsable=wrong,
        invalid_rate=wrong / total if total else 0.0,
        early_stops=sum(count for ending, count in endings.items() if ending.early),
        environment_errors=endings[Ending.ENVIRONMENT_ERROR],
        endings={ending.value: endings[ending] for ending in sorted(endings, key=lambda e: e.value)},
    )
