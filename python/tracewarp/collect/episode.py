"""One episode: a policy acts in an environment until one reason ends it, and everything is written down.

Mistakes of the agent and failures of the world are never confused. An answer without an action, or an action that the
environment refuses, is a step of the record. An exception of the policy ends the episode as `agent_error` with score 0;
one of the environment as `environment_error`, and a model server that gives no answer as `model_unavailable`, both
without a score. What happened before it is kept.
"""

from __future__ import annotations

import hashlib
import time
import traceback
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from typing import Any

from tracewarp.collect import record
from tracewarp.collect.checking import checked_decision, checked_observation, checked_result, described
from tracewarp.collect.limits import Limits
from tracewarp.collect.policy import Decision, Policy, Start, View
from tracewarp.envs.base import Capability, Environment, JudgingEnvironment, Observation, StepResult, TaskRef
from tracewarp.errors import EnvironmentFailure, ModelUnavailableError
from tracewarp.trajectory import Ending, Outcome, Provenance, Step, Task, Trajectory

ERROR_CHARS = 2_000
"""How much of an error's message a record keeps, from its beginning."""
TRACEBACK_CHARS = 20_000
"""How much of a traceback a record keeps: both ends, since the one names the place and the other the error."""
NO_ACTION = "The last answer held no action that could be read."
"""What the policy is told after an answer without an action."""


def episode_seed(seed: int, ref: TaskRef, repeat: int) -> int:
    """The seed of an episode: the first 8 bytes of SHA-256 of `seed|ref|repeat`, less the sign bit.

    It depends on nothing else, so that neither order nor number of workers changes an episode.
    """
    digest = hashlib.sha256(f"{seed}|{ref}|{repeat}".encode("utf-8", "surrogatepass")).digest()
    return int.from_bytes(digest[:8], "big") >> 1


def run_episode(
    environment: Environment,
    policy: Policy,
    ref: TaskRef,
    task: Task,
    *,
    repeat: int = 0,
    seed: int = 0,
    limits: Limits | None = None,
) -> Trajectory:
    """Run one episode and record it.

    Args:
        environment: where; it is reset first, and stays open.
        policy: who; it is started first, and stays open.
        ref: the task for the environment.
        task: the task for the record.
        repeat: which repeat of the task this is.
        seed: of the run; the episode's own is `episode_seed(seed, ref, repeat)`.
        limits: when the runner ends the episode; None: the defaults.

    Returns:
        The record, whatever happened. Only Ctrl-C and `WorkerStopped` leave this function.
    """
    episode = _Episode(environment, policy, ref, task, repeat=repeat, seed=seed, limits=limits or Limits())
    return episode.run()


class WorkerStopped(BaseException):
    """Raised by a worker process's signal handler, wherever the process is."""


class _FailedError(Exception):
    """An error ended the episode."""

    def __init__(self, ending: Ending, said: str, trace: str | None = None) -> None:
        super().__init__(said)
        self.ending = ending
        self.trace = trace


