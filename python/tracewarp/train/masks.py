"""Which tokens carry loss: the answers that are to be learnt, their end tokens included, and nothing else.

definition  A conversation is rendered once by the tokenizer's chat template and tokenised once. A turn's span begins
            where the rendering of everything before it, with the opening of an answer, ends, and ends behind the last
            special token of the turn (its end-of-turn token). A token carries loss if it begins within the span of a
            turn whose `train` is set; every other label is -100.
source      Patel et al. 2024, section 4.2: loss on the completion only; STeP (arXiv 2505.20023), section on partial
            masking: a step that is known to be wrong stays in context and carries no loss
differs     nothing is tokenised in pieces, because a tokenizer may join characters across a seam
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

from tracewarp.errors import InputError

IGNORED: Final = -100
"""The label that the loss skips."""


@dataclass(frozen=True, slots=True)
class ChatTurn:
    """One message."""

    role: Literal["system", "user", "assistant", "tool"]
    content: str
    train: bool = False
    """Does this answer carry loss? Only an assistant's can."""
    thinking: str | None = None
    """What an assistant thought before it answered, without tags."""
    tool_calls: tuple[Mapping[str, Any], ...] = ()
    """Calls of an assistant, as chat templates take them: `type`, `function` with `name` and `arguments` (a dict)."""
    name: str | None = None
    """Name of the tool that a `tool` message comes from."""
    tool_call_id: str | None = None

    def message(self) -> dict[str, Any]:
        """Return the message as a chat template takes it, without the keys that are absent."""
        message: dict[str, Any] = {"role": self.role, "content": self.content}
        if self.thinking is not None:
            message["reasoning_content"] = self.thinking
        if self.tool_calls:
            message["tool_calls"] = [dict(call) for call in self.tool_calls]
        for key in ("name", "tool_call_id"):
            if getattr(self, key) is not None:
                message[key] = getattr(self, key)
        return message


@dataclass(frozen=True, slots=True)
class Encoded:
    """One sample, as every trainer takes it."""

    input_ids: tuple[int, ...]
    labels: tuple[int, ...]
    """The same ids where loss is carried, else -100."""

    @property
    def n_trained(self) -> int:
        """Tokens that carry loss."""
        return sum(label != IGNORED for label in self.labels)

    def __len__(self) -> int:
        return len(self.input_ids)


def encode_chat(tokenizer: Any, turns: Sequence[ChatTurn], *, tools: Sequence[Mapping[str, Any]] = ()) -> Encoded:
    """Tokenise a conversation once, and label its trained answers.

    Args:
        tokenizer: a fast tokenizer of transformers. Without a chat template, turns are written `role: text` line by
            line, and a trained answer ends with the tokenizer's end token.
        turns: in order; the last one is an assistant's.
        tools: JSON schemas of the tools that the chat template is told of.

    Raises:
        InputError: a tokenizer without offsets or without an end token; no turn to train on; a trained turn of another
            role; a template that rewrites earlier turns, or that ends answers with no special token.
    """
    if not getattr(tokenizer, "is_fast", False):
        raise InputError("tokenizer: expected a fast one, whose tokens know their place in the text; got a slow one")
    if tokenizer.eos_token_id is None:
        raise InputError("tokenizer: expected an end token (eos_token), got none; the model could never learn to stop")
    if any(turn.train and turn.role != "assistant" for turn in turns):
        raise InputError("turns: only an assistant's turn can be trained on")
    if not any(turn.train for turn in turns):
        raise InputError("turns: expected at least one that is trained on, got none")
    if tokenizer.chat_template:
        text, spans = _render_template(tokenizer, turns, tools)
    else:
        text, spans = _render_plain(tokenizer, turns)
    # Templates write the opening token themselves; plain text gets what the tokenizer adds.
    coded = tokenizer(text, add_special_tokens=not tokenizer.chat_template, return_offsets_mapping=True, verbose=False)
    ids, offsets = coded["input_ids"], coded["offset_mapping"]
    special = set(tokenizer.all_special_ids) | {i for i, t in tokenizer.added_tokens_decoder.items() if t.special}
    labels = [IGNORED] * len(ids)
    for begin, end in spans:
        inside = [place for place, (first, last) in enumerate(offsets) if begin <= first < end and last > first]
        ends = [place for place in inside if ids[place] in special]
        if not ends:
            raise InputError(
                "tokenizer: its chat template ends an answer with no special token; the model could never learn to stop"
            )
        for place in inside:
            if place <= ends[-1]:
                labels[place] = ids[place]
    return Encoded(tuple(ids), tuple(labels))


def _render_template(
    tokenizer: Any, turns: Sequence[ChatTurn], tools: Sequence[Mapping[str, Any]]
) -> tuple[str, list[tuple[int, int]]]:
    """The text of the whole conversation, and the spans of its trained turns."""
    messages = [turn.message() for turn in turns]
    options: dict[str, Any] = {"tools": [dict(tool) for tool in tools]} if tools else {}

    def render(n: int, *, opening: bool = False) -> str:
        return str(
            tokenizer.apply_chat_template(messages[:n], tokenize=False, add_generation_prompt=opening, **options)
        )

    whole = render(len(turns))
    spans = []
    for place, turn in enumerate(turns):
        if turn.train:
            before, after = render(place, opening=True), render(place + 1)
            if not (whole.startswith(after) and after.startswith(before)):
                raise InputError(
                    f"tokenizer: its chat template rewrites turns before the answer of turn {place}; train on the last "
                    "answer of each conversation only, or with another template"
                )
            spans.append((len(before), len(after)))
    return whole, spans


def _render_plain(tokenizer: Any, turns: Sequence[ChatTurn]) -> tuple[str, list[tuple[int, int]]]:
    """The same for a tokenizer without a template."""
    text, spans = "", []
    for turn in turns:
        if turn.role != "assistant":
            text += f"{turn.role}: {turn.content}\n"
            continue
        text += "assistant:"
        begin = len(text)
        text += f" {turn.content}{tokenizer.eos_token}"
        if turn.train:
            spans.append((begin, len(text)))
        text += "\n"
    return text.removesuffix("\n"), spans
