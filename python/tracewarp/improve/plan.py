"""What an improvement will do and cost, before it does anything."""

from __future__ import annotations

import math
import shlex
from collections.abc import Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tracewarp.collect.prompts import Situation, render_prompt
from tracewarp.envs.base import EnvSpec
from tracewarp.envs.registry import open_environment, open_source
from tracewarp.errors import MissingExtraError, OptionError
from tracewarp.improve.agents import Agent
from tracewarp.improve.options import ImproveOptions
from tracewarp.improve.overlap import chosen_tasks
from tracewarp.improve.runs import model_name, model_options
from tracewarp.synthesize import PAPER_RULES
from tracewarp.train import Estimate, TrainConfig, estimate

CHARS_PER_TOKEN: Final = 4
"""Of the prompt around a page, where no tokenizer is at hand."""
EXAMPLES_PER_TRAJECTORY: Final = 3
"""First, intermediate, last: at most."""
TRAIN_SHARE: Final = 0.9
BY_HAND: Final = MappingProxyType({"paper": (), "agreement": ("--agreement", "{m}"), "all": ("--rules", "none")})
"""Selection -> options of `tracewarp filter`; the other controls are drawn by `improve` alone."""


@dataclass(frozen=True, slots=True)
class Stage:
    """One line of the plan. Every figure is the most that it can be."""

    name: str
    folder: str
    episodes: int = 0
    actions: int = 0
    """Every episode at its budget."""
    updates: int = 0
    """Of the weights: every trajectory kept, every epoch done."""


@dataclass(frozen=True, slots=True)
class Plan:
    """Everything that will happen, in order."""

    stages: tuple[Stage, ...]
    train_tasks: int
    test_tasks: int
    tokens_per_action: int
    """Read and written, at most: the prompt around a page, a page at its limit, an answer at its own."""
    preset: str
    """That the training's settings began with."""
    config: TrainConfig
    memory: Estimate | None
    """Of the training, on each device; None: the sizes of the base are not known."""
    commands: tuple[str, ...]
    """Round 1 with mixture A as single commands."""

    @property
    def episodes(self) -> int:
        """Of all stages together, at most."""
        return sum(stage.episodes for stage in self.stages)

    @property
    def actions(self) -> int:
        """Of all stages together, at most."""
        return sum(stage.actions for stage in self.stages)

    @property
    def updates(self) -> int:
        """Of all stages together, at most."""
        return sum(stage.updates for stage in self.stages)

    @property
    def tokens(self) -> int:
        """Of all episodes together, at most."""
        return self.actions * self.tokens_per_action


def make_plan(out: str, options: ImproveOptions) -> Plan:
    """Say what `improve` will do. Nothing is loaded, and nothing is written.

    Raises:
        OptionError: an unknown environment, split or setting, or test tasks that are also trained on.
        EmptyInputError: a split without tasks.
    """
    source = open_source(options.environment, **options.settings)
    with open_environment(options.environment, **options.settings) as environment:
        spec = environment.spec
    n_train, n_test = (len(refs) for refs in chosen_tasks(source, options))
    try:
        memory = estimate(options.model, options.config, tokens=options.config.max_tokens)
    except (OptionError, MissingExtraError):
        memory = None
    return Plan(
        stages=tuple(_stages(options, spec, n_train=n_train, n_test=n_test)),
        train_tasks=n_train,
        test_tasks=n_test,
        tokens_per_action=_tokens_per_action(options, spec),
        preset=options.training_preset,
        config=options.config,
        memory=memory,
        commands=_commands(out, options),
    )


