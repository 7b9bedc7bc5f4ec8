from __future__ import annotations

import pytest

from tracewarp.trajectory.names import natural_order, read_folder_name, task_id_of


@pytest.mark.parametrize(
    ("name", "task_id"),
    [
        ("7", "7"),
        ("task_7", "7"),
        ("webarena.7", "7"),
        (" 7 ", "7"),
        ("miniwob.click-test", "miniwob.click-test"),
        ("task_", "task_"),
    ],
)
def test_one_task_has_one_id_whoever_wrote_it(name, task_id):
    assert task_id_of(name) == task_id


def test_agentlab_folder_name_gives_task_seed_and_agent():
    found = read_folder_name("2024-10-01_12-00-00_GenericAgent-gpt-4o_on_it_on_webarena.123_5")
    assert (found.task, found.seed, found.agent) == ("123", 5, "GenericAgent-gpt-4o_on_it")


@pytest.mark.parametrize(
    ("end", "task", "seed"),
    [
        ("webarena.21_10", "21", 10),
        ("webarena.21_10_1", "21", 10),
        ("webarena.21_10_998", "21", 10),
        ("webarena.21_1", "21", 1),
        ("webarena.21_None", "21", None),
        ("webarena.21_None_1", "21", None),
        ("webarena.21", "21", None),
        ("miniwob.click-test-2_43_2", "miniwob.click-test-2", 43),
        # no suffix that AgentLab makes: part of the task's name
        ("my_task_3_1500", "my_task_3", 1500),
        ("my_task_3_01", "my_task_3", 1),
    ],
)
def test_a_suffix_that_tells_runs_of_one_second_apart_is_neither_seed_nor_task(end, task, seed):
    for before in ("2024-10-01_12-00-00_a_on_", "_2024-10-01_12-00-00_a_on_", "a_on_"):
        found = read_folder_name(before + end)
        assert (found.task, found.seed, found.agent) == (task, seed, "a")


def test_folder_of_another_name_is_an_id():
    found = read_folder_name("task_42")
    assert (found.task, found.seed, found.agent) == ("42", None, None)


def test_natural_order_counts_numbers():
    assert sorted(["task_10", "task_9", "10", "9b", "9a"], key=natural_order) == ["9a", "9b", "10", "task_9", "task_10"]
