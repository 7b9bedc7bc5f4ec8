from __future__ import annotations

from pathlib import Path

import pytest

from tracewarp.errors import RecordError
from tracewarp.trajectory import Ending, open_run
from tracewarp.trajectory.formats.agentlab import MAX_EXTRA_CHARS, blame, parse_record, split_response

DATA = Path(__file__).parents[2] / "data" / "trajectories"


def step(index=0, action="click('1')", *, obs=None, **fields):
    page = {"goal": "g", "axtree_txt": "tree", "last_action_error": "", **(obs or {})}
    return {"step": index, "obs": page, "action": action, "terminated": False, "truncated": False, **fields}


def parse(steps, summary=None, **fields):
    complaints: list[str] = []
    record = {"task": "task_1", "steps": steps, "summary": {} if summary is None else summary, **fields}
    return parse_record(record, source="agentlab-jsonl", complain=complaints.append), complaints


@pytest.fixture
def episode():
    (found,) = [one for one in open_run(DATA / "agentlab.jsonl") if one.key == ("7", 1)]
    return found


def test_reward_and_error_belong_to_the_action_that_caused_them(episode):
    assert [one.reward for one in episode.steps] == [0.0, 1.0, 0.0, None]
    assert episode.steps[0].error.startswith("TimeoutError")
    assert [one.valid for one in episode.steps] == [False, True, True, None]


def test_environment_time_is_that_of_the_following_observation(episode):
    assert [one.environment_seconds for one in episode.steps] == [2.0, 3.0, 4.0, None]
    assert [one.model_seconds for one in episode.steps] == [10.0, 11.0, 12.0, 13.0]
    assert episode.extra["reset"] == {"seconds": 1.0}


def test_last_step_of_a_terminated_episode_is_kept_and_not_executed(episode):
    assert [one.executed for one in episode.steps] == [True, True, True, False]
    assert episode.steps[-1].action == "send_msg_to_user('again')"
    assert len(episode.executed_steps) == 3


def test_added_verb_is_kept_as_text(episode):
    assert episode.steps[1].action == "take_note('red mug')"


def test_thought_action_and_whole_answer_are_told_apart(episode):
    first = episode.steps[0]
    assert (first.reasoning, first.action) == ("Find the mug.", "click('12')")
    assert first.response.startswith("<think>") and first.response.endswith("</action>")


def test_active_tab_gives_url_and_title(episode):
    assert episode.steps[0].observation.url == "http://shop.test/"
    assert episode.steps[1].observation.url == "http://shop.test/mugs"
    assert episode.steps[1].observation.extra["active_page_index"] == 1


def test_large_parts_are_left_out_and_counted(episode):
    assert episode.provenance.extra["left_out"] == {"obs.chat_messages": 4, "obs.pruned_html": 4}


def test_start_time_is_that_of_the_first_chat_message(episode):
    assert episode.provenance.started_at == "2025-12-19T13:52:54.250+00:00"


def test_unknown_keys_are_kept_under_extra():
    found, complaints = parse([step(new_key=[1], stats={"n_token": 4})], {"cum_reward": 1, "more": "x"}, run="r1")
    assert found.steps[0].extra == {"new_key": [1], "stats": {"n_token": 4}}
    assert found.outcome.extra == {"more": "x"}
    assert found.extra["run"] == "r1"
    assert not complaints


def test_unknown_key_too_large_for_extra_is_counted():
    found, _ = parse([step(blob="x" * (MAX_EXTRA_CHARS + 1)), step(1, blob="x" * MAX_EXTRA_CHARS)])
    assert found.provenance.extra["left_out"] == {"blob": 1}
    assert len(found.steps[1].extra["blob"]) == MAX_EXTRA_CHARS


@pytest.mark.parametrize(
    ("response", "reasoning", "action"),
    [
        ("<think>a</think><action>```click('1')```</action>", "a", "click('1')"),
        ("<think>a</think>\n<action>\n```click('1')```", "a", "click('1')"),
        ("<think>a <action>```click('1')```</action>", "a", "click('1')"),
        ("<action>click('1')</action>", None, "click('1')"),
        ("click('12')", None, "click('12')"),
        ("I will click.\n```python\nclick('12')\n```", None, "click('12')"),
        ("```click [12]", None, "click [12]"),
        ("<think>only thought</think>", "only thought", None),
        ("maybe ```click('1')```</think><action>click('2')</action>", "maybe ```click('1')```", "click('2')"),
        ("<thinking>```click('1')```</thinking>```click('2')```", "```click('1')```", "click('2')"),
        ("<think>a</think><action></action>", "a", None),
        ("", None, None),
        (None, None, None),
    ],
)
def test_answer_is_split_also_where_tags_are_missing(response, reasoning, action):
    assert split_response(response) == (reasoning, action)


