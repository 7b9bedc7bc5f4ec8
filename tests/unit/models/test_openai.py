"""A chat model behind HTTP: every value sent, every failure a sentence, no key in any of them."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from tracewarp.errors import ModelError, ModelUnavailableError, OptionError
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
            "frequency_penalty": 0.0,
            "presence_penalty": 0.0,
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
    assert model(server).generate([PROMPT[1:]], [Sampling()])[0].text == "at last"
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


def refused(code: int, words: object, **headers: str) -> Reply:
    return status(code, {"error": {"message": words}}, **headers)


@pytest.mark.parametrize("name", ["top_k", "min_p", "repetition_penalty", "presence_penalty"])
def test_a_server_that_refuses_neutral_values_is_asked_without_them(serve: Callable[..., Server], name: str) -> None:
    server = serve(refused(400, f"Unrecognized request argument supplied: {name}"), answer("one"), answer("two"))
    asked = model(server)
    assert name in asked.describe()["neutral"]
    assert [asked.generate([PROMPT], [Sampling()])[0].text for _ in range(2)] == ["one", "two"]
    assert [name in body for body in server.bodies] == [True, False, False]
    assert asked.describe()["refused"] == [name]
    assert len(asked.describe()["neutral"]) == 4


def test_values_that_are_refused_one_by_one_are_left_out_one_by_one(serve: Callable[..., Server]) -> None:
    words = "Unexpected fields in the request: "
    server = serve(
        status(422, {"detail": words + "{'top_k', 'min_p'}"}),
        status(422, {"detail": words + "{'repetition_penalty'}"}),
        answer("one"),
    )
    assert model(server).generate([PROMPT], [Sampling()])[0].text == "one"
    assert "frequency_penalty" in server.bodies[-1]


def test_requests_sent_at_the_same_time_all_leave_out_what_is_refused(serve: Callable[..., Server]) -> None:
    together = threading.Barrier(4)

    def strict(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        if "top_k" in body:
            together.wait(10)  # every first request is on its way before any is refused
            status(422, {"detail": "Unexpected fields in the request: {'top_k'}"})(handler, body)
        elif any(message["role"] == "system" for message in body["messages"]):  # type: ignore[attr-defined]
            together.wait(10)
            refused(400, "System role not supported")(handler, body)
        else:
            answer("one")(handler, body)

    found = model(serve(strict)).generate([PROMPT] * 4, [Sampling()] * 4)
    assert [completion.text for completion in found] == ["one"] * 4


def test_a_value_that_is_none_is_left_out(serve: Callable[..., Server]) -> None:
    server = serve(answer("hi"))
    model(server).generate([PROMPT], [Sampling(temperature=None, top_p=None, seed=None)])
    assert not {"temperature", "top_p", "seed"} & server.bodies[0].keys()


def test_a_refused_value_says_how_to_leave_it_out(serve: Callable[..., Server]) -> None:
    server = serve(refused(400, "Unsupported parameter: 'top_p' is not supported with this model."))
    with pytest.raises(ModelError, match=r"'top_p' is not supported .*\(leave it out with top_p=none\)") as told:
        model(server).generate([PROMPT], [Sampling()])
    assert not isinstance(told.value, ModelUnavailableError)


@pytest.mark.parametrize(
    "words", ["System role not supported", "Conversation roles must alternate user/assistant/user/assistant/..."]
)
def test_a_template_without_a_system_role_gets_it_in_the_first_user_turn(
    serve: Callable[..., Server], words: str
) -> None:
    server = serve(refused(400, words), answer("one"), answer("two"))
    asked = model(server)
    assert [asked.generate([PROMPT], [Sampling()])[0].text for _ in range(2)] == ["one", "two"]
    assert [len(body["messages"]) for body in server.bodies] == [2, 1, 1]  # type: ignore[arg-type]
    assert server.bodies[1]["messages"] == [{"role": "user", "content": "Answer.\n\nHello?"}]
    assert asked.describe()["system_message"] == "folded into the next user message"


@pytest.mark.parametrize(
    ("reply", "words"),
    [
        (refused(401, "Incorrect API key provided"), "refused with status 401: Incorrect API key provided"),
        (status(403, {"detail": "no"}), "refused with status 403: no"),
        (status(404, {"message": "The model `m` does not exist."}), "status 404: The model `m` does not exist"),
        (status(402, b"pay"), "refused with status 402: pay"),
        (status(307, b"", Location="/elsewhere"), "refused with status 307"),
        (refused(429, "Rate limit reached"), "status 429: Rate limit reached, 2 times"),
        (status(503, b"<html><h1>Busy</h1>\n<p>later</p></html>"), "status 503: Busy later, 2 times"),
        (status(500, {"detail": [{"loc": ["body", "x"], "msg": "broken"}]}), "status 500: x: broken, 2 times"),
        (status(200, {"error": {"message": "out of memory", "code": 500}}), "completion: out of memory, 2 times"),
        (status(200, {"error": "overloaded"}), "not a chat completion: overloaded, 2 times"),
        (status(200, {"choices": []}), "not a chat completion: .*choices.*, 2 times"),
        (status(200, {"choices": [{"error": {"message": "upstream"}, "message": {}}]}), "upstream, 2 times"),
        (
            status(200, {"choices": [{"error": {"message": "upstream"}, "message": {"content": ""}}]}),
            "upstream, 2 times",
        ),
        (status(200, {"choices": [{"message": {"content": "x"}, "finish_reason": "error"}]}), "not a chat completion"),
        (status(200, {"choices": [{"message": {"content": "x"}}], "error": "half broken"}), "half broken, 2 times"),
        (status(200, b"[1]"), "not a chat completion"),
        (status(200, b"[" * 100_000), "not a chat completion"),
    ],
)
def test_a_server_that_does_not_serve_says_nothing_about_the_agent(
    serve: Callable[..., Server], reply: Reply, words: str
) -> None:
    with pytest.raises(ModelUnavailableError, match=words) as told:
        model(serve(reply), retries=1).generate([PROMPT], [Sampling()])
    assert len(str(told.value)) < 500


@pytest.mark.parametrize(
    "reply",
    [
        refused(400, "This model's maximum context length is 4096 tokens."),
        refused(413, "Request too large"),
        status(422, {"detail": [{"loc": ["body", "messages"], "msg": "Input is too long"}]}),
        refused(500, "the request exceeds the available context size"),
        status(200, {"error": {"message": "Requested tokens exceed context window of 2048"}}),
        refused(400, "Invalid value"),
    ],
)
def test_a_request_that_cannot_be_answered_is_the_agents_failure(serve: Callable[..., Server], reply: Reply) -> None:
    server = serve(reply)
    with pytest.raises(ModelError) as told:
        model(server).generate([PROMPT], [Sampling()])
    assert not isinstance(told.value, ModelUnavailableError)
    assert len(server.bodies) == 1


def test_a_check_is_one_request_for_one_token(serve: Callable[..., Server]) -> None:
    server = serve(answer("H"))
    model(server).check(Sampling(temperature=0.5, max_new_tokens=99, seed=7))
    assert [(body["max_tokens"], body["temperature"], body["seed"]) for body in server.bodies] == [(1, 0.5, 7)]
    with pytest.raises(ModelUnavailableError, match="status 401"):
        model(serve(refused(401, "no"))).check(Sampling())
    # Models that think first may refuse so small a limit, and live.
    model(serve(refused(400, "Could not finish the message because max_tokens was reached."))).check(Sampling())


@pytest.mark.parametrize(
    ("reason", "expected"),
    [("length", "length"), ("max_tokens", "length"), ("MAX_TOKENS", "length"), ("STOP", "stop"), ("eos_token", "stop"),
     ("content_filter", "content_filter"), (None, None), (3, None)],
)  # fmt: skip
def test_a_limit_has_one_name(serve: Callable[..., Server], reason: object, expected: str | None) -> None:
    reply = status(200, {"choices": [{"finish_reason": reason, "message": {"content": "x"}}]})
    assert model(serve(reply)).generate([PROMPT], [Sampling()])[0].finish_reason == expected


def test_half_characters_are_mended_on_the_way_there_and_back(serve: Callable[..., Server]) -> None:
    server = serve(status(200, b'{"choices": [{"message": {"content": "a\\ud83d"}}]}'))
    [completion] = model(server).generate([(Message("user", "b\ude00"),)], [Sampling()])
    assert completion.text == "a\ufffd"
    assert server.bodies[0]["messages"] == [{"role": "user", "content": "b\ufffd"}]


def test_what_a_server_lists_about_a_model_is_part_of_its_identity(serve: Callable[..., Server]) -> None:
    entry = {
        "id": "m",
        "owned_by": "vllm",
        "root": "/models/m",
        "created": int(time.time()),
        "permission": [{"id": "r"}],
    }
    listed = [{"id": "other"}, entry]

    class Listing(Handler):
        def do_GET(self) -> None:
            status(200, {"data": listed})(self, {})

    server = serve(answer("hi"))
    server.RequestHandlerClass = Listing
    identity = model(server).identity()
    assert identity["listed"] == {"id": "m", "owned_by": "vllm", "root": "/models/m"}
    assert identity["endpoint"] == server.url
    listed[1] = {**entry, "created": 1_700_000_000, "root": "/models/other"}
    assert model(server).identity()["listed"] == {
        **identity["listed"],
        "root": "/models/other",
        "created": 1_700_000_000,
    }
    listed.pop()
    assert model(server).identity()["listed"] is None


@pytest.mark.parametrize(
    "url",
    [
        "http://models.example:99999/v1",
        "http://models.example:x/v1",
        "http://models.example:0/v1",
        "http://user:secret@models.example:99999/v1",
        "http://[::1/v1",
    ],
)
def test_a_port_out_of_range_is_one_sentence(url: str) -> None:
    with pytest.raises(OptionError, match="base_url: expected http") as told:
        OpenAIModel("m", base_url=url)
    assert "secret" not in str(told.value)


@pytest.mark.parametrize("key", ["sk-\u00fcber", "sk-a\nb", "sk-a b", "sk-\U0001f600", "sk-\ud83d"])
def test_a_key_that_no_header_carries_is_refused_without_showing_it(key: str) -> None:
    with pytest.raises(OptionError, match=r"api_key .*got U\+[0-9A-F]{4,6} as character \d+ of \d+") as told:
        OpenAIModel("m", api_key=key)
    assert "sk-" not in str(told.value)


def test_blanks_around_a_key_are_none_of_it(serve: Callable[..., Server]) -> None:
    server = serve(answer("hi"))
    OpenAIModel("m", base_url=server.url, api_key=" sk-abc\n").generate([PROMPT], [Sampling()])
    assert server.headers[0]["Authorization"] == "Bearer sk-abc"


@pytest.mark.parametrize("options", [{"retries": -1}, {"timeout_seconds": 0}, {"max_connections": 0}])
def test_numbers_out_of_range_are_refused(options: dict[str, int]) -> None:
    with pytest.raises(OptionError, match="expected a positive number of seconds"):
        OpenAIModel("m", **options)  # type: ignore[arg-type]


def test_a_server_that_fails_on_system_messages_without_a_word_gets_none(serve: Callable[..., Server]) -> None:
    def strict(handler: BaseHTTPRequestHandler, body: dict[str, object]) -> None:
        first = body["messages"][0]["role"]  # type: ignore[index]
        (status(500, b"Internal Server Error") if first == "system" else answer("one"))(handler, body)

    server = serve(strict)
    asked = model(server)
    assert [asked.generate([PROMPT], [Sampling()])[0].text for _ in range(2)] == ["one", "one"]
    assert [len(body["messages"]) for body in server.bodies] == [2, 2, 1, 2, 1, 1]  # type: ignore[arg-type]
    assert asked.describe()["system_message"] == "folded into the next user message"


def test_a_passing_failure_is_not_taken_for_a_template_without_a_system_role(serve: Callable[..., Server]) -> None:
    server = serve(status(500, b""), answer("probe"), answer("one"))
    asked = model(server)
    assert asked.generate([PROMPT], [Sampling()])[0].text == "one"
    assert [len(body["messages"]) for body in server.bodies] == [2, 2, 2]  # type: ignore[arg-type]
    flaky = serve(*[status(500, b"")] * 2, answer("folded"), answer("as it is"), answer("one"))
    assert model(flaky).generate([PROMPT], [Sampling()])[0].text == "one"
    assert [len(body["messages"]) for body in flaky.bodies] == [2, 2, 1, 2, 2]  # type: ignore[arg-type]
    dead = serve(status(500, b""))
    with pytest.raises(ModelUnavailableError, match="status 500, 3 times"):
        model(dead, retries=2).generate([PROMPT], [Sampling()])
    assert [len(body["messages"]) for body in dead.bodies] == [2, 2, 1, 2, 2]  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("text", "reason", "expected"),
    [
        ("Done. ```stop []```<|im_end|>", "stop", "Done. ```stop []```"),
        ("Done.<\uff5cend\u2581of\u2581sentence\uff5c>\n", "stop", "Done."),
        ("Done.</s>", "length", "Done.</s>"),
        ("</s> is a tag", "stop", "</s> is a tag"),
        ("Done. <|END_OF_TURN_TOKEN|>", "stop", "Done."),
        ("Done. \n", "stop", "Done. \n"),
        ("a" + " " * 300_000 + "b", "stop", "a" + " " * 300_000 + "b"),  # in linear time
    ],
)
def test_an_end_token_that_a_server_leaves_is_none_of_the_answer(
    serve: Callable[..., Server], text: str, reason: str, expected: str
) -> None:
    reply = status(200, {"choices": [{"finish_reason": reason, "message": {"content": text}}]})
    assert model(serve(reply)).generate([PROMPT], [Sampling()])[0].text == expected
