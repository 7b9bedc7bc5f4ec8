"""Tasks into capabilities: the published map, and groups computed from texts."""

from __future__ import annotations

import json
import random

import numpy as np
import pytest

from tracewarp.embed import embed_texts, get_encoder
from tracewarp.errors import EmptyInputError, OptionError, ShapeError
from tracewarp.evaluate.capability_groups import adjusted_rand_index, group_tasks, published_groups
from tracewarp.trajectory import Task

ANGLES = {"a": 0, "b": 50, "c": 100, "d": 200}


def embed(texts):
    """A row on the circle for each letter: a and c are near b, and not near each other."""
    angles = np.radians([ANGLES[text] for text in texts])
    return np.stack([np.cos(angles), np.sin(angles)], axis=1)


def task(number, template=None, template_id=None, sites=()):
    return Task(id=str(number), objective=f"do {number}", template=template, template_id=template_id, sites=sites)


TASKS = [task(1, "a"), task(2, "d"), task(3, "c"), task(4, " a "), task(5, "b")]


def test_the_closure_joins_through_the_middle():
    groups = group_tasks(TASKS, embed)
    assert groups.labels == {"1": 0, "2": 1, "3": 0, "4": 0, "5": 0}
    assert (groups.n_groups, groups.source, groups.threshold) == (2, "computed", 0.60)
    assert groups.names == (("a", "c", "b"), ("d",))
    assert groups.tasks() == {0: ("1", "3", "4", "5"), 1: ("2",)}


def test_every_join_is_above_the_threshold_and_names_the_nearest_member():
    (first, second), nothing = group_tasks(TASKS, embed).joins
    assert (first.text, first.to, second.text, second.to) == ("b", "a", "c", "b")
    assert first.similarity == pytest.approx(np.cos(np.radians(50)))
    assert nothing == ()


def test_first_come_follows_the_order_of_the_tasks():
    groups = group_tasks(TASKS, embed, method="first_come")
    assert groups.labels == {"1": 0, "2": 1, "3": 2, "4": 0, "5": 0}
    ((join,), _, _) = groups.joins
    assert (join.text, join.to) == ("b", "a")


def test_a_scope_keeps_sites_apart():
    tasks = [task(1, "a", sites=("x",)), task(2, "b", sites=("y",)), task(3, "a", sites=("y",))]
    assert group_tasks(tasks, embed).labels == {"1": 0, "2": 0, "3": 0}
    assert group_tasks(tasks, embed, scope="site").labels == {"1": 0, "2": 1, "3": 1}
    both = [task(1, "a", sites=("x", "y")), task(2, "b", sites=("y", "x"))]
    assert group_tasks(both, embed, scope="site").n_groups == 1


def test_a_key_of_ids_joins_several_texts_of_one_id():
    tasks = [task(1, "a", "7"), task(2, "d", "7"), task(3, "c", "8")]
    assert group_tasks(tasks, embed, key="text").n_groups == 3
    groups = group_tasks(tasks, embed, key="id")
    assert groups.labels == {"1": 0, "2": 0, "3": 1}
    assert groups.names == (("a", "d"), ("c",))


def test_a_task_without_a_template_is_a_capability_of_its_own():
    groups = group_tasks([task(1), task(2, "a"), task(3, "  "), task(4, "a")], embed)
    assert groups.labels == {"1": 0, "2": 1, "3": 2, "4": 1}
    assert groups.without_template == ("1", "3")
    assert groups.names == (("do 1",), ("a",), ("do 3",))


def test_an_id_without_a_text_is_a_template_that_joins_nobody():
    groups = group_tasks([task(1, None, "7"), task(2, None, "7"), task(3, "a", "8")], embed)
    assert groups.labels == {"1": 0, "2": 0, "3": 1}
    assert groups.without_template == ()


def test_no_template_at_all_needs_no_encoder():
    def never(texts):
        raise AssertionError("nothing to embed")

    assert group_tasks([task(1), task(2)], never).n_groups == 2


def test_bad_options_are_named():
    with pytest.raises(EmptyInputError, match=r"^tasks: "):
        group_tasks([], embed)
    for option, value in (("key", "name"), ("scope", "page"), ("method", "average"), ("threshold", 2)):
        with pytest.raises(OptionError, match=rf"^{option}: "):
            group_tasks(TASKS, embed, **{option: value})
    with pytest.raises(ShapeError, match=r"^embed: expected 4 rows"):
        group_tasks(TASKS, lambda texts: np.ones((1, 2)))


def test_the_result_is_plain_for_json_with_a_real_encoder():
    tasks = [task(1, "Fork {{repo}}"), task(2, "Fork all repos"), task(3, "What is the price of {{product}}?")]
    encoder = get_encoder("hashed")
    groups = group_tasks(tasks, lambda texts: embed_texts(texts, encoder), encoder=encoder.name, threshold=0.3)
    told = json.loads(json.dumps(groups.to_dict()))
    assert told["encoder"] == encoder.name
    assert [group["tasks"] for group in told["groups"]] == [["1", "2"], ["3"]]
    assert told["groups"][0]["joins"][0]["similarity"] > 0.3


def test_the_published_groups_take_their_names_from_tasks():
    groups = published_groups([task(0, " What? "), task(2, "What?"), task(3, "Where?"), task("foreign", "Who?")])
    assert groups.names[0] == ("What?", "Where?")
    assert groups.source == "published"
    assert groups.options is None


@pytest.mark.parametrize(
    ("first", "second", "expected"),
    [
        ([0, 0, 1, 1], [1, 1, 0, 0], 1.0),
        ([0, 0, 1, 1], [0, 1, 0, 1], -0.5),
        ([0, 0, 1, 2], [0, 0, 1, 1], 4 / 7),
        ([0, 0, 0, 0], [0, 1, 2, 3], 0.0),
        ([0, 1, 2], [5, 6, 7], 1.0),
        (["x"], ["y"], 1.0),
    ],
)
def test_adjusted_rand_index_of_known_groupings(first, second, expected):
    assert adjusted_rand_index(first, second) == pytest.approx(expected)
    assert adjusted_rand_index(second, first) == adjusted_rand_index(first, second)


def test_adjusted_rand_index_is_zero_on_average_for_random_groupings():
    draw = random.Random(5)
    first = [draw.randrange(5) for _ in range(60)]
    values = [adjusted_rand_index(first, draw.sample(first, 60)) for _ in range(500)]
    assert abs(np.mean(values)) < 0.01


def test_adjusted_rand_index_counts_pairs_as_a_loop_does():
    draw = random.Random(6)
    a, b = ([draw.randrange(4) for _ in range(25)] for _ in range(2))
    pairs = [(a[i] == a[j], b[i] == b[j]) for i in range(25) for j in range(i)]
    both, one, other = (sum(p) for p in zip(*[(x and y, x, y) for x, y in pairs], strict=True))
    chance = one * other / len(pairs)
    assert adjusted_rand_index(a, b) == pytest.approx((both - chance) / ((one + other) / 2 - chance))


def test_groupings_of_different_items_are_refused():
    with pytest.raises(ShapeError, match=r"^second: expected 2 labels"):
        adjusted_rand_index([0, 1], [0])
    with pytest.raises(EmptyInputError, match=r"^first: "):
        adjusted_rand_index([], [])