def test_unparsable_action_is_an_invalid_one():
    found, _ = parse([step(action=""), step(1, terminated=True)])
    assert (found.steps[0].action, found.steps[0].valid, found.steps[0].executed) == (None, False, True)


def test_last_observation_without_an_answer_is_not_a_step_that_was_executed():
    found, _ = parse([step(), step(1, action=None)])
    assert [one.executed for one in found.steps] == [True, False]


def test_action_that_the_environment_read_otherwise_is_noted():
    found, _ = parse([step(), step(1, obs={"last_action": None, "last_action_error": "empty action"})])
    assert found.steps[0].extra["environment_action"] is None
    same, _ = parse([step(), step(1, obs={"last_action": "```click('1')```"})])
    assert "environment_action" not in same.steps[0].extra


def test_missing_step_breaks_the_link_to_what_followed():
    found, complaints = parse([step(0), step(2, reward=1.0, obs={"last_action_error": "no"})])
    assert (found.steps[0].valid, found.steps[0].reward, found.steps[0].error) == (None, None, None)
    assert "step 0 is followed by step 2" in complaints[0]


def test_thought_of_agent_info_stands_in_for_missing_tags():
    found, _ = parse([step(agent_info={"think": "hm"})])
    assert found.steps[0].reasoning == "hm"


def test_goal_in_parts_is_joined():
    page = {
        "goal": "",
        "goal_object": [{"type": "text", "text": "Buy"}, {"type": "image"}, {"type": "text", "text": "it"}],
    }
    found, _ = parse([step(obs=page)])
    assert found.task.objective == "Buy\nit"


@pytest.mark.parametrize(
    ("last", "summary", "ending"),
    [
        ({"terminated": True}, {}, Ending.STOP),
        ({"truncated": True}, {}, Ending.STEP_LIMIT),
        ({"terminated": True, "truncated": True}, {}, Ending.STOP),
        ({}, {"terminated": True}, Ending.STOP),
        ({}, {"truncated": True}, Ending.STEP_LIMIT),
        ({}, {"err_msg": "Page.goto: Timeout"}, Ending.ENVIRONMENT_ERROR),
        ({}, {"err_msg": "RateLimitError: slow down"}, Ending.AGENT_ERROR),
        ({}, {"err_msg": "no idea"}, Ending.UNKNOWN),
        ({}, {}, Ending.UNKNOWN),
    ],
)
def test_every_ending_has_one_reason(last, summary, ending):
    found, _ = parse([step(**last)], summary)
    assert found.outcome.ending is ending


def test_stack_decides_whose_failure_it_was():
    agent = "File loop.py\n  action = step_info.from_action(agent)\nFile agent.py\n"
    world = "openai.RateLimitError\nDuring handling:\n  step_info.from_step(env, action)\n  task.validate(page)\n"
    assert blame("Page.goto: Timeout", agent) is Ending.AGENT_ERROR
    assert blame("RateLimitError: quota", world) is Ending.ENVIRONMENT_ERROR


@pytest.mark.parametrize(("reward", "score"), [(1.5, 1.0), (-0.1, 0.0), (10**400, None), ("1", None), (True, None)])
def test_score_out_of_range_is_said(reward, score):
    found, complaints = parse([], {"cum_reward": reward})
    assert found.outcome.score == score
    assert "cum_reward" in complaints[0]


def test_missing_summary_leaves_the_episode_unjudged_and_says_so():
    complaints: list[str] = []
    found = parse_record({"task": "1", "steps": []}, source="s", complain=complaints.append)
    assert found.outcome.score is None
    assert complaints == ["summary: missing; the episode counts as not judged"]


@pytest.mark.parametrize(
    ("record", "word"), [({"steps": []}, "task"), ({"task": " "}, "task"), ({"task": "1", "steps": 3}, "steps")]
)
def test_record_without_task_or_steps_raises(record, word):
    with pytest.raises(RecordError, match=f"^{word}: expected"):
        parse_record(record, source="s", complain=lambda _: None)


