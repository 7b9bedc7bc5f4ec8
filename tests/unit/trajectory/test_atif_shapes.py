"""ATIF and Harbor in the shapes that people's files have, and in shapes that are none."""

from __future__ import annotations

import copy
import json
import shutil
from pathlib import Path

import pytest

from tracewarp.errors import EmptyRunError
from tracewarp.trajectory import Ending, open_run
from tracewarp.trajectory.formats.tool_calls import call_text

CASES = Path(__file__).parents[2] / "data" / "cases"
DOCUMENT = json.loads((CASES / "atif-sorted-keys.json").read_text())


def changed(**changes):
    return {**copy.deepcopy(DOCUMENT), **changes}


def agent(**parts):
    return {"step_id": 2, "source": "agent", "message": "", **parts}


def episodes_of(path: Path):
    reader = open_run(path)
    return list(reader), [str(problem) for problem in reader.problems]


MALFORMED = {
    "subagents": (changed(subagent_trajectories=5), "subagent_trajectories: expected a list of objects, got 5"),
    "source": (
        changed(steps=[agent() | {"source": "assistant"}]),
        "steps[0].source: expected user, system or agent, got",
    ),
    "no source": (changed(steps=[{"message": "x"}]), "steps[0].source: expected user, system or agent, got null"),
    "tool calls": (changed(steps=[agent(tool_calls=5)]), "steps[0].tool_calls: expected a list of objects, got 5"),
    "a call": (changed(steps=[agent(tool_calls=["x"])]), 'steps[0].tool_calls[0]: expected an object, got "x"'),
    "function": (
        changed(steps=[agent(tool_calls=[{"function_name": None}])]),
        "steps[0].tool_calls[0].function_name: expected a text, got null",
    ),
    "results": (
        changed(steps=[agent(observation={"results": 3})]),
        "steps[0].observation.results: expected a list of objects, got 3",
    ),
    "observation": (changed(steps=[agent(observation="x")]), "steps[0].observation: expected an object with results"),
    "message": (changed(steps=[agent(message=4)]), "steps[0].message: expected a text or a list of parts, got 4"),
    "a step": (changed(steps=[None]), "steps[0]: expected an object, got null"),
    "steps": (changed(steps=None), "steps: expected a list of objects, got null"),
    "agent": (changed(agent="x"), 'agent: expected an object, got "x"'),
    "our task": (changed(extra={"tracewarp": {"task": 5}}), "task: "),
    "our step": (
        changed(steps=[agent(tool_calls=[{"function_name": "a"}], extra={"tracewarp": {"executed": 1}})]),
        "steps[0].tool_calls[0].arguments.action: expected a text, got null",
    ),
    "our page": (
        changed(steps=[agent(observation={"results": [{"content": "a", "extra": {"tracewarp": {"url": 5}}}]})]),
        "url: ",
    ),
    "two faults": (changed(agent=1, steps=[agent(tool_calls=1)]), "agent: expected an object, got 1; steps[0]"),
}


@pytest.mark.parametrize("name", MALFORMED)
def test_a_malformed_document_is_refused_alone(tmp_path, name):
    document, said = MALFORMED[name]
    lines = tmp_path / "run.jsonl"
    lines.write_text("\n".join(json.dumps(it) for it in (DOCUMENT, document, changed(session_id="s-2"))))
    episodes, (problem,) = episodes_of(lines)
    assert [episode.task.id for episode in episodes] == ["s-1", "s-2"]
    assert f"run.jsonl:2: {said}" in problem
    (tmp_path / "folder").mkdir()
    for number, it in enumerate((DOCUMENT, document, changed(session_id="s-2"))):
        (tmp_path / "folder" / f"{number}.json").write_text(json.dumps(it, indent=1))
    episodes, (problem,) = episodes_of(tmp_path / "folder")
    assert [episode.task.id for episode in episodes] == ["s-1", "s-2"]
    assert f"1.json: {said}" in problem


