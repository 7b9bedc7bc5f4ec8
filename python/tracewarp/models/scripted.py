"""A model whose answers are given: by a list, or by a function of the prompt. For tests, examples and dry runs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from itertools import count
from typing import Any

from tracewarp.errors import ModelError
from tracewarp.models.base import Completion, Prompt, Sampling
from tracewarp.models.tokens import CharacterCounter


class ScriptedModel:
    """Answers from a script.

    Args:
        answers: texts to be given one after the other, or a function from prompt and sampling values to a text.
        name: for records.
    """

    def __init__(self, answers: Sequence[str] | Callable[[Prompt, Sampling], str], *, name: str = "scripted") -> None:
        self.name = name
        self._answers = answers
        self._next = count()
        self._tokens = CharacterCounter()

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """The next answers of the script.

        Raises:
            ModelError: the script is at its end.
        """
        return [self._answer(prompt, values) for prompt, values in zip(prompts, sampling, strict=True)]

    def _answer(self, prompt: Prompt, sampling: Sampling) -> Completion:
        if callable(self._answers):
            text = self._answers(prompt, sampling)
        else:
            index = next(self._next)
            if index >= len(self._answers):
                raise ModelError(f"script: {len(self._answers)} answers were given, and one more was asked for")
            text = self._answers[index]
        read = sum(self.count_tokens(message.content) for message in prompt)
        return Completion(text, finish_reason="stop", prompt_tokens=read, completion_tokens=self.count_tokens(text))

    def check(self, sampling: Sampling) -> None:
        """Nothing can fail before the script ends."""

    def identity(self) -> Mapping[str, Any]:
        """Kind and name."""
        return self.describe()

    def truncate(self, text: str, max_tokens: int) -> str:
        """Four characters count as a token."""
        return self._tokens.cut(text, max_tokens)

    def count_tokens(self, text: str) -> int:
        """Four characters count as a token."""
        return self._tokens.count(text)

    def describe(self) -> Mapping[str, Any]:
        """Kind and name."""
        return {"kind": "scripted", "name": self.name, "tokenizer": self._tokens.name}

    def close(self) -> None:
        """Nothing is held."""
