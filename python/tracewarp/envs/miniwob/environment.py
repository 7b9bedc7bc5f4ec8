"""MiniWoB++ as an environment: its pages and rewards, in Chromium, with the observations and actions of all web tasks.

definition  The page draws its instance with `Math.seedrandom(seed)` and begins by `core.startEpisodeReal()`. It ends
            the episode itself, with a raw reward in -1..1 that no clock scales (`WOB_RAW_REWARD_GLOBAL`,
            `WOB_DONE_GLOBAL`). Raw score = that reward, 0 where the episode was ended from outside; score = the raw
            reward, negative ones as 0; success is a score of 1.
source      MiniWoB++ (Shi et al. 2017, Liu et al. 2018), core.js of version 1.1.0.
differs     No time limit unless it is asked for (the pages' own is 10 s, made for agents that learn by rewards). What
            the pages show beside the task (the instruction, the clock, the last rewards) is not in the tree.
"""

from __future__ import annotations

import json
import secrets
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from tracewarp.envs.base import Capability, EnvSpec, Observation, StepResult, TaskRef
from tracewarp.envs.miniwob.pages import PageServer, pages_folder, pages_version
from tracewarp.envs.miniwob.solutions import Acts, Page
from tracewarp.envs.miniwob.source import HOST, MiniWobSource, solution_of
from tracewarp.envs.web.actions import Action
from tracewarp.envs.web.driver import Driver
from tracewarp.envs.web.environment import WebEnvironment, WebEpisode
from tracewarp.envs.web.oracle import Act, resolve
from tracewarp.envs.web.tasks import Evaluation, WebTask
from tracewarp.envs.web.tree import Element
from tracewarp.errors import EnvironmentFailure, OptionError

DEFAULT_STEP_BUDGET = 20
NO_LIMIT_MILLISECONDS = 2**31 - 1
"""The longest that a browser's timer waits: 24 days."""

SUCCESS = "the page gives the raw reward 1, which no clock scales"

_BEGIN = """(() => {
  if (typeof core === "undefined") return null;
  window.episodeOfTracewarp = %(token)s;
  core.setDataMode(%(mode)s);
  core.EPISODE_MAX_TIME = %(milliseconds)d;
  Math.seedrandom(%(seed)d);
  core.startEpisodeReal();
  for (const id of ["query", "reward-display", "click-canvas", "sync-task-cover"])
    document.getElementById(id)?.setAttribute("aria-hidden", "true");
  const said = core.getUtterance();
  return JSON.stringify(typeof said === "string" ? said : said.utterance);
})()"""
"""Some pages give the instruction together with its fields."""

_REST = """new Promise(done => {
  const end = Date.now() + 1500;
  const look = () => {
    const moves = window.jQuery && jQuery.timers.length > 0 && Date.now() < end;
    if (moves || (typeof WOB_TASK_READY !== "undefined" && !WOB_TASK_READY && Date.now() < end)) setTimeout(look, 10);
    else done(true);
  };
  look();
})"""
"""Panels that slide open are waited for, and a page that says that it is not ready."""

_STATE = """window.episodeOfTracewarp === %(token)s
  ? JSON.stringify({done: WOB_DONE_GLOBAL, raw: WOB_RAW_REWARD_GLOBAL, reason: WOB_REWARD_REASON ?? null}) : null"""


@dataclass(frozen=True, slots=True)
class _State:
    """What the page says of the episode."""

    done: bool = False
    raw: float = 0.0
    reason: str | None = None


class _Solution:
    """A known solution as it goes on: the act that comes next, until it is carried out."""

    def __init__(self, solution: Callable[[Page], Acts]) -> None:
        self.page = Page()
        self.solution = solution
        self.acts: Acts | None = None
        self.next: Act | None = None
        self.lost = False
        """Other actions led to a page with which the solution cannot go on."""

    def action(self, instruction: str, elements: Mapping[int, Element]) -> str:
        """The next act on this page; raises `EnvironmentFailure` where it does not fit."""
        if self.next is None:
            self.page.look(instruction, elements)
            if self.acts is None:
                self.acts = self.solution(self.page)
            try:
                self.next = None if self.lost else next(self.acts, Act("stop", text="nothing is left to do"))
            except (AssertionError, IndexError, ValueError):  # another page than the solution expects
                self.lost = True
        if self.next is None:
            raise EnvironmentFailure("oracle: the known solution does not fit the page")
        return resolve(self.next, elements)

    def advance(self) -> None:
        """The act was carried out."""
        self.next = None


