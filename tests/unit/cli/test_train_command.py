"""`tracewarp train` and `merge`: the plan, a real training of a small model, bad input in one sentence."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tracewarp.cli import main

ROOT = Path(__file__).parents[3]
SETTINGS = {"method": "lora", "dtype": "float32", "max_epochs": 2, "batch_size": 4, "learning_rate": 0.01}


def lines(n: int, *, start: int = 0) -> str:
    return "".join(
        json.dumps({"prompt": [{"role": "user", "content": f"page {i}"}], "completion": f"click [{i % 5}]"}) + "\n"
        for i in range(start, start + n)
    )


@pytest.fixture
def data(tmp_path: Path) -> tuple[str, ...]:
    (tmp_path / "train.jsonl").write_text(lines(12))
    (tmp_path / "validation.jsonl").write_text(lines(3, start=50))
    return (str(tmp_path / "train.jsonl"), "--validation", str(tmp_path / "validation.jsonl"))


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    for package in ("torch", "peft", "accelerate"):
        pytest.importorskip(package, reason="needs the extra train")
    from small_models import make_model

    return str(make_model(tmp_path_factory.mktemp("base"), context=512, hidden=64))


def settings(**more: object) -> list[str]:
    return [word for name, value in (SETTINGS | more).items() for word in ("--set", f"{name}={value}")]


def said(capsys: pytest.CaptureFixture[str], *words: str) -> tuple[str, str]:
    main(list(words))
    got = capsys.readouterr()
    return got.out, got.err


def refused(capsys: pytest.CaptureFixture[str], *words: str) -> str:
    with pytest.raises(SystemExit) as leave:
        main(list(words))
    assert leave.value.code == 2
    error = capsys.readouterr().err
    assert "Traceback" not in error
    return " ".join(error.split())


def test_a_dry_run_of_the_papers_preset_says_what_two_cards_will_do(
    data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("peft", reason="needs the extra train")
    out, _ = said(
        capsys, "train", *data, "--base", "meta-llama/Meta-Llama-3-70B-Instruct", "--preset", "paper",
        "--out", str(tmp_path / "plan"), "--dry-run",
    )  # fmt: skip
    rows = {
        line.rsplit("  ", 1)[0].strip(): line.rsplit("  ", 1)[1].strip() for line in out.splitlines() if "  " in line
    }
    assert rows["Parameters"] == "70,553,706,496"
    assert rows["Examples"] == "12"
    assert rows["rows of prompt and completion"] == "12"
    assert rows["that learn"] == "103,546,880"
    assert rows["Saved adapter"] == "414,187,520 bytes"
    assert rows["at most"] == "500 in 500 epochs"
    assert 40 < float(rows["Together, an estimate"].removesuffix(" GiB")) < 47
    assert "accelerate launch --num_processes 2 -m tracewarp.cli train" in out
    assert not (tmp_path / "plan").exists()


def test_bad_input_without_a_model_is_one_sentence(
    data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    rest = ("--base", "Qwen/Qwen1.5-72B-Chat", "--out", str(tmp_path / "out"))
    assert "missing.jsonl: no such file" in refused(capsys, "train", "missing.jsonl", *rest)
    assert "--validation: expected a file" in refused(capsys, "train", data[0], *rest)
    (tmp_path / "bad.jsonl").write_text('{"question": 1}\n')
    assert "bad.jsonl, line 1: expected prompt and completion" in refused(
        capsys, "train", str(tmp_path / "bad.jsonl"), *rest
    )
    assert "expected settings among" in refused(capsys, "train", *data, *rest, "--set", "speed=3")
    assert "expected NAME=VALUE" in refused(capsys, "train", *data, *rest, "--set", "speed")
    assert "rank: expected an integer >= 1" in refused(capsys, "train", *data, *rest, "--set", "rank=0")
    assert "expected a folder with adapter_config.json" in refused(
        capsys, "merge", str(tmp_path), "--out", str(tmp_path / "merged")
    )


def test_validation_examples_that_are_trained_on_are_told(
    data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("peft", reason="needs the extra train")
    plan = ("--base", "meta-llama/Meta-Llama-3-70B-Instruct", "--out", str(tmp_path / "plan"), "--dry-run")
    assert "Warning" not in said(capsys, "train", *data, *plan)[1]
    (tmp_path / "validation.jsonl").write_text(lines(3, start=10))
    _, err = said(capsys, "train", *data, *plan)
    assert "Warning: 2 of 3 validation examples have the prompt of a training example" in err


def test_a_small_model_is_trained_merged_and_gone_on_with(
    base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = tmp_path / "trained"
    rest = ("--base", base, "--out", str(trained), "--device", "cpu", *settings())
    out, err = said(capsys, "train", *data, *rest)
    assert "kept" in out
    assert "12 examples, 3 for validation, 0 too long" in out
    assert f"tracewarp collect --policy model:name=hf:{base}+{trained}/adapter" in err
    assert said(capsys, "train", *data, *rest)[0] == out  # read back, not trained again
    merged, _ = said(capsys, "merge", str(trained / "adapter"), "--out", str(tmp_path / "merged"))
    assert merged.strip() == str(tmp_path / "merged")
    assert (tmp_path / "merged" / "model.safetensors").exists()


def test_a_dry_run_with_a_tokenizer_counts_tokens(
    base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out, _ = said(capsys, "train", *data, "--base", base, "--out", str(tmp_path / "x"), "--dry-run", *settings())
    assert "Tokens an epoch" in out
    assert "6 in 2 epochs" in out


def test_bad_models_and_data_are_one_sentence(
    base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from small_models import make_model
    from transformers import AutoTokenizer

    def words(base: str, name: str, **more: object) -> list[str]:
        return [
            "train", *data, "--base", base, "--out", str(tmp_path / name), "--device", "cpu", *settings(**more),
        ]  # fmt: skip

    unknown = ("--base", "some/model", "--out", str(tmp_path / "out"), "--dry-run")
    assert "base: expected a folder with config.json" in refused(capsys, "train", *data, *unknown)
    endless = make_model(tmp_path / "endless", template=None, context=512, hidden=64)
    tokenizer = AutoTokenizer.from_pretrained(endless)
    tokenizer.eos_token = None
    tokenizer.save_pretrained(endless)
    assert "tokenizer: expected an end token (eos_token), or a chat template" in refused(
        capsys, *words(str(endless), "a")
    )
    assert "base: the tokenizer of" in refused(capsys, *words(str(tmp_path / "gone"), "b"))
    diverging = words(base, "c", learning_rate=1e30, max_grad_norm="none", max_epochs=3)
    assert "expected a number, got nan" in refused(capsys, *diverging)
    assert (tmp_path / "c" / "best" / "adapter_model.safetensors").exists()
    assert "all 12 are longer than 10 tokens" in refused(capsys, *words(base, "d", max_tokens=10))

    other = make_model(tmp_path / "other", context=512, hidden=64, seed=1)
    said(capsys, *words(str(other), "e"))
    adapter = ("--adapter", str(tmp_path / "e" / "adapter"))
    assert "was trained on" in refused(capsys, *words(base, "f"), *adapter)
    assert (
        "earlier adapter keeps its own settings: rank 8" in said(capsys, *words(str(other), "g", rank=4), *adapter)[1]
    )


def test_a_tokenizer_without_chat_template_is_trained_with_plain_lines(
    data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("accelerate", reason="needs the extra train")
    from small_models import make_model

    plain = make_model(tmp_path / "plain", template=None, context=512, hidden=64)
    out, _ = said(
        capsys, "train", *data, "--base", str(plain), "--out", str(tmp_path / "t"), "--device", "cpu", *settings()
    )
    assert "kept" in out


def test_a_whole_model_is_served_as_a_folder(
    base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    trained = tmp_path / "all weights"
    rest = ("--base", base, "--out", str(trained), "--device", "cpu", *settings(method="full"))
    out, _ = said(capsys, "train", *data, *rest, "--dry-run")
    assert f"vllm serve '{trained}/adapter'" in out
    _, err = said(capsys, "train", *data, *rest)
    assert f"The model is in {trained}/adapter" in err
    assert f"tracewarp collect --policy 'model:name=hf:{trained}/adapter' --out RUN" in err
    assert "merge" not in err
    assert "lora" not in err
    assert (trained / "adapter" / "config.json").is_file()


def test_the_tiny_agent_is_a_base_by_name(
    data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    pytest.importorskip("peft", reason="needs the extra train")
    out, _ = said(
        capsys, "train", *data, "--base", "tiny-agent", "--out", str(tmp_path / "x"), "--dry-run", *settings()
    )
    assert "Tokens an epoch" in out
    assert "Saved adapter" in out


def test_files_that_are_no_text_are_one_sentence(
    base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    (tmp_path / "latin.jsonl").write_bytes('{"prompt": "caf\u00e9", "completion": "y"}'.encode("latin-1"))
    rest = ("--base", base, "--out", str(tmp_path / "x"), "--device", "cpu")
    assert "latin.jsonl, line 1: not UTF-8 text" in refused(capsys, "train", str(tmp_path / "latin.jsonl"), *rest)
    assert "latin.jsonl, line 1: not UTF-8" in refused(
        capsys, "train", data[0], "--validation", str(tmp_path / "latin.jsonl"), *rest
    )
    (tmp_path / "adapter").mkdir()
    (tmp_path / "adapter" / "adapter_config.json").write_bytes(b'{"peft_type": "LORA", "x": "\xff"}')
    assert "adapter_config.json" in refused(capsys, "merge", str(tmp_path / "adapter"), "--out", str(tmp_path / "m"))
    (tmp_path / "adapter" / "config.json").write_bytes(b'{"model_type": "llama", "x": "\xff"}')
    for dry in ((), ("--dry-run",)):
        assert "base: " in refused(
            capsys, "train", *data, "--base", str(tmp_path / "adapter"), "--out", str(tmp_path / "y"), *dry
        )


BROKEN = {
    "config.json": (b'{"model_type": "\xff"}', b"[]", b"", b'{"model_type": "llama", "hidden_size": "x"}'),
    "tokenizer.json": (b"\xff", b"{}"),
    "tokenizer_config.json": (b"[]",),
    "chat_template.jinja": (b"\xff{{", b"{% for %}"),
    "model.safetensors": (b"x" * 100,),
}


@pytest.mark.parametrize("name", list(BROKEN))
def test_broken_files_of_a_base_are_one_sentence(
    name: str, base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    for number, content in enumerate(BROKEN[name]):
        folder = tmp_path / str(number)
        shutil.copytree(base, folder)
        (folder / name).write_bytes(content)
        words = ("train", *data, "--base", str(folder), "--out", str(tmp_path / "x"), "--device", "cpu", *settings())
        error = refused(capsys, *words)
        assert "base: " in error or "chat template: it refused" in error
        if name != "model.safetensors":  # which a dry run does not read
            assert "Error: " in refused(capsys, *words, "--dry-run")


def test_models_and_adapters_that_cannot_be_trained_are_one_sentence(
    base: str, data: tuple[str, ...], tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    from peft import PromptTuningConfig, get_peft_model
    from small_models import make_tokenizer
    from transformers import AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM, T5Config

    def both(base: object, *more: str) -> list[str]:
        words = ("train", *data, "--base", str(base), "--out", str(tmp_path / "x"), "--device", "cpu", *settings())
        return [refused(capsys, *words, *more), refused(capsys, *words, *more, "--dry-run")]

    tuned = get_peft_model(
        AutoModelForCausalLM.from_pretrained(base), PromptTuningConfig(task_type="CAUSAL_LM", num_virtual_tokens=4)
    )
    tuned.save_pretrained(tmp_path / "prompts")
    for error in both(base, "--adapter", str(tmp_path / "prompts")):
        assert "is of the kind PROMPT_TUNING; expected a LoRA adapter" in error
    for error in both(base, "--adapter", str(tmp_path / "gone")):
        assert "adapter: expected a folder with adapter_config.json" in error
    make_tokenizer(tmp_path / "t5")
    T5Config(d_model=16, num_layers=1, num_heads=2, d_ff=16, d_kv=8, vocab_size=512).save_pretrained(tmp_path / "t5")
    for error in both(tmp_path / "t5"):
        assert "Unrecognized configuration class" in error
    # Tokens that were added to the tokenizer, and not to the model.
    small = LlamaConfig(
        vocab_size=200, hidden_size=32, intermediate_size=64, num_hidden_layers=1, num_attention_heads=2,
        num_key_value_heads=2,
    )  # fmt: skip
    make_tokenizer(tmp_path / "small")
    LlamaForCausalLM(small).save_pretrained(tmp_path / "small")
    for error in both(tmp_path / "small"):
        assert "the base has embeddings for 200 tokens only" in error
    for error in both("x" * 5000):
        assert len(error) < 700


@pytest.mark.slow
def test_of_two_processes_one_speaks(base: str, data: tuple[str, ...], tmp_path: Path) -> None:
    launch = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    launch += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0", "-m", "tracewarp.cli"]
    words = ["train", *data, "--base", base, "--out", str(tmp_path / "t"), "--device", "cpu", *settings()]
    environment = {**os.environ, "OMP_NUM_THREADS": "1", "PYTHONPATH": str(ROOT / "python")}
    done = subprocess.run([*launch, *words], capture_output=True, text=True, check=False, env=environment, timeout=280)
    assert done.returncode == 0, done.stderr[-2000:]
    assert done.stdout.count("12 examples, 3 for validation") == 1
