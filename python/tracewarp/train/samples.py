"""Training data as token ids: encoded once, too long ones left out and counted, batches in a seeded order."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from tracewarp.errors import EmptyInputError, InputError
from tracewarp.models.chat import ChatFormat
from tracewarp.train.forms import Conversation
from tracewarp.train.masks import Encoded, samples_of
from tracewarp.train.rendering import check_rendered


@dataclass(frozen=True, slots=True)
class Samples:
    """Encoded samples, and what was left out."""

    encoded: tuple[Encoded, ...]
    ids: tuple[str, ...]
    too_long: tuple[str, ...]
    """Samples of more than `max_tokens` tokens: left out whole, never cut."""
    longest: int
    """Tokens of the longest sample, left out or not."""
    thoughts: int = 0
    """Trained answers that come with a thought."""
    thoughts_left_out: int = 0
    """Those whose thought the chat template does not render: the answer is trained without it."""

    @property
    def most_trained(self) -> int:
        """Tokens that carry loss in the sample that has most of them."""
        return max(sample.n_trained for sample in self.encoded)

    @property
    def n_trained(self) -> int:
        """Tokens that carry loss, over all samples."""
        return sum(sample.n_trained for sample in self.encoded)

    @property
    def n_tokens(self) -> int:
        """Tokens, over all samples."""
        return sum(len(sample) for sample in self.encoded)


def encode_samples(
    tokenizer: Any,
    conversations: Iterable[Conversation],
    *,
    max_tokens: int,
    name: str = "training",
    vocabulary: int | None = None,
) -> Samples:
    """Encode conversations: each is one sample, or one for each trained answer where the template asks for that.

    Args:
        tokenizer: a fast one of transformers.
        conversations: in order.
        max_tokens: longer ones are left out whole.
        name: what they are for, for the message.
        vocabulary: rows of the base's embeddings; None: not checked.

    Raises:
        InputError: a conversation that cannot be masked (see `samples_of`), of which the chat template leaves
            something out (see `check_rendered`), or with a token that has no row in the embeddings.
        EmptyInputError: nothing remains.
    """
    chat = ChatFormat(tokenizer)
    encoded, ids, too_long, longest, count, thoughts, left_out = [], [], [], 0, 0, 0, 0
    for conversation in conversations:
        try:
            samples = samples_of(chat, conversation.turns, tools=conversation.tools)
        except InputError as error:
            raise InputError(f"{conversation.id}: {error}") from error
        for number, (turns, sample) in enumerate(samples, start=1):
            count += 1
            own = f"{conversation.id}, answer {number}" if len(samples) > 1 else conversation.id
            longest = max(longest, len(sample))
            if len(sample) > max_tokens:
                too_long.append(own)
            else:
                given, missing = check_rendered(tokenizer, replace(conversation, id=own, turns=turns), sample)
                thoughts, left_out = thoughts + given, left_out + missing
                if vocabulary is not None and max(sample.input_ids) >= vocabulary:
                    raise _no_row(own, tokenizer, max(sample.input_ids), vocabulary)
                encoded.append(sample)
                ids.append(own)
    if not encoded:
        why = f"all {count} are longer than {max_tokens} tokens (the longest has {longest})" if count else "got none"
        raise EmptyInputError(f"{name} examples: expected at least one, {why}")
    return Samples(tuple(encoded), tuple(ids), tuple(too_long), longest, thoughts, left_out)


def _no_row(place: str, tokenizer: Any, token: int, vocabulary: int) -> InputError:
    name = tokenizer.convert_ids_to_tokens(token)
    return InputError(
        f"{place}: the tokenizer's token {name!r} has the id {token}, but the base has embeddings for {vocabulary:,} "
        "tokens only; use the tokenizer that belongs to the base, or a base with resized embeddings"
    )


def epoch_order(n: int, *, epoch: int, seed: int) -> list[int]:
    """The order of samples in an epoch: a permutation that depends on seed and epoch alone."""
    return [int(i) for i in np.random.default_rng([seed, epoch]).permutation(n)]


def batches(order: Sequence[int], size: int) -> list[tuple[int, ...]]:
    """An order cut into batches; the last one may be smaller."""
    return [tuple(order[start : start + size]) for start in range(0, len(order), size)]
