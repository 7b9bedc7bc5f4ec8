"""Many episodes: collected at once, resumable at any kill, the same records whatever the number of workers."""

from __future__ import annotations

import os
import time
from collections.abc import Generator, Sequence
from contextlib import closing, suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Protocol

from tracewarp.collect import crew
from tracewarp.collect.checking import described
from tracewarp.collect.episode import said
from tracewarp.collect.folder import RunFolder, session
from tracewarp.collect.journal import Key
from tracewarp.collect.options import CollectOptions
from tracewarp.collect.plan import Job, Plan, plan
from tracewarp.collect.policies import PolicySpec, SharedPolicies, one_policy
from tracewarp.collect.policy import Policy
from tracewarp.collect.record import now, plain, text
from tracewarp.collect.suits import check_suits
from tracewarp.collect.tally import Facts, Tally
from tracewarp.collect.worker import Finished, Setup, close_policy
from tracewarp.envs.base import Environment
from tracewarp.envs.registry import open_source
from tracewarp.errors import CollectionStoppedError, PolicyError, TracewarpError
from tracewarp.trajectory import Ending, Trajectory
from tracewarp.trajectory.run_info import RUN_INFO, RunInfo
from tracewarp.trajectory.surrogates import repair_json


@dataclass(frozen=True, slots=True)
class Progress:
    """Where a collection stands."""

    total: int
    """Episodes of the whole run."""
    resumed: int
    """Those of them that were there when it began."""
    tally: Tally
    """Of all that are there now."""
    steps_now: int
    """Steps since it began."""
    seconds: float
    """Since it began."""
    first_error: Facts | None = None
    """The first episode since it began that ended in an error."""


class Listener(Protocol):
    """Hears about progress."""

    def __call__(self, progress: Progress) -> None:
        """Called at the beginning, and after each episode."""


def silent(progress: Progress) -> None:
    """The listener that does nothing."""


@dataclass(frozen=True, slots=True)
class Collected:
    """What a collection left."""

    path: Path
    info: RunInfo
    progress: Progress


def collect(out: str | Path, options: CollectOptions, *, listener: Listener = silent) -> Collected:
    """Collect a run into a folder, or go on with it.

    Each finished episode is a line of `trajectories.jsonl` before the next one counts, in the order in which they
    finish; when all are there the file is put into the order of the tasks. The records depend on the options alone, not
    on workers or interruptions (timings aside; policies that draw from anything but the episode's seed aside).

    Episodes that a failure of the environment or of the model's server ended say nothing about the agent: going on
    collects each of them once more.

    Args:
        out: the run folder; made where it is missing.
        options: environment, policy, tasks, seed, limits and the rest.
        listener: hears about progress.

    Raises:
        OptionError: an option outside its range; an unknown environment, setting, split or task.
        PolicyError: an unknown policy, or one that cannot be made, or does not suit the environment.
        ModelUnavailableError: the model did not answer a request of one token before the first episode; nothing was
            collected.
        CollectionStoppedError: `stop_after_errors` episodes in a row ended in an error; what is finished is kept.
        RunLockedError: another process collects into this folder.
        RunMismatchError: the folder was begun with other settings.
        FileError: the folder cannot be read or written; what is finished is kept.
        EnvironmentFailure: the environment cannot be opened at all.
        MissingExtraError: the environment or the model needs an extra.
    """
    policy = PolicySpec.parse(options.policy)
    jobs = plan(open_source(options.environment, **options.settings), options)
    ready = _open(Setup(options.environment, dict(options.settings), policy, options.seed, options.limits))
    with closing(ready):
        check_suits(ready.policy, ready.environment.spec)
        info = _info(options, jobs, ready)
        counted = _Counted(len(jobs.jobs), listener)
        path = Path(out).absolute()  # a policy may change the working directory
        # Check first, so that a run that never starts leaves no folder behind.
        is_new = options.overwrite or not os.path.exists(path / RUN_INFO)  # noqa: PTH110 (False also for a name too long)
        if is_new:
            ready.check()
        folder = RunFolder(path, info, overwrite=options.overwrite, found=counted.found)
        with folder:
            again = counted.failed(agent_too=options.retry_errors) & {job.key for job in jobs.jobs}
            missing = [job for job in jobs.jobs if job.key not in folder.journal or job.key in again]
            if missing and not is_new:
                ready.check()
            folder.journal.drop(again)
            counted.forget(again)
            if missing:
                folder.begin(session(options.workers))
            counted.begin()
            with closing(ready.results(missing, workers=options.workers)) as results:
                for finished in results:
                    folder.journal.append(finished.facts.key, finished.line)
                    counted.add(finished.facts)
                    counted.check_errors(options.stop_after_errors)
            folder.finish([job.key for job in jobs.jobs])
        return Collected(Path(out), folder.info, counted.progress())


