"""What a folder of a model or an adapter holds, so that a cached answer is never taken for another model's."""

from __future__ import annotations

import hashlib
import json
import struct
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Final

from tracewarp.models.identity import KEPT

_MAX_HEADER_BYTES: Final = 100_000_000
_READ: Final = frozenset({".safetensors", ".bin", ".json", ".jinja", ".model", ".txt", ".tiktoken", ".py"})
"""Suffixes of what transformers and peft load."""


def fingerprint(folder: Path, *, full: bool = False) -> list[list[Any]]:
    """Describe every file of a model: weights, adapter, configuration, tokenizer and chat template.

    Args:
        folder: of a model or an adapter; files in it, not in folders below it.
        full: read the content of every file instead of its time of modification.

    Returns:
        Per file: name, size in bytes, the names and shapes of its tensors as a hash (safetensors), and either the time
        of its modification in ns or the SHA-256 of its content.
    """
    found = []
    for path in sorted(folder.iterdir()):
        if path.is_file() and path.suffix in _READ and path.name != KEPT:
            about = path.stat()
            shapes = _shapes(path) if path.suffix == ".safetensors" else None
            found.append([path.name, about.st_size, shapes, _content(path) if full else about.st_mtime_ns])
    return found


def _content(path: Path) -> str:
    digest = hashlib.sha256()
    for block in _blocks(path):
        digest.update(block)
    return digest.hexdigest()


def _blocks(path: Path) -> Iterator[bytes]:
    with path.open("rb") as file:
        while block := file.read(1 << 22):
            yield block


def _shapes(path: Path) -> str | None:
    """A hash of the header of a file of safetensors; None where it has none that can be read."""
    with path.open("rb") as file:
        start = file.read(8)
        if len(start) < 8:
            return None
        (size,) = struct.unpack("<Q", start)
        header = file.read(size) if size <= _MAX_HEADER_BYTES else b""
    try:
        tensors = {
            name: (about["dtype"], about["shape"]) for name, about in json.loads(header).items() if name[:2] != "__"
        }
    except (ValueError, LookupError, TypeError, AttributeError):
        return None
    return hashlib.sha256(json.dumps(tensors, sort_keys=True).encode()).hexdigest()
