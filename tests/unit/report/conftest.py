"""Hand-made scores: the report is judged without an evaluation behind it."""

import random

import pytest
from made_improvement import estimate, paired

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
from tracewarp.metrics.statistics import Interval

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
        n_tasks=n,
        rate=estimate(rate, 0.03, n=n),
        withheld=None,
        by_template=rate,
        bounds=(rate, rate + unknown / n) if unknown else None,
        mean_score=estimate(sum(score or 0.0 for score in scores) / n if n else 0.0, 0.03, n=n),
        transport_failures=0,
        transport_failure_rate=0.0,
        agent_failures=1,
        agent_failure_rate=estimate(0.01, 0.01, n=n),
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
            vertex_dtw=estimate(mean, None),
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
            at_1=estimate(0.912, 0.04, n=136, cluster="capability"),
            at_all=estimate(0.912, 0.04, n=136, cluster="capability"),
            most_episodes=1,
            reachable_at_1=0.946,
            reachable_at_all=0.946,
            groups=136,
            groups_in_tasks=136,
            reachable=131,
            acquired=124,
            trivial_source="published",
            acquired_groups=tuple(range(124)),
        ),
        vertex_dtw=VertexScore(
            mean=estimate(mean, 0.02, n=len(vertex)),
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
            mean=estimate(9.6, 0.7, n=n),
            median=8.0,
            invalid=21,
            unparsable=3,
            invalid_or_unparsable=24,
            invalid_rate=estimate(24 / 1234, 0.004, n=n),
            early_stops=12,
            endings={"environment_error": 1, "step_limit": 12, "stop": n - 12},
        ),
        sites=sites,
        notes=notes,
        episodes=episodes,
    )


def make_comparison(run: str, baseline: str) -> Comparison:
    return Comparison(
        run=run,
        baseline=baseline,
        n_tasks=812,
        left_out=3,
        functional_correctness=Difference(
            paired=paired(0.022, Interval(-0.004, 0.049, "max-t", 0.95), p_value=0.208, n=812),
            mcnemar_p=None,
            detectable=0.031,
            tasks_needed={"0.02": 1951, "0.05": 313, "0.10": 79},
        ),
        only_run=40,
        only_baseline=22,
        episodes=1,
        vertex_dtw=Difference(
            paired=paired(-0.031, Interval(-0.05, -0.012, "max-t", 0.95), p_value=0.0008, n=640),
            mcnemar_p=None,
            detectable=0.02,
            tasks_needed={},
        ),
        capability=CapabilityChange(
            episodes=1,
            run_at_k=0.44,
            baseline_at_k=0.42,
            acquired=(1, 2, 3),
            lost=(4,),
            kept=tuple(range(5, 60)),
            net=2,
        ),
        steps_ratio=estimate(1.21, 0.1),
        invalid_ratio=None,
    )


def make_scores(*runs: RunScores, compare: bool = True, baseline: RunScores | None = None) -> Scores:
    """Every run against the baseline; without one, against the last run."""
    against = (baseline or runs[-1]).name
    return Scores(
        settings={
            "seed": 0,
            "resamples": 2000,
            "confidence": 0.95,
            "cluster": "template",
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
            successes=0,
            partial=0,
            unknown=1,
            n=1,
            n_tasks=1,
            rate=None,
            withheld="every episode is a transport failure",
            by_template=None,
            bounds=(0.0, 1.0),
            mean_score=None,
            transport_failures=0,
            transport_failure_rate=0.0,
            agent_failures=0,
            agent_failure_rate=None,
        ),
        capability=None,
        vertex_dtw=None,
        steps=None,
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
