"""Which tokens carry loss: the answers that are to be learnt, their end tokens included, and nothing else.

definition  A conversation is rendered and tokenised by `tracewarp.models.chat`, as it is when the model acts. A trained
            answer's span is what the model has to generate after the prompt: its thought where the template renders it,
            the answer, and the token that ends a turn. Tokens within the span of a turn whose `train` is set carry
            loss; every other label is -100.
samples     A conversation is one sample if every trained answer stands in it behind the very token ids with which the
            model is asked for it. Otherwise (templates that drop earlier thoughts, that open `<think>`, or that rewrite
            earlier turns) it gives one sample for each trained answer, which ends with that answer.
source      Patel et al. 2024, section 4.2: loss on the completion only; STeP (arXiv 2505.20023), section on partial
            masking: a step that is known to be wrong stays in context and carries no loss
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final, Literal

from tracewarp.errors import InputError
from tracewarp.models.chat import ChatFormat

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


def samples_of(
    chat: ChatFormat, turns: Sequence[ChatTurn], *, tools: Sequence[Mapping[str, Any]] = ()
) -> list[tuple[tuple[ChatTurn, ...], Encoded]]:
    """Encode a conversation as one sample, or as one for each trained answer where the template asks for that.

    Args:
        chat: the format of the base.
        turns: in order; those behind the last trained answer are left out.
        tools: JSON schemas of the tools that the chat template is told of.

    Returns:
        The turns of each sample, and the sample. Turns that another sample trains on are not trained in this one.

    Raises:
        InputError: no turn to train on; a trained turn of another role; a conversation that the template refuses; a
            slow tokenizer, or one without a token that could end an answer.
    """
    if any(turn.train and turn.role != "assistant" for turn in turns):
        raise InputError("turns: only an assistant's turn can be trained on")
    trained = [place for place, turn in enumerate(turns) if turn.train]
    if not trained:
        raise InputError("turns: expected at least one that is trained on, got none")
    whole = tuple(turns[: trained[-1] + 1])
    sample = _labelled(chat, whole, trained, tools)
    if sample is not None:
        return [(whole, sample)]
    found = []
    for place in trained:
        alone = (*(replace(turn, train=False) for turn in whole[:place]), whole[place])
        sample = _labelled(chat, alone, [place], tools)
        assert sample is not None, "a last answer follows its prompt"
        found.append((alone, sample))
    return found


def _labelled(
    chat: ChatFormat, turns: Sequence[ChatTurn], trained: Sequence[int], tools: Sequence[Mapping[str, Any]]
) -> Encoded | None:
    """One sample; None where an answer does not follow its prompt, token by token."""
    encoded = chat.encode(turns, tools=tools)
    spans = {span.message: span for span in encoded.answers}
    labels = [IGNORED] * len(encoded.ids)
    for place in trained:
        span = spans.get(place)
        if span is None or list(encoded.ids[: span.first]) != chat.prompt_ids(turns[:place], tools=tools):
            return None
        labels[span.first : span.last] = encoded.ids[span.first : span.last]
    return Encoded(encoded.ids, tuple(labels))
