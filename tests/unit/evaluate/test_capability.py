"""The capability score of hand-made runs: one success is enough, a trivial one is not."""

import json

import pytest

from tracewarp.evaluate.capability_groups import published_labels
from tracewarp.metrics import wilson_interval

PURPLE, GREEN, RED = "paint the fence purple", "sell all green apples now", "how many red cars are there"


def test_one_success_acquires_a_capability(workshop):
    tasks = workshop.tasks({1: PURPLE, 2: PURPLE, 3: GREEN, 4: RED})
    run = workshop.run("run", [workshop.episode(i, score=float(i == 2)) for i in (1, 2, 3)])
    scores = workshop.scores(run, tasks=tasks)
    found = scores.runs[0].capability
    assert (found.source, found.groups_in_tasks, found.groups, found.acquired) == ("computed", 3, 2, 1)
    assert (found.at_1.value, found.at_all.value, found.reachable, found.reachable_at_1) == (0.5, 0.5, 2, 0.5)
    assert found.trivial_source == "none"
    label = scores.runs[0].episodes[0].capability
    assert found.acquired_groups == (label,)
    assert scores.capabilities["names"][str(label)] == [PURPLE]
    assert (scores.capabilities["groups"], scores.capabilities["templates"]) == (3, 3)
    assert (found.at_1.interval, found.at_1.reason) == (None, "2 capabilities; an interval needs at least 6")


def test_one_episode_of_each_task_is_drawn_for_capability_at_1(workshop):
    solved = {1: [1, 0, 0], 2: [1, 1], 3: [0, 0], 4: [1, 0, 0, 0]}
    tasks = workshop.tasks({1: PURPLE, 2: GREEN, 3: GREEN, 4: PURPLE})
    run = workshop.run(
        "run",
        [workshop.episode(i, repeat=r, score=float(s)) for i, found in solved.items() for r, s in enumerate(found)],
    )
    found = workshop.score(run, tasks=tasks).capability
    assert found.at_1.value == pytest.approx(((1 - 2 / 3 * 3 / 4) + 1) / 2)
    assert (found.at_all.value, found.acquired, found.most_episodes) == (1.0, 2, 4)


