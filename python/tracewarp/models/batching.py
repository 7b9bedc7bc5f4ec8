"""Requests of many threads meet in batches before one model."""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Mapping, Sequence
from concurrent.futures import Future
from dataclasses import replace
from typing import Any

from tracewarp.errors import ModelError
from tracewarp.models.base import CHECK_PROMPT, Completion, Model, Prompt, Sampling


class BatchingModel:
    """A model shared by the threads of a collection.

    Args:
        model: answers batches; only one thread ever calls it.
        max_batch: largest number of prompts in a batch.
        wait_seconds: how long the first request of a batch waits for others.
    """

    def __init__(self, model: Model, *, max_batch: int = 16, wait_seconds: float = 0.01) -> None:
        self.name = model.name
        self._model = model
        self._max_batch = max_batch
        self._wait_seconds = wait_seconds
        self._pending: deque[tuple[Prompt, Sampling, Future[Completion]]] = deque()
        self._arrived = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name="tracewarp-batches", daemon=True)
        self._thread.start()

    def generate(self, prompts: Sequence[Prompt], sampling: Sequence[Sampling]) -> list[Completion]:
        """Hand the prompts in, and wait for their answers.

        Raises:
            ModelError: the model failed, or is closed.
        """
        futures: list[Future[Completion]] = [Future() for _ in prompts]
        with self._arrived:
            if self._closed:
                raise ModelError(f"{self.name}: the model is closed")
            self._pending.extend(zip(prompts, sampling, futures, strict=True))
            self._arrived.notify()
        return [future.result() for future in futures]

    def _take(self) -> list[tuple[Prompt, Sampling, Future[Completion]]]:
        with self._arrived:
            while not self._pending and not self._closed:
                self._arrived.wait()
            deadline = time.monotonic() + self._wait_seconds
            while len(self._pending) < self._max_batch and not self._closed:
                left = deadline - time.monotonic()
                if left <= 0 or not self._arrived.wait(left):
                    break
            return [self._pending.popleft() for _ in range(min(self._max_batch, len(self._pending)))]

    def _serve(self) -> None:
        while batch := self._take():
            prompts, sampling, futures = zip(*batch, strict=True)
            try:
                answers = self._model.generate(prompts, sampling)
            except Exception as error:  # it belongs to the threads that wait for this batch
                for future in futures:
                    future.set_exception(error)
            else:
                for future, answer in zip(futures, answers, strict=True):
                    future.set_result(answer)

    def check(self, sampling: Sampling) -> None:
        """The model's own, by the thread that answers batches."""
        self.generate([CHECK_PROMPT], [replace(sampling, max_new_tokens=1, stop=())])

    def identity(self) -> Mapping[str, Any]:
        """The model's own."""
        return self._model.identity()

    def truncate(self, text: str, max_tokens: int) -> str:
        """The model's own."""
        return self._model.truncate(text, max_tokens)

    def count_tokens(self, text: str) -> int:
        """The model's own."""
        return self._model.count_tokens(text)

    def describe(self) -> Mapping[str, Any]:
        """The model's own, and the size of a batch."""
        return {**self._model.describe(), "max_batch": self._max_batch}

    def close(self) -> None:
        """Answer what is pending, then close the model; may be called twice."""
        with self._arrived:
            self._closed = True
            self._arrived.notify_all()
        self._thread.join()
        self._model.close()
