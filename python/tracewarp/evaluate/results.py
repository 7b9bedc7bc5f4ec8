"""What an evaluation says: the frozen records behind `scores.json`, the terminal's table and the report.

Every field that holds a share is in 0..1; percentages are the business of whoever prints them. A figure that cannot be
computed is None, and `notes` of the run says why.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from tracewarp.evaluate.capability_groups import Source

SCORES_SCHEMA_VERSION: Final = 1


class Result(BaseModel):
    """A frozen result."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FunctionalCorrectness(Result):
    """Share of episodes with score 1 (Wilson interval); unjudged episodes count 0 in `rate`."""

    successes: int
    partial: int
    """Episodes with 0 < score < 1."""
    unknown: int
    """Episodes that nobody judged."""
    n: int
    """Episodes, those without steps included."""
    rate: float
    interval: tuple[float, float]
    bounds: tuple[float, float]
    """[low, high] of the rate when every unjudged episode counts 0, or 1."""
    mean_score: float
    """Mean of the scores, partial credit included; unjudged episodes count 0."""


class CapabilityScore(Result):
    """Share of capability groups with at least one non-trivial success."""

    source: Source
    """Where the groups come from: a file of labels, the tasks' own labels (task file or records), the published map, or
    the templates' texts."""
    score: float
    """acquired / groups."""
    interval: tuple[float, float]
    """BCa over whole capabilities."""
    interval_method: str
    """`bca`, or `percentile` where all groups are alike."""
    reachable_score: float | None
    """acquired / reachable."""
    groups: int
    """Groups with at least one task that the run attempted."""
    groups_in_tasks: int
    """Groups in the task file."""
    reachable: int
    """Groups (of `groups`) with at least one attempted non-trivial task."""
    acquired: int
    trivial_source: str
    """Where the list of trivial tasks comes from: a run, the published list, or `none`."""
    acquired_groups: tuple[int, ...]
    """Labels of the acquired groups, ascending."""


class NeighbourScore(Result):
    """A cheap similarity that VERTEX_DTW has to beat, mean over the same referenced tasks."""

    mean: float
    interval: tuple[float, float]
    """BCa over tasks."""
    interval_method: str


class VertexScore(Result):
    """Mean VERTEX_DTW over referenced tasks."""

    mean: float
    interval: tuple[float, float]
    """BCa over tasks."""
    interval_method: str
    """`bca`, or `percentile` where all tasks are alike."""
    mean_non_trivial: float | None = None
    """`mean` without trivial tasks."""
    by_capability_mean: float | None = None
    """Mean over the referenced tasks of each capability, then the mean over capabilities (paper, appendix D)."""
    by_capability_mean_non_trivial: float | None = None
    """`by_capability_mean` without trivial tasks."""
    by_capability: float | None
    """Best task of each capability, then the mean over capabilities."""
    non_trivial: float | None
    """`by_capability` without trivial tasks."""
    n_referenced: int
    n_tasks: int
    """Tasks that the run attempted."""
    coverage: float
    """n_referenced / n_tasks."""
    chance: float | None
    """Mean score of tests against the references of other tasks (of another capability): what unrelated pairs get."""
    chance_pairs: int
    """(task, other task) draws behind `chance`."""
    ceiling: float | None = None
    """Mean score of references against the other references of their task; None: no task has two."""
    ceiling_tasks: int = 0
    """Referenced tasks with at least two references: those behind `ceiling`."""
    last_step_cosine: NeighbourScore | None = None
    """Cosine of the last scored steps of test and reference."""
    action_similarity: NeighbourScore | None = None
    """1 - edit distance of the two sequences of actions / length of the longer."""
    few_references: int = 0
    """Referenced tasks with fewer references than `max_references` allows."""
    no_test: int
    """Referenced tasks whose test trajectory is missing or empty: scored 0."""
    degenerate: int
    """Referenced tasks none of whose references has a counted cell: scored 0 whatever the test does."""
    variants: dict[str, float]
    """Mean under each mode: normalized, eq1, released."""
    encoder: str
    step_template: str


