"""Any server of OpenAI's chat completions: vLLM, SGLang, llama.cpp, Ollama, `transformers serve`, hosted ones."""

from __future__ import annotations

import json
import math
import os
import random
import re
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from email.utils import parsedate_to_datetime
from functools import cached_property
from types import MappingProxyType
from typing import Any, Final
from urllib.parse import urlsplit

import httpx

from tracewarp.errors import ModelError, ModelUnavailableError, OptionError
from tracewarp.models.base import CHECK_PROMPT, Completion, Prompt, Sampling
from tracewarp.models.chat import fold_system
from tracewarp.models.tokens import CharacterCounter, TokenCounter
from tracewarp.trajectory.surrogates import repair, repair_json
from tracewarp.trajectory.thoughts import split_message

DEFAULT_BASE_URL: Final = "http://127.0.0.1:8000/v1"
"""Where vLLM and `transformers serve` listen by default."""
MAX_ANSWER_BYTES: Final = 10_000_000
"""An answer longer than this is refused: no completion is, and memory is finite."""

NEUTRAL: Final = MappingProxyType(
    {"top_k": -1, "min_p": 0.0, "repetition_penalty": 1.0, "frequency_penalty": 0.0, "presence_penalty": 0.0}
)
"""Sent with every request, since servers otherwise apply values of the model (vLLM, `transformers serve`) or their own.

A server that refuses some of them gets requests without those, and `describe()` says so.
"""

_RETRIED: Final = frozenset({408, 409, 425, 429, 500, 502, 503, 504})
_AGENTS_FAULT: Final = frozenset({400, 413, 422})
"""Statuses that say something about the request; every other one says that the server does not serve."""
_MAX_WORDS: Final = 300
_CLOCK_SECONDS: Final = 60.0
_TOO_LONG: Final = re.compile(
    r"context[ _](length|window|size)|maximum (context|sequence|model) length|max_model_len|too many (input )?tokens|"
    r"(prompt|input|request)( is|'s length is)? too (long|large)|exceeds? the (available )?context|n_ctx",
    re.IGNORECASE,
)
_NO_SYSTEM_ROLE: Final = re.compile(
    r"system (role|message|prompt)|role.{0,20}system|roles must alternate", re.IGNORECASE
)
_ONE_TOKEN_WAS_TOO_FEW: Final = re.compile(
    r"max_(completion_|output_)?tokens.{0,80}(reached|at least|minimum|>=)", re.I | re.S
)
_END_MARK: Final = re.compile(
    r"(?:<\|(?:im_end|eot_id|eot|eom_id|end|endoftext|end_of_text|return|user|observation|END_OF_TURN_TOKEN)\|>|</s>|"
    r"<end_of_turn>|<eos>|<\uff5cend\u2581of\u2581sentence\uff5c>)\Z"
)
"""An end-of-turn token that a server left at the end of an answer."""
_LONGEST_MARK: Final = 32
_LIMIT_WORDS: Final = frozenset({"length", "max_tokens", "max_output_tokens", "model_length", "max_new_tokens"})
_STOP_WORDS: Final = frozenset({"stop", "eos", "eos_token", "end_turn", "stop_sequence"})


class _Again(Exception):  # noqa: N818 (an outcome of one attempt, not an error of the product)
    def __init__(self, reason: str, *, status: int | None = None, wait_seconds: float | None = None) -> None:
        super().__init__(reason)
        self.status = status
        self.wait_seconds = wait_seconds


class _Refused(Exception):  # noqa: N818 (the same)
    def __init__(self, status: int, words: str) -> None:
        super().__init__(words)
        self.status = status
        self.words = words


