"""Every ending, in a real world of three actions: what ended it, whose fault it was, and what is in the record."""

import pytest
from counter_world import CounterSource, CounterWorld

from tracewarp.collect import Decision, Limits, episode_seed, run_episode, without_timings
from tracewarp.collect.oracle_policies import OraclePolicy
from tracewarp.collect.simple_policies import TrivialPolicy
from tracewarp.envs.base import Capability, EnvSpec, StepResult, TaskRef
from tracewarp.errors import ModelError
from tracewarp.trajectory import Ending, Trajectory
from tracewarp.trajectory.write import to_json_line

REF = TaskRef("counter", "train", "count", 4)


class Scripted:
    """Answers from a list: an action, None for an answer without one, an exception to raise, or a Decision."""

    name = "scripted"

    def __init__(self, *answers):
        self.answers = list(answers)
        self.views = []

    def start(self, start):
        self.given = start

    def act(self, view):
        self.views.append(view)
        answer = self.answers[min(len(self.views) - 1, len(self.answers) - 1)]
        if isinstance(answer, Exception):
            raise answer
        if answer is None or isinstance(answer, str):
            return Decision(answer, response=f"I say {answer}")
        return answer

    def describe(self):
        return {}

    def close(self):
        pass


def episode(policy, ref=REF, world=None, **options):
    world = world or CounterWorld()
    found = run_episode(world, policy, ref, CounterSource().task(ref), **options)
    assert Trajectory.model_validate_json(to_json_line(found)) == found, "the record survives the disk"
    return found


def test_an_agent_that_solves_the_task_stops_with_score_one():
    found = episode(OraclePolicy())
    assert (found.outcome.ending, found.outcome.score, found.outcome.error) == (Ending.STOP, 1.0, None)
    assert [step.action for step in found.steps] == ["add [2]", "add [2]", "add [1]", "stop [5]"]
    assert [step.reward for step in found.steps] == [0, 0, 0, 1]
    assert found.outcome.extra["evidence"] == {"answer": "5", "count": 5}
    assert found.steps[-1].extra["sentence"] == "stop [5] where the count is 5"
    assert found.steps[1].observation.text.startswith("The count is 2.")


def test_an_agent_that_gives_up_stops_with_score_zero():
    found = episode(TrivialPolicy())
    assert (found.outcome.ending, found.outcome.score) == (Ending.STOP, 0.0)


def test_the_step_budget_of_the_world_ends_an_episode():
    found = episode(Scripted(*(["add [1]", "back"] * 20)))
    assert (found.outcome.ending, found.outcome.score, len(found.steps)) == (Ending.STEP_LIMIT, 0.0, 12)
    assert found.outcome.error == "12 actions without an end"


def test_the_wall_clock_ends_an_episode_between_two_steps():
    found = episode(Scripted("add [1]", "back"), world=CounterWorld(pause=0.05), limits=Limits(max_seconds=0.04))
    assert (found.outcome.ending, len(found.steps)) == (Ending.TIME_LIMIT, 1)


def test_an_action_that_is_repeated_ends_an_episode():
    found = episode(Scripted("add [1]"))
    assert (found.outcome.ending, len(found.steps)) == (Ending.REPEATED_ACTION, 3)


def test_answers_without_an_action_end_an_episode_and_each_answer_is_kept():
    policy = Scripted(None)
    found = episode(policy)
    assert (found.outcome.ending, len(found.steps)) == (Ending.PARSE_FAILURES, 3)
    assert [view.attempt for view in policy.views] == [0, 1] * 3
    for step in found.steps:
        assert (step.action, step.valid, step.executed, step.environment_seconds) == (None, False, True, None)
        assert step.response == "I say None"
        assert [attempt["response"] for attempt in step.extra["attempts"]] == ["I say None"]


