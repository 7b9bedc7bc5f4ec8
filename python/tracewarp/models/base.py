"""The protocol of every model: prompts of chat messages go in, completions come out, in the same order."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
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


@dataclass(frozen=True, slots=True)
class Sampling:
    """How a completion is drawn. Every value is sent explicitly and recorded: servers have defaults of their own."""

    temperature: float = 1.0
    """0 is greedy."""
    top_p: float = 0.9
    max_new_tokens: int = 384
    seed: int | None = None
    stop: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Completion:
    """What a model answered."""

    text: str
    """The answer, without any thinking that the model keeps apart."""
    thinking: str | None = None
    """A `<think>` block, or the server's `reasoning_content`."""
    finish_reason: str | None = None
    """`stop`, `length`, or what the server said."""
    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    seconds: float = 0.0
    cached: bool = False
    """Taken from the response cache."""
    extra: Mapping[str, Any] = field(default_factory=dict)


class Model(Protocol):
    """What answers. Raises `ModelError` where there is no answer to be had, after its own retries."""

    name: str

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """Answer each prompt with its own sampling values, in order; batched where the model can."""
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
