"""A whole fine-tuning in a folder: data and base in, an adapter with its provenance out."""

from __future__ import annotations

import hashlib
import json
import os
import shutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from importlib import metadata
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from tracewarp.errors import MissingExtraError, RunMismatchError
from tracewarp.train.config import SAME_CURVE, TrainConfig
from tracewarp.train.forms import Conversation
from tracewarp.train.samples import Samples, encode_samples

if TYPE_CHECKING:
    from tracewarp.train.loop import Curve, Moment
    from tracewarp.train.stopping import StopCheck

ADAPTER: Final = "adapter"
SUMMARY: Final = "training.json"
BEGUN: Final = "begun.json"


@dataclass(frozen=True, slots=True)
class Trained:
    """What a fine-tuning gave."""

    adapter: Path
    """Folder: of the adapter, or of the whole model with the method `full`."""
    curve: Curve
    config: TrainConfig
    n_train: int
    n_validation: int
    too_long: int
    """Examples that were left out, training and validation together."""
    trained_tokens: int
    """Tokens that carry loss in an epoch."""
    tokens: int
    """Tokens in an epoch."""
    trained_parameters: int
    parameters: int
    notes: tuple[str, ...] = ()
    """Sentences for the reader: settings that an earlier adapter kept, a trained model that does not stop."""


def fine_tune(
    base: str,
    train: Sequence[Conversation],
    validation: Sequence[Conversation],
    config: TrainConfig,
    *,
    out: str | os.PathLike[str],
    adapter: str | None = None,
    progress: Callable[[Moment], None] | None = None,
    device: str = "auto",
) -> Trained:
    """Fine-tune a base on conversations.

    Args:
        base: folder or name of a causal language model of transformers.
        train: what is learnt.
        validation: what decides when to stop; shares no task with the training data.
        config: settings.
        out: folder; the same call goes on after a kill, also with other values of the settings that change memory and
            time alone (`SAME_CURVE`); a finished training is read back.
        adapter: an earlier adapter of the same base to train on from; it keeps its own rank, alpha and dropout.
        progress: called after every update.
        device: `auto` (a GPU where there is one, several under `accelerate launch`) or `cpu`.

    Raises:
        MissingExtraError: torch, transformers, peft or accelerate are not installed.
        EmptyInputError: no example, or none short enough.
        InputError: a tokenizer that cannot be trained with.
        RunMismatchError: the folder was begun with other settings or data.
        TrainingError: the base or adapter does not load, the loss is no number, or memory ran out.
        FileError: the disk is full; what was saved before is kept.
    """
    try:
        from accelerate import Accelerator

        from tracewarp.models.chat import ChatFormat
        from tracewarp.models.identity import tokenizer_hash
        from tracewarp.train import loop, state, steps, stopping, weights
    except ImportError as error:
        raise MissingExtraError(f"training needs {error.name}: pip install 'tracewarp[train]'") from error
    # A launcher's own mixed precision would change what the settings say.
    accelerator = Accelerator(cpu=device == "cpu", mixed_precision="no")
    folder = Path(out)
    tokenizer = weights.load_tokenizer(base)
    limit = min(config.max_tokens, weights.context_of(base) or config.max_tokens)
    rows = weights.vocabulary_of(base)
    samples = encode_samples(tokenizer, train, max_tokens=limit, name="training", vocabulary=rows)
    held = encode_samples(tokenizer, validation, max_tokens=limit, name="validation", vocabulary=rows)
    own = weights.with_own_settings(config, adapter)
    about: dict[str, Any] = {}
    if accelerator.is_main_process:
        about = {
            "base": base,
            "weights_hash": weights.base_hash(base),
            "tokenizer_hash": tokenizer_hash(tokenizer),
            "from_adapter": adapter,
            "data_hash": data_hash(train, validation),
            "config": config.to_dict(),
        }
        with state.disk_errors(folder):
            folder.mkdir(parents=True, exist_ok=True)
            _check_begun(folder, about)
    accelerator.wait_for_everyone()
    if (folder / SUMMARY).is_file():
        return _read_back(folder)
    device = str(accelerator.device)
    with steps.memory_errors("while the base was loaded; choose the method qlora, or a smaller base"):
        model = weights.load_for_training(base, own, adapter=adapter, tokenizer=tokenizer, device=device)
    if accelerator.is_main_process and not (folder / BEGUN).is_file():  # a refused base or adapter begins nothing
        with state.disk_errors(folder):
            _write(folder / BEGUN, about)
    dtype, ends = weights.stored_dtype(base), stopping.end_tokens(samples.encoded, ChatFormat(tokenizer))

    def save(into: Path) -> None:
        weights.save_trained(model, into, dtype=dtype)
        stopping.write_generation_config(into, base, ends)
        tokenizer.save_pretrained(into)

    pad = tokenizer.pad_token_id if tokenizer.pad_token_id is not None else ends[0]
    curve = loop.fit(
        model,
        samples.encoded,
        held.encoded,
        own,
        out=folder,
        pad=pad,
        accelerator=accelerator,
        save_best=save,
        progress=progress,
    )
    check = None
    if accelerator.is_main_process:
        weights.load_trained(model, folder / loop.BEST)
        with steps.memory_errors("while the trained model answered once; the kept weights are in best/"):
            check = stopping.check_stop(model, samples.encoded[0], samples.ids[0], ends=ends, pad=pad, room=limit)
    made = Trained(
        adapter=folder / ADAPTER,
        curve=curve,
        config=own,
        n_train=len(samples.encoded),
        n_validation=len(held.encoded),
        too_long=len(samples.too_long) + len(held.too_long),
        trained_tokens=samples.n_trained,
        tokens=samples.n_tokens,
        trained_parameters=sum(parameter.numel() for _, parameter in state.trained(model)),
        parameters=_count(model),
        notes=_notes(config, own, samples, check),
    )
    if accelerator.is_main_process:
        _finish(folder, made, about, samples, check)
    accelerator.wait_for_everyone()
    return made


