"""VERTEX_DTW of hand-made runs, against single calls of `vertex_dtw` on rows that are embedded here."""

import hashlib
import itertools
import json

import numpy as np
import pytest

from tracewarp.embed import HashedEncoder, StepEmbedder
from tracewarp.errors import OptionError
from tracewarp.evaluate import EvaluateOptions
from tracewarp.evaluate.episodes import load_run
from tracewarp.evaluate.neighbours import action_similarity
from tracewarp.evaluate.references import Reference, References, SameTask
from tracewarp.metrics import VertexOptions, clustered_mean, vertex_dtw
from tracewarp.trajectory import load_tasks, open_run

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
    assert found.mean.value == pytest.approx(max(each), abs=1e-12)
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
    assert found.vertex_dtw.mean.value == pytest.approx(1.0)


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
    assert result.mean.value == pytest.approx(sum(each.values()) / 3)
    assert result.by_capability == pytest.approx(max(each.values()))
    assert result.non_trivial == result.by_capability
    assert result.mean.reason == "1 template; an interval needs at least 6"


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
        assert run.vertex_dtw.mean.value == other.vertex_dtw.mean.value


def test_an_empty_test_scores_zero_and_counts(workshop):
    gold = workshop.run("gold", [workshop.episode(1), workshop.episode(2)])
    run = workshop.run("run", [workshop.episode(1), workshop.episode(2, [], score=0.0)])
    found = workshop.score(run, references=(gold,))
    assert found.vertex_dtw.no_test == 1
    assert found.vertex_dtw.mean.value == pytest.approx(0.5)
    assert (found.episodes[1].vertex_dtw, found.episodes[1].reference) == (0.0, None)


def test_all_tests_empty_is_a_zero_without_an_interval(workshop):
    gold = workshop.run("gold", [workshop.episode(1), workshop.episode(2)])
    run = workshop.run("run", [workshop.episode(1, []), workshop.episode(2, [])])
    found = workshop.score(run, references=(gold,)).vertex_dtw
    assert (found.mean.value, found.mean.interval) == (0.0, None)
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
    assert found.mean.value == pytest.approx((0.5 + 1.0) / 2)
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
    assert found.mean.value == pytest.approx(expected)
    assert found.mean.value != pytest.approx(single(workshop, reference, test))


def test_a_trivial_run_without_that_task_leaves_the_made_baseline(workshop):
    reference, test = workshop.episode(1), workshop.episode(1, ["click [1]", "click [5]"])
    trivial = workshop.run("trivial", [workshop.episode(1, [], score=0.0), workshop.episode(3, score=0.0)])
    found = workshop.score(
        workshop.run("run", [test]), references=(workshop.run("gold", [reference]),), trivial=trivial
    )
    assert found.vertex_dtw.mean.value == pytest.approx(single(workshop, reference, test))


@pytest.mark.parametrize("mode", ["normalized", "eq1", "released"])
def test_variants_are_the_means_under_each_mode(workshop, mode):
    references = [workshop.episode(i, ["click [1]", f"type [2] [{i}]", "stop [x]"]) for i in (1, 2)]
    tests = [workshop.episode(i, ["click [1]", "stop [y]"]) for i in (1, 2)]
    run, gold = workshop.run("run", tests), workshop.run("gold", references)
    found = workshop.score(run, references=(gold,), vertex=VertexOptions(mode=mode)).vertex_dtw
    for kind, value in found.variants.items():
        each = [single(workshop, r, t, mode=kind) for r, t in zip(references, tests, strict=True)]
        assert value == pytest.approx(sum(each) / 2)
    assert found.mean.value == found.variants[mode]


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


