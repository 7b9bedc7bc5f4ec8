"""Functional correctness: the share of episodes that succeed."""

from __future__ import annotations

from collections.abc import Sequence

from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.results import FunctionalCorrectness
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, wilson_interval


def functional_correctness(
    episodes: Sequence[Episode], *, confidence: float = DEFAULT_CONFIDENCE
) -> FunctionalCorrectness:
    """Share of `episodes` with score 1, with Wilson's interval.

    n counts every episode, those without steps included; partial credit is counted apart; an episode that nobody judged
    counts 0 in the rate, and `bounds` says what the rate would be if all of those had failed, or succeeded. Source:
    Zhou et al. 2023 (WebArena), section 3.2.

    Raises:
        EmptyInputError: no episodes.
    """
    n = len(episodes)
    successes = sum(episode.success for episode in episodes)
    unknown = sum(episode.score is None for episode in episodes)
    interval = wilson_interval(successes, n, confidence=confidence)
    return FunctionalCorrectness(
        successes=successes,
        partial=sum(episode.score is not None and 0.0 < episode.score < 1.0 for episode in episodes),
        unknown=unknown,
        n=n,
        rate=successes / n,
        interval=(interval.low, interval.high),
        bounds=(successes / n, (successes + unknown) / n),
        mean_score=sum(episode.score or 0.0 for episode in episodes) / n,
    )
