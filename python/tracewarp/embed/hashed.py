"""The encoder of the base install: hashed n-grams, computed in the core. See docs/definitions/hashed_encoder.md."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from tracewarp import _core
from tracewarp.errors import InputError, OptionError
from tracewarp.trajectory.surrogates import repair

HASHED_VERSION = 1
"""Raised whenever the definition changes, so that cached rows of the old one are not found."""

MAX_DIM = 65536


class HashedEncoder:
    """Lexical encoder: words, pairs of words and character n-grams, hashed into `dim` signed columns.

    It compares spellings, not meanings. It needs no model, no network and no extra, and gives the same bits on every
    machine and for any number of threads.

    Args:
        dim: Numbers a row, 1 to 65536; two unrelated texts have a cosine of about 0 +- 1 / sqrt(dim) by chance alone.
        threads: How many to use; None: all that this process may use.

    Raises:
        OptionError: `dim` or `threads` outside its range.
    """

    def __init__(self, dim: int = 512, *, threads: int | None = None) -> None:
        if isinstance(dim, bool) or not isinstance(dim, int) or not 1 <= dim <= MAX_DIM:
            raise OptionError(f"dim: expected an integer from 1 to {MAX_DIM}, got {dim!r}")
        if threads is not None and (isinstance(threads, bool) or not isinstance(threads, int) or threads < 1):
            raise OptionError(f"threads: expected an integer of at least 1, got {threads!r}")
        self.dim = dim
        self.name = f"hashed/{HASHED_VERSION}-{dim}"
        self._threads = threads if threads is not None else _core.available_threads()

    def encode(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """Return `(len(texts), dim)` float32, rows of length 1. Lone surrogates are read as U+FFFD.

        Raises:
            InputError: Something that is not a sequence of strings.
        """
        if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
            raise InputError("texts: expected a sequence of strings, got something else")
        return _core.hash_ngrams([repair(text) for text in texts], self.dim, self._threads)
