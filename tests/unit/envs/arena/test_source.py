"""Tasks, splits and references."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracewarp.envs.arena.benchmark import TEMPLATES, capability_labels, generated, listed, tasks_of
from tracewarp.envs.arena.registry import SITES
from tracewarp.envs.arena.source import BY_CAPABILITY, BY_INSTANCE, ArenaSource
from tracewarp.envs.base import TaskRef
from tracewarp.envs.web.sites import WEBARENA_PLACEHOLDERS
from tracewarp.envs.web.tasks import web_task
from tracewarp.errors import OptionError
from tracewarp.trajectory import load_tasks

WEBARENA = Path(__file__).parents[5] / "shared" / "data" / "webarena" / "test.raw.json"
MANY = 2000

PROFILES = pytest.mark.parametrize("profile", ["full", "small"])


def parameters(refs: tuple[TaskRef, ...], source: ArenaSource) -> set[tuple[str, str, str]]:
    """What makes a task one: its generator and its parameters, whatever its wording."""
    tasks = [source.find(ref) for ref in refs]
    return {
        (task.template.instances.__module__, task.template.instances.__qualname__, json.dumps(task.instance.params))
        for task in tasks
    }


def test_the_benchmark_is_large_enough() -> None:
    tasks = listed()
    assert len(tasks) >= 240
    assert len({task.template for task in tasks}) >= 60
    assert {site for task in tasks for site in task.template.sites} == set(SITES)
    assert {task.template.kind for task in tasks} == {"information", "navigation", "change"}
    assert all(template.listed <= 8 for template in TEMPLATES)


@PROFILES
def test_training_and_held_out_instances_suffice_and_are_disjoint(profile: str) -> None:
    source = ArenaSource(profile=profile, instances=MANY)
    train, test = source.split("train"), source.split("test")
    assert len(train) >= 1000
    assert len(test) >= 300
    assert parameters(train, source).isdisjoint(parameters(test, source))
    assert parameters(train, source).isdisjoint(parameters(source.split("validation"), source))


@PROFILES
def test_the_splits_are_a_partition(profile: str) -> None:
    source = ArenaSource(profile=profile)
    assert sorted(map(str, source)) == sorted(str(ref) for name in BY_INSTANCE for ref in source.split(name))
    by_capability = [source.split(name) for name in BY_CAPABILITY]
    assert sum(map(len, by_capability)) == len(source)
    train, test = ({source.find(ref).template.capability for ref in refs} for refs in by_capability)
    assert train.isdisjoint(test)
    assert test


@PROFILES
def test_more_instances_leave_the_earlier_ones_in_their_splits(profile: str) -> None:
    few, many = ArenaSource(profile=profile, instances=300), ArenaSource(profile=profile, instances=MANY)
    assert set(few.split("test")) <= set(many.split("test"))
    assert set(ArenaSource(profile=profile).split("test")).isdisjoint(many.split("train"))


def test_paraphrases_share_capability_and_splits_but_list_other_instances() -> None:
    by_key = {template.key: template for template in TEMPLATES}
    one, two = by_key["admin.set-price"], by_key["admin.new-price"]
    assert one.capability == two.capability
    first, second = (tasks_of(template, "full", 0)[: template.listed] for template in (one, two))
    assert {task.number for task in first}.isdisjoint(task.number for task in second)
    same = {task.number: task.instance for task in tasks_of(two, "full", 0)}
    assert all(same[task.number].params == task.instance.params for task in first)


def test_ids_and_references_are_unique() -> None:
    tasks = generated(100_000)
    assert len({task.id for task in tasks}) == len(tasks)
    assert (
        len({template.id for template in TEMPLATES}) == len({template.key for template in TEMPLATES}) == len(TEMPLATES)
    )
    assert len({template.intent for template in TEMPLATES}) == len(TEMPLATES)


def test_slots_and_parameters_agree() -> None:
    for task in listed():
        assert set(task.template.slots) == set(task.instance.params), task.template.key
        assert "{{" not in task.intent


@PROFILES
def test_a_reference_survives_its_text_form(profile: str) -> None:
    source = ArenaSource(profile=profile, seed=0)
    for ref in list(source)[::40]:
        again = TaskRef.parse(str(ref))
        assert again == ref
        assert source.task(again).objective == source.tasks[ref].intent
    assert ArenaSource(profile="small", seed=3).split("all")[0].params == (("profile", "small"), ("seed", "3"))


@pytest.mark.parametrize(
    "text",
    [
        "arena/test/shop.nothing/0",
        "arena/test/shop.buy/9999",
        "webarena/test/shop.buy/0",
        "arena/test/shop.buy/0?profile=small",
    ],
)
def test_a_task_that_is_not_there_is_refused(text: str) -> None:
    with pytest.raises(OptionError, match=r"^task: "):
        ArenaSource().task(TaskRef.parse(text))


def test_a_bad_number_or_split_is_refused() -> None:
    with pytest.raises(OptionError, match="instances: expected an integer of at least 1, got 0"):
        ArenaSource(instances=0)
    with pytest.raises(OptionError, match="split: expected all or one of train, validation, test"):
        ArenaSource().split("dev")


def test_settings_of_a_command_line_come_as_text() -> None:
    assert list(ArenaSource(instances="30", seed="0")) == list(ArenaSource(instances=30))


def test_an_episode_gets_a_cookie_of_its_own_and_gives_it_back() -> None:
    gone = []
    source = ArenaSource(forget=gone.append)
    ref = next(iter(source))
    one, two = source.session(ref), source.session(ref)
    assert one.cookies != two.cookies
    source.release(one)
    assert gone == list(one.cookies.values())


def test_the_same_loader_reads_arena_and_webarena(tmp_path: Path) -> None:
    file = tmp_path / "arena.json"
    file.write_text(json.dumps([task.record() for task in listed()]), encoding="utf-8")
    loaded = load_tasks(file)
    source = ArenaSource()
    assert list(loaded) == [source.task(ref) for ref in source]
    assert not loaded.is_webarena
    for task in loaded:
        web_task(task, source.sites)


def shapes(task: dict[str, Any]) -> list[tuple[str, str]]:
    """Every field and the type of its value, those of the evaluation block too."""
    fields = [*task.items(), *((f"eval.{key}", value) for key, value in task["eval"].items())]
    return [(key, type(value).__name__) for key, value in fields]


@pytest.mark.shared
@pytest.mark.skipif(not WEBARENA.is_file(), reason="WebArena's tasks are not beside the checkout")
def test_every_field_but_the_capability_has_a_name_and_a_type_that_webarena_has() -> None:
    theirs = json.loads(WEBARENA.read_text(encoding="utf-8"))
    written = [task.record() for task in listed()]
    assert all(isinstance(task["capability"], str) for task in written)
    ours = [{key: value for key, value in task.items() if key != "capability"} for task in written]
    assert {frozenset(task) for task in ours} == {frozenset(theirs[0])}
    known: dict[str, set[str]] = {}
    for task in theirs:
        for key, kind in shapes(task):
            known.setdefault(key, set()).add(kind)
    keys_of_checks = {frozenset(check) - {"prep_actions"} for task in theirs for check in task["eval"]["program_html"]}
    kinds_of_eval = {tuple(task["eval"]["eval_types"]) for task in theirs}
    answers = {frozenset(task["eval"]["reference_answers"] or ()) for task in theirs}
    for task in ours:
        for key, kind in shapes(task):
            assert kind in known[key], f"{task['task_id']}: {key} is a {kind}"
        assert tuple(task["eval"]["eval_types"]) in kinds_of_eval
        assert frozenset(task["eval"]["reference_answers"] or ()) in answers
        assert {frozenset(check) for check in task["eval"]["program_html"]} <= keys_of_checks
        assert set(task["sites"]) <= set(WEBARENA_PLACEHOLDERS)


def test_labels_have_the_form_of_the_published_ones() -> None:
    labels = capability_labels(listed())
    assert set(labels) == {str(task.id) for task in listed()}
    groups: dict[int, set[str]] = {}
    for task in listed():
        groups.setdefault(labels[str(task.id)], set()).add(task.template.capability)
    assert all(len(names) == 1 for names in groups.values())
    assert any(
        sum(template.capability == next(iter(names)) for template in TEMPLATES) > 1 for names in groups.values()
    ), "paraphrases give grouping something to do"


def test_tasks_of_chosen_templates_only():
    some = ArenaSource(profile="small", templates="shop.cheapest-in-category+wiki", instances=200)
    assert {ref.key.split(".")[0] for ref in some} == {"shop", "wiki"}
    assert {ref.key for ref in some if ref.key.startswith("shop")} == {"shop.cheapest-in-category"}
    assert len(some) == 200
    every = set(ArenaSource(profile="small", instances=100_000))
    assert set(some) <= every
    with pytest.raises(OptionError, match="templates: expected keys of templates or names of sites, got 'shops'"):
        ArenaSource(templates="shop+shops")
