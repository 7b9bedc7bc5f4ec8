from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from tracewarp.embed import EmbeddingCache, HashedEncoder


class CountingEncoder:
    """The hashed encoder, keeping a list of what it was asked to encode."""

    def __init__(self, dim: int = 32) -> None:
        self._inner = HashedEncoder(dim)
        self.name = self._inner.name
        self.dim = dim
        self.asked: list[str] = []

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        self.asked.extend(texts)
        return self._inner.encode(texts)


@pytest.fixture
def encoder() -> CountingEncoder:
    return CountingEncoder()


@pytest.fixture
def cache_path(tmp_path: Path) -> Path:
    return tmp_path / "deep" / "cache.sqlite"


@pytest.fixture
def cache(cache_path: Path):
    with EmbeddingCache(cache_path) as opened:
        yield opened
