"""Steps and texts into float16 rows, streamed in chunks, each text encoded once."""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable, Iterable, Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from tracewarp.embed.cache import EmbeddingCache, cache_key
from tracewarp.embed.encoders import Encoder
from tracewarp.embed.templates import TEXT_TEMPLATE, RenderedText, check_template, render_step, template_id
from tracewarp.errors import EncoderError, InputError, OptionError
from tracewarp.trajectory.model import Step, Task
from tracewarp.trajectory.surrogates import repair

Rows = NDArray[np.float16]
Progress = Callable[[int, int], None]
"""Called after every chunk with (items done, texts that the encoder has read in this call; the rest was known)."""

CHUNK = 64
"""Items a chunk: what a kill can lose at most, and how many texts are in memory at once."""


class StepEmbedder:
    """Embeds steps with one encoder under one template.

    Args:
        encoder: Any `Encoder`.
        template: `action_first`, `paper` or `split`.
        include_reasoning: Also the thought before the action (`action_first` and `split`).
        observation_weight: Only for `split`, 0 to 1: rows are joined so that the cosine of two steps is this times
            the cosine of their observations plus the rest times the cosine of their actions.
        cache: Where rows are kept and found again; None: only within a call.

    Raises:
        OptionError: An unknown template, or a weight outside 0..1.
    """

    def __init__(
        self,
        encoder: Encoder,
        *,
        template: str = "action_first",
        include_reasoning: bool = False,
        observation_weight: float = 0.5,
        cache: EmbeddingCache | None = None,
    ) -> None:
        if not 0.0 <= observation_weight <= 1.0:
            raise OptionError(f"observation_weight: expected a number from 0 to 1, got {observation_weight!r}")
        self.encoder = encoder
        self.template = check_template(template)
        self.template_id = template_id(template, include_reasoning=include_reasoning)
        self.include_reasoning = include_reasoning
        self.observation_weight = observation_weight
        self.dim = encoder.dim * (2 if template == "split" else 1)
        self._cache = cache

    def embed(
        self, items: Iterable[tuple[Task, Step]], *, total: int | None = None, progress: Progress | None = None
    ) -> Rows:
        """Return `(n, dim)` float16, a row of length 1 (to float16's precision) for each step, in order.

        The items are read as a stream; every chunk of encoded rows is committed to the cache before the next is read.
        Cached or fresh, the rows are the same numbers, rounded to float16.

        Args:
            items: Pairs of task and step.
            total: Number of items where it is known: the rows' memory is then claimed at once.
            progress: Called after every chunk.

        Raises:
            EncoderError: The encoder returned rows of another shape, not finite, or zero.
            CacheError: The cache cannot be read or written.
        """
        rendered = (
            render_step(task, step, template=self.template, include_reasoning=self.include_reasoning)
            for task, step in items
        )
        lookup = _Lookup(self.encoder, self._cache, expected=total)
        places = lookup.collect(rendered, progress)
        if self.template != "split":
            return lookup.rows[places[:, 0]] if len(places) else np.empty((0, self.dim), np.float16)
        return _join(lookup.rows, places, self.observation_weight)


def embed_texts(
    texts: Sequence[str],
    encoder: Encoder,
    *,
    cache: EmbeddingCache | None = None,
    progress: Progress | None = None,
) -> Rows:
    """Return `(len(texts), encoder.dim)` float16, a row of length 1 for each text as it is.

    Args:
        texts: Task templates, objectives, whatever is compared.
        encoder: Any `Encoder`.
        cache: Where rows are kept and found again.
        progress: Called after every chunk.

    Raises:
        InputError: Something that is not a sequence of strings.
        EncoderError: The encoder returned rows of another shape, not finite, or zero.
        CacheError: The cache cannot be read or written.
    """
    if isinstance(texts, str) or not all(isinstance(text, str) for text in texts):
        raise InputError("texts: expected a sequence of strings, got something else")
    lookup = _Lookup(encoder, cache, expected=len(texts))
    places = lookup.collect(((RenderedText(TEXT_TEMPLATE, text),) for text in texts), progress)
    return lookup.rows[places[:, 0]] if len(places) else np.empty((0, encoder.dim), np.float16)


