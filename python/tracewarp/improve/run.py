"""Rounds of self-improvement: collect, select, synthesise, train, evaluate, compare; every stage resumable."""

from __future__ import annotations

import gc
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracewarp.collect.lock import RunLock
from tracewarp.embed import get_encoder
from tracewarp.envs.base import EnvSpec, TaskSource
from tracewarp.envs.registry import open_environment, open_source
from tracewarp.errors import EmptyInputError, FileError, OptionError
from tracewarp.evaluate.improvement import Improvement
from tracewarp.improve.agents import Agent
from tracewarp.improve.card import planted
from tracewarp.improve.folders import Folders, write_json
from tracewarp.improve.generation import Examples, generate
from tracewarp.improve.listener import Listener, Silent
from tracewarp.improve.options import Arm, ImproveOptions
from tracewarp.improve.overlap import chosen_tasks
from tracewarp.improve.runs import Runs
from tracewarp.improve.scoring import Learner, assemble, selection_row, training_row
from tracewarp.improve.selection import Selected, select
from tracewarp.synthesize import Balanced, Example, Mixture, balance, every_step, examples_of, mix, write_examples
from tracewarp.train import ChatTurn, Conversation, Trained, fine_tune
from tracewarp.trajectory import Trajectory, open_run

RESULT = "improvement.json"


def improve(out: str | Path, options: ImproveOptions, *, listener: Listener | None = None) -> Improvement:
    """Improve a model from its own trajectories, and say with paired statistics whether it did.

    The same call goes on after a kill; stages that are finished are read back.

    Args:
        out: folder of everything.
        options: what to do.
        listener: hears how it goes on.

    Returns:
        The result, as written to `out/improvement.json`.

    Raises:
        OptionError: test tasks that are also trained on, whatever the names of their splits.
        EmptyInputError: no arm had anything to learn from; the message says which rule removed what.
        RunMismatchError: the folder was begun with other options.
        RunLockedError: another process is at work in it.
        FileError: the folder cannot be written; what is finished is kept.
        ModelError, TrainingError, EnvironmentFailure, MissingExtraError: as the stages raise them.
    """
    folder = Path(out)
    if any(sign in str(folder) for sign in ",+"):
        raise OptionError(f"out: expected a path without , and + (they separate settings), got {str(folder)!r}")
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with RunLock(folder):
            return _Improvement(Folders(folder), options, listener or Silent()).run()
    except FileError as error:
        raise FileError(f"{error}; what is finished is kept") from error
    except OSError as error:
        where = error.filename or folder
        raise FileError(f"{where}: cannot be written ({error.strerror or error}); what is finished is kept") from error


@dataclass(frozen=True)
class _Learnt:
    """What a round of an arm left."""

    learner: Learner
    selected: Selected
    collected: tuple[Trajectory, ...]


