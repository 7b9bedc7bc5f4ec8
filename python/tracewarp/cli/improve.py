"""`tracewarp improve`: rounds of self-improvement."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import click
from click.core import ParameterSource

from tracewarp.cli._improving import print_plan, run_improvement
from tracewarp.cli._terminal import output_console
from tracewarp.cli._training import setting
from tracewarp.cli.filter import read_rules
from tracewarp.improve import SELECTIONS, Arm, ImproveOptions, make_plan
from tracewarp.improve.tiny import TINY, tiny_options
from tracewarp.synthesize import MIXTURES
from tracewarp.train import PRESETS


@click.command("improve", short_help="let a model act, learn from its own trajectories, and measure what that gave")
@click.option(
    "--model",
    required=True,
    help=f"Folder or name of a causal language model of transformers; {TINY}: the one that ships with tracewarp, with "
    "tasks, prompt and training that suit it where you say nothing else.",
)
@click.option("--out", type=click.Path(path_type=Path, file_okay=False), required=True, help="Folder of everything.")
@click.option("--env", "environment", default="arena", show_default=True, help="arena, or module:object of your own.")
@click.option("--profile", help="Of the environment (arena: full or small).")
@click.option("--driver", help="Of the environment: browserless, http or chromium.")
@click.option("--env-set", "more", multiple=True, metavar="NAME=VALUE", help="Another setting of the environment.")
@click.option(
    "--mixture",
    "mixtures",
    multiple=True,
    type=click.Choice(list(MIXTURES)),
    help="In-domain examples (A), as many out-of-domain ones too (B), or those alone (C). May be repeated. "
    " [default: A]",
)
@click.option(
    "--arm",
    "arms",
    multiple=True,
    metavar="SELECTION/MIXTURE",
    help=f"With another selection ({', '.join(SELECTIONS)}), such as agreement/A. May be repeated.",
)
@click.option("--rounds", type=int, default=1, show_default=True, help="Of collecting and training.")
@click.option("--later-arm", "later_arms", multiple=True, metavar="NAME", help="Only these go on after round 1.")
@click.option(
    "--round-start",
    type=click.Choice(["previous", "base"]),
    default="previous",
    show_default=True,
    help="What a later round trains on from.",
)
@click.option("--off-by-one", is_flag=True, help="Let later rounds fall back to rejected trajectories, as published.")
@click.option("--train-split", default="train", show_default=True, help="The tasks that are learnt from.")
@click.option("--test-split", default="test", show_default=True, help="The tasks that are scored.")
@click.option("--train-limit", type=int, help="Only the first so many training tasks.")
@click.option("--test-limit", type=int, help="Only the first so many test tasks.")
@click.option("--samples", type=int, default=1, show_default=True, help="Episodes of each training task.")
@click.option("--agreement", type=int, default=2, show_default=True, help="Samples of a task that must agree.")
@click.option("--rules", default="paper", show_default=True, help="Of the filter; as for tracewarp filter.")
@click.option("--all-steps", is_flag=True, help="Every step is an example; otherwise places are balanced.")
@click.option("--min-examples", type=int, default=30, show_default=True, help="Fewer examples are not trained on.")
@click.option("--sampled-runs", type=int, default=3, show_default=True, help="Test runs at temperature 1.")
@click.option("--temperature", type=float, default=1.0, show_default=True, help="At which training tasks are done.")
@click.option(
    "--control-temperature",
    type=float,
    default=0.5,
    show_default=True,
    help="At which the base is tested too, since a gain at temperature 1 may be sharpening alone; 0: not.",
)
@click.option("--top-p", type=float, default=0.9, show_default=True, help="Share of probability that is drawn from.")
@click.option("--template", default="web-cot/1", show_default=True, help="Of the agent's prompt.")
@click.option("--max-new-tokens", type=int, default=384, show_default=True, help="Of an answer.")
@click.option("--observation-tokens", type=int, default=1_920, show_default=True, help="A page is cut there.")
@click.option(
    "--out-of-domain",
    type=click.Choice(["model", "environment"]),
    default="model",
    show_default=True,
    help="Who writes the pages of out-of-domain examples.",
)
@click.option(
    "--diversity-encoder",
    default="hashed",
    show_default=True,
    help="Encoder for the similarity between out-of-domain objectives: hashed, minilm, paper-capabilities (the "
    "paper's), or a sentence-transformers model.",
)
@click.option(
    "--preset",
    "training_preset",
    type=click.Choice(list(PRESETS)),
    default="default",
    show_default=True,
    help="Settings of the training.",
)
@click.option("--set", "training", multiple=True, metavar="NAME=VALUE", help="Of the training: learning_rate=1e-4.")
@click.option(
    "--quantization",
    type=click.Choice(["auto", "nf4", "none"]),
    default="auto",
    show_default=True,
    help="Of the model that acts; auto: as it is trained.",
)
@click.option("--workers", type=int, default=8, show_default=True, help="Episodes at a time.")
@click.option("--batch-size", type=int, default=16, show_default=True, help="Prompts in one pass of the model.")
@click.option("--seed", type=int, default=0, show_default=True, help="Of every draw.")
@click.option("--device", default="auto", show_default=True, help="auto or cpu.")
@click.option("--dry-run", is_flag=True, help="Print the plan, and stop.")
@click.pass_context
def command(
    context: click.Context,
    /,
    out: Path,
    *,
    mixtures: tuple[str, ...],
    arms: tuple[str, ...],
    dry_run: bool,
    **given: Any,
) -> None:
    """Collect, filter, synthesise, fine-tune, evaluate on other tasks, compare; in rounds.

    The plan is printed first. The same command goes on after a kill; what is finished stays.

    \b
    Examples:
      tracewarp improve --model tiny-agent --samples 3 --train-limit 100 --test-limit 100 --out improved
      tracewarp improve --model MODEL --mixture A --out improved
      tracewarp improve --model MODEL --mixture A --mixture B --mixture C --arm random/A --out improved
      tracewarp improve --model MODEL --arm agreement/A --arm random/A --samples 4 --rounds 2 --out improved
      tracewarp improve --model meta-llama/Meta-Llama-3-70B-Instruct --preset paper --out plan --dry-run
    """
    said = {name for name in given if context.get_parameter_source(name) is not ParameterSource.DEFAULT}
    options = _options(given, said, chosen=(*mixtures, *arms) or ("A",))
    console = output_console()
    print_plan(make_plan(str(out), options), console)
    if dry_run:
        return
    run_improvement(out, options, console)


def _options(given: dict[str, Any], said: set[str], *, chosen: tuple[str, ...]) -> ImproveOptions:
    settings = {name: given.pop(name) for name in ("profile", "driver")}
    settings |= dict(setting(pair, option="--env-set") for pair in given.pop("more"))
    settings = {name: value for name, value in settings.items() if value is not None}
    training = dict(setting(pair) for pair in given.pop("training"))
    if given["model"] == TINY and not Path(TINY).exists():
        suits = tiny_options()
        if given["environment"] == "arena":
            settings = suits.pop("settings") | settings
        if "training_preset" not in said:
            training = suits.pop("training") | training
        given |= {name: value for name, value in suits.items() if name in given and name not in said - {"model"}}
    return ImproveOptions(
        arms=tuple(Arm.parse(text) for text in chosen),
        settings=settings,
        training=training,
        rules=read_rules(given.pop("rules")),
        later_arms=given.pop("later_arms") or None,
        control_temperature=given.pop("control_temperature") or None,
        **given,
    )
