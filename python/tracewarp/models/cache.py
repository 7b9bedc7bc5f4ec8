"""A cache of completions on disk, keyed by the whole request."""

from __future__ import annotations

import hashlib
import json
import os
import sqlite3
import threading
import warnings
from collections.abc import Mapping, Sequence
from dataclasses import asdict, replace
from functools import cached_property
from pathlib import Path
from typing import Any, Final

from tracewarp.errors import CacheError, TracewarpWarning, UnreadableFileError
from tracewarp.models.base import Completion, Model, Prompt, Sampling
from tracewarp.trajectory.paths import require_regular_file
from tracewarp.trajectory.surrogates import repair

_FORMAT: Final = 2
"""Of keys and completions; another one makes every earlier answer unknown."""


class ResponseCache:
    """Completions by the SHA-256 of their request; for several threads and processes; a kill loses nothing written.

    Args:
        path: a sqlite file, made where it is missing.

    Raises:
        CacheError: the file cannot be opened, or is something else.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(path)
        self._lock = threading.Lock()
        try:
            require_regular_file(self.path, missing_ok=True)
            self.path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(self.path, timeout=60, check_same_thread=False)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute(
                "CREATE TABLE IF NOT EXISTS responses (key TEXT PRIMARY KEY, completion TEXT NOT NULL)"
            )
            self._connection.commit()
        except (OSError, UnreadableFileError, sqlite3.Error) as error:
            raise CacheError(f"response cache: {self.path} cannot be used as one: {error}") from error

    @staticmethod
    def key(model: Mapping[str, Any], prompt: Prompt, sampling: Sampling) -> str:
        """Of everything that the answer may depend on: the model's identity, every message, every sampling value."""
        request = {
            "format": _FORMAT,
            "model": dict(model),
            "prompt": [asdict(message) for message in prompt],
            "sampling": asdict(sampling),
        }
        return hashlib.sha256(repair(json.dumps(request, sort_keys=True, ensure_ascii=False)).encode()).hexdigest()

    def get(self, key: str) -> Completion | None:
        """The completion that was kept, marked `cached`, or None."""
        with self._lock:
            row = self._connection.execute("SELECT completion FROM responses WHERE key = ?", (key,)).fetchone()
        return None if row is None else replace(Completion(**json.loads(row[0])), cached=True)

    def put(self, items: Sequence[tuple[str, Completion]]) -> None:
        """Keep completions; one commit for all.

        Raises:
            CacheError: the disk is full, or another process holds the file for more than a minute.
        """
        rows = [(key, repair(json.dumps(asdict(completion), ensure_ascii=False))) for key, completion in items]
        try:
            with self._lock, self._connection:
                self._connection.executemany("INSERT OR REPLACE INTO responses VALUES (?, ?)", rows)
        except sqlite3.Error as error:
            raise CacheError(f"response cache: {self.path} could not be written: {error}") from error

    def close(self) -> None:
        """Close the file; may be called twice."""
        with self._lock:
            self._connection.close()


class CachedModel:
    """A model behind a cache: a request that was answered once is not sent again.

    A request carries its seed, so repeats of an episode, which have seeds of their own, stay different requests.
    """

    def __init__(self, model: Model, cache: ResponseCache) -> None:
        self.name = model.name
        self._model = model
        self._cache = cache

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """Ask the model for what the cache does not hold."""
        keys = [ResponseCache.key(self._identity, *request) for request in zip(prompts, sampling, strict=True)]
        found = [self._cache.get(key) for key in keys]
        missing = [index for index, completion in enumerate(found) if completion is None]
        if missing:
            answers = self._model.generate([prompts[i] for i in missing], [sampling[i] for i in missing])
            self._cache.put([(keys[i], answer) for i, answer in zip(missing, answers, strict=True)])
            for i, answer in zip(missing, answers, strict=True):
                found[i] = answer
        return [completion for completion in found if completion is not None]

    @cached_property
    def _identity(self) -> Mapping[str, Any]:
        about = self._model.identity()
        if about.get("kind") == "openai":
            message = (
                f"response cache: the weights of {self.name} at {about.get('endpoint')} are not known; if the server "
                f"loads other weights under this name, delete {self._cache.path}"
            )
            warnings.warn(message, TracewarpWarning, stacklevel=2)
        return about

    def check(self, sampling: Sampling) -> None:
        """The model's own, never from the cache."""
        self._model.check(sampling)

    def identity(self) -> Mapping[str, Any]:
        """The model's own."""
        return self._identity

    def truncate(self, text: str, max_tokens: int) -> str:
        """The model's own."""
        return self._model.truncate(text, max_tokens)

    def count_tokens(self, text: str) -> int:
        """The model's own."""
        return self._model.count_tokens(text)

    def describe(self) -> Mapping[str, Any]:
        """The model's own, and the cache."""
        return {**self._model.describe(), "response_cache": True}

    def close(self) -> None:
        """Close model and cache."""
        self._model.close()
        self._cache.close()