class _Improvement:
    def __init__(self, folders: Folders, options: ImproveOptions, listener: Listener) -> None:
        self.folders = folders
        self.options = options
        self.listener = listener
        self.source: TaskSource = open_source(options.environment, **options.settings)
        chosen_tasks(self.source, options)  # which refuses tasks in common
        if options.model_writes_pages:
            get_encoder(options.diversity_encoder)  # an unknown one is refused before hours of work
        with open_environment(options.environment, **options.settings) as environment:
            self.spec: EnvSpec = environment.spec
        self.runs = Runs(folders, options, self.spec, listener)
        self.notes: list[str] = []

    def run(self) -> Improvement:
        options, base = self.options, Agent()
        self.folders.begin(options)
        for words in planted(options.model):
            self.note(f"the base's card: {words}")
        self.runs.test(base)
        self.runs.solve()
        latest: dict[str, _Learnt] = {}
        done: list[Learner] = []
        for number in range(1, options.rounds + 1):
            for arm in options.arms:
                before = latest.pop(arm.name, None)
                if not options.goes_on(arm, number) or (number > 1 and before is None):
                    continue
                try:
                    learnt = self.round(arm, number, before)
                except EmptyInputError as error:
                    self.note(f"{arm.name}, round {number}, was not trained: {error}")
                    continue
                latest[arm.name] = learnt
                done.append(learnt.learner)
                self.runs.test(learnt.learner.agent)
            if not done:
                raise EmptyInputError("; ".join(note for note in self.notes if "was not trained" in note))
        self.listener.stage("scores")
        result = assemble(self.folders, options, base, done, self.notes)
        write_json(self.folders.out / RESULT, result.model_dump(mode="json"))
        return result

    def round(self, arm: Arm, number: int, before: _Learnt | None) -> _Learnt:
        """One round of one arm: collect, select, synthesise, train.

        Raises:
            EmptyInputError: too little remains to learn from.
        """
        options = self.options
        actor = before.learner.agent if before is not None else Agent()
        agent = Agent(arm, number)
        run = self.folders.collected(arm, number)
        self.listener.stage(f"round {number}: training tasks" if number == 1 else f"{agent.name}: training tasks")
        self.runs.learn(actor, run, round_number=number)
        collected = tuple(open_run(run))
        selected = select(
            collected,
            arm.selection,
            agreement=options.agreement,
            seed=options.seed,
            rules=options.rules,
            before=fallback(before, off_by_one=options.off_by_one),
        )
        balanced = self.balanced(selected, len(collected))
        folder = self.folders.agent(arm, number)
        generated = self.generated(arm, number, actor, balanced.examples)
        mixture = mix(arm.mixture, balanced.examples, generated.examples, seed=options.seed)
        write_examples(folder / "train.jsonl", mixture.train)
        write_examples(folder / "validation.jsonl", mixture.validation)
        row = selection_row(len(collected), selected, balanced, len(generated.examples), generated.refusals)
        write_json(folder / "selection.json", row.model_dump(mode="json"))
        self.listener.stage(f"{agent.name}: training on {len(mixture.train)} examples")
        trained = self.train(actor, mixture, folder / "training")
        if trained.curve.kept_epoch == 0:
            self.note(
                f"{agent.name}, learnt nothing that made validation better: it kept epoch 0, and is the agent that it "
                "began with"
            )
        for note in trained.notes:
            self.note(f"{agent.name}: {note}")
        learner = Learner(Agent(arm, number, trained.adapter), row, training_row(trained))
        return _Learnt(learner, selected, collected)

    def balanced(self, selected: Selected, collected: int) -> Balanced:
        """The balanced examples of what was selected.

        Raises:
            EmptyInputError: there are none, or too few.
        """
        if not selected.trajectories:
            raise EmptyInputError(
                f"none of {collected} trajectories was kept ({removed(selected)}); collect more tasks or samples, or "
                "begin with a better base"
            )
        steps = [examples_of(one) for one in selected.trajectories]
        found = every_step(steps) if self.options.all_steps else balance(steps, seed=self.options.seed)
        if len(found.examples) < self.options.min_examples:
            places = ", ".join(f"{place} {count}" for place, count in found.available.items())
            raise EmptyInputError(
                f"expected at least {self.options.min_examples} examples (min_examples), got {len(found.examples)} "
                f"of the steps of {len(selected.trajectories)} trajectories ({places}); of {collected} "
                f"trajectories the selection removed: {removed(selected)}"
            )
        return found

    def generated(self, arm: Arm, number: int, actor: Agent, in_domain: Sequence[Example]) -> Examples:
        """The out-of-domain examples of a round; none for mixture A."""
        if arm.mixture == "A":
            return Examples((), {}, None)
        self.listener.stage(f"{arm.name}, round {number}: {len(in_domain)} out-of-domain examples")
        made = generate(
            self.options,
            self.source,
            self.spec,
            actor,
            in_domain,
            folder=self.folders.out_of_domain(arm, number),
            round_number=number,
            listener=self.listener,
        )
        if made.note is not None:
            self.note(made.note)
        return made

    def train(self, actor: Agent, mixture: Mixture, out: Path) -> Trained:
        """Fine-tune, from the actor's weights or from the base's."""
        options = self.options
        start = str(actor.adapter) if actor.adapter is not None and options.round_start == "previous" else None
        # Where all weights learn, an earlier round left a whole model, which is the base of the next one.
        whole = start is not None and options.config.method == "full"
        gc.collect()  # the model that acted is in a circle of references, and its memory is needed now
        return fine_tune(
            start if start is not None and whole else options.model,
            [conversation(example) for example in mixture.train],
            [conversation(example) for example in mixture.validation],
            options.config,
            out=out,
            adapter=None if whole else start,
            device=options.device,
            progress=lambda moment: self.listener.training(moment.epoch, moment.step, moment.steps, moment.loss),
        )

    def note(self, text: str) -> None:
        """Keep a note once."""
        if text not in self.notes:
            self.notes.append(text)


def fallback(before: _Learnt | None, *, off_by_one: bool) -> tuple[Trajectory, ...]:
    """What tasks without a kept trajectory fall back to."""
    if before is None:
        return ()
    return before.collected if off_by_one else before.selected.trajectories


def removed(selected: Selected) -> str:
    """Which rule objected to how many trajectories, in words."""
    words = [f"{rule.rule} {rule.objected}" for rule in selected.quality.rules if rule.objected]
    return ", ".join(words) or "nothing"


def conversation(example: Example) -> Conversation:
    """An example as the trainer takes it: the answer alone carries loss."""
    turns = tuple(ChatTurn(turn.role, turn.content, thinking=turn.thinking) for turn in example.prompt)
    return Conversation(
        example.id, (*turns, ChatTurn("assistant", example.completion, train=True, thinking=example.thinking))
    )
