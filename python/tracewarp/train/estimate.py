"""What a training will take, before anything is loaded: parameters, and memory per device.

definition  weights, trained parameters and the bytes that are written are counted in the model (`measure`). optimiser:
            16 bytes per parameter of an adapter (weight, gradient, two moments in float32); with the method `full` 12
            beside the float32 weights. kept: activations that a forward pass saves for the backward pass; with
            checkpointing one hidden state per layer and token, which waits in CPU memory if it is offloaded. working:
            the activations of the one layer that is computed again, its widest gradients, a weight that is unpacked,
            and with the method `full` in bfloat16 the bfloat16 copies of the weights. scores: over the vocabulary, at
            trained tokens only (twice in the dtype, and three times in float32). 1.5 GB for the runtime.
range       bytes. Parameters, weights and files are exact; saved activations are compared with real ones by tests for
            Llama-like layers and approximate for others; the sum was not measured on a GPU
"""

from __future__ import annotations

from dataclasses import dataclass
from types import MappingProxyType
from typing import Final

from tracewarp.train.config import TrainConfig
from tracewarp.train.measure import measure

RUNTIME_BYTES: Final = 1.5e9

ANSWER_TOKENS: Final = 384
"""Tokens that carry loss in an example, where nothing better is known: the limit on an answer when trajectories are
collected (Patel et al. 2024, table 5)."""

KEPT_BYTES: Final = MappingProxyType(
    {
        ("adapter", 2): (36, 10, 4),
        ("adapter", 4): (24, 16, 8),
        ("full", 2): (30, 8, 4),
        ("full", 4): (34, 16, 8),
    }
)
"""(what learns, bytes of the dtype) -> bytes that a layer keeps for each token, per hidden unit, per unit of the
multilayer perceptron, and per unit of the keys. Counted in a Llama of transformers: with peft, whose adapters copy what
they take in into float32, and with float32 weights under autocast, whose hidden states stay in float32."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """Of one device, in bytes."""

    parameters: int
    """Of the base; tied weights once."""
    trained_parameters: int
    """Of the adapter; with the method `full`, of the base."""
    saved: int
    """Bytes of the tensors that are written: of the adapter; with the method `full`, of the whole model."""
    tokens: int
    """Of the longest example."""
    trained_tokens: int
    """Of its answer."""
    weights: int
    optimiser: int
    """What learning needs: gradients, moments, and adapters themselves."""
    kept: float
    """On the device."""
    working: float
    scores: float
    runtime: float

    @property
    def activations(self) -> float:
        """Everything that depends on the length of an example."""
        return self.kept + self.working + self.scores

    @property
    def total(self) -> float:
        """All of it."""
        return self.weights + self.optimiser + self.activations + self.runtime


def estimate(
    base: str, config: TrainConfig, *, tokens: int, trained_tokens: int = ANSWER_TOKENS, adapter: str | None = None
) -> Estimate:
    """Say what a device needs that holds a copy of the model (data parallel). No weights are loaded.

    Args:
        base: a folder with config.json, one of `tracewarp.train.bases.KNOWN`, or a downloaded model.
        config: of the training.
        tokens: of the longest example.
        trained_tokens: of its answer.
        adapter: an earlier adapter that is trained on.

    Raises:
        MissingExtraError: torch, transformers or peft are not installed.
        OptionError: the base is not known, no causal language model, or takes no adapter.
    """
    model = measure(base, config, adapter=adapter)
    full = config.method == "full"
    # The method `full` holds float32 weights, and computes in the dtype.
    width = 4 if config.dtype == "float32" else 2
    rows = tokens * config.micro_batch_size
    per_hidden, per_intermediate, per_key = KEPT_BYTES["full" if full else "adapter", width]
    layer: float = rows * (
        per_hidden * model.hidden
        + per_intermediate * model.intermediate
        + per_key * model.keys
        + 4 * model.lora_units / model.layers
    )
    if config.gradient_checkpointing:
        kept, working = float(rows * model.hidden * (4 if full else width) * model.layers), layer
    else:
        kept, working = layer * model.layers, 0.0
    unpacked = model.widest * width if config.method == "qlora" else 0
    cast = model.linear_parameters * width if full and width < 4 else 0
    gradients = 2 * rows * (model.hidden + model.intermediate) * width
    return Estimate(
        parameters=model.parameters,
        trained_parameters=model.trained_parameters,
        saved=model.saved_bytes,
        tokens=tokens,
        trained_tokens=min(tokens, trained_tokens),
        weights=model.weight_bytes,
        # Gradients and two moments in float32; weights of an adapter too, those of the base are counted above.
        optimiser=model.trained_parameters * (12 if full else 16),
        kept=0.0 if config.offload_activations else kept,
        working=working + unpacked + cast + gradients,
        scores=min(tokens, trained_tokens) * config.micro_batch_size * model.vocabulary * (2.0 * width + 12),
        runtime=RUNTIME_BYTES,
    )
