"""Configurations of bases: of folders, of downloaded models, and of known names. None of them asks a network."""

from __future__ import annotations

import difflib
import os
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final

from tracewarp.errors import MissingExtraError, OptionError
from tracewarp.train.loading import in_one_line, shortened

_SIZES: Final = (
    "hidden_size", "num_hidden_layers", "num_attention_heads", "num_key_value_heads", "intermediate_size", "vocab_size",
)  # fmt: skip


def _dimensions(kind: str, *sizes: int, **more: Any) -> Mapping[str, Any]:
    usual = {"model_type": kind, "tie_word_embeddings": False, "dtype": "bfloat16"}
    return MappingProxyType({**usual, **dict(zip(_SIZES, sizes, strict=True)), **more})


_MOE: Final = {"num_experts": 128, "num_experts_per_tok": 8, "moe_intermediate_size": 768, "head_dim": 128}
_TIED: Final = {"tie_word_embeddings": True}

KNOWN: Final[Mapping[str, Mapping[str, Any]]] = MappingProxyType(
    {
        "Qwen/Qwen1.5-72B-Chat": _dimensions("qwen2", 8192, 80, 64, 64, 24576, 152064),
        "Qwen/Qwen2.5-0.5B-Instruct": _dimensions("qwen2", 896, 24, 14, 2, 4864, 151936, **_TIED),
        "Qwen/Qwen2.5-1.5B-Instruct": _dimensions("qwen2", 1536, 28, 12, 2, 8960, 151936, **_TIED),
        "Qwen/Qwen2.5-3B-Instruct": _dimensions("qwen2", 2048, 36, 16, 2, 11008, 151936, **_TIED),
        "Qwen/Qwen2.5-7B-Instruct": _dimensions("qwen2", 3584, 28, 28, 4, 18944, 152064),
        "Qwen/Qwen2.5-14B-Instruct": _dimensions("qwen2", 5120, 48, 40, 8, 13824, 152064),
        "Qwen/Qwen2.5-32B-Instruct": _dimensions("qwen2", 5120, 64, 40, 8, 27648, 152064),
        "Qwen/Qwen2.5-72B-Instruct": _dimensions("qwen2", 8192, 80, 64, 8, 29568, 152064),
        "Qwen/Qwen3-0.6B": _dimensions("qwen3", 1024, 28, 16, 8, 3072, 151936, head_dim=128, **_TIED),
        "Qwen/Qwen3-4B": _dimensions("qwen3", 2560, 36, 32, 8, 9728, 151936, head_dim=128, **_TIED),
        "Qwen/Qwen3-8B": _dimensions("qwen3", 4096, 36, 32, 8, 12288, 151936, head_dim=128),
        "Qwen/Qwen3-32B": _dimensions("qwen3", 5120, 64, 64, 8, 25600, 151936, head_dim=128),
        "Qwen/Qwen3-30B-A3B": _dimensions("qwen3_moe", 2048, 48, 32, 4, 6144, 151936, **_MOE),
        "meta-llama/Llama-2-7b-chat-hf": _dimensions("llama", 4096, 32, 32, 32, 11008, 32000, dtype="float16"),
        "meta-llama/Meta-Llama-3-8B-Instruct": _dimensions("llama", 4096, 32, 32, 8, 14336, 128256),
        "meta-llama/Meta-Llama-3-70B-Instruct": _dimensions("llama", 8192, 80, 64, 8, 28672, 128256),
        "meta-llama/Llama-3.1-8B-Instruct": _dimensions("llama", 4096, 32, 32, 8, 14336, 128256),
        "meta-llama/Llama-3.1-70B-Instruct": _dimensions("llama", 8192, 80, 64, 8, 28672, 128256),
        "meta-llama/Llama-3.2-1B-Instruct": _dimensions("llama", 2048, 16, 32, 8, 8192, 128256, **_TIED),
        "meta-llama/Llama-3.2-3B-Instruct": _dimensions("llama", 3072, 28, 24, 8, 8192, 128256, **_TIED),
        "mistralai/Mistral-7B-Instruct-v0.3": _dimensions("mistral", 4096, 32, 32, 8, 14336, 32768),
        "mistralai/Mixtral-8x7B-Instruct-v0.1": _dimensions("mixtral", 4096, 32, 32, 8, 14336, 32000),
    }
)
"""Name -> the dimensions of its published configuration; a plan for one of them needs neither network nor weights."""


def configuration(base: str) -> Any:
    """Return the configuration of a base, of transformers.

    Args:
        base: a folder with config.json, one of `KNOWN`, or a name that is in the local cache of Hugging Face.

    Raises:
        MissingExtraError: transformers is not installed.
        OptionError: none of these, or a configuration that cannot be read.
    """
    try:
        from transformers import AutoConfig
    except ImportError as error:
        raise MissingExtraError(f"an estimate needs {error.name}: pip install 'tracewarp[train]'") from None
    folder, is_folder = Path(base), os.path.isdir(base)  # noqa: PTH112 (pathlib raises for names that are too long)
    if not is_folder and base in KNOWN:
        dimensions = dict(KNOWN[base])
        return AutoConfig.for_model(dimensions.pop("model_type"), **dimensions)
    if is_folder and not (folder / "config.json").is_file():
        has = "an adapter; expected its base" if (folder / "adapter_config.json").is_file() else "a folder without one"
        raise OptionError(f"base: expected a model's folder with config.json, got {base}, {has}")
    try:
        return AutoConfig.from_pretrained(base, local_files_only=True, trust_remote_code=False)
    except Exception as error:  # classes of configurations check their values with exceptions of many types
        if is_folder:
            raise OptionError(f"base: the configuration of {base} cannot be read: {in_one_line(error)}") from None
        near = difflib.get_close_matches(base, list(KNOWN), n=1)
        hint = f"did you mean {near[0]}?" if near else "download the model, or name one whose dimensions are known"
        expected = "expected a folder with config.json, a downloaded model or a known name"
        raise OptionError(f"base: {expected}, got {shortened(base)}; {hint}") from None
