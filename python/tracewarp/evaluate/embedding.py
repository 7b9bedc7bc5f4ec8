"""The encoder and the cache of one evaluation, opened when first needed."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import ExitStack
from functools import cached_property
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from tracewarp.embed import EmbeddingCache, Encoder, StepEmbedder, default_cache_path, embed_texts, get_encoder
from tracewarp.evaluate.options import EvaluateOptions


class Embedding:
    """One encoder and one cache for everything that a call embeds; neither is touched where nothing is embedded."""

    def __init__(self, options: EvaluateOptions) -> None:
        self.options = options
        self.used: Encoder | None = None
        """The encoder, once something needed it."""
        self._open = ExitStack()

    def __enter__(self) -> Embedding:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._open.close()

    @cached_property
    def encoder(self) -> Encoder:
        """The encoder of the options."""
        self.used = get_encoder(self.options.encoder)
        return self.used

    @cached_property
    def cache(self) -> EmbeddingCache | None:
        """The cache of the options; None: nothing is kept."""
        if not self.options.use_cache:
            return None
        path = self.options.cache if self.options.cache is not None else default_cache_path()
        return self._open.enter_context(EmbeddingCache(path))

    def steps(self) -> StepEmbedder:
        """What embeds steps."""
        return StepEmbedder(
            self.encoder,
            template=self.options.step_template,
            include_reasoning=self.options.include_reasoning,
            cache=self.cache,
        )

    def texts(self, texts: Sequence[str]) -> NDArray[np.float16]:
        """Rows of texts as they are, (len(texts), dim)."""
        return embed_texts(texts, self.encoder, cache=self.cache)
