"""ATIF, WebArena's pages and the paper's prompts, as runs."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from tracewarp.errors import DuplicateKeyError, RecordError
from tracewarp.trajectory import Ending, Observation, Outcome, Provenance, Step, Task, Trajectory, open_run
from tracewarp.trajectory.formats.atif import parse_record, to_atif, write_atif

EPISODE = Trajectory(
    task=Task(id="shop/7", objective="Open the cart", sites=("shopping",), extra={"eval": {"eval_types": []}}),
    repeat=1,
    steps=(
        Step(
            observation=Observation(text="[3] link 'Cart'", url="http://shop.test/", title="Shop"),
            response="Let me open it. ```click [3]```",
            thinking="A shop.",
            reasoning="Let me open it.",
            finish_reason="stop",
            action="click [3]",
            valid=True,
            model_seconds=1.5,
            extra={"tokens": {"prompt": 100, "completion": 7}, "prompt": [{"role": "user", "content": "?"}]},
        ),
        Step(observation=Observation(text="heading 'Cart'", url="http://shop.test/cart"), valid=False, error="none"),
        Step(observation=Observation(text="heading 'Cart'"), response="", action="stop [x [1] y]", executed=False),
    ),
    outcome=Outcome(score=0.5, ending=Ending.STOP, extra={"raw_score": 0.5}),
    provenance=Provenance(agent="a", model="m", sampling={"temperature": 1.0}, seed=3),
    extra={"seconds": 2.0},
)


# ATIF.


@pytest.mark.parametrize("episode", [EPISODE, Trajectory(task=Task(id="1"))], ids=["whole", "empty"])
def test_what_we_write_is_read_back_as_it_was(tmp_path: Path, episode: Trajectory):
    assert write_atif(tmp_path / "out", [episode]) == 1
    (file,) = (tmp_path / "out").iterdir()
    for run in (tmp_path / "out", file):
        reader = open_run(run, strict=True)
        assert reader.format == "atif"
        assert list(reader) == [episode]


def test_documents_may_stand_one_a_line(tmp_path: Path):
    run = tmp_path / "run.jsonl"
    run.write_text(json.dumps(to_atif(EPISODE)) + "\n", "utf-8")
    assert list(open_run(run, strict=True)) == [EPISODE]


def test_the_document_keeps_the_rules_of_the_format():
    document = to_atif(EPISODE)
    assert document["schema_version"] == "ATIF-v1.7"
    assert [step["step_id"] for step in document["steps"]] == [1, 2, 3, 4, 5]
    assert [step["source"] for step in document["steps"]] == ["user", "system", "agent", "agent", "agent"]
    first = document["steps"][2]
    assert first["tool_calls"][0]["function_name"] == "click"
    assert first["observation"]["results"][0]["source_call_id"] == first["tool_calls"][0]["tool_call_id"]
    assert first["metrics"] == {"prompt_tokens": 100, "completion_tokens": 7}
    assert "tool_calls" not in document["steps"][3]
    assert document["final_metrics"] == {"total_prompt_tokens": 100, "total_completion_tokens": 7, "total_steps": 5}


def test_the_formats_own_models_take_the_document():
    models = pytest.importorskip("atif", reason="the package atif is not installed")
    for episode in (EPISODE, Trajectory(task=Task(id="1"))):
        models.Trajectory.model_validate(to_atif(episode))


def test_a_key_comes_once(tmp_path: Path):
    with pytest.raises(DuplicateKeyError, match="comes twice"):
        write_atif(tmp_path, [EPISODE, EPISODE])


FOREIGN = {
    "schema_version": "ATIF-v1.6",
    "session_id": "s-1",
    "agent": {"name": "other", "version": "2", "model_name": "m"},
    "steps": [
        {"step_id": 1, "source": "system", "message": "Be brief."},
        {"step_id": 2, "source": "user", "message": [{"type": "text", "text": "What is in a.txt?"}, {"type": "image"}]},
        {
            "step_id": 3,
            "source": "agent",
            "timestamp": "2026-01-01T00:00:00Z",
            "message": "I look.",
            "reasoning_content": "A file.",
            "tool_calls": [
                {"tool_call_id": "1", "function_name": "read", "arguments": {"path": "a.txt", "lines": 2}},
                {"tool_call_id": "2", "function_name": "pwd", "arguments": {}},
            ],
            "observation": {"results": [{"source_call_id": "1", "content": "hello"}, {"content": "/home"}]},
            "metrics": {"prompt_tokens": 5},
        },
        {"step_id": 4, "source": "agent", "message": "It says 'hello'."},
    ],
}


def test_documents_of_others_are_read():
    complaints: list[str] = []
    episode = parse_record(FOREIGN, complain=complaints.append)
    assert (episode.task.id, episode.task.objective) == ("s-1", "What is in a.txt?")
    assert [step.action for step in episode.steps] == [
        'read(path="a.txt", lines=2)\npwd()',
        """send_msg_to_user("It says 'hello'.")""",
    ]
    assert [step.observation.text for step in episode.steps] == ["", "hello\n/home"]
    assert (episode.steps[0].thinking, episode.steps[0].extra["metrics"]) == ("A file.", {"prompt_tokens": 5})
    assert (episode.provenance.agent, episode.provenance.model) == ("other", "m")
    assert episode.outcome.score is None
    assert complaints == ["1 parts of a message that are no text are left out"]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"schema_version": "ATIF-v2.0"}, "expected ATIF-v1.x, got ATIF-v2.0"),
        ({"steps": {}}, "steps: expected a list"),
        ({"steps": [1]}, r"steps\[0\]: expected an object, got 1"),
        ({"session_id": None}, "id"),
    ],
)
def test_a_document_that_is_none_is_refused(change: dict[str, object], said: str):
    with pytest.raises(RecordError, match=said):
        parse_record(FOREIGN | change, complain=lambda _: None)


# WebArena's pages.


def render(url: str, page: str, before: str, response: str, parsed: str) -> str:
    return (
        f"<h2>New Page</h2>\n<h3 class='url'><a href={url}>URL: {url}</a></h3>\n"
        f"<div class='state_obv'><pre>{page}</pre><div>\n"
        f"<div class='prev_action' style='background-color:pink'>{before}</div>\n"
        "<div class='predict_action'>"
        f"<div class='raw_parsed_prediction' style='background-color:grey'><pre>{response}</pre></div>"
        "<div class='action_object' style='background-color:grey'><pre>{'action_type': 6}</pre></div>"
        f"<div class='parsed_action' style='background-color:yellow'><pre>{parsed}</pre></div></div>\n"
    )


HEAD = (
    "<!DOCTYPE html>\n<html>\n<head><style>pre {white-space: pre-wrap;}</style></head>\n<html><body>\n"
    "<pre>task_id: 12\nintent: How much is <b>the mug</b>?\nsites: ['shopping']\n</pre>\n"
)
FIRST = render(
    "http://shop.test/",
    "[1] RootWebArea 'A <b> & B'\n\t[4] link 'Mug'",
    "None",
    "Let's think step-by-step. In summary, the next action I will perform is ```click [4]```",
    "click [4] where [4] is link 'Mug'",
)


@pytest.fixture
def pages(tmp_path: Path) -> Path:
    bad = render("http://shop.test/mug", "[9] StaticText '4 EUR'", "click [4]", "I am lost", "none")
    stop = render("http://shop.test/mug", "[9] StaticText '4 EUR'", "None", "so ```stop [4 EUR]```", "stop [4 EUR]")
    early = render("http://shop.test/", "page", "click [4]", "", "stop [Early stop: Reached max steps 30]")
    (tmp_path / "render_12.html").write_text(f"{HEAD}{FIRST}{bad}{stop}</body></html>", "utf-8")
    (tmp_path / "render_3.html").write_text(f"{HEAD}{FIRST}{early}</body></html>", "utf-8")
    (tmp_path / "render_40.html").write_text(HEAD, "utf-8")
    (tmp_path / "merge_log.txt").write_text(
        "2023 - INFO - [Config file]: /tmp/x/12.json\n2023 - INFO - [Result] (PASS) /tmp/x/12.json\n"
        "2023 - INFO - [Result] (FAIL) config_files/3.json\n"
        "2023 - INFO - [Config file]: /tmp/x/40.json\n2023 - INFO - [Unhandled Error] TimeoutError('x')\n",
        "utf-8",
    )
    return tmp_path


def test_webarenas_pages_are_a_run(pages: Path):
    reader = open_run(pages)
    assert reader.format == "webarena-render"
    by_id = {episode.task.id: episode for episode in reader}
    assert list(by_id) == ["3", "12", "40"]
    episode = by_id["12"]
    assert episode.task.objective == "How much is <b>the mug</b>?"
    assert [step.action for step in episode.steps] == ["click [4]", None, "stop [4 EUR]"]
    assert [step.valid for step in episode.steps] == [None, False, None]
    assert episode.steps[0].observation.text == "[1] RootWebArea 'A <b> & B'\n\t[4] link 'Mug'"
    assert episode.steps[0].observation.url == "http://shop.test/"
    assert str(episode.steps[0].response).startswith("Let's think step-by-step.")
    assert episode.steps[1].extra == {"previous_action": "click [4]"}
    assert (episode.outcome.score, episode.outcome.ending) == (1.0, Ending.STOP)


def test_an_action_in_a_thought_of_webarenas_pages_is_none(tmp_path: Path):
    said = "<think>Maybe ```click [4]```?</think>No: ```stop [7]```"
    page = render("http://shop.test/", "page", "None", said, "stop [7]")
    (tmp_path / "render_1.html").write_text(f"{HEAD}{page}</body></html>", "utf-8")
    (episode,) = open_run(tmp_path)
    (step,) = episode.steps
    assert (step.thinking, step.response, step.action) == ("Maybe ```click [4]```?", "No: ```stop [7]```", "stop [7]")


def test_a_stop_that_the_runner_wrote_is_not_the_agents(pages: Path):
    episode = next(iter(open_run(pages)))
    assert (episode.outcome.score, episode.outcome.ending) == (0.0, Ending.STEP_LIMIT)
    assert [step.executed for step in episode.steps] == [True, False]


def test_an_error_of_the_runner_is_the_worlds(pages: Path):
    reader = open_run(pages)
    lost = list(reader)[-1]
    assert (lost.outcome.score, lost.outcome.ending) == (None, Ending.ENVIRONMENT_ERROR)
    assert lost.outcome.error == "TimeoutError('x')"
    assert "no step of an agent" in str(reader.problems[0])


# The paper's prompts.


def prompt(page: str, before: str) -> list[dict[str, str]]:
    example = "OBSERVATION:\nexample\nURL: http://a.test\nOBJECTIVE: example\nPREVIOUS ACTION: None"
    current = f"OBSERVATION:\n{page}\nURL: http://shop.test\nOBJECTIVE: Buy tea\nPREVIOUS ACTION: {before}"
    return [{"role": "system", "content": example}, {"role": "user", "content": current}]


@pytest.mark.parametrize("where", ["prompts", "results/prompts"])
@pytest.mark.parametrize("chat", [True, False])
def test_the_papers_prompts_are_a_run(tmp_path: Path, where: str, chat: bool):
    folder = tmp_path / where
    folder.mkdir(parents=True)
    entries = [
        {"previous_action": "None", "response": "hm</think>```click [4]```", "extracted_action": "click [4]"},
        {"previous_action": "click [4]", "response": "hm", "extracted_action": None},
        {"previous_action": "None", "response": "```stop [ok]```", "extracted_action": "stop [ok]"},
    ]
    for number, entry in enumerate(entries):
        said = prompt(f"page {number}", entry["previous_action"] or "")
        entry["prompt"] = said if chat else "\n".join(one["content"] for one in said)  # type: ignore[assignment]
    (folder / "5.json").write_text(json.dumps({"score": 1.0, "prompts": entries}), "utf-8")
    (folder / "6.json").write_text(json.dumps({"score": 0, "prompts": [{"prompt": "?"}]}), "utf-8")
    reader = open_run(tmp_path)
    (episode,) = list(reader)
    assert reader.format == "paper-prompts"
    assert (episode.task.id, episode.task.objective, episode.outcome.score) == ("5", "Buy tea", 1.0)
    assert [step.observation.text for step in episode.steps] == ["page 0", "page 1", "page 2"]
    assert [step.action for step in episode.steps] == ["click [4]", None, "stop [ok]"]
    assert (episode.steps[0].thinking, episode.steps[0].response) == ("hm", "```click [4]```")
    assert episode.outcome.ending is Ending.STOP
    assert "expected OBSERVATION:" in str(reader.problems[0])