class TestAcceptedSteps:
    """`steps="accepted"`: answers that never became an action do not shift the steps after them."""

    GOOD = ("click [1]", "click [2]", "stop [done]")

    def slips(self, workshop, *, refused="click [9]"):
        """The good trajectory with an unreadable answer at the start and a refused action in between."""
        pages = [f"page {i} of 1" for i in range(3)]
        return [
            workshop.step(None, pages[0]),
            workshop.step(self.GOOD[0], pages[0], valid=True),
            workshop.step(refused, pages[1], valid=False),
            workshop.step(self.GOOD[1], pages[1]),
            workshop.step(self.GOOD[2], pages[2], valid=True),
        ]

    def test_left_out_steps_change_nothing(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1, self.GOOD)])
        test = workshop.run("test", [workshop.episode(1, self.slips(workshop))])
        accepted, every = (workshop.score(test, references=(gold,), steps=steps) for steps in ("accepted", "all"))
        assert accepted.vertex_dtw.mean.value == pytest.approx(1.0)
        assert accepted.vertex_dtw.action_similarity.value == 1.0
        assert accepted.vertex_dtw.last_step_cosine.value == pytest.approx(1.0)
        assert every.vertex_dtw.mean.value < 0.8
        assert every.vertex_dtw.action_similarity.value == pytest.approx(3 / 5)
        assert accepted.steps == every.steps  # they are counted all the same
        assert (accepted.steps.total, accepted.episodes[0].invalid, accepted.episodes[0].unparsable) == (5, 1, 1)

    def test_references_are_treated_as_tests_are(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1, self.slips(workshop))])
        test = workshop.run("test", [workshop.episode(1, self.GOOD)])
        found = workshop.score(test, references=(gold,), steps="accepted").vertex_dtw
        assert (found.mean.value, found.action_similarity.value) == (pytest.approx(1.0), 1.0)

    def test_a_trivial_trajectory_is_treated_as_tests_are(self, workshop):
        answer = workshop.step("stop [N/A]", "page 0 of 1")
        run = workshop.run("run", [workshop.episode(1, self.GOOD)])
        gold = workshop.run("gold", [workshop.episode(1, ["click [1]", "goto [x]"])])
        with_slip = workshop.run(
            "slip", [workshop.episode(1, [workshop.step(None, "another page"), answer], score=0.0)]
        )
        without = workshop.run("plain", [workshop.episode(1, [answer], score=0.0)])
        means = [
            workshop.score(run, references=(gold,), trivial=trivial, steps="accepted").vertex_dtw.mean.value
            for trivial in (with_slip, without)
        ]
        assert means[0] == means[1]

    def test_the_last_step_stays_where_none_is_accepted(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1, ["click [1]", "stop [x]"])])
        steps = [workshop.step(None, "page 0 of 1"), workshop.step("click [7]", "page 0 of 1", valid=False)]
        test = workshop.episode(1, steps, score=0.0)
        found = workshop.score(workshop.run("test", [test]), references=(gold,), steps="accepted").vertex_dtw
        last = workshop.run("last", [workshop.episode(1, steps[1:], score=0.0)])
        assert found.mean.value == workshop.score(last, references=(gold,)).vertex_dtw.mean.value
        assert found.no_test == 0

    def test_a_step_after_the_end_is_never_scored(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1, self.GOOD)])
        ended = [*workshop.episode(1, self.GOOD).steps, workshop.step("stop [again]", executed=False)]
        test = workshop.run("test", [workshop.episode(1, ended)])
        for steps in ("accepted", "all"):
            found = workshop.score(test, references=(gold,), steps=steps).vertex_dtw
            assert (found.mean.value, found.action_similarity.value) == (pytest.approx(1.0), 1.0)


class TestReferenceAggregates:
    def test_several_references_become_one_score(self, workshop):
        gold = [
            workshop.episode(1, ["click [1]", "stop [done]"]),
            workshop.episode(1, ["goto [x]", "stop [done]"], repeat=1),
            workshop.episode(1, ["goto [x]", "goto [y]", "goto [z]"], repeat=2),
        ]
        test = workshop.episode(1, ["click [1]", "type [2] [tea]", "stop [done]"])
        run, references = workshop.run("test", [test]), (workshop.run("gold", gold),)
        each = [single(workshop, reference, test) for reference in gold]
        assert len(set(each)) == 3
        for aggregate, expected in (("max", max(each)), ("mean", np.mean(each)), ("median", np.median(each))):
            found = workshop.score(run, references=references, reference_aggregate=aggregate)
            assert found.vertex_dtw.mean.value == pytest.approx(expected)
            assert found.vertex_dtw.variants["normalized"] == found.vertex_dtw.mean.value
            assert found.episodes[0].reference == f"1#{int(np.argmax(each))}"  # the closest, whatever the aggregate

    def test_neighbours_have_the_same_aggregate(self, workshop):
        gold = [workshop.episode(1, ["click [1]", "stop [a]"]), workshop.episode(1, ["goto [x]"], repeat=1)]
        test = workshop.episode(1, ["click [1]", "click [2]", "stop [b]"])
        run, references = workshop.run("test", [test]), (workshop.run("gold", gold),)
        edits, cosines = [1 - 2 / 3, 0.0], [float(rows(one)[-1] @ rows(test)[-1]) for one in gold]
        for aggregate, of in (("max", max), ("mean", np.mean), ("median", np.median)):
            found = workshop.score(run, references=references, reference_aggregate=aggregate).vertex_dtw
            assert found.action_similarity.value == pytest.approx(of(edits))
            assert found.last_step_cosine.value == pytest.approx(of(cosines), abs=1e-3)  # float16 rows


