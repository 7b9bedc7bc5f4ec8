"""A base model made ready for training: loaded, quantised, with fresh or earlier adapters.

This module, `loop`, `state` and `steps` need torch; what imports them does so inside functions.
"""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import torch
from safetensors.torch import load_file
from transformers import AutoConfig, AutoModelForCausalLM, AutoTokenizer, BitsAndBytesConfig, GenerationConfig

from tracewarp.errors import ModelError, TrainingError
from tracewarp.models.adapters import CONFIGURATION, adapter_configuration, load_adapter
from tracewarp.models.identity import model_folder, weight_files, weights_hash
from tracewarp.train.config import TrainConfig
from tracewarp.train.loading import in_one_line, load_errors, shortened


def load_tokenizer(base: str) -> Any:
    """The tokenizer of a base.

    Raises:
        TrainingError: there is none, or the base is an adapter.
    """
    with load_errors(f"base: the tokenizer of {shortened(base)}"):
        if (Path(base) / CONFIGURATION).is_file() and not (Path(base) / "config.json").is_file():
            raise TrainingError(f"base: {base} is an adapter; give its base as base, and this folder as adapter")
        return AutoTokenizer.from_pretrained(base)


def context_of(base: str) -> int | None:
    """Tokens that a base can take in at once, as its configuration says; None where it does not.

    Raises:
        TrainingError: there is no configuration.
    """
    with load_errors(f"base: the configuration of {shortened(base)}"):
        known = getattr(AutoConfig.from_pretrained(base), "max_position_embeddings", None)
    return known if isinstance(known, int) and known > 0 else None


def vocabulary_of(base: str) -> int | None:
    """Rows of a base's embeddings, as its configuration says; None where it does not."""
    known = getattr(AutoConfig.from_pretrained(base).get_text_config(), "vocab_size", None)
    return known if isinstance(known, int) else None


def stored_dtype(base: str) -> str:
    """The dtype that a base is stored in, as its configuration says."""
    config = AutoConfig.from_pretrained(base)
    known = getattr(config, "dtype", None) or getattr(config, "torch_dtype", None)  # the older name until 4.56
    return str(known).removeprefix("torch.") if known is not None else "float32"


def load_for_training(
    base: str, config: TrainConfig, *, adapter: str | None = None, tokenizer: Any = None, device: str = "cpu"
) -> Any:
    """Load a model in which only what is to be trained has gradients, in float32.

    With the method `full` these float32 weights are the master weights of mixed precision: in bfloat16 most updates
    would be smaller than half a unit in the last place, and be rounded away.

    Args:
        base: folder or name of a causal language model.
        config: method, rank, dtype, ...
        adapter: an earlier adapter of the same base to train on; None: a fresh one, whose start depends on the seed.
        tokenizer: the base's, to compare with that of the adapter.
        device: where the weights go.

    Raises:
        TrainingError: the base cannot be loaded, the adapter is of another base, or does not fit the method.
    """
    full = config.method == "full"
    if full and adapter is not None:
        raise TrainingError("adapter: expected none with the method full; merge it into the base first")
    dtype = torch.float32 if full else getattr(torch, config.dtype)
    options: dict[str, Any] = {"dtype": dtype, "device_map": {"": device}}
    if config.method == "qlora":
        options["quantization_config"] = quantization(config)
    with load_errors(f"base: {shortened(base)}"):
        model = AutoModelForCausalLM.from_pretrained(base, **options)
    keep_nf4_exact(model)
    model.config.use_cache = False
    if config.gradient_checkpointing:
        # transformers 5 renamed it; the old name goes when the extra asks for 5.
        enable = getattr(model, "activation_checkpointing_enable", None) or model.gradient_checkpointing_enable
        enable({"use_reentrant": False})
        model.enable_input_require_grads()
    if not full:
        model = _with_adapter(model, base, config, adapter, tokenizer)
    low = sorted({name for name, p in model.named_parameters() if p.requires_grad and p.dtype != torch.float32})
    if low:
        raise TrainingError(
            f"adapter: {adapter} trains {low[0]} in {config.dtype}, where small updates are rounded away; use "
            "dtype=float32"
        )
    return model


def quantization(config: TrainConfig) -> Any:
    """NF4 with double quantisation; products and storage in the config's dtype."""
    dtype = getattr(torch, config.dtype)
    return BitsAndBytesConfig(
        load_in_4bit=True,
        bnb_4bit_quant_type="nf4",
        bnb_4bit_use_double_quant=True,
        bnb_4bit_compute_dtype=dtype,
        bnb_4bit_quant_storage=dtype,
    )