def _notes(config: TrainConfig, own: TrainConfig, samples: Samples, check: StopCheck | None) -> tuple[str, ...]:
    notes = []
    if samples.thoughts_left_out:
        notes.append(
            f"The chat template does not render the thoughts of {samples.thoughts_left_out:,} of {samples.thoughts:,} "
            "answers that come with one. These answers were trained without their thoughts."
        )
    kept = [name for name in ("rank", "alpha", "dropout") if getattr(config, name) != getattr(own, name)]
    if kept:
        values = ", ".join(f"{name} {getattr(own, name):g}" for name in kept)
        notes.append(f"The earlier adapter keeps its own settings: {values}.")
    if check is not None and not check.stopped:
        notes.append(
            f"The trained model did not stop by itself: its answer to the prompt of training example {check.example} "
            f"was cut after {check.limit} tokens. It may need more updates, or a larger learning rate."
        )
    return tuple(notes)


def _read_back(folder: Path) -> Trained:
    """A training that was finished before."""
    from tracewarp.train.loop import Curve, Epoch

    known = json.loads((folder / SUMMARY).read_text(encoding="utf-8"))
    curve = Curve(**{**known["curve"], "epochs": tuple(Epoch(**epoch) for epoch in known["curve"]["epochs"])})
    names = ("n_train", "n_validation", "trained_tokens", "tokens", "trained_parameters", "parameters")
    counts = {name: known[name] for name in names}
    # Settings that a later release added had their default; those that it dropped are left out.
    config = TrainConfig(**{name: value for name, value in known["config"].items() if name in TrainConfig().to_dict()})
    notes = tuple(known.get("notes", ()))
    return Trained(folder / ADAPTER, curve, config, too_long=known["n_too_long"], notes=notes, **counts)


def data_hash(train: Sequence[Conversation], validation: Sequence[Conversation]) -> str:
    """SHA-256 of every turn of both sides, in order."""
    digest = hashlib.sha256()
    for side in (train, validation):
        for conversation in side:
            digest.update(json.dumps(asdict(conversation), sort_keys=True, ensure_ascii=False).encode())
        digest.update(b"\0")
    return digest.hexdigest()


def _check_begun(folder: Path, about: Mapping[str, Any]) -> None:
    """Refuse to go on in a folder that was begun with something else."""
    if not (folder / BEGUN).is_file():
        return
    begun = json.loads((folder / BEGUN).read_text(encoding="utf-8"))
    for name, wanted in about.items():
        if name not in begun:
            continue  # by an earlier release, which did not write it down
        if _essential(begun.get(name), wanted) != _essential(wanted, wanted):
            raise RunMismatchError(
                f"{folder}: was begun with another {name.replace('_', ' ')}; choose another folder, or what it was "
                "begun with"
            )


def _essential(value: Any, wanted: Any) -> Any:
    """A value without the settings that may change on the way; settings that came later had their default."""
    if not isinstance(value, dict) or not isinstance(wanted, dict):
        return value
    usual = TrainConfig().to_dict()
    return {name: value.get(name, usual.get(name)) for name in wanted if name not in SAME_CURVE}


def _finish(folder: Path, made: Trained, about: Mapping[str, Any], samples: Samples, check: StopCheck | None) -> None:
    """Put the kept weights in their place, with where they come from."""
    from tracewarp.models.adapters import CONFIGURATION, PROVENANCE
    from tracewarp.train.loop import BEST
    from tracewarp.train.state import disk_errors, written_beside

    versions = {name: _version(name) for name in ("tracewarp", "torch", "transformers", "peft", "bitsandbytes")}
    lora = folder / BEST / CONFIGURATION
    summary = {
        **about,
        "config": made.config.to_dict(),
        "adapter": json.loads(lora.read_text(encoding="utf-8")) if lora.is_file() else None,
        "stop_check": asdict(check) if check is not None else None,
        "notes": list(made.notes),
        "curve": asdict(made.curve),
        "n_train": made.n_train,
        "n_validation": made.n_validation,
        "too_long": list(samples.too_long),
        "n_too_long": made.too_long,
        "trained_tokens": made.trained_tokens,
        "tokens": made.tokens,
        "trained_parameters": made.trained_parameters,
        "parameters": made.parameters,
        "versions": versions,
    }
    with written_beside(folder / ADAPTER) as beside:
        shutil.copytree(folder / BEST, beside, dirs_exist_ok=True)
        _write(beside / PROVENANCE, summary)
    with disk_errors(folder / SUMMARY):
        _write(folder / SUMMARY, summary)
    shutil.rmtree(folder / BEST, ignore_errors=True)  # the same bytes as the adapter's


def _count(model: Any) -> int:
    """Parameters of the base and the adapter; one in 4 bits counts as one, though two share a byte."""
    total = 0
    for parameter in model.parameters():
        state = getattr(parameter, "quant_state", None)
        total += int(state.shape.numel()) if state is not None else parameter.numel()
    return total


def _version(name: str) -> str | None:
    try:
        return metadata.version(name)
    except metadata.PackageNotFoundError:
        return None


def _write(path: Path, content: Mapping[str, Any]) -> None:
    beside = path.with_name(f"{path.name}.partial")
    beside.write_text(json.dumps(content, indent=1, ensure_ascii=False), encoding="utf-8")
    beside.replace(path)
