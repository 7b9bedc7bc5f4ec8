"""Whether a chat template wrote what a conversation says; an answer that it leaves out would train an end token alone.

definition  Texts are compared without white space, because templates strip and indent. A text that is not found is
            tokenized and decoded first, as some tokenizers change characters. Trained answers and calls must stand in
            the trained tokens, in order; system, user and tool messages and the names of tools anywhere.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from typing import Any

from tracewarp.errors import InputError
from tracewarp.models.thoughts import leading_thought
from tracewarp.train.forms import Conversation
from tracewarp.train.masks import IGNORED, ChatTurn, Encoded


def check_rendered(tokenizer: Any, conversation: Conversation, sample: Encoded) -> int:
    """Refuse a sample in which something of its conversation is missing.

    Args:
        tokenizer: the one that encoded it.
        conversation: as it was read.
        sample: as it was encoded.

    Returns:
        Trained answers whose thought the template does not render: the answer is trained without it.

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
    place, without_thought = 0, 0
    for number, turn in enumerate(conversation.turns):
        if turn.role != "assistant":
            if reader.find(turn.content, whole) is None:
                raise refuse(f"the {turn.role} message in place {number}", "use a model whose template takes this role")
            continue
        if not turn.train:
            continue
        # A thought in the content is kept apart when a chat is encoded.
        thinking, answer = (turn.thinking, turn.content) if turn.thinking else leading_thought(turn.content)
        if thinking and reader.find(thinking, trained, place) is None:
            without_thought += 1
        end = reader.find(answer, trained, place)
        if end is None:
            raise refuse(
                f"the answer in place {number}, or a part of it",
                "nothing but its rest and the end token would be trained",
            )
        for text in _texts_of_calls(turn):
            if reader.find(text, trained, place) is None:
                raise refuse(
                    f"a tool call of the answer in place {number}", "use a model whose template takes tool calls"
                )
        place = end
    return without_thought


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


def _texts_of_calls(turn: ChatTurn) -> Iterator[str]:
    """Names of functions, and every value of their arguments, as JSON writes them."""

    def leaves(value: Any) -> Iterator[str]:
        if isinstance(value, dict):
            for key, item in value.items():
                yield str(key)
                yield from leaves(item)
        elif isinstance(value, list):
            for item in value:
                yield from leaves(item)
        else:
            yield value if isinstance(value, str) else json.dumps(value)

    for call in turn.tool_calls:
        yield str(call["function"]["name"])
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