class _Lookup:
    """Rows of texts within one call: from this call's memory, from the cache, or from the encoder."""

    def __init__(self, encoder: Encoder, cache: EmbeddingCache | None, *, expected: int | None) -> None:
        self.encoded = 0
        self._encoder = encoder
        self._cache = cache
        self._places: dict[bytes, int] = {}
        self._buffer = np.empty((max(expected or 0, CHUNK), encoder.dim), dtype=np.float16)

    @property
    def rows(self) -> Rows:
        """One row for each distinct text so far."""
        return self._buffer[: len(self._places)]

    def collect(self, items: Iterable[tuple[RenderedText, ...]], progress: Progress | None) -> NDArray[np.int64]:
        """Return `(items, texts an item)` places in `rows`."""
        places: list[list[int]] = []
        for chunk in _chunks(items, CHUNK):
            places.extend(self._find(chunk))
            if progress is not None:
                progress(len(places), self.encoded)
        return np.array(places, dtype=np.int64).reshape(len(places), -1 if places else 1)

    def _find(self, chunk: list[tuple[RenderedText, ...]]) -> list[list[int]]:
        keys: list[list[bytes]] = []
        unknown: dict[bytes, str] = {}
        for item in chunk:
            keys.append([])
            for template, text in item:
                clean = repair(text)
                key = cache_key(self._encoder.name, template, clean)
                keys[-1].append(key)
                if key not in self._places:
                    unknown[key] = clean
        self._learn(unknown)
        return [[self._places[key] for key in item] for item in keys]

    def _learn(self, unknown: dict[bytes, str]) -> None:
        """Take rows from the cache; encode the others, commit them, and take what the cache then holds."""
        found = self._cached(list(unknown))
        missing = [key for key in unknown if key not in found]
        if missing:
            rows = encode_rows(self._encoder, [unknown[key] for key in missing])
            self.encoded += len(missing)
            found.update(zip(missing, rows, strict=True))
            if self._cache is not None:
                self._cache.put(missing, rows)
                # Another process may have been first: its rows are the ones that every later call will see.
                found.update(self._cached(missing))
        for key in unknown:
            self._append(key, found[key])

    def _cached(self, keys: list[bytes]) -> dict[bytes, Rows]:
        return self._cache.get(keys, dim=self._encoder.dim) if self._cache is not None and keys else {}

    def _append(self, key: bytes, row: Rows) -> None:
        place = len(self._places)
        if place == len(self._buffer):
            grown = np.empty((2 * place, self._encoder.dim), dtype=np.float16)
            grown[:place] = self._buffer
            self._buffer = grown
        self._buffer[place] = row
        self._places[key] = place


def encode_rows(encoder: Encoder, texts: Sequence[str]) -> Rows:
    """Encode, check what came, scale to length 1, round to float16.

    Raises:
        EncoderError: Rows of another shape, not finite, or zero.
    """
    rows = np.asarray(encoder.encode(texts), dtype=np.float64)
    if rows.shape != (len(texts), encoder.dim):
        raise EncoderError(
            f"encoder {encoder.name}: expected rows of shape ({len(texts)}, {encoder.dim}), got {rows.shape}"
        )
    largest = np.abs(rows).max(axis=1, keepdims=True)
    if not np.isfinite(largest).all():
        raise EncoderError(f"encoder {encoder.name}: returned a row with a value that is not finite (NaN or infinity)")
    if not largest.all():
        raise EncoderError(f"encoder {encoder.name}: returned a zero row, whose cosine is undefined")
    scaled = rows / largest  # squares of the scaled row neither overflow nor vanish
    unit: Rows = (scaled / np.linalg.norm(scaled, axis=1, keepdims=True)).astype(np.float16)
    return unit


def _join(rows: Rows, places: NDArray[np.int64], observation_weight: float) -> Rows:
    """Rows of observations and actions side by side, scaled so that a cosine is the weighted mean of the two."""
    dim = rows.shape[1]
    joined = np.empty((len(places), 2 * dim), dtype=np.float16)
    weights = math.sqrt(observation_weight), math.sqrt(1.0 - observation_weight)
    for begin in range(0, len(places), 4096):  # float32 for a part at a time
        part = places[begin : begin + 4096]
        for side, weight in enumerate(weights):
            unit = rows[part[:, side]].astype(np.float32)
            unit /= np.linalg.norm(unit, axis=1, keepdims=True)
            joined[begin : begin + len(part), side * dim : (side + 1) * dim] = weight * unit
    return joined


def _chunks(items: Iterable[tuple[RenderedText, ...]], size: int) -> Iterator[list[tuple[RenderedText, ...]]]:
    stream = iter(items)
    while chunk := list(itertools.islice(stream, size)):
        yield chunk
