"""Sentence-transformers models as encoders (extra `embed`); torch is imported when the first one is made."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import EncoderError, InputError, MissingExtraError
from tracewarp.trajectory.surrogates import repair

_BATCH_CPU = 8
_BATCH_GPU = 64
"""Texts a forward pass. On CPUs small batches stay in the cache: 8 is 1.15 times as fast as 32 on two cores."""


def installed() -> bool:
    """True where sentence-transformers is installed; it is not imported."""
    return importlib.util.find_spec("sentence_transformers") is not None


class TransformerEncoder:
    """A sentence-transformers model, run with the model's own `max_seq_length` on the GPU where torch sees one.

    Rows have length 1. A text longer than `max_seq_length` tokens is cut there by the model. The name, which a cache
    keeps rows by, holds the content hash of a local model, or the revision of a downloaded one.

    Args:
        model: A folder, or a name on the model hub (downloaded once into the hub's cache; after that read from there).
        label: What to call it; default the folder's or the hub's name.

    Raises:
        MissingExtraError: sentence-transformers is not installed.
        EncoderError: No such folder, or a model that could not be loaded or downloaded.
    """

    def __init__(self, model: str | Path, *, label: str | None = None) -> None:
        folder = _folder(model)
        if not installed():
            raise MissingExtraError(
                f"encoder: {label or str(model)!r} is a sentence-transformers model: pip install 'tracewarp[embed]'"
            )
        source = str(folder or _hub_name(str(model)))
        self._model = _load(source, local=folder is not None)
        # Renamed in sentence-transformers 5; the old name warns there.
        ask = getattr(self._model, "get_embedding_dimension", None) or self._model.get_sentence_embedding_dimension
        dim = ask()
        if not dim:
            raise EncoderError(f"encoder: {str(model)!r} does not say how many numbers its rows have")
        self.dim = int(dim)
        self._batch = _BATCH_CPU if self._model.device.type == "cpu" else _BATCH_GPU
        self.max_tokens: int | None = self._model.max_seq_length
        """Tokens of a text that the model reads; None: no limit of its own."""
        if folder is not None:
            self.name = f"{label or folder.name}@{_content_hash(folder)}"
        else:
            self.name = f"{label or source}@{_revision(source)}"

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(len(texts), dim)` float32, rows of length 1. Lone surrogates are read as U+FFFD.

        Raises:
            InputError: Something that is not a sequence of strings.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InputError("texts: expected a sequence of strings, got something else")
        if not texts:
            return np.empty((0, self.dim), dtype=np.float32)
        # The library sorts by length, so that a batch is padded little, and puts the rows back in order.
        rows = self._model.encode(
            [repair(text) for text in texts],
            batch_size=self._batch,
            show_progress_bar=False,
            convert_to_numpy=True,
            normalize_embeddings=True,
        )
        return np.asarray(rows, dtype=np.float32)


def _folder(model: str | Path) -> Path | None:
    """The folder of a local model, or None for a name on the hub."""
    path = Path(model).expanduser()
    if path.is_dir():
        return path
    if isinstance(model, Path) or path.exists() or not re.fullmatch(r"\w[\w.-]*(/[\w.-]+)?", model):
        raise EncoderError(
            f"encoder: {str(model)!r} is neither hashed, minilm or paper, nor a folder with a sentence-transformers "
            "model, nor a name on the model hub (owner/model)"
        )
    return None


def _hub_name(model: str) -> str:
    """A bare name belongs to the library's own models, as the library itself reads it."""
    return model if "/" in model else f"sentence-transformers/{model}"


def _load(model: str, *, local: bool) -> Any:
    """Load from disk; a hub's model that is not there is downloaded, after one short question whether it can be."""
    from sentence_transformers import SentenceTransformer
    from transformers.utils import logging

    # The bar of the weights takes a moment and says nothing; a download still shows its own.
    shown = logging.is_progress_bar_enabled()
    logging.disable_progress_bar()
    try:
        return SentenceTransformer(model, local_files_only=True)
    except Exception as error:  # whatever the file system, the libraries or the model's own code raise
        if local:
            raise _not_loaded(model, "from this folder", error) from error
    finally:
        if shown:
            logging.enable_progress_bar()
    try:
        _ask_hub(model)
        return SentenceTransformer(model)
    except Exception as error:
        raise _not_loaded(model, "from disk or the model hub", error) from error


def _ask_hub(model: str) -> None:
    """Fail within seconds where the hub is out of reach or lacks the model; the download itself retries for minutes."""
    from huggingface_hub import HfApi

    HfApi().model_info(model, timeout=10.0)


def _not_loaded(model: str, place: str, error: Exception) -> EncoderError:
    first_line = next(iter(str(error).splitlines()), "")
    return EncoderError(
        f"encoder: the model {model!r} could not be loaded {place} ({type(error).__name__}: {first_line[:200]}); "
        "give the folder of a downloaded sentence-transformers model, or use hashed or minilm, which fetch nothing"
    )


def _content_hash(folder: Path) -> str:
    """Hash of the model's files, names and bytes; hidden files and documentation do not count."""
    digest = hashlib.sha256()
    for path in sorted(folder.rglob("*")):
        relative = path.relative_to(folder)
        if not path.is_file() or path.suffix == ".md" or any(part.startswith(".") for part in relative.parts):
            continue
        digest.update(f"{relative.as_posix()}\0{path.stat().st_size}\0".encode())
        with path.open("rb") as file:
            while block := file.read(1 << 20):
                digest.update(block)
    return digest.hexdigest()[:16]


def _revision(model: str) -> str:
    """The hub's commit of a model that was just loaded: the name of its folder in the hub's cache."""
    from huggingface_hub import try_to_load_from_cache

    for file in ("modules.json", "config.json"):
        found = try_to_load_from_cache(model, file)
        if isinstance(found, str):
            return Path(found).parent.name[:16]
    raise EncoderError(
        f"encoder: the revision of the model {model!r} is not in the model hub's cache, so that its rows could not be "
        "told from another revision's; download the model into a folder and give that"
    )
