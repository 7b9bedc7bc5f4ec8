"""What a training will do and need, said before it begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from tracewarp.errors import EmptyInputError
from tracewarp.train.config import TrainConfig
from tracewarp.train.estimate import Estimate, estimate, shape_of
from tracewarp.train.forms import Conversation
from tracewarp.train.samples import encode_samples


@dataclass(frozen=True, slots=True)
class TrainingPlan:
    """Counts and memory of a training that has not begun."""

    config: TrainConfig
    need: Estimate
    """Of each device."""
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

    @property
    def updates_per_epoch(self) -> int:
        """The last batch of an epoch may be smaller."""
        return -(-self.n_train // self.config.batch_size)

    @property
    def updates(self) -> int:
        """At most: early stopping may end it sooner."""
        return self.updates_per_epoch * self.config.epochs(self.n_train)


def plan_training(
    base: str, train: Sequence[Conversation], validation: Sequence[Conversation] | None, config: TrainConfig
) -> TrainingPlan:
    """Count what there is to do; nothing is loaded but the tokenizer, where the base is a folder that holds one.

    Args:
        base: folder, or the name of a model whose sizes are known (`tracewarp.train.estimate.PUBLISHED`).
        train: what will be learnt.
        validation: what will decide when to stop; None: not made yet.
        config: settings.

    Raises:
        OptionError: the sizes of the base are not known.
        EmptyInputError: no example, or none short enough.
        InputError: a tokenizer that cannot be trained with.
    """
    shape = shape_of(base)
    if not train:
        raise EmptyInputError("training examples: expected at least one, got none")
    tokenizer = _tokenizer(base)
    if tokenizer is None:
        need = estimate(shape, config, tokens=config.max_tokens)
        held = None if validation is None else len(validation)
        return TrainingPlan(config, need, len(train), held, None, None, None)
    sides = [encode_samples(tokenizer, train, max_tokens=config.max_tokens)]
    if validation is not None:
        sides.append(encode_samples(tokenizer, validation, max_tokens=config.max_tokens, name="validation"))
    longest = max(len(sample) for side in sides for sample in side.encoded)
    return TrainingPlan(
        config,
        estimate(shape, config, tokens=longest, trained_tokens=max(side.most_trained for side in sides)),
        n_train=len(sides[0].encoded),
        n_validation=len(sides[1].encoded) if validation is not None else None,
        too_long=sum(len(side.too_long) for side in sides),
        tokens=sides[0].n_tokens,
        trained_tokens=sides[0].n_trained,
        thoughts=sides[0].thoughts,
        thoughts_left_out=sides[0].thoughts_left_out,
    )


def _tokenizer(base: str) -> object | None:
    """That of a folder; None where there is none, or nothing to read it with."""
    if not Path(base).is_dir():
        return None
    try:
        from transformers import AutoTokenizer
    except ImportError:
        return None
    try:
        return AutoTokenizer.from_pretrained(base)  # type: ignore[no-any-return]
    except (OSError, ValueError):
        return None
