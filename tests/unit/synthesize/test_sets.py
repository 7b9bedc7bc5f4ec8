"""Examples, balance, mixtures and holdouts."""

from __future__ import annotations

import hashlib
import random
from collections import Counter
from collections.abc import Callable, Iterable
from pathlib import Path

import pytest

from tracewarp.errors import EmptyInputError, OptionError, RecordError, UnreadableFileError
from tracewarp.synthesize import (
    Example,
    balance,
    every_step,
    examples_of,
    hold_out,
    mix,
    read_examples,
    split_by_group,
    write_examples,
)
from tracewarp.trajectory import Task, Trajectory

Make = Callable[..., Trajectory]


def several(make: Make, lengths: list[int]) -> list[tuple[Example, ...]]:
    return [
        examples_of(make([f"click [{i}]" for i in range(n - 1)] + ["stop [x]"], task=str(task)))
        for task, n in enumerate(lengths)
    ]


def generated(n: int) -> list[Example]:
    made = {
        "place": "first",
        "prompt": (),
        "completion": "```stop [x]```",
        "action": "stop [x]",
        "objective": "o",
        "page": "",
    }
    return [Example(id=f"generated/{i}", source="out_of_domain", group=f"g{i}", **made) for i in range(n)]  # type: ignore[arg-type]


def test_an_example_is_prompt_and_answer_of_a_step(make: Make) -> None:
    first, middle, last = examples_of(make(["click [1]", "click [2]", "stop [x]"], task="7", repeat=2))
    assert [e.place for e in (first, middle, last)] == ["first", "intermediate", "last"]
    assert (first.id, first.group, first.site) == ("7/2/0", "7", "shopping")
    assert first.prompt[0].content == "OBJECTIVE 7 page 0"
    assert first.completion == "Let's think. ```click [1]```"


def test_a_step_without_an_action_gives_no_example(make: Make) -> None:
    assert [e.action for e in examples_of(make(["click [1]", None, "stop [x]"]))] == ["click [1]", "stop [x]"]


def test_an_agent_without_a_model_gives_no_training_data(make: Make) -> None:
    trajectory = make(["stop [x]"])
    bare = trajectory.steps[0].model_copy(update={"extra": {}})
    with pytest.raises(RecordError, match="an agent without a model gives no training data"):
        examples_of(trajectory.model_copy(update={"steps": (bare,)}))


def test_examples_come_back_from_disk(make: Make, tmp_path: Path) -> None:
    examples = examples_of(make(["click [1]", "stop [ü\u2028]"]))
    path = tmp_path / "deep" / "examples.jsonl"
    assert write_examples(path, examples) == 2
    assert tuple(read_examples(path)) == examples
    assert [p.name for p in path.parent.iterdir()] == ["examples.jsonl"]


def test_a_bad_line_is_named(tmp_path: Path) -> None:
    path = tmp_path / "examples.jsonl"
    path.write_text('{"id": 3}\n')
    with pytest.raises(RecordError, match="line 1: id: input should be a valid string, got 3"):
        list(read_examples(path))
    with pytest.raises(UnreadableFileError, match="no such file"):
        list(read_examples(tmp_path / "nothing"))


def test_a_balanced_set_has_as_many_of_each_place(make: Make) -> None:
    found = balance(several(make, [1, 2, 2, 3, 5, 9, 4]), seed=0)
    assert found.available == {"first": 7, "intermediate": 4, "last": 6}
    assert Counter(e.place for e in found.examples) == {"first": 4, "intermediate": 4, "last": 4}
    middles = Counter(e.group for e in found.examples if e.place == "intermediate")
    assert max(middles.values()) == 1


def test_the_draw_is_seeded_and_independent_of_the_rest(make: Make) -> None:
    lengths = [5] * 30
    assert balance(several(make, lengths), seed=1) == balance(several(make, lengths), seed=1)
    assert balance(several(make, lengths), seed=1) != balance(several(make, lengths), seed=2)


def test_intermediate_steps_are_drawn_evenly(make: Make) -> None:
    drawn = Counter(
        e.id
        for seed in range(300)
        for e in balance(several(make, [5]), seed=seed).examples
        if e.place == "intermediate"
    )
    assert set(drawn) == {"0/0/1", "0/0/2", "0/0/3"}
    assert min(drawn.values()) > 65  # 100 expected, 8.2 one standard deviation


def test_without_an_intermediate_step_nothing_is_balanced(make: Make) -> None:
    assert balance(several(make, [1, 2, 2]), seed=0).examples == ()