@pytest.mark.parametrize(
    ("name", "arguments", "action"),
    [
        ("click", {"element_id": "5"}, "click [5]"),
        ("click", {"element_id": 5}, "click [5]"),
        ("click", '{"element_id": "5"}', "click [5]"),
        ("click", {"bid": "5"}, 'click(bid="5")'),
        ("click", {"element_id": "the cart"}, 'click(element_id="the cart")'),
        ("click", {"element_id": "5", "button": "left"}, 'click(element_id="5", button="left")'),
        ("type", {"element_id": 5, "text": "a ] b"}, "type [5] [a ] b]"),
        ("type", {"element_id": 5, "text": "a", "press_enter_after": False}, "type [5] [a] [0]"),
        ("stop", {"answer": "x"}, "stop [x]"),
        ("stop", {}, "stop []"),
        ("scroll", {"direction": "down"}, "scroll [down]"),
        ("close_tab", None, "close_tab"),
        ("goto", {"url": "http://a.test"}, 'goto(url="http://a.test")'),
        ("bash", '{"cmd": "ls"}', 'bash(cmd="ls")'),
        ("bash", "ls -l", 'bash("ls -l")'),
        ("bash", "", "bash()"),
        ("bash", "null", "bash()"),
        ("bash", ["a"], 'bash(["a"])'),
    ],
)
def test_a_call_becomes_an_action(name, arguments, action):
    assert call_text(name, arguments) == action


def test_calls_as_chat_completions_have_them(tmp_path):
    call = {"id": "1", "type": "function", "function": {"name": "click", "arguments": '{"element_id": "7"}'}}
    (tmp_path / "a.json").write_text(json.dumps(changed(steps=[agent(tool_calls=[call])])))
    (episode,), problems = episodes_of(tmp_path / "a.json")
    assert ([step.action for step in episode.steps], problems) == (["click [7]"], [])


SEEN = {"results": [{"content": "page"}]}


@pytest.mark.parametrize(
    ("step", "text"),
    [
        (agent(llm_call_count=0, observation=SEEN), "page"),
        (agent(llm_call_count=0, message="started", observation=SEEN), "page"),
        (agent(llm_call_count=0, message="started"), "started"),
        (agent(llm_call_count=0, tool_calls=[{"function_name": "goto", "arguments": {}}], observation=SEEN), "page"),
        (agent(observation=SEEN), "page"),
        (agent(observation=SEEN, llm_call_count=None, tool_calls=None, metrics=None), "page"),
    ],
)
def test_a_step_without_a_model_call_is_what_the_next_one_sees(tmp_path, step, text):
    last = agent(message="Done.")
    (tmp_path / "a.json").write_text(json.dumps(changed(steps=[step, last])))
    (episode,), problems = episodes_of(tmp_path / "a.json")
    assert [one.action for one in episode.steps] == ["send_msg_to_user('Done.')"]
    assert episode.steps[0].observation.text == text
    assert problems == []


@pytest.mark.parametrize("parts", [{"llm_call_count": 1}, {"metrics": {"prompt_tokens": 5}}, {}])
def test_an_empty_answer_of_a_model_is_an_unparsable_step(tmp_path, parts):
    seen = {} if not parts else {"observation": SEEN}
    (tmp_path / "a.json").write_text(json.dumps(changed(steps=[agent(**parts, **seen)])))
    (episode,), _ = episodes_of(tmp_path / "a.json")
    assert [(step.action, step.executed) for step in episode.steps] == [(None, True)]


def test_several_attempts_at_one_task_are_its_repeats(tmp_path):
    for number in range(3):
        (tmp_path / f"attempt-{number}.json").write_text(json.dumps(DOCUMENT))
    episodes, problems = episodes_of(tmp_path)
    assert ([one.key for one in episodes], problems) == ([("s-1", 0), ("s-1", 1), ("s-1", 2)], [])
    lines = tmp_path / "run.jsonl"
    lines.write_text(f"{json.dumps(DOCUMENT)}\n" * 2)
    assert [one.key for one in open_run(lines)] == [("s-1", 0), ("s-1", 1)]