class TestChosenReferences:
    def run_of_many(self, workshop, name="gold", repeats=8):
        return workshop.run(name, [workshop.episode(1, [f"goto [{i}]", "stop [x]"], repeat=i) for i in range(repeats)])

    def references(self, workshop, **options):
        """The references that a test met: those that a perfect copy of each candidate finds."""
        gold, met = self.run_of_many(workshop), []
        for i in range(8):
            copy = workshop.run(f"copy{i}", [workshop.episode(1, [f"goto [{i}]", "stop [x]"])])
            found = workshop.score(copy, references=(gold,), **options)
            if found.vertex_dtw.action_similarity.value == 1:
                met.append(i)
        return met

    def test_a_task_meets_the_references_with_the_smallest_hashes(self, workshop):
        for seed in (0, 1):
            parts = [json.dumps([seed, "1", "gold", "1", i]) for i in range(8)]
            smallest = sorted(range(8), key=lambda i: hashlib.sha256(parts[i].encode()).digest())
            assert self.references(workshop, seed=seed) == sorted(smallest[:3])
            assert self.references(workshop, seed=seed, max_references=2) == sorted(smallest[:2])
        assert self.references(workshop, max_references=0) == list(range(8))
        assert self.references(workshop, seed=0) != self.references(workshop, seed=1)

    def test_all_compared_runs_meet_the_same_references(self, workshop):
        gold = self.run_of_many(workshop)
        runs = [
            workshop.run(name, [workshop.episode(1, actions, repeat=i) for i in range(n)])
            for name, actions, n in (("a", ["goto [a]"], 1), ("b", ["click [3]"], 4))
        ]
        together = workshop.scores(*runs, references=(gold,))
        for run, found in zip(runs, together.runs, strict=True):
            alone = workshop.score(run, references=(gold,)).vertex_dtw
            assert (alone.mean.value, alone.ceiling) == (found.vertex_dtw.mean.value, found.vertex_dtw.ceiling)

    def test_a_run_that_is_compared_gives_no_references_for_the_same_task(self, workshop):
        # Its own episodes would meet other references than those of the run beside it.
        gold, other = self.run_of_many(workshop), workshop.run("other", [workshop.episode(1)])
        third = workshop.run("third", [workshop.episode(1, ["goto [x]"])])
        scores = workshop.scores(gold, other, references=(gold, third))
        for found in scores.runs:
            assert {row.reference_run for row in found.episodes} == {"third"}
            assert any("gold: compared itself" in note for note in found.notes)
        alone = workshop.scores(gold, other, references=(gold,)).runs[1]
        assert alone.vertex_dtw is None
        assert any("gold: compared itself" in note for note in alone.notes)

    def test_alone_its_episodes_meet_as_many_others_each(self, workshop):
        gold = self.run_of_many(workshop)
        found = workshop.score(gold, references=(gold,))
        assert found.vertex_dtw.few_references == 0
        assert all(row.reference != f"1#{row.repeat}" for row in found.episodes)

    def test_tasks_with_fewer_references_are_counted_and_printed(self, workshop):
        gold = workshop.run(
            "gold", [workshop.episode(t, repeat=i) for t, n in ((1, 3), (2, 1), (3, 2)) for i in range(n)]
        )
        run = workshop.run("run", [workshop.episode(t) for t in (1, 2, 3)])
        found = workshop.score(run, references=(gold,))
        assert found.vertex_dtw.few_references == 2
        assert any(
            note.endswith("drawn with seed 0 (--max-references); tasks with fewer: 2 of 3") for note in found.notes
        )
        found = workshop.score(run, references=(gold,), max_references=1)
        assert found.vertex_dtw.few_references == 0

    def test_capability_references_are_limited_too(self, workshop):
        tasks = workshop.tasks(dict.fromkeys(range(6), PURPLE))
        run = workshop.run("run", [workshop.episode(i, [f"click [{i}]", "stop [x]"]) for i in range(6)])
        limited, every = (
            workshop.score(run, tasks=tasks, references_from="capability", max_references=most) for most in (2, 0)
        )
        assert limited.vertex_dtw.mean.value < every.vertex_dtw.mean.value
        assert all(row.reference != f"{row.task}#0" for row in limited.episodes)

    def test_a_draw_is_a_set_that_grows_with_its_size(self, workshop):
        gold, chosen = self.run_of_many(workshop), []
        read = load_run(open_run(gold), given=gold, name="gold", tasks=None, embedder=None)
        pool = [Reference(read, episode) for episode in read.episodes]
        for most in (1, 2, 5, 8, 20):
            references = References(SameTask(pool), most, seed=3)
            chosen.append(set(references.of("1")))
            assert len(chosen[-1]) == min(most, 8)
            for episode in read.episodes:
                others = references.of_episode(read, episode)
                assert len(others) == min(most, 7)
                assert all(pool[i].episode is not episode for i in others)
        assert all(a <= b for a, b in itertools.pairwise(chosen))


