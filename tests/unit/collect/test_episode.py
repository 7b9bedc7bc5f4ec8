"""Every ending, in a real world of three actions: what ended it, whose fault it was, and what is in the record."""

import json
from dataclasses import replace

import pytest
from counter_world import CounterSource, CounterWorld

from tracewarp.collect import Decision, Limits, episode_seed, run_episode, without_timings
from tracewarp.collect.checking import MAX_ANSWER_CHARS
from tracewarp.collect.episode import TRACEBACK_CHARS
from tracewarp.collect.oracle_policies import OraclePolicy
from tracewarp.collect.simple_policies import TrivialPolicy
from tracewarp.envs.base import Capability, EnvSpec, StepResult, TaskRef
from tracewarp.errors import ModelError, ModelUnavailableError
from tracewarp.trajectory import Ending, Trajectory
from tracewarp.trajectory.formats.own import parse_record
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


HALF = "\ud83d"
"""Half a character, as pages and models send it."""


def test_half_characters_are_repaired_before_anybody_sees_them():
    class Odd(CounterWorld):
        def seen(self):
            seen = super().seen()
            return replace(
                seen, text=seen.text + HALF, title=f"Count {HALF}", instruction=f"Count{HALF}", extra={"x": HALF}
            )

        def step(self, action):
            self.taken = action
            return replace(
                super().step(action), error=f"no {HALF}", info={"sentence": f"say {HALF}", "evidence": {HALF: HALF}}
            )

    policy, world = Scripted(f"say {HALF}", f"stop [{HALF}]"), Odd()
    found = episode(policy, world=world)
    assert world.taken == "stop [\ufffd]"
    assert policy.views[0].observation.text.endswith("\ufffd") and policy.views[0].observation.title == "Count \ufffd"
    assert policy.views[1].previous_action == "say \ufffd" and policy.views[1].previous_error == "no \ufffd"
    assert found.steps[0].action == "say \ufffd"
    assert HALF not in to_json_line(found).decode(), "and it can be written"
    assert parse_record(json.loads(to_json_line(found))) == found


@pytest.mark.parametrize(
    "wrong",
    [
        None,
        "page",
        {"text": None},
        {"text": b"page"},
        {"instruction": 7},
        {"title": 7},
        {"url": ["http://a.test"]},
    ],
)
def test_an_observation_of_a_wrong_kind_is_the_worlds_failure(wrong):
    class Wrong(CounterWorld):
        def seen(self):
            seen = super().seen()
            return replace(seen, **wrong) if isinstance(wrong, dict) else wrong

    found = episode(TrivialPolicy(), world=Wrong())
    assert (found.outcome.ending, found.outcome.score) == (Ending.ENVIRONMENT_ERROR, None)
    assert "expected" in found.outcome.error and found.outcome.traceback is None


@pytest.mark.parametrize(
    "wrong",
    [None, {"score": "1"}, {"score": float("nan")}, {"reward": None}, {"error": 7}, {"info": None}, {"observation": 7}],
)
def test_a_result_of_a_wrong_kind_is_the_worlds_failure(wrong):
    class Wrong(CounterWorld):
        def step(self, action):
            return wrong and replace(super().step(action), **wrong)

    assert episode(TrivialPolicy(), world=Wrong()).outcome.ending is Ending.ENVIRONMENT_ERROR


@pytest.mark.parametrize(
    "wrong",
    [
        {"response": b"stop"},
        {"thinking": 7},
        {"reasoning": ["because"]},
        {"finish_reason": 1},
        {"prompt_tokens": "many"},
        {"prompt_tokens": True},
        {"completion_tokens": -1},
        {"model_seconds": "long"},
        {"model_seconds": float("nan")},
        {"sampling": [1]},
        {"extra": None},
        {"prompt": "a chat"},
        {"prompt": ("a chat",)},
        {"response": "a" * (MAX_ANSWER_CHARS + 1)},
        {"action": "a" * (MAX_ANSWER_CHARS + 1)},
    ],
    ids=str,
)
def test_a_decision_with_a_field_of_a_wrong_kind_is_the_agents_failure(wrong):
    found = episode(Scripted(Decision(**{"action": "stop [0]", **wrong})))
    assert (found.outcome.ending, found.outcome.score) == (Ending.AGENT_ERROR, 0.0)
    (name,) = wrong
    assert f"expected {name}" in found.outcome.error or f"expected the {name}" in found.outcome.error
    assert len(to_json_line(found)) < 10_000


def test_whatever_a_policy_wants_kept_can_be_read_again():
    endless = {"digits": 10**5000, "infinity": float("inf"), 7: {1, "a"}, "bytes": b"x"}
    endless["self"] = endless
    found = episode(Scripted(Decision("stop [0]", extra=endless)))
    assert found.outcome.ending is Ending.STOP
    read = parse_record(json.loads(to_json_line(found)))
    assert read == found
    assert (read.steps[0].extra["infinity"], read.steps[0].extra["7"]) == (None, [1, "a"])


class Oddity(Exception):
    def __str__(self):
        raise ValueError("no words")


class Beyond(BaseException):
    """No `Exception`."""


@pytest.mark.parametrize(
    ("error", "words"),
    [
        (SystemExit(3), "SystemExit: 3"),
        (Beyond("far"), "Beyond: far"),
        (GeneratorExit(), "GeneratorExit"),
        (StopIteration(), "StopIteration"),
        (RecursionError("deep"), "RecursionError: deep"),
        (Oddity(), "Oddity: (its message cannot be read)"),
        (ValueError("x" * 10**6), "… (1,000,000 characters)"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("where", ["start", "act"])
def test_whatever_a_policy_raises_ends_its_episode_alone(error, words, where):
    def fail(*_):
        raise error.with_traceback(None)

    policy = Scripted("stop [0]")
    setattr(policy, where, fail)
    found = episode(policy)
    assert (found.outcome.ending, found.outcome.score) == (Ending.AGENT_ERROR, 0.0)
    assert words in found.outcome.error and len(found.outcome.error) < 2_100
    assert "raise error" in found.outcome.traceback and len(found.outcome.traceback) <= TRACEBACK_CHARS + 10
    assert "collect/episode.py" not in found.outcome.traceback, "it begins with the policy's own code"


def test_a_server_that_fails_is_no_failure_of_the_agent():
    found = episode(Scripted("add [1]", ModelUnavailableError("m at http://a.test: status 500: out of memory")))
    assert (found.outcome.ending, found.outcome.score, found.outcome.traceback) == (
        Ending.MODEL_UNAVAILABLE,
        None,
        None,
    )
    assert found.outcome.error == "ModelUnavailableError: m at http://a.test: status 500: out of memory"
    assert [step.executed for step in found.steps] == [True, False], "what happened before is kept"


def test_an_agent_that_fails_has_no_partial_credit():
    class Partly(CounterWorld):
        def step(self, action):
            return replace(super().step(action), score=0.5)

    assert episode(Scripted("add [1]", ValueError("a bug")), world=Partly()).outcome.score == 0.0


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
