from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest

from tracewarp.embed import EmbeddingCache

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with SIGKILL")

N_TEXTS = 640

WORKER = """
import sys, time
import numpy as np
from tracewarp.embed import EmbeddingCache, HashedEncoder, embed_texts

cache_path, log_path, rows_path, pause, n_texts = sys.argv[1:]

class Logged(HashedEncoder):
    def encode(self, texts):
        with open(log_path, "a") as log:
            log.writelines(text + "\\n" for text in texts)
        time.sleep(float(pause))
        return super().encode(texts)

texts = [f"text number {i}" for i in range(int(n_texts))]
with EmbeddingCache(cache_path) as cache:
    rows = embed_texts(texts, Logged(64, threads=1), cache=cache)
np.save(rows_path, rows)
"""


def start(folder: Path, name: str, *, pause: float = 0.0) -> subprocess.Popen[bytes]:
    paths = [str(folder / part) for part in ("cache.sqlite", f"{name}.log", f"{name}.npy")]
    return subprocess.Popen([sys.executable, "-c", WORKER, *paths, str(pause), str(N_TEXTS)])


def encoded(folder: Path, name: str) -> list[str]:
    log = folder / f"{name}.log"
    return log.read_text(encoding="utf-8").splitlines() if log.exists() else []


def wait_until(condition, worker: subprocess.Popen[bytes]) -> None:
    deadline = time.monotonic() + 60
    while not condition():
        assert worker.poll() is None, "the worker ended before it could be killed"
        assert time.monotonic() < deadline
        time.sleep(0.005)


@pytest.mark.parametrize("texts_before", [1, 200, 500])
def test_what_was_committed_is_not_encoded_again(tmp_path: Path, texts_before: int):
    killed = start(tmp_path, "killed", pause=0.05)
    wait_until(lambda: len(encoded(tmp_path, "killed")) >= texts_before, killed)
    os.kill(killed.pid, signal.SIGKILL)
    assert killed.wait(30) == -signal.SIGKILL
    with EmbeddingCache(tmp_path / "cache.sqlite") as cache:
        committed = len(cache)
    assert committed < N_TEXTS
    # All that was encoded and is not there is the chunk that was on its way.
    assert len(encoded(tmp_path, "killed")) - committed in (0, 64)

    assert start(tmp_path, "second").wait(60) == 0
    assert encoded(tmp_path, "second") == [f"text number {i}" for i in range(committed, N_TEXTS)]
    assert start(tmp_path, "third").wait(60) == 0
    assert encoded(tmp_path, "third") == []
    assert np.array_equal(np.load(tmp_path / "second.npy"), np.load(tmp_path / "third.npy"))


def test_two_processes_at_once_end_with_the_same_rows(tmp_path: Path):
    both = [start(tmp_path, name, pause=0.01) for name in ("left", "right")]
    assert [worker.wait(60) for worker in both] == [0, 0]
    assert np.array_equal(np.load(tmp_path / "left.npy"), np.load(tmp_path / "right.npy"))
    with EmbeddingCache(tmp_path / "cache.sqlite") as cache:
        assert len(cache) == N_TEXTS
