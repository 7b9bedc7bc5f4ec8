"""Tasks, driver and evaluators together, over a small site that is served for the purpose; no browser is needed."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Iterator
from html import escape
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs

import pytest

from tracewarp.envs.base import Capability, TaskRef
from tracewarp.envs.web.browserless import BrowserlessDriver, HttpTransport, WsgiTransport
from tracewarp.envs.web.environment import WebEnvironment
from tracewarp.envs.web.evaluators import JudgeQuestion, Verdict
from tracewarp.envs.web.oracle import Act
from tracewarp.envs.web.sites import WEBARENA_PUBLIC, SiteMap
from tracewarp.envs.web.source import TaskFileSource
from tracewarp.errors import EnvironmentFailure, OptionError, UnreadableFileError
from tracewarp.trajectory import load_tasks

SHOP = "http://shop.test"
OTHER = "http://other.test"


class Site:
    """A shop of two pages with a search and a note that can be changed."""

    def __init__(self) -> None:
        self.note = "empty"
        self.broken = False

    def __call__(self, environ: dict[str, Any], start_response: Any) -> list[bytes]:
        if self.broken:
            raise RuntimeError("the site fell over")
        path, query = environ["PATH_INFO"], parse_qs(environ["QUERY_STRING"])
        if environ["REQUEST_METHOD"] == "POST":
            form = environ["wsgi.input"].read(int(environ["CONTENT_LENGTH"])).decode()
            self.note = parse_qs(form)["note"][0]
            start_response("303 See Other", [("Location", "/note")])
            return [b""]
        bodies: dict[str, Callable[[], str]] = {
            "/": lambda: (
                f'<h1>Shop</h1><a href="/lamps">Lamps</a><a href="{SHOP}/note">Note</a><a href="{OTHER}/">Away</a>'
                "<button disabled>Closed</button>"
                '<form action="/search"><label>Search <input type="search" name="q"></label></form>'
            ),
            "/lamps": lambda: "<h1>Lamps</h1><p>Red lamp, 20 euro</p>",
            "/search": lambda: f"<h1>Results for {escape(query['q'][0])}</h1>",
            "/note": lambda: (
                f'<h1>Note</h1><p id="note">{escape(self.note)}</p><form method="post">'
                '<label>New note <input name="note"></label><button>Save</button></form>'
            ),
        }
        found = path in bodies
        start_response("200 OK" if found else "404 Not Found", [("Content-Type", "text/html; charset=utf-8")])
        body = bodies[path]() if found else "<h1>Not found</h1>"
        return [f"<!doctype html><html><head><title>{path}</title></head><body>{body}</body></html>".encode()]


def block(*types: str, **fields: Any) -> dict[str, Any]:
    return {"eval_types": types, "reference_answers": None, "reference_url": "", "program_html": []} | fields


def check(locator: str, required: dict[str, Any], url: str = "__SHOPPING__/note") -> dict[str, Any]:
    return {"url": url, "locator": locator, "required_contents": required}


NOTE = "document.querySelector('#note').outerText"
EVALS = {
    "price": block("string_match", reference_answers={"exact_match": "20 euro"}),
    "lamps": block("url_match", reference_url="__SHOPPING__/lamps"),
    "note": block("program_html", program_html=[check(NOTE, {"exact_match": "buy milk"})]),
    "whole": block("program_html", program_html=[check("", {"must_include": ["buy milk"]}, "last")]),
    "script": block("program_html", program_html=[check("document.title.length", {"exact_match": "3"}, "last")]),
    "meaning": block("string_match", reference_answers={"fuzzy_match": ["twenty euro"]}),
    "never": block("string_match", reference_answers={"fuzzy_match": "N/A"}, string_note="no bath tubs are sold"),
    "tabs": block("url_match", reference_url="__SHOPPING__/note"),
}
ACTS = {
    "price": (Act("click", "link", "Lamps"), Act("stop", text="20 euro")),
    "lamps": (Act("goto", text="__SHOPPING__/lamps"), Act("stop", text="")),
    "note": (
        Act("click", "link", "Note"),
        Act("type", "textbox", "New note", text="buy milk"),
        Act("stop", text=""),
    ),
}


class ShopSource(TaskFileSource):
    """The tasks above, with known solutions, on a site that is new in every test."""

    deterministic = True
    has_oracle = True
    released = 0

    def oracle(self, ref: TaskRef) -> tuple[Act, ...]:
        return ACTS.get(ref.key, ())

    def release(self, session: object) -> None:
        self.released += 1


@pytest.fixture
def tasks(tmp_path: Path) -> Path:
    file = tmp_path / "tasks.json"
    records = [
        {
            "task_id": name,
            "intent": "What does the red lamp cost?",
            "sites": ["shopping"],
            "start_url": "__SHOPPING__/lamps |AND| __SHOPPING__/note" if name == "tabs" else "__SHOPPING__/",
            "eval": evaluation,
        }
        for name, evaluation in EVALS.items()
    ]
    file.write_text(json.dumps(records), "utf-8")
    return file


Make = Callable[..., WebEnvironment]


@pytest.fixture
def site() -> Site:
    return Site()


@pytest.fixture
def make(tasks: Path, site: Site) -> Iterator[Make]:
    made: list[WebEnvironment] = []

    def new(*, public: bool = False, **options: Any) -> WebEnvironment:
        sites = SiteMap({"__SHOPPING__": SHOP}, public=WEBARENA_PUBLIC if public else {})
        source = ShopSource("shop", load_tasks(tasks), sites, allowed_origins=(SHOP,))
        made.append(WebEnvironment(source, BrowserlessDriver(WsgiTransport(site)), **options))
        return made[-1]

    yield new
    for environment in made:
        environment.close()


def ref(name: str) -> TaskRef:
    return TaskRef("shop", "test", name)


def test_an_episode_begins_with_the_start_page(make: Make) -> None:
    observation = make().reset(ref("price"))
    assert observation.text.startswith("Tab 0 (current): /\n\n[1] RootWebArea '/'")
    assert "link 'Lamps'" in observation.text
    assert observation.instruction == "What does the red lamp cost?"
    assert (observation.url, observation.title, observation.html) == (f"{SHOP}/", "/", None)


def test_several_start_pages_are_tabs_of_which_the_first_is_current(make: Make) -> None:
    environment = make()
    assert environment.reset(ref("tabs")).text.startswith("Tab 0 (current): /lamps | Tab 1: /note")
    assert "tab_focus [1]" in environment.admissible()
    assert "close_tab" in environment.admissible()
    assert environment.step("tab_focus [1]").observation.url == f"{SHOP}/note"
    assert environment.step("stop").success


def element(text: str, line: str) -> int:
    """The id of the first element whose line holds this."""
    return next(int(it.strip()[1:].split("]")[0]) for it in text.split("\n") if line in it)


def test_actions_lead_from_page_to_page(make: Make) -> None:
    environment = make()
    text = environment.reset(ref("price")).text
    link = element(text, "link 'Lamps'")
    result = environment.step(f"click [{link}]")
    assert (result.valid, result.error, result.observation.url) == (True, None, f"{SHOP}/lamps")
    assert result.info["sentence"] == f"click [{link}] where [{link}] is link 'Lamps'"
    assert environment.step("go_back").observation.url == f"{SHOP}/"
    assert environment.step("go_forward").observation.url == f"{SHOP}/lamps"
    text = environment.step("goto [shop.test]").observation.text
    field = element(text, "searchbox 'Search'")
    assert environment.step(f"hover [{field}]").valid
    assert environment.step("scroll [down]").valid
    result = environment.step(f"fill('{field}', 'red [big] lamp')\nkeyboard_press('Enter')")
    assert "Results for red [big] lamp" in result.observation.text
    assert environment.step("new_tab").observation.url == "about:blank"
    assert environment.step("close_tab").observation.url == f"{SHOP}/search?q=red+%5Bbig%5D+lamp"
    result = environment.step("stop [20 Euro]")
    assert (result.success, result.score, result.reward, result.terminated) == (True, 1, 1, True)


def test_typing_without_enter_submits_nothing_until_it_is_pressed(make: Make) -> None:
    environment = make()
    field = element(environment.reset(ref("price")).text, "searchbox 'Search'")
    assert environment.step(f"type [{field}] [lamp] [0]").observation.url == f"{SHOP}/"
    assert environment.step("press [Enter]").observation.url == f"{SHOP}/search?q=lamp"


@pytest.mark.parametrize(
    ("action", "said"),
    [
        ("click [999]", r"there is no element \[999\]"),
        ("click [x]", r"expected click \[id\]"),
        ("goto [http://other.test/]", "outside"),
        ("goto [file:///etc/passwd]", "only http and https"),
        ("goto [javascript:alert(1)]", "only http and https"),
        ("tab_focus [5]", "no tab"),
        ("press [Nonsense+Key]", "Nonsense"),
        ("press [Entr]", "did you mean Enter"),
        ("press [2] [Enter]", "cannot take the focus"),
        ("press []", "name of a key"),
        ("dance [1]", "is no action"),
    ],
)
def test_what_cannot_be_done_is_a_result_with_a_sentence(make: Make, action: str, said: str) -> None:
    environment = make()
    before = environment.reset(ref("price"))
    result = environment.step(action)
    assert result.valid is False
    assert result.error is not None
    assert re.search(said, result.error), result.error
    assert (result.observation.text, result.observation.url) == (before.text, before.url)
    assert not result.terminated


def test_links_that_lead_away_are_refused(make: Make) -> None:
    environment = make()
    away = element(environment.reset(ref("price")).text, "link 'Away'")
    result = environment.step(f"click [{away}]")
    assert (result.valid, result.observation.url) == (False, f"{SHOP}/")


def test_checks_are_made_on_the_pages_as_they_are_at_the_end(make: Make, site: Site) -> None:
    environment = make()
    environment.reset(ref("note"))
    site.note = "buy milk"
    result = environment.step("stop")
    assert result.success
    assert result.observation.url == f"{SHOP}/"  # what the agent saw last, not where the check went
    evidence = result.info["evidence"]
    assert evidence["url"] == f"{SHOP}/"
    assert evidence["probes"][0]["visited"] == f"{SHOP}/note"
    assert evidence["probes"][0]["text"] == "buy milk"
    assert evidence["sites"] == {"__SHOPPING__": SHOP}


def test_a_blank_locator_reads_the_whole_page_where_the_episode_ended(make: Make, site: Site) -> None:
    environment = make()
    site.note = "buy milk"
    environment.reset(ref("whole"))
    assert not environment.step("stop").success
    environment.reset(ref("whole"))
    environment.step("goto [http://shop.test/note]")
    assert environment.step("stop").success


def test_a_locator_that_the_driver_cannot_read_makes_the_score_unknown(make: Make) -> None:
    environment = make()
    environment.reset(ref("script"))
    result = environment.step("stop")
    assert (result.score, result.success, result.info["unknown"]) == (0, False, 1)
    judgement = result.info["judgement"]
    assert (judgement["low"], judgement["high"]) == (0, 1)
    assert "no other JavaScript" in judgement["parts"][0]["note"]


def test_a_judge_that_is_passed_in_decides_about_meaning(make: Make) -> None:
    def judge(question: JudgeQuestion) -> Verdict:
        return Verdict(passed=question.answer == "a score of euro")

    for answer, judged, score, unknown in [
        ("a score of euro", judge, 1, 0),
        ("much", judge, 0, 0),
        ("a score of euro", None, 0, 1),
    ]:
        environment = make(judge=judged)
        environment.reset(ref("meaning"))
        result = environment.step(f"stop [{answer}]")
        assert (result.score, result.info["unknown"]) == (score, unknown)


def test_early_ends_are_judged_as_they_stand(make: Make, site: Site) -> None:
    environment = make()
    environment.reset(ref("note"))
    site.note = "buy milk"
    result = environment.judge("Early stop")
    assert (result.success, result.terminated, result.valid) == (True, True, None)
    assert result.info["evidence"]["answer"] == "Early stop"


@pytest.mark.parametrize("dialect", ["webarena", "browsergym"])
@pytest.mark.parametrize("name", ACTS)
def test_the_oracle_solves_its_tasks_in_either_dialect(make: Make, name: str, dialect: str) -> None:
    environment = make(action_dialect=dialect)
    environment.reset(ref(name))
    taken = []
    result = None
    while result is None or not result.terminated:
        taken.append(environment.oracle_action())
        result = environment.step(taken[-1])
    assert result.success
    assert all(("(" in action) == (dialect == "browsergym") for action in taken)
    assert ("`click [id]`" in environment.spec.grammar) == (dialect == "webarena")


def test_the_oracle_goes_on_only_when_its_action_was_carried_out(make: Make) -> None:
    environment = make()
    environment.reset(ref("note"))
    first = environment.oracle_action()
    assert environment.oracle_action() == first
    environment.step("scroll [down]")
    environment.step("click [999]")
    assert environment.oracle_action() == first
    environment.step(first)
    assert environment.oracle_action().startswith("type [")
    environment.step("go_back")
    with pytest.raises(EnvironmentFailure, match="no textbox 'New note'"):
        environment.oracle_action()


def test_a_task_without_a_solution_says_so(make: Make) -> None:
    environment = make()
    environment.reset(ref("never"))
    with pytest.raises(EnvironmentFailure, match="ends without a stop"):
        environment.oracle_action()


def test_admissible_actions_follow_the_page(make: Make) -> None:
    environment = make()
    text = environment.reset(ref("price")).text
    possible = environment.admissible()
    assert possible[0] == f"click [{element(text, 'Lamps')}]"
    field = element(text, "searchbox")
    assert f"type [{field}] [lamp] [1]" in possible
    assert f"click [{element(text, 'Closed')}]" not in possible  # disabled
    assert possible[-2:] == ("go_back", "stop []")
    for action in possible[:-1]:
        environment.reset(ref("price"))
        assert environment.step(action).valid == ("Away" not in _line(text, action))


def _line(text: str, action: str) -> str:
    """The line of the element that an action names."""
    number = action.partition("[")[2].partition("]")[0]
    return next((line for line in text.split("\n") if number and line.strip().startswith(f"[{number}]")), "")


def test_prompts_may_show_other_hosts_than_the_real_ones(make: Make) -> None:
    environment = make(public=True)
    observation = environment.reset(ref("lamps"))
    assert observation.url == "http://onestopmarket.com/"
    result = environment.step("goto [https://onestopmarket.com/lamps]")
    assert (result.valid, result.observation.url) == (True, "http://onestopmarket.com/lamps")
    assert "shop.test" not in result.info["sentence"]
    assert environment.step("stop").success
    assert environment.spec.settings["public_hosts"] is True
    environment.reset(ref("lamps"))
    assert environment.oracle_action() == "goto [http://onestopmarket.com/lamps]"
    assert environment.step(environment.oracle_action()).valid


def test_what_the_budget_cuts_away_cannot_be_acted_on(make: Make) -> None:
    environment = make(truncate=lambda text: text[: text.index("link 'Note'")])
    observation = environment.reset(ref("price"))
    assert observation.extra == {"cut": True}
    lamps = element(observation.text, "link 'Lamps'")
    assert environment.step(f"click [{lamps + 3}]").valid is False
    assert all("Note" not in action for action in environment.admissible())


def test_html_is_given_where_it_is_asked_for(make: Make) -> None:
    environment = make(html=True)
    assert "<h1>Shop</h1>" in (environment.reset(ref("price")).html or "")
    assert Capability.HTML in environment.spec.capabilities


def test_ids_begin_anew_with_each_episode(make: Make) -> None:
    environment = make()
    first = environment.reset(ref("price")).text
    environment.step("goto [http://shop.test/lamps]")
    assert environment.reset(ref("price")).text == first


def test_sessions_are_released_when_the_next_begins_and_at_the_end(make: Make) -> None:
    environment = make()
    source: Any = environment._source
    environment.reset(ref("price"))
    environment.reset(ref("price"))
    assert source.released == 1
    environment.close()
    environment.close()
    assert source.released == 2


def test_a_site_that_fails_is_a_failure_of_the_environment(make: Make, site: Site) -> None:
    environment = make()
    environment.reset(ref("price"))
    site.broken = True
    with pytest.raises(EnvironmentFailure, match="fell over"):
        environment.step("goto [http://shop.test/lamps]")
    with pytest.raises(OptionError, match="call reset first"):
        environment.step("go_back")
    with pytest.raises(EnvironmentFailure):
        environment.reset(ref("price"))
    with pytest.raises(OptionError):
        environment.admissible()
    site.broken = False
    assert environment.reset(ref("price")).text


def test_a_site_that_fails_while_it_is_judged_is_one_too(make: Make, site: Site) -> None:
    environment = make()
    environment.reset(ref("note"))
    site.broken = True
    with pytest.raises(EnvironmentFailure):
        environment.step("stop")
    with pytest.raises(OptionError):
        environment.step("stop")


def test_a_site_that_is_not_there(tasks: Path) -> None:
    source = ShopSource("shop", load_tasks(tasks), SiteMap({"__SHOPPING__": SHOP}))
    with (
        WebEnvironment(source, BrowserlessDriver(HttpTransport(9))) as environment,
        pytest.raises(EnvironmentFailure),
    ):
        environment.reset(ref("price"))


@pytest.mark.parametrize(
    "options", [{"ids": "mine"}, {"step_budget": 0}, {"action_dialect": "html"}, {"dialect": "x"}, {"extent": "x"}]
)
def test_options_outside_their_range(make: Make, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=next(iter(options)).removeprefix("action_")):
        make(**options)


def test_a_task_file_is_a_source(tasks: Path, tmp_path: Path) -> None:
    source = TaskFileSource("shop", load_tasks(tasks), SiteMap({"__SHOPPING__": SHOP}), storage_folder=tmp_path)
    assert (len(source), source.splits, source.split("all"), source.split("test")) == (
        len(EVALS),
        ("test",),
        tuple(source),
        tuple(source),
    )
    assert source.session(ref("tabs")).start_urls == (f"{SHOP}/lamps", f"{SHOP}/note")
    for call in (lambda: source.split("train"), lambda: source.task(ref("x")), lambda: source.oracle(ref("price"))):
        with pytest.raises(OptionError):
            call()


def test_a_login_that_is_missing_is_named(tmp_path: Path) -> None:
    file = tmp_path / "tasks.json"
    record = {"task_id": 1, "intent": "x", "start_url": SHOP, "eval": EVALS["price"], "storage_state": "./.auth/a.json"}
    file.write_text(json.dumps([record]), "utf-8")
    source = TaskFileSource("shop", load_tasks(file), SiteMap(), storage_folder=tmp_path)
    [task] = source
    with pytest.raises(UnreadableFileError, match=r"\.auth/a\.json: no such file; task 1 needs the login"):
        source.session(task)
    (tmp_path / ".auth").mkdir()
    (tmp_path / ".auth" / "a.json").write_text('{"cookies": []}')
    assert source.session(task).storage_state == str(tmp_path / ".auth/a.json")
