"""Counting and cutting text by tokens, with a tokenizer where there is one and by characters where there is none."""

from __future__ import annotations

from typing import Any, Final, Protocol

from tracewarp.errors import MissingExtraError, ModelError
from tracewarp.models.controls import ControlTokens
from tracewarp.trajectory.surrogates import repair

CHARACTERS_PER_TOKEN: Final = 4
"""Where no tokenizer is at hand: English text has about four characters a token."""


class TokenCounter(Protocol):
    """Counts and cuts."""

    name: str

    def count(self, text: str) -> int:
        """How many tokens a text has, without special ones."""
        ...

    def cut(self, text: str, max_tokens: int) -> str:
        """The longest beginning of a text that has at most `max_tokens` tokens."""
        ...


class CharacterCounter:
    """Four characters are a token."""

    name = f"none: {CHARACTERS_PER_TOKEN} characters count as a token"

    def count(self, text: str) -> int:
        """Rounded up."""
        return -(-len(text) // CHARACTERS_PER_TOKEN)

    def cut(self, text: str, max_tokens: int) -> str:
        """By characters."""
        return repair(text)[: max_tokens * CHARACTERS_PER_TOKEN]


class TokenizerCounter:
    """A tokenizer of transformers."""

    def __init__(self, tokenizer: Any, *, name: str) -> None:
        self.name = name
        self._tokenizer = tokenizer
        self._controls = ControlTokens(tokenizer)

    def count(self, text: str) -> int:
        """Without special tokens, and with control tokens in the text as the plain text that they become."""
        return len(self._controls.encode_plain(text).ids)

    def cut(self, text: str, max_tokens: int) -> str:
        """By the offsets of one tokenisation, so that what remains is a beginning of the text, character by character.

        A tokenizer without offsets (a slow one) gives back its decoded tokens, which may differ in white space.
        """
        coded = self._controls.encode_plain(text)
        if len(coded.ids) <= max_tokens:
            return coded.text
        if not self._tokenizer.is_fast:
            return str(self._tokenizer.decode(list(coded.ids[:max_tokens])))
        return coded.text[: coded.offsets[max_tokens - 1][1]] if max_tokens > 0 else ""


def open_tokenizer(name: str) -> TokenizerCounter:
    """The tokenizer of a model, by its name or folder.

    Raises:
        MissingExtraError: transformers is not installed.
        ModelError: there is no such tokenizer.
    """
    try:
        from transformers import AutoTokenizer
    except ImportError as error:
        message = (
            "--tokenizer needs transformers: pip install 'tracewarp[train]', or leave it out (4 characters a token)"
        )
        raise MissingExtraError(message) from error
    try:
        return TokenizerCounter(AutoTokenizer.from_pretrained(name), name=name)
    except Exception as error:  # files of any content give errors of any type
        raise ModelError(
            f"tokenizer: expected a folder or a model's name, {name!r} could not be loaded: {error}"
        ) from error
