"""Many workers: in this process one after the other, in processes, or in threads that share a model.

Each function gives finished episodes as they come, in any order, and lets go of its workers when its generator is
closed, whatever is under way.
"""

from __future__ import annotations

import multiprocessing
import queue
import signal
import sys
import threading
import time
import traceback
from collections import Counter, deque
from collections.abc import Generator, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, wait
from multiprocessing.context import SpawnProcess
from typing import Any

from tracewarp.collect.episode import WorkerStopped
from tracewarp.collect.plan import Job
from tracewarp.collect.policies import SharedPolicies, one_policy
from tracewarp.collect.policy import Decision, Policy, Start, View
from tracewarp.collect.worker import Finished, Setup, Worker, lost
from tracewarp.envs.base import Environment
from tracewarp.errors import EnvironmentFailure, PolicyError, TracewarpError
from tracewarp.trajectory import Ending

TRIES = 2
"""How often an episode is begun whose worker dies; then it is recorded as a failure."""
_GRACE_SECONDS = 5.0
"""How long a worker may take to close its browser before it is ended."""


def one_by_one(
    setup: Setup, jobs: Sequence[Job], *, policy: Policy, environment: Environment
) -> Generator[Finished, None, None]:
    """Run the episodes here."""
    worker = Worker(setup, policy, environment)
    try:
        for job in jobs:
            yield worker.run(job)
    finally:
        worker.close()


def in_threads(
    setup: Setup, jobs: Sequence[Job], *, shared: SharedPolicies, workers: int
) -> Generator[Finished, None, None]:
    """Run the episodes in threads whose policies share something, such as a model that answers in batches."""
    waiting: deque[Job] = deque(jobs)
    done: queue.SimpleQueue[Finished | BaseException] = queue.SimpleQueue()
    stop = threading.Event()

    def work() -> None:
        try:
            worker = Worker(setup, one_policy(shared, setup.policy.text))
            try:
                while not stop.is_set():
                    try:
                        job = waiting.popleft()
                    except IndexError:
                        return
                    done.put(worker.run(job))
            finally:
                worker.close()
        except BaseException as error:
            done.put(error)

    threads = [threading.Thread(target=work, daemon=True) for _ in range(min(workers, len(jobs)))]
    for thread in threads:
        thread.start()
    try:
        for _ in jobs:
            found = done.get()
            if isinstance(found, BaseException):
                raise found
            yield found
    finally:
        stop.set()
        # One that waits for a model is left to itself: threads cannot be ended, and it is a daemon.
        deadline = time.monotonic() + _GRACE_SECONDS
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))


def in_processes(setup: Setup, jobs: Sequence[Job], *, workers: int) -> Generator[Finished, None, None]:
    """Run the episodes in processes of their own.

    A worker that dies (killed, out of memory) loses no episode: its own is begun again once, by another worker. If that
    one dies too, the episode is recorded: as the policy's error where the policy's code ended the process by itself,
    otherwise as a failure of the environment.

    Raises:
        EnvironmentFailure: a worker died before it could begin.
        RuntimeError: a worker met an error of this program.
    """
    waiting: deque[Job] = deque(jobs)
    deaths: Counter[tuple[str, int]] = Counter()
    crew: dict[Connection, _Member] = {}

    def employ() -> None:
        member = _Member.start(setup)
        crew[member.connection] = member
        member.give(waiting)

    try:
        for _ in range(min(workers, len(waiting))):
            employ()
        while any(member.job is not None for member in crew.values()):
            for connection in wait(list(crew)):
                assert isinstance(connection, Connection)
                member = crew[connection]
                try:
                    message = connection.recv()
                except (EOFError, OSError):
                    del crew[connection]
                    job, words, ending = member.buried()
                    if job is None:
                        continue
                    deaths[job.key] += 1
                    if deaths[job.key] < TRIES:
                        waiting.appendleft(job)
                    else:
                        yield Finished.of(lost(setup, job, f"{words}, {TRIES} times", ending=ending))
                    if waiting:
                        employ()
                    continue
                if isinstance(message, _Crash):
                    message.again()
                if isinstance(message, Finished):
                    member.job = None
                    member.give(waiting)
                    yield message
                else:
                    member.ready = True
    finally:
        for member in crew.values():
            member.end()


@dataclass(frozen=True)
class _Ready:
    """A worker has opened its environment and can begin."""


@dataclass(frozen=True)
class _Crash:
    """What a worker could not go on after."""

    error: Exception | None
    """One that tracewarp raises on purpose."""
    trace: str

    def again(self) -> None:
        """Raise it here."""
        if self.error is not None:
            raise self.error
        raise RuntimeError(f"a worker met an error of this program:\n{self.trace}")


