"""What a round learns from, on hand-made trajectories."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tracewarp.improve.run import fallback, removed
from tracewarp.improve.selection import Selected, select
from tracewarp.trajectory import Trajectory

Make = Callable[..., Trajectory]

GOOD = ("click [1]", "click [2]", "stop [yes]")
OTHER = ("click [1]", "click [3]", "stop [yes]")
GIVES_UP = ("click [1]", "stop [N/A]")


class Before:
    """A round as `fallback` reads it."""

    def __init__(self, collected: tuple[Trajectory, ...], selected: Selected) -> None:
        self.collected, self.selected = collected, selected


def chosen(selected: Selected) -> list[tuple[str, tuple[str | None, ...]]]:
    return [(one.task.id, tuple(step.action for step in one.steps)) for one in selected.trajectories]


def two_rounds(make: Make, *, off_by_one: bool) -> tuple[Selected, Selected]:
    """Round 1: a is kept, b and c are rejected. Round 2: a and b are rejected, c is kept."""
    first = (make(GOOD, task="a"), make(GIVES_UP, task="b"), make(GIVES_UP, task="c"))
    one = select(first, "paper", agreement=2, seed=0)
    second = (make(GIVES_UP, task="a"), make(GIVES_UP, task="b"), make(OTHER, task="c"))
    before = fallback(Before(first, one), off_by_one=off_by_one)
    return one, select(second, "paper", agreement=2, seed=0, before=before)


def test_a_rejected_task_falls_back_to_what_was_kept_for_it_before(make: Make) -> None:
    one, two = two_rounds(make, off_by_one=False)
    assert chosen(one) == [("a", GOOD)]
    assert chosen(two) == [("c", OTHER), ("a", GOOD)]
    assert two.fallbacks == 1


def test_a_rejected_trajectory_never_gets_in(make: Make) -> None:
    _, two = two_rounds(make, off_by_one=False)
    assert all(actions != GIVES_UP for _, actions in chosen(two))


def test_the_published_off_by_one_lets_rejected_trajectories_in(make: Make) -> None:
    _, two = two_rounds(make, off_by_one=True)
    assert chosen(two) == [("c", OTHER), ("a", GOOD), ("b", GIVES_UP)]
    assert two.fallbacks == 2


def test_a_fallback_is_kept_over_several_rounds(make: Make) -> None:
    kept = select((make(GOOD, task="a"),), "paper", agreement=2, seed=0)
    rejected = (make(GIVES_UP, task="a"),)
    for _ in range(3):
        kept = select(rejected, "paper", agreement=2, seed=0, before=fallback(Before(rejected, kept), off_by_one=False))
    assert chosen(kept) == [("a", GOOD)]


def test_a_first_round_has_nothing_to_fall_back_to() -> None:
    assert fallback(None, off_by_one=False) == fallback(None, off_by_one=True) == ()


def test_one_kept_sample_is_enough_for_a_task(make: Make) -> None:
    before = (make(OTHER, task="a"),)
    found = select(
        (make(GIVES_UP, task="a"), make(GOOD, task="a", repeat=1)), "paper", agreement=2, seed=0, before=before
    )
    assert chosen(found) == [("a", GOOD)]


def samples(make: Make) -> tuple[Trajectory, ...]:
    """Ten tasks with two samples: of the even ones both do the same, of the odd ones one gives up."""
    return tuple(
        make(GOOD if task % 2 == 0 or repeat == 0 else GIVES_UP, task=str(task), repeat=repeat, score=float(task < 3))
        for task in range(10)
        for repeat in range(2)
    )


def test_agreement_keeps_what_two_samples_did_alike(make: Make) -> None:
    found = select(samples(make), "agreement", agreement=2, seed=0)
    assert sorted({one.task.id for one in found.trajectories}) == ["0", "2", "4", "6", "8"]
    assert found.quality.rules[-1].rule == "agreement"


def test_the_random_control_is_as_large_as_the_filtered_set(make: Make) -> None:
    collected = samples(make)
    filtered = select(collected, "paper", agreement=2, seed=0)
    drawn = [select(collected, "random", agreement=2, seed=seed) for seed in range(3)]
    assert {len(one.trajectories) for one in drawn} == {len(filtered.trajectories)} == {15}
    assert len({tuple(t.key for t in one.trajectories) for one in drawn}) == 3
    again = select(collected, "random", agreement=2, seed=0)
    assert [t.key for t in again.trajectories] == [t.key for t in drawn[0].trajectories]
    # It does not look: some of what gives up is in it.
    assert any(one.steps[-1].action == "stop [N/A]" for control in drawn for one in control.trajectories)


def test_with_other_rules_the_filter_keeps_other_trajectories(make: Make) -> None:
    collected = samples(make)
    loose = select(collected, "paper", agreement=2, seed=0, rules=("loops",))
    assert loose.trajectories == collected
    assert [rule.rule for rule in loose.quality.rules] == ["loops"]
    agreed = select(collected, "agreement", agreement=2, seed=0, rules=("loops",))
    assert [rule.rule for rule in agreed.quality.rules] == ["loops", "agreement"]
    assert len(agreed.trajectories) < len(collected)


def test_the_other_controls_keep_everything_and_successes_alone(make: Make) -> None:
    collected = samples(make)
    assert select(collected, "all", agreement=2, seed=0).trajectories == collected
    true = select(collected, "true", agreement=2, seed=0)
    assert {one.task.id for one in true.trajectories} == {"0", "1", "2"}
    assert true.quality.precision == 1.0
    assert true.quality.recall == 1.0


def test_which_rule_removed_what_is_told(make: Make) -> None:
    collected = (make(GIVES_UP, task="a"), make((None, None), task="b"), make(("click [1]",) * 3, task="c"))
    found = select(collected, "paper", agreement=2, seed=0)
    assert found.trajectories == ()
    assert removed(found) == "unparsable 1, loops 1, gives_up 1"


@pytest.mark.parametrize("selection", ["paper", "agreement", "random", "all", "true"])
def test_every_selection_takes_an_empty_collection(selection: str) -> None:
    assert select((), selection, agreement=2, seed=0).trajectories == ()
