"""Texts into rows for the small commands: encoder by name, cache, progress on stderr."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import nullcontext
from typing import Any

from numpy.typing import NDArray
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn

from tracewarp.embed import EmbeddingCache, default_cache_path, embed_texts, get_encoder


class TextEmbedding:
    """Embeds texts with an encoder by name.

    Args:
        encoder: As for `get_encoder`.
        use_cache: Keep rows in the user's cache. The hashed encoder is quicker than a disk and never needs it.
    """

    def __init__(self, encoder: str, *, use_cache: bool) -> None:
        self.encoder = get_encoder(encoder)
        self.use_cache = use_cache and encoder != "hashed"

    @property
    def name(self) -> str:
        """Name of the encoder, with its version."""
        return self.encoder.name

    def __call__(self, texts: Sequence[str]) -> NDArray[Any]:
        """Return `(len(texts), dim)` float16."""
        columns = (TextColumn("embedding"), BarColumn(), MofNCompleteColumn(), TimeRemainingColumn())
        console = Console(stderr=True)
        display = Progress(*columns, console=console, transient=True, disable=not console.is_terminal)
        with EmbeddingCache(default_cache_path()) if self.use_cache else nullcontext() as cache, display as progress:
            bar = progress.add_task("embedding", total=len(texts))
            return embed_texts(
                texts,
                self.encoder,
                cache=cache,
                progress=lambda done, encoded: progress.update(bar, completed=done),
            )