class StepStatistics(Result):
    """How long the episodes were and what went wrong in them; executed steps only."""

    total: int
    mean: float
    median: float
    invalid: int
    """Actions that the environment refused."""
    unparsable: int
    """Steps without a parsable action."""
    invalid_or_unparsable: int
    """Steps that are one or both."""
    invalid_rate: float
    """invalid_or_unparsable / total; 0 without steps."""
    early_stops: int
    environment_errors: int
    endings: dict[str, int]
    """Episodes by ending, keys sorted."""


class PassAtK(Result):
    """The chance that at least one of k episodes of a task succeeds, mean over tasks."""

    k: int
    rate: float
    interval: tuple[float, float]
    """BCa over tasks."""
    interval_method: str
    n_tasks: int
    """Tasks with at least k episodes."""


class RepeatScores(Result):
    """What several episodes of a task tell."""

    n_tasks: int
    """Tasks with at least two episodes."""
    consistency: float
    """Share of them whose episodes all agree in success."""
    consistency_interval: tuple[float, float]
    """Wilson."""
    all_succeed: float
    """Share of them whose episodes all succeed."""
    all_succeed_interval: tuple[float, float]
    """Wilson."""
    pass_at: tuple[PassAtK, ...]
    """k ascending from 1."""


class SiteScore(Result):
    """One site (or set of sites, joined by `+`)."""

    site: str
    functional_correctness: FunctionalCorrectness
    vertex_dtw: float | None
    n_referenced: int
    mean_steps: float


class EpisodeScore(Result):
    """One episode: a row of the report's task table."""

    task: str
    repeat: int
    objective: str
    site: str
    capability: int | None
    trivial: bool | None
    score: float | None
    success: bool | None
    vertex_dtw: float | None
    reference: str | None
    """`task#repeat` of the closest reference."""
    reference_run: str | None
    """Name of the run that the closest reference is from."""
    steps: int
    invalid: int
    unparsable: int
    ending: str


class RunScores(Result):
    """Everything about one run."""

    name: str
    path: str
    """The path as the user gave it."""
    n_tasks: int
    """Tasks that the run attempted (has an episode of)."""
    n_repeats: int
    """Most episodes of one task."""
    functional_correctness: FunctionalCorrectness
    capability: CapabilityScore | None
    vertex_dtw: VertexScore | None
    repeats: RepeatScores | None = None
    """None: no task has two episodes."""
    steps: StepStatistics
    sites: tuple[SiteScore, ...]
    notes: tuple[str, ...]
    """What could not be scored and why; unreadable lines; tasks of the run that the task file lacks."""
    episodes: tuple[EpisodeScore, ...]


class Difference(Result):
    """A paired difference, run minus baseline, over the tasks that both have."""

    difference: float
    interval: tuple[float, float]
    """BCa over the paired per-task differences."""
    interval_method: str
    p_value: float
    p_holm: float
    """Adjusted over all comparisons of this kind in one call (Holm)."""
    test: str
    n: int


class CapabilityChange(Result):
    """Capability groups by label, ascending."""

    acquired: tuple[int, ...]
    lost: tuple[int, ...]
    kept: tuple[int, ...]
    net: int


class Comparison(Result):
    """One run against one baseline, on the same tasks."""

    run: str
    baseline: str
    functional_correctness: Difference
    """McNemar's exact test; the paired permutation test where a task has several repeats."""
    only_run: int
    """Tasks that only the run solved."""
    only_baseline: int
    vertex_dtw: Difference | None
    """Paired permutation test (sign flips)."""
    capability: CapabilityChange | None


class Scores(Result):
    """The content of `scores.json`."""

    schema_version: Literal[1] = SCORES_SCHEMA_VERSION
    settings: dict[str, Any]
    """Options, seed, resamples, confidence, versions, thread count, encoder, template, task file and its facts."""
    capabilities: dict[str, Any] | None
    """Facts of the task file: templates, template ids, labels, groups, reachable; names of the groups by label."""
    runs: tuple[RunScores, ...]
    """One for each RUN, in the order given."""
    baseline: RunScores | None
    """The scores of `--compare-to`, where it is not one of the runs."""
    comparisons: tuple[Comparison, ...]