class TestCeiling:
    def test_references_are_scored_against_the_others_of_their_task(self, workshop):
        made = [["click [1]", "stop [x]"], ["goto [x]", "stop [x]"], ["goto [x]", "click [1]", "stop [y]"]]
        gold = [workshop.episode(1, actions, repeat=i) for i, actions in enumerate(made)]
        lonely = workshop.episode(2)
        run = workshop.run("run", [workshop.episode(1, ["goto [zzz]"]), workshop.episode(2)])
        references = (workshop.run("gold", [*gold, lonely]),)
        for aggregate, of in (("max", max), ("mean", np.mean)):
            found = workshop.score(run, references=references, reference_aggregate=aggregate).vertex_dtw
            each = [of([single(workshop, other, one) for other in gold if other is not one]) for one in gold]
            assert found.ceiling == pytest.approx(np.mean(each))
            assert found.ceiling_tasks == 1

    def test_one_reference_a_task_has_no_ceiling(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1), workshop.episode(2)])
        found = workshop.score(workshop.run("run", [workshop.episode(1)]), references=(gold,)).vertex_dtw
        assert (found.ceiling, found.ceiling_tasks) == (None, 0)

    def test_equal_references_have_a_ceiling_of_1(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1, repeat=i) for i in range(3)])
        found = workshop.score(workshop.run("run", [workshop.episode(1, ["goto [y]"])]), references=(gold,)).vertex_dtw
        assert found.ceiling == pytest.approx(1.0)
        assert found.mean.value < 1


class TestNeighbours:
    def test_an_episode_without_steps_is_0_in_both(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1), workshop.episode(2)])
        run = workshop.run("run", [workshop.episode(1), workshop.episode(2, [], score=0.0)])
        found = workshop.score(run, references=(gold,)).vertex_dtw
        assert found.action_similarity.value == 0.5
        assert found.last_step_cosine.value == pytest.approx(0.5)

    def test_they_are_means_over_tasks_of_means_over_episodes_with_an_interval(self, workshop):
        gold = workshop.run("gold", [workshop.episode(i, ["click [1]", f"stop [{i}]"]) for i in range(6)])
        tests = [workshop.episode(i, ["click [1]"] * (i % 3) + [f"stop [{i}]"]) for i in range(6)]
        tests.append(workshop.episode(0, ["goto [x]"], repeat=1))
        found = workshop.score(workshop.run("run", tests), references=(gold,)).vertex_dtw.action_similarity
        each = [(1 / 2 + 0) / 2, 1, 2 / 3, 1 / 2, 1, 2 / 3]
        expected = clustered_mean(each, bounded=True, resamples=2_000)
        assert found.value == pytest.approx(np.mean(each))
        assert found.interval.low == pytest.approx(expected.interval.low, abs=1e-9)
        assert found.interval.high == pytest.approx(expected.interval.high, abs=1e-9)

    def test_a_note_says_that_they_separate_success_better(self, workshop):
        gold = workshop.run("gold", [workshop.episode(1)])
        found = workshop.score(workshop.run("run", [workshop.episode(1)]), references=(gold,))
        assert any("on clean data they separate success from failure better" in note for note in found.notes)

    def test_scalar_mean_is_warned_against(self, workshop):
        gold, run = workshop.run("gold", [workshop.episode(1)]), workshop.run("run", [workshop.episode(1)])
        for z in ("scalar_mean", "zero_pad", "none"):
            found = workshop.score(run, references=(gold,), vertex=VertexOptions(z=z))
            assert any("z scalar_mean" in note for note in found.notes) == (z == "scalar_mean")

    def test_similarity_is_symmetric_and_1_only_for_equal_actions(self):
        assert action_similarity(("a", "b"), ("a", "b")) == 1
        assert action_similarity(("a", "b"), ("b", "a")) == 0
        assert action_similarity(("a", "b", "c"), ("a",)) == action_similarity(("a",), ("a", "b", "c"))


