"""An adapter acts, merges and trains on only where it belongs: the same refusals at all three entrances."""

from __future__ import annotations

import json
import os
import shutil
import warnings
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
peft = pytest.importorskip("peft", reason="needs the extra train")
pytest.importorskip("accelerate", reason="needs the extra train")

from safetensors.torch import load_file, save_file  # noqa: E402
from small_models import make_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer, GPT2Config, GPT2LMHeadModel  # noqa: E402

from tracewarp.errors import ModelError, TrainingError  # noqa: E402
from tracewarp.models import TransformersModel  # noqa: E402
from tracewarp.train import ChatTurn, Conversation, TrainConfig, fine_tune, merge  # noqa: E402

QUICK = TrainConfig(
    method="lora", dtype="float32", learning_rate=1e-2, max_epochs=1, batch_size=8, micro_batch_size=8,
    gradient_checkpointing=False,
)  # fmt: skip
EXAMPLES = [
    Conversation(str(i), (ChatTurn("user", f"page {i}"), ChatTurn("assistant", f"click [{i}]", train=True)))
    for i in range(8)
]

Enter = Callable[[Path, Path, Path], object]


def act(base: Path, adapter: Path, out: Path) -> object:
    return TransformersModel(str(base), adapter=str(adapter), device="cpu")


def fold(base: Path, adapter: Path, out: Path) -> object:
    return merge(adapter, out, base=str(base))


def train_on(base: Path, adapter: Path, out: Path) -> object:
    return fine_tune(str(base), EXAMPLES, EXAMPLES[:1], QUICK, out=out, device="cpu", adapter=str(adapter))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("base"), context=512)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    return fine_tune(str(base), EXAMPLES, EXAMPLES[:1], QUICK, out=out, device="cpu").adapter


@pytest.fixture(params=[act, fold, train_on])
def enter(request: pytest.FixtureRequest, tmp_path: Path) -> Callable[[Path, Path], str]:
    """Tries an entrance, and gives the refusal."""

    def tried(base: Path, adapter: Path) -> str:
        with pytest.raises((ModelError, TrainingError)) as error:
            request.param(base, adapter, tmp_path / "entered")
        assert "Traceback" not in str(error.value)
        assert "\n" not in str(error.value)
        return str(error.value)

    return tried


def copied(folder: Path, target: Path) -> Path:
    shutil.copytree(folder, target)
    return target


def made_elsewhere(base: Path, target: Path, **settings: Any) -> Path:
    """An adapter without our provenance, as peft alone writes it."""
    model = AutoModelForCausalLM.from_pretrained(base)
    config = peft.LoraConfig(**{"r": 4, "target_modules": "all-linear", "task_type": "CAUSAL_LM", **settings})
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # peft warns of tied weights and saves them all the same
        peft.get_peft_model(model, config).save_pretrained(target)
    return target


def rewritten(adapter: Path, target: Path, change: Callable[[dict[str, Any]], dict[str, Any]]) -> Path:
    """A copy without provenance, with other tensors."""
    copied(adapter, target)
    (target / "provenance.json").unlink(missing_ok=True)
    save_file(change(load_file(target / "adapter_model.safetensors")), target / "adapter_model.safetensors")
    return target


@pytest.mark.parametrize("entrance", [act, fold, train_on])
def test_an_adapter_on_a_copy_of_its_base_with_other_times_is_at_home(
    base: Path, adapter: Path, tmp_path: Path, entrance: Enter
) -> None:
    moved = copied(base, tmp_path / "moved")
    for path in moved.iterdir():
        os.utime(path, (1, 1))
    entrance(moved, adapter, tmp_path / "out")


@pytest.mark.parametrize("entrance", [act, fold, train_on])
def test_an_adapter_that_peft_wrote_is_at_home(base: Path, tmp_path: Path, entrance: Enter) -> None:
    entrance(base, made_elsewhere(base, tmp_path / "peft"), tmp_path / "out")