class _Member:
    """A worker process, seen from outside."""

    def __init__(self, process: SpawnProcess, connection: Connection, in_policy: Any) -> None:
        self.process = process
        self.connection = connection
        self.in_policy = in_policy
        """Shared memory: 1 while the process runs the policy's code."""
        self.job: Job | None = None
        self.ready = False

    @classmethod
    def start(cls, setup: Setup) -> _Member:
        # Spawned: a fork would copy threads, browsers and locks of this process in whatever state they are.
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe()
        in_policy = context.RawValue("b", 0)
        process = context.Process(target=_work, args=(theirs, setup, in_policy), daemon=True)
        with _deaf_to_ctrl_c():
            process.start()
        theirs.close()
        return cls(process, ours, in_policy)

    def give(self, waiting: deque[Job]) -> None:
        """Send the next job; without one, send it home."""
        self.job = waiting.popleft() if waiting else None
        with suppress(OSError):  # it died; the next look at its connection says so
            self.connection.send(self.job)

    def buried(self) -> tuple[Job | None, str, Ending]:
        """The job of a worker that is no more, how the worker ended, and what that makes of the episode."""
        self.process.join()
        code = self.process.exitcode
        how = f"signal {-code}" if code is not None and code < 0 else f"exit code {code}"
        self.connection.close()
        if not self.ready and self.job is not None:
            raise EnvironmentFailure(f"a worker process ended by {how} before it could begin")
        # A signal may come from anywhere (out of memory, a person); an exit code comes from the code that ran.
        by_policy = code is not None and code >= 0 and bool(self.in_policy.value)
        who = "the policy ended the worker process" if by_policy else "the worker process ended"
        return self.job, f"{who} by {how}", Ending.AGENT_ERROR if by_policy else Ending.ENVIRONMENT_ERROR

    def end(self) -> None:
        """End the process: one that was sent home gets time to leave by itself."""
        self.connection.close()
        if self.job is None:
            self.process.join(_GRACE_SECONDS)
        self.process.terminate()
        self.process.join(_GRACE_SECONDS)
        if self.process.is_alive():
            self.process.kill()
            self.process.join()


class _Watched:
    """A policy in a worker process that says, in shared memory, when its code runs."""

    def __init__(self, policy: Policy, in_policy: Any) -> None:
        self.name = policy.name
        self.policy = policy
        self.in_policy = in_policy

    def start(self, start: Start) -> None:
        with self._inside():
            self.policy.start(start)

    def act(self, view: View) -> Decision:
        with self._inside():
            return self.policy.act(view)

    def describe(self) -> Mapping[str, Any]:
        with self._inside():
            return self.policy.describe()

    def close(self) -> None:
        with self._inside():
            self.policy.close()

    @contextmanager
    def _inside(self) -> Iterator[None]:
        self.in_policy.value = 1
        try:
            yield
        finally:
            self.in_policy.value = 0


def _work(connection: Connection, setup: Setup, in_policy: Any) -> None:
    """A worker process; SIGTERM, by which the collector ends it, may reach it at any moment."""
    try:
        signal.signal(signal.SIGTERM, _leave)
        _serve(connection, setup, in_policy)
    except WorkerStopped:
        sys.exit(128 + signal.SIGTERM)


def _serve(connection: Connection, setup: Setup, in_policy: Any) -> None:
    """Run the jobs that come, and send the finished episodes, until there are no more jobs or nobody listens."""
    worker: Worker | None = None
    try:
        policy = setup.policy.load()
        if isinstance(policy, SharedPolicies):
            raise PolicyError(f"policy {setup.policy.text}: shared policies belong into threads")
        worker = Worker(setup, _Watched(policy, in_policy), setup.open())
        connection.send(_Ready())
        while (job := connection.recv()) is not None:
            connection.send(worker.run(job))
    except (EOFError, BrokenPipeError, ConnectionResetError):
        pass  # the collector is gone
    except Exception as error:
        with suppress(OSError):
            connection.send(_crash(error))
    finally:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)  # it is closing already
        if worker is not None:
            worker.close()
        signal.signal(signal.SIGTERM, signal.SIG_DFL)


def _crash(error: Exception) -> _Crash:
    return _Crash(error if isinstance(error, TracewarpError) else None, traceback.format_exc())


def _leave(number: int, frame: object) -> None:
    raise WorkerStopped


@contextmanager
def _deaf_to_ctrl_c() -> Iterator[None]:
    """A child started in this block ignores Ctrl-C from its first moment; the collector ends it in order."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, signal.SIG_IGN)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)
