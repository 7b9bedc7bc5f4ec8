"""Training and test tasks are compared themselves: names of splits, ids and references may say anything."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

import pytest

from tracewarp.envs.base import TaskRef
from tracewarp.envs.registry import open_source
from tracewarp.envs.web.sites import SiteMap
from tracewarp.envs.web.source import TaskFileSource
from tracewarp.errors import OptionError
from tracewarp.improve import ImproveOptions, improve, make_plan
from tracewarp.improve.overlap import chosen_tasks
from tracewarp.trajectory import Task, load_tasks


def options(train: str, test: str, **given: Any) -> ImproveOptions:
    return ImproveOptions("base", train_split=train, test_split=test, **given)


@pytest.mark.parametrize("settings", [{}, {"profile": "small"}, {"instances": 600}, {"seed": 3}])
def test_the_splits_of_arena_that_are_meant_for_each_other_have_no_task_in_common(settings: dict[str, Any]) -> None:
    source = open_source("arena", **settings)
    for train, test in (("train", "test"), ("train", "validation"), ("capability-train", "capability-test")):
        learnt, tested = chosen_tasks(source, options(train, test, settings=settings))
        assert (len(learnt), len(tested)) == (len(source.split(train)), len(source.split(test)))


@pytest.mark.parametrize("settings", [{}, {"profile": "small"}, {"instances": 600}])
@pytest.mark.parametrize(
    ("train", "test"),
    [("all", "test"), ("train", "all"), ("test", "test"), ("capability-train", "test"), ("train", "capability-test")],
)
def test_other_pairs_are_refused_with_the_number_of_shared_tasks(
    train: str, test: str, settings: dict[str, Any]
) -> None:
    source = open_source("arena", **settings)
    ids = {source.task(ref).id for ref in source.split(train)}
    n_shared = sum(source.task(ref).id in ids for ref in source.split(test))
    n_test = len(source.split(test))
    with pytest.raises(OptionError, match=rf"test_split: {n_shared:,} of the {n_test:,} test tasks of '{test}' are"):
        make_plan("out", options(train, test, settings=settings))


def test_limits_count_only_the_tasks_that_are_taken() -> None:
    source = open_source("arena")
    first = source.task(source.split("all")[0]).id
    test = [source.task(ref).id for ref in source.split("test")]
    assert first not in test[:1], "else the first test task would be the first of all"
    chosen_tasks(source, options("all", "test", train_limit=1))
    with pytest.raises(OptionError, match="test tasks of 'test' are also among the 50 training tasks of 'all'"):
        chosen_tasks(source, options("all", "test", train_limit=50))


def test_nothing_is_begun_where_tasks_are_shared(tmp_path: Path) -> None:
    with pytest.raises(OptionError, match="137 of the 137 test tasks"):
        improve(tmp_path / "out", options("all", "test"))
    assert not list(tmp_path.glob("out/*/run.json"))


class TwoFiles:
    """An environment of one's own: WebArena's schema, two splits, a task file for each."""

    def __init__(self, train: str, test: str) -> None:
        self.parts = {
            name: TaskFileSource("two", load_tasks(path), SiteMap(), split=name)
            for name, path in (("train", train), ("test", test))
        }
        self.splits = tuple(self.parts)

    def __iter__(self) -> Any:
        return (ref for part in self.parts.values() for ref in part)

    def __len__(self) -> int:
        return sum(map(len, self.parts.values()))

    def split(self, name: str) -> tuple[TaskRef, ...]:
        return tuple(self) if name == "all" else self.parts[name].split(name)

    def task(self, ref: TaskRef) -> Task:
        return self.parts[ref.split].task(ref)


def row(number: int, thing: str, **given: Any) -> dict[str, Any]:
    return {
        "sites": ["shopping"],
        "task_id": number,
        "start_url": "__SHOPPING__",
        "intent_template": "Buy the {{thing}}",
        "instantiation_dict": {"thing": thing},
        "intent": f"Buy the {thing}",
        "intent_template_id": 9,
        "require_login": False,
        "storage_state": None,
        "geolocation": None,
        "require_reset": False,
        "eval": {"eval_types": ["string_match"], "reference_answers": {"exact_match": "x"}, "reference_url": "",
                 "program_html": []},
        **given,
    }  # fmt: skip


def two_files(folder: Path, train: list[dict[str, Any]], test: list[dict[str, Any]]) -> TwoFiles:
    for name, rows in (("train", train), ("test", test)):
        (folder / f"{name}.json").write_text(json.dumps(rows))
    return TwoFiles(str(folder / "train.json"), str(folder / "test.json"))


def test_web_tasks_are_told_apart_by_template_and_parameters_and_not_by_their_ids(tmp_path: Path) -> None:
    things = ["mug", "cup", "pen", "lamp"]
    train = [row(i, thing) for i, thing in enumerate(things)]
    source = two_files(tmp_path, train, [row(100, "bowl"), row(101, "desk")])
    assert [len(refs) for refs in chosen_tasks(source, options("train", "test", environment="two"))] == [4, 2]
    source = two_files(tmp_path, train, [row(100, "bowl"), row(101, "lamp"), row(102, "mug", intent="Get the mug")])
    with pytest.raises(OptionError, match=r"2 of the 3 test tasks .* \(two/test/101/0, two/test/102/0\)"):
        chosen_tasks(source, options("train", "test", environment="two"))


def test_an_environment_of_ones_own_is_refused_by_the_dry_run_too(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    from box_world import BoxSource, BoxWorld

    from tracewarp.cli import main

    class Twice(BoxSource):
        """The test tasks are the training tasks under other ids."""

        def task(self, ref: TaskRef) -> Task:
            twin = TaskRef(ref.env, ref.split, ref.key, ref.seed % 100)
            return super().task(twin).model_copy(update={"id": f"{ref.split}-{ref.seed}"})

    class World:
        source = Twice
        environment = BoxWorld

    monkeypatch.setitem(sys.modules, "twice_world", type("module", (), {"WORLD": World}))
    with pytest.raises(SystemExit) as left:
        main(["improve", "--model", "x", "--env", "twice_world:WORLD", "--out", str(tmp_path / "out"), "--dry-run"])
    assert left.value.code == 2
    said = capsys.readouterr()
    assert said.out == ""
    assert "Error: test_split: 21 of the 21 test tasks of 'test' are also among the 36 training tasks" in said.err
