"""Scores and figures on material small enough to know the answers."""

import numpy as np
import pytest

from tracewarp.embed import StepEmbedder, get_encoder
from tracewarp.errors import EmptyInputError
from tracewarp.metrics import vertex_dtw
from tracewarp.studies.validity import TODAY, Setting
from tracewarp.studies.validity.evidence import Evidence
from tracewarp.studies.validity.material import TRIVIAL_ACTION, Source, gather
from tracewarp.studies.validity.scoring import Scorer
from tracewarp.studies.validity.study import restricted
from tracewarp.trajectory import Observation, Outcome, Step, Task, Trajectory

N_TASKS = 8
PAGES = ("home lamps sofas", "list of brass lamps", "details of one lamp", "basket with a lamp", "payment and address")


def page(task, place):
    links = "\n".join(f"[{10 * place + i}] link '{word} {task}'" for i, word in enumerate(PAGES[place].split()))
    return Observation(text=f"Tab 0 (current): {PAGES[place]}\n\n{links}", url=f"http://shop/{task}/{place}")


def solution(task, repeat=0):
    steps = [Step(observation=page(task, i), action=f"click [{10 * i}]", valid=True) for i in range(4)]
    steps.append(Step(observation=page(task, 4), action="stop [done]", valid=True))
    return Trajectory(
        task=Task(id=f"t{task}", objective=f"Buy {task}"), repeat=repeat, steps=tuple(steps), outcome=Outcome(score=1.0)
    )


def cut(task, repeat=0):
    whole = solution(task, repeat)
    return whole.model_copy(update={"steps": whole.steps[:2], "outcome": Outcome(score=0.0)})


def mumbling(task, repeat=0):
    """A perfect attempt with an answer that held no action before every second step."""
    whole = solution(task, repeat)
    steps = []
    for place, step in enumerate(whole.steps):
        if place % 2 == 0:
            steps.append(step.model_copy(update={"action": None, "valid": None}))
        steps.append(step)
    return whole.model_copy(update={"steps": tuple(steps)})