def test_the_interval_is_wilsons_over_the_capabilities(workshop):
    capabilities = {i: str(i // 2) for i in range(20)}
    run = workshop.run(
        "run", [workshop.episode(i, capability=capabilities[i], score=float(i in (0, 5, 9))) for i in range(20)]
    )
    found = workshop.score(run).capability
    expected = wilson_interval(3, 10)
    assert found.at_1.interval == expected
    assert found.at_all.interval == expected


def test_partial_credit_acquires_nothing(workshop):
    run = workshop.run("run", [workshop.episode(1, score=0.9)])
    found = workshop.score(run, tasks=workshop.tasks({1: PURPLE})).capability
    assert (found.acquired, found.at_1.value, found.at_1.interval) == (0, 0.0, None)


def test_a_trivial_success_is_no_evidence(workshop):
    tasks = workshop.tasks({1: PURPLE, 2: PURPLE, 3: GREEN, 4: RED})
    run = workshop.run("run", [workshop.episode(i) for i in (1, 3, 4)])
    trivial = workshop.run(
        "trivial", [workshop.episode(i, ["stop [N/A]"], score=float(i in (1, 3))) for i in range(1, 5)]
    )
    found = workshop.score(run, tasks=tasks, trivial=trivial)
    assert (found.capability.groups, found.capability.reachable, found.capability.acquired) == (3, 1, 1)
    assert (found.capability.at_1.value, found.capability.reachable_at_1) == (pytest.approx(1 / 3), 1.0)
    assert found.capability.trivial_source == f"successes of {trivial}"
    assert [row.trivial for row in found.episodes] == [True, True, False]


def test_nothing_reachable_has_no_reachable_score(workshop):
    run = workshop.run("run", [workshop.episode(1)])
    found = workshop.score(run, tasks=workshop.tasks({1: PURPLE}), trivial=run).capability
    assert (found.reachable, found.reachable_at_1, found.at_1.value) == (0, None, 0.0)


def test_without_templates_there_is_no_capability_score_and_a_note_says_so(workshop):
    found = workshop.scores(workshop.run("run", [workshop.episode(1)]))
    assert found.runs[0].capability is None
    assert found.capabilities is None
    assert any("no capability score" in note for note in found.runs[0].notes)


def test_templates_in_the_records_are_enough(workshop):
    run = workshop.run("run", [workshop.episode(1, template=PURPLE), workshop.episode(2, template=PURPLE, score=0.0)])
    found = workshop.score(run).capability
    assert (found.groups, found.acquired, found.source) == (1, 1, "computed")


def test_webarena_ids_use_the_published_map_and_trivial_tasks(workshop):
    from importlib import resources

    templates = json.loads(resources.files("tracewarp.data").joinpath("webarena-template-ids.json").read_text("utf-8"))
    rows = [
        {"task_id": int(i), "intent": f"task {i}", "intent_template_id": templates[i], "sites": []}
        for i in published_labels()
    ]
    tasks = workshop.folder / "webarena.json"
    tasks.write_text(json.dumps(rows), encoding="utf-8")
    run = workshop.run("run", [workshop.episode(i, ["stop [x]"]) for i in published_labels()])
    scores = workshop.scores(run, tasks=tasks)
    found = scores.runs[0].capability
    assert (found.source, found.trivial_source) == ("published", "published")
    assert (found.groups, found.reachable, found.acquired) == (136, 131, 131)
    assert (found.at_1.value, found.reachable_at_all) == (131 / 136, 1.0)
    assert scores.capabilities["labels"] == 144
    assert sum(row.trivial for row in scores.runs[0].episodes) == 38


def labelled(workshop, labels, name="labels.json"):
    path = workshop.folder / name
    path.write_text(json.dumps(labels), encoding="utf-8")
    return path


def test_labels_of_the_records_are_used_without_a_task_file(workshop):
    run = workshop.run(
        "run",
        [
            workshop.episode(1, template=PURPLE, capability="paint", score=0.0),
            workshop.episode(2, template=GREEN, capability="paint"),
            workshop.episode(3, template=GREEN, capability="sell", score=0.0),
        ],
    )
    scores = workshop.scores(run)
    found = scores.runs[0].capability
    assert (found.source, found.groups, found.acquired, found.at_1.value) == ("records", 2, 1, 0.5)
    assert scores.capabilities["names"] == {"0": ["paint"], "1": ["sell"]}


def test_labels_of_the_task_file_stand_above_its_templates(workshop):
    path = workshop.folder / "tasks.json"
    rows = [{"task_id": i, "intent": "x", "intent_template": GREEN, "capability": i % 2} for i in range(4)]
    path.write_text(json.dumps([*rows, {"task_id": 4, "intent": "alone", "intent_template": GREEN}]), encoding="utf-8")
    run = workshop.run("run", [workshop.episode(i, score=float(i == 1)) for i in range(5)])
    scores = workshop.scores(run, tasks=path)
    found = scores.runs[0].capability
    assert (found.source, found.groups, found.acquired) == ("task file", 3, 1)
    assert scores.capabilities["without_label"] == 1
    assert any("1 task without a capability label, each a capability of its own: 4" in n for n in scores.runs[0].notes)


def test_a_file_of_labels_stands_above_all_others_and_knows_tasks_by_every_name(workshop):
    labels = labelled(workshop, {"1": "a", "task_2": "b", "webarena.3": "b", "9": "c", "4": None})
    run = workshop.run("run", [workshop.episode(i, capability="one", score=float(i == 3)) for i in (1, 2, 3, 4)])
    scores = workshop.scores(run, capabilities=labels)
    found = scores.runs[0].capability
    assert (found.source, found.groups, found.acquired) == ("file", 3, 1)
    assert [row.capability for row in scores.runs[0].episodes] == [0, 1, 1, 2]
    assert scores.capabilities["without_label"] == 1
    assert scores.settings["capabilities"]["n"] == 4
    assert len(scores.settings["capabilities"]["sha256"]) == 64


def test_references_by_capability_follow_the_labels(workshop):
    episodes = [workshop.episode(i, capability="ab"[i // 2]) for i in range(4)]
    found = workshop.score(workshop.run("run", episodes), references_from="capability")
    assert [row.reference for row in found.episodes] == ["1#0", "0#0", "3#0", "2#0"]
