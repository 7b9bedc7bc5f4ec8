"""What every environment must do, as checks that run on any of them; the adapters here pass, and so should yours.

Example:
    >>> from tracewarp.envs.conformance import Subject, check_environment
    >>> findings = check_environment(Subject(make=make_arena, tasks=tuple(source)[:3]))  # doctest: +SKIP
    >>> [finding for finding in findings if finding.problem]  # doctest: +SKIP
    []
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import cast

from tracewarp.envs.base import (
    AdmissibleEnvironment,
    Capability,
    Environment,
    JudgingEnvironment,
    Observation,
    OracleEnvironment,
    StepResult,
    TaskRef,
)
from tracewarp.errors import OptionError

BAD_ACTIONS = (
    "",
    " \n",
    "\u202eвперёд 東京 🦀",
    "\0",
    "\ud800",
    "x" * 100_000,
    "click [" + "9" * 100_000 + "]",
    "click [999999999]",
    "click [-1]",
    "click [",
    "[[[[]",
    "click('",
    "__import__('os').system('true')",
)
"""No environment can carry these out."""


@dataclass(frozen=True, slots=True)
class Subject:
    """The environment under test."""

    make: Callable[[], Environment]
    """Gives a new one; it is closed after each check."""
    tasks: tuple[TaskRef, ...]
    """At least one. Doing nothing must not solve any of them."""
    do_nothing: tuple[str, ...] = ("stop []",)
    """Actions that end an episode without doing anything."""
    harmless: str = "scroll [down]"
    """An action that is possible anywhere and ends nothing."""


@dataclass(frozen=True, slots=True)
class Finding:
    """What one check found."""

    check: str
    problem: str | None
    """None: passed."""


class _BrokenRuleError(Exception):
    """A rule is broken; the message is a sentence. Never leaves this module."""


def check_environment(subject: Subject) -> tuple[Finding, ...]:
    """Run every check; one that is about a capability passes where the capability is not declared.

    Raises:
        OptionError: no task to check with.
    """
    return tuple(Finding(name, run_check(name, subject)) for name in CHECKS)


def run_check(name: str, subject: Subject) -> str | None:
    """Run one of `CHECKS`; None: passed, else what is wrong, in a sentence."""
    if not subject.tasks:
        raise OptionError("tasks: expected at least one task to check with, got none")
    try:
        with subject.make() as environment:
            CHECKS[name](environment, subject)
    except _BrokenRuleError as broken:
        return str(broken)
    return None


def _spec_is_filled(environment: Environment, _: Subject) -> None:
    spec = environment.spec
    for name in ("name", "grammar", "success"):
        _require(bool(getattr(spec, name).strip()), f"spec.{name} is empty")
    _require(spec.step_budget >= 1, f"spec.step_budget is {spec.step_budget}, expected at least 1")
    _plain(dict(spec.settings), "spec.settings")


def _reset_gives_a_page_and_the_task(environment: Environment, subject: Subject) -> None:
    for task in subject.tasks:
        observation = environment.reset(task)
        _require(bool(observation.text.strip()), f"{task}: the first observation has no text")
        _require(bool(observation.instruction.strip()), f"{task}: the first observation has no instruction")


def _reset_forgets_what_was_done(environment: Environment, subject: Subject) -> None:
    for task in subject.tasks:
        first = environment.reset(task)
        for _ in range(3):
            if _act_somehow(environment, subject).terminated:
                break
        again = environment.reset(task)
        if _has(environment, Capability.DETERMINISTIC):
            _require(_seen(first) == _seen(again), f"{task}: a second reset gives another first observation")


def _unknown_tasks_are_refused(environment: Environment, subject: Subject) -> None:
    known = subject.tasks[0]
    unknown = TaskRef(known.env, known.split, "no-such-task-here", known.seed, known.params)
    _raises_option_error(lambda: environment.reset(unknown), f"reset takes the unknown task {unknown}")


def _no_step_before_reset(environment: Environment, subject: Subject) -> None:
    _raises_option_error(lambda: environment.step(subject.harmless), "step before reset raises no OptionError")


def _no_step_after_the_end(environment: Environment, subject: Subject) -> None:
    environment.reset(subject.tasks[0])
    result = _do_nothing(environment, subject)
    _require(result.terminated, f"{subject.do_nothing} did not end the episode")
    _raises_option_error(lambda: environment.step(subject.harmless), "step after the end raises no OptionError")
    environment.reset(subject.tasks[0])
    _require(not environment.step(subject.harmless).terminated, "an episode after a finished one is at its end at once")


def _bad_actions_are_results(environment: Environment, subject: Subject) -> None:
    environment.reset(subject.tasks[0])
    for action in BAD_ACTIONS:
        result = environment.step(action)
        shown = repr(action[:40])
        _require(result.valid is not True, f"the action {shown} is said to be carried out")
        _require(not result.terminated, f"the action {shown} ended the episode")
        _require(bool(result.error), f"the action {shown} was refused without a sentence")
        _require(len(result.error or "") < 1000, f"the refusal of {shown} is longer than 1,000 characters")
    _require(environment.step(subject.harmless).valid is not False, "after bad actions a good one is refused")


def _doing_nothing_does_not_succeed(environment: Environment, subject: Subject) -> None:
    for task in subject.tasks:
        environment.reset(task)
        result = _do_nothing(environment, subject)
        _require(not result.success, f"{task}: doing nothing succeeds")
        _require(result.score < 1, f"{task}: doing nothing scores {result.score}")


def _a_budget_of_steps_can_be_made(environment: Environment, subject: Subject) -> None:
    environment.reset(subject.tasks[0])
    for number in range(environment.spec.step_budget):
        result = environment.step(subject.harmless)
        _sound(result, f"{subject.tasks[0]}, step {number}")
        if result.truncated or result.terminated:
            _require(not result.success, "a harmless action succeeds")
            return


def _close_may_be_called_twice(environment: Environment, subject: Subject) -> None:
    environment.reset(subject.tasks[0])
    environment.close()
    environment.close()
    with subject.make() as unused:
        unused.close()


def _the_oracle_succeeds(environment: Environment, subject: Subject) -> None:
    if not _has(environment, Capability.ORACLE):
        return
    for task in subject.tasks:
        result = _follow_oracle(environment, task)[-1][1]
        _require(result.success and result.score == 1, f"{task}: the oracle ends with score {result.score}")


def _the_end_is_plain_json(environment: Environment, subject: Subject) -> None:
    environment.reset(subject.tasks[0])
    result = _do_nothing(environment, subject)
    _sound(result, f"{subject.tasks[0]}, at the end")
    _plain(dict(result.info), "the info of the last step")


def _replays_are_equal(environment: Environment, subject: Subject) -> None:
    if not (_has(environment, Capability.DETERMINISTIC) and _has(environment, Capability.ORACLE)):
        return
    task = subject.tasks[-1]
    first = _follow_oracle(environment, task)
    environment.reset(task)
    for number, (action, result) in enumerate(first):
        again = environment.step(action)
        same = (_seen(again.observation), again.score, again.valid) == (
            _seen(result.observation),
            result.score,
            result.valid,
        )
        _require(same, f"{task}: step {number}, {action!r}, leads elsewhere when it is replayed")


def _admissible_actions_are_possible(environment: Environment, subject: Subject) -> None:
    if not _has(environment, Capability.ADMISSIBLE):
        return
    _require(isinstance(environment, AdmissibleEnvironment), "admissible is declared, and there is no admissible()")
    for task in subject.tasks:
        environment.reset(task)
        possible = cast(AdmissibleEnvironment, environment).admissible()
        _require(len(possible) == len(set(possible)), f"{task}: admissible() names an action twice")
        _require(bool(possible), f"{task}: admissible() is empty")
        for action in {possible[0], possible[len(possible) // 2], possible[-1]}:
            environment.reset(task)
            result = environment.step(action)
            _require(result.valid is not False, f"{task}: the admissible {action!r} is refused: {result.error}")


def _early_ends_are_judged(environment: Environment, subject: Subject) -> None:
    if not _has(environment, Capability.JUDGE):
        return
    _require(isinstance(environment, JudgingEnvironment), "judge is declared, and there is no judge()")
    environment.reset(subject.tasks[0])
    result = cast(JudgingEnvironment, environment).judge("Early stop")
    _require(result.terminated and not result.success, "an episode that was stopped early is not at its end, or solved")
    _raises_option_error(lambda: environment.step(subject.harmless), "step after judge raises no OptionError")


def _html_is_there_where_it_is_declared(environment: Environment, subject: Subject) -> None:
    observation = environment.reset(subject.tasks[0])
    declared = _has(environment, Capability.HTML)
    _require(bool(observation.html) == declared, f"html is {'' if declared else 'not '}declared, the markup says else")


CHECKS: Mapping[str, Callable[[Environment, Subject], None]] = {
    check.__name__.strip("_"): check
    for check in (
        _spec_is_filled,
        _reset_gives_a_page_and_the_task,
        _reset_forgets_what_was_done,
        _unknown_tasks_are_refused,
        _no_step_before_reset,
        _no_step_after_the_end,
        _bad_actions_are_results,
        _doing_nothing_does_not_succeed,
        _a_budget_of_steps_can_be_made,
        _close_may_be_called_twice,
        _the_oracle_succeeds,
        _the_end_is_plain_json,
        _replays_are_equal,
        _admissible_actions_are_possible,
        _early_ends_are_judged,
        _html_is_there_where_it_is_declared,
    )
}
"""Name -> check."""


def _follow_oracle(environment: Environment, task: TaskRef) -> list[tuple[str, StepResult]]:
    _require(isinstance(environment, OracleEnvironment), "oracle is declared, and there is no oracle_action()")
    environment.reset(task)
    taken: list[tuple[str, StepResult]] = []
    while not (taken and taken[-1][1].terminated):
        _require(len(taken) < environment.spec.step_budget, f"{task}: the oracle needs more than the step budget")
        action = cast(OracleEnvironment, environment).oracle_action()
        result = environment.step(action)
        _require(result.valid is not False, f"{task}: the oracle's {action!r} is refused: {result.error}")
        _sound(result, f"{task}, {action!r}")
        taken.append((action, result))
    return taken


def _act_somehow(environment: Environment, subject: Subject) -> StepResult:
    """The oracle's way as far as it goes, which changes more than a harmless action."""
    if _has(environment, Capability.ORACLE):
        action = cast(OracleEnvironment, environment).oracle_action()
        if action not in subject.do_nothing and not action.startswith(("stop", "send_msg_to_user")):
            return environment.step(action)
    return environment.step(subject.harmless)


