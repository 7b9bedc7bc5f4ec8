"""LoRA adapters on a loaded base: loaded only where they belong.

An adapter fits when its base has the content that it was trained on (hashes in its `provenance.json`, or those of the
base that its configuration names), and when every tensor of it has a place of its shape in the base. peft checks none
of this: it leaves out tensors that have no place, and begins tensors that are missing at random.
"""

from __future__ import annotations

import json
import re
import warnings
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from tracewarp.errors import MissingExtraError, ModelError
from tracewarp.models.identity import model_folder, tokenizer_hash, weights_hash

PROVENANCE: Final = "provenance.json"
"""File in an adapter's folder: what it was trained from."""
CONFIGURATION: Final = "adapter_config.json"
GENERATION: Final = "generation_config.json"

_SHOWN: Final = 3
"""Tensors that a message names."""


def adapter_configuration(adapter: str) -> dict[str, Any]:
    """Return the configuration of a LoRA adapter.

    Args:
        adapter: folder, or name of an adapter of the hub that was downloaded before.

    Raises:
        ModelError: there is none, or it is an adapter of another kind.
    """
    folder = model_folder(adapter)
    if folder is None or not (folder / CONFIGURATION).is_file():
        raise ModelError(f"adapter: expected a folder with {CONFIGURATION}, got {adapter}")
    known = read_object(folder / CONFIGURATION)
    kind = known.get("peft_type")
    if kind != "LORA":
        raise ModelError(f"adapter: {adapter} is of the kind {kind}; expected a LoRA adapter (peft_type LORA)")
    return known


def load_adapter(
    model: Any,
    adapter: str,
    *,
    base: str,
    tokenizer: Any = None,
    revision: str | None = None,
    trainable: bool = False,
) -> Any:
    """Put a LoRA adapter into a loaded base, and the tokens that end its answers into the generation configuration.

    Args:
        model: the base, loaded by transformers; it is changed in place.
        adapter: folder of the adapter, or name of one of the hub.
        base: folder or name that the model was loaded from.
        tokenizer: the base's; None: tokenizers are not compared.
        revision: of the base.
        trainable: do the adapter's tensors get gradients?

    Returns:
        The model of peft.

    Raises:
        MissingExtraError: peft is not installed.
        ModelError: the adapter is none, is of another base, tokenizer or kind, or does not fit by names or shapes.
    """
    try:
        from peft import LoraConfig, PeftModelForCausalLM
    except ImportError as error:
        raise MissingExtraError("an adapter needs peft: pip install 'tracewarp[train]'") from error
    if model_folder(adapter) is None:
        _download(adapter)
    adapter_configuration(adapter)
    folder = model_folder(adapter)
    assert folder is not None
    check_base(adapter, base, tokenizer=tokenizer, revision=revision)
    saved = _shapes(folder, adapter)
    _check_tied(model, saved, adapter=adapter, base=base)
    fits_not = f"adapter: {adapter} does not fit {base}: "
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft warns of what is checked below
        try:
            config = LoraConfig.from_pretrained(str(folder))
            config.inference_mode = not trainable
            adapted = PeftModelForCausalLM(model, config)
        except (OSError, ValueError, TypeError, KeyError, RuntimeError, AttributeError, NotImplementedError) as error:
            raise ModelError(f"{fits_not}{_first_line(error)}") from error
        others = _check_shapes(adapted, saved, fits_not=fits_not)
        if others and trainable:
            raise ModelError(
                f"adapter: {adapter} brings weights of the base itself ({_some(others)}), which training on would "
                "leave behind; merge it into the base first (tracewarp merge)"
            )
        mapping = getattr(model, "_checkpoint_conversion_mapping", None)
        options = {"key_mapping": mapping} if mapping else {}
        try:
            result = adapted.load_adapter(str(folder), "default", is_trainable=trainable, **options)
        except (OSError, ValueError, KeyError, RuntimeError) as error:
            raise ModelError(f"{fits_not}{_first_line(error)}") from error
    missing = [key for key in result.missing_keys if "lora_" in key or ".modules_to_save." in key]
    if missing:
        raise ModelError(f"{fits_not}it has no tensor for {_some(missing)}")
    if result.unexpected_keys:
        raise ModelError(f"{fits_not}the base has no place for {_some(result.unexpected_keys)}")
    settings = model.generation_config
    settings.eos_token_id = list(dict.fromkeys([*end_tokens_of(folder), *_listed(settings.eos_token_id)])) or None
    return adapted


def end_tokens_of(folder: Path) -> tuple[int, ...]:
    """The tokens that end answers, as the generation configuration of a folder says; none where it says nothing.

    Raises:
        ModelError: the file holds something else.
    """
    path = folder / GENERATION
    return tuple(_listed(read_object(path).get("eos_token_id"))) if path.is_file() else ()


def _listed(ids: Any) -> list[int]:
    return [] if ids is None else list(ids) if isinstance(ids, list | tuple) else [ids]


