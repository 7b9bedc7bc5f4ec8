"""VERTEX_DTW of hand-made runs, against single calls of `vertex_dtw` on rows that are embedded here."""

import numpy as np
import pytest

from tracewarp.embed import HashedEncoder, StepEmbedder
from tracewarp.metrics import bca_interval, vertex_dtw
from tracewarp.trajectory import load_tasks

PURPLE, GREEN = "paint the fence purple", "sell all green apples now"
EMBEDDER = StepEmbedder(HashedEncoder())


def rows(trajectory, tasks=None):
    task = trajectory.task if tasks is None else tasks.find(trajectory.task.id)
    return EMBEDDER.embed([(task, step) for step in trajectory.executed_steps]).astype(np.float64)


def made_trivial(workshop, trajectory, tasks=None):
    first = trajectory.steps[0].observation
    task = trajectory.task if tasks is None else tasks.find(trajectory.task.id)
    stop = workshop.step("stop [N/A]", first.text, url=first.url)
    return EMBEDDER.embed([(task, stop)]).astype(np.float64)


def single(workshop, reference, test, tasks=None, **options):
    trivial = made_trivial(workshop, reference, tasks)
    return vertex_dtw(rows(reference, tasks), rows(test, tasks), trivial=trivial, **options).score


def test_the_best_reference_of_the_same_task_counts(workshop):
    gold = [
        workshop.episode(1, ["click [1]", "click [2]", "stop [done]"]),
        workshop.episode(1, ["goto [x]", "stop [done]"], repeat=1),
        workshop.episode(2, ["click [7]"], score=0.0),
    ]
    tests = [workshop.episode(1, ["click [1]", "type [2] [tea]", "stop [done]"], score=0.0), workshop.episode(2)]
    scores = workshop.scores(workshop.run("test", tests), references=(workshop.run("gold", gold),))
    found = scores.runs[0].vertex_dtw
    each = [single(workshop, reference, tests[0]) for reference in gold[:2]]
    assert found.mean == pytest.approx(max(each), abs=1e-12)
    assert (found.n_referenced, found.n_tasks, found.coverage, found.no_test) == (1, 2, 0.5, 0)
    assert (found.encoder, found.step_template) == ("hashed/1-512", "action_first")
    row = scores.runs[0].episodes[0]
    assert (row.reference, row.reference_run) == (f"1#{int(np.argmax(each))}", "gold")
    assert scores.runs[0].episodes[1].vertex_dtw is None
    assert scores.runs[0].sites[0].n_referenced == 1


def test_failed_references_are_taken_when_asked_for(workshop):
    gold = workshop.run("gold", [workshop.episode(1, score=0.0)])
    test = workshop.run("test", [workshop.episode(1, ["click [1]"])])
    assert workshop.score(test, references=(gold,)).vertex_dtw is None
    assert workshop.score(test, references=(gold,), all_references=True).vertex_dtw.n_referenced == 1


def test_a_copy_of_the_reference_scores_one(workshop):
    made = [workshop.episode(1, ["click [1]", "click [2]", "stop [done]"])]
    found = workshop.score(workshop.run("test", made), references=(workshop.run("gold", made),))
    assert found.vertex_dtw.mean == pytest.approx(1.0)


def test_equal_references_choose_the_first(workshop):
    made = [workshop.episode(1), workshop.episode(1, repeat=1)]
    found = workshop.score(workshop.run("test", made[:1]), references=(workshop.run("gold", made),))
    assert found.episodes[0].reference == "1#0"


def test_a_trajectory_is_never_its_own_reference(workshop):
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2), workshop.episode(2, ["x"], repeat=1)])
    found = workshop.score(run, references=(run,))
    assert [row.reference for row in found.episodes] == [None, "2#1", "2#0"]
    assert found.vertex_dtw.n_referenced == 1


def test_references_from_a_capability_are_the_other_tasks_of_it(workshop):
    entries = {1: PURPLE, 2: PURPLE, 3: GREEN, 4: PURPLE}
    tasks = workshop.tasks(entries)
    made = [workshop.episode(i, [f"click [{i}]", "stop [x]"], score=float(i != 4)) for i in entries]
    found = workshop.score(workshop.run("run", made), tasks=tasks, references_from="capability")
    assert [row.reference for row in found.episodes][:2] == ["2#0", "1#0"]
    assert found.episodes[2].reference is None  # alone in its capability
    task_set = load_tasks(tasks)
    each = {
        1: single(workshop, made[1], made[0], task_set),
        2: single(workshop, made[0], made[1], task_set),
        4: max(single(workshop, made[r], made[3], task_set) for r in (0, 1)),
    }
    assert [row.vertex_dtw for row in found.episodes] == [
        pytest.approx(each[i]) if i in each else None for i in entries
    ]
    result = found.vertex_dtw
    assert result.mean == pytest.approx(sum(each.values()) / 3)
    assert result.by_capability == pytest.approx(max(each.values()))
    assert result.non_trivial == result.by_capability
    interval = bca_interval([each[1], each[2], each[4]], resamples=2_000)
    assert result.interval == pytest.approx((interval.low, interval.high), abs=1e-9)