def _stages(options: ImproveOptions, spec: EnvSpec, *, n_train: int, n_test: int) -> list[Stage]:
    stages: list[Stage] = []

    def acts(name: str, episodes: int, folder: str) -> None:
        stages.append(Stage(name, folder, episodes, episodes * spec.step_budget))

    config = options.config
    tests = n_test * (1 + options.sampled_runs)
    cooled = n_test * options.sampled_runs if options.control_temperature is not None else 0
    acts("base: test tasks", tests + cooled, "base")
    per_trajectory = spec.step_budget if options.all_steps else EXAMPLES_PER_TRAJECTORY
    examples = per_trajectory * n_train * options.samples
    for number in range(1, options.rounds + 1):
        if number == 1:
            acts("round 1: training tasks", n_train * options.samples, "round-1/collected")
        for arm in options.arms:
            if not options.goes_on(arm, number):
                continue
            name, folder = f"{arm.name}, round {number}", f"round-{number}/{arm.name}"
            if number > 1:
                acts(f"{name}: training tasks", n_train * options.samples, f"{folder}/collected")
            if arm.mixture != "A":
                stages.append(Stage(f"{name}: out-of-domain examples", f"round-{number}"))
            learnt = examples * TRAIN_SHARE + (examples if arm.mixture == "B" else 0)
            updates = config.epochs(math.ceil(learnt)) * math.ceil(learnt / config.batch_size)
            stages.append(Stage(f"{name}: training ({config.method})", f"{folder}/training", updates=updates))
            acts(f"{name}: test tasks", tests, folder)
    return stages


def _tokens_per_action(options: ImproveOptions, spec: EnvSpec) -> int:
    prompt = render_prompt(Situation("", ""), grammar=spec.grammar, template=options.template)
    around = sum(len(message.content) for message in prompt) // CHARS_PER_TOKEN
    return around + options.observation_tokens + options.max_new_tokens


def _commands(out: str, options: ImproveOptions) -> tuple[str, ...]:
    """Round 1 with mixture A, and the first selection that can be made by hand."""
    by_hand = f"{out}/by-hand"
    selection = next((arm.selection for arm in options.arms if arm.selection in BY_HAND), "paper")
    run, examples, trained = f"{by_hand}/collected", f"{by_hand}/examples", f"{by_hand}/trained"
    settings = [part for name, value in options.settings.items() for part in _setting(name, value)]
    collect = ["tracewarp", "collect", "--env", options.environment, *settings, "--workers", str(options.workers)]
    rules = [word.format(m=options.agreement) for word in BY_HAND[selection]]
    if options.rules != PAPER_RULES and selection != "all":
        rules += ["--rules", ",".join(options.rules) or "none"]
    if options.all_steps:
        rules.append("--all-steps")
    changed = [part for name, value in options.training.items() for part in ("--set", f"{name}={value}")]
    train_limit = [] if options.train_limit is None else ["--limit", str(options.train_limit)]
    test_limit = [] if options.test_limit is None else ["--limit", str(options.test_limit)]
    base = _policy(options, model_name(options, Agent()), temperature=options.temperature)
    adapter = f"{trained}/adapter"
    improved = f"hf:{adapter}" if options.config.method == "full" else f"hf:{options.model}+{adapter}"
    lines: list[Sequence[str]] = [
        [*collect, "--split", options.train_split, *train_limit, "--repeats", str(options.samples), "--policy", base,
         "--out", run],
        ["tracewarp", "filter", run, "--out", examples, *rules, "--min-examples",
         str(options.min_examples), "--seed", str(options.seed)],
        ["tracewarp", "train", f"{examples}/train.jsonl", "--validation", f"{examples}/validation.jsonl", "--base",
         options.model, "--preset", options.training_preset, *changed, "--out", trained],
        [*collect, "--split", options.test_split, *test_limit, "--policy", _policy(options, improved, temperature=0.0),
         "--out", f"{by_hand}/test"],
        ["tracewarp", "evaluate", f"{by_hand}/test", "--out", f"{by_hand}/scores"],
    ]  # fmt: skip
    return tuple(shlex.join(line) for line in lines)


def _setting(name: str, value: object) -> tuple[str, str]:
    return (f"--{name}", str(value)) if name in ("profile", "driver") else ("--set", f"{name}={value}")


def _policy(options: ImproveOptions, name: str, *, temperature: float) -> str:
    """The agent as `collect` takes it, with what differs from that command's defaults."""
    settings: dict[str, object] = {"name": name, "temperature": temperature}
    settings |= {key: value for key, value in model_options(options).items() if value != "auto"}
    usual = {"template": "web-cot/1", "max_new_tokens": 384, "observation_tokens": 1_920, "top_p": 0.9}
    settings |= {key: getattr(options, key) for key, value in usual.items() if getattr(options, key) != value}
    return "model:" + ",".join(f"{key}={value}" for key, value in settings.items())
