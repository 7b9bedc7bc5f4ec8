"""When two tasks are one task: by what they ask, and not by what they are called."""

from __future__ import annotations

import random
from typing import Any

import pytest

from tracewarp.envs.arena.source import ArenaSource
from tracewarp.synthesize.sameness import identities, merged, shared
from tracewarp.trajectory import Task


def task(name: str, **given: Any) -> Task:
    about: dict[str, Any] = {
        "objective": "Add the mug to my wishlist",
        "sites": ("shopping",),
        "start_url": "__SHOPPING__/mug",
        "template": "Add the {{thing}} to my wishlist",
        "template_id": "7",
        "extra": {"instantiation_dict": {"thing": "mug"}},
    }
    return Task(id=name, **{**about, **given})


@pytest.mark.parametrize(
    "other",
    [
        task("1", objective="something else", extra={}, template=None, template_id=None),
        task("2"),
        task("2", objective="Put the mug on the wishlist"),
        task("2", extra={}, template=None, template_id=None),
        task("2", objective=" add THE mug  to my wishlist", extra={}),
        task("2", start_url="__SHOPPING__/mug/"),
        task("2", objective="other", extra={"instantiation_dict": {"thing": "mug"}, "more": 1}),
    ],
)
def test_tasks_that_ask_the_same_are_the_same(other: Task) -> None:
    assert shared([other], [task("1")]) == (other,)


@pytest.mark.parametrize(
    "other",
    [
        task("2", objective="Add the cup to my wishlist", extra={"instantiation_dict": {"thing": "cup"}}),
        task("2", start_url="__SHOPPING__/cup"),  # "this product": WebArena tells some tasks by their start page alone
        task("2", sites=("shopping", "reddit")),
        task("2", start_url=None),
    ],
)
def test_tasks_that_ask_something_else_are_others(other: Task) -> None:
    assert shared([other], [task("1")]) == ()


def test_parameters_are_compared_whatever_their_order_and_kind() -> None:
    """JSON objects have no order, and a file may hold values that JSON does not know."""
    about = {"template": "{{a}} {{b}}", "objective": ""}
    first = task("1", **about, extra={"instantiation_dict": {"a": 1, "b": {"x"}}})
    assert shared([task("2", **about, extra={"instantiation_dict": {"b": {"x"}, "a": 1}})], [first])
    assert not shared([task("2", **about, extra={"instantiation_dict": {"b": {"y"}, "a": 1}})], [first])


@pytest.mark.parametrize("known", [{"template_id": None}, {"template": None}])
def test_a_template_is_known_by_its_text_or_its_id(known: dict[str, None]) -> None:
    assert shared([task("2", objective="other", **known)], [task("1", objective="one", **known)])


def test_objectives_are_compared_word_by_word() -> None:
    def asked(name: str, objective: str) -> Task:
        return task(name, objective=objective, extra={}, template=None, template_id=None)

    assert shared([asked("2", "Add\tthe  mug")], [asked("1", "add the mug")])
    assert not shared([asked("2", "Addthe mug")], [asked("1", "add the mug")])
    assert not shared([asked("2", "addXX XXthe")], [asked("1", "add the")])


def test_a_start_page_differs_from_none_and_only_a_last_slash_is_left_out() -> None:
    def instance(name: str, start: str | None) -> Task:
        return task(name, objective="", start_url=start)

    assert shared([instance("2", "http://a.test/")], [instance("1", "http://a.test")])
    assert not shared([instance("2", "http://a.test/X")], [instance("1", "http://a.test/")])
    assert shared([instance("2", None)], [instance("1", "")])


def test_a_name_of_one_kind_is_no_name_of_another() -> None:
    names = {name[0] for one in (task("1"),) for name in identities(one) if isinstance(name, tuple)}
    assert names == {"id", "instance", "objective"}


def test_an_objective_alone_does_not_name_a_task_without_a_start_page() -> None:
    """Text worlds ask for the same in many different houses."""
    houses = [Task(id=str(i), objective="Put a mug on the desk", template="Put a {{a}} on the {{b}}") for i in "12"]
    assert shared(houses[:1], houses[1:]) == ()


def test_the_tasks_of_arena_are_812_different_ones_under_any_names() -> None:
    source = ArenaSource(instances=812)
    tasks = [source.task(ref) for ref in source]
    assert len(set(merged([identities(one) for one in tasks]))) == len(tasks)
    renamed = [one.model_copy(update={"id": f"other {one.id}"}) for one in tasks]
    assert shared(renamed, tasks) == tuple(renamed)


def test_groups_are_connected_through_any_name() -> None:
    assert merged([["a"], ["b"], ["a", "c"], ["d"], ["b", "c"], []]) == [0, 0, 0, 3, 0, 5]
    draws = random.Random(0)
    for _ in range(50):
        names = [[draws.randrange(12) for _ in range(draws.randrange(3))] for _ in range(12)]
        found = merged(names)
        reached = [{i} for i in range(12)]  # a slow judge: grow each group until nothing joins it
        for own in reached:
            while more := {j for j in range(12) for i in own if set(names[i]) & set(names[j])} - own:
                own.update(more)
        assert found == [min(own) for own in reached]
