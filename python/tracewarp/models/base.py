"""The protocol of every model: prompts of chat messages go in, completions come out, in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, Protocol


@dataclass(frozen=True, slots=True)
class Message:
    """One turn of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str
    thinking: str | None = None
    """What was thought before an answer of the assistant."""


Prompt = tuple[Message, ...]
"""A chat that ends with the turn to be answered."""

CHECK_PROMPT: Prompt = (Message("system", "Answer briefly."), Message("user", "Hello"))
"""What `Model.check` asks: a system message and a question, as agents do."""


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn. Every value is sent explicitly and recorded: servers have defaults of their own."""

    temperature: float | None = 1.0
    """0 is greedy; None leaves it out of the request, for servers that refuse it."""
    top_p: float | None = 0.9
    """None leaves it out of the request."""
    max_new_tokens: int = 384
    seed: int | None = None
    """None leaves it out of the request; a model in this process draws one."""
    stop: tuple[str, ...] = ()

    def record(self) -> dict[str, Any]:
        """The values as plain JSON; `left_out` names those that are not sent."""
        values = {**asdict(self), "stop": list(self.stop)}
        left_out = [name for name, value in values.items() if value is None]
        return {name: value for name, value in values.items() if value is not None} | (
            {"left_out": left_out} if left_out else {}
        )


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered."""

    text: str
    """The answer, without any thinking that the model keeps apart."""
    thinking: str | None = None
    """What it thought before answering (see `tracewarp.trajectory.thoughts`)."""
    finish_reason: str | None = None
    """`stop`, `length` (cut at `max_new_tokens`), or what the server said."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    cached: bool = False
    """Taken from the response cache."""
    extra: Mapping[str, Any] = field(default_factory=dict)


class Model(Protocol):
    """What answers. Raises `ModelError` where there is no answer to be had, after its own retries.

    `ModelUnavailableError`, a kind of `ModelError`, says that the model's server is to blame and not the prompt.
    """

    name: str

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """Answer each prompt with its own sampling values, in order; batched where the model can."""
        ...

    def check(self, sampling: Sampling) -> None:
        """Ask for one token, so that a model that cannot answer is found out before an episode begins.

        Args:
            sampling: values as they will be sent, but for the number of tokens.

        Raises:
            ModelError: there is no answer to be had.
        """
        ...

    def identity(self) -> Mapping[str, Any]:
        """What tells this model from any other, for the key of a response cache."""
        ...

    def truncate(self, text: str, max_tokens: int) -> str:
        """The first `max_tokens` tokens of a text, by the model's own tokenizer where it is there.

        Without one, a token is counted as 4 characters, and `describe()` says so.
        """
        ...

    def count_tokens(self, text: str) -> int:
        """How many tokens a text has, counted as in `truncate`."""
        ...

    def describe(self) -> Mapping[str, Any]:
        """What the run's record keeps: kind, name, revision, adapter, endpoint without credentials, tokenizer."""
        ...

    def close(self) -> None:
        """Let go of everything; may be called twice."""
        ...
