"""Hand-made scores: the report is judged without an evaluation behind it."""

import random

import pytest

from tracewarp.evaluate.results import (
    CapabilityChange,
    CapabilityScore,
    Comparison,
    Difference,
    EpisodeScore,
    FunctionalCorrectness,
    RunScores,
    Scores,
    SiteScore,
    StepStatistics,
    VertexScore,
)

SITES = ("gitlab", "map", "reddit", "shopping", "shopping_admin", "map+wikipedia")


def correctness(scores: list[float | None]) -> FunctionalCorrectness:
    n = len(scores)
    successes = sum(score == 1 for score in scores)
    unknown = sum(score is None for score in scores)
    rate = successes / n if n else 0.0
    return FunctionalCorrectness(
        successes=successes,
        partial=sum(score is not None and 0 < score < 1 for score in scores),
        unknown=unknown,
        n=n,
        rate=rate,
        interval=(max(0.0, rate - 0.03), min(1.0, rate + 0.03)),
        bounds=(rate, rate + unknown / n if n else 0.0),
        mean_score=sum(score or 0.0 for score in scores) / n if n else 0.0,
    )


def episode(draw: random.Random, index: int, objective: str) -> EpisodeScore:
    score = draw.choice((0.0, 0.0, 0.5, 1.0, 1.0, 1.0, 1.0))
    return EpisodeScore(
        task=str(index),
        repeat=0,
        objective=objective.replace("{}", str(index)),
        site=SITES[index % len(SITES)],
        capability=index // 6,
        trivial=index % 21 == 0,
        score=score,
        success=score == 1,
        vertex_dtw=min(1.0, max(0.0, draw.gauss(0.5 if score == 1 else 0.35, 0.15))) if index % 7 else None,
        reference=f"{index + 1}#0" if index % 7 else None,
        reference_run="gold" if index % 7 else None,
        steps=int(draw.expovariate(1 / 9)) + 1,
        invalid=index % 3,
        unparsable=0,
        ending="stop" if score else "step_limit",
    )


def make_run(
    name: str,
    seed: int,
    n: int = 120,
    objective: str = "Find the {}th cheapest product in the shop",
    notes: tuple[str, ...] = (),
) -> RunScores:
    draw = random.Random(seed)
    episodes = tuple(episode(draw, index, objective) for index in range(n))
    vertex = [entry.vertex_dtw for entry in episodes if entry.vertex_dtw is not None]
    mean = sum(vertex) / len(vertex)
    sites = tuple(
        SiteScore(
            site=site,
            functional_correctness=correctness([entry.score for entry in episodes if entry.site == site]),
            vertex_dtw=mean,
            n_referenced=n // 7,
            mean_steps=9.4,
        )
        for site in sorted(SITES)
    )
    return RunScores(
        name=name,
        path=f"runs/{name}.jsonl.gz",
        n_tasks=n,
        n_repeats=1,
        functional_correctness=correctness([entry.score for entry in episodes]),
        capability=CapabilityScore(
            source="published",
            score=0.912,
            interval=(0.86, 0.95),
            interval_method="bca",
            reachable_score=0.946,
            groups=136,
            groups_in_tasks=136,
            reachable=131,
            acquired=124,
            trivial_source="published",
            acquired_groups=tuple(range(124)),
        ),
        vertex_dtw=VertexScore(
            mean=mean,
            interval=(mean - 0.02, mean + 0.02),
            interval_method="bca",
            by_capability=0.61,
            non_trivial=0.44,
            n_referenced=len(vertex),
            n_tasks=n,
            coverage=len(vertex) / n,
            chance=0.211,
            chance_pairs=4060,
            no_test=1,
            degenerate=2,
            variants={"normalized": mean, "eq1": mean - 0.1, "released": mean - 0.45},
            encoder="hashed",
            step_template="action_first",
        ),
        steps=StepStatistics(
            total=1234,
            mean=9.6,
            median=8.0,
            invalid=21,
            unparsable=3,
            invalid_or_unparsable=24,
            invalid_rate=24 / 1234,
            early_stops=12,
            environment_errors=1,
            endings={"step_limit": 12, "stop": n - 12},
        ),
        sites=sites,
        notes=notes,
        episodes=episodes,
    )


def make_comparison(run: str, baseline: str) -> Comparison:
    return Comparison(
        run=run,
        baseline=baseline,
        functional_correctness=Difference(
            difference=0.022,
            interval=(-0.004, 0.049),
            interval_method="bca",
            p_value=0.104,
            p_holm=0.208,
            test="McNemar, exact",
            n=812,
        ),
        only_run=40,
        only_baseline=22,
        vertex_dtw=Difference(
            difference=-0.031,
            interval=(-0.05, -0.012),
            interval_method="bca",
            p_value=0.0004,
            p_holm=0.0008,
            test="paired permutation",
            n=640,
        ),
        capability=CapabilityChange(acquired=(1, 2, 3), lost=(4,), kept=tuple(range(5, 60)), net=2),
    )


def make_scores(*runs: RunScores, compare: bool = True, baseline: RunScores | None = None) -> Scores:
    """Every run against the baseline; without one, against the last run."""
    against = (baseline or runs[-1]).name
    return Scores(
        settings={
            "seed": 0,
            "resamples": 2000,
            "confidence": 0.95,
            "encoder": "hashed",
            "step_template": "action_first",
            "versions": {"tracewarp": "0.1.0", "numpy": "2.0"},
            "references": [],
            "trivial": None,
            "all_references": False,
        },
        capabilities={
            "templates": 241,
            "template_ids": 190,
            "groups": 136,
            "reachable": 131,
            "names": {"0": ["Find the {{n}}th product"], "1": []},
        },
        runs=runs,
        baseline=baseline,
        comparisons=tuple(make_comparison(run.name, against) for run in runs if run.name != against) if compare else (),
    )


def bare_run(name: str = "bare") -> RunScores:
    """Every figure that may be missing is missing."""
    blank = EpisodeScore(
        task="7",
        repeat=0,
        objective="",
        site="",
        capability=None,
        trivial=None,
        score=None,
        success=None,
        vertex_dtw=None,
        reference=None,
        reference_run=None,
        steps=0,
        invalid=0,
        unparsable=0,
        ending="unknown",
    )
    return RunScores(
        name=name,
        path=f"{name}.jsonl",
        n_tasks=1,
        n_repeats=1,
        functional_correctness=FunctionalCorrectness(
            successes=0, partial=0, unknown=1, n=1, rate=0.0, interval=(0.0, 0.79), bounds=(0.0, 1.0), mean_score=0.0
        ),
        capability=None,
        vertex_dtw=None,
        steps=StepStatistics(
            total=0,
            mean=0.0,
            median=0.0,
            invalid=0,
            unparsable=0,
            invalid_or_unparsable=0,
            invalid_rate=0.0,
            early_stops=0,
            environment_errors=0,
            endings={"unknown": 1},
        ),
        sites=(),
        notes=("VERTEX_DTW: not scored, because no references were given.",),
        episodes=(blank,),
    )


def bare_scores() -> Scores:
    return Scores(settings={}, capabilities=None, runs=(bare_run(),), baseline=None, comparisons=())


@pytest.fixture
def make():
    """The makers above, by name."""

    class Make:
        run = staticmethod(make_run)
        scores = staticmethod(make_scores)
        comparison = staticmethod(make_comparison)
        bare_run = staticmethod(bare_run)
        bare_scores = staticmethod(bare_scores)

    return Make
