"""Every environment that ships passes the conformance suite; the suite finds environments that do not."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from importlib.util import find_spec

import pytest
from counter_world import CounterSource, CounterWorld

from tracewarp.envs.arena.environment import make_arena
from tracewarp.envs.arena.source import ArenaSource
from tracewarp.envs.base import Capability, EnvSpec, Observation, StepResult, TaskRef
from tracewarp.envs.conformance import CHECKS, Subject, check_environment, run_check
from tracewarp.envs.web.environment import WebEnvironment
from tracewarp.errors import OptionError


def arena_tasks(count: int) -> tuple[TaskRef, ...]:
    """Tasks from all over the benchmark that doing nothing does not solve."""
    source = ArenaSource()
    open_tasks = [ref for ref in source if not source.find(ref).instance.trivial]
    return tuple(open_tasks[:: len(open_tasks) // count][:count])


@pytest.mark.parametrize("check", CHECKS)
def test_arena_without_a_browser(check: str) -> None:
    assert run_check(check, Subject(lambda: make_arena(driver="browserless"), arena_tasks(12))) is None


@pytest.mark.parametrize("check", ["the_oracle_succeeds", "bad_actions_are_results", "close_may_be_called_twice"])
def test_arena_over_loopback(check: str) -> None:
    assert run_check(check, Subject(lambda: make_arena(driver="http"), arena_tasks(2))) is None


@pytest.fixture(scope="module")
def chromium(chromium_path: str) -> Iterator[WebEnvironment]:
    """One browser for all checks: launching it is most of the time."""
    environment = make_arena(driver="chromium")
    close = environment.close
    environment.close = lambda: None  # type: ignore[method-assign]
    yield environment
    close()


@pytest.mark.browser
@pytest.mark.parametrize("check", CHECKS)
def test_arena_in_chromium(check: str, chromium: WebEnvironment) -> None:
    assert run_check(check, Subject(lambda: chromium, arena_tasks(1))) is None


@pytest.fixture(scope="module")
def miniwob(chromium_path: str) -> Iterator[WebEnvironment]:
    from tracewarp.envs.miniwob import make_miniwob

    if find_spec("miniwob") is None:
        pytest.skip("MiniWoB++ is not installed: pip install --no-deps miniwob")
    environment = make_miniwob()
    close = environment.close
    environment.close = lambda: None  # type: ignore[method-assign]
    yield environment
    close()


@pytest.mark.browser
@pytest.mark.parametrize("check", CHECKS)
def test_miniwob(check: str, miniwob: WebEnvironment) -> None:
    keys = ("click-test", "enter-text", "click-collapsible", "read-table")
    tasks = tuple(TaskRef("miniwob", "test", key, 0) for key in keys)
    assert run_check(check, Subject(lambda: miniwob, tasks)) is None


class Counter(CounterWorld):
    def reset(self, task: TaskRef) -> Observation:
        CounterSource().task(task)
        return super().reset(task)


def counter(world: type[CounterWorld] = Counter) -> Subject:
    tasks = tuple(ref for ref in CounterSource() if ref.split == "test")[:3]
    return Subject(world, tasks, do_nothing=("stop [999]",), harmless="back")


def test_the_world_of_the_collection_tests() -> None:
    assert [finding for finding in check_environment(counter()) if finding.problem] == []


class TakesAnything(CounterWorld):
    def step(self, action: str) -> StepResult:
        return replace(super().step(action), valid=True, error=None)


class GoesOnAfterTheEnd(CounterWorld):
    def step(self, action: str) -> StepResult:
        return replace(super().step("back"), terminated=action.startswith("stop"))


class SucceedsAtOnce(CounterWorld):
    def step(self, action: str) -> StepResult:
        result = super().step(action)
        return replace(result, success=True, score=1.0) if action.startswith("stop") else result


class ClaimsHtml(CounterWorld):
    @property
    def spec(self) -> EnvSpec:
        spec = super().spec
        return replace(spec, capabilities=spec.capabilities | {Capability.HTML, Capability.JUDGE})


class Remembers(CounterWorld):
    resets = 0

    def reset(self, task: TaskRef) -> Observation:
        self.resets += 1
        return replace(super().reset(task), text=f"reset number {self.resets}")


class ClosesOnce(CounterWorld):
    def close(self) -> None:
        super().close()
        if self.closed > 1:
            raise OptionError("closed already")


@pytest.mark.parametrize(
    ("world", "check"),
    [
        (TakesAnything, "bad_actions_are_results"),
        (GoesOnAfterTheEnd, "no_step_after_the_end"),
        (SucceedsAtOnce, "doing_nothing_does_not_succeed"),
        (ClaimsHtml, "html_is_there_where_it_is_declared"),
        (ClaimsHtml, "early_ends_are_judged"),
        (Remembers, "reset_forgets_what_was_done"),
    ],
)
def test_a_broken_rule_is_found(world: type[CounterWorld], check: str) -> None:
    assert run_check(check, counter(world))


def test_a_crash_is_no_finding() -> None:
    with pytest.raises(OptionError, match="closed already"):
        run_check("close_may_be_called_twice", counter(ClosesOnce))


def test_tasks_are_needed() -> None:
    with pytest.raises(OptionError, match="at least one task"):
        check_environment(Subject(CounterWorld, ()))
