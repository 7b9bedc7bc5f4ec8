"""WebArena's environment in a real Chromium, over arena's sites on ports of their own, which stand for WebArena's."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from click.testing import CliRunner

from tracewarp.cli.collect import command
from tracewarp.envs.arena.benchmark import ArenaTask, listed
from tracewarp.envs.arena.hosts import WEBARENA_NAMES
from tracewarp.envs.arena.serve import ArenaServer
from tracewarp.envs.arena.world import world
from tracewarp.envs.base import TaskRef
from tracewarp.envs.conformance import CHECKS, Subject, run_check
from tracewarp.envs.web.evaluators import JudgeQuestion, Verdict
from tracewarp.envs.webarena import VARIABLES, WebArenaEnvironment, make_webarena
from tracewarp.trajectory import open_run

pytestmark = pytest.mark.browser

SITES = ("shop", "forum", "wiki")


@pytest.fixture(scope="module")
def tasks() -> list[ArenaTask]:
    """Two tasks on each of three sites, whose solutions stay on the site."""
    chosen: list[ArenaTask] = []
    for site in SITES:
        only = [it for it in listed("full", 0) if it.template.sites == (site,) and not it.instance.trivial]
        asks = [it for it in only if it.template.kind == "information"]
        chosen += [asks[0], next(it for it in asks if it.template != asks[0].template)]
    return chosen


@pytest.fixture(scope="module")
def settings(
    tasks: list[ArenaTask], tmp_path_factory: pytest.TempPathFactory, chromium_path: str
) -> Iterator[dict[str, str]]:
    folder = tmp_path_factory.mktemp("webarena")
    (folder / ".auth").mkdir()
    cookie = {"name": "visitor", "value": "known", "domain": "shop.localhost", "path": "/", "expires": -1}
    cookie |= {"httpOnly": False, "secure": False, "sameSite": "Lax"}
    (folder / ".auth" / "shopping_state.json").write_text(json.dumps({"cookies": [cookie], "origins": []}), "utf-8")
    records = [dict(task.record()) for task in tasks]
    for record in records:
        if record["sites"] == ["shopping"]:
            record |= {"require_login": True, "storage_state": "./.auth/shopping_state.json"}
    file = folder / "tasks.json"
    file.write_text(json.dumps(records), "utf-8")
    content = world("full", 0)
    with pytest.MonkeyPatch.context() as patch:
        servers = {site: ArenaServer(content) for site in SITES}
        for name in VARIABLES.values():
            patch.delenv(name, raising=False)
        for site, server in servers.items():
            patch.setenv(VARIABLES[WEBARENA_NAMES[site]], f"http://{site}.localhost:{server.port}")
        try:
            yield {"task_file": str(file), "storage_folder": str(folder)}
        finally:
            for server in servers.values():
                server.close()


@pytest.fixture(scope="module")
def environment(settings: dict[str, str]) -> Iterator[WebArenaEnvironment]:
    with make_webarena(**settings, confined=True) as running:
        yield running


def refs(environment: WebArenaEnvironment) -> tuple[TaskRef, ...]:
    return tuple(environment.source)


def by_name(text: str, role: str, name: str | None, nth: int) -> str:
    """The id of an element as a reader of the page finds it."""
    lines = re.findall(r"^\t*\[(\d+)\] (\S+) (.*)$", text, re.MULTILINE)
    fitting = [number for number, its, rest in lines if its == role and (name is None or rest.startswith(repr(name)))]
    return fitting[nth]


def solve(environment: WebArenaEnvironment, ref: TaskRef, task: ArenaTask) -> tuple[str, float]:
    """Follow arena's known solution by what the pages say; the first page's address, the score."""
    observation = environment.reset(ref)
    first = str(observation.url)
    for act in task.instance.acts:
        if act.role is None:
            action = act.verb if act.text is None else f"{act.verb} [{environment.source.sites.resolve(act.text)}]"
        else:
            number = by_name(observation.text, act.role, act.name, act.nth)
            action = f"{act.verb} [{number}]"
            if act.verb == "type":
                action += f" [{act.text}] [{int(act.enter)}]"
        result = environment.step(action)
        assert result.valid is not False, (action, result.error)
        observation = result.observation
    assert result.terminated
    return first, result.score


def test_known_solutions_are_judged_right_on_sites_elsewhere(
    environment: WebArenaEnvironment, tasks: list[ArenaTask]
) -> None:
    found = [solve(environment, ref, task) for ref, task in zip(refs(environment), tasks, strict=True)]
    assert [score for _, score in found] == [1.0] * 6
    hosts = [re.sub(r"^(https?://[^/]+).*", r"\1", url) for url, _ in found]
    assert hosts == ["http://onestopmarket.com"] * 2 + ["http://reddit.com"] * 2 + ["http://wikipedia.org"] * 2


def test_no_real_address_is_shown_and_public_ones_are_understood(environment: WebArenaEnvironment) -> None:
    first = environment.reset(refs(environment)[0])
    result = environment.step("goto [http://onestopmarket.com/]")
    assert result.valid is True
    for seen in (first, result.observation):
        assert "localhost" not in f"{seen.text} {seen.url}"
    assert "127.0.0.1" not in str(result.info)
    assert environment.step("goto [http://gitlab.com/]").valid is False  # it has no address here, and is not real


def test_element_ids_are_chromiums_own_and_the_viewport_is_smaller(settings: dict[str, str]) -> None:
    texts = []
    for extent in ("page", "viewport"):
        with make_webarena(**settings, sites="shopping", extent=extent) as shop:
            shop.reset(refs(shop)[0])
            texts.append(shop.step("goto [http://onestopmarket.com/search?q=a]").observation.text)
    page, view = texts
    assert 0 < view.count("\n") < page.count("\n")
    numbers = [int(it) for it in re.findall(r"^\t*\[(\d+)\]", page, re.MULTILINE)]
    assert numbers != list(range(1, len(numbers) + 1))
    assert len(set(numbers)) == len(numbers)


def test_the_record_says_where_the_sites_were(environment: WebArenaEnvironment) -> None:
    spec = environment.spec
    assert spec.name == "webarena"
    assert set(spec.settings["sites"]) == {"__SHOPPING__", "__REDDIT__", "__WIKIPEDIA__"}
    assert len(spec.settings["task_file_sha256"]) == 64
    assert (spec.settings["ids"], spec.settings["public_hosts"]) == ("browser", True)


def test_a_judge_is_asked_for_meanings(settings: dict[str, str], tmp_path: Path) -> None:
    file = tmp_path / "meaning.json"
    block = {"eval_types": ["string_match"], "reference_answers": {"fuzzy_match": ["twenty"]}}
    task = {"task_id": 1, "intent": "How many?", "sites": ["shopping"], "start_url": "__SHOPPING__", "eval": block}
    file.write_text(json.dumps([task]), "utf-8")
    asked: list[JudgeQuestion] = []

    def judge(question: JudgeQuestion) -> Verdict:
        asked.append(question)
        return Verdict("20" in question.answer)

    with make_webarena(task_file=file, judge=judge) as judged:
        judged.reset(refs(judged)[0])
        assert judged.step("stop [20]").success
    assert len(asked) == 1


CHEAP = [name for name in CHECKS if name != "a_budget_of_steps_can_be_made"]


@pytest.fixture(scope="module")
def renumbered(settings: dict[str, str]) -> Iterator[WebArenaEnvironment]:
    """The suite names elements by what an earlier reset said; Chromium's own ids are others after each."""
    with make_webarena(**settings, ids="episode") as running:
        yield running