def test_a_continuation_belongs_to_the_document_that_names_it(tmp_path):
    following = changed(steps=[agent(is_copied_context=True, message="old"), agent(message="More.")])
    (tmp_path / "trajectory.json").write_text(json.dumps(changed(continued_trajectory_ref="trajectory.cont-1.json")))
    (tmp_path / "trajectory.cont-1.json").write_text(json.dumps(following))
    (episode,), problems = episodes_of(tmp_path)
    assert [step.response for step in episode.steps] == ["I look.", "Done.", "More."]
    assert problems == []
    (tmp_path / "trajectory.cont-1.json").unlink()
    (episode,), (problem,) = episodes_of(tmp_path)
    assert len(episode.steps) == 2
    assert "continued in trajectory.cont-1.json, which is left out" in problem


def test_documents_of_version_1_of_our_record_are_read(tmp_path):
    ours = {"schema_version": 1, "task": {"id": "7"}, "repeat": 1, "outcome": {}, "provenance": {}, "extra": {}}
    step = agent(
        message="m",
        reasoning_content="because",
        extra={"tracewarp": {"executed": True, "answered": True, "extra": {"thinking": "hm", "finish_reason": "stop"}}},
    )
    (tmp_path / "a.json").write_text(json.dumps(changed(steps=[step], extra={"tracewarp": ours})))
    (episode,), _ = episodes_of(tmp_path / "a.json")
    (step,) = episode.steps
    assert (step.reasoning, step.thinking, step.finish_reason, step.extra) == ("because", "hm", "stop", {})


# Harbor.


@pytest.fixture
def job(tmp_path: Path) -> Path:
    shutil.copytree(CASES / "harbor-job", tmp_path / "jobs" / "one")
    return tmp_path / "jobs" / "one"


def test_a_trial_a_job_and_a_folder_of_jobs_are_runs(job):
    assert [one.key for one in open_run(job / "fix-git__Zz9")] == [("fix-git", 0)]
    shutil.copytree(job, job.parent / "two")
    (job / "result.json").write_text('{"n_total_trials": 2}')
    (job / "config.json").write_text('{"job_name": "one"}')
    (job / "job.log").write_text("x")
    keys = sorted(one.key for one in open_run(job.parent))
    assert keys == [("fix-git", 0), ("fix-git", 1), ("hello-world", 0), ("hello-world", 1)]


def test_a_job_that_is_named_by_its_time_is_no_trial(job):
    job = job.rename(job.with_name("2025-10-01__12-00-00"))
    (job / "result.json").write_text('{"n_total_trials": 2}')
    (job / "config.json").write_text('{"job_name": "2025-10-01__12-00-00"}')
    for folder in (job, job.parent):
        assert sorted(one.key for one in open_run(folder)) == [("fix-git", 0), ("hello-world", 0)]
    shutil.rmtree(job / "hello-world__aB3" / "agent")
    [kept], problems = episodes_of(job)
    assert kept.key == ("fix-git", 0)
    assert ["hello-world__aB3: a trial without" in problem for problem in problems] == [True]


def test_attempts_are_repeats_in_the_order_of_their_start(job):
    shutil.copytree(job / "hello-world__aB3", job / "hello-world__zz1")
    for name, started in (("hello-world__aB3", "2026-01-01T02"), ("hello-world__zz1", "2026-01-01T01")):
        result = json.loads((job / name / "result.json").read_text()) | {"started_at": started}
        (job / name / "result.json").write_text(json.dumps(result))
    found = {one.trajectory.key: Path(one.path).name for one in open_run(job).located()}
    assert found[("hello-world", 0)] == "hello-world__zz1"
    assert found[("hello-world", 1)] == "hello-world__aB3"