def test_a_second_answer_with_an_action_saves_the_step():
    found = episode(Scripted(None, "add [2]", "stop [5]"))
    assert [step.action for step in found.steps] == ["add [2]", "stop [5]"]
    assert len(found.steps[0].extra["attempts"]) == 1


def test_the_agent_hears_why_its_action_was_not_taken():
    policy = Scripted("jump [1]", None, None, "stop [0]")
    found = episode(policy)
    assert found.steps[0].valid is False
    assert found.steps[0].error == "unknown action 'jump [1]'"
    assert found.outcome.ending is Ending.STOP
    assert policy.views[1].previous_error == found.steps[0].error
    assert policy.views[1].previous_action == "jump [1]"
    assert "no action" in policy.views[3].previous_error
    assert policy.views[3].previous_action == "jump [1]", "the last action, not the last answer"


@pytest.mark.parametrize(
    "action", ["", "   ", "\x00\x1b[31m", "stop", "add [" * 5000, "ж" * 50_000, "add [1", "\ud800"]
)
def test_a_malformed_action_is_a_normal_result(action):
    found = episode(Scripted(action, "stop [0]"))
    assert found.outcome.ending is Ending.STOP
    assert found.steps[0].valid is False


@pytest.mark.parametrize(("kind", "words"), [("fail", "EnvironmentFailure: counter: the site is down"),
                                             ("crash", "ZeroDivisionError: counter: a crash")])  # fmt: skip
def test_a_failure_of_the_world_is_never_the_agents(kind, words):
    found = episode(Scripted("add [1]", "add [2]"), TaskRef("counter", "broken", kind, 3))
    assert (found.outcome.ending, found.outcome.score, found.outcome.error) == (Ending.ENVIRONMENT_ERROR, None, words)
    assert [step.action for step in found.steps] == ["add [1]", "add [2]"], "what happened before is kept"
    assert (found.steps[1].valid, found.steps[1].error) == (None, words)


def test_a_world_that_cannot_even_begin_leaves_an_empty_record():
    class Down(CounterWorld):
        def reset(self, task):
            raise OSError("connection refused")

    found = episode(TrivialPolicy(), world=Down())
    assert (found.outcome.ending, found.steps) == (Ending.ENVIRONMENT_ERROR, ())
    assert found.outcome.error == "OSError: connection refused"


def test_a_score_out_of_range_is_the_worlds_failure():
    class Generous(CounterWorld):
        def step(self, action):
            return StepResult(self.seen(), score=2.0)

    assert episode(TrivialPolicy(), world=Generous()).outcome.ending is Ending.ENVIRONMENT_ERROR


@pytest.mark.parametrize("failure", [ModelError("the server is gone"), ValueError("a bug"), "not a decision", 7])
def test_a_policy_that_fails_is_never_the_worlds_failure(failure):
    wrong = failure if isinstance(failure, Exception) else {"act": failure}
    found = episode(Scripted("add [1]", wrong))
    assert (found.outcome.ending, found.outcome.score) == (Ending.AGENT_ERROR, 0.0)
    last = found.steps[-1]
    assert (len(found.steps), last.executed, last.action) == (2, False, None)
    assert last.error == found.outcome.error
    assert len(found.executed_steps) == 1


def test_an_oracle_without_a_solution_is_the_worlds_failure():
    class Forgetful(CounterWorld):
        def oracle_action(self):
            from tracewarp.errors import EnvironmentFailure

            raise EnvironmentFailure("oracle: no such element")

    assert episode(OraclePolicy(), world=Forgetful()).outcome.ending is Ending.ENVIRONMENT_ERROR


def test_ctrl_c_leaves_the_episode():
    class Interrupted(CounterWorld):
        def step(self, action):
            raise KeyboardInterrupt

    with pytest.raises(KeyboardInterrupt):
        episode(TrivialPolicy(), world=Interrupted())


