"""How a collection stands: counts that grow with every episode."""

from __future__ import annotations

from collections import Counter
from collections.abc import Hashable
from dataclasses import dataclass
from typing import Any

from tracewarp.trajectory import Ending, Step, Trajectory
from tracewarp.trajectory.answers import CUT, attempts, finish_reasons


@dataclass(frozen=True, slots=True)
class Facts:
    """What the counts need of one episode."""

    key: tuple[str, int]
    template: Hashable
    """What the task's template is known by; None: it has none."""
    score: float | None
    ending: Ending
    steps: int
    prompt_tokens: int
    completion_tokens: int
    answers: int
    """Every answer of a model, those without an action included."""
    cut: int
    """Answers that were cut at `max_new_tokens`."""
    seconds: float
    error: str | None

    @classmethod
    def of(cls, trajectory: Trajectory) -> Facts:
        """Read them from a record."""
        steps = trajectory.executed_steps
        tokens = [counts for step in steps for counts in _token_counts(step)]
        reasons = [reason for step in steps for reason in finish_reasons(step)]
        seconds = trajectory.extra.get("seconds")
        return cls(
            key=trajectory.key,
            template=trajectory.task.template_id or (trajectory.task.template or "").strip() or None,
            score=trajectory.outcome.score,
            ending=trajectory.outcome.ending,
            steps=len(steps),
            prompt_tokens=sum(_count(counts.get("prompt")) for counts in tokens),
            completion_tokens=sum(_count(counts.get("completion")) for counts in tokens),
            answers=len(reasons),
            cut=sum(reason == CUT for reason in reasons),
            seconds=float(seconds) if isinstance(seconds, (int, float)) else 0.0,
            error=trajectory.outcome.error,
        )


@dataclass(slots=True)
class TaskTally:
    """What came of the episodes of one task."""

    template: Hashable
    episodes: int = 0
    counted: int = 0
    """Those that say something about the agent: all but transport failures."""
    successes: int = 0
    unknown: int = 0
    """Counted ones that nobody judged."""


class Tally:
    """Sums over episodes."""

    def __init__(self) -> None:
        self.done = 0
        self.successes = 0
        self.unknown = 0
        """Episodes without a score."""
        self.endings: Counter[Ending] = Counter()
        self.tasks: dict[str, TaskTally] = {}
        self.steps = 0
        self.prompt_tokens = 0
        self.completion_tokens = 0
        self.answers = 0
        self.cut = 0
        """Answers of a model that were cut at `max_new_tokens`."""
        self.episode_seconds = 0.0
        """Of all episodes together."""

    def add(self, facts: Facts) -> None:
        """Count one more episode."""
        self.done += 1
        self.successes += facts.score is not None and facts.score >= 1
        self.unknown += facts.score is None
        self.endings[facts.ending] += 1
        task = self.tasks.setdefault(facts.key[0], TaskTally(facts.template))
        task.episodes += 1
        if not facts.ending.transport_failure:
            task.counted += 1
            task.successes += facts.score is not None and facts.score >= 1
            task.unknown += facts.score is None
        self.steps += facts.steps
        self.prompt_tokens += facts.prompt_tokens
        self.completion_tokens += facts.completion_tokens
        self.answers += facts.answers
        self.cut += facts.cut
        self.episode_seconds += facts.seconds

    @property
    def errors(self) -> int:
        """Episodes that an error ended: of the environment, of the model's server, or of the policy."""
        return sum(count for ending, count in self.endings.items() if ending.failure)

    @property
    def transport_failures(self) -> int:
        """Those of them that say nothing about the agent."""
        return sum(count for ending, count in self.endings.items() if ending.transport_failure)

    @property
    def agent_failures(self) -> int:
        """Those of them that are the agent's own."""
        return self.errors - self.transport_failures

    @property
    def counted_tasks(self) -> list[TaskTally]:
        """The tasks with an episode that says something about the agent."""
        return [task for task in self.tasks.values() if task.counted]

    @property
    def rates(self) -> list[float]:
        """Of each counted task, the share of its counted episodes that succeeded; unjudged ones did not."""
        return [task.successes / task.counted for task in self.counted_tasks]

    @property
    def bounds(self) -> tuple[float, float] | None:
        """The mean over all tasks if everything that is not known had failed, or had succeeded."""
        if not self.tasks:
            return None
        tasks = self.tasks.values()
        low = [task.successes / task.episodes for task in tasks]
        high = [(task.successes + task.unknown + task.episodes - task.counted) / task.episodes for task in tasks]
        return sum(low) / len(low), sum(high) / len(high)

    @property
    def all_failed(self) -> bool:
        """Did every episode end in an error?"""
        return self.done > 0 and self.errors == self.done


def _token_counts(step: Step) -> list[dict[str, Any]]:
    """The token counts of a step's answers, those without an action included."""
    found = [said.get("tokens") for said in (step.extra, *attempts(step))]
    return [tokens for tokens in found if isinstance(tokens, dict)]


def _count(value: object) -> int:
    return value if isinstance(value, int) and not isinstance(value, bool) else 0
