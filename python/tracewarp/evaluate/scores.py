"""Runs in, scores out: the order of the work, and what is written down about it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from itertools import combinations
from pathlib import Path
from statistics import fmean

from tracewarp.evaluate.capability import capability_score
from tracewarp.evaluate.capability_labels import read_labels
from tracewarp.evaluate.compare import Compared, Scored, compare_all
from tracewarp.evaluate.embedding import Embedding
from tracewarp.evaluate.episodes import Episode, Listener, LoadedRun, silent
from tracewarp.evaluate.functional import as_headline, functional_correctness
from tracewarp.evaluate.matches import Matcher
from tracewarp.evaluate.notes import notes
from tracewarp.evaluate.options import ClusterKind, EvaluateOptions
from tracewarp.evaluate.references import Candidates, References, SameCapability, SameTask, reference_pool
from tracewarp.evaluate.repeats import repeat_scores
from tracewarp.evaluate.results import EpisodeScore, FunctionalCorrectness, RunScores, Scores, SiteScore
from tracewarp.evaluate.settings import capability_facts, settings
from tracewarp.evaluate.sources import Opened, Sources
from tracewarp.evaluate.steps import per_task, step_statistics
from tracewarp.evaluate.tasks import TaskTable, site_of, task_table
from tracewarp.evaluate.vertex import BOUNDED_MODES, VertexOutcome, score_vertex
from tracewarp.metrics.statistics import clustered_mean
from tracewarp.trajectory import TaskSet, load_tasks
from tracewarp.trajectory.write import beside


def evaluate(
    runs: Sequence[str | Path], options: EvaluateOptions | None = None, *, listener: Listener = silent
) -> Scores:
    """Score one or more runs.

    Every figure is defined in docs/definitions/evaluation.md.

    Args:
        runs: paths of run folders, JSONL files or AgentLab directories, at least one, each once.
        options: task file, references, encoder and the rest; None: the defaults.
        listener: hears how the reading goes on.

    Raises:
        FileError: a file is missing, of no known format, or holds no episode.
        InputError: an option outside its range, or a run given twice.
        EncoderError: the encoder is unknown or cannot be loaded.
        MissingExtraError: the encoder needs an extra.
        CacheError: the embedding cache cannot be used.
    """
    options = options or EvaluateOptions()
    opened = Opened(runs, options)
    tasks = None if options.tasks is None else load_tasks(options.tasks)
    labels = None if options.capabilities is None else read_labels(options.capabilities)
    with Embedding(options) as embedding:
        sources = opened.read(tasks, embedding.steps() if options.wants_references else None, listener)
        table = task_table(
            sources.all,
            tasks,
            embedding.texts,
            encoder=options.encoder,
            labels=labels,
            trivial_run=sources.trivial,
            threads=options.threads,
        )
    chooser = _chooser(sources, table, options)
    matcher = (
        Matcher(chooser.pool, sources.trivial, options.vertex, options.threads, options.reference_aggregate)
        if chooser.pool
        else None
    )
    encoder = "" if embedding.used is None else embedding.used.name
    cluster = options.cluster or default_cluster(table, sources.evaluated)
    scored = [
        Scored(
            run,
            as_headline(_correctness(run.by_task(counted=False), table, cluster, options)),
            _vertex(run, chooser, matcher, table, options, cluster=cluster, encoder=encoder),
        )
        for run in sources.evaluated
    ]
    compared = compare_all(
        _pairs(scored, sources),
        table,
        cluster=cluster,
        seed=options.seed,
        resamples=options.resamples,
        confidence=options.confidence,
    )
    set_aside = () if options.references_from is not None else sources.references_set_aside
    results = [
        _run_scores(found, table, tasks, compared, options, cluster=cluster, set_aside=set_aside) for found in scored
    ]
    return Scores(
        settings=settings(sources, tasks, labels, embedding.used, options, cluster=cluster),
        capabilities=capability_facts(table, tasks),
        runs=tuple(results[: len(sources.runs)]),
        baseline=results[-1] if len(results) > len(sources.runs) else None,
        comparisons=compared.comparisons,
    )


def write_scores(scores: Scores, path: str | Path) -> None:
    """Write `scores.json`: beside, then renamed, so that the file is there entirely or not at all.

    Raises:
        FileError: the folder is missing, or cannot be written.
    """
    with beside(Path(path)) as file:
        file.write(scores_json(scores).encode("utf-8") + b"\n")


def scores_json(scores: Scores) -> str:
    """The content of `scores.json`, without the last line end."""
    # json writes lone surrogates of a foreign page as escapes, where pydantic's own writer refuses them.
    return json.dumps(scores.model_dump(), indent=1, allow_nan=False)


def _chooser(sources: Sources, table: TaskTable, options: EvaluateOptions) -> References:
    """Which references a task meets."""
    candidates: Candidates = SameTask([])
    if options.references_from == "capability":
        runs = sources.references or sources.evaluated
        candidates = SameCapability(reference_pool(runs, table, all_references=options.all_references), table)
    elif options.references:
        set_aside = sources.references_set_aside
        runs = tuple(run for run in sources.references if run not in set_aside)
        candidates = SameTask(reference_pool(runs, table, all_references=options.all_references))
    return References(candidates, options.max_references, options.seed)


def _vertex(
    run: LoadedRun,
    chooser: References,
    matcher: Matcher | None,
    table: TaskTable,
    options: EvaluateOptions,
    *,
    cluster: ClusterKind,
    encoder: str,
) -> VertexOutcome | None:
    if matcher is None:
        return None
    return score_vertex(
        run,
        chooser,
        matcher,
        table,
        cluster=cluster,
        encoder=encoder,
        step_template=options.step_template,
        chance_draws=options.chance_draws,
        seed=options.seed,
        resamples=options.resamples,
        confidence=options.confidence,
    )


def default_cluster(table: TaskTable, runs: Sequence[LoadedRun]) -> ClusterKind:
    """Templates where any evaluated task has one, because claims are about tasks of this kind; else tasks."""
    return "template" if table.has_templates({e.task for run in runs for e in run.episodes}) else "task"


def _pairs(scored: Sequence[Scored], sources: Sources) -> list[tuple[Scored, Scored]]:
    """(run, baseline) pairs: each run with `compare_to`, else each run with every one before it."""
    if sources.baseline is None:
        return [(second, first) for first, second in combinations(scored, 2)]
    baseline = next(found for found in scored if found.run is sources.baseline)
    return [(found, baseline) for found in scored if found is not baseline]


def _correctness(
    by_task: Mapping[str, Sequence[Episode]], table: TaskTable, cluster: ClusterKind, options: EvaluateOptions
) -> FunctionalCorrectness:
    ordered = {task: by_task[task] for task in table.in_order(by_task)}
    return functional_correctness(
        ordered,
        table,
        cluster=cluster,
        seed=options.seed,
        resamples=options.resamples,
        confidence=options.confidence,
    )


def _run_scores(
    found: Scored,
    table: TaskTable,
    tasks: TaskSet | None,
    compared: Compared,
    options: EvaluateOptions,
    *,
    cluster: ClusterKind,
    set_aside: Sequence[LoadedRun],
) -> RunScores:
    run, vertex = found.run, found.vertex
    everything = run.by_task(counted=False)
    everything = {task: everything[task] for task in table.in_order(everything)}
    counted = run.by_task()
    counted = {task: counted[task] for task in everything if task in counted}
    return RunScores(
        name=run.name,
        path=run.path,
        n_tasks=len(everything),
        n_repeats=max(len(episodes) for episodes in everything.values()),
        functional_correctness=found.correctness,
        capability=capability_score(counted, table, confidence=options.confidence) if counted else None,
        vertex_dtw=None if vertex is None else vertex.result,
        repeats=repeat_scores(counted, table, cluster=cluster, confidence=options.confidence),
        steps=step_statistics(
            everything,
            table,
            cluster=cluster,
            seed=options.seed,
            resamples=options.resamples,
            confidence=options.confidence,
        ),
        sites=_sites(everything, table, vertex, cluster, options),
        notes=tuple(notes(found, table, tasks, compared, options, set_aside=set_aside)),
        episodes=tuple(
            _episode_score(episode, table, vertex) for repeats in everything.values() for episode in repeats
        ),
    )


def _sites(
    by_task: Mapping[str, Sequence[Episode]],
    table: TaskTable,
    vertex: VertexOutcome | None,
    cluster: ClusterKind,
    options: EvaluateOptions,
) -> tuple[SiteScore, ...]:
    """One score for each set of sites, sorted by name."""
    tasks_of: dict[str, list[str]] = {}
    for task in by_task:
        tasks_of.setdefault(site_of(table.tasks[task]), []).append(task)
    found = []
    for site in sorted(tasks_of):
        scored = [task for task in tasks_of[site] if vertex is not None and task in vertex.tasks]
        counted = {task: kept for task in tasks_of[site] if (kept := [e for e in by_task[task] if e.counted])}
        found.append(
            SiteScore(
                site=site,
                functional_correctness=_correctness(
                    {task: by_task[task] for task in tasks_of[site]}, table, cluster, options
                ),
                vertex_dtw=None
                if vertex is None or not scored
                else clustered_mean(
                    [vertex.tasks[task] for task in scored],
                    bounded=options.vertex.mode in BOUNDED_MODES,
                    clusters=table.clusters(scored, cluster),
                    seed=options.seed,
                    resamples=options.resamples,
                    confidence=options.confidence,
                ),
                n_referenced=len(scored),
                mean_steps=fmean(per_task(counted)[0]) if counted else None,
            )
        )
    return tuple(found)


def _episode_score(episode: Episode, table: TaskTable, vertex: VertexOutcome | None) -> EpisodeScore:
    task = table.tasks[episode.task]
    found = None if vertex is None else vertex.episodes.get(episode.key)
    reference = None if found is None else found.reference
    return EpisodeScore(
        task=episode.task,
        repeat=episode.repeat,
        objective=task.objective,
        site=site_of(task),
        capability=table.capability(episode.task),
        trivial=None if table.trivial is None else table.is_trivial(episode.task),
        score=episode.score,
        success=None if episode.score is None else episode.success,
        vertex_dtw=None if found is None else found.score,
        reference=None if reference is None else reference.label,
        reference_run=None if reference is None else reference.run.name,
        steps=episode.steps,
        invalid=episode.invalid,
        unparsable=episode.unparsable,
        ending=episode.ending.value,
    )