def test_every_step_is_every_step(make: Make) -> None:
    trajectories = several(make, [1, 2, 5])
    found = every_step(trajectories)
    assert [e.id for e in found.examples] == [e.id for examples in trajectories for e in examples]
    assert found.available == {"first": 3, "intermediate": 3, "last": 2}
    assert found.per_place is None


def test_mixtures_have_the_papers_sizes_and_sides(make: Make) -> None:
    ours = [e for examples in several(make, [3] * 20) for e in examples]
    a, b, c = (mix(name, ours, generated(80)) for name in "ABC")
    assert len(a.train) + len(a.validation) == 60
    assert {e.source for e in (*a.train, *a.validation)} == {"in_domain"}
    assert Counter(e.source for e in b.train)["out_of_domain"] == 60
    assert b.validation == a.validation
    assert len(c.train) + len(c.validation) == 60
    assert {e.source for e in (*c.train, *c.validation)} == {"out_of_domain"}


def test_no_task_is_on_both_sides(make: Make) -> None:
    mixed = mix("A", [e for examples in several(make, [3] * 20) for e in examples])
    assert len(mixed.validation) == 6
    assert not {e.group for e in mixed.train} & {e.group for e in mixed.validation}


def test_no_prompt_is_on_both_sides_where_two_tasks_are_one(make: Make) -> None:
    ours = [e for examples in several(make, [3] * 20) for e in examples]
    twins = [e.model_copy(update={"id": f"twin of {e.id}", "group": f"twin of {e.group}"}) for e in ours]
    for seed in range(10):
        mixed = mix("A", [*ours, *twins], seed=seed)
        assert not {e.prompt for e in mixed.train} & {e.prompt for e in mixed.validation}
        assert len(mixed.validation) == 12, "a tenth of the tasks, each with its twin"


def test_too_few_examples_stop_before_training(make: Make) -> None:
    ours = [e for examples in several(make, [3] * 4) for e in examples]
    with pytest.raises(EmptyInputError, match=r"as many out-of-domain examples as in-domain ones \(12\), got 5"):
        mix("B", ours, generated(5))
    with pytest.raises(EmptyInputError, match="at least 2 tasks"):
        mix("A", ours[:3])
    with pytest.raises(OptionError, match="mixture: expected one of A, B, C"):
        mix("D", ours)


@pytest.mark.parametrize("by", ["task", "template", "capability", "site"])
def test_holdouts_share_nothing_with_training(by: str) -> None:
    tasks = [Task(id=str(i), sites=(f"site{i % 4}",), template_id=str(i % 7)) for i in range(60)]
    capabilities = {task.id: f"c{i % 9}" for i, task in enumerate(tasks)}
    group = {
        "task": lambda t: t.id,
        "template": lambda t: f"template {t.template_id}",
        "capability": lambda t: capabilities[t.id],
        "site": lambda t: t.sites[0],
    }[by]
    found = hold_out(tasks, by=by, capabilities=capabilities)
    sides = [{group(task) for task in tasks if task.id in ids} for ids in (found.train, found.held_out)]
    assert not sides[0] & sides[1]
    assert all(sides)
    assert len(found.train) + len(found.held_out) == 60
    assert found.held_out_groups == tuple(sorted(sides[1]))


@pytest.mark.parametrize("by", ["task", "capability"])
def test_a_task_under_two_ids_is_on_one_side(by: str) -> None:
    tasks = [Task(id=str(i), objective=f"Buy {i % 30}", sites=("a",), start_url="http://a.test") for i in range(60)]
    capabilities = {str(i): f"c{i % 10}" for i in range(60)}
    found = hold_out(tasks, by=by, capabilities=capabilities)
    sides = [{task.objective for task in tasks if task.id in ids} for ids in (found.train, found.held_out)]
    assert not sides[0] & sides[1]
    assert (len(found.held_out), found.on_both_sides) == (18, ())
    capabilities = {str(i): f"c{i}" for i in range(60)}  # the two are in different capabilities
    if by == "capability":
        found = hold_out(tasks, by=by, capabilities=capabilities)
        assert not {int(i) % 30 for i in found.train} & {int(i) % 30 for i in found.held_out}


