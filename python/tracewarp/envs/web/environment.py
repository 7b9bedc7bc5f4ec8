"""Any web benchmark in any browser: tasks from a source, pages from a driver, scores from WebArena's evaluators."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from types import TracebackType
from typing import Any, Literal, get_args

from tracewarp.envs.base import Capability, EnvSpec, Observation, StepResult, TaskRef
from tracewarp.envs.web import actions
from tracewarp.envs.web.actions import Action
from tracewarp.envs.web.admissible import admissible_actions
from tracewarp.envs.web.driver import ActionRefused, Driver, Session, Tab
from tracewarp.envs.web.evaluators import Evaluator, Judge, evaluate, require_evaluator
from tracewarp.envs.web.evidence import gather
from tracewarp.envs.web.ids import FirstAppearance, Numbering, browser_numbers
from tracewarp.envs.web.oracle import Act, resolve
from tracewarp.envs.web.source import WebTaskSource
from tracewarp.envs.web.tasks import WebTask, web_task
from tracewarp.envs.web.tree import MAX_OPTIONS, Dialect, Element, Extent, render_tree
from tracewarp.errors import EnvironmentFailure, OptionError

DEFAULT_STEP_BUDGET = 30

SUCCESS = (
    "every check of the task holds at the end: the answer, the address, and what the sites' pages say (WebArena's "
    "evaluators); parts that need a judge count as failed where there is none"
)


@dataclass(slots=True)
class WebEpisode:
    """What one episode knows."""

    ref: TaskRef
    task: WebTask
    session: Session
    numbering: Numbering
    acts: tuple[Act, ...] = ()
    done_acts: int = 0
    oracle_said: str | None = None
    """The action that `oracle_action` gave last and that was not yet carried out."""
    ended: bool = False
    observation: Observation | None = None
    elements: Mapping[int, Element] = field(default_factory=dict)
    tabs: tuple[Tab, ...] = ()


class WebEnvironment:
    """`Environment` over a `WebTaskSource` and a `Driver`; offers admissible actions, and judges early endings."""

    def __init__(
        self,
        source: WebTaskSource,
        driver: Driver,
        *,
        dialect: Dialect = "classic",
        extent: Extent = "page",
        action_dialect: actions.Dialect = "webarena",
        ids: Literal["episode", "browser"] = "episode",
        truncate: Callable[[str], str] | None = None,
        html: bool = False,
        judge: Judge | None = None,
        evaluator: Evaluator = "webarena",
        step_budget: int = DEFAULT_STEP_BUDGET,
        list_dialog: bool | str = False,
        max_options: int | str = MAX_OPTIONS,
    ) -> None:
        """Put the parts together; nothing is opened before `reset`.

        Args:
            source: the tasks and where their sites are.
            driver: the browser; closed with the environment.
            dialect: of the observation (see `tracewarp.envs.web.tree`).
            extent: of the observation.
            action_dialect: in which actions are explained and the environment writes them; both are understood.
            ids: `episode` counts elements up by first appearance; `browser` takes Chromium's own numbers, as WebArena.
            truncate: cuts an observation to the agent's budget; what is cut away cannot be acted on.
            html: fill `Observation.html`, too.
            judge: for parts of a score that compare meanings; None: they are unknown.
            evaluator: how texts and addresses are compared, see `tracewarp.envs.web.evaluators`.
            step_budget: after how many actions the runner ends an episode, unless it is told otherwise.
            list_dialog: tell models of the action `dialog [accept]`, which is understood in any case.
            max_options: of a longer select so many options are shown, and the number of the others; 0: all, as in
                WebArena.

        Raises:
            OptionError: an option outside its range.
        """
        for name, given, known in (
            ("dialect", dialect, get_args(Dialect)),
            ("extent", extent, get_args(Extent)),
            ("ids", ids, ("episode", "browser")),
        ):
            if given not in known:
                raise OptionError(f"{name}: expected {' or '.join(known)}, got {given!r}")
        if not str(max_options).isdecimal():
            raise OptionError(f"max_options: expected a whole number of at least 0, got {max_options!r}")
        if step_budget < 1:
            raise OptionError(f"step_budget: expected at least 1, got {step_budget}")
        self._max_options = int(max_options)
        self._list_dialog = _switch("list_dialog", list_dialog)
        self._grammar = actions.describe_actions(action_dialect, dialogs=self._list_dialog)
        self._source = source
        self._driver = driver
        self._dialect: Dialect = dialect
        self._extent: Extent = extent
        self._action_dialect: actions.Dialect = action_dialect
        self._ids = ids
        self._truncate = truncate
        self._html = html
        self._judge = judge
        self._evaluator = require_evaluator(evaluator)
        self._step_budget = step_budget
        self._episode: WebEpisode | None = None

    @property
    def spec(self) -> EnvSpec:
        """What it is, and what it offers."""
        offered = {Capability.ADMISSIBLE, Capability.JUDGE}
        offered |= {Capability.HTML} if self._html else set()
        offered |= {Capability.ORACLE} if self._source.has_oracle else set()
        offered |= {Capability.DETERMINISTIC} if self._source.deterministic else set()
        return EnvSpec(
            name=self._source.name,
            driver=self._driver.name,
            grammar=self._grammar,
            step_budget=self._step_budget,
            success=SUCCESS,
            capabilities=frozenset(offered),
            licence=self._source.licence,
            settings={
                "dialect": self._dialect,
                "extent": self._extent,
                "action_dialect": self._action_dialect,
                "ids": self._ids,
                "truncated": self._truncate is not None,
                "judge": self._judge is not None,
                "evaluator": self._evaluator,
                "public_hosts": bool(self._source.sites.public),
                "list_dialog": self._list_dialog,
                "max_options": self._max_options,
            },
        )

    def reset(self, task: TaskRef) -> Observation:
        """Begin an episode in a fresh browser context with the source's clean state.

        Raises:
            OptionError: a task that is not there.
            EnvironmentFailure: the browser or a site failed.
        """
        self._release()
        episode = WebEpisode(
            ref=task,
            task=self._typed(task),
            session=self._source.session(task),
            numbering=FirstAppearance() if self._ids == "episode" else browser_numbers,
            acts=self._source.oracle(task) if self._source.has_oracle else (),
        )
        self._episode = episode
        try:
            self._driver.start(episode.session)
            self._begin(episode)
            return self._observe(episode)
        except BaseException:
            episode.ended = True
            raise

    def step(self, action: str) -> StepResult:
        """Carry out one action; `stop` ends the episode and judges it.

        Raises:
            OptionError: before `reset`, or after the end.
            EnvironmentFailure: the browser or a site failed; the episode is over.
        """
        episode = self._running()
        try:
            parsed = actions.parse_action(self._source.sites.real(action))
        except ActionRefused as refusal:
            assert episode.observation is not None
            return StepResult(episode.observation, valid=False, unreadable=True, error=str(refusal))
        said = self._source.sites.shown(actions.sentence(parsed, episode.elements, self._action_dialect))
        try:
            if actions.ends_episode(parsed):
                return self._end(episode, parsed.text or "", valid=True, info={"sentence": said})
            result = self._carry_out(episode, parsed, said)
        except EnvironmentFailure:
            episode.ended = True
            raise
        if result.valid and action == episode.oracle_said:
            episode.done_acts += 1
            episode.oracle_said = None
        return result

    def judge(self, answer: str) -> StepResult:
        """End the episode from outside and judge it, with `answer` in the place of the agent's own.

        Raises:
            OptionError: before `reset`, or after the end.
            EnvironmentFailure: the browser or a site failed.
        """
        return self._end(self._running(), answer, valid=None, info={})

    def admissible(self) -> tuple[str, ...]:
        """What is possible now: clicks and writing by the page, then tabs, history and the end.

        Raises:
            OptionError: before `reset`, or after the end.
        """
        episode = self._running()
        possible = admissible_actions(episode.elements, episode.tabs, objective=episode.task.intent)
        return tuple(actions.write_action(action, self._action_dialect) for action in possible)

    def oracle_action(self) -> str:
        """The next action of the known solution; it advances when `step` carries it out.

        Raises:
            OptionError: before `reset`, after the end, or where no solution is known.
            EnvironmentFailure: the page has nothing to carry it out on.
        """
        episode = self._running()
        if not self._source.has_oracle:
            raise OptionError(f"{self._source.name} knows no solutions")
        if episode.done_acts >= len(episode.acts):
            raise EnvironmentFailure(f"oracle: the solution of {episode.ref} ends without a stop")
        written = resolve(episode.acts[episode.done_acts], episode.elements)
        action = actions.parse_action(self._source.sites.resolve(written), "webarena")
        episode.oracle_said = self._source.sites.shown(actions.write_action(action, self._action_dialect))
        return episode.oracle_said

    def follow(self, acts: Sequence[Act]) -> None:
        """Let `oracle_action` give these acts from now on in the current episode, instead of the known solution.

        Raises:
            OptionError: before `reset`, or after the end.
        """
        episode = self._running()
        episode.acts, episode.done_acts, episode.oracle_said = tuple(acts), 0, None

    @property
    def solution(self) -> tuple[Act, ...]:
        """What `oracle_action` follows in the current episode, from its first act.

        Raises:
            OptionError: before `reset`, or after the end.
        """
        return self._running().acts

    def close(self) -> None:
        """Let go of the episode and the browser; may be called twice."""
        self._release()
        self._driver.close()

    def __enter__(self) -> WebEnvironment:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def _typed(self, ref: TaskRef) -> WebTask:
        """The task; a benchmark that is not judged by WebArena's evaluators makes it in its own way."""
        return web_task(self._source.task(ref), self._source.sites)

    def _begin(self, episode: WebEpisode) -> None:
        """The start pages are open, and nobody has looked yet: a benchmark may tell its pages here to begin."""

    def _running(self) -> WebEpisode:
        if self._episode is None or self._episode.ended:
            when = "before reset" if self._episode is None else "after the end of the episode"
            raise OptionError(f"step: there is no episode to go on with {when}; call reset first")
        return self._episode

    def _release(self) -> None:
        if self._episode is not None:
            episode, self._episode = self._episode, None
            self._source.release(episode.session)

    def _carry_out(self, episode: WebEpisode, action: Action, said: str) -> StepResult:
        refusal: str | None = None
        try:
            actions.execute(action, self._driver, episode.elements)
        except ActionRefused as refused:
            refusal = self._source.sites.shown(str(refused))
        if action.verb != "dialog":
            self._driver.dismiss_dialogs()
        return StepResult(self._observe(episode), valid=refusal is None, error=refusal, info={"sentence": said})

    def _observe(self, episode: WebEpisode) -> Observation:
        sites = self._source.sites
        episode.tabs = self._driver.tabs()
        root = self._driver.tree()
        dialogs = self._driver.take_dialogs()
        rendered = render_tree(
            root,
            tabs=episode.tabs,
            ids=episode.numbering,
            dialect=self._dialect,
            extent=self._extent,
            truncate=self._truncate,
            dialogs=dialogs,
            max_options=self._max_options or None,
        )
        episode.elements = rendered.elements
        current = next((tab for tab in episode.tabs if tab.current), None)
        episode.observation = Observation(
            text=sites.shown(rendered.text),
            instruction=episode.task.intent,
            url=None if current is None else sites.shown(current.url),
            title=None if current is None else current.title,
            html=self._driver.html() if self._html else None,
            axtree=root,
            extra=({"cut": True} if rendered.cut else {})
            | ({"dialogs": [asdict(dialog) for dialog in dialogs]} if dialogs else {}),
        )
        return episode.observation

    def _end(self, episode: WebEpisode, answer: str, *, valid: bool | None, info: Mapping[str, Any]) -> StepResult:
        """Gather the evidence and judge; the observation is that of before, since probing leads the tab elsewhere."""
        assert episode.observation is not None
        episode.ended = True
        self._driver.dismiss_dialogs()
        evidence = gather(episode.task, self._driver, answer=answer, sites=self._source.sites)
        judgement = evaluate(episode.task, evidence, self._judge, evaluator=self._evaluator)
        return StepResult(
            episode.observation,
            reward=judgement.low,
            score=judgement.low,
            success=judgement.success,
            terminated=True,
            valid=valid,
            info={
                **info,
                "evidence": evidence.to_json(),
                "judgement": judgement.to_json(),
                "unknown": judgement.unknown,
            },
        )


def _switch(name: str, value: object) -> bool:
    """A setting that is on or off, as Python or a command line gives it."""
    found = {"true": True, "false": False, "1": True, "0": False}.get(str(value).lower())
    if found is None:
        raise OptionError(f"{name}: expected true or false, got {value!r}")
    return found
