"""Arena as an environment: its tasks, its sites and a browser, put together."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import ExitStack
from typing import Any, Literal

from tracewarp.envs.arena.hosts import DOMAIN
from tracewarp.envs.arena.profiles import whole_number
from tracewarp.envs.arena.serve import ArenaServer
from tracewarp.envs.arena.source import ArenaSource
from tracewarp.envs.arena.world import world
from tracewarp.envs.web.actions import Dialect as ActionDialect
from tracewarp.envs.web.driver import Driver
from tracewarp.envs.web.environment import DEFAULT_STEP_BUDGET, WebEnvironment
from tracewarp.envs.web.evaluators import Evaluator, Judge
from tracewarp.envs.web.tree import MAX_OPTIONS, Dialect, Extent
from tracewarp.errors import OptionError

DriverName = Literal["browserless", "http", "chromium"]
DRIVERS: tuple[DriverName, ...] = ("browserless", "http", "chromium")
"""`browserless` calls the sites in process, `http` does so over a loopback port, `chromium` is a real browser."""


class ArenaEnvironment(WebEnvironment):
    """A `WebEnvironment` that brings its own sites, and stops serving them when it is closed."""

    def __init__(self, source: ArenaSource, driver: Driver, *, stop: Callable[[], None], **options: Any) -> None:
        super().__init__(source, driver, **options)
        self.source = source
        self._stop = stop

    def close(self) -> None:
        """Let go of the episode, the browser and the sites; may be called twice."""
        super().close()
        self._stop()

    def __enter__(self) -> ArenaEnvironment:
        return self


def make_arena(
    *,
    driver: DriverName = "browserless",
    profile: str = "full",
    seed: int | str = 0,
    instances: int | str | None = None,
    templates: str | None = None,
    executable: str | None = None,
    channel: str | None = None,
    headless: bool = True,
    dialect: Dialect = "classic",
    extent: Extent = "page",
    action_dialect: ActionDialect = "webarena",
    truncate: Callable[[str], str] | None = None,
    html: bool = False,
    judge: Judge | None = None,
    step_budget: int | str = DEFAULT_STEP_BUDGET,
    list_dialog: bool | str = False,
    evaluator: Evaluator = "webarena",
    max_options: int | str = MAX_OPTIONS,
) -> ArenaEnvironment:
    """Make arena with a driver; nothing else needs to run.

    Args:
        driver: `browserless`, `http` or `chromium`.
        profile: `full` or `small`.
        seed: of the content and of the instances; 0 is the benchmark's.
        instances: how many tasks to generate; None: the listed benchmark.
        templates: only tasks of these: keys or sites with plus signs between (`shop+wiki.fact`); None: all.
        executable: Chromium's path; None: the installed one that is found.
        channel: Playwright's name of an installed browser instead.
        headless: False shows the browser's window.
        dialect: of the observation, see `WebEnvironment`, as the rest.
        extent: `page`, or in Chromium `viewport`.
        action_dialect: `webarena` or `browsergym`.
        truncate: cuts an observation to the agent's budget.
        html: fill `Observation.html`, too.
        judge: for answers whose meaning must be compared.
        step_budget: after how many actions the runner ends an episode.
        list_dialog: tell models of the action `dialog [accept]`.
        evaluator: how checks compare: `webarena`, or `strict` without WebArena's faults.
        max_options: options that are shown of a longer select; 0: all.

    Raises:
        OptionError: an unknown driver or profile, or options of a browser without one.
        MissingExtraError: Chromium without the extra `browser`.
        EnvironmentFailure: no Chromium is installed.
    """
    if driver not in DRIVERS:
        raise OptionError(f"driver: expected one of {', '.join(DRIVERS)}, got {driver!r}")
    if driver != "chromium" and (executable or channel or not headless):
        raise OptionError(f"executable, channel, headless: they belong to driver chromium, got driver {driver!r}")
    seed = whole_number("seed", seed, 0)
    content = world(profile, seed)
    which: dict[str, Any] = {"instances": instances, "templates": templates}
    options: dict[str, Any] = {
        "dialect": dialect,
        "extent": extent,
        "action_dialect": action_dialect,
        "truncate": truncate,
        "html": html,
        "judge": judge,
        "step_budget": whole_number("step_budget", step_budget, 1),
        "list_dialog": list_dialog,
        "evaluator": evaluator,
        "max_options": max_options,
    }
    if driver == "browserless":
        from tracewarp.envs.arena.app import ArenaApp
        from tracewarp.envs.web.browserless import BrowserlessDriver, WsgiTransport

        app = ArenaApp(content)
        source = ArenaSource(profile=profile, seed=seed, forget=app.forget, **which)
        return ArenaEnvironment(source, BrowserlessDriver(WsgiTransport(app)), stop=lambda: None, **options)
    with ExitStack() as opening:
        server = opening.enter_context(ArenaServer(content))
        source = ArenaSource(profile=profile, seed=seed, forget=server.app.forget, **which)
        if driver == "http":
            from tracewarp.envs.web.browserless import BrowserlessDriver, HttpTransport

            transport = HttpTransport(server.port)
            opening.callback(transport.close)
            browser: Driver = BrowserlessDriver(transport)
        else:
            browser = _chromium(server, executable, channel, headless=headless)
        running = ExitStack()
        environment = ArenaEnvironment(source, browser, stop=running.close, **options)
        running.push(opening.pop_all())
        return environment


def _chromium(server: ArenaServer, executable: str | None, channel: str | None, *, headless: bool) -> Driver:
    from tracewarp.envs.web.chromium import ChromiumDriver

    # Every other name is refused before it is looked up: nothing leaves the machine.
    rules = f"MAP *.{DOMAIN} 127.0.0.1:{server.port}, MAP * ~NOTFOUND"
    return ChromiumDriver(executable=executable, channel=channel, headless=headless, resolver_rules=rules)