class Judged(CounterWorld):
    """A world that can judge an episode as it stands."""

    judged = None

    @property
    def spec(self):
        spec = super().spec
        return EnvSpec(**{name: getattr(spec, name) for name in spec.__dataclass_fields__ if name != "capabilities"},
                       capabilities=spec.capabilities | {Capability.JUDGE})  # fmt: skip

    def judge(self, answer):
        self.judged = answer
        return StepResult(self.seen(), score=0.5, terminated=True, info={"evidence": {"answer": answer}})


def test_an_episode_that_ends_early_is_judged_as_it_stands():
    world = Judged()
    found = episode(Scripted("add [1]"), world=world)
    assert found.outcome.ending is Ending.REPEATED_ACTION
    assert found.outcome.score == 0.5
    assert world.judged == found.outcome.extra["evidence"]["answer"] == ""


def test_text_that_is_no_action_counts_as_a_parse_failure_and_a_refused_action_does_not():
    class Strict(CounterWorld):
        def step(self, action):
            return StepResult(self.seen(), valid=False, unreadable=action.startswith("hm"), error="no such action")

    hums = [f"hm {i}" for i in range(9)]
    assert episode(Scripted(*hums), world=Strict()).outcome.ending is Ending.PARSE_FAILURES
    tries = [f"add [{i}]" for i in range(90)]
    assert episode(Scripted(*tries), world=Strict()).outcome.ending is Ending.STEP_LIMIT


def test_a_limit_of_the_world_itself_is_a_step_limit_and_not_judged_again():
    class Short(Judged):
        def step(self, action):
            return StepResult(self.seen(), score=0.25, truncated=True, valid=True, error="the world's patience is over")

    world = Short()
    found = episode(Scripted("add [1]"), world=world)
    assert (found.outcome.ending, found.outcome.score) == (Ending.STEP_LIMIT, 0.25)
    assert found.outcome.error == "the world's patience is over"
    assert world.judged is None


def test_an_episode_that_ends_by_itself_is_not_judged_twice():
    world = Judged()
    assert episode(OraclePolicy(), world=world).outcome.score == 1.0
    assert world.judged is None


def test_everything_that_was_said_is_in_the_record():
    said = Decision(
        "stop [0]", response="whole answer", reasoning="thought", prompt=({"role": "user", "content": "page"},),
        sampling={"temperature": 0.5}, prompt_tokens=100, completion_tokens=7, model_seconds=1.25,
        finish_reason="stop",
    )  # fmt: skip
    (step,) = episode(Scripted(said)).steps
    assert (step.response, step.reasoning, step.model_seconds) == ("whole answer", "thought", 1.25)
    assert step.extra["prompt"] == [{"role": "user", "content": "page"}]
    assert step.extra["sampling"] == {"temperature": 0.5}
    assert step.extra["tokens"] == {"prompt": 100, "completion": 7}
    assert step.finish_reason == "stop"


def test_the_episodes_seed_depends_on_run_task_and_repeat_alone():
    seeds = {episode_seed(seed, TaskRef("counter", "train", "count", task), repeat)
             for seed in range(3) for task in range(3) for repeat in range(3)}  # fmt: skip
    assert len(seeds) == 27
    assert episode_seed(0, REF, 0) == 5000160928463259606, "printf '0|counter/train/count/4|0' | sha256sum"
    assert all(0 <= seed < 2**63 for seed in seeds)
    policy = Scripted("stop [0]")
    found = episode(policy, repeat=2, seed=5)
    assert policy.given.seed == found.provenance.seed == episode_seed(5, REF, 2)
    assert found.provenance.extra == {"task_ref": str(REF), "run_seed": 5}


def test_without_timings_two_equal_episodes_are_equal():
    first, second = episode(OraclePolicy()), episode(OraclePolicy(), world=CounterWorld(pause=0.002))
    assert first != second
    assert without_timings(first) == without_timings(second)
    assert without_timings(first) != without_timings(episode(TrivialPolicy()))
