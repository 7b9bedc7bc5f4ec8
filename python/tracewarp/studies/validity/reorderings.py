"""Valid reorderings: the same solution with two neighbouring parts exchanged, carried out and judged anew."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Protocol, TypeVar, runtime_checkable

from tracewarp.collect import Decision, Start, View
from tracewarp.collect.oracle_policies import OraclePolicy
from tracewarp.errors import EnvironmentFailure
from tracewarp.trajectory import Task, Trajectory

TRIES = 40
"""Exchanges that are tried for a task, those of the longest parts first."""
NO_ORDER = "stop [no other order]"
"""What the policy says where there is nothing left to exchange."""

T = TypeVar("T")


@runtime_checkable
class FollowingEnvironment(Protocol):
    """An environment whose oracle can be given other acts (`WebEnvironment`)."""

    @property
    def solution(self) -> tuple[Any, ...]:
        """The acts of the known solution."""
        ...

    def follow(self, acts: Sequence[Any]) -> None:
        """Let the oracle give these acts."""
        ...


def exchanges(n: int) -> list[tuple[int, int, int]]:
    """Ways to exchange two neighbouring parts of `n` acts, as (start, middle, end): the longest parts first."""
    found = [(i, j, k) for i in range(n) for j in range(i + 1, n) for k in range(j + 1, n + 1)]
    return sorted(found, key=lambda cut: (-min(cut[1] - cut[0], cut[2] - cut[1]), cut))


def exchanged(acts: Sequence[T], cut: tuple[int, int, int]) -> tuple[T, ...]:
    """The acts with the parts start..middle and middle..end in the other order."""
    i, j, k = cut
    return (*acts[:i], *acts[j:k], *acts[i:j], *acts[k:])


class SwappedPolicy(OraclePolicy):
    """Follows the known solution with two parts exchanged: those of the repeat's number among `exchanges`.

    The message at the end stays where it is. Where the exchanged solution does not fit the page it says so and stops.
    """

    name = "swapped"

    def start(self, start: Start) -> None:
        """Exchange two parts of the solution."""
        super().start(start)
        self.lost = True
        if not isinstance(start.environment, FollowingEnvironment):
            return
        acts = start.environment.solution
        cuts = exchanges(len(acts) - 1)
        if start.repeat < len(cuts):
            other = exchanged(acts[:-1], cuts[start.repeat])
            self.lost = other == acts[:-1]
            start.environment.follow((*other, acts[-1]))

    def act(self, view: View) -> Decision:
        """The next act in the other order."""
        if not self.lost:
            try:
                return super().act(view)
            except EnvironmentFailure:
                self.lost = True
        return Decision(NO_ORDER, response=NO_ORDER)


def leaves_a_trace(task: Task) -> bool:
    """Whether success is read off what the sites hold afterwards, and not off the answer alone.

    An answer is right whatever was looked at before it, so that another order would prove nothing.
    """
    evaluation = task.extra.get("eval")
    return isinstance(evaluation, dict) and "program_html" in evaluation.get("eval_types", ())


def first_valid(trajectories: Sequence[Trajectory]) -> dict[str, Trajectory]:
    """Of each task the first repeat that succeeded without a refused action: the exchange of the longest parts."""
    found: dict[str, Trajectory] = {}
    for trajectory in sorted(trajectories, key=lambda one: (one.task.id, one.repeat)):
        steps = trajectory.executed_steps
        if trajectory.outcome.success and all(step.valid is not False and step.action for step in steps):
            found.setdefault(trajectory.task.id, trajectory)
    return found