class OpenAIModel:
    """A chat model behind HTTP.

    Args:
        name: the model, as the server calls it; an adapter that the server has loaded is a model name too.
        base_url: up to and including `/v1`; None: the variable OPENAI_BASE_URL, else `DEFAULT_BASE_URL`.
        api_key: None: the variable OPENAI_API_KEY, else no authorisation is sent. Kept out of every record and message.
        timeout_seconds: for one attempt.
        retries: attempts after the first, for time-outs, refused connections and the statuses 408, 409, 425, 429 and
            5xx; waits 1, 2, 4, ... seconds with jitter, or what `Retry-After` says, at most a minute.
        token_limit_field: what the server calls the limit of new tokens; some hosted models take only
            `max_completion_tokens`.
        tokens: counts and cuts text; None: four characters are a token.
        max_connections: requests at a time from one call of `generate`.
        sleep: how to wait between attempts.
    """

    def __init__(
        self,
        name: str,
        *,
        base_url: str | None = None,
        api_key: str | None = None,
        timeout_seconds: float = 120.0,
        retries: int = 4,
        token_limit_field: str = "max_tokens",  # noqa: S107 (a field of the request, no secret)
        tokens: TokenCounter | None = None,
        max_connections: int = 16,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        if not 0 < timeout_seconds < math.inf or retries < 0 or max_connections < 1:
            raise OptionError(
                "timeout_seconds, retries, max_connections: expected a positive number of seconds, at least 0 retries "
                f"and 1 connection, got {timeout_seconds}, {retries} and {max_connections}"
            )
        self.name = name
        self._base_url = _checked_url(base_url or os.environ.get("OPENAI_BASE_URL") or DEFAULT_BASE_URL)
        self._key = _checked_key(api_key or os.environ.get("OPENAI_API_KEY") or "")
        self._neutral: Mapping[str, float] = NEUTRAL
        self._folds_system = False
        self._knows_system = False
        self._lock = threading.Lock()
        self._timeout_seconds = timeout_seconds
        self._retries = retries
        self._token_limit_field = token_limit_field
        self._tokens = tokens or CharacterCounter()
        self._max_connections = max_connections
        self._sleep = sleep
        self._client = httpx.Client(
            timeout=timeout_seconds,
            headers={"Authorization": f"Bearer {self._key}"} if self._key else {},
            limits=httpx.Limits(max_connections=max_connections),
        )

    @property
    def endpoint(self) -> str:
        """The base URL without user, password and query: what a record may show."""
        parts = urlsplit(self._base_url)
        host = f"[{parts.hostname}]" if ":" in str(parts.hostname) else parts.hostname
        port = f":{parts.port}" if parts.port else ""
        return f"{parts.scheme}://{host}{port}{parts.path}"

    def _url(self, path: str) -> str:
        """An address below the base URL, with its query."""
        parts = urlsplit(self._base_url)
        return parts._replace(path=parts.path.rstrip("/") + path).geturl()

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """One request a prompt, several at a time.

        Raises:
            ModelUnavailableError: the server could not be reached, refused, or sent an error, after all retries.
            ModelError: the server refused the request itself, for one because the prompt is too long.
        """
        requests = list(zip(prompts, sampling, strict=True))
        if len(requests) == 1:
            return [self._complete(*requests[0])]
        with ThreadPoolExecutor(min(self._max_connections, max(1, len(requests)))) as pool:
            return list(pool.map(lambda request: self._complete(*request), requests))

    def check(self, sampling: Sampling) -> None:
        """Send one real request for one token.

        Raises:
            ModelUnavailableError: the server could not be reached, refused, or sent an error.
            ModelError: the server refused the request itself.
        """
        try:
            self._complete(CHECK_PROMPT, replace(sampling, max_new_tokens=1))
        except ModelError as error:
            # Some models that think first refuse so small a limit, which shows that they answer.
            if isinstance(error, ModelUnavailableError) or not _ONE_TOKEN_WAS_TOO_FEW.search(str(error)):
                raise

    def _complete(self, prompt: Prompt, sampling: Sampling) -> Completion:
        waits = random.Random(sampling.seed)  # noqa: S311 (jitter)
        where = f"{self.name} at {self.endpoint}"
        attempt = 0
        while True:
            body = self._body(prompt, sampling)
            try:
                return self._attempt(body)
            except _Refused as refused:
                if self._adapts(refused, body):
                    continue
                kind = ModelError if refused.status in _AGENTS_FAULT else ModelUnavailableError
                hint = _hint(refused.words, sampling)
                raise kind(f"{where}: refused with status {refused.status}: {refused.words}{hint}") from None
            except _Again as again:
                if again.status == httpx.codes.INTERNAL_SERVER_ERROR and self._fails_on_system(prompt, sampling):
                    continue
                if attempt == self._retries:
                    often = f", {attempt + 1} times" if attempt else ""
                    raise ModelUnavailableError(f"{where}: {again}{often}") from None
                wait = again.wait_seconds if again.wait_seconds is not None else 2**attempt * (0.5 + waits.random())
                self._sleep(min(wait, 60.0))
                attempt += 1

    def _adapts(self, refused: _Refused, body: Mapping[str, Any]) -> bool:
        """Leave out what the server refuses and the answer does not need; True where the next attempt differs.

        The request that was refused decides: another one, sent at the same time, may have changed the settings.
        """
        if refused.status not in _AGENTS_FAULT:
            return False
        unwanted = {name for name in NEUTRAL if name in body and name in refused.words}
        if unwanted:
            self._neutral = {name: value for name, value in self._neutral.items() if name not in unwanted}
            return True
        has_system = any(message["role"] == "system" for message in body["messages"])
        if has_system and _NO_SYSTEM_ROLE.search(refused.words):
            self._folds_system = True
            return True
        return False

    def _fails_on_system(self, prompt: Prompt, sampling: Sampling) -> bool:
        """True if the server fails on every system message and no longer gets one.

        Some servers answer an error of a chat template with status 500 and no words. Requests for one token,
        with a system message, without, and with one again, tell such a template from a passing failure. They are sent
        once.
        """
        with self._lock:
            if self._folds_system or self._knows_system or not any(message.role == "system" for message in prompt):
                return False
            self._knows_system = True
            short = replace(sampling, max_new_tokens=1, stop=())
            folded = tuple(fold_system(CHECK_PROMPT))
            self._folds_system = (
                not self._serves(CHECK_PROMPT, short)
                and self._serves(folded, short)
                and not self._serves(CHECK_PROMPT, short)
            )
            return self._folds_system

    def _serves(self, prompt: Prompt, sampling: Sampling) -> bool:
        try:
            self._attempt(self._body(prompt, sampling))
        except (_Again, _Refused, ModelError):
            return False
        return True

    def _body(self, prompt: Prompt, sampling: Sampling) -> dict[str, Any]:
        messages = fold_system(prompt) if self._folds_system else prompt
        values = {"temperature": sampling.temperature, "top_p": sampling.top_p, "seed": sampling.seed}
        return {
            "model": self.name,
            "messages": [{"role": message.role, "content": repair(message.content)} for message in messages],
            **{name: value for name, value in values.items() if value is not None},
            **self._neutral,
            self._token_limit_field: sampling.max_new_tokens,
            "n": 1,
            "stream": False,
            **({"stop": list(sampling.stop)} if sampling.stop else {}),
        }

    def _attempt(self, body: Mapping[str, Any]) -> Completion:
        began = time.monotonic()
        try:
            with self._client.stream("POST", self._url("/chat/completions"), json=body) as response:
                content = self._read(response, deadline=began + self._timeout_seconds)
        except httpx.TimeoutException as error:
            raise _Again(f"no answer within {self._timeout_seconds:g} s") from error
        except httpx.HTTPError as error:
            raise _Again(f"could not be reached ({self._without_key(str(error)) or type(error).__name__})") from error
        status = response.status_code
        if status == httpx.codes.OK:
            return self._read_completion(content, seconds=time.monotonic() - began)
        words = self._words(content)
        if _TOO_LONG.search(words) and (status in _AGENTS_FAULT or status >= httpx.codes.INTERNAL_SERVER_ERROR):
            raise _Refused(400, words)
        if status in _RETRIED or status >= httpx.codes.INTERNAL_SERVER_ERROR:
            wait = _retry_after(response.headers.get("retry-after"))
            raise _Again(f"status {status}: {words}" if words else f"status {status}", status=status, wait_seconds=wait)
        raise _Refused(status, words)

    def _read(self, response: httpx.Response, *, deadline: float) -> bytes:
        """The body, within its size and the time of the whole attempt, however slowly it trickles."""
        parts = []
        size = 0
        for part in response.iter_bytes():
            size += len(part)
            if size > MAX_ANSWER_BYTES:
                raise ModelError(
                    f"{self.name} at {self.endpoint}: the answer is longer than {MAX_ANSWER_BYTES:,} bytes"
                )
            if time.monotonic() > deadline:
                raise _Again(f"no whole answer within {self._timeout_seconds:g} s")
            parts.append(part)
        return b"".join(parts)

    def _read_completion(self, content: bytes, *, seconds: float) -> Completion:
        try:
            answer = repair_json(json.loads(content))
            choice = answer["choices"][0]
            split = split_message(choice["message"])
            usage = answer.get("usage") or {}
            # An error may stand beside an empty or a partial answer.
            if answer.get("error") or choice.get("error") or choice.get("finish_reason") == "error":
                raise ValueError("error in an answer")
        except (ValueError, LookupError, TypeError, AttributeError, RecursionError) as error:
            words = self._words(content)
            if _TOO_LONG.search(words):
                raise _Refused(400, words) from error
            raise _Again(f"the answer is not a chat completion: {words or 'it is empty'}") from error
        finish = _finish(choice.get("finish_reason"))
        return Completion(
            text=_without_end_mark(split.answer) if finish == "stop" else split.answer,
            thinking=split.thinking,
            finish_reason=finish,
            prompt_tokens=_count(usage, "prompt_tokens"),
            completion_tokens=_count(usage, "completion_tokens"),
            seconds=seconds,
            extra={name: answer[name] for name in ("model", "system_fingerprint") if answer.get(name)},
        )

    def _words(self, content: bytes) -> str:
        """What a server says in an error, in its own words: on one line, cut, and without the key."""
        text = content[:20_000].decode("utf-8", "replace")
        try:
            said = _error_text(json.loads(content))
        except (ValueError, RecursionError):
            said = ""
        text = " ".join((said or re.sub(r"<[^<>]*>", " ", text)).split()).removeprefix("{}")
        return repair(self._without_key(text)[:_MAX_WORDS])

    def _without_key(self, message: str) -> str:
        """Servers repeat keys in their complaints, whole or in part."""
        if self._key:
            message = message.replace(self._key, "***")
        return re.sub(r"\b(sk|key|Bearer)[-_ ](?=[^\W\d]*[\d*-])[\w*-]{8,}", r"\1-***", message)

    def truncate(self, text: str, max_tokens: int) -> str:
        """By the tokenizer that was given."""
        return self._tokens.cut(text, max_tokens)

    def count_tokens(self, text: str) -> int:
        """By the tokenizer that was given."""
        return self._tokens.count(text)

    def describe(self) -> Mapping[str, Any]:
        """The server, and how it is asked, without credentials."""
        return {
            **self._asked,
            "neutral": dict(self._neutral),
            "refused": sorted(NEUTRAL.keys() - self._neutral.keys()),
            "system_message": "folded into the next user message" if self._folds_system else "as it is",
        }

    @property
    def _asked(self) -> dict[str, Any]:
        return {
            "kind": "openai",
            "name": self.name,
            "endpoint": self.endpoint,
            "token_limit_field": self._token_limit_field,
            "tokenizer": self._tokens.name,
        }

    def identity(self) -> Mapping[str, Any]:
        """Where the server is, the model's name, and what the server lists about it."""
        return {**self._asked, "listed": self._listed}

    @cached_property
    def _listed(self) -> Any:
        """The entry of the model in `/v1/models`, without what differs between requests; None if there is none."""
        try:
            response = self._client.get(self._url("/models"))
            entries = repair_json(response.json())["data"]
            [entry] = [dict(entry) for entry in entries if entry.get("id") == self.name]
        except (httpx.HTTPError, ValueError, LookupError, TypeError, AttributeError, RecursionError):
            return None
        entry.pop("permission", None)
        created = entry.get("created")
        if isinstance(created, int | float) and abs(time.time() - created) < _CLOCK_SECONDS:
            del entry["created"]  # servers such as vLLM write the time of the request there
        return entry

    def close(self) -> None:
        """Close the connections."""
        self._client.close()


def _retry_after(header: str | None) -> float | None:
    """Seconds from now, from a number or a date; None where the header says nothing usable."""
    if header is None:
        return None
    try:
        return max(0.0, float(header))
    except ValueError:
        pass
    try:
        return max(0.0, parsedate_to_datetime(header).timestamp() - time.time())
    except (ValueError, TypeError):
        return None


def _checked_url(url: str) -> str:
    """A base URL without the slashes at its end.

    Raises:
        OptionError: an address that cannot be asked.
    """
    url = url.strip().rstrip("/")
    try:
        parts = urlsplit(url)
        port = parts.port
        httpx.URL(url)
    except (ValueError, httpx.InvalidURL) as error:
        shown = repair(url.rpartition("@")[2])
        raise OptionError(f"base_url: expected http(s)://host[:port]/v1, got {shown!r} ({error})") from None
    if parts.scheme not in {"http", "https"} or not parts.hostname or port == 0:
        shown = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path}"
        raise OptionError(f"base_url: expected http(s)://host[:port]/v1, got {shown!r}")
    return url