@pytest.fixture(scope="module")
def material():
    tasks = [solution(i).task for i in range(N_TASKS)]
    return gather(
        "planted",
        tasks=tasks,
        capability=["lamps" if i < N_TASKS // 2 else "chairs" for i in range(N_TASKS)],
        solutions={task.id: solution(i) for i, task in enumerate(tasks)},
        attempts=[
            Source("perfect", [solution(i) for i in range(N_TASKS)]),
            Source("mumbling", [mumbling(i) for i in range(N_TASKS - 1)] + [cut(N_TASKS - 1)]),
            Source("cutting", [cut(i) for i in range(N_TASKS)]),
        ],
        reordered={"t0": solution(0)},
        max_references=2,
    )


@pytest.fixture(scope="module")
def evidence(material):
    return Evidence(material)


def test_scores_are_those_of_single_calls(material):
    """Every pair again, one by one, from texts to score; references of other tasks take the mean."""
    setting = Setting(decay="relative", strength=2.0, steps="accepted", aggregate="mean")
    found = Scorer(material).scores(setting, "other")
    embedder = StepEmbedder(get_encoder("hashed"))

    def rows(trajectory, *, accepted=True):
        steps = trajectory.accepted_steps if accepted else trajectory.executed_steps
        return embedder.embed([(trajectory.task, step) for step in steps]).astype(np.float64)

    pairs = material.pairs("other")
    for item in material.where("attempt")[:12]:
        agent, task = material.items[item].agent, material.items[item].task
        test = [solution, mumbling, cut][agent](task) if (agent, task) != (1, N_TASKS - 1) else cut(task)
        scores = []
        for reference, its in pairs:
            if its == item:
                known = solution(material.references[reference].task)
                first = known.steps[0].model_copy(update={"action": TRIVIAL_ACTION, "response": TRIVIAL_ACTION})
                trivial = embedder.embed([(known.task, first)]).astype(np.float64)
                one = vertex_dtw(rows(known), rows(test), trivial=trivial, decay="relative", strength=2.0)
                scores.append(one.score)
        assert len(scores) == 2
        assert found[item] == pytest.approx(np.mean(scores), abs=1e-12)


def test_references_of_other_tasks_are_of_the_same_capability_and_never_the_task(material):
    for reference, item in material.pairs("other"):
        theirs, own = material.references[reference].task, material.items[item].task
        assert theirs != own and material.capability[theirs] == material.capability[own]
    assert {material.items[item].task for _, item in material.pairs("same")} == set(range(N_TASKS))


def test_an_attempt_is_never_its_own_reference():
    tasks = [solution(i).task for i in range(3)]
    attempts = [Source("a", [solution(i) for i in range(3)]), Source("b", [solution(0), cut(1), cut(2)])]
    found = gather("own", tasks=tasks, capability=["c"] * 3, solutions=None, attempts=attempts)
    assert len(found.references) == 4
    for reference, item in found.pairs("same"):
        if found.items[item].kind == "attempt":
            assert found.items[item].origin != reference
    lonely = [i for i in found.where("attempt") if found.items[i].task == 1 and found.items[i].agent == 0]
    assert np.isnan(Scorer(found).scores(TODAY, "same")[lonely]).all(), "task 1 has no other success"


def test_answers_without_an_action_cost_nothing_when_only_accepted_steps_count(material, evidence):
    scorer = Scorer(material)
    attempts = material.where("attempt")
    mumbles = [i for i in attempts if material.items[i].agent == 1 and material.items[i].success]
    assert scorer.scores(Setting(steps="accepted"), "same")[mumbles] == pytest.approx(1.0)
    assert (scorer.scores(TODAY, "same")[mumbles] < 0.9).all()


def test_figures_of_planted_attempts_are_known(material, evidence):
    """Perfect 8 of 8, mumbling 7 of 8, cutting 0 of 8: accepted steps rank them so; all steps punish the mumbling."""
    scorer = Scorer(material)
    accepted = scorer.scores(Setting(steps="accepted"), "same")
    assert evidence.tau(accepted).value == 1
    assert evidence.auc_task(accepted).value == 1
    assert evidence.auc_task(accepted).n == 7 * 2 + 1 * 2
    backwards = -accepted
    assert (evidence.tau(backwards).value, evidence.auc_task(backwards).value) == (-1, 0)
    only = evidence.failing(lambda item: material.agents[item.agent] == "mumbling")
    assert evidence.auc_task(accepted, only).n == 1


def test_damages_have_their_known_effect(material, evidence):
    scorer = Scorer(material)
    today, plain = scorer.scores(TODAY, "same"), scorer.scores(Setting(decay="none"), "same")
    assert evidence.falls(today, "loop").value == 1
    assert evidence.falls(plain, "loop").value == 0, "without decay a repeated step costs nothing: it warps onto itself"
    assert evidence.falls(plain, "cut").value == 1
    curves = {curve.damage: curve for curve in evidence.damages(today)}
    assert curves["cut"].doses == (0.1, 0.2, 0.3, 0.4, 0.5, 0.6)
    assert curves["cut"].original == pytest.approx(1.0)
    assert curves["cut"].means[0] > curves["cut"].means[-1]
    assert (curves["cut"].never_rises, curves["cut"].always_falls) == (1.0, 1.0)
    assert curves["swapped"].never_rises is None
    assert {curve.damage: curve.never_rises for curve in evidence.damages(plain)}["loop"] == 1.0
    assert {curve.damage: curve.always_falls for curve in evidence.damages(plain)}["loop"] == 0.0


def test_the_same_order_is_no_worse_and_the_worst_damage_is_the_smallest_share(material, evidence):
    scorer = Scorer(material)
    share, after, before = evidence.reordered(scorer.scores(TODAY, "same"))
    assert (share.value, share.n) == (0, 1) and after == pytest.approx(before)
    worst = evidence.rule_damage(lambda which: scorer.scores(Setting(decay="none"), which))
    assert worst.value == 0
    assert (worst.draws == 0).all()


def test_neighbours_are_known_too(material):
    scorer = Scorer(material)
    attempts = material.where("attempt")
    agents = np.array([material.items[i].agent for i in attempts])
    actions, last = scorer.neighbour("actions", "same")[attempts], scorer.neighbour("last_step", "same")[attempts]
    assert actions[agents == 0] == pytest.approx(1.0) and last[agents == 0] == pytest.approx(1.0, abs=1e-3)
    assert actions[agents == 2] == pytest.approx(2 / 5), "two of five actions"
    assert actions[agents == 1][:-1] == pytest.approx(5 / 8), "three insertions in eight"
    assert (last[agents == 2] < 0.9).all()


def test_finished_cells_are_read_again_and_only_for_the_same_material(material, tmp_path, monkeypatch):
    first = Scorer(material, folder=tmp_path).scores(TODAY, "same")
    cells = list(tmp_path.glob("*.npz"))
    assert len(cells) == 1
    monkeypatch.setattr("tracewarp.studies.validity.scoring.vertex_dtw_pairs", None)
    again = Scorer(material, folder=tmp_path).scores(TODAY, "same")
    assert (np.nan_to_num(first) == np.nan_to_num(again)).all()
    with pytest.raises(TypeError):
        Scorer(restricted(material, [0, 1]), folder=tmp_path).scores(TODAY, "same")


def test_a_part_of_the_material_scores_the_same(material):
    some = restricted(material, [1, 4, 5])
    assert len(some.tasks) == 3 and len(some.steps) < len(material.steps)
    whole, part = Scorer(material).scores(TODAY, "same"), Scorer(some).scores(TODAY, "same")
    kept = [i for i, item in enumerate(material.items) if item.task in (1, 4, 5)]
    assert part == pytest.approx(whole[kept], nan_ok=True)


def test_material_without_attempts_is_refused():
    tasks = [solution(0).task]
    with pytest.raises(EmptyInputError, match="expected attempts at its 1 tasks"):
        gather("none", tasks=tasks, capability=["c"], solutions={"t0": solution(0)}, attempts=[])