class MiniWobEnvironment(WebEnvironment):
    """A `WebEnvironment` whose pages reward by themselves and end the episode; it serves them until it is closed."""

    def __init__(
        self,
        source: MiniWobSource,
        driver: Driver,
        *,
        stop: Callable[[], None],
        time_limit_seconds: float | None = None,
        version: str | None = None,
        **options: Any,
    ) -> None:
        """Put the parts together.

        Args:
            source: the tasks.
            driver: a browser that runs scripts and finds the pages' host.
            stop: called when the environment is closed.
            time_limit_seconds: after which a page ends an episode with reward -1; None: never.
            version: of MiniWoB++, for the record.
            options: of `WebEnvironment`.

        Raises:
            OptionError: an option outside its range.
        """
        if time_limit_seconds is not None and not 0 < time_limit_seconds <= NO_LIMIT_MILLISECONDS / 1000:
            raise OptionError(f"time_limit_seconds: expected more than 0, or None, got {time_limit_seconds!r}")
        if "evaluator" in options or "judge" in options:
            raise OptionError("evaluator, judge: MiniWoB++'s pages give the reward themselves; expected neither")
        # The classic dialect drops a text of one digit where an id above has that digit; these pages are full of such.
        defaults: dict[str, Any] = {"step_budget": DEFAULT_STEP_BUDGET, "dialect": "native"}
        super().__init__(source, driver, **defaults | options)
        self.source = source
        self._stop = stop
        self._limit_seconds = time_limit_seconds
        self._version = version
        self._token = ""
        self._solution: _Solution | None = None

    @property
    def spec(self) -> EnvSpec:
        """What it is, and what it offers."""
        spec = super().spec
        settings = {
            name: value for name, value in spec.settings.items() if name not in ("judge", "evaluator", "public_hosts")
        }
        own = {"instances": self.source.instances, "time_limit_seconds": self._limit_seconds, "version": self._version}
        return replace(
            spec,
            success=SUCCESS,
            capabilities=spec.capabilities | {Capability.ORACLE},
            extras=("browser", "the package miniwob, without its dependencies"),
            settings=settings | own,
        )

    def close(self) -> None:
        """Let go of the episode, the browser and the pages; may be called twice."""
        super().close()
        self._stop()

    def __enter__(self) -> MiniWobEnvironment:
        return self

    def oracle_action(self) -> str:
        """The next action of the known solution; it advances when `step` carries it out.

        Raises:
            OptionError: before `reset`, after the end, or where no solution is known (see `MiniWobSource.solvable`).
            EnvironmentFailure: the solution does not fit the page.
        """
        episode = self._running()
        if self._solution is None:
            raise OptionError(f"oracle: no solution of {episode.ref} is known; see MiniWobSource.solvable")
        episode.oracle_said = self._solution.action(episode.task.intent, episode.elements)
        return episode.oracle_said

    def step(self, action: str) -> StepResult:
        """Carry out one action.

        Raises:
            OptionError: before `reset`, or after the end.
            EnvironmentFailure: the browser or a page failed; the episode is over.
        """
        done = 0 if self._episode is None else self._episode.done_acts
        result = super().step(action)
        if self._solution is not None and self._episode is not None and self._episode.done_acts > done:
            self._solution.advance()
        return result

    def _typed(self, ref: TaskRef) -> WebTask:
        task = self.source.task(ref)
        return WebTask(id=task.id, intent="", start_urls=(self.source.address(ref),), evaluation=Evaluation(types=()))

    def _begin(self, episode: WebEpisode) -> None:
        # The page cannot be made to start over by the agent: a page that was loaded again does not know the token.
        self._token = secrets.token_hex(8)
        milliseconds = NO_LIMIT_MILLISECONDS if self._limit_seconds is None else round(self._limit_seconds * 1000)
        said = self._driver.query(
            _BEGIN
            % {
                "token": json.dumps(self._token),
                "mode": json.dumps(episode.ref.split),
                "milliseconds": milliseconds,
                "seed": episode.ref.seed,
            }
        )
        if not said:
            raise EnvironmentFailure(
                f"{episode.ref}: the page does not begin: it is none of MiniWoB++, or its script fails"
            )
        episode.task = replace(episode.task, intent=json.loads(said))
        found = solution_of(episode.ref)
        self._solution = None if found is None else _Solution(found)

    def _observe(self, episode: WebEpisode) -> Observation:
        self._driver.query(_REST)
        return super()._observe(episode)

    def _carry_out(self, episode: WebEpisode, action: Action, said: str) -> StepResult:
        result = super()._carry_out(episode, action, said)
        state = self._state()
        if not state.done:
            return result
        return self._ended(episode, result, state)

    def _end(self, episode: WebEpisode, answer: str, *, valid: bool | None, info: Mapping[str, Any]) -> StepResult:
        """The agent or the runner ends what the page has not ended, or ended a moment ago by its clock."""
        assert episode.observation is not None
        return self._ended(episode, StepResult(episode.observation, valid=valid, info=info), self._state())

    def _ended(self, episode: WebEpisode, result: StepResult, state: _State) -> StepResult:
        episode.ended = True
        score = min(max(state.raw, 0.0), 1.0)
        return replace(
            result,
            reward=score,
            score=score,
            raw_score=state.raw,
            success=score == 1,
            terminated=True,
            info={**result.info, "ended_by_page": state.done, "reason": state.reason},
        )

    def _state(self) -> _State:
        """What the current tab's page says; another page than the episode's own says nothing."""
        said = self._driver.query(_STATE % {"token": json.dumps(self._token)})
        if not said:
            return _State()
        found = json.loads(said)
        reason = found["reason"]
        return _State(bool(found["done"]), float(found["raw"] or 0.0), None if reason is None else str(reason))


