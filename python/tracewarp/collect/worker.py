"""What runs episodes: one environment and one policy, kept from episode to episode."""

from __future__ import annotations

import logging
from collections.abc import Mapping
from contextlib import suppress
from dataclasses import dataclass
from typing import Any

from tracewarp.collect import record
from tracewarp.collect.episode import episode_seed, run_episode, said
from tracewarp.collect.limits import Limits
from tracewarp.collect.plan import Job
from tracewarp.collect.policies import PolicySpec, SharedPolicies
from tracewarp.collect.policy import Policy
from tracewarp.collect.tally import Facts
from tracewarp.envs.base import Environment
from tracewarp.envs.registry import open_environment
from tracewarp.trajectory import Ending, Outcome, Provenance, Trajectory
from tracewarp.trajectory.write import to_json_line

_log = logging.getLogger("tracewarp.collect")


@dataclass(frozen=True)
class Setup:
    """What a worker needs to begin; it travels to other processes."""

    environment: str
    settings: Mapping[str, Any]
    policy: PolicySpec
    seed: int
    limits: Limits

    def open(self) -> Environment:
        """Open the environment."""
        return open_environment(self.environment, **self.settings)


@dataclass(frozen=True)
class Finished:
    """An episode as it goes to the disk."""

    line: bytes
    facts: Facts

    @classmethod
    def of(cls, trajectory: Trajectory) -> Finished:
        """Write the line."""
        return cls(to_json_line(trajectory), Facts.of(trajectory))


class Worker:
    """Runs one episode after the other.

    Args:
        setup: of the run.
        policy: who acts; the worker closes it.
        environment: an open one; None: it is opened for the first episode.
    """

    def __init__(self, setup: Setup, policy: Policy, environment: Environment | None = None) -> None:
        self.setup = setup
        self.policy = policy
        self.environment = environment

    def run(self, job: Job) -> Finished:
        """Run one episode. After a failure of the environment the next episode gets a fresh one."""
        if self.environment is None:
            try:
                self.environment = self.setup.open()
            except Exception as error:
                return Finished.of(lost(self.setup, job, said(error)))
        trajectory = run_episode(
            self.environment,
            self.policy,
            job.ref,
            job.task,
            repeat=job.repeat,
            seed=self.setup.seed,
            limits=self.setup.limits,
        )
        if trajectory.outcome.ending is Ending.ENVIRONMENT_ERROR:
            self._close_environment()
        return Finished.of(trajectory)

    def close(self) -> None:
        """Let go of both; may be called twice."""
        self._close_environment()
        close_policy(self.policy)

    def _close_environment(self) -> None:
        if self.environment is not None:
            with suppress(Exception):  # it failed before; how it fails to close tells nothing more
                self.environment.close()
            self.environment = None


def close_policy(policy: Policy | SharedPolicies) -> None:
    """Close a policy. One that fails to close has answered before: that is logged, and changes no episode."""
    try:
        policy.close()
    except (Exception, SystemExit) as error:
        _log.warning("policy %s: close() failed: %s", record.text(str(getattr(policy, "name", "?"))), said(error))


def lost(setup: Setup, job: Job, error: str, *, ending: Ending = Ending.ENVIRONMENT_ERROR) -> Trajectory:
    """The record of an episode that could not even begin, or whose worker died."""
    return Trajectory(
        task=job.task,
        repeat=job.repeat,
        outcome=Outcome(score=0.0 if ending is Ending.AGENT_ERROR else None, ending=ending, error=record.text(error)),
        provenance=Provenance(
            agent=record.text(setup.policy.text),
            seed=episode_seed(setup.seed, job.ref, job.repeat),
            started_at=record.now(),
            extra={"task_ref": record.text(str(job.ref)), "run_seed": setup.seed},
        ),
    )
