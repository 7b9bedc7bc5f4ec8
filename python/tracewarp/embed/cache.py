"""Rows on disk, found again by the content they were made from: no text is encoded twice, also not after a kill."""

from __future__ import annotations

import hashlib
import os
import sqlite3
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import TracebackType

import numpy as np
from numpy.typing import NDArray

from tracewarp.errors import CacheError, UnreadableFileError
from tracewarp.trajectory.paths import require_regular_file

_APPLICATION_ID = 0x74776563
"""`twec`: marks the file as ours, so that another program's database is refused and not written to."""
_VERSION = 1
_BUSY_SECONDS = 60.0
_KEYS_A_QUERY = 500
"""Below the least limit of variables that a build of SQLite has (999)."""


def default_cache_path() -> Path:
    """Return the cache's file: `$TRACEWARP_CACHE`, else `tracewarp/embeddings.sqlite` in the user's cache folder."""
    chosen = os.environ.get("TRACEWARP_CACHE")
    if chosen:
        return Path(chosen).expanduser()
    if sys.platform == "darwin":
        base = Path.home() / "Library" / "Caches"
    elif sys.platform == "win32":
        base = Path(os.environ.get("LOCALAPPDATA") or Path.home() / "AppData" / "Local")
    else:
        base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return base / "tracewarp" / "embeddings.sqlite"


def cache_key(encoder: str, template: str, text: str) -> bytes:
    """Return the key of a row: SHA-256 of encoder, template and text. The text itself is never stored.

    Args:
        encoder: `Encoder.name`.
        template: Versioned id of the template that rendered the text, or `text`.
        text: Without lone surrogates.
    """
    return hashlib.sha256(f"{encoder}\0{template}\0{text}".encode()).digest()


class EmbeddingCache:
    """Rows as float16 in one SQLite file, keyed by content; use it as a context manager.

    A batch is there entirely or not at all, whenever the process is killed. Several processes may use one file at once.

    Args:
        path: The file; made, with its folders, where it is missing.

    Raises:
        CacheError: The file is not a cache of this version, is damaged, or cannot be opened or written.
    """

    def __init__(self, path: str | Path) -> None:
        self.path = Path(path)
        try:
            require_regular_file(self.path, missing_ok=True)
        except UnreadableFileError as error:
            raise CacheError(f"{error}; name another file as the embedding cache") from None
        with self._failures():
            self.path.parent.mkdir(parents=True, exist_ok=True)
            # Autocommit: transactions are opened by hand, where a batch begins.
            self._database = sqlite3.connect(self.path, timeout=_BUSY_SECONDS, isolation_level=None)
        try:
            with self._failures():
                self._prepare()
        except BaseException:
            self._database.close()
            raise

    def __enter__(self) -> EmbeddingCache:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def __len__(self) -> int:
        with self._failures():
            return int(self._database.execute("SELECT count(*) FROM rows").fetchone()[0])

    def close(self) -> None:
        """Close the file; what was put is there already."""
        self._database.close()

    def get(self, keys: Sequence[bytes], *, dim: int) -> dict[bytes, NDArray[np.float16]]:
        """Return the rows that are there, by key; rows are `(dim,)` float16.

        Raises:
            CacheError: A row of another dimension, or a file that cannot be read.
        """
        found: dict[bytes, NDArray[np.float16]] = {}
        with self._failures():
            for begin in range(0, len(keys), _KEYS_A_QUERY):
                part = keys[begin : begin + _KEYS_A_QUERY]
                marks = ",".join("?" * len(part))
                # The only text that is put together is a list of question marks.
                query = f"SELECT key, row FROM rows WHERE key IN ({marks})"  # noqa: S608
                for key, row in self._database.execute(query, part):
                    found[key] = self._decode(row, dim)
        return found

    def put(self, keys: Sequence[bytes], rows: NDArray[np.float16]) -> None:
        """Commit `(len(keys), dim)` rows in one transaction; a key that is there keeps its row.

        Raises:
            CacheError: The file cannot be written.
        """
        values = [(key, row.astype("<f2", copy=False).tobytes()) for key, row in zip(keys, rows, strict=True)]
        with self._failures():
            self._database.execute("BEGIN IMMEDIATE")
            try:
                self._database.executemany("INSERT OR IGNORE INTO rows (key, row) VALUES (?, ?)", values)
                self._database.execute("COMMIT")
            except BaseException:
                if self._database.in_transaction:
                    self._database.execute("ROLLBACK")
                raise

    def _prepare(self) -> None:
        """Check whose file it is, and make the table in a new one."""
        self._switch_to_wal()
        # In WAL mode this loses at most the last commits at a power cut, none at a kill, and never breaks the file.
        self._database.execute("PRAGMA synchronous=NORMAL")
        self._database.execute("BEGIN IMMEDIATE")
        try:
            self._check_or_create()
            self._database.execute("COMMIT")
        except BaseException:
            if self._database.in_transaction:
                self._database.execute("ROLLBACK")
            raise

    def _check_or_create(self) -> None:
        tables = {name for (name,) in self._database.execute("SELECT name FROM sqlite_schema")}
        if not tables:
            # With a rowid: rows are appended, packed; ordered by their random keys they take four times the space.
            self._database.execute("CREATE TABLE rows (key BLOB PRIMARY KEY, row BLOB NOT NULL)")
            self._database.execute(f"PRAGMA application_id={_APPLICATION_ID}")
            self._database.execute(f"PRAGMA user_version={_VERSION}")
            return
        if self._database.execute("PRAGMA application_id").fetchone()[0] != _APPLICATION_ID:
            raise CacheError(f"{self.path}: is a database of another program; name another file as the embedding cache")
        version = self._database.execute("PRAGMA user_version").fetchone()[0]
        if version != _VERSION:
            raise CacheError(
                f"{self.path}: is an embedding cache of version {version}, and this release reads version {_VERSION}; "
                "delete the file or name another one"
            )

    def _switch_to_wal(self) -> None:
        """Let writers not block readers. Two processes that switch a new file at once fail at once, so try again."""
        deadline = time.monotonic() + _BUSY_SECONDS
        while True:
            try:
                self._database.execute("PRAGMA journal_mode=WAL")
                return
            except sqlite3.OperationalError as error:
                if "locked" not in str(error) or time.monotonic() > deadline:
                    raise
                time.sleep(0.02)

    def _decode(self, row: bytes, dim: int) -> NDArray[np.float16]:
        if len(row) != 2 * dim:
            raise CacheError(
                f"{self.path}: holds a row of {len(row) / 2:g} numbers where the encoder has {dim}; delete the file, "
                "or name another one"
            )
        return np.frombuffer(row, dtype="<f2").astype(np.float16, copy=False)

    @contextmanager
    def _failures(self) -> Iterator[None]:
        try:
            yield
        except sqlite3.ProgrammingError:
            raise  # a closed cache is the caller's mistake, not the file's
        except (sqlite3.Error, OSError) as error:
            raise CacheError(
                f"{self.path}: cannot be used as an embedding cache ({error}); delete the file, or name another one"
            ) from error
