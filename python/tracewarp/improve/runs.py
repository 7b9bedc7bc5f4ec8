"""The runs of an improvement: what is learnt from, and what is tested."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from tracewarp.collect import CollectOptions, collect
from tracewarp.envs.base import Capability, EnvSpec
from tracewarp.errors import CollectionStoppedError
from tracewarp.improve.agents import Agent
from tracewarp.improve.folders import Folders
from tracewarp.improve.listener import Listener
from tracewarp.improve.options import ImproveOptions
from tracewarp.trajectory import Trajectory, open_run
from tracewarp.trajectory.run_info import read_run_info

ROUND_SEEDS = 1_000
"""Between the seeds of two rounds: a task is not collected again with the draws of the round before."""


@dataclass(frozen=True)
class Runs:
    """Collects runs of agents; those that are finished are left as they are."""

    folders: Folders
    options: ImproveOptions
    spec: EnvSpec
    listener: Listener

    def learn(self, agent: Agent, run: Path, *, round_number: int) -> None:
        """The training tasks, as an agent does them."""
        options = self.options
        self._collect(
            agent,
            run,
            split=options.train_split,
            limit=options.train_limit,
            repeats=options.samples,
            temperature=options.temperature,
            seed=options.seed + ROUND_SEEDS * round_number,
        )

    def test(self, agent: Agent) -> None:
        """The test tasks: greedily, at temperature 1, and the base at the control's temperature too."""
        options, folder = self.options, self.folders.agent(agent.arm, agent.round)
        runs = [("greedy", 0.0, 1)]
        if options.sampled_runs:
            runs.append(("sampled", 1.0, options.sampled_runs))
        if agent.arm is None and options.control_temperature is not None and options.sampled_runs:
            runs.append(("cooled", options.control_temperature, options.sampled_runs))
        for kind, temperature, repeats in runs:
            how = "greedy" if temperature == 0 else f"temperature {temperature:g}"
            self.listener.stage(f"{agent.name}: test tasks, {how}")
            # Every agent is tested with the same seed: the draws of two agents are paired.
            self._collect(
                agent,
                folder / kind,
                split=options.test_split,
                limit=options.test_limit,
                repeats=repeats,
                temperature=temperature,
                seed=options.seed,
            )

    def solve(self) -> None:
        """The test tasks' known solutions, where the environment has them: the references of VERTEX_DTW."""
        options = self.options
        if Capability.ORACLE not in self.spec.capabilities or _finished(self.folders.oracle):
            return
        self.listener.stage("known solutions of the test tasks")
        given = CollectOptions(
            options.environment,
            "oracle",
            dict(options.settings),
            split=options.test_split,
            limit=options.test_limit,
            seed=options.seed,
        )
        collect(self.folders.oracle, given, listener=self.listener.collecting)

    def _collect(
        self, agent: Agent, run: Path, *, split: str, limit: int | None, repeats: int, temperature: float, seed: int
    ) -> None:
        if _finished(run):
            check_run(run)
            return  # before the model is loaded: going on after a kill costs nothing for what is there
        options = self.options
        settings: dict[str, object] = {
            "name": model_name(options, agent),
            "template": options.template,
            "temperature": temperature,
            "top_p": options.top_p,
            "max_new_tokens": options.max_new_tokens,
            "observation_tokens": options.observation_tokens,
            "scroll_window": False,  # as in the paper: an agent sees the beginning of a page
            **model_options(options),
        }
        given = CollectOptions(
            options.environment,
            "model:" + ",".join(f"{name}={value}" for name, value in settings.items()),
            dict(options.settings),
            split=split,
            limit=limit,
            repeats=repeats,
            seed=seed,
            workers=options.workers,
        )
        collect(run, given, listener=self.listener.collecting)
        check_run(run)


def check_run(run: Path) -> None:
    """Stop where a run says nothing: a comparison of zeros is no result.

    Raises:
        CollectionStoppedError: every episode of the run ended in an error.
    """
    last: Trajectory | None = None
    for last in open_run(run):
        if not last.outcome.ending.failure:
            return
    if last is not None:
        raise CollectionStoppedError(
            f"{run}: every episode ended in an error, the last one in {last.outcome.ending.value} "
            f"({last.outcome.error}); mend the cause, remove this folder, and run the same command again"
        )


def _finished(run: Path) -> bool:
    info = read_run_info(run)
    return info is not None and info.finished_at is not None


def model_name(options: ImproveOptions, agent: Agent) -> str:
    """As `open_model` reads it."""
    if agent.adapter is None:
        return f"hf:{options.model}"
    # Where all weights learn, what a training leaves is no adapter but a whole model.
    return f"hf:{agent.adapter}" if options.config.method == "full" else f"hf:{options.model}+{agent.adapter}"


def model_options(options: ImproveOptions) -> Mapping[str, object]:
    """Where, how and in which batches the model runs."""
    quantized = {"quantization": "nf4"} if options.acts_in_4_bits else {}
    return {"device": options.device, "batch_size": options.batch_size, **quantized}