def test_step_that_is_no_object_is_left_out_and_said():
    found, complaints = parse([step(), 7, step(2)])
    assert len(found.steps) == 2
    assert complaints[0].startswith("steps[1]: expected an object, got 7")


def test_page_without_text_is_said():
    found, complaints = parse([{"step": 0, "obs": None, "action": "noop()"}, step(1, obs={"axtree_txt": 5})])
    assert [one.observation.text for one in found.steps] == ["", ""]
    assert len(complaints) == 2


def test_folders_and_lines_give_equal_trajectories():
    def comparable(trajectory):
        return trajectory.model_copy(update={"provenance": trajectory.provenance.model_copy(update={"source": ""})})

    folders = {one.key: comparable(one) for one in open_run(DATA / "agentlab")}
    lines = {one.key: comparable(one) for one in open_run(DATA / "agentlab.jsonl")}
    assert folders == lines
    assert sorted(folders) == [("10", 0), ("7", 0), ("7", 1)]


def test_folders_of_one_task_are_repeats_in_order_of_seed():
    seeds = {one.key: one.provenance.seed for one in open_run(DATA / "agentlab")}
    assert seeds == {("7", 0): 2, ("7", 1): 5, ("10", 0): 0}


# An action that is None after retries.


RETRIED = [
    {"action": "None", "truncated": True},
    {"action": " none\n", "truncated": True},
    {"action": "<think>hm</think><action>None</action>", "truncated": True},
    {"action": None, "truncated": True, "stats": {"n_retry": 4, "busted_retry": 1}},
    {"action": None, "truncated": True, "agent_info": {"think": "no idea"}},
    {"action": None, "agent_info": {"chat_messages": ["a"]}},
    {"action": "None"},
]


@pytest.mark.parametrize("last", RETRIED, ids=str)
def test_action_that_is_none_after_retries_is_a_parse_failure(last):
    found, complaints = parse([step(), step(1, **last)], {"truncated": last.get("truncated", False), "cum_reward": 0})
    assert [(one.action is None, one.executed) for one in found.steps] == [(False, True), (True, True)]
    assert (found.steps[1].valid, found.outcome.ending) == (False, Ending.PARSE_FAILURES)
    assert complaints == []


def test_a_parse_failure_is_told_by_the_summary_too():
    found, _ = parse([step(), step(1, action=None, truncated=True)], {"stats.cum_busted_retry": 1, "truncated": True})
    assert found.outcome.ending is Ending.PARSE_FAILURES


def test_an_agent_that_gave_no_action_ended_the_episode_though_the_environment_failed_on_it():
    crash = {"step": 2, "obs": None, "action": None}
    summary = {"err_msg": "AttributeError: NoneType", "stack_trace": "env.step(action)"}
    found, complaints = parse([step(), step(1, action="None", truncated=True), crash], summary)
    assert [one.executed for one in found.steps] == [True, True, False]
    assert found.outcome.ending is Ending.PARSE_FAILURES
    assert complaints == []


def test_before_the_first_step_only_the_agent_can_end_an_episode():
    found, _ = parse([step(action=None, truncated=True)], {"truncated": True})
    assert (found.outcome.ending, len(found.executed_steps)) == (Ending.PARSE_FAILURES, 1)


def test_none_in_the_middle_is_an_unparsable_step_and_no_ending():
    found, complaints = parse([step(action="None", truncated=True), step(1), step(2, action=None, terminated=True)])
    assert [one.action for one in found.steps] == [None, "click('1')", None]
    assert [one.executed for one in found.steps] == [True, True, False]
    assert (found.outcome.ending, complaints) == (Ending.STOP, [])


def test_a_last_page_without_a_question_to_the_agent_is_no_parse_failure():
    limit, _ = parse([step(), step(1, action=None, truncated=True)], {"truncated": True})
    assert (limit.outcome.ending, limit.steps[1].executed) == (Ending.STEP_LIMIT, False)
    stop, _ = parse([step(), step(1, action="None", terminated=True)], {"terminated": True})
    assert (stop.outcome.ending, stop.steps[1].executed) == (Ending.STOP, False)


@pytest.mark.parametrize("last", [{"step": 1, "obs": None, "action": None}, None], ids=["no page", "null"])
def test_a_null_last_observation_loses_nothing(last):
    found, complaints = parse([step(), last], {"err_msg": "Page.goto: Timeout"})
    assert len(found.executed_steps) == 1
    assert (found.outcome.ending, complaints) == (Ending.ENVIRONMENT_ERROR, [])
