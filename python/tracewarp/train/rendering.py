"""Whether a chat template wrote what a conversation says; an answer that it leaves out would train an end token alone.

definition  Texts are compared without white space, because templates strip and indent. A text that is not found is
            tokenized and decoded first, as some tokenizers change characters. Trained answers and calls must stand in
            the trained tokens, in order; system, user and tool messages and the names of tools anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterable, Iterator, Sequence
from typing import Any

from tracewarp.errors import InputError
from tracewarp.train.forms import Conversation
from tracewarp.train.masks import IGNORED, ChatTurn, Encoded
from tracewarp.trajectory.thoughts import leading_thought


def check_rendered(tokenizer: Any, conversation: Conversation, sample: Encoded) -> tuple[int, int]:
    """Refuse a sample in which something of its conversation is missing.

    Args:
        tokenizer: the one that encoded it.
        conversation: as it was read.
        sample: as it was encoded.

    Returns:
        Trained answers that come with a thought; those whose thought the template does not render, so that the answer
        is trained without it.

    Raises:
        InputError: a trained answer, a tool call, a tool or another message is not in the tokens.
    """
    reader = _Reader(tokenizer)
    whole = reader.decoded(sample.input_ids)
    trained = "\0".join(reader.decoded(run) for run in _runs(sample.labels))

    def refuse(what: str, advice: str) -> InputError:
        return InputError(f"{conversation.id}: the chat template leaves out {what}; {advice}")

    for tool in conversation.tools:
        name = str(tool["function"]["name"])
        if reader.find(name, whole) is None:
            raise refuse(f"the tool {name!r}", "use a model whose template takes tools, or describe them in a message")
    place, thoughts, left_out = 0, 0, 0
    for number, turn in enumerate(conversation.turns):
        if turn.role != "assistant":
            if reader.find(turn.content, whole) is None:
                raise refuse(f"the {turn.role} message in place {number}", "use a model whose template takes this role")
            continue
        # A thought in the content is kept apart when a chat is encoded.
        thinking, answer = (turn.thinking, turn.content) if turn.thinking else leading_thought(turn.content)
        among, start = (trained, place) if turn.train else (whole, 0)
        end = reader.find(answer, among, start)
        if end is None:
            raise refuse(
                f"the answer in place {number}, or a part of it",
                "nothing but its rest and the end token would be trained"
                if turn.train
                else "it is context of a later one",
            )
        if not all(reader.find_any(forms, among, start) for forms in _texts_of_calls(turn)):
            raise refuse(f"a tool call of the answer in place {number}", "use a model whose template takes tool calls")
        if turn.train:
            place = end
            thoughts += bool(thinking)
            left_out += bool(thinking) and reader.find(str(thinking), trained, start) is None
    return thoughts, left_out


class _Reader:
    """Text as a tokenizer gives it back, without white space."""

    def __init__(self, tokenizer: Any) -> None:
        self.tokenizer = tokenizer

    def decoded(self, ids: Sequence[int]) -> str:
        return _squeezed(self.tokenizer.decode(list(ids), clean_up_tokenization_spaces=False))

    def find(self, text: str, among: str, start: int = 0) -> int | None:
        """The end of a text's first occurrence at or after `start`; None: it is not there."""
        wanted = _squeezed(text)
        place = among.find(wanted, start)
        if place < 0:
            wanted = self.decoded(self.tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"])
            place = among.find(wanted, start)
        return None if place < 0 else place + len(wanted)

    def find_any(self, texts: Iterable[str], among: str, start: int = 0) -> bool:
        """Is one of these texts there, at or after `start`?"""
        return any(self.find(text, among, start) is not None for text in texts)


def _texts_of_calls(turn: ChatTurn) -> Iterator[tuple[str, ...]]:
    """Names of functions, and every key and value of their arguments, each in the ways in which templates write it."""

    def leaves(value: Any) -> Iterator[tuple[str, ...]]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield from leaves(key)
                yield from leaves(item)
        elif isinstance(value, list):
            for item in value:
                yield from leaves(item)
        elif isinstance(value, str):
            yield value, json.dumps(value, ensure_ascii=False)[1:-1], json.dumps(value)[1:-1]
        else:
            yield json.dumps(value), str(value)

    for call in turn.tool_calls:
        yield (str(call["function"]["name"]),)
        yield from leaves(call["function"]["arguments"])


def _runs(labels: Sequence[int]) -> Iterator[list[int]]:
    """Neighbouring trained tokens."""
    run: list[int] = []
    for label in labels:
        if label != IGNORED:
            run.append(label)
        elif run:
            yield run
            run = []
    if run:
        yield run


def _squeezed(text: str) -> str:
    return "".join(text.split())
