"""capability@1 against the draws that it stands for, and the same agent with 1 and with 5 repeats."""

import json
from itertools import product

import numpy as np
import pytest

TEMPLATES = {task: f"template {task // 3}" for task in range(9)}
OUTCOMES = {0: "110", 1: "0", 2: "01", 3: "0", 4: "00", 5: "000", 6: "1", 7: "0101", 8: "10"}
"""Successes of each task's episodes."""


def run_of(workshop, name, outcomes):
    return workshop.run(
        name,
        [
            workshop.episode(task, repeat=repeat, score=float(one), template=f"template {task // 3}")
            for task, scores in outcomes.items()
            for repeat, one in enumerate(scores)
        ],
    )


def labels(workshop, tasks):
    path = workshop.folder / "labels.json"
    path.write_text(json.dumps({str(task): task // 3 for task in tasks}), encoding="utf-8")
    return path


def test_capability_at_1_is_the_mean_over_all_draws_of_one_episode_per_task(workshop):
    found = workshop.score(run_of(workshop, "run", OUTCOMES), capabilities=labels(workshop, OUTCOMES)).capability
    shares = []
    for draw in product(*OUTCOMES.values()):
        solved = {task // 3 for task, one in zip(OUTCOMES, draw, strict=True) if one == "1"}
        shares.append(len(solved) / 3)
    assert len(shares) == np.prod([len(scores) for scores in OUTCOMES.values()])
    assert found.at_1.value == pytest.approx(sum(shares) / len(shares), abs=1e-12)
    assert found.at_1.value < found.at_all.value
    assert found.most_episodes == 4


def simulated(repeats, seed, tasks=150):
    """An agent whose chance of success differs between tasks: (tasks, repeats) outcomes."""
    rng = np.random.default_rng(1)  # the tasks are the same whatever is drawn
    chances = rng.beta(0.5, 1.2, tasks)
    return {task: np.random.default_rng([seed, task]).random(repeats) < chance for task, chance in enumerate(chances)}


def test_capability_at_1_of_five_repeats_is_that_of_drawn_single_repeat_runs(workshop):
    outcomes = simulated(5, seed=0)
    found = workshop.score(run_of(workshop, "run", outcomes), capabilities=labels(workshop, outcomes)).capability
    table = np.array(list(outcomes.values()))
    rng = np.random.default_rng(0)
    drawn = []
    for _ in range(1_000):
        once = table[np.arange(len(table)), rng.integers(0, 5, len(table))]
        drawn.append(once.reshape(-1, 3).any(axis=1).mean())
    assert found.at_1.value == pytest.approx(np.mean(drawn), abs=0.01)
    assert found.at_all.value > np.mean(drawn) + 0.05
    # One of the draws, written and scored as a run of its own.
    single = {task: [scores[0]] for task, scores in outcomes.items()}
    alone = workshop.score(run_of(workshop, "single", single), capabilities=labels(workshop, outcomes)).capability
    assert alone.at_1.value == pytest.approx(table[:, 0].reshape(-1, 3).any(axis=1).mean(), abs=1e-12)


@pytest.mark.parametrize("cluster", ["task", "template"])
def test_the_same_agent_with_1_and_with_5_repeats_shows_no_difference(workshop, cluster):
    once, often = (run_of(workshop, f"{n} repeats", simulated(n, seed=n)) for n in (1, 5))
    scores = workshop.scores(once, often, capabilities=labels(workshop, range(150)), cluster=cluster)
    (found,) = scores.comparisons
    paired = found.functional_correctness.paired
    assert paired.p_value > 0.05
    assert paired.interval.low <= 0.0 <= paired.interval.high
    assert found.episodes == found.capability.episodes == 1
    # With all episodes the second run would seem to have won capabilities; with equal numbers it has not.
    assert scores.runs[1].capability.at_all.value - scores.runs[0].capability.at_all.value > 0.1
    single = scores.runs[0].capability.at_1.interval
    assert single.low <= found.capability.run_at_k <= single.high
