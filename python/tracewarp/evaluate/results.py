"""What an evaluation says: the frozen records behind `scores.json`, the terminal's table and the report.

Every field that holds a share is in 0..1; percentages are the business of whoever prints them. A figure that cannot be
computed is None, and `notes` of the run says why.
"""

from __future__ import annotations

from typing import Any, Final, Literal

from pydantic import BaseModel, ConfigDict

from tracewarp.evaluate.capability_groups import Source
from tracewarp.metrics.statistics import Estimate, PairedDifference

SCORES_SCHEMA_VERSION: Final = 2


class Result(BaseModel):
    """A frozen result."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class FunctionalCorrectness(Result):
    """How often tasks are solved; every task is one value, the mean over its counted episodes."""

    rate: Estimate | None
    """Mean over tasks of the share of episodes with score 1; unjudged episodes count 0. None: `withheld` says why."""
    withheld: str | None
    """Why there is no rate: more than 5 % of the episodes are transport failures, or none is left."""
    by_template: float | None
    """Mean over templates of the mean over the template's tasks: every template weighs the same. None: no templates."""
    bounds: tuple[float, float] | None
    """[low, high] of the rate if every unjudged episode and every transport failure counts 0, or 1, over all attempted
    tasks; None where there are none of them."""
    mean_score: Estimate | None
    """Mean over tasks of the mean score, partial credit included; unjudged episodes count 0."""
    n_tasks: int
    """Tasks with a counted episode."""
    n: int
    """Counted episodes: all but transport failures, those without steps included."""
    successes: int
    partial: int
    """Episodes with 0 < score < 1."""
    unknown: int
    """Counted episodes that nobody judged."""
    transport_failures: int
    """Episodes that the model's server or the environment ended. They say nothing about the agent and are excluded."""
    transport_failure_rate: float
    """Of all episodes, mean over tasks."""
    agent_failures: int
    """Unsolved episodes that ended in an error of the agent, or whose last answer was cut at the token limit."""
    agent_failure_rate: Estimate | None
    """Of the counted episodes, mean over tasks."""


class CapabilityScore(Result):
    """Share of capabilities with at least one non-trivial success."""

    source: Source
    """Where the groups come from: a file of labels, the tasks' own labels (task file or records), the published map, or
    the templates' texts."""
    at_1: Estimate
    """capability@1: mean over capabilities of the chance of a success when one episode of each task is drawn."""
    at_all: Estimate
    """capability@all: acquired / groups, with every episode of every task."""
    most_episodes: int
    """Most episodes of one task behind `at_all`."""
    reachable_at_1: float | None
    """capability@1 over the reachable groups."""
    reachable_at_all: float | None
    """acquired / reachable."""
    groups: int
    """Groups with at least one task that the run attempted."""
    groups_in_tasks: int
    """Groups in the task file."""
    reachable: int
    """Groups (of `groups`) with at least one attempted non-trivial task."""
    acquired: int
    """Groups with a success in any episode."""
    trivial_source: str
    """Where the list of trivial tasks comes from: a run, the published list, or `none`."""
    acquired_groups: tuple[int, ...]
    """Labels of the acquired groups, ascending."""


class VertexScore(Result):
    """Mean VERTEX_DTW over referenced tasks."""

    mean: Estimate
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
    """Tasks with a counted episode."""
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
    last_step_cosine: Estimate | None = None
    """Cosine of the last scored steps of test and reference."""
    action_similarity: Estimate | None = None
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
    """How long the episodes were and what went wrong in them; counted episodes and executed steps only."""

    total: int
    mean: Estimate
    """Mean over tasks of the mean steps per episode."""
    median: float
    """Over episodes."""
    invalid: int
    """Actions that the environment refused."""
    unparsable: int
    """Steps without a parsable action."""
    invalid_or_unparsable: int
    """Steps that are one or both."""
    invalid_rate: Estimate | None
    """Invalid or unparsable steps per step: the ratio of the two means over tasks. None without steps."""
    early_stops: int
    endings: dict[str, int]
    """Episodes by ending, keys sorted; transport failures included."""