@pytest.mark.parametrize(
    ("files", "score"),
    [
        ({"verifier/reward.txt": "0.5\n"}, 0.5),
        ({"verifier/reward.json": '{"reward": 0.25}'}, 0.25),
        ({"verifier/reward.json": '{"tests": 0.25}'}, 0.25),
        ({"verifier/reward.json": '{"reward": 1, "speed": 0.1}'}, 1.0),
        ({"verifier/reward.json": "1"}, 1.0),
        ({"result.json": '{"verifier_result": {"rewards": {"reward": 1}}}', "verifier/reward.txt": "0"}, 1.0),
        ({"result.json": '{"verifier_result": null}', "verifier/reward.txt": "1"}, 1.0),
        ({"verifier/reward.txt": ""}, None),
        ({}, None),
    ],
)
def test_the_reward_is_found_where_it_is(job, files, score):
    trial = job / "hello-world__aB3"
    for name in ("result.json", "verifier/reward.txt"):
        (trial / name).unlink()
    for name, text in files.items():
        (trial / name).write_text(text)
    (episode,), problems = episodes_of(trial)
    assert (episode.task.id, episode.outcome.score, problems) == ("hello-world", score, [])


@pytest.mark.parametrize(
    ("text", "score", "said"), [("2", 1.0, "clipped"), ("nan", None, "not judged"), ("x", None, "")]
)
def test_a_reward_that_is_none_is_said(job, text, score, said):
    trial = job / "hello-world__aB3"
    (trial / "result.json").unlink()
    (trial / "verifier" / "reward.txt").write_text(text)
    (episode,), (problem,) = episodes_of(trial)
    assert episode.outcome.score == score
    assert said in problem


def test_the_task_is_named_by_the_configuration_too(job):
    trial = (job / "hello-world__aB3").rename(job / "x__aB3")
    (trial / "result.json").unlink()
    (trial / "config.json").write_text('{"task": {"path": "tasks/say-hello/"}}')
    assert [one.task.id for one in open_run(trial)] == ["say-hello"]


def test_a_trial_without_a_trajectory_is_reported(job):
    (job / "fix-git__Zz9" / "agent" / "trajectory.json").unlink()
    (job / "fix-git__Zz9" / "result.json").write_text('{"exception_info": {"exception_type": "DockerError"}}')
    (episode,), (problem,) = episodes_of(job)
    assert episode.task.id == "hello-world"
    assert "fix-git__Zz9: a trial without agent/trajectory.json (DockerError)" in problem
    shutil.rmtree(job / "hello-world__aB3")
    with pytest.raises(EmptyRunError, match="1 trials of Harbor, none with"):
        open_run(job)


@pytest.mark.parametrize(
    ("kind", "ending"),
    [
        ("AgentTimeoutError", Ending.TIME_LIMIT),
        ("AgentSetupError", Ending.AGENT_ERROR),
        ("VerifierTimeoutError", Ending.ENVIRONMENT_ERROR),
    ],
)
def test_the_exception_of_a_trial_is_its_ending(job, kind, ending):
    trial = job / "fix-git__Zz9"
    error = {"exception_type": kind, "exception_message": "m"}
    (trial / "result.json").write_text(json.dumps({"task_name": "fix-git", "exception_info": error}))
    (episode,), _ = episodes_of(trial)
    assert (episode.outcome.ending, episode.outcome.error) == (ending, f"{kind}: m")


def test_a_thought_in_a_message_is_no_part_of_the_answer(tmp_path):
    steps = [
        {"step_id": 1, "source": "user", "message": "go"},
        {
            "step_id": 2,
            "source": "agent",
            "message": "click [3]? No.</think>It is 7.",
            "reasoning_content": "a",
        },
        {"step_id": 3, "source": "agent", "message": "<think>never closed: ```click [1]```"},
    ]
    document = {
        "schema_version": "ATIF-v1.6",
        "session_id": "s",
        "agent": {"name": "a", "version": "1"},
        "steps": steps,
    }
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    (episode,) = open_run(path)
    first, second = episode.steps
    assert (first.thinking, first.response) == ("a\n\nclick [3]? No.", "It is 7.")
    assert first.action == "send_msg_to_user('It is 7.')"
    assert (second.thinking, second.response, second.action) == ("never closed: ```click [1]```", None, None)
