"""Adapters on their way out: merged into a whole model, and the lines that serve them."""

from __future__ import annotations

import json
import os
import shlex
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, Literal

from tracewarp.errors import MissingExtraError, ModelError, OptionError, TrainingError
from tracewarp.models.adapters import read_object
from tracewarp.train.loading import in_one_line, load_errors, shortened


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

        from tracewarp.models.adapters import PROVENANCE, adapter_configuration, end_tokens_of, load_adapter
        from tracewarp.train.merging import add_updates
        from tracewarp.train.state import written_beside
        from tracewarp.train.stopping import write_generation_config
    except ImportError as error:
        raise MissingExtraError(f"merging needs {error.name}: pip install 'tracewarp[train]'") from error
    try:
        adapter_configuration(str(adapter))
        with load_errors(f"base: {shortened(named)}"):
            model = AutoModelForCausalLM.from_pretrained(named, dtype=dtype)
        with load_errors(f"base: the tokenizer of {shortened(named)}"):
            tokenizer = AutoTokenizer.from_pretrained(named)
        stored = str(model.dtype).removeprefix("torch.")
        ends = end_tokens_of(Path(adapter))
        merged, kept = add_updates(load_adapter(model, str(adapter), base=named, tokenizer=tokenizer))
    except ModelError as error:
        raise TrainingError(str(error)) from error
    except (OSError, ValueError, RuntimeError) as error:
        raise TrainingError(f"adapter: {adapter} could not be merged into {named}: {in_one_line(error)}") from error
    with written_beside(target) as beside:
        # It is written below, as JSON: transformers refuses to write some published ones.
        merged.generation_config = GenerationConfig()
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
        return read_object(path)
    except ModelError as error:
        raise TrainingError(str(error)) from error


VLLM_RANKS: Final = (16, 32, 64, 128, 256, 320, 512)
"""Values of vLLM's `--max-lora-rank`; the first one is its default, which refuses adapters of a higher rank."""


def serving_lines(
    base: str, trained: str | os.PathLike[str], *, whole: bool = False, rank: int = 8, name: str = "improved"
) -> tuple[str, ...]:
    """Return the commands with which an agent uses what was trained: in its own process, and by servers.

    Args:
        base: folder or name of the base.
        trained: folder of the adapter, or of the model where all weights were trained.
        whole: is it a whole model? It needs no base and no merge.
        rank: of the adapter.
        name: under which servers offer the adapter.
    """
    folder = os.fspath(trained)

    def line(*words: str) -> str:
        return shlex.join(words)

    def converted(model: str) -> str:
        to_gguf = line("python", "convert_hf_to_gguf.py", model, "--outfile", f"{model}.gguf")
        return f"{to_gguf} && {line('llama-server', '-m', f'{model}.gguf')}"

    def collected(policy: str) -> str:
        return line("tracewarp", "collect", "--policy", policy, "--out", "RUN")

    if whole:
        return (
            collected(f"model:name=hf:{folder}"),
            line("vllm", "serve", folder),
            line("python", "-m", "sglang.launch_server", "--model-path", folder),
            line("transformers", "serve", folder),
            converted(folder),
            collected(f"model:name=openai:{folder},base_url=http://localhost:8000/v1"),
        )
    merged = line("tracewarp", "merge", folder, "--out", "MERGED")
    allowed = [known for known in VLLM_RANKS if known >= rank]
    ranks = () if rank <= VLLM_RANKS[0] else ("--max-lora-rank", str(allowed[0])) if allowed else None
    by_vllm = (
        f"{merged} && {line('vllm', 'serve', 'MERGED', '--served-model-name', name)}"  # a rank that vLLM does not take
        if ranks is None
        else line(
            *("vllm", "serve", base, "--enable-lora", *ranks, "--lora-modules", f"{name}={folder}"),
            *("--generation-config", folder),  # the tokens that end answers
        )
    )
    return (
        collected(f"model:name=hf:{base}+{folder}"),
        by_vllm,
        line("python", "-m", "sglang.launch_server", "--model-path", base, "--lora-paths", f"{name}={folder}"),
        f"{merged} && {line('transformers', 'serve', 'MERGED')}",
        f"{merged} && {converted('MERGED')}",
        collected(f"model:name=openai:{name},base_url=http://localhost:8000/v1"),
    )
