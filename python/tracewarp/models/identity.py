"""Hashes of what a base is: its weights and configuration, and its tokenizer with the chat template.

definition  weights hash: SHA-256 of the configuration (without the fields that saving alone changes) and of the names
            and bytes of the weight files that transformers loads. tokenizer hash: SHA-256 of the vocabulary, the
            special tokens, the chat template and the token ids of a probe text.
cost        weight files above `LARGE_BYTES` are read once. Their hashes are kept in `tracewarp-hashes.json` beside the
            weights, or under the user's cache directory where the model's folder is read-only. A kept hash is used
            while size and a content sample of the file are the same: its first megabyte and 64 pieces of 64 KiB.
            Modification times are never used: copying or touching a model changes nothing.
differs     An edit of a large file that keeps its size and misses every sampled piece is not seen. Fine-tuning and
            merging change nearly every piece.
"""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any, Final

LARGE_BYTES: Final = 64 << 20
"""Weight files up to this size are always read whole; of larger ones the hash is kept."""
KEPT: Final = "tracewarp-hashes.json"
"""File beside the weights that keeps the hashes of large files."""

_READ_BYTES: Final = 1 << 20
_SAMPLE_BYTES: Final = 64 << 10
_SAMPLES: Final = 64
_CHANGED_BY_SAVING: Final = ("transformers_version", "_name_or_path")
_PROBE: Final = (
    "Let's think step-by-step. In summary, the next action I will perform is ```click [42]```\n\n"
    "  [1] link 'Überblick' \t$1,299.00 (20%)\r\n你好，世界 🙂 naïve façade\n\n"
    "def f(x):\n    return x**2  # <b>&amp;</b>"
)


def model_folder(name: str, *, revision: str | None = None) -> Path | None:
    """Return the folder that holds a model: the folder itself, or the local snapshot of a model of the hub.

    Nothing is downloaded; None where there is no such folder.
    """
    if Path(name).is_dir():
        return Path(name)
    try:
        from huggingface_hub import snapshot_download

        return Path(snapshot_download(name, revision=revision, local_files_only=True))
    except (ImportError, OSError, ValueError):
        return None


def weights_hash(folder: Path) -> str | None:
    """Return the hash of configuration and weights of a model's folder; None where it holds no weights."""
    files = weight_files(folder)
    if not files:
        return None
    digest = hashlib.sha256()
    with contextlib.suppress(OSError, ValueError):
        config = json.loads((folder / "config.json").read_text(encoding="utf-8"))
        kept = {name: value for name, value in config.items() if name not in _CHANGED_BY_SAVING}
        digest.update(json.dumps(kept, sort_keys=True).encode())
    known = _read_kept(folder)
    now = {}
    for path in files:
        size, sample = path.stat().st_size, None
        if size <= LARGE_BYTES:
            found = _whole(path)
        else:
            sample = _sampled(path, size)
            before = known.get(path.name)
            same = isinstance(before, dict) and (before.get("size"), before.get("sample")) == (size, sample)
            found = str(before["sha256"]) if same and before else _whole(path)
            now[path.name] = {"size": size, "sample": sample, "sha256": found}
        digest.update(f"{path.name}\0{found}\0".encode())
    if now and now != known:
        _write_kept(folder, now)
    return digest.hexdigest()


def weight_files(folder: Path) -> list[Path]:
    """Return the weight files that transformers loads from a folder, sorted by name."""
    for stem, suffix in (("model", "safetensors"), ("pytorch_model", "bin")):
        index = folder / f"{stem}.{suffix}.index.json"
        if (folder / f"{stem}.{suffix}").is_file():
            return [folder / f"{stem}.{suffix}"]
        with contextlib.suppress(OSError, ValueError, KeyError, AttributeError):
            names = sorted(set(json.loads(index.read_text(encoding="utf-8"))["weight_map"].values()))
            return [folder / name for name in names if (folder / name).is_file()]
    return []


def tokenizer_hash(tokenizer: Any) -> str:
    """Return the hash of what a loaded tokenizer does: vocabulary, special tokens, chat template, a probe text."""
    template = getattr(tokenizer, "chat_template", None)
    about = {
        "vocabulary": sorted(tokenizer.get_vocab().items()),
        "special": {name: str(token) for name, token in sorted(tokenizer.special_tokens_map.items())},
        "template": template,
        "probe": [tokenizer(_PROBE, add_special_tokens=added)["input_ids"] for added in (True, False)],
    }
    return hashlib.sha256(json.dumps(about, sort_keys=True).encode()).hexdigest()


def _whole(path: Path) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        while piece := file.read(_READ_BYTES):
            digest.update(piece)
    return digest.hexdigest()


def _sampled(path: Path, size: int) -> str:
    digest = hashlib.sha256()
    with path.open("rb") as file:
        digest.update(file.read(_READ_BYTES))
        for number in range(_SAMPLES):
            file.seek(number * (size - _SAMPLE_BYTES) // (_SAMPLES - 1))
            digest.update(file.read(_SAMPLE_BYTES))
    return digest.hexdigest()


def _kept_paths(folder: Path) -> tuple[Path, Path]:
    """Where hashes of a folder may be kept: beside the weights, and in the user's cache directory."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "tracewarp" / "hashes"
    name = hashlib.sha256(str(folder.resolve()).encode("utf-8", "surrogateescape")).hexdigest()
    return folder / KEPT, cache / f"{name}.json"


def _read_kept(folder: Path) -> Mapping[str, Any]:
    for path in _kept_paths(folder):
        with contextlib.suppress(OSError, ValueError):
            known = json.loads(path.read_text(encoding="utf-8"))
            if isinstance(known, dict):
                return known
    return {}


def _write_kept(folder: Path, known: Mapping[str, Any]) -> None:
    """Keep the hashes in the first place that takes them; without one they are computed again next time."""
    for path in _kept_paths(folder):
        with contextlib.suppress(OSError):
            path.parent.mkdir(parents=True, exist_ok=True)
            partial = path.with_name(f"{path.name}.{os.getpid()}.partial")
            partial.write_text(json.dumps(known, indent=1, sort_keys=True), encoding="utf-8")
            partial.replace(path)
            return
