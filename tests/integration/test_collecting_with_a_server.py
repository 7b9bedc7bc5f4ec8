"""An agent behind a chat server on loopback: knows the solutions, answers garbage, or is not there."""

from __future__ import annotations

import json
import random
import re
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tracewarp.collect import CollectOptions, collect
from tracewarp.errors import ModelUnavailableError
from tracewarp.trajectory import Ending, open_run

Answer = Callable[[dict[str, object]], str]
CURRENT = re.compile(r"OBJECTIVE: (.*?)\nPAGE:\n(.*)\nADDRESS: (.*?)\nPREVIOUS ACTION: (.*)\Z", re.DOTALL)
PAGE_CHARS = 400


class Server(ThreadingHTTPServer):
    daemon_threads = True
    answer: Answer
    n_requests = 0


class Handler(BaseHTTPRequestHandler):
    server: Server
    protocol_version = "HTTP/1.1"

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        self.server.n_requests += 1
        text = self.server.answer(body)
        message = {"role": "assistant", "content": text}
        data = json.dumps({
            "choices": [{"finish_reason": "stop", "message": message}],
            "usage": {"prompt_tokens": 11, "completion_tokens": 5},
        }).encode()  # fmt: skip
        self.send_response(200)
        self.send_header("Content-Length", str(len(data)))
        self.end_headers()
        self.wfile.write(data)

    def log_message(self, *args: object) -> None:
        pass


@pytest.fixture
def serve() -> Iterator[Callable[[Answer], Server]]:
    servers: list[Server] = []

    def start(answer: Answer) -> Server:
        server = Server(("127.0.0.1", 0), Handler)
        server.answer = answer
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def policy(server: Server) -> str:
    return f"model:name=openai:scripted,base_url=http://127.0.0.1:{server.server_port}/v1"


def test_a_server_that_says_the_oracles_actions_reaches_the_oracles_success(tmp_path, serve):
    n_tasks = 100
    solved = collect(tmp_path / "oracle", CollectOptions("arena", "oracle", limit=n_tasks)).progress.tally.successes
    assert solved == n_tasks
    known: dict[tuple[str, ...], str] = {}
    for episode in open_run(tmp_path / "oracle"):
        previous = "None"
        for step in episode.steps:
            key = (episode.task.objective, step.observation.text[:PAGE_CHARS], step.observation.url, previous)
            known[key] = step.action
            previous = step.extra["sentence"]

    def answer(body) -> str:
        asked = CURRENT.search(body["messages"][-1]["content"])
        if asked is None:  # the request for one token before the first episode
            return "Hello"
        objective, page, address, previous = asked.groups()
        action = known[objective, page[:PAGE_CHARS], address, previous]
        return f"Let's think step-by-step. I know. In summary, the next action I will perform is ```{action}```"

    server = serve(answer)
    found = collect(tmp_path / "model", CollectOptions("arena", policy(server), limit=n_tasks, workers=4))
    tally = found.progress.tally
    assert (tally.successes, tally.endings) == (n_tasks, {Ending.STOP: n_tasks})
    assert server.n_requests == tally.steps + 1
    assert (tally.prompt_tokens, tally.completion_tokens) == (11 * tally.steps, 5 * tally.steps)
    said = {episode.key: [step.action for step in episode.steps] for episode in open_run(tmp_path / "model")}
    assert said == {episode.key: [step.action for step in episode.steps] for episode in open_run(tmp_path / "oracle")}
    step = next(iter(open_run(tmp_path / "model"))).steps[0]
    assert step.response.startswith("Let's think step-by-step. I know.")
    assert step.extra["prompt"][-1]["content"].endswith("PREVIOUS ACTION: None")
    assert step.extra["sampling"]["temperature"] == 1.0
    assert found.info.sampling["top_p"] == 0.9 and found.info.agent == found.info.model


def test_garbage_is_recorded_as_what_it_is(tmp_path, serve):
    garbage = ["", "```", "``````", "\x00\x1b[2J", "click [1]", "```click [99999]```", "```click```", "ж" * 5000]
    garbage += ["```type [1] [tea```", "```launch [missiles]```", "<think>hm</think>", "```stop [", "\ud83d"]
    draws = random.Random(0)
    server = serve(lambda body: draws.choice(garbage))
    found = collect(tmp_path / "run", CollectOptions("arena", policy(server), limit=30, workers=3))
    endings = found.progress.tally.endings
    assert found.progress.tally.successes == 0 and found.progress.tally.errors == 0
    assert set(endings) <= {Ending.PARSE_FAILURES, Ending.REPEATED_ACTION, Ending.STEP_LIMIT, Ending.STOP}
    assert endings[Ending.PARSE_FAILURES] > 0
    steps = [step for episode in open_run(tmp_path / "run", strict=True) for step in episode.steps]
    assert all(step.valid is False for step in steps if step.action != "stop [")
    assert any(step.error and "99999" in step.error for step in steps)
    assert any(step.extra.get("attempts") for step in steps)


def test_a_server_that_is_not_there_is_told_before_the_first_episode(tmp_path, serve):
    gone = "model:name=openai:scripted,base_url=http://127.0.0.1:9/v1,retries=0"
    with pytest.raises(ModelUnavailableError, match=r"http://127.0.0.1:9/v1: could not be reached"):
        collect(tmp_path / "run", CollectOptions("arena", gone, limit=10, stop_after_errors=3))
    assert not (tmp_path / "run" / "trajectories.jsonl").exists() or not list(open_run(tmp_path / "run"))
