"""The result of an improvement: every agent against the base, itself a round before, and the random control."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from tracewarp.evaluate import EvaluateOptions, Scores, evaluate
from tracewarp.evaluate.improvement import AgentRow, Gain, Improvement, RuleRow, SelectionRow, Success, TrainingRow
from tracewarp.improve.agents import BASE, Agent, baselines
from tracewarp.improve.folders import Folders
from tracewarp.improve.measure import Outcomes, gains, measure
from tracewarp.improve.options import ImproveOptions
from tracewarp.improve.selection import Selected
from tracewarp.synthesize import Balanced
from tracewarp.train import Trained


@dataclass(frozen=True)
class Learner:
    """An agent after a round, with what it learnt from."""

    agent: Agent
    selection: SelectionRow
    training: TrainingRow


def assemble(
    folders: Folders, options: ImproveOptions, base: Agent, learners: Sequence[Learner], notes: Sequence[str]
) -> Improvement:
    """Read the test runs, and compare.

    Args:
        folders: where the runs lie.
        options: what was done.
        base: the base.
        learners: every agent that was trained, in order.
        notes: what a reader must know.
    """
    agents = [base, *(learner.agent for learner in learners)]
    runs = {agent.name: folders.agent(agent.arm, agent.round) for agent in agents}
    greedy, sampled, cooled = (_read(runs, kind) for kind in ("greedy", "sampled", "cooled"))
    by_name = {learner.agent.name: learner for learner in learners}
    measured = {
        kind: _measured(
            tested, {agent.name: _others(agent, agents, kind, cooled, options) for agent in agents}, options
        )
        for kind, tested in (("greedy", greedy), ("sampled", sampled))
    }
    rows = []
    for agent in agents:
        learner = by_name.get(agent.name)
        rows.append(
            AgentRow(
                name=agent.name,
                arm=agent.arm.name if agent.arm is not None else None,
                round=agent.round,
                greedy=measured["greedy"][agent.name],
                sampled=measured["sampled"].get(agent.name),
                cooled=measure(cooled[BASE]) if agent.arm is None and cooled else None,
                selection=learner.selection if learner is not None else None,
                training=learner.training if learner is not None else None,
            )
        )
    return Improvement(
        options=json.loads(json.dumps(options.to_dict())),
        notes=(*notes, *_left_out({"greedy": greedy, "sampled": sampled, "cooled": cooled})),
        agents=tuple(rows),
        scores=_scores(folders, options, runs),
    )


def _left_out(tested: Mapping[str, Mapping[str, Outcomes]]) -> Iterator[str]:
    """What the comparisons leave out."""
    for kind, runs in tested.items():
        for name, outcomes in runs.items():
            if outcomes.left_out:
                yield (
                    f"{name}, {kind} run: {outcomes.left_out} episodes are left out of the comparison, since the "
                    "environment or the model's server failed in them"
                )


def _others(
    agent: Agent, agents: list[Agent], kind: str, cooled: Mapping[str, Outcomes], options: ImproveOptions
) -> dict[str, Outcomes | None]:
    """Name -> the run that an agent is compared with; None: the run of the agent of that name."""
    others: dict[str, Outcomes | None] = dict.fromkeys(baselines(agent, agents))
    if kind == "sampled" and agent.arm is not None and cooled:
        # What a lower temperature alone gives the base is no learning.
        others[f"{BASE}, temperature {options.control_temperature:g}"] = cooled[BASE]
    return others


def _measured(
    tested: Mapping[str, Outcomes], against: Mapping[str, Mapping[str, Outcomes | None]], options: ImproveOptions
) -> dict[str, Success]:
    """Success of every run, with gains that are adjusted over all agents."""
    pairs = [
        (agent, name, tested[name] if other is None else other)
        for agent in tested
        for name, other in against[agent].items()
    ]
    found = gains([(tested[agent], name, other) for agent, name, other in pairs], seed=options.seed)
    of: dict[str, list[Gain]] = {agent: [] for agent in tested}
    for (agent, _, _), gain in zip(pairs, found, strict=True):
        of[agent].append(gain)
    return {
        agent: measure(outcomes).model_copy(update={"gains": tuple(of[agent])}) for agent, outcomes in tested.items()
    }


def _read(runs: Mapping[str, Path], kind: str) -> dict[str, Outcomes]:
    return {name: Outcomes.read(folder / kind) for name, folder in runs.items() if (folder / kind).exists()}


def _scores(folders: Folders, options: ImproveOptions, runs: Mapping[str, Path]) -> Scores:
    """Functional correctness, capability and VERTEX_DTW of the greedy runs, each against the base."""
    paths = [folder / "greedy" for folder in runs.values()]
    references = (folders.oracle,) if folders.oracle.exists() else ()
    given = EvaluateOptions(references=references, compare_to=paths[0], seed=options.seed, use_cache=False)
    scores = evaluate(paths, given)
    # Every run is called `greedy` by its folder; the agents' names say more.
    return with_names(scores, dict(zip((run.name for run in scores.runs), runs, strict=True)))


def with_names(scores: Scores, names: Mapping[str, str]) -> Scores:
    """The same scores with other names for the runs."""
    return scores.model_copy(
        update={
            "runs": tuple(run.model_copy(update={"name": names[run.name]}) for run in scores.runs),
            "comparisons": tuple(
                one.model_copy(update={"run": names[one.run], "baseline": names[one.baseline]})
                for one in scores.comparisons
            ),
        }
    )


def selection_row(
    collected: int, selected: Selected, balanced: Balanced, generated: int, refusals: Mapping[str, int]
) -> SelectionRow:
    """What an arm learnt from in a round."""
    quality = selected.quality
    return SelectionRow(
        collected=collected,
        kept=quality.kept,
        fallbacks=selected.fallbacks,
        successes=quality.successes if quality.judged else None,
        accuracy=quality.accuracy,
        precision=quality.precision,
        recall=quality.recall,
        f1=quality.f1,
        rules=tuple(
            RuleRow(rule=r.rule, objected=r.objected, alone=r.alone, precision=r.precision, recall=r.recall)
            for r in quality.rules
        ),
        available={str(place): count for place, count in balanced.available.items()},
        per_place=balanced.per_place,
        in_domain=len(balanced.examples),
        out_of_domain=generated,
        refusals=dict(refusals),
    )


def training_row(trained: Trained) -> TrainingRow:
    """How a training went."""
    curve = trained.curve
    return TrainingRow(
        n_train=trained.n_train,
        n_validation=trained.n_validation,
        too_long=trained.too_long,
        best_epoch=curve.best_epoch,
        kept_epoch=curve.kept_epoch,
        epochs=curve.epochs[-1].epoch,
        updates=curve.updates,
        curve=tuple((epoch.epoch, epoch.train_loss, epoch.perplexity) for epoch in curve.epochs),
        # Of the epochs, not of this call: a training that is read back took its time before.
        seconds=sum(epoch.seconds for epoch in curve.epochs),
    )