def check_base(adapter: str, base: str, *, tokenizer: Any = None, revision: str | None = None) -> None:
    """Refuse an adapter that was trained on a base of another content.

    Compared are the hashes in the adapter's `provenance.json`; without them the content of the base that its
    configuration names, where that base is on this machine. Where neither is known, names and shapes decide.

    Raises:
        ModelError: it is of another base, tokenizer or chat template.
    """
    folder = model_folder(adapter)
    if folder is None:
        return
    provenance = read_object(folder / PROVENANCE) if (folder / PROVENANCE).is_file() else {}
    was_tokenizer = provenance.get("tokenizer_hash")
    if tokenizer is not None and was_tokenizer is not None:
        here_tokenizer = tokenizer_hash(tokenizer)
        if was_tokenizer != here_tokenizer:
            raise ModelError(
                f"adapter: {adapter} was trained on {provenance.get('base')} with another tokenizer or chat template "
                f"({was_tokenizer[:12]}) than that of {base} ({here_tokenizer[:12]}); use the base as it was then"
            )
    named = str(provenance.get("base") or read_object(folder / CONFIGURATION).get("base_model_name_or_path") or "")
    was = provenance.get("weights_hash") or _hash_of_named(named, base)
    here_folder = model_folder(base, revision=revision)
    if was is None or here_folder is None:
        return
    here = weights_hash(here_folder)
    if here is not None and was != here:
        raise ModelError(
            f"adapter: {adapter} was trained on {named or 'a base'} ({was[:12]}), whose configuration or weights "
            f"differ from those of {base} ({here[:12]}); use the base that it was trained on"
        )


def _hash_of_named(named: str, base: str) -> str | None:
    """The hash of the base that a configuration names, where it is here, is another one, and is not quantised."""
    folder, other = (model_folder(named), model_folder(base)) if named else (None, None)
    if folder is None or other is None or folder.resolve() == other.resolve():
        return None
    configs = [read_object(one / "config.json") for one in (folder, other) if (one / "config.json").is_file()]
    if any("quantization_config" in config for config in configs):
        return None  # a base in few bits and the same base as published have no bytes in common
    return weights_hash(folder)


def _check_tied(model: Any, saved: Iterable[str], *, adapter: str, base: str) -> None:
    """Refuse an adapter on embeddings that share their weights with the head: one of the two would be left behind."""
    inner, head = model.get_input_embeddings(), model.get_output_embeddings()
    if head is None or getattr(inner, "weight", None) is not getattr(head, "weight", None):
        return
    names = [name for name, module in model.named_modules() if module is inner or module is head]
    for name in names:
        if any(f".{name}." in f".{key}" for key in saved):
            raise ModelError(
                f"adapter: {adapter} changes {name}, and {base} shares the weights of embeddings and head (tied); "
                "expected an adapter on the layers alone"
            )


def _check_shapes(adapted: Any, saved: Mapping[str, tuple[int, ...]], *, fits_not: str) -> list[str]:
    """Compare every tensor that is saved with its place in the model; return those whose place is in the base."""
    from peft import get_peft_model_state_dict

    places = {key: tuple(tensor.shape) for key, tensor in adapted.state_dict().items()}
    expected = {
        key: tuple(tensor.shape)
        for key, tensor in get_peft_model_state_dict(adapted, save_embedding_layers=False).items()
    }
    for key, shape in saved.items():
        wanted = expected.get(key) or places.get(key)
        if wanted is not None and wanted != shape:
            raise ModelError(f"{fits_not}{key} has shape {_by(shape)}, the base has a place of shape {_by(wanted)}")
    if not any(key in expected for key in saved):
        raise ModelError(f"{fits_not}the base has no place for {_some(saved)}; its places are named {_some(expected)}")
    return [key for key in saved if key not in expected and key in places]


def _shapes(folder: Path, adapter: str) -> dict[str, tuple[int, ...]]:
    """Name and shape of every saved tensor."""
    path = folder / "adapter_model.safetensors"
    try:
        if path.is_file():
            from safetensors import safe_open

            with safe_open(str(path), framework="pt") as file:
                return {key: tuple(file.get_slice(key).get_shape()) for key in file.keys()}  # noqa: SIM118 (no mapping)
        path = folder / "adapter_model.bin"
        if path.is_file():
            import torch

            held = torch.load(path, map_location="meta", weights_only=True)
            return {key: tuple(tensor.shape) for key, tensor in held.items()}
    except Exception as error:  # safetensors and pickle raise what they like for a file that is cut
        raise ModelError(f"adapter: {path} cannot be read: {_first_line(error)}") from error
    raise ModelError(f"adapter: expected adapter_model.safetensors in {adapter}, there is none")


def _download(adapter: str) -> None:
    """Fetch an adapter of the hub, where there is a network; a path that leads nowhere is none."""
    if not re.fullmatch(r"[\w.-]+/[\w.-]+", adapter) or Path(adapter).parent.is_dir():
        return
    try:
        from huggingface_hub import snapshot_download

        snapshot_download(adapter, allow_patterns=["adapter_*", PROVENANCE, GENERATION])
    except (ImportError, OSError, ValueError) as error:
        raise ModelError(
            f"adapter: {adapter} is no folder, and was not found on the hub: {_first_line(error)}"
        ) from error


def read_object(path: Path) -> dict[str, Any]:
    """Read a file that holds a JSON object.

    Raises:
        ModelError: it holds something else.
    """
    try:
        known = json.loads(path.read_text(encoding="utf-8"))
    except (ValueError, OSError) as error:
        raise ModelError(f"{path}: expected JSON, got {error}") from error
    if not isinstance(known, dict):
        raise ModelError(f"{path}: expected a JSON object, got {type(known).__name__}")
    return known


def _some(keys: Iterable[str]) -> str:
    named = sorted(keys)
    more = f" and {len(named) - _SHOWN} more" if len(named) > _SHOWN else ""
    return ", ".join(named[:_SHOWN]) + more


def _by(shape: tuple[int, ...]) -> str:
    return " x ".join(map(str, shape)) or "none"


def _first_line(error: BaseException) -> str:
    lines = [line.strip() for line in str(error).splitlines() if line.strip()]
    return " ".join(lines)[:300] or type(error).__name__