def make_miniwob(
    *,
    driver: str = "chromium",
    instances: int = 1,
    pages: str | Path | None = None,
    executable: str | None = None,
    channel: str | None = None,
    headless: bool = True,
    **options: Any,
) -> MiniWobEnvironment:
    """Make MiniWoB++ with a browser; nothing else needs to run.

    Args:
        driver: `chromium`; the pages are scripts, which nothing else here runs.
        instances: of every task in every split.
        pages: MiniWoB++'s folder `html`; None: the installed package's.
        executable: Chromium's path; None: the installed one that is found.
        channel: Playwright's name of an installed browser instead.
        headless: False shows the browser's window.
        options: of `MiniWobEnvironment` and `WebEnvironment`, e.g. `time_limit_seconds`, `extent`.

    Raises:
        OptionError: another driver, or an option outside its range.
        MissingExtraError: MiniWoB++ or the extra `browser` is not installed.
        EnvironmentFailure: no Chromium is installed.
    """
    if driver != "chromium":
        raise OptionError(f"driver: MiniWoB++'s pages are scripts and need chromium, got {driver!r}")
    from tracewarp.envs.web.chromium import ChromiumDriver

    source = MiniWobSource(instances=instances, pages=pages)
    with ExitStack() as opening:
        server = PageServer(pages_folder(pages))
        opening.callback(server.close)
        # Every other name is refused before it is looked up: nothing leaves the machine.
        rules = f"MAP {HOST} 127.0.0.1:{server.port}, MAP * ~NOTFOUND"
        browser = ChromiumDriver(executable=executable, channel=channel, headless=headless, resolver_rules=rules)
        opening.callback(browser.close)
        running = ExitStack()
        environment = MiniWobEnvironment(source, browser, stop=running.close, version=pages_version(pages), **options)
        running.push(opening.pop_all())
        return environment