class _Episode:
    """The state of one episode."""

    def __init__(
        self,
        environment: Environment,
        policy: Policy,
        ref: TaskRef,
        task: Task,
        *,
        repeat: int,
        seed: int,
        limits: Limits,
    ) -> None:
        self.environment = environment
        self.policy = policy
        self.ref = ref
        self.task = task
        self.repeat = repeat
        self.run_seed = seed
        self.seed = episode_seed(seed, ref, repeat)
        self.limits = limits
        self.steps: list[Step] = []
        self.result: StepResult | None = None
        """Of the last action that the environment took or refused."""
        self.reset_seconds: float | None = None
        self.agent: str | None = None
        """The policy's name."""
        self.about: dict[str, Any] = {}
        """What the policy says about itself."""
        self.began = time.monotonic()

    def run(self) -> Trajectory:
        started_at = record.now()
        trace: str | None = None
        try:
            with self._agent():
                self.agent, self.about = record.text(str(self.policy.name)), described(self.policy)
            ending, error = self._act_until_the_end()
            if self.result is None or not (self.result.terminated or self.result.truncated):
                self._judge()
        except _FailedError as failure:
            ending, error, trace = failure.ending, str(failure), failure.trace
        return Trajectory(
            task=self.task,
            repeat=self.repeat,
            steps=tuple(self.steps),
            outcome=self._outcome(ending, error, trace),
            provenance=self._provenance(started_at),
            extra=self._timings(),
        )

    def _act_until_the_end(self) -> tuple[Ending, str | None]:
        began = time.monotonic()
        with self._world():
            spec = self.environment.spec
            observation = checked_observation(self.environment.reset(self.ref))
        if not self.task.objective:  # of a task that is made when its page opens
            self.task = self.task.model_copy(update={"objective": record.text(observation.instruction)})
        self.reset_seconds = time.monotonic() - began
        start = Start(self.task, self.repeat, self.seed, spec, self.environment)
        with self._agent():
            self.policy.start(start)
        actions: list[str | None] = []
        previous: str | None = None
        error: str | None = None
        while True:
            view = View(observation, len(self.steps), previous, error)
            decision, attempts, model_seconds = self._ask(view)
            actions.append(decision.action)
            if decision.action is None:
                error = NO_ACTION
                self.steps.append(
                    record.step(observation, decision, attempts=attempts, model_seconds=model_seconds, error=error)
                )
            else:
                result = self._take(observation, decision, attempts, model_seconds)
                if result.unreadable:
                    actions[-1] = None
                if result.terminated or result.truncated:
                    return (Ending.STOP, result.error) if result.terminated else (Ending.STEP_LIMIT, result.error)
                observation, error = result.observation, result.error
                previous = record.text(str(result.info.get(record.SENTENCE) or decision.action))
            seconds = time.monotonic() - self.began
            if stop := self.limits.stop(actions, step_budget=spec.step_budget, seconds=seconds):
                return stop

    def _ask(self, view: View) -> tuple[Decision, list[dict[str, Any]], float]:
        """Ask for an action, and again as often as the limits allow; the last answer, those before it, seconds."""
        attempts: list[dict[str, Any]] = []
        total = 0.0
        while True:
            again = View(view.observation, view.step, view.previous_action, view.previous_error, attempt=len(attempts))
            began = time.monotonic()
            try:
                with self._agent():
                    decision = checked_decision(self.policy.act(again), policy=self.policy.name)
            except _FailedError as failure:
                self.steps.append(
                    record.step(
                        view.observation,
                        None,
                        attempts=attempts,
                        model_seconds=total + time.monotonic() - began,
                        error=str(failure),
                        executed=False,
                    )
                )
                raise
            measured = time.monotonic() - began
            seconds = measured if decision.model_seconds is None else decision.model_seconds
            total += seconds
            if decision.action is not None or len(attempts) >= self.limits.retries:
                return decision, attempts, total
            attempts.append(record.attempt(decision, seconds))

    def _take(
        self, observation: Observation, decision: Decision, attempts: list[dict[str, Any]], model_seconds: float
    ) -> StepResult:
        """Carry out an action and record the step, also where the world fails."""
        assert decision.action is not None
        began = time.monotonic()
        result: StepResult | None = None
        error: str | None = None
        try:
            with self._world():
                result = checked_result(self.environment.step(decision.action))
        except _FailedError as failure:
            error = str(failure)
            raise
        finally:
            if result is not None or error is not None:
                self.steps.append(
                    record.step(
                        observation,
                        decision,
                        attempts=attempts,
                        model_seconds=model_seconds,
                        result=result,
                        environment_seconds=time.monotonic() - began,
                        error=error,
                    )
                )
        self.result = result
        return result

    def _judge(self) -> None:
        """Have an episode that did not end by itself judged as it stands, where the environment can."""
        with self._world():
            if Capability.JUDGE in self.environment.spec.capabilities:
                assert isinstance(self.environment, JudgingEnvironment)
                # WebArena's runner puts "Early stop: ..." in the place of an answer, whose words and digits may pass a
                # check for a part of the answer. Nothing was answered.
                self.result = checked_result(self.environment.judge(""))

    def _outcome(self, ending: Ending, error: str | None, trace: str | None) -> Outcome:
        result = self.result
        extra: dict[str, Any] = {}
        if result is not None:
            if record.EVIDENCE in result.info:
                extra[record.EVIDENCE] = record.plain(result.info[record.EVIDENCE])
            if "judgement" in result.info:
                extra["judgement"] = record.plain(result.info["judgement"])
            if result.raw_score is not None:
                extra["raw_score"] = record.plain(result.raw_score)
        score: float | None = 0.0 if result is None else float(result.score)
        if result is not None and result.info.get("unknown") and not result.success:
            extra["unknown"] = record.plain(result.info["unknown"])
            score = None
        # A world or a server that failed says nothing about the agent; an agent that failed did not solve the task.
        score = None if ending.transport_failure else 0.0 if ending is Ending.AGENT_ERROR else score
        return Outcome(
            score=score, ending=ending, error=record.optional(error), traceback=record.optional(trace), extra=extra
        )

    def _timings(self) -> dict[str, Any]:
        seconds = {"seconds": time.monotonic() - self.began, "reset_seconds": self.reset_seconds}
        return {name: round(value, record.SECONDS_DIGITS) for name, value in seconds.items() if value is not None}

    def _provenance(self, started_at: str) -> Provenance:
        model = self.about.get("model")
        driver = None
        with suppress(Exception):  # a world that is gone has no driver to name
            driver = self.environment.spec.driver
        return Provenance(
            agent=self.agent,
            model=str(model.get("name")) if isinstance(model, dict) else None if model is None else str(model),
            driver=driver,
            sampling=self.about.get("sampling") or {},
            seed=self.seed,
            started_at=started_at,
            extra={"task_ref": str(self.ref), "run_seed": self.run_seed},
        )

    @contextmanager
    def _world(self) -> Iterator[None]:
        try:
            yield
        except (KeyboardInterrupt, WorkerStopped):
            raise
        except BaseException as error:
            raise _FailedError(Ending.ENVIRONMENT_ERROR, said(error)) from error

    @contextmanager
    def _agent(self) -> Iterator[None]:
        try:
            yield
        except (KeyboardInterrupt, WorkerStopped):
            raise
        except EnvironmentFailure as error:  # a policy that asks the environment, as the oracle does
            raise _FailedError(Ending.ENVIRONMENT_ERROR, said(error)) from error
        except ModelUnavailableError as error:
            raise _FailedError(Ending.MODEL_UNAVAILABLE, said(error)) from error
        except BaseException as error:  # a policy that calls sys.exit() ends its episode, not the run
            raise _FailedError(Ending.AGENT_ERROR, said(error), _traceback(error)) from error


def said(error: BaseException) -> str:
    """An exception in one line: its type and the beginning of its message."""
    try:
        words = str(error)
    except Exception:
        words = "(its message cannot be read)"
    words = words if len(words) <= ERROR_CHARS else f"{words[:ERROR_CHARS]}… ({len(words):,} characters)"
    return f"{type(error).__name__}: {words}" if words else type(error).__name__


def _traceback(error: BaseException) -> str | None:
    """An exception's traceback, from the policy's first frame on; None where it has no such frame."""
    frames = error.__traceback__
    while frames is not None and frames.tb_frame.f_code.co_filename in _OWN_FILES:
        frames = frames.tb_next
    if frames is None:
        return None
    try:
        text = "".join(traceback.format_exception(type(error), error, frames))
    except Exception:  # an exception of the policy's own class may fail at anything
        return None
    if len(text) <= TRACEBACK_CHARS:
        return text
    half = TRACEBACK_CHARS // 2
    return f"{text[:half]}\n...\n{text[-half:]}"


_OWN_FILES = frozenset(function.__code__.co_filename for function in (said, checked_decision))
