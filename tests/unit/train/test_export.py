"""Merging: the same answers from one model, and refusals of what does not belong together."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
peft = pytest.importorskip("peft", reason="needs the extra train")
pytest.importorskip("accelerate", reason="needs the extra train")

from small_models import make_model  # noqa: E402
from transformers import AutoModelForCausalLM, AutoTokenizer  # noqa: E402

from tracewarp.cli import main  # noqa: E402
from tracewarp.errors import TrainingError  # noqa: E402
from tracewarp.models import Message, Sampling  # noqa: E402
from tracewarp.models.hf import TransformersModel  # noqa: E402
from tracewarp.train import ChatTurn, Conversation, TrainConfig, base_of, fine_tune, merge, serving_lines  # noqa: E402

QUICK = TrainConfig(method="lora", dtype="float32", learning_rate=1e-2, max_epochs=2, batch_size=8, micro_batch_size=8)
EXAMPLES = [
    Conversation(str(i), (ChatTurn("user", f"page {i}"), ChatTurn("assistant", f"click [{i % 7}]", train=True)))
    for i in range(16)
]


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("base"), context=512, hidden=64)


@pytest.fixture(scope="module")
def adapter(base: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("trained")
    return fine_tune(str(base), EXAMPLES, EXAMPLES[:2], QUICK, out=out, device="cpu").adapter


def logits(model: Any) -> Any:
    with torch.no_grad():
        return model.eval()(torch.tensor([[5, 6, 7, 8, 9, 10]])).logits


def copy(adapter: Path, target: Path) -> Path:
    shutil.copytree(adapter, target)
    return target


def test_a_merged_model_answers_like_the_adapter(base: Path, adapter: Path, tmp_path: Path) -> None:
    merged = merge(adapter, tmp_path / "merged").folder
    expected = logits(peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), adapter))
    assert torch.allclose(logits(AutoModelForCausalLM.from_pretrained(merged)), expected, atol=1e-5)
    assert (expected - logits(AutoModelForCausalLM.from_pretrained(base))).abs().max() > 0.1
    prompt, greedy = (Message("user", "page 3"),), Sampling(temperature=0.0, max_new_tokens=12)
    answers = [
        TransformersModel(str(base), adapter=str(adapter), device="cpu").generate([prompt], [greedy])[0].text,
        TransformersModel(str(merged), device="cpu").generate([prompt], [greedy])[0].text,
    ]
    assert answers[0] == answers[1]
    assert AutoTokenizer.from_pretrained(merged).chat_template == AutoTokenizer.from_pretrained(base).chat_template


def test_a_merged_model_says_where_it_comes_from(adapter: Path, tmp_path: Path) -> None:
    merged = merge(adapter, tmp_path / "merged").folder
    known = json.loads((merged / "provenance.json").read_text())
    about = known.pop("merged")
    assert known == json.loads((adapter / "provenance.json").read_text())
    assert about["adapter"] == str(adapter)
    assert about["dtype"] == "float32"
    assert about["kept"] == pytest.approx(1.0, abs=1e-6)


def test_an_adapter_that_was_learnt_on_nf4_weights_merges_into_the_base_as_published(
    base: Path, tmp_path: Path
) -> None:
    pytest.importorskip("bitsandbytes", reason="needs the extra train")
    made = fine_tune(
        str(base), EXAMPLES, EXAMPLES[:2], replace(QUICK, method="qlora"), out=tmp_path / "trained", device="cpu"
    )
    merged = merge(made.adapter, tmp_path / "merged").folder
    assert "quantization_config" not in json.loads((merged / "config.json").read_text())
    expected = logits(peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), made.adapter))
    assert torch.allclose(logits(AutoModelForCausalLM.from_pretrained(merged)), expected, atol=1e-5)


def test_what_cannot_be_merged_is_refused(base: Path, adapter: Path, tmp_path: Path) -> None:
    def refusal(adapter: Path, out: Path = tmp_path / "out", base: str | None = None) -> str:
        with pytest.raises(TrainingError) as error:
            merge(adapter, out, base=base)
        assert not (tmp_path / "out").exists()
        assert not list(tmp_path.glob("*.partial"))
        return str(error.value)

    (tmp_path / "there").mkdir()
    assert "out: expected a folder that is not there yet" in refusal(adapter, tmp_path / "there")
    assert "expected a folder with adapter_config.json" in refusal(tmp_path / "there")
    assert "is not there; say where it is now with --base" in refusal(adapter, base=str(tmp_path / "gone"))
    other = make_model(tmp_path / "other", context=512, hidden=64, seed=1)
    assert "was trained on" in refusal(adapter, base=str(other))

    torn = copy(adapter, tmp_path / "torn")
    (torn / "adapter_config.json").write_text("{")
    assert "expected JSON" in refusal(torn)
    nameless = copy(adapter, tmp_path / "nameless")
    known = json.loads((nameless / "adapter_config.json").read_text())
    (nameless / "adapter_config.json").write_text(json.dumps({**known, "base_model_name_or_path": None}))
    assert "names no base" in refusal(nameless)

    foreign = copy(adapter, tmp_path / "foreign")
    (foreign / "provenance.json").unlink()
    packed = tmp_path / "packed"
    shutil.copytree(base, packed)
    config = json.loads((packed / "config.json").read_text())
    (packed / "config.json").write_text(json.dumps({**config, "quantization_config": {"load_in_4bit": True}}))
    assert "is stored in few bits" in refusal(foreign, base=str(packed))


def low_copy(base: Path, target: Path) -> Path:
    shutil.copytree(base, target)
    AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16).save_pretrained(target)
    return target


def test_a_merge_in_bfloat16_rounds_the_sum_of_float32_once(base: Path, tmp_path: Path) -> None:
    low = low_copy(base, tmp_path / "low")
    made = fine_tune(str(low), EXAMPLES, EXAMPLES[:2], QUICK, out=tmp_path / "trained", device="cpu")
    merged = merge(made.adapter, tmp_path / "merged")
    assert merged.dtype == "bfloat16"
    assert merged.kept == pytest.approx(1.0, abs=0.02)
    exact = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(low, dtype=torch.float32), made.adapter)
    expected = exact.merge_and_unload().to(torch.bfloat16).state_dict()
    found = AutoModelForCausalLM.from_pretrained(merged.folder, dtype="auto").state_dict()
    assert all(torch.equal(found[name], tensor) for name, tensor in expected.items())


def test_a_merge_says_how_much_of_a_small_update_rounding_keeps_and_float32_keeps_it(
    base: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    low = low_copy(base, tmp_path / "low")
    config = replace(QUICK, learning_rate=1e-6, max_epochs=1)
    made = fine_tune(
        str(low),
        EXAMPLES,
        EXAMPLES[:2],
        config,
        out=tmp_path / "trained",
        device="cpu",
    )
    rounded = merge(made.adapter, tmp_path / "rounded")
    assert rounded.kept < 0.5
    whole = merge(made.adapter, tmp_path / "whole", dtype="float32")
    assert (whole.dtype, whole.kept) == ("float32", pytest.approx(1.0, abs=1e-3))

    main(["merge", str(made.adapter), "--out", str(tmp_path / "said")])
    said = capsys.readouterr()
    assert "Use --dtype float32 to keep all of it." in said.err
    assert said.out.strip() == str(tmp_path / "said")


def test_a_merged_model_keeps_the_tokens_that_end_answers_and_the_other_values_of_its_base(
    base: Path, tmp_path: Path
) -> None:
    own = tmp_path / "base"
    shutil.copytree(base, own)
    # transformers refuses to write such a file itself: sampling values without sampling.
    given = {"eos_token_id": 4, "temperature": 0.6, "do_sample": False, "repetition_penalty": 1.05}
    (own / "generation_config.json").write_text(json.dumps(given))
    made = fine_tune(str(own), EXAMPLES, EXAMPLES[:2], QUICK, out=tmp_path / "trained", device="cpu")
    end = AutoTokenizer.from_pretrained(own).convert_tokens_to_ids("<|im_end|>")
    for folder in (made.adapter, merge(made.adapter, tmp_path / "merged").folder):
        assert json.loads((folder / "generation_config.json").read_text()) == {**given, "eos_token_id": [end, 4]}


def test_lines_that_serve_name_the_base_and_the_adapter(base: Path, adapter: Path) -> None:
    assert base_of(adapter) == str(base)
    lines = serving_lines(str(base), adapter)
    assert lines[0] == f"tracewarp collect --policy model:name=hf:{base}+{adapter} --out RUN"
    assert {line.split()[0] for line in lines} == {"tracewarp", "vllm", "python"}
    assert all(str(adapter) in line for line in lines[:-1])


def test_lines_that_serve_fit_the_rank_and_the_method() -> None:
    def by_vllm(rank: int) -> str:
        return serving_lines("BASE", "A", rank=rank)[1]

    assert "--max-lora-rank" not in by_vllm(16)
    assert "--max-lora-rank 64 " in by_vllm(64)
    assert "--max-lora-rank 128 " in by_vllm(65)
    assert by_vllm(1000) == "tracewarp merge A --out MERGED && vllm serve MERGED --served-model-name improved"
    whole = serving_lines("BASE", "A B", whole=True)
    assert not any(word in line for line in whole for word in ("BASE", "merge", "lora"))
    assert all("'A B'" in line or "A B," in line or "hf:A B" in line for line in whole)
