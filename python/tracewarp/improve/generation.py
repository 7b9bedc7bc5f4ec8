"""Out-of-domain examples of a round, by whoever writes them; read back where they are finished."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tracewarp.collect.model_policy import ModelPolicy
from tracewarp.collect.prompts import Situation, render_prompt
from tracewarp.collect.prompts.rendering import CLOSING, OPENING
from tracewarp.embed import get_encoder
from tracewarp.envs.base import Capability, EnvSpec, TaskRef, TaskSource
from tracewarp.envs.registry import open_environment
from tracewarp.envs.web.sites import SiteMap
from tracewarp.envs.web.tasks import AND
from tracewarp.errors import OptionError
from tracewarp.improve.agents import Agent as Actor
from tracewarp.improve.folders import write_json
from tracewarp.improve.listener import Listener
from tracewarp.improve.options import ImproveOptions
from tracewarp.improve.runs import ROUND_SEEDS, model_name, model_options
from tracewarp.improve.stand_in import generate_from_environment
from tracewarp.models import BatchingModel, Model, Sampling, open_model
from tracewarp.synthesize import Example, read_examples, write_examples
from tracewarp.synthesize.examples import Turn
from tracewarp.synthesize.out_of_domain import Agent, GenerationSettings, Shot, generate_out_of_domain
from tracewarp.synthesize.sameness import identities
from tracewarp.trajectory import Task
from tracewarp.trajectory.json_files import read_json_object

SUMMARY: Final = "generated.json"


@dataclass(frozen=True)
class Examples:
    """What came out."""

    examples: tuple[Example, ...]
    refusals: Mapping[str, int]
    note: str | None
    """Who wrote them, where it was not the model."""


@dataclass(frozen=True)
class Pool:
    """Tasks whose pages may become out-of-domain examples."""

    refs: tuple[TaskRef, ...]
    words: str
    """How far they are from what was collected on."""


def generate(
    options: ImproveOptions,
    source: TaskSource,
    spec: EnvSpec,
    actor: Actor,
    in_domain: Sequence[Example],
    *,
    folder: Path,
    round_number: int,
    listener: Listener,
) -> Examples:
    """As many out-of-domain examples as there are in-domain ones.

    Args:
        options: who writes, and with which prompt.
        source: of the environment's tasks.
        spec: of the environment.
        actor: the agent of the round.
        in_domain: kept and balanced; shots for a model that writes pages.
        folder: where they go; what is finished there is read back.
        round_number: gives the seed.
        listener: hears how it goes on.
    """
    wanted, seed = len(in_domain), options.seed + ROUND_SEEDS * round_number
    about = {"wanted": wanted, "seed": seed, "out_of_domain": options.out_of_domain}
    before = _read_back(folder, about)
    if before is not None:
        return before
    model = open_model(model_name(options, actor), options=model_options(options))
    try:
        if options.out_of_domain == "environment":
            made = _from_environment(options, source, spec, model, wanted, seed=seed, listener=listener)
            write_examples(folder / "examples.jsonl", made.examples)
        else:
            made = _from_model(options, source, spec, model, in_domain, folder=folder, seed=seed, listener=listener)
    finally:
        model.close()
    write_json(folder / SUMMARY, {**about, "refusals": dict(made.refusals), "note": made.note})
    return made


def _read_back(folder: Path, about: Mapping[str, object]) -> Examples | None:
    path = folder / SUMMARY
    if not path.is_file():
        return None
    known = read_json_object(path)
    if any(known.get(name) != value for name, value in about.items()):
        return None
    return Examples(tuple(read_examples(folder / "examples.jsonl")), known["refusals"], known["note"])


def _from_environment(
    options: ImproveOptions,
    source: TaskSource,
    spec: EnvSpec,
    model: Model,
    wanted: int,
    *,
    seed: int,
    listener: Listener,
) -> Examples:
    if Capability.ORACLE not in spec.capabilities:
        raise OptionError(
            f"out_of_domain: expected `model`, since the environment {spec.name} knows no solutions to walk along"
        )
    pools = uncollected(source, options)
    shared = BatchingModel(model, max_batch=options.batch_size)
    sampling = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=options.max_new_tokens)
    examples: list[Example] = []
    refusals: Counter[str] = Counter()
    counts = []
    try:
        for pool in pools:
            if len(examples) == wanted:
                break
            made = generate_from_environment(
                lambda: ModelPolicy(
                    shared, template=options.template, sampling=sampling, observation_tokens=options.observation_tokens
                ),
                lambda: open_environment(options.environment, **options.settings),
                source,
                pool.refs,
                n=wanted - len(examples),
                seed=seed,
                first=len(examples),
                workers=options.workers,
                progress=lambda found: listener.generating(found, wanted),
            )
            counts.append(f"{len(made.examples)} of {pool.words}")
            examples += made.examples
            refusals.update(made.refusals)
    finally:
        shared.close()
    note = (
        f"out-of-domain pages and objectives are the environment's ({', '.join(counts)}); only the answers are the "
        "model's own"
    )
    return Examples(tuple(examples), dict(sorted(refusals.items())), note)


def _from_model(
    options: ImproveOptions,
    source: TaskSource,
    spec: EnvSpec,
    model: Model,
    in_domain: Sequence[Example],
    *,
    folder: Path,
    seed: int,
    listener: Listener,
) -> Examples:
    def format_prompt(*, objective: str, page: str, address: str, previous_action: str | None) -> tuple[Turn, ...]:
        situation = Situation(objective, page, address, previous_action)
        prompt = render_prompt(situation, grammar=spec.grammar, template=options.template)
        return tuple(Turn(role=message.role, content=message.content) for message in prompt)

    shots, hosts = _shots(source, options)
    found = generate_out_of_domain(
        model,
        GenerationSettings(n=len(in_domain), seed=seed),
        tasks=shots,
        taken_hosts=hosts,
        examples=in_domain,
        agent=Agent(spec.grammar, OPENING, CLOSING),
        encoder=get_encoder(options.diversity_encoder),
        format_prompt=format_prompt,
        out=folder,
        progress=lambda examples, _: listener.generating(examples, len(in_domain)),
    )
    return Examples(found.examples, found.refusals, None)


def _shots(source: TaskSource, options: ImproveOptions) -> tuple[tuple[Shot, ...], frozenset[str]]:
    """The training tasks with the hosts that the agent sees for them, and every host of the environment.

    Raises:
        OptionError: no training task begins on a site that has a name.
    """
    sites = getattr(source, "sites", None)
    known = sites if isinstance(sites, SiteMap) else SiteMap()

    def hosts(task: Task) -> list[str]:
        found = (known.host(page.strip()) for page in (task.start_url or "").split(AND))
        return [host for host in found if host is not None]

    learnt = [source.task(ref) for ref in source.split(options.train_split)[: options.train_limit]]
    shots = tuple(Shot(task.objective, found[0]) for task in learnt if task.objective and (found := hosts(task)))
    if not shots:
        raise OptionError(
            f"out_of_domain: expected training tasks of {options.environment} with an objective and a start page on a "
            "named host, which the model is shown as examples, got none; choose the mixture A"
        )
    started = {host for ref in source for host in hosts(source.task(ref))}
    return shots, frozenset(started | {host for site in known.addresses if (host := known.host(site)) is not None})


def uncollected(source: TaskSource, options: ImproveOptions) -> tuple[Pool, ...]:
    """Tasks that are neither collected on nor tested, those first that are furthest from both.

    Raises:
        OptionError: every task is one or the other.
    """
    tasks = {ref: source.task(ref) for ref in source}
    collected = [source.task(ref) for ref in source.split(options.train_split)[: options.train_limit]]
    tested = [source.task(ref) for ref in source.split(options.test_split)]
    taken = {name for task in (*collected, *tested) for name in identities(task)}
    seen, held = ({task.template_id for task in some} for some in (collected, tested))
    pools: dict[str, list[TaskRef]] = {
        "templates neither collected on nor tested": [],
        "tested templates, in other instances": [],
        "templates that were collected on, in other instances": [],
    }
    far, tested_only, near = pools.values()
    for ref, task in tasks.items():
        if taken.isdisjoint(identities(task)):
            pool = near if task.template_id in seen else tested_only if task.template_id in held else far
            pool.append(ref)
    found = tuple(Pool(tuple(refs), words) for words, refs in pools.items() if refs)
    if not found:
        raise OptionError(
            "out_of_domain: expected tasks that are neither collected on nor tested, got none; lower train_limit, or "
            "let the model write"
        )
    return found
