"""Models and policies that misbehave, each through a whole collection: nothing becomes a plausible 0 %."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest
from misbehaving_server import MODELS, MisbehavingServer, misbehaving_server
from misbehaviours import AGENT_NOTE, CASES, CONTROLS, Case, run, table, tracewarp

from tracewarp.trajectory import open_run


@pytest.fixture(scope="module")
def server() -> Iterator[MisbehavingServer]:
    with misbehaving_server() as running:
        yield running


def test_every_model_of_the_server_and_25_ways_at_least_are_tried() -> None:
    assert {case.policy.removeprefix("model ") for case in CASES} >= set(MODELS)
    assert len({case.name for case in CASES}) == len(CASES) >= 25


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_misbehaviour_is_recorded_and_said_as_what_it_is(
    case: Case, server: MisbehavingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.asked.clear()
    found = run(case, tmp_path, server.url)
    assert found.collect.code == case.code, found.collect.err
    assert re.search(case.says, found.collect.err, re.MULTILINE), found.collect.err
    assert Counter(episode.outcome.ending.value for episode in found.episodes) == case.endings
    for said in (found.collect, found.show, found.evaluate):
        assert "Traceback (most" not in said.err
        assert not CONTROLS.search(said.out + said.err)
    if not case.endings:
        assert not (tmp_path / "run").exists()
        assert (found.show.code, found.evaluate.code) == (2, 2)
        assert server.asked.total() <= sum(2 for _ in MODELS), "nothing but the first request was sent"
        return
    for episode in found.episodes:
        transport = episode.outcome.ending.transport_failure
        assert episode.outcome.score == (None if transport else 0.0)
        assert (episode.outcome.traceback is None) or episode.outcome.ending.value == "agent_error"
    assert found.show.code == found.evaluate.code == 0
    assert re.search(case.shows, found.show.out), found.show.out
    evaluates = case.evaluates or (AGENT_NOTE if case.endings.get("agent_error") else "Success rate")
    assert re.search(evaluates, " ".join(found.evaluate.out.split())), found.evaluate.out


def test_what_the_dead_server_left_is_collected_again_by_the_same_command(
    server: MisbehavingServer, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("OPENAI_API_KEY", raising=False)
    server.asked.clear()
    case = next(case for case in CASES if case.policy == "model dies-after-3")
    run(case, tmp_path, server.url)
    before = {episode.key: episode for episode in open_run(tmp_path / "run")}
    server.asked.clear()  # it is alive again
    assert run(case, tmp_path, server.url).collect.code == 0
    after = {episode.key: episode for episode in open_run(tmp_path / "run")}
    assert server.asked["dies-after-3"] == 1, "one episode was left, of one step"
    assert {key for key in after if after[key] != before[key]} == {("count-5", 0)}
    assert {episode.outcome.ending.value for episode in after.values()} == {"stop"}


def test_the_table_has_a_row_a_case(server: MisbehavingServer, tmp_path: Path) -> None:
    case = next(case for case in CASES if case.policy == "Raises")
    lines = table({case: run(case, tmp_path, server.url)}).splitlines()
    assert lines[2].startswith(
        "| the policy raises | 4 × agent_error, score 0 | First error: agent_error in task count-1"
    )


def test_pages_and_policies_cannot_speak_to_the_terminal_through_errors(tmp_path: Path) -> None:
    for words in (
        ("show", str(tmp_path / "no\x1b[2Jrun")),
        ("show", "\udcff\x1b]0;owned\x07"),
        ("validate", str(tmp_path / "no\x1b[2J.jsonl")),
        ("collect", "--policy", "\x1b[2J\udcff", "--out", str(tmp_path / "run")),
        ("collect", "--policy", "trivial", "--tasks", "\udcff\x1b[2J", "--out", str(tmp_path / "run")),
        ("collect", "--policy", "trivial", "--env", "\udcff\x1b[2J", "--out", str(tmp_path / "run")),
        ("collect", "--policy", "trivial", "--\x1b[2Jflag", "--out", str(tmp_path / "run")),
        ("evaluate", "\udcff\x1b[2J", "--out", str(tmp_path / "scores")),
        ("\x1b[2J",),
    ):
        said = tracewarp(*words)
        assert said.code == 2, words
        assert said.out == ""
        assert len(said.err.strip().splitlines()) <= 4, said.err
        assert not CONTROLS.search(said.err), said.err
