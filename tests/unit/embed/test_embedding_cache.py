from __future__ import annotations

import sqlite3
import threading
from pathlib import Path

import numpy as np
import pytest

from tracewarp.embed import EmbeddingCache, default_cache_path, embed_texts
from tracewarp.embed.cache import cache_key
from tracewarp.errors import CacheError

ROWS = np.arange(6, dtype=np.float16).reshape(2, 3)
KEYS = [cache_key("e", "t", "one"), cache_key("e", "t", "two")]


def test_what_was_put_is_there_after_reopening(cache_path: Path):
    with EmbeddingCache(cache_path) as cache:
        cache.put(KEYS, ROWS)
    with EmbeddingCache(cache_path) as cache:
        found = cache.get([*KEYS, cache_key("e", "t", "three")], dim=3)
        assert len(cache) == 2
    assert set(found) == set(KEYS)
    assert np.array_equal(np.stack([found[key] for key in KEYS]), ROWS)


def test_a_key_that_is_there_keeps_its_row(cache: EmbeddingCache):
    cache.put(KEYS, ROWS)
    cache.put(KEYS[:1], ROWS[1:])
    assert np.array_equal(cache.get(KEYS[:1], dim=3)[KEYS[0]], ROWS[0])


def test_more_keys_than_one_query_takes_are_found(cache: EmbeddingCache):
    keys = [cache_key("e", "t", str(i)) for i in range(1201)]
    rows = np.arange(1201, dtype=np.float16)[:, None]
    cache.put(keys, rows)
    found = cache.get(keys, dim=1)
    assert [float(found[key][0]) for key in keys] == rows[:, 0].tolist()


def test_encoder_template_and_text_all_count():
    keys = {cache_key(*parts) for parts in [("e", "t", "x"), ("f", "t", "x"), ("e", "u", "x"), ("e", "t", "y")]}
    assert len(keys) == 4


def test_texts_are_not_stored(cache_path: Path, encoder):
    with EmbeddingCache(cache_path) as cache:
        embed_texts(["a very secret sentence"], encoder, cache=cache)
    for file in cache_path.parent.iterdir():
        assert b"secret" not in file.read_bytes()


def test_rows_of_another_dim_are_refused(cache: EmbeddingCache):
    cache.put(KEYS, ROWS)
    with pytest.raises(CacheError, match="holds a row of 3 numbers where the encoder has 4; delete the file"):
        cache.get(KEYS, dim=4)


def test_a_file_that_is_no_database_is_refused(tmp_path: Path):
    path = tmp_path / "cache.sqlite"
    path.write_bytes(b"this is not a database, and long enough to be read as one" * 40)
    with pytest.raises(CacheError, match=r"cache\.sqlite: cannot be used .*not a database.*; delete the file"):
        EmbeddingCache(path)


def test_a_damaged_file_is_refused(cache_path: Path):
    keys = [cache_key("e", "t", str(i)) for i in range(2000)]
    with EmbeddingCache(cache_path) as cache:
        cache.put(keys, np.ones((2000, 64), np.float16))
    content = bytearray(cache_path.read_bytes())
    content[4096:] = b"\xff" * (len(content) - 4096)
    cache_path.write_bytes(content)
    with EmbeddingCache(cache_path) as cache, pytest.raises(CacheError, match=r"malformed.*; delete the file"):
        cache.get(keys, dim=64)


def test_a_database_of_another_program_is_refused_and_left_alone(tmp_path: Path):
    path = tmp_path / "other.sqlite"
    database = sqlite3.connect(path)
    database.execute("CREATE TABLE theirs (x)")
    database.commit()
    database.close()
    with pytest.raises(CacheError, match="is a database of another program"):
        EmbeddingCache(path)
    database = sqlite3.connect(path)
    assert database.execute("SELECT name FROM sqlite_schema").fetchall() == [("theirs",)]
    database.close()


def test_a_cache_of_another_version_is_refused(cache_path: Path):
    EmbeddingCache(cache_path).close()
    database = sqlite3.connect(cache_path)
    database.execute("PRAGMA user_version=9")
    database.close()
    with pytest.raises(CacheError, match="is an embedding cache of version 9, and this release reads version 1"):
        EmbeddingCache(cache_path)


def test_a_folder_in_its_place_is_refused(tmp_path: Path):
    with pytest.raises(CacheError, match="a folder, not a regular file; name another file as the embedding cache"):
        EmbeddingCache(tmp_path)


def test_a_folder_that_cannot_be_made_is_refused(tmp_path: Path):
    (tmp_path / "file").write_text("x", encoding="utf-8")
    with pytest.raises(CacheError, match="cannot be used as an embedding cache"):
        EmbeddingCache(tmp_path / "file" / "cache.sqlite")


def test_writers_at_once_lose_nothing(cache_path: Path):
    failures: list[BaseException] = []

    def write(part: int) -> None:
        try:
            with EmbeddingCache(cache_path) as cache:
                for i in range(20):
                    cache.put([cache_key("e", "t", f"{part % 2} {i}")], np.full((1, 4), i, np.float16))
        except BaseException as error:
            failures.append(error)

    threads = [threading.Thread(target=write, args=(part,)) for part in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with EmbeddingCache(cache_path) as cache:
        assert len(cache) == 40


def test_the_default_path_follows_the_environment(monkeypatch: pytest.MonkeyPatch, tmp_path: Path):
    monkeypatch.setenv("TRACEWARP_CACHE", str(tmp_path / "mine.sqlite"))
    assert default_cache_path() == tmp_path / "mine.sqlite"
    monkeypatch.delenv("TRACEWARP_CACHE")
    monkeypatch.setattr("sys.platform", "linux")
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path))
    assert default_cache_path() == tmp_path / "tracewarp" / "embeddings.sqlite"
