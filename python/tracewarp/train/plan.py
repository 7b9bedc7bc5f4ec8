"""What a training will do and need, said before it begins."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from tracewarp.errors import EmptyInputError, MissingExtraError
from tracewarp.train.bases import configuration
from tracewarp.train.config import TrainConfig
from tracewarp.train.estimate import Estimate, estimate
from tracewarp.train.forms import Conversation
from tracewarp.train.samples import encode_samples


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Counts and memory of a training that has not begun."""

    config: TrainConfig
    need: Estimate | None
    """Of each device; None: see `no_estimate`."""
    n_train: int
    n_validation: int | None
    too_long: int | None
    """Examples that will be left out; None: no tokenizer was at hand, so nothing was counted."""
    tokens: int | None
    """Of an epoch's training examples; None: not counted."""
    trained_tokens: int | None
    """Those that carry loss; None: not counted."""
    thoughts: int | None = None
    """Trained answers that come with a thought; None: not counted."""
    thoughts_left_out: int | None = None
    """Those whose thought the chat template does not render; None: not counted."""
    no_estimate: str | None = None
    """Why memory was not estimated."""

    @property
    def updates_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller."""
        return -(-self.n_train // self.config.batch_size)

    @property
    def updates(self) -> int:
        """At most: early stopping may end it sooner."""
        return self.updates_per_epoch * self.config.epochs(self.n_train)


def plan_training(
    base: str,
    train: Sequence[Conversation],
    validation: Sequence[Conversation] | None,
    config: TrainConfig,
    *,
    adapter: str | None = None,
) -> TrainingPlan:
    """Count what there is to do; nothing is loaded but the tokenizer, where the base is a folder that holds one.

    Args:
        base: a folder, a known name (`tracewarp.train.bases.KNOWN`) or a downloaded model.
        train: what will be learnt.
        validation: what will decide when to stop; None: not made yet.
        config: settings.
        adapter: an earlier adapter that is trained on.

    Raises:
        OptionError: the base is not known, no causal language model, or takes no adapter.
        EmptyInputError: no example, or none short enough.
        InputError: a tokenizer that cannot be trained with, or examples of which it leaves something out.
    """
    if not train:
        raise EmptyInputError("training examples: expected at least one, got none")
    tokenizer = _tokenizer(base)
    if tokenizer is None:
        need, reason = _estimate(base, config, adapter, tokens=config.max_tokens)
        held = None if validation is None else len(validation)
        return TrainingPlan(config, need, len(train), held, None, None, None, no_estimate=reason)
    known = configuration(base)
    limit = min(config.max_tokens, getattr(known, "max_position_embeddings", None) or config.max_tokens)
    rows = getattr(known.get_text_config(), "vocab_size", None)
    sides = [encode_samples(tokenizer, train, max_tokens=limit, vocabulary=rows)]
    if validation is not None:
        sides.append(encode_samples(tokenizer, validation, max_tokens=limit, name="validation", vocabulary=rows))
    longest = max(len(sample) for side in sides for sample in side.encoded)
    need, reason = _estimate(
        base, config, adapter, tokens=longest, trained_tokens=max(side.most_trained for side in sides)
    )
    return TrainingPlan(
        config,
        need,
        n_train=len(sides[0].encoded),
        n_validation=len(sides[1].encoded) if validation is not None else None,
        too_long=sum(len(side.too_long) for side in sides),
        tokens=sides[0].n_tokens,
        trained_tokens=sides[0].n_trained,
        thoughts=sides[0].thoughts,
        thoughts_left_out=sides[0].thoughts_left_out,
        no_estimate=reason,
    )


def _estimate(base: str, config: TrainConfig, adapter: str | None, **sizes: int) -> tuple[Estimate | None, str | None]:
    """The estimate, or why there is none: without torch there is no model to count in."""
    try:
        return estimate(base, config, adapter=adapter, **sizes), None
    except MissingExtraError as error:
        return None, str(error)


_TOKENIZER_FILES: Final = ("tokenizer.json", "tokenizer_config.json", "tokenizer.model", "vocab.json", "spiece.model")


def _tokenizer(base: str) -> object | None:
    """That of a folder or of a downloaded model; None where there is none, or nothing to read it with."""
    try:
        from transformers import AutoTokenizer

        from tracewarp.train.weights import load_tokenizer
    except ImportError:
        return None
    if os.path.isdir(base):  # noqa: PTH112 (pathlib raises for names that are too long)
        return load_tokenizer(base) if any((Path(base) / name).is_file() for name in _TOKENIZER_FILES) else None
    try:
        return AutoTokenizer.from_pretrained(base, local_files_only=True)  # type: ignore[no-any-return, unused-ignore]
    except Exception:  # it was not downloaded, or only in part
        return None
