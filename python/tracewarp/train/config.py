"""Settings of a fine-tuning, checked when they are made; presets by name."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import asdict, dataclass, fields, replace
from types import MappingProxyType
from typing import Any, Final, Literal

from tracewarp.errors import OptionError

Method = Literal["qlora", "lora", "full"]
Dtype = Literal["bfloat16", "float32"]

METHODS: Final = MappingProxyType(
    {
        "qlora": "LoRA on weights in 4 bits (NF4, double quantisation)",
        "lora": "LoRA on weights as they are",
        "full": "all weights",
    }
)


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Everything that a training depends on, beside its base and its data."""

    method: Method = "qlora"
    rank: int = 8
    """r of LoRA, >= 1."""
    alpha: float = 16.0
    """LoRA's updates are scaled by alpha / r, > 0."""
    dropout: float = 0.0
    """Of LoRA, in [0, 1)."""
    dtype: Dtype = "bfloat16"
    """Of weights, and of their products. Quantised weights, and all weights with the method `full`, have only their
    products in it: what is trained is float32."""
    learning_rate: float = 2e-4
    """AdamW's, > 0, falling linearly to 0 over all epochs, without warm-up."""
    weight_decay: float = 0.01
    max_grad_norm: float | None = 1.0
    """Gradients are scaled down to this norm, > 0; None: never."""
    max_epochs: int = 20
    """>= 1."""
    min_updates: int = 0
    """Epochs are added to `max_epochs` until there is room for so many updates, >= 0: small sets learn as long as large
    ones."""
    patience: int | None = 3
    """Epochs without a better validation perplexity that end the training, >= 1; None: all epochs are done."""
    restore_best: bool = True
    """The epoch of the best validation perplexity is kept, epoch 0 (the start) included; else the last one."""
    batch_size: int = 16
    """Examples an update, over all processes, >= 1."""
    micro_batch_size: int = 1
    """Examples a forward pass and process, >= 1: less memory when small, more speed when large."""
    gradient_checkpointing: bool = True
    """Layers are computed again on the way back: less memory, a third more time."""
    offload_activations: bool = False
    """What the way back needs waits in the computer's memory, not on the GPU: room for longer examples."""
    max_tokens: int = 4_096
    """Longer examples are left out and counted, >= 2; the context of the base is a limit too."""
    save_minutes: float | None = 5.0
    """A state to go on from is saved so often, >= 0 (0: after every update); None: after each epoch only."""
    seed: int = 0
    """Of LoRA's start, of the order of examples and of dropout, >= 0."""

    def __post_init__(self) -> None:
        for name in ("rank", "max_epochs", "batch_size", "micro_batch_size"):
            _least(self, name, 1)
        _least(self, "max_tokens", 2)
        _least(self, "seed", 0)
        _least(self, "min_updates", 0)
        if self.patience is not None:
            _least(self, "patience", 1)
        if self.method not in METHODS:
            raise OptionError(f"method: expected one of {', '.join(METHODS)}, got {self.method!r}")
        given: str = self.dtype
        if given == "float16":
            raise OptionError(
                "dtype: expected bfloat16 or float32, got 'float16', in which small gradients become 0 unless the loss "
                "is scaled, which this training does not do"
            )
        if self.dtype not in ("bfloat16", "float32"):
            raise OptionError(f"dtype: expected bfloat16 or float32, got {self.dtype!r}")
        for name in ("alpha", "learning_rate", "max_grad_norm"):
            value = getattr(self, name)
            if not (value is None and name == "max_grad_norm") and not (_is_number(value) and value > 0):
                raise OptionError(f"{name}: expected a number > 0, got {value!r}")
        if not (_is_number(self.dropout) and 0 <= self.dropout < 1):
            raise OptionError(f"dropout: expected a number in [0, 1), got {self.dropout!r}")
        for name in ("weight_decay", "save_minutes"):
            value = getattr(self, name)
            if not (value is None and name == "save_minutes") and not (_is_number(value) and value >= 0):
                raise OptionError(f"{name}: expected a number >= 0, got {value!r}")
        for name in ("restore_best", "gradient_checkpointing", "offload_activations"):
            if not isinstance(getattr(self, name), bool):
                raise OptionError(f"{name}: expected true or false, got {getattr(self, name)!r}")

    def epochs(self, n_examples: int) -> int:
        """The most epochs that so many examples (>= 1) are trained for."""
        per_epoch = math.ceil(n_examples / self.batch_size)
        return max(self.max_epochs, math.ceil(self.min_updates / per_epoch))

    def to_dict(self) -> dict[str, Any]:
        """Plain values for JSON."""
        return asdict(self)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)


def _least(config: TrainConfig, name: str, least: int) -> None:
    value = getattr(config, name)
    if not isinstance(value, int) or isinstance(value, bool) or value < least:
        raise OptionError(f"{name}: expected an integer >= {least}, got {value!r}")


PRESETS: Final = MappingProxyType(
    {
        "default": TrainConfig(),
        # Patel et al. 2024, table 4 and the authors' released code; 16 = 1 x 8 accumulation x 2 GPUs.
        "paper": TrainConfig(
            method="qlora",
            rank=8,
            alpha=8.0,
            dropout=0.0,
            dtype="bfloat16",
            learning_rate=1e-5,
            weight_decay=0.01,
            max_epochs=500,
            patience=5,
            batch_size=16,
            micro_batch_size=1,
            gradient_checkpointing=True,
            # No setting of theirs: it changes no number, and lets 4,096 tokens fit on a card of 48 GiB.
            offload_activations=True,
        ),
    }
)
"""Name -> settings."""

SAME_CURVE: Final = frozenset({"micro_batch_size", "gradient_checkpointing", "offload_activations", "save_minutes"})
"""Settings that change memory and time but not what is learnt; a training may go on with other values of these."""


def preset(name: str, overrides: Mapping[str, Any] | None = None) -> TrainConfig:
    """A preset, with some of its values replaced.

    Raises:
        OptionError: an unknown preset or setting, or a value outside its range.
    """
    if name not in PRESETS:
        raise OptionError(f"preset: expected one of {', '.join(PRESETS)}, got {name!r}")
    known = {field.name for field in fields(TrainConfig)}
    for given in overrides or {}:
        if given not in known:
            raise OptionError(f"training: expected settings among {', '.join(sorted(known))}, got {given!r}")
    return replace(PRESETS[name], **(overrides or {}))
