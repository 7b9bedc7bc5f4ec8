"""Several episodes of a task: pass@k, and how often they agree."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from math import comb

from tracewarp.errors import OptionError
from tracewarp.evaluate.episodes import Episode
from tracewarp.evaluate.options import ClusterKind
from tracewarp.evaluate.results import PassAtK, RepeatScores
from tracewarp.evaluate.tasks import TaskTable
from tracewarp.metrics.statistics import DEFAULT_CONFIDENCE, Estimate, clustered_proportion


def pass_at_k(n: int, c: int, k: int) -> float:
    """The chance that at least one of k episodes, drawn without replacement from n of which c succeeded, succeeds.

    1 - C(n - c, k) / C(n, k). Source: Chen et al. 2021, Evaluating Large Language Models Trained on Code, eq. 1.

    Args:
        n: episodes, n >= 1.
        c: successes among them, 0 <= c <= n.
        k: 1 <= k <= n.

    Raises:
        OptionError: a number out of range.
    """
    if not (1 <= k <= n and 0 <= c <= n):
        raise OptionError(f"pass_at_k: expected 1 <= k <= n and 0 <= c <= n, got n = {n}, c = {c}, k = {k}")
    return 1.0 - comb(n - c, k) / comb(n, k)


def repeat_scores(
    by_task: Mapping[str, Sequence[Episode]],
    table: TaskTable,
    *,
    cluster: ClusterKind,
    confidence: float = DEFAULT_CONFIDENCE,
) -> RepeatScores | None:
    """pass@k and consistency over the tasks of a run; None where no task has two episodes.

    Args:
        by_task: counted episodes of each task.
        table: tells the clusters.
        cluster: what was sampled.
        confidence: coverage of the intervals.
    """
    counts = {task: (len(found), sum(episode.success for episode in found)) for task, found in by_task.items()}
    repeated = {task: (n, c) for task, (n, c) in counts.items() if n >= 2}
    if not repeated:
        return None

    def share(of: Callable[[int, int], bool]) -> Estimate:
        return clustered_proportion(
            [float(of(n, c)) for n, c in repeated.values()],
            clusters=table.clusters(list(repeated), cluster),
            confidence=confidence,
        )

    def at(k: int) -> PassAtK:
        chances = {task: pass_at_k(n, c, k) for task, (n, c) in counts.items() if n >= k}
        return PassAtK(
            k=k,
            rate=clustered_proportion(
                list(chances.values()),
                episodes=sum(counts[task][0] // k for task in chances),
                clusters=table.clusters(list(chances), cluster),
                confidence=confidence,
            ),
        )

    return RepeatScores(
        n_tasks=len(repeated),
        consistency=share(lambda n, c: c in (0, n)),
        all_succeed=share(lambda n, c: c == n),
        pass_at=tuple(at(k) for k in _ks(max(n for n, _ in counts.values()))),
    )


def _ks(most: int) -> list[int]:
    """1, 2, 4, 8, ... below `most`, and `most`."""
    return [*(2**i for i in range(most.bit_length()) if 2**i < most), most]
