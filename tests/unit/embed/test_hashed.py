from __future__ import annotations

import numpy as np
import pytest

from tracewarp import _core
from tracewarp.embed import Encoder, HashedEncoder
from tracewarp.errors import InputError, OptionError


def test_rows_are_unit_float32_of_the_asked_dim():
    rows = HashedEncoder(64).encode(["click the link", "", "日本語 テキスト"])
    assert rows.shape == (3, 64)
    assert rows.dtype == np.float32
    np.testing.assert_allclose(np.linalg.norm(rows.astype(np.float64), axis=1), 1.0, atol=1e-6)


def test_no_texts_give_no_rows():
    assert HashedEncoder(64).encode([]).shape == (0, 64)


def test_it_is_an_encoder_whose_name_tells_version_and_dim():
    encoder = HashedEncoder(128)
    assert isinstance(encoder, Encoder)
    assert encoder.name == "hashed/1-128"
    assert HashedEncoder().dim == 512


def test_lone_surrogates_are_read_as_the_replacement_character():
    encoder = HashedEncoder(64)
    assert np.array_equal(encoder.encode(["a \ud83d b"]), encoder.encode(["a \ufffd b"]))
    assert np.array_equal(encoder.encode(["x \ud83d\ude00"]), encoder.encode(["x \U0001f600"]))


@pytest.mark.parametrize("dim", [0, -1, 65537, 2.5, True])
def test_a_wrong_dim_is_refused(dim: object):
    with pytest.raises(OptionError, match=r"dim: expected an integer from 1 to 65536, got"):
        HashedEncoder(dim)


@pytest.mark.parametrize("threads", [0, -3, True])
def test_a_wrong_thread_count_is_refused(threads: object):
    with pytest.raises(OptionError, match=r"threads: expected an integer of at least 1, got"):
        HashedEncoder(threads=threads)


@pytest.mark.parametrize("texts", ["one text", ["a", 3], [None]])
def test_anything_but_a_sequence_of_strings_is_refused(texts: object):
    with pytest.raises(InputError, match=r"texts: expected a sequence of strings"):
        HashedEncoder(8).encode(texts)


def test_the_binary_names_the_text_that_it_cannot_read():
    with pytest.raises(InputError, match="index 1 holds a lone surrogate"):
        _core.hash_ngrams(["a", "\ud800"], 8, 1)
    with pytest.raises(InputError, match="index 0"):
        _core.hash_ngrams([b"a"], 8, 1)
    with pytest.raises(OptionError, match="dim: expected at least 1"):
        _core.hash_ngrams(["a"], 0, 1)
    with pytest.raises(OptionError, match="threads"):
        _core.hash_ngrams(["a"], 8, 0)
