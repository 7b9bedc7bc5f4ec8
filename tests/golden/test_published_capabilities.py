"""The released capability labels of WebArena, their closure, and the trivial tasks.

The expected counts are those of the paper (136 groups, 38 trivial tasks) and of the released file (144 labels).
"""

from __future__ import annotations

from pathlib import Path

import pytest

from tracewarp.evaluate.capability_groups import published_groups, published_labels, trivial_task_ids
from tracewarp.trajectory import load_tasks

TASKS = Path(__file__).parents[3] / "shared" / "data" / "webarena" / "test.raw.json"


def test_there_are_144_labels_and_136_groups_of_which_131_are_reachable():
    groups = published_groups()
    assert len(published_labels()) == len(groups.labels) == 812
    assert len(set(published_labels().values())) == 144
    assert groups.n_groups == len(groups.names) == 136
    assert groups.reachable(trivial_task_ids()) == 131
    assert groups.reachable(()) == 136


def test_there_are_38_trivial_tasks():
    assert len(trivial_task_ids()) == 38
    assert trivial_task_ids() < published_labels().keys()
    assert {"8", "301", "789", "798"} < trivial_task_ids()
    assert "799" not in trivial_task_ids()


def test_groups_are_numbered_by_first_appearance_in_the_order_of_ids():
    labels = published_groups().labels
    assert list(labels) == [str(task) for task in range(812)]
    firsts = list(dict.fromkeys(labels.values()))
    assert firsts == list(range(136))


def test_tasks_of_one_released_label_are_in_one_group():
    released, groups = published_labels(), published_groups().labels
    group_of: dict[int, int] = {}
    for task, label in released.items():
        assert group_of.setdefault(label, groups[task]) == groups[task]


@pytest.mark.shared
def test_the_shipped_template_ids_are_those_of_the_task_file():
    if not TASKS.exists():
        pytest.skip("the data beside the checkout is not there")
    tasks = load_tasks(TASKS)
    assert tasks.is_webarena
    assert (len(tasks), tasks.n_templates, tasks.n_template_ids) == (812, 241, 190)
    names = [name for group in published_groups(tasks).names for name in group]
    assert len(names) == 241
    assert len(set(names)) == 241