def _checked_key(key: str) -> str | None:
    """A key that an HTTP header can carry; None where there is none.

    Raises:
        OptionError: a key with another character; the message does not show it.
    """
    key = key.strip()
    for place, character in enumerate(key):
        if not "!" <= character <= "~":
            raise OptionError(
                "api_key (or the variable OPENAI_API_KEY): expected visible ASCII characters, which is all that an "
                f"HTTP header carries, got U+{ord(character):04X} as character {place + 1} of {len(key)}"
            )
    return key or None


def _hint(words: str, sampling: Sampling) -> str:
    if _TOO_LONG.search(words):
        return " (cut the observation shorter: observation_tokens)"
    refused = [
        name for name in ("temperature", "top_p", "seed") if name in words and getattr(sampling, name) is not None
    ]
    return f" (leave it out with {refused[0]}=none)" if refused else ""


def _error_text(answer: Any) -> str:
    """The words of an error in an answer, in the forms that servers use."""
    if isinstance(answer, str):
        return answer
    if isinstance(answer, list):
        return "; ".join(filter(None, map(_error_text, answer)))
    if not isinstance(answer, dict):
        return ""
    for name in ("error", "message", "msg", "detail", "title", "code"):
        if said := _error_text(answer.get(name)):
            # A list of validation errors names the field apart from what is wrong with it.
            place = [str(part) for part in answer.get("loc") or () if part != "body"]
            return ": ".join([".".join(place), said]) if place else said
    choices = answer.get("choices")
    return _error_text([choice.get("error") for choice in choices if isinstance(choice, dict)]) if choices else ""


def _without_end_mark(text: str) -> str:
    """An answer without the token that ended it, which some servers leave there."""
    whole = text.rstrip()
    found = _END_MARK.search(whole, max(0, len(whole) - _LONGEST_MARK))
    return text if found is None else whole[: found.start()].rstrip()


def _finish(reason: Any) -> str | None:
    if not isinstance(reason, str):
        return None
    plain = reason.lower()
    return "length" if plain in _LIMIT_WORDS else "stop" if plain in _STOP_WORDS else reason


def _count(usage: Any, name: str) -> int | None:
    value = usage.get(name) if isinstance(usage, dict) else None
    return value if isinstance(value, int) else None