@pytest.mark.parametrize("check", CHEAP)
def test_it_passes_the_conformance_suite(
    check: str, renumbered: WebArenaEnvironment, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(renumbered, "close", lambda: None)
    assert run_check(check, Subject(lambda: renumbered, refs(renumbered)[:1])) is None


def test_the_command_line_collects_it(settings: dict[str, str], tmp_path: Path) -> None:
    out = str(tmp_path / "run")
    options = [f"--set={name}={value}" for name, value in settings.items()]
    arguments = ["--env", "webarena", *options, "--policy", "trivial", "--set", "sites=reddit", "--out", out]
    done = CliRunner().invoke(command, arguments, catch_exceptions=False)
    assert done.exit_code == 0, done.output
    episodes = list(open_run(out))
    assert [(it.outcome.score, it.task.sites) for it in episodes] == [(0.0, ("reddit",))] * 2


def test_a_site_that_is_down_is_the_environments_failure(
    settings: dict[str, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("REDDIT", "http://127.0.0.1:9")
    out = str(tmp_path / "run")
    options = [f"--set={name}={value}" for name, value in settings.items()]
    arguments = ["--env", "webarena", *options, "--policy", "trivial", "--set", "sites=reddit", "--out", out]
    CliRunner().invoke(command, [*arguments, "--stop-after-errors", "0"], catch_exceptions=False)
    episodes = list(open_run(out))
    assert {it.outcome.ending.value for it in episodes} == {"environment_error"}
    assert all(it.outcome.score is None for it in episodes)