def _do_nothing(environment: Environment, subject: Subject) -> StepResult:
    result: StepResult | None = None
    for action in subject.do_nothing:
        result = environment.step(action)
    assert result is not None, "Subject.do_nothing is empty"
    return result


def _sound(result: StepResult, where: str) -> None:
    _require(0 <= result.score <= 1, f"{where}: the score {result.score} is outside 0..1")
    _require(result.success == (result.score == 1), f"{where}: success is {result.success}, the score {result.score}")
    _require(bool(result.observation.text.strip()), f"{where}: the observation has no text")


def _seen(observation: Observation) -> tuple[str, str | None, str | None]:
    return observation.text, observation.url, observation.title


def _has(environment: Environment, capability: Capability) -> bool:
    return capability in environment.spec.capabilities


def _plain(value: object, what: str) -> None:
    try:
        json.dumps(value, allow_nan=False)
    except (TypeError, ValueError) as error:
        raise _BrokenRuleError(f"{what}: JSON cannot hold it ({error})") from None


def _raises_option_error(call: Callable[[], object], problem: str) -> None:
    try:
        call()
    except OptionError:
        return
    raise _BrokenRuleError(problem)


def _require(condition: bool, problem: str) -> None:  # noqa: FBT001 (an assertion with a sentence)
    if not condition:
        raise _BrokenRuleError(problem)