def test_another_base_of_the_same_shape_is_refused(
    adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    other = make_model(tmp_path / "other", context=512, seed=1)
    assert "whose configuration or weights differ from those of" in enter(other, adapter)


def test_a_base_that_the_adapter_was_merged_into_is_refused(
    base: Path, adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    merged = merge(adapter, tmp_path / "merged").folder
    assert "whose configuration or weights differ" in enter(merged, adapter)
    # Without our provenance, the base that the adapter names is looked at.
    foreign = copied(adapter, tmp_path / "foreign")
    (foreign / "provenance.json").unlink()
    assert "whose configuration or weights differ" in enter(merged, foreign)


def test_one_changed_weight_is_another_base(
    base: Path, adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    other = copied(base, tmp_path / "other")
    tensors = load_file(other / "model.safetensors")
    tensors["model.norm.weight"][3] += 1e-3
    save_file(tensors, other / "model.safetensors", metadata={"format": "pt"})
    assert "weights differ" in enter(other, adapter)


@pytest.mark.parametrize("what", ["template", "token"])
def test_another_tokenizer_or_template_is_refused(
    base: Path, adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str], what: str
) -> None:
    other = copied(base, tmp_path / "other")
    tokenizer = AutoTokenizer.from_pretrained(other)
    if what == "template":
        tokenizer.chat_template = "Hi. " + tokenizer.chat_template
    else:
        tokenizer.add_special_tokens({"additional_special_tokens": ["<|new|>"]})
    tokenizer.save_pretrained(other)
    assert "with another tokenizer or chat template" in enter(other, adapter)


def test_names_under_another_prefix_are_refused(
    base: Path, adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    other = rewritten(
        adapter,
        tmp_path / "x",
        lambda held: {key.replace("model.layers", "decoder.layers"): t for key, t in held.items()},
    )
    assert "the base has no place for base_model.model.decoder.layers.0" in enter(base, other)


def test_a_tensor_that_is_missing_and_one_too_many_are_refused(
    base: Path, adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    name = "base_model.model.model.layers.1.self_attn.q_proj.lora_B.weight"
    less = rewritten(adapter, tmp_path / "less", lambda held: {key: t for key, t in held.items() if key != name})
    assert "it has no tensor for " in enter(base, less)
    more = rewritten(
        adapter, tmp_path / "more", lambda held: {**held, name.replace("layers.1", "layers.7"): held[name].clone()}
    )
    assert "the base has no place for base_model.model.model.layers.7.self_attn.q_proj" in enter(base, more)


def test_another_width_or_architecture_is_refused(
    adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    foreign = copied(adapter, tmp_path / "foreign")
    (foreign / "provenance.json").unlink()
    known = json.loads((foreign / "adapter_config.json").read_text())
    (foreign / "adapter_config.json").write_text(json.dumps({**known, "base_model_name_or_path": "gone"}))
    wider = make_model(tmp_path / "wider", context=512, hidden=128)
    assert "has shape 8 x 128, the base has a place of shape 8 x 256" in enter(wider, foreign)
    other = make_model(tmp_path / "gpt", context=512)
    config = GPT2Config(vocab_size=len(AutoTokenizer.from_pretrained(other)), n_embd=64, n_layer=2, n_head=4)
    GPT2LMHeadModel(config).save_pretrained(other)
    assert "Target modules" in enter(other, foreign)


def test_a_resized_vocabulary_is_refused(base: Path, tmp_path: Path, enter: Callable[[Path, Path], str]) -> None:
    model = AutoModelForCausalLM.from_pretrained(base)
    model.resize_token_embeddings(model.config.vocab_size + 5)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    adapted.save_pretrained(tmp_path / "wide", save_embedding_layers=True)
    said = enter(base, tmp_path / "wide")
    assert "embed_tokens.weight has shape" in said or "lm_head.weight has shape" in said


def test_adapters_on_tied_embeddings_are_refused(tmp_path: Path, enter: Callable[[Path, Path], str]) -> None:
    tied = make_model(tmp_path / "tied", context=512, tie_word_embeddings=True)
    for number, settings in enumerate(
        (
            {"target_modules": ["q_proj", "embed_tokens"]},
            {"target_modules": ["q_proj", "lm_head"]},
            {"target_modules": ["q_proj"], "modules_to_save": ["lm_head"]},
        )
    ):
        said = enter(tied, made_elsewhere(tied, tmp_path / str(number), **settings))
        assert "shares the weights of embeddings and head (tied)" in said


@pytest.mark.parametrize("kind", ["PromptTuningConfig", "IA3Config", "PrefixTuningConfig"])
def test_adapters_of_other_kinds_are_refused(
    base: Path, tmp_path: Path, enter: Callable[[Path, Path], str], kind: str
) -> None:
    more = {"num_virtual_tokens": 4} if kind != "IA3Config" else {}
    config = getattr(peft, kind)(task_type="CAUSAL_LM", **more)
    peft.get_peft_model(AutoModelForCausalLM.from_pretrained(base), config).save_pretrained(tmp_path / "other")
    assert "expected a LoRA adapter (peft_type LORA)" in enter(base, tmp_path / "other")


def test_what_is_no_adapter_is_one_sentence(
    base: Path, adapter: Path, tmp_path: Path, enter: Callable[[Path, Path], str]
) -> None:
    assert "expected a folder with adapter_config.json" in enter(base, tmp_path / "nowhere")
    assert "expected a folder with adapter_config.json" in enter(base, base)
    torn = copied(adapter, tmp_path / "torn")
    (torn / "adapter_config.json").write_text("{")
    assert "expected JSON" in enter(base, torn)
    empty = copied(adapter, tmp_path / "empty")
    (empty / "adapter_model.safetensors").unlink()
    assert "expected adapter_model.safetensors in" in enter(base, empty)
    cut = copied(adapter, tmp_path / "cut")
    held = (cut / "adapter_model.safetensors").read_bytes()
    (cut / "adapter_model.safetensors").write_bytes(held[: len(held) // 2])
    assert "cannot be read" in enter(base, cut)


def test_an_adapter_that_brings_weights_of_the_base_acts_but_is_not_trained_on(base: Path, tmp_path: Path) -> None:
    model = AutoModelForCausalLM.from_pretrained(base)
    adapted = peft.get_peft_model(model, peft.LoraConfig(r=4, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    adapted.save_pretrained(tmp_path / "wide", save_embedding_layers=True)
    act(base, tmp_path / "wide", tmp_path)
    with pytest.raises(TrainingError, match="brings weights of the base itself"):
        train_on(base, tmp_path / "wide", tmp_path / "out")


def test_whole_modules_are_trained_on_in_float32_alone(base: Path, tmp_path: Path) -> None:
    wide = made_elsewhere(base, tmp_path / "wide", target_modules=["q_proj"], modules_to_save=["lm_head"])
    train_on(base, wide, tmp_path / "out")
    low = replace(QUICK, dtype="bfloat16")
    with pytest.raises(TrainingError, match=r"lm_head.* in bfloat16, where small updates are rounded away"):
        fine_tune(str(base), EXAMPLES, EXAMPLES[:1], low, out=tmp_path / "low", device="cpu", adapter=str(wide))


def test_an_adapter_as_a_base_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match="is an adapter; give its base as base"):
        fine_tune(str(adapter), EXAMPLES, EXAMPLES[:1], QUICK, out=tmp_path / "out", device="cpu")
    with pytest.raises(TrainingError, match="is an adapter itself"):
        merge(adapter, tmp_path / "merged", base=str(adapter))