def test_the_weighting_of_appendix_d_stands_beside_the_best_task(workshop):
    entries = {1: PURPLE, 2: PURPLE, 3: PURPLE, 4: GREEN}
    tasks = workshop.tasks(entries)
    gold = workshop.run("gold", [workshop.episode(i, ["click [1]", f"type [2] [{i}]", "stop [x]"]) for i in entries])
    trivial = workshop.run("trivial", [workshop.episode(2, ["stop [N/A]"]), workshop.episode(1, ["stop"], score=0.0)])
    tests = [workshop.episode(i, ["click [1]"] * i + ["stop [x]"]) for i in entries]
    found = workshop.score(workshop.run("run", tests), tasks=tasks, references=(gold,), trivial=trivial)
    each = {int(row.task): row.vertex_dtw for row in found.episodes}
    assert len(set(each.values())) == 4
    score = found.vertex_dtw
    assert score.mean.value == pytest.approx(np.mean(list(each.values())))
    assert score.mean_non_trivial == pytest.approx(np.mean([each[1], each[3], each[4]]))
    assert score.by_capability_mean == pytest.approx((np.mean([each[1], each[2], each[3]]) + each[4]) / 2)
    assert score.by_capability_mean_non_trivial == pytest.approx((np.mean([each[1], each[3]]) + each[4]) / 2)
    assert score.by_capability == pytest.approx((max(each[1], each[2], each[3]) + each[4]) / 2)
    assert score.non_trivial == pytest.approx((max(each[1], each[3]) + each[4]) / 2)


class TestPresets:
    def test_the_paper_chooses_everything_that_is_its_own(self):
        found = EvaluateOptions.from_preset("paper")
        assert found.vertex == VertexOptions(mode="eq1", gamma=1.0, decay="hyperbolic", z="zero_pad")
        assert (found.steps, found.step_template, found.encoder) == ("all", "paper", "paper")
        assert (found.reference_aggregate, found.max_references, found.all_references) == ("max", 0, True)
        assert (found.preset, found.changed_from_preset) == ("paper", {})

    def test_explicit_options_override_it_and_are_recorded(self, workshop):
        options = {"encoder": "hashed", "max_references": 5}
        chosen = EvaluateOptions.from_preset("paper", **options)
        assert (chosen.encoder, chosen.max_references, chosen.step_template) == ("hashed", 5, "paper")
        assert chosen.changed_from_preset == {"encoder": "paper", "max_references": 0}

    def test_without_a_preset_none_is_recorded(self):
        assert (EvaluateOptions().preset, EvaluateOptions().changed_from_preset) == (None, {})

    def test_an_unknown_preset_is_an_error(self):
        with pytest.raises(OptionError, match=r"^preset: expected one of paper, got 'article'$"):
            EvaluateOptions.from_preset("article")


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"steps": "some"}, "^steps: expected 'accepted' or 'all', got 'some'$"),
        ({"reference_aggregate": "min"}, "^reference_aggregate: expected one of max, mean, median, got 'min'$"),
        ({"max_references": -1}, "^max_references: expected an integer >= 0, got -1$"),
        ({"preset": "article"}, "^preset: expected one of paper or None, got 'article'$"),
    ],
)
def test_options_outside_their_range(options, words):
    with pytest.raises(OptionError, match=words):
        EvaluateOptions(**options)