@dataclass(frozen=True)
class _Ready:
    """What is open when a collection begins."""

    setup: Setup
    environment: Environment
    policy: Policy
    shared: SharedPolicies | None

    def results(self, jobs: Sequence[Job], *, workers: int) -> Generator[Finished, None, None]:
        """Run the episodes, in whatever order they finish."""
        if workers == 1 or len(jobs) <= 1:
            return crew.one_by_one(self.setup, jobs, policy=self.policy, environment=self.environment)
        self.environment.close()
        if self.shared is not None:
            return crew.in_threads(self.setup, jobs, shared=self.shared, workers=workers)
        return crew.in_processes(self.setup, jobs, workers=workers)

    def check(self) -> None:
        """Ask the model for an answer, where the policy has one.

        Raises:
            ModelUnavailableError: there is none.
            PolicyError: `check()` fails in another way.
        """
        check = getattr(self.shared or self.policy, "check", None)
        if check is None:
            return
        try:
            check()
        except TracewarpError:
            raise
        except (Exception, SystemExit) as error:
            raise PolicyError(f"policy {self.setup.policy.text}: check() failed: {said(error)}") from error

    def close(self) -> None:
        """Let go of everything."""
        with suppress(Exception):  # every episode is written
            self.environment.close()
        close_policy(self.policy)
        if self.shared is not None:
            close_policy(self.shared)


def _open(setup: Setup) -> _Ready:
    loaded = setup.policy.load()
    try:
        shared = loaded if isinstance(loaded, SharedPolicies) else None
        policy = one_policy(loaded, setup.policy.text) if isinstance(loaded, SharedPolicies) else loaded
        return _Ready(setup, setup.open(), policy, shared)
    except BaseException:
        close_policy(loaded)
        raise


class _Counted:
    """Counts for the listener."""

    def __init__(self, total: int, listener: Listener) -> None:
        self.total = total
        self.listener = listener
        self.facts: dict[Key, Facts] = {}
        self.errors_in_a_row = 0
        self.first_error: Facts | None = None
        self.tally = Tally()
        self.resumed = 0
        self.steps_before = 0
        self.began = time.monotonic()

    def found(self, trajectory: Trajectory) -> None:
        """An episode that was there before."""
        facts = Facts.of(trajectory)
        self.facts[facts.key] = facts

    def failed(self, *, agent_too: bool) -> frozenset[Key]:
        """The episodes to collect again: those that say nothing about the agent, and its own errors on request."""
        return frozenset(
            key
            for key, facts in self.facts.items()
            if facts.ending.transport_failure or (agent_too and facts.ending.failure)
        )

    def forget(self, keys: frozenset[Key]) -> None:
        """They are collected again."""
        for key in keys:
            del self.facts[key]

    def begin(self) -> None:
        """Everything that was there is known."""
        for facts in self.facts.values():
            self.tally.add(facts)
        self.resumed, self.steps_before = self.tally.done, self.tally.steps
        self.began = time.monotonic()
        self.listener(self.progress())

    def add(self, facts: Facts) -> None:
        """An episode was finished."""
        self.tally.add(facts)
        self.errors_in_a_row = self.errors_in_a_row + 1 if facts.ending.failure else 0
        if facts.ending.failure and self.first_error is None:
            self.first_error = facts
        self.last = facts
        self.listener(self.progress())

    def check_errors(self, most: int | None) -> None:
        """Raise where so many episodes in a row ended in an error."""
        if most is not None and self.errors_in_a_row >= most:
            last = self.last
            more = ", and with --retry-errors collects these again" if last.ending is Ending.AGENT_ERROR else ""
            raise CollectionStoppedError(
                f"stopped after {most} episodes in a row that ended in an error, the last one in {last.ending.value} "
                f"({last.error}); finished episodes are saved, and the same command continues{more}"
            )

    def progress(self) -> Progress:
        """Where it stands."""
        return Progress(
            total=self.total,
            resumed=self.resumed,
            tally=self.tally,
            steps_now=self.tally.steps - self.steps_before,
            seconds=time.monotonic() - self.began,
            first_error=self.first_error,
        )


def _info(options: CollectOptions, jobs: Plan, ready: _Ready) -> RunInfo:
    environment, policy = ready.environment.spec, ready.policy
    try:
        about = described(policy)
    except TracewarpError:
        raise
    except (Exception, SystemExit) as error:
        raise PolicyError(f"policy {ready.setup.policy.text}: describe() failed: {said(error)}") from error
    model = about.get("model")
    return RunInfo(
        config=repair_json(
            {
                "environment": {
                    "name": options.environment,
                    "driver": environment.driver,
                    "settings": plain({key: value for key, value in options.settings.items() if value is not None}),
                    "about": plain(environment.settings),
                    "step_budget": environment.step_budget,
                    "success": environment.success,
                },
                "policy": {"text": ready.setup.policy.text, "name": str(policy.name), **about},
                "selection": dict(jobs.selection),
                "seed": options.seed,
                "limits": asdict(options.limits),
            }
        ),
        driver=environment.driver,
        agent=text(str(policy.name)),
        model=str(model.get("name")) if isinstance(model, dict) else None if model is None else str(model),
        sampling=about.get("sampling") or {},
        seed=options.seed,
        episodes=len(jobs.jobs),
        started_at=now(),
    )
