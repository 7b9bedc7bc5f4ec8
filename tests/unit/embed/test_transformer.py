from __future__ import annotations

import importlib.util
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from tracewarp.embed import EmbeddingCache, TransformerEncoder, embed_texts, get_encoder
from tracewarp.embed.encoders import OFFLINE_PACKAGE
from tracewarp.errors import EncoderError, InputError

pytestmark = [
    pytest.mark.torch,
    pytest.mark.skipif(
        importlib.util.find_spec("sentence_transformers") is None or importlib.util.find_spec(OFFLINE_PACKAGE) is None,
        reason="needs the extra offline: pip install 'tracewarp[offline]'",
    ),
]


def model_folder() -> Path:
    spec = importlib.util.find_spec(OFFLINE_PACKAGE)
    assert spec is not None
    assert spec.submodule_search_locations
    return Path(spec.submodule_search_locations[0]) / "model"


@pytest.fixture(scope="module")
def minilm() -> TransformerEncoder:
    encoder = get_encoder("minilm")
    assert isinstance(encoder, TransformerEncoder)
    return encoder


def test_minilm_has_384_numbers_and_reads_256_tokens(minilm: TransformerEncoder):
    assert (minilm.dim, minilm.max_tokens) == (384, 256)
    rows = minilm.encode(["a cat", "a kitten", "the stock market"])
    assert rows.shape == (3, 384)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert rows[0] @ rows[1] > rows[0] @ rows[2] + 0.3


def test_the_name_holds_the_hash_of_the_content(minilm: TransformerEncoder, tmp_path: Path):
    copy = tmp_path / "copy"
    shutil.copytree(model_folder(), copy)
    assert TransformerEncoder(copy, label="minilm").name == minilm.name
    config = copy / "sentence_bert_config.json"
    changed = json.loads(config.read_text(encoding="utf-8")) | {"max_seq_length": 128}
    config.write_text(json.dumps(changed), encoding="utf-8")
    assert TransformerEncoder(copy, label="minilm").name != minilm.name


def test_rows_come_back_in_order_and_the_same_each_time(minilm: TransformerEncoder):
    texts = ["word " * n for n in (200, 1, 50, 3, 120, 0, 7, 90, 2, 30)]
    rows = minilm.encode(texts)
    assert np.array_equal(rows, minilm.encode(texts))
    alone = np.concatenate([minilm.encode([text]) for text in texts])
    np.testing.assert_allclose(rows, alone, atol=1e-5)


def test_odd_texts_have_rows(minilm: TransformerEncoder):
    rows = minilm.encode(["", "\x00", "\ud800", "\ue604", "x" * 100_000])
    assert np.isfinite(rows).all()
    np.testing.assert_allclose(np.linalg.norm(rows, axis=1), 1.0, atol=1e-5)
    assert minilm.encode([]).shape == (0, 384)


def test_what_is_cut_off_does_not_count(minilm: TransformerEncoder):
    head = "word " * 300
    first, second = minilm.encode([head + "one end", head + "another ending"])
    np.testing.assert_allclose(first, second, atol=1e-6)


def test_texts_must_be_a_sequence_of_strings(minilm: TransformerEncoder):
    with pytest.raises(InputError, match="texts: expected a sequence of strings"):
        minilm.encode("one text")


def test_cached_rows_are_the_fresh_ones(minilm: TransformerEncoder, tmp_path: Path):
    texts = [f"step {i} of the episode" for i in range(20)]
    with EmbeddingCache(tmp_path / "c.sqlite") as cache:
        first = embed_texts(texts, minilm, cache=cache)
        assert np.array_equal(first, embed_texts(texts, minilm, cache=cache))


def test_a_folder_without_a_model_is_refused(tmp_path: Path):
    with pytest.raises(EncoderError, match=r"could not be loaded from this folder .*give the folder of a downloaded"):
        get_encoder(str(tmp_path))


def fresh_process(code: str, **environment: str) -> str:
    """Run code where the model hub is a closed port, so that any attempt to fetch fails."""
    unreachable = {"HF_ENDPOINT": "http://127.0.0.1:9", "TRANSFORMERS_VERBOSITY": "error"}
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        timeout=200,
        check=True,
        env={**os.environ, **unreachable, **environment},
    )
    return done.stdout.strip()


def test_a_hub_that_is_out_of_reach_is_a_sentence_within_seconds(tmp_path: Path):
    code = """
import time
import sentence_transformers
from tracewarp.embed import get_encoder
from tracewarp.errors import EncoderError
start = time.monotonic()
try:
    get_encoder("paper")
except EncoderError as error:
    print(time.monotonic() - start < 15, error)
"""
    said = fresh_process(code, HF_HOME=str(tmp_path))
    assert said.startswith("True encoder: the model 'sentence-transformers/all-mpnet-base-v2' could not be loaded")


def test_a_downloaded_model_loads_without_the_hub_and_is_named_by_its_revision(tmp_path: Path):
    revision = "0123456789abcdef0123456789abcdef01234567"
    stored = tmp_path / "hub" / "models--sentence-transformers--all-mpnet-base-v2"
    (stored / "refs").mkdir(parents=True)
    (stored / "refs" / "main").write_text(revision, encoding="utf-8")
    shutil.copytree(model_folder(), stored / "snapshots" / revision)
    code = "from tracewarp.embed import get_encoder; print(get_encoder('paper').name)"
    said = fresh_process(code, HF_HOME=str(tmp_path))
    assert said.splitlines()[-1] == f"sentence-transformers/all-mpnet-base-v2@{revision[:16]}"