def test_a_task_on_several_sites_is_neither_trained_on_nor_scored_where_only_some_are_held_out() -> None:
    pairs = [("a",), ("b",), ("a", "b"), ("c",), ("a", "c"), ("b", "c")]
    tasks = [Task(id=str(i), sites=pairs[i % 6]) for i in range(60)]
    found = hold_out(tasks, by="site")
    sites = {task.id: set(task.sites) for task in tasks}
    held = set(found.held_out_groups)
    assert all(not sites[one] & held for one in found.train)
    assert all(sites[one] <= held for one in found.held_out)
    assert len(found.train) + len(found.held_out) + len(found.on_both_sides) == 60
    assert found.on_both_sides and all(sites[one] & held and sites[one] - held for one in found.on_both_sides)


def test_holdouts_that_cannot_be_made_are_refused() -> None:
    tasks = [Task(id="1", sites=("a",)), Task(id="2", sites=("a",))]
    with pytest.raises(EmptyInputError, match="at least 2 groups, got 1"):
        hold_out(tasks, by="site")
    with pytest.raises(OptionError, match="task 1 has no capability"):
        hold_out(tasks, by="capability")
    with pytest.raises(OptionError, match="share"):
        hold_out(tasks, by="task", share=1.0)


def by_sha256(seed: int, names: Iterable[str]) -> list[str]:
    """The order that the datasheets define: by SHA-256 of seed and name."""
    return sorted(names, key=lambda name: hashlib.sha256(f"{seed}|{name}".encode()).digest())


@pytest.mark.parametrize("seed", [0, 1, 7])
@pytest.mark.parametrize(("share", "n_held"), [(0.1, 2), (0.5, 10), (0.001, 1), (0.999, 19)])
def test_the_held_out_groups_are_the_first_by_sha256(seed: int, share: float, n_held: int) -> None:
    tasks = [Task(id=str(i)) for i in range(20)]
    found = hold_out(tasks, by="task", share=share, seed=seed)
    wanted = by_sha256(seed, [task.id for task in tasks])[:n_held]
    assert found.held_out_groups == tuple(sorted(wanted))
    assert set(found.held_out) == set(wanted)
    assert (found.by, found.seed, found.on_both_sides) == ("task", seed, ())
    if seed == 0:
        assert hold_out(tasks, by="task", share=share) == found


def test_two_groups_are_enough_and_one_of_them_is_held_out() -> None:
    for share in (0.01, 0.5, 0.99):
        found = hold_out([Task(id="1", sites=("a",)), Task(id="2", sites=("b",))], by="site", share=share)
        assert (len(found.train), len(found.held_out)) == (1, 1)


def test_held_out_groups_are_named_by_task_site_or_capability() -> None:
    tasks = [Task(id=str(i), objective=f"o{i // 2}", start_url="http://a.test") for i in range(8)]
    by_task = hold_out(tasks, by="task", seed=3)
    assert by_task.held_out_groups == by_task.held_out, "both ids of a task that has two"
    assert len(by_task.held_out) == 2
    capabilities = {str(i): f"capability {i // 4}" for i in range(8)}
    [name] = hold_out(tasks, by="capability", capabilities=capabilities, share=0.5).held_out_groups
    assert name.startswith("capability ")


def test_tasks_without_a_site_are_one_group() -> None:
    tasks = [*(Task(id=str(i)) for i in range(3)), Task(id="s", sites=("a",))]
    found = hold_out(tasks, by="site", share=0.5)
    assert {frozenset(found.train), frozenset(found.held_out)} == {frozenset("012"), frozenset("s")}
    assert found.held_out_groups in (("",), ("a",))


def test_a_holdout_with_nothing_on_one_side_is_refused() -> None:
    tasks = [Task(id=str(i), sites=("a", "b")) for i in range(4)]
    with pytest.raises(EmptyInputError, match="holdout by site: every task is of several groups, so that none is left"):
        hold_out(tasks, by="site", share=0.5)


@pytest.mark.parametrize("share", [0.0, 1.0, -0.1, 1.5])
def test_shares_outside_of_0_to_1_are_refused(share: float, make: Make) -> None:
    with pytest.raises(OptionError, match=rf"share: expected a number in \(0, 1\), got {share}"):
        hold_out([Task(id="1"), Task(id="2")], by="task", share=share)
    with pytest.raises(OptionError, match=rf"validation_share: expected a number in \(0, 1\), got {share}"):
        mix("A", [e for examples in several(make, [3] * 4) for e in examples], validation_share=share)


def test_an_unknown_way_to_hold_out_names_the_known_ones() -> None:
    with pytest.raises(OptionError, match="holdout: expected one of task, template, capability, site, got 'day'"):
        hold_out([Task(id="1"), Task(id="2")], by="day")


