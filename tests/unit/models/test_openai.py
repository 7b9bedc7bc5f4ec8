"""A chat model behind HTTP: every value sent, every failure a sentence, no key in any of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tracewarp.errors import ModelError, OptionError
from tracewarp.models import Message, OpenAIModel, Sampling

PROMPT = (Message("system", "Answer."), Message("user", "Hello?"))
KEY = "sk-very-secret-0123456789"
Reply = Callable[[BaseHTTPRequestHandler, dict[str, object]], None]


class Server(ThreadingHTTPServer):
    """Gives the replies of a test, one after the other; the last one again and again."""

    daemon_threads = True

    def __init__(self, replies: list[Reply]) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.replies = replies
        self.bodies: list[dict[str, object]] = []
        self.headers: list[dict[str, str]] = []
        self.lock = threading.Lock()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1"


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        with self.server.lock:
            self.server.bodies.append(body)
            self.server.headers.append(dict(self.headers))
            reply = self.server.replies[min(len(self.server.bodies), len(self.server.replies)) - 1]
        reply(self, body)

    def log_message(self, *args: object) -> None:
        pass


def answer(text: str | None, **message: object) -> Reply:
    return status(200, {
        "model": "m-0301",
        "choices": [{"finish_reason": "stop", "message": {"role": "assistant", "content": text, **message}}],
        "usage": {"prompt_tokens": 7, "completion_tokens": 3},
    })  # fmt: skip


def status(code: int, content: object, **headers: str) -> Reply:
    def reply(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        data = content if isinstance(content, bytes) else json.dumps(content).encode()
        handler.send_response(code)
        for name, value in {"Content-Length": str(len(data)), **headers}.items():
            handler.send_header(name.replace("_", "-"), value)
        handler.end_headers()
        handler.wfile.write(data)

    return reply


@pytest.fixture
def serve() -> Iterator[Callable[..., Server]]:
    servers: list[Server] = []

    def start(*replies: Reply) -> Server:
        server = Server(list(replies))
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        return server

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def model(server: Server, **options: object) -> OpenAIModel:
    return OpenAIModel("m", base_url=server.url, api_key=KEY, **{"sleep": lambda _: None, **options})  # type: ignore[arg-type]


def test_every_sampling_value_is_sent(serve: Callable[..., Server]) -> None:
    server = serve(answer("hi"))
    sampling = Sampling(temperature=0.0, top_p=0.5, max_new_tokens=9, seed=3, stop=("END",))
    [completion] = model(server).generate([PROMPT], [sampling])
    assert server.bodies == [
        {
            "model": "m",
            "messages": [{"role": "system", "content": "Answer."}, {"role": "user", "content": "Hello?"}],
            "temperature": 0.0,
            "top_p": 0.5,
            "top_k": -1,
            "min_p": 0.0,
            "repetition_penalty": 1.0,
            "max_tokens": 9,
            "n": 1,
            "stream": False,
            "seed": 3,
            "stop": ["END"],
        }
    ]
    assert server.headers[0]["Authorization"] == f"Bearer {KEY}"
    assert (completion.text, completion.prompt_tokens, completion.completion_tokens) == ("hi", 7, 3)
    assert completion.finish_reason == "stop"
    assert completion.extra == {"model": "m-0301"}


def test_answers_keep_the_order_of_the_prompts(serve: Callable[..., Server]) -> None:
    def echo(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        text = body["messages"][0]["content"]  # type: ignore[index]
        time.sleep(0.02 if text == "0" else 0)
        answer(str(text))(handler, body)

    server = serve(echo)
    prompts = [(Message("user", str(i)),) for i in range(12)]
    completions = model(server).generate(prompts, [Sampling()] * 12)
    assert [completion.text for completion in completions] == [str(i) for i in range(12)]


@pytest.mark.parametrize(
    ("reply", "text", "thinking"),
    [
        (answer("<think>a\nb</think>\n\nDone"), "Done", "a\nb"),
        (answer("<think>never closed"), "", "never closed"),
        (answer("Done", reasoning_content="deep"), "Done", "deep"),
        (answer(None), "", None),
        (answer("no tags"), "no tags", None),
    ],
)
def test_thinking_is_kept_apart(serve: Callable[..., Server], reply: Reply, text: str, thinking: str | None) -> None:
    [completion] = model(serve(reply)).generate([PROMPT], [Sampling()])
    assert (completion.text, completion.thinking) == (text, thinking)


@pytest.mark.parametrize("code", [408, 429, 500, 503])
def test_a_passing_failure_is_tried_again(serve: Callable[..., Server], code: int) -> None:
    server = serve(status(code, {}), status(code, {}), answer("at last"))
    assert model(server).generate([PROMPT], [Sampling()])[0].text == "at last"
    assert len(server.bodies) == 3


def test_retry_after_is_obeyed_up_to_a_minute(serve: Callable[..., Server]) -> None:
    waits: list[float] = []
    server = serve(
        status(429, {}, Retry_After="7"), status(429, {}, Retry_After="900"), status(503, {}), answer("at last")
    )
    model(server, sleep=waits.append).generate([PROMPT], [Sampling(seed=0)])
    assert waits[:2] == [7.0, 60.0]
    assert 2 <= waits[2] <= 6


def test_a_failure_that_stays_is_one_sentence_without_the_key(serve: Callable[..., Server]) -> None:
    with pytest.raises(ModelError, match=r"m at http://127.0.0.1:\d+/v1: status 500, 3 times"):
        model(serve(status(500, {})), retries=2).generate([PROMPT], [Sampling()])
    with pytest.raises(ModelError, match="refused with status 401") as refused:
        model(serve(status(401, {"error": f"bad key {KEY} (sk-very-*****6789)"}))).generate([PROMPT], [Sampling()])
    assert "secret" not in str(refused.value)
    assert "6789" not in str(refused.value)


def test_a_refusal_is_not_tried_again(serve: Callable[..., Server]) -> None:
    server = serve(status(400, {"error": "context length exceeded"}), answer("never"))
    with pytest.raises(ModelError, match="context length exceeded"):
        model(server).generate([PROMPT], [Sampling()])
    assert len(server.bodies) == 1


@pytest.mark.parametrize("content", [b"", b"<html>", b"{}", b'{"choices": []}', b'{"choices": [{"message": null}]}'])
def test_an_answer_that_is_none_is_tried_again_then_named(serve: Callable[..., Server], content: bytes) -> None:
    server = serve(status(200, content))
    with pytest.raises(ModelError, match="the answer is not a chat completion"):
        model(server, retries=1).generate([PROMPT], [Sampling()])
    assert len(server.bodies) == 2


def test_a_silent_or_trickling_server_times_out(serve: Callable[..., Server]) -> None:
    def silent(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        time.sleep(1)

    def trickling(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        handler.send_response(200)
        handler.send_header("Content-Length", "1000")
        handler.end_headers()
        for _ in range(20):
            handler.wfile.write(b" ")
            handler.wfile.flush()
            time.sleep(0.05)

    for reply in (silent, trickling):
        began = time.monotonic()
        with pytest.raises(ModelError, match=r"within 0.2 s"):
            model(serve(reply), timeout_seconds=0.2, retries=0).generate([PROMPT], [Sampling()])
        assert time.monotonic() - began < 0.9


def test_an_endless_answer_is_refused(serve: Callable[..., Server]) -> None:
    with pytest.raises(ModelError, match="longer than 10,000,000 bytes"):
        model(serve(status(200, b" " * 10_000_001))).generate([PROMPT], [Sampling()])


def test_a_server_that_is_not_there_is_named() -> None:
    with pytest.raises(ModelError, match=r"http://127.0.0.1:9/v1: could not be reached .*2 times"):
        OpenAIModel("m", base_url="http://127.0.0.1:9/v1", retries=1, sleep=lambda _: None).generate(
            [PROMPT], [Sampling()]
        )


def test_no_record_holds_credentials(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPENAI_API_KEY", KEY)
    monkeypatch.setenv("OPENAI_BASE_URL", "https://user:password@models.example:8443/v1/?token=x")
    about = str(OpenAIModel("m").describe())
    assert "https://models.example:8443/v1" in about
    assert not any(secret in about for secret in (KEY, "password", "token=x"))


@pytest.mark.parametrize("url", ["models.example/v1", "ftp://models.example", "http://"])
def test_a_base_url_of_another_form_is_refused(url: str) -> None:
    with pytest.raises(OptionError, match="base_url: expected"):
        OpenAIModel("m", base_url=url)