class PassAtK(Result):
    """The chance that at least one of k episodes of a task succeeds, mean over tasks."""

    k: int
    rate: Estimate
    """Over the tasks with at least k episodes."""


class RepeatScores(Result):
    """What several episodes of a task tell."""

    n_tasks: int
    """Tasks with at least two episodes."""
    consistency: Estimate
    """Share of them whose episodes all agree in success."""
    all_succeed: Estimate
    """Share of them whose episodes all succeed."""
    pass_at: tuple[PassAtK, ...]
    """k ascending from 1."""


class SiteScore(Result):
    """One site (or set of sites, joined by `+`)."""

    site: str
    functional_correctness: FunctionalCorrectness
    vertex_dtw: Estimate | None
    """None: no task of the site has a reference."""
    n_referenced: int
    mean_steps: float | None
    """Mean over tasks of the mean steps per episode; None where no episode is counted."""


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
    """Tasks that the run attempted (has an episode of, transport failures included)."""
    n_repeats: int
    """Most episodes of one task."""
    functional_correctness: FunctionalCorrectness
    capability: CapabilityScore | None
    vertex_dtw: VertexScore | None
    repeats: RepeatScores | None = None
    """None: no task has two episodes."""
    steps: StepStatistics | None
    """None: no episode is counted."""
    sites: tuple[SiteScore, ...]
    notes: tuple[str, ...]
    """What could not be scored and why; unreadable lines; tasks of the run that the task file lacks."""
    episodes: tuple[EpisodeScore, ...]


class Difference(Result):
    """A paired difference, run minus baseline, over the tasks that every compared run has."""

    paired: PairedDifference
    """The difference with its simultaneous interval and its p value, adjusted over all comparisons of this kind."""
    mcnemar_p: float | None
    """McNemar's exact p, not adjusted; where tasks are the clusters and both runs have one episode of each."""
    detectable: float | None
    """The smallest true difference that this many tasks show with probability .80 (two-sided .05, one comparison)."""
    tasks_needed: dict[str, int]
    """Difference -> number of tasks that would detect it."""


class CapabilityChange(Result):
    """Capabilities by label, ascending; both runs with the same number of episodes per task."""

    episodes: int
    """k, the smallest number of episodes per task in any compared run."""
    run_at_k: float
    """capability@k of the run: k episodes per task drawn without replacement, in closed form."""
    baseline_at_k: float
    acquired: tuple[int, ...]
    """Of the first k episodes of each task."""
    lost: tuple[int, ...]
    kept: tuple[int, ...]
    net: int


class Comparison(Result):
    """One run against one baseline, on the same tasks."""

    run: str
    baseline: str
    n_tasks: int
    """Tasks with a counted episode in every compared run."""
    left_out: int
    """Attempted tasks that some compared run lacks."""
    functional_correctness: Difference
    only_run: int
    """Tasks that only the run solved, in the first k episodes of each task."""
    only_baseline: int
    episodes: int
    """k, the smallest number of episodes per task in any compared run."""
    vertex_dtw: Difference | None
    capability: CapabilityChange | None
    steps_ratio: Estimate | None
    """Steps of the run / steps of the baseline; not adjusted for several comparisons."""
    invalid_ratio: Estimate | None
    """Invalid actions per episode of the run / of the baseline; None where the baseline has none."""


class Scores(Result):
    """The content of `scores.json`."""

    schema_version: Literal[2] = SCORES_SCHEMA_VERSION
    settings: dict[str, Any]
    """Options, seed, resamples, confidence, versions, thread count, encoder, template, task file and its facts."""
    capabilities: dict[str, Any] | None
    """Facts of the task file: templates, template ids, labels, groups, reachable; names of the groups by label."""
    runs: tuple[RunScores, ...]
    """One for each RUN, in the order given."""
    baseline: RunScores | None
    """The scores of `--compare-to`, where it is not one of the runs."""
    comparisons: tuple[Comparison, ...]