@pytest.mark.parametrize("name", ["A", "B", "C"])
@pytest.mark.parametrize(("share", "n_held"), [(0.1, 2), (0.25, 5), (0.01, 1)])
def test_validation_tasks_are_the_first_by_sha256_in_every_mixture(
    make: Make, name: str, share: float, n_held: int
) -> None:
    ours = [e for examples in several(make, [3] * 20) for e in examples]
    theirs = [e.model_copy(update={"group": f"g{i % 20}"}) for i, e in enumerate(generated(60))]
    source = theirs if name == "C" else ours
    for seed in (0, 5):
        mixed = mix(name, ours, theirs, validation_share=share, seed=seed)
        assert {e.group for e in mixed.validation} == set(by_sha256(seed, {e.group for e in source})[:n_held])
        assert (mixed.name, mixed.seed) == (name, seed)
        assert mixed.validation == tuple(e for e in source if e in mixed.validation), "in their order"
    assert mix(name, ours, theirs) == mix(name, ours, theirs, validation_share=0.1, seed=0)


def test_two_tasks_and_as_many_generated_examples_as_own_ones_are_enough(make: Make) -> None:
    ours = [e for examples in several(make, [3, 3]) for e in examples]
    for name in "ABC":
        mixed = mix(name, ours, generated(6))
        assert mixed.train and mixed.validation
    assert split_by_group(ours) == split_by_group(ours, validation_share=0.1, seed=0)


def test_a_drawn_step_depends_on_seed_and_trajectory_alone(make: Make) -> None:
    examples = several(make, [6, 4, 9])
    for seed in (0, 3):
        drawn = [e for e in balance(examples, seed=seed).examples if e.place == "intermediate"]
        for one, (_, *middle, _) in zip(drawn, examples, strict=True):
            dice = random.Random(hashlib.sha256(f"{seed}|{middle[0].id}".encode()).digest())
            assert one == dice.choice(middle)


def test_the_sample_of_a_place_depends_on_seed_and_place_alone(make: Make) -> None:
    examples = several(make, [2] * 9 + [3])
    for seed in (0, 3):
        found = balance(examples, seed=seed)
        assert found.per_place == 1
        for place, pool in (("first", [e[0] for e in examples]), ("last", [e[-1] for e in examples])):
            dice = random.Random(hashlib.sha256(f"{seed}|{place}".encode()).digest())
            assert [e for e in found.examples if e.place == place] == dice.sample(pool, 1)


@pytest.mark.parametrize("seed", range(6))
def test_a_holdout_with_tasks_on_one_side_only_is_refused(seed: int) -> None:
    """Of two sites one is held out; either it has no task of its own, or the other has none."""
    tasks = [Task(id="1", sites=("a",)), Task(id="2", sites=("a", "b"))]
    with pytest.raises(EmptyInputError, match="none is left on one side"):
        hold_out(tasks, by="site", share=0.5, seed=seed)


def test_a_template_is_known_by_its_id_else_by_its_text_else_it_is_the_tasks_own() -> None:
    tasks = [
        Task(id="1", template_id="7", template="Buy {{a}}"),
        Task(id="2", template_id="7", template="Buy a {{a}}"),
        Task(id="3", template="Sell {{a}} "),
        Task(id="4", template=" Sell {{a}}"),
        Task(id="5"),
        Task(id="6", template=" "),
    ]
    groups = {name for seed in range(20) for name in hold_out(tasks, by="template", seed=seed).held_out_groups}
    assert groups == {"template 7", "template 'Sell {{a}}'", "task 5", "task 6"}
    for seed in range(20):
        found = hold_out(tasks, by="template", seed=seed)
        assert all({"1", "2"} <= set(side) or not {"1", "2"} & set(side) for side in (found.train, found.held_out))
        assert all({"3", "4"} <= set(side) or not {"3", "4"} & set(side) for side in (found.train, found.held_out))
        assert found.on_both_sides == ()


def test_a_task_under_two_ids_in_two_templates_is_never_on_both_sides() -> None:
    """If only one of its templates is held out, neither entry is trained on or scored."""
    twins = [Task(id=name, objective="Buy", start_url="http://a.test", template_id=name) for name in "ab"]
    tasks = [*twins, *(Task(id=str(i), template_id=str(i)) for i in range(8))]
    places = set()
    for seed in range(30):
        found = hold_out(tasks, by="template", share=0.5, seed=seed)
        [place] = {
            next(name for name in ("train", "held_out", "on_both_sides") if twin.id in getattr(found, name))
            for twin in twins
        }
        places.add(place)
    assert places == {"train", "held_out", "on_both_sides"}