def test_capability_references_come_from_the_reference_runs_where_given(workshop):
    tasks = workshop.tasks({1: PURPLE, 2: PURPLE})
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2)])
    gold = workshop.run("gold", [workshop.episode(2, ["goto [y]"])])
    found = workshop.score(run, tasks=tasks, references=(gold,), references_from="capability")
    assert [(row.reference, row.reference_run) for row in found.episodes] == [("2#0", "gold"), (None, None)]


def test_compared_agents_meet_the_same_references(workshop):
    tasks = workshop.tasks({1: PURPLE, 2: PURPLE})
    a = workshop.run("a", [workshop.episode(1), workshop.episode(2, ["goto [a]"], score=0.0)])
    b = workshop.run("b", [workshop.episode(1, ["goto [b]"]), workshop.episode(2, score=0.0)])
    scores = workshop.scores(a, tasks=tasks, compare_to=b, references_from="capability")
    both = workshop.scores(b, a, tasks=tasks, references_from="capability")
    for run, name in ((scores.runs[0], "a"), (scores.baseline, "b")):
        other = next(found for found in both.runs if found.name == name)
        assert run.vertex_dtw.n_referenced == 1  # task 2 meets the two successes of task 1; task 1 meets none
        assert run.vertex_dtw.mean == other.vertex_dtw.mean


def test_an_empty_test_scores_zero_and_counts(workshop):
    gold = workshop.run("gold", [workshop.episode(1), workshop.episode(2)])
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2, [], score=0.0)])
    found = workshop.score(run, references=(gold,))
    assert found.vertex_dtw.no_test == 1
    assert found.vertex_dtw.mean == pytest.approx(0.5)
    assert (found.episodes[1].vertex_dtw, found.episodes[1].reference) == (0.0, None)


def test_all_tests_empty_is_a_zero_with_an_interval(workshop):
    gold = workshop.run("gold", [workshop.episode(1), workshop.episode(2)])
    run = workshop.run("run", [workshop.episode(1, []), workshop.episode(2, [])])
    found = workshop.score(run, references=(gold,)).vertex_dtw
    assert (found.mean, found.interval, found.interval_method) == (0.0, (0.0, 0.0), "percentile")
    assert (found.no_test, found.chance, found.chance_pairs) == (2, None, 0)
    assert found.variants == {"normalized": 0.0, "eq1": 0.0, "released": 0.0}


def test_an_empty_reference_is_none(workshop):
    gold = workshop.run("gold", [workshop.episode(1, [])])
    assert workshop.score(workshop.run("run", [workshop.episode(1)]), references=(gold,)).vertex_dtw is None


def test_repeats_are_averaged_within_a_task(workshop):
    gold = workshop.episode(1, ["click [1]", "stop [x]"])
    tests = [workshop.episode(1, ["click [1]", "stop [x]"]), workshop.episode(1, [], repeat=1, score=0.0)]
    other = workshop.episode(2)
    run = workshop.run("run", [*tests, other])
    found = workshop.score(run, references=(workshop.run("gold", [gold, other]),)).vertex_dtw
    assert found.mean == pytest.approx((0.5 + 1.0) / 2)
    assert found.no_test == 0


def test_a_reference_that_is_the_trivial_page_is_degenerate(workshop):
    gold = workshop.run("gold", [workshop.episode(1, ["stop [N/A]"]), workshop.episode(2)])
    run = workshop.run("run", [workshop.episode(1, ["stop [N/A]"]), workshop.episode(2)])
    found = workshop.score(run, references=(gold,))
    assert found.vertex_dtw.degenerate == 1
    assert [row.vertex_dtw for row in found.episodes] == [0.0, pytest.approx(1.0)]


def test_the_trivial_runs_trajectory_is_the_baseline(workshop):
    reference, test = workshop.episode(1), workshop.episode(1, ["click [2]", "click [5]"])
    answer = workshop.episode(1, [workshop.step("click [5]", "page 0 of 1")], score=0.0)
    run, gold = workshop.run("run", [test]), workshop.run("gold", [reference])
    trivial = workshop.run("trivial", [answer, workshop.episode(2, [])])
    found = workshop.score(run, references=(gold,), trivial=trivial).vertex_dtw
    expected = vertex_dtw(rows(reference), rows(test), trivial=rows(answer)).score
    assert found.mean == pytest.approx(expected)
    assert found.mean != pytest.approx(single(workshop, reference, test))


def test_a_trivial_run_without_that_task_leaves_the_made_baseline(workshop):
    reference, test = workshop.episode(1), workshop.episode(1, ["click [1]", "click [5]"])
    trivial = workshop.run("trivial", [workshop.episode(1, [], score=0.0), workshop.episode(3, score=0.0)])
    found = workshop.score(
        workshop.run("run", [test]), references=(workshop.run("gold", [reference]),), trivial=trivial
    )
    assert found.vertex_dtw.mean == pytest.approx(single(workshop, reference, test))


