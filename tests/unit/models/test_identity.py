"""Hashes of a base: its content alone, computed once for large files, never by times."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import pytest

pytest.importorskip("transformers", reason="needs the extra train")

from small_models import make_tokenizer
from transformers import AutoTokenizer

from tracewarp.models import identity
from tracewarp.models.identity import KEPT, model_folder, tokenizer_hash, weights_hash

SIZE = 200_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "base"
    made.mkdir()
    (made / "config.json").write_text('{"hidden_size": 64, "transformers_version": "4.1"}')
    (made / "model.safetensors").write_bytes(bytes(range(200)) * (SIZE // 200))
    return made


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> list[Path]:
    """Files of more than a few bytes count as large; gives those that were read whole."""
    monkeypatch.setattr(identity, "LARGE_BYTES", 1000)
    monkeypatch.setattr(identity, "_READ_BYTES", 1000)
    monkeypatch.setattr(identity, "_SAMPLE_BYTES", 100)
    monkeypatch.setattr(identity, "_SAMPLES", 16)
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    read: list[Path] = []
    whole = identity._whole
    monkeypatch.setattr(identity, "_whole", lambda path: read.append(path) or whole(path))  # type: ignore[func-returns-value]
    return read


def test_content_decides_and_nothing_else(folder: Path, tmp_path: Path) -> None:
    first = weights_hash(folder)
    moved = shutil.copytree(folder, tmp_path / "moved")
    os.utime(moved / "model.safetensors", (1, 1))
    (moved / "README.md").write_text("read me")
    (moved / "config.json").write_text('{"transformers_version": "5.0", "_name_or_path": "x", "hidden_size": 64}')
    assert weights_hash(moved) == first
    (moved / "config.json").write_text('{"hidden_size": 65}')
    assert weights_hash(moved) != first


def test_one_byte_of_a_small_file_counts(folder: Path) -> None:
    first = weights_hash(folder)
    held = bytearray((folder / "model.safetensors").read_bytes())
    held[12_345] ^= 1
    (folder / "model.safetensors").write_bytes(held)
    assert weights_hash(folder) != first
    assert not (folder / KEPT).exists()


def test_a_large_file_is_read_whole_once_and_its_hash_is_kept_beside_it(folder: Path, large: list[Path]) -> None:
    first = weights_hash(folder)
    assert len(large) == 1
    os.utime(folder / "model.safetensors", (1, 1))
    assert weights_hash(folder) == first
    assert len(large) == 1
    assert json.loads((folder / KEPT).read_text())["model.safetensors"]["size"] == SIZE


def test_a_hash_that_was_kept_for_other_content_is_not_used(folder: Path, large: list[Path]) -> None:
    first = weights_hash(folder)
    held = (folder / "model.safetensors").read_bytes()
    times = (folder / "model.safetensors").stat()
    (folder / "model.safetensors").write_bytes(bytes(byte ^ 1 for byte in held))
    os.utime(folder / "model.safetensors", ns=(times.st_atime_ns, times.st_mtime_ns))  # and nothing betrays it
    assert weights_hash(folder) != first
    assert len(large) == 2


def test_a_torn_file_of_hashes_is_computed_again(folder: Path, large: list[Path]) -> None:
    first = weights_hash(folder)
    for torn in ("{", "[]", '{"model.safetensors": 3}', '{"model.safetensors": {"size": 1}}'):
        (folder / KEPT).write_text(torn)
        assert weights_hash(folder) == first


@pytest.mark.skipif(os.name == "nt", reason="folders that refuse writing are made with POSIX permissions")
def test_hashes_of_a_read_only_model_are_kept_in_the_cache_directory(
    folder: Path, large: list[Path], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    beside = identity._kept_paths(folder)[0]
    replace = Path.replace

    def refused(path: Path, target: Path) -> Path:
        if target == beside:
            raise PermissionError(13, "Permission denied")
        return replace(path, target)

    monkeypatch.setattr(Path, "replace", refused)  # root may write anywhere
    first = weights_hash(folder)
    assert not beside.exists()
    assert weights_hash(folder) == first
    assert len(large) == 1
    assert len(list((tmp_path / "cache" / "tracewarp" / "hashes").glob("*.json"))) == 1


def test_shards_and_older_files_are_found_as_transformers_finds_them(folder: Path) -> None:
    first = weights_hash(folder)
    (folder / "consolidated.safetensors").write_bytes(b"not loaded")
    (folder / "pytorch_model.bin").write_bytes(b"not loaded")
    assert weights_hash(folder) == first
    (folder / "model.safetensors").unlink()
    assert weights_hash(folder) != first
    index = {"weight_map": {"a": "model-2.safetensors", "b": "model-1.safetensors", "c": "model-2.safetensors"}}
    (folder / "model.safetensors.index.json").write_text(json.dumps(index))
    for number in (1, 2):
        (folder / f"model-{number}.safetensors").write_bytes(b"%d" % number)
    assert [path.name for path in identity.weight_files(folder)] == ["model-1.safetensors", "model-2.safetensors"]


def test_a_folder_without_weights_has_no_hash(tmp_path: Path) -> None:
    assert weights_hash(tmp_path) is None


def test_a_model_of_the_hub_is_its_local_snapshot(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from huggingface_hub import constants

    commit = "0" * 40
    stored = tmp_path / "hub" / "models--some--model"
    shutil.copytree(folder, stored / "snapshots" / commit)
    (stored / "refs").mkdir()
    (stored / "refs" / "main").write_text(commit)
    monkeypatch.setattr(constants, "HF_HUB_CACHE", str(tmp_path / "hub"))
    found = model_folder("some/model")
    assert found is not None
    assert weights_hash(found) == weights_hash(folder)
    assert model_folder("some/other") is None
    assert model_folder("no such / name") is None


def test_the_tokenizers_hash_is_of_what_it_does(tmp_path: Path) -> None:
    make_tokenizer(tmp_path / "a")
    first = AutoTokenizer.from_pretrained(tmp_path / "a")
    first.save_pretrained(tmp_path / "b")  # other bytes, the same tokenizer
    same = AutoTokenizer.from_pretrained(tmp_path / "b")
    assert tokenizer_hash(first) == tokenizer_hash(same)
    make_tokenizer(tmp_path / "c", template="llama3")
    assert tokenizer_hash(AutoTokenizer.from_pretrained(tmp_path / "c")) != tokenizer_hash(first)
    same.chat_template = same.chat_template + " "
    assert tokenizer_hash(same) != tokenizer_hash(first)
