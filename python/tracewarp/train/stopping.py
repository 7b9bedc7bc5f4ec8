"""A trained model must stop: which tokens end its answers, where that is written down, and one try at the end."""

from __future__ import annotations

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import torch

from tracewarp.models.adapters import GENERATION, end_tokens_of, read_object
from tracewarp.models.chat import ChatFormat
from tracewarp.models.identity import model_folder
from tracewarp.train.masks import IGNORED, Encoded

_SHORTEST_LIMIT: Final = 64
_LONGEST_LIMIT: Final = 1024


@dataclass(frozen=True, slots=True)
class StopCheck:
    """What a trained model did when it answered one training prompt."""

    example: str
    """Id of the training example whose prompt it was."""
    stopped: bool
    """Did the model end its answer by itself?"""
    tokens: int
    """Tokens of the answer, the end token included."""
    limit: int
    """Tokens that it was allowed."""


def end_tokens(samples: Iterable[Encoded], chat: ChatFormat) -> tuple[int, ...]:
    """The tokens at which generation has to stop: first those that end trained answers, then the others of the chat."""
    trained = set()
    for sample in samples:
        after = (*sample.labels[1:], IGNORED)
        trained |= {label for label, following in zip(sample.labels, after, strict=True) if following == IGNORED}
    return (*sorted(trained - {IGNORED}), *(token for token in chat.end_ids if token not in trained))


def write_generation_config(folder: Path, base: str, ends: Sequence[int]) -> None:
    """Write the generation configuration of a base with the tokens that end answers, for whoever generates next."""
    of_base = model_folder(base)
    path = of_base / GENERATION if of_base is not None else None
    known = read_object(path) if path is not None and path.is_file() else {}
    kept = end_tokens_of(of_base) if of_base is not None else ()
    known["eos_token_id"] = list(dict.fromkeys([*ends, *kept]))
    (folder / GENERATION).write_text(json.dumps(known, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def check_stop(model: Any, sample: Encoded, example: str, *, ends: Sequence[int], pad: int, room: int) -> StopCheck:
    """Let a model answer the prompt of a training example greedily, once.

    Args:
        model: on its device; it is in evaluation mode afterwards.
        sample: the example; its prompt is what lies before its first trained token.
        example: its id.
        ends: tokens that end an answer.
        pad: id of padding.
        room: tokens that fit into the context.
    """
    from transformers import GenerationConfig

    first = next(place for place, label in enumerate(sample.labels) if label != IGNORED)
    limit = min(max(2 * sample.n_trained, _SHORTEST_LIMIT), _LONGEST_LIMIT, max(1, room - first))
    model.eval()
    ids = torch.tensor([sample.input_ids[:first]], device=next(model.parameters()).device)
    settings = GenerationConfig(
        max_new_tokens=limit, do_sample=False, eos_token_id=list(ends), pad_token_id=pad, use_cache=True
    )
    model = model.get_base_model() if hasattr(model, "get_base_model") else model  # an adapter is in its layers
    model.generation_config = settings  # or generate would fill it up with values of the base
    with torch.inference_mode():
        made = model.generate(input_ids=ids, attention_mask=torch.ones_like(ids), generation_config=settings)
    new = made[0, first:].tolist()
    return StopCheck(example, stopped=bool(new) and new[-1] in ends, tokens=len(new), limit=limit)
