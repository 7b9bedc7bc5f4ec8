"""Adapters on their way out: merged into a whole model, and the lines that serve them."""

from __future__ import annotations

import json
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

from tracewarp.errors import MissingExtraError, ModelError, OptionError, TrainingError


@dataclass(frozen=True, slots=True)
class Merged:
    """A merged model."""

    folder: Path
    dtype: str
    """That its weights are stored in."""
    kept: float
    """Share of the update that is left after rounding to `dtype`: <stored - base, update> / <update, update>."""


def base_of(adapter: str | os.PathLike[str]) -> str:
    """The base that an adapter says it is of.

    Raises:
        TrainingError: the folder holds no adapter.
    """
    path = Path(adapter) / "adapter_config.json"
    if not path.is_file():
        raise TrainingError(f"adapter: expected a folder with adapter_config.json, got {adapter}")
    named = _read(path).get("base_model_name_or_path")
    if not named:
        raise TrainingError(f"adapter: {path} names no base; name it with --base")
    return str(named)


def merge(
    adapter: str | os.PathLike[str],
    out: str | os.PathLike[str],
    *,
    base: str | None = None,
    dtype: Literal["auto", "float32"] = "auto",
) -> Merged:
    """Write the base with the adapter's updates added to its weights, as one model with its tokenizer.

    The base is loaded without quantisation. Updates are added in float32, and each sum is rounded once.

    Args:
        adapter: folder.
        out: folder to write; it must not be there yet.
        base: None: the one that the adapter names.
        dtype: of the weights that are written: `auto` is the base's own, `float32` keeps updates that are smaller than
            half a unit in the last place of bfloat16.

    Raises:
        MissingExtraError: torch, transformers or peft are not installed.
        OptionError: another dtype.
        TrainingError: the adapter is none, is no LoRA adapter, is of another base or does not fit it, the base is not
            there or is stored in few bits, or `out` is there.
        FileError: the disk is full; nothing is left of `out` then.
    """
    if dtype not in ("auto", "float32"):
        raise OptionError(f"dtype: expected auto or float32, got {dtype!r}")
    target = Path(out)
    if target.exists():
        raise TrainingError(f"out: expected a folder that is not there yet, got {target}")
    named = base_of(adapter) if base is None else base
    _check_base(named)
    try:
        from transformers import AutoModelForCausalLM, AutoTokenizer, GenerationConfig

        from tracewarp.models.adapters import PROVENANCE, adapter_configuration, load_adapter
        from tracewarp.train.merging import add_updates
        from tracewarp.train.state import written_beside
        from tracewarp.train.stopping import kept_end_tokens, write_generation_config
    except ImportError as error:
        raise MissingExtraError(f"merging needs {error.name}: pip install 'tracewarp[train]'") from error
    try:
        adapter_configuration(str(adapter))
        model = AutoModelForCausalLM.from_pretrained(named, dtype=dtype)
        tokenizer = AutoTokenizer.from_pretrained(named)
        stored = str(model.dtype).removeprefix("torch.")
        ends = kept_end_tokens(Path(adapter))
        merged, kept = add_updates(load_adapter(model, str(adapter), base=named, tokenizer=tokenizer))
    except ModelError as error:
        raise TrainingError(str(error)) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingError(f"adapter: {adapter} could not be merged into {named}: {error}") from error
    with written_beside(target) as beside:
        merged.generation_config = (
            GenerationConfig()
        )  # written below; transformers refuses to write some published ones
        merged.save_pretrained(beside)
        write_generation_config(beside, named, ends)
        tokenizer.save_pretrained(beside)
        about = Path(adapter) / PROVENANCE
        known = _read(about) if about.is_file() else {}
        known["merged"] = {"adapter": str(adapter), "base": named, "dtype": stored, "kept": kept}
        (beside / PROVENANCE).write_text(json.dumps(known, indent=1, ensure_ascii=False), encoding="utf-8")
    return Merged(target, stored, kept)


def _check_base(named: str) -> None:
    folder = Path(named)
    if not folder.is_dir():
        if folder.is_absolute() or named.startswith("."):
            raise TrainingError(f"base: {named} is not there; say where it is now with --base")
        return
    if (folder / "adapter_config.json").is_file() and not (folder / "config.json").is_file():
        raise TrainingError(f"base: {named} is an adapter itself; expected a whole model")
    config = folder / "config.json"
    if config.is_file() and "quantization_config" in _read(config):
        raise TrainingError(
            f"base: {named} is stored in few bits, where updates would be rounded away; expected the base as published"
        )


def _read(path: Path) -> dict[str, Any]:
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise TrainingError(f"{path}: expected JSON, got {error}") from error
    if not isinstance(known, dict):
        raise TrainingError(f"{path}: expected a JSON object, got {type(known).__name__}")
    return known


def serving_lines(base: str, adapter: str | os.PathLike[str], *, name: str = "improved") -> tuple[str, ...]:
    """How an agent uses the adapter in its own process, and how servers take it, one command a line."""
    return (
        f"tracewarp collect --policy model:name=hf:{base}+{adapter} --out RUN",
        f"vllm serve {base} --enable-lora --lora-modules {name}={adapter}",
        f"python -m sglang.launch_server --model-path {base} --lora-paths {name}={adapter}",
        f"tracewarp merge {adapter} --out MERGED && transformers serve MERGED",
        f"tracewarp merge {adapter} --out MERGED && python convert_hf_to_gguf.py MERGED && llama-server -m MERGED.gguf",
        f"tracewarp collect --policy model:name=openai:{name},base_url=http://localhost:8000/v1 --out RUN",
    )
