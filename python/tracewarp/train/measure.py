"""The parameters and bytes of a model and its adapter, counted in the model itself on torch's meta device.

definition  The model is built from its configuration without memory for its weights, in the dtype in which it is
            trained; the adapter is put on it by peft as in training. Tied weights count once. With the method `qlora`
            every linear layer but the head is stored as bitsandbytes does: half a byte per weight, a byte per block of
            64 weights (scale), and four bytes per 256 scales. Experts that are held in one tensor are no linear layers
            and stay in the dtype.
result      equal to what is loaded and written; a file of safetensors has its header besides
source      Dettmers et al. 2023 (QLoRA), section 3, for the blocks
"""

from __future__ import annotations

import math
import warnings
from dataclasses import dataclass
from typing import Any

from tracewarp.errors import MissingExtraError, ModelError, OptionError
from tracewarp.models.adapters import adapter_configuration
from tracewarp.train.bases import configuration
from tracewarp.train.config import TrainConfig
from tracewarp.train.loading import in_one_line


@dataclass(frozen=True, slots=True)
class Measured:
    """What a training holds and writes."""

    parameters: int
    """Of the base; tied weights once."""
    trained_parameters: int
    """Of the adapter; with the method `full`, of the base."""
    weight_bytes: int
    """Of the base on a device, as it is trained."""
    saved_bytes: int
    """Of the tensors that are written: of the adapter; with the method `full`, of the model in the base's own dtype."""
    linear_parameters: int
    """In linear layers but the head."""
    widest: int
    """Weights of the largest of these layers."""
    lora_units: int
    """Outputs of all A matrices of the adapter, per token."""
    hidden: int
    layers: int
    vocabulary: int
    keys: int
    """Units of the keys."""
    intermediate: int
    """Units of the multilayer perceptron that a token passes through, in all experts together."""


def measure(base: str, config: TrainConfig, *, adapter: str | None = None) -> Measured:
    """Count a base and what is trained of it. No weights are loaded.

    Args:
        base: as `tracewarp.train.bases.configuration` takes it.
        config: of the training.
        adapter: an earlier adapter that is trained on; it keeps its own rank and layers.

    Raises:
        MissingExtraError: torch, transformers or peft are not installed.
        OptionError: the base is not known, no causal language model, or takes no adapter.
    """
    if adapter is not None:
        if config.method == "full":
            raise OptionError("adapter: expected none with the method full; merge it into the base first")
        try:
            adapter_configuration(adapter)
        except ModelError as error:
            raise OptionError(str(error)) from error
    known = configuration(base)
    try:
        import torch
        from peft import LoraConfig, get_peft_model, get_peft_model_state_dict
        from transformers import AutoModelForCausalLM

        from tracewarp.train.weights import lora_settings
    except ImportError as error:
        raise MissingExtraError(f"an estimate needs {error.name}: pip install 'tracewarp[train]'") from None
    automatic: Any = AutoModelForCausalLM  # has no annotations
    full = config.method == "full"
    dtype = torch.float32 if full else getattr(torch, config.dtype)
    stored = _stored_dtype(known)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # they are about weights, of which there are none
        try:
            with torch.device("meta"):
                model = automatic.from_config(known, dtype=dtype)
        except Exception as error:  # a model's own code, which refuses sizes that do not fit in any way it likes
            raise OptionError(
                f"base: {base} is no causal language model that can be built: {in_one_line(error)}"
            ) from None
        linear = _linear_layers(model)
        parameters = sum(parameter.numel() for parameter in model.parameters())
        held = {id(parameter): parameter for parameter in model.parameters()}
        weight_bytes = sum(parameter.numel() * parameter.element_size() for parameter in held.values())
        if config.method == "qlora":
            weight_bytes += sum(
                _nf4_bytes(weight.numel()) - weight.numel() * weight.element_size() for weight in linear
            )
        sizes = [weight.numel() for weight in linear]
        if full:
            trained, units = parameters, 0
            saved = sum(_stored_bytes(tensor, stored) for tensor in (*held.values(), *_saved_buffers(model)))
        else:
            try:
                settings = lora_settings(config) if adapter is None else LoraConfig.from_pretrained(adapter)
                settings.inference_mode = False
                with torch.device("meta"):
                    adapted = get_peft_model(model, settings)
            except (OSError, ValueError, TypeError, RuntimeError, NotImplementedError) as error:
                raise OptionError(
                    f"base: no adapter can be put on {base}: {in_one_line(error)}; use method=full"
                ) from None
            learnt = [(name, p) for name, p in adapted.named_parameters() if p.requires_grad]
            trained = sum(parameter.numel() for _, parameter in learnt)
            units = sum(parameter.shape[0] for name, parameter in learnt if "lora_A" in name)
            tensors = get_peft_model_state_dict(adapted, save_embedding_layers=False).values()
            saved = sum(tensor.numel() * tensor.element_size() for tensor in tensors)
    return Measured(
        parameters=parameters,
        trained_parameters=trained,
        weight_bytes=weight_bytes,
        saved_bytes=saved,
        linear_parameters=sum(sizes),
        widest=max(sizes, default=0),
        lora_units=units,
        **_dimensions(known),
    )


def _linear_layers(model: Any) -> list[Any]:
    """Weights of the layers that bitsandbytes replaces: all that are linear, but the head."""
    from torch import nn
    from transformers.pytorch_utils import Conv1D

    head = model.get_output_embeddings()
    kinds = (nn.Linear, Conv1D)
    return [module.weight for module in model.modules() if isinstance(module, kinds) and module is not head]


def _nf4_bytes(weights: int) -> int:
    blocks = math.ceil(weights / 64)
    return math.ceil(weights / 2) + blocks + 4 * math.ceil(blocks / 256)


def _saved_buffers(model: Any) -> list[Any]:
    return [
        buffer
        for module in model.modules()
        for name, buffer in module.named_buffers(recurse=False)
        if name not in module._non_persistent_buffers_set
    ]


def _stored_bytes(tensor: Any, dtype: Any) -> int:
    return int(tensor.numel() * (dtype.itemsize if tensor.is_floating_point() else tensor.element_size()))


def _stored_dtype(known: Any) -> Any:
    """The dtype that a base is stored in, as its configuration says."""
    import torch

    dtype = getattr(known, "dtype", None) or torch.float32
    return getattr(torch, dtype) if isinstance(dtype, str) else dtype


def _dimensions(known: Any) -> dict[str, int]:
    """Sizes of a token's way through the model, from its configuration."""
    text = known.get_text_config()
    hidden = text.hidden_size
    heads = getattr(text, "num_attention_heads", None) or 1
    head = getattr(text, "head_dim", None) or hidden // heads
    intermediate = getattr(text, "intermediate_size", None) or 4 * hidden
    experts = getattr(text, "num_experts_per_tok", None)
    if experts:
        shared = getattr(text, "shared_expert_intermediate_size", None) or 0
        intermediate = experts * (getattr(text, "moe_intermediate_size", None) or intermediate) + shared
    return {
        "hidden": hidden,
        "layers": text.num_hidden_layers,
        "vocabulary": text.vocab_size,
        "keys": (getattr(text, "num_key_value_heads", None) or heads) * head,
        "intermediate": intermediate,
    }
