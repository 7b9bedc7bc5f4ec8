"""Judge recorded episodes of web tasks again, from the evidence in their records; no browser, no site.

definition  The task's checks (`task.extra["eval"]`) are evaluated on `outcome.extra["evidence"]`, with the addresses of
            the episode, which the evidence holds. The new score is 0 or 1, or None where the result depends on a part
            that is unknown. Episodes stay unjudged that a failure of the environment or of the model's server ended.
source      `tracewarp.envs.web.evaluators`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from tracewarp.envs.web.evaluators import Evaluator, Judge, Judgement, evaluate
from tracewarp.envs.web.evidence import Evidence
from tracewarp.envs.web.sites import SiteMap
from tracewarp.envs.web.tasks import web_task
from tracewarp.errors import RecordError
from tracewarp.trajectory import Ending, Trajectory

EVIDENCE = "evidence"
JUDGEMENT = "judgement"
UNKNOWN = "unknown"
JUDGE = "judge"


@dataclass(frozen=True, slots=True)
class Rejudged:
    """One episode, judged again."""

    before: Trajectory
    after: Trajectory
    """The same record where it could not be judged."""
    judgement: Judgement | None
    problem: str | None = None
    """Why it could not be judged."""

    @property
    def changed(self) -> bool:
        """Is the score another one?"""
        return self.before.outcome.score != self.after.outcome.score

    @property
    def differs(self) -> bool:
        """Judged by `strict`: does WebArena's own evaluator give another score?"""
        return self.judgement is not None and self.judgement.differs

    @property
    def reasons(self) -> Iterator[str]:
        """The parts that failed or are unknown, in words."""
        for part in self.judgement.parts if self.judgement else ():
            if not part.passed:
                state = "unknown" if part.passed is None else "failed"
                note = f" ({part.note})" if part.note else ""
                yield f"{part.kind} {state}: expected {part.expected!r}, found {part.found!r}{note}"


def rejudge(
    trajectory: Trajectory,
    judge: Judge | None = None,
    *,
    judge_name: str | None = None,
    evaluator: Evaluator = "webarena",
) -> Rejudged:
    """Judge one episode again. The same record, judge and evaluator give the same result.

    Args:
        trajectory: with its task's checks and its evidence.
        judge: for parts that compare meanings; None: they are unknown.
        judge_name: kept in the new record, under `outcome.extra["judge"]`.
        evaluator: how texts and addresses are compared, see `tracewarp.envs.web.evaluators`.
    """
    outcome = trajectory.outcome
    if outcome.ending.transport_failure:
        what = "the environment" if outcome.ending is Ending.ENVIRONMENT_ERROR else "the model's server"
        return Rejudged(trajectory, trajectory, None, f"{what} failed; nobody can judge the agent")
    if EVIDENCE not in outcome.extra:
        return Rejudged(trajectory, trajectory, None, "the record holds no evidence")
    try:
        evidence = Evidence.from_json(outcome.extra[EVIDENCE])
        task = web_task(trajectory.task, SiteMap(evidence.sites))
        judgement = evaluate(task, evidence, judge, evaluator=evaluator)
    except RecordError as error:
        return Rejudged(trajectory, trajectory, None, str(error))
    extra = {name: value for name, value in outcome.extra.items() if name not in (UNKNOWN, JUDGE)}
    extra[JUDGEMENT] = judgement.to_json()
    if judgement.unknown:
        extra[UNKNOWN] = judgement.unknown
    if judge_name is not None:
        extra[JUDGE] = judge_name
    score = None if judgement.unknown else judgement.low
    after = trajectory.model_copy(update={"outcome": outcome.model_copy(update={"score": score, "extra": extra})})
    return Rejudged(trajectory, after, judgement)
