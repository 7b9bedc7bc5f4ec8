"""A balanced set: as many first steps as intermediate ones as last ones.

definition  First and last step of every trajectory, and one intermediate step drawn at random; the step of a
            one-step trajectory counts as first only; then as many of each as the rarest has:
            N = 3 min(first, intermediate, last).
source      Patel et al. 2024, section 2.1
differs     Drawn once, over all trajectories. The released code balances inside its loop over tasks, with two of the
            classes swapped, which skews both. The paper samples intermediate steps t = 1 ... T - 1 from all of them;
            here, as in the released code, every trajectory offers one, so that long ones do not fill that class.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass

from tracewarp.synthesize.dice import seeded
from tracewarp.synthesize.examples import Example, Place

PLACES: tuple[Place, ...] = ("first", "intermediate", "last")


@dataclass(frozen=True, slots=True)
class Balanced:
    """A balanced set, and what it was drawn from."""

    examples: tuple[Example, ...]
    available: dict[Place, int]
    """How many there were of each; in a balanced set, one intermediate step a trajectory."""
    per_place: int | None
    """How many of each were taken; None: every step was."""


def every_step(trajectories: Sequence[Sequence[Example]]) -> Balanced:
    """All examples, whatever their places: what a balanced set is compared with."""
    examples = tuple(example for examples in trajectories for example in examples)
    counts = Counter(example.place for example in examples)
    return Balanced(examples, {place: counts[place] for place in PLACES}, None)


def balance(trajectories: Sequence[Sequence[Example]], *, seed: int) -> Balanced:
    """Draw a balanced set.

    Args:
        trajectories: the examples of each trajectory.
        seed: of the draws; the same trajectories and seed give the same set in any process.

    Returns:
        The set in the order of the trajectories; empty where one of the places has no step at all.
    """
    pools: dict[Place, list[Example]] = {place: [] for place in PLACES}
    for examples in trajectories:
        for place in PLACES:
            of_place = [example for example in examples if example.place == place]
            if of_place:
                pools[place].append(seeded(seed, of_place[0].id).choice(of_place))
    least = min(len(pool) for pool in pools.values())
    chosen = {example.id for place, pool in pools.items() for example in seeded(seed, place).sample(pool, least)}
    kept = tuple(example for examples in trajectories for example in examples if example.id in chosen)
    return Balanced(kept, {place: len(pool) for place, pool in pools.items()}, least)