@pytest.mark.parametrize("mode", ["normalized", "eq1", "released"])
def test_variants_are_the_means_under_each_mode(workshop, mode):
    from tracewarp.metrics import VertexOptions

    references = [workshop.episode(i, ["click [1]", f"type [2] [{i}]", "stop [x]"]) for i in (1, 2)]
    tests = [workshop.episode(i, ["click [1]", "stop [y]"]) for i in (1, 2)]
    run, gold = workshop.run("run", tests), workshop.run("gold", references)
    found = workshop.score(run, references=(gold,), vertex=VertexOptions(mode=mode)).vertex_dtw
    for kind, value in found.variants.items():
        each = [single(workshop, r, t, mode=kind) for r, t in zip(references, tests, strict=True)]
        assert value == pytest.approx(sum(each) / 2)
    assert found.mean == found.variants[mode]


def test_chance_is_the_mean_against_other_tasks(workshop):
    made = [workshop.episode(i, ["click [1]", f"type [2] [{i} {i}]"]) for i in (1, 2)]
    run, gold = workshop.run("run", made), workshop.run("gold", made)
    found = workshop.score(run, references=(gold,), chance_draws=3).vertex_dtw
    each = [single(workshop, made[1], made[0]), single(workshop, made[0], made[1])]
    assert found.chance == pytest.approx(sum(each) / 2)  # each task has just one other task to draw
    assert found.chance_pairs == 6
    assert workshop.score(run, references=(gold,), chance_draws=0).vertex_dtw.chance is None


def test_chance_draws_tasks_of_another_capability_with_the_seed(workshop):
    tasks = workshop.tasks({i: PURPLE if i < 4 else GREEN for i in range(8)})
    made = [workshop.episode(i, [f"click [{i}]", f"type [2] [{i * i}]"]) for i in range(8)]
    run = workshop.run("run", made)
    found = workshop.score(run, tasks=tasks, references_from="capability", seed=4).vertex_dtw
    task_set, rng, drawn = load_tasks(tasks), np.random.default_rng(4), []
    for _ in range(5):
        for i in range(8):
            other = (list(range(4, 8)) if i < 4 else list(range(4)))[rng.integers(4)]
            mates = [r for r in range(8) if (r < 4) == (other < 4) and r != other]
            drawn.append(max(single(workshop, made[r], made[i], task_set) for r in mates))
    assert found.chance == pytest.approx(np.mean(drawn))
    assert found.chance_pairs == 40


def test_one_capability_has_no_chance_level(workshop):
    tasks = workshop.tasks({1: PURPLE, 2: PURPLE})
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2)])
    found = workshop.score(run, tasks=tasks, references_from="capability").vertex_dtw
    assert (found.n_referenced, found.chance, found.chance_pairs) == (2, None, 0)


def test_without_references_nothing_is_embedded_and_a_note_says_why(workshop):
    scores = workshop.scores(workshop.run("run", [workshop.episode(1)]), encoder="hashed")
    assert scores.runs[0].vertex_dtw is None
    assert scores.settings["encoder"] is None
    assert any("give --references RUN" in note for note in scores.runs[0].notes)


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"references_from": "capability"}, "need tasks with templates"),
        ({"references": ("gold.jsonl",)}, "no successful trajectory of its own tasks"),
        ({"references": ("gold.jsonl",), "all_references": True}, "no trajectory of its own tasks"),
    ],
)
def test_a_run_without_a_referenced_task_says_why(workshop, options, words):
    workshop.run("gold", [workshop.episode(9)])
    if "references" in options:
        options = {**options, "references": (workshop.folder / "gold.jsonl",)}
    found = workshop.score(workshop.run("run", [workshop.episode(1)]), **options)
    assert found.vertex_dtw is None
    assert any(words in note for note in found.notes)


def test_batches_of_any_size_give_the_same_scores(workshop, monkeypatch):
    tasks = workshop.tasks({i: PURPLE if i < 4 else GREEN for i in range(8)})
    run = workshop.run("run", [workshop.episode(i, [f"click [{i}]", f"type [2] [{i * i}]"]) for i in range(8)])
    whole = workshop.score(run, tasks=tasks, references_from="capability")
    monkeypatch.setattr("tracewarp.evaluate.matches.PAIRS_A_CALL", 3)
    assert workshop.score(run, tasks=tasks, references_from="capability") == whole


def test_threads_change_nothing(workshop):
    tasks = workshop.tasks(dict.fromkeys(range(5), PURPLE))
    run = workshop.run("run", [workshop.episode(i, [f"click [{i}]", f"type [2] [{i * i}]"]) for i in range(5)])
    one, three = (workshop.score(run, tasks=tasks, references_from="capability", threads=t) for t in (1, 3))
    assert one == three