def keep_nf4_exact(model: Any) -> None:
    """Keep bitsandbytes from repacking 4-bit weights on CPUs with AVX512-BF16.

    Its layers repack at the first forward pass in evaluation mode; training after that gets wrong gradients, silently
    (median cosine with the right ones .27). Goes when a release of bitsandbytes repacks back.
    """
    for module in model.modules():
        if hasattr(module, "support_avx512bf16_for_cpu"):
            module.support_avx512bf16_for_cpu = False


def _with_adapter(model: Any, base: str, config: TrainConfig, adapter: str | None, tokenizer: Any) -> Any:
    from peft import get_peft_model

    if adapter is not None:
        try:
            return load_adapter(model, adapter, base=base, tokenizer=tokenizer, trainable=True)
        except ModelError as error:
            raise TrainingError(str(error)) from error
    torch.manual_seed(config.seed)  # LoRA's A is drawn at random
    try:
        return get_peft_model(model, lora_settings(config))
    except (ValueError, RuntimeError, NotImplementedError) as error:
        raise TrainingError(
            f"base: no adapter can be put on {base!r}: {in_one_line(error)}; use method=full"
        ) from error


def lora_settings(config: TrainConfig) -> Any:
    """LoRA on every linear layer but the head, as peft takes it."""
    from peft import LoraConfig

    alpha: Any = config.alpha  # typed as an int by peft, which divides it by the rank
    return LoraConfig(
        r=config.rank,
        lora_alpha=alpha,
        lora_dropout=config.dropout,
        target_modules="all-linear",  # which leaves out the head
        task_type="CAUSAL_LM",
    )


def with_own_settings(config: TrainConfig, adapter: str | None) -> TrainConfig:
    """The settings with rank, alpha and dropout of an earlier adapter, which keeps its own when training goes on.

    Raises:
        TrainingError: the adapter is none.
    """
    if adapter is None:
        return config
    try:
        own = adapter_configuration(adapter)
    except ModelError as error:
        raise TrainingError(str(error)) from error
    return replace(config, rank=own["r"], alpha=float(own["lora_alpha"]), dropout=float(own.get("lora_dropout", 0.0)))


def save_trained(model: Any, folder: Path, *, dtype: str) -> None:
    """Write an adapter, or a whole model in a dtype of its own; the same weights give the same bytes."""
    if hasattr(model, "peft_config"):
        model.save_pretrained(folder, save_embedding_layers=False)
        _sort_sets(folder / CONFIGURATION, model.peft_config["default"])
        return
    wanted, cast = getattr(torch, dtype), {}
    tensors = {}
    for name, tensor in model.state_dict().items():
        place = (tensor.data_ptr(), tensor.shape)
        if place not in cast:  # weights that are shared stay shared
            cast[place] = tensor.to(wanted) if tensor.is_floating_point() else tensor
        tensors[name] = cast[place]
    model.generation_config = GenerationConfig()  # transformers refuses to write some published ones
    model.save_pretrained(folder, state_dict=tensors)
    config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
    config["dtype" if "dtype" in config else "torch_dtype"] = dtype
    (folder / "config.json").write_text(json.dumps(config, indent=2, sort_keys=True) + "\n", encoding="utf-8")


def _sort_sets(path: Path, config: Any) -> None:
    """Sort what peft writes in the order of a set, which differs between processes."""
    known = json.loads(path.read_text(encoding="utf-8"))
    for name, value in known.items():
        if isinstance(getattr(config, name, None), set):
            known[name] = sorted(value)
    path.write_text(json.dumps(known, indent=2, sort_keys=True), encoding="utf-8")


def load_trained(model: Any, folder: Path) -> None:
    """Put weights that `save_trained` wrote back into the model that they are of."""
    if hasattr(model, "peft_config"):
        from peft import set_peft_model_state_dict

        set_peft_model_state_dict(model, load_file(folder / "adapter_model.safetensors"))
        return
    for path in weight_files(folder):
        model.load_state_dict(load_file(path), strict=False)


def base_hash(base: str) -> str | None:
    """The hash of a base's configuration and weights; what a name of the hub stands for is downloaded first.

    Raises:
        TrainingError: there is no such model.
    """
    if not Path(base).is_dir():
        from huggingface_hub import snapshot_download

        try:
            folder = Path(snapshot_download(base, allow_patterns=["*.json", "*.safetensors"], ignore_patterns=["*/*"]))
            if not weight_files(folder):
                snapshot_download(base, allow_patterns=["*.json", "pytorch_model*.bin"])
        except (OSError, ValueError) as error:
            raise TrainingError(f"base: {base!r} could not be loaded: {error}") from error
    folder_of = model_folder(base)
    return weights_hash(folder_of) if folder_of is not None else None
