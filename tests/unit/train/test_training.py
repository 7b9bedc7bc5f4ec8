"""Fine-tuning as a trajectory: what moves, what does not, one curve for equal settings, the same curve after a kill.

On a random two-layer Llama made on the spot.
"""

from __future__ import annotations

import json
import math
import os
import signal
import subprocess
import sys
import time
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
peft = pytest.importorskip("peft", reason="needs the extra train")
pytest.importorskip("accelerate", reason="needs the extra train")

from small_models import make_model  # noqa: E402
from transformers import AutoModelForCausalLM  # noqa: E402

from tracewarp.errors import EmptyInputError, OptionError, RunMismatchError, TrainingError  # noqa: E402
from tracewarp.train import ChatTurn, Conversation, TrainConfig, Trained, fine_tune, preset  # noqa: E402
from tracewarp.train.samples import encode_samples  # noqa: E402
from tracewarp.train.weights import load_for_training, load_tokenizer  # noqa: E402

QUICK = TrainConfig(
    method="lora",
    dtype="float32",
    learning_rate=1e-2,
    max_epochs=4,
    patience=None,
    batch_size=8,
    micro_batch_size=8,
    gradient_checkpointing=False,
)


def conversations(n: int, *, start: int = 0) -> list[Conversation]:
    return [
        Conversation(
            str(i),
            (
                ChatTurn("user", f"page {i} with {'many ' * (i % 5)}words"),
                ChatTurn("assistant", f"click [{i % 7}]{'!' * (i % 3)}", train=True),
            ),
        )
        for i in range(start, start + n)
    ]


TRAIN, HELD = conversations(24), conversations(6, start=100)


@pytest.fixture(scope="module")
def base(tmp_path_factory: pytest.TempPathFactory) -> str:
    return str(make_model(tmp_path_factory.mktemp("base"), context=512, hidden=64))


def losses(out: Path) -> list[float]:
    return [json.loads(line)["loss"] for line in (out / "updates.jsonl").read_text().splitlines()]


def train(base: str, out: Path, config: TrainConfig = QUICK, **options: Any) -> Trained:
    return fine_tune(base, TRAIN, HELD, config, out=out, device="cpu", **options)


def test_loss_falls_adapters_move_and_the_base_does_not(base: str, tmp_path: Path) -> None:
    made = train(base, tmp_path)
    curve = [epoch.validation_loss for epoch in made.curve.epochs]
    assert len(curve) == 5
    assert curve[-1] < 0.8 * curve[0]
    assert made.curve.updates == 12
    assert 0 < made.trained_parameters < 0.2 * made.parameters
    adapted = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), made.adapter)
    fresh = dict(AutoModelForCausalLM.from_pretrained(base).named_parameters())
    for name, parameter in adapted.named_parameters():
        if "lora_B" in name:
            assert parameter.abs().max() > 0
        elif "lora_" not in name:
            plain = name.removeprefix("base_model.model.").replace(".base_layer", "")
            assert torch.equal(parameter, fresh[plain])


def test_the_adapter_says_where_it_comes_from(base: str, tmp_path: Path) -> None:
    about = json.loads((train(base, tmp_path).adapter / "provenance.json").read_text())
    assert about["base"] == base
    assert len(about["weights_hash"]) == len(about["tokenizer_hash"]) == len(about["data_hash"]) == 64
    assert about["config"]["learning_rate"] == 1e-2
    assert about["versions"]["torch"]


@pytest.mark.parametrize(
    "other",
    [
        {"micro_batch_size": 1},
        {"micro_batch_size": 3},
        {"gradient_checkpointing": True},
        {"gradient_checkpointing": True, "offload_activations": True},
        {"save_minutes": 0.0},
    ],
)
def test_equivalent_settings_follow_one_curve(base: str, tmp_path: Path, other: dict[str, Any]) -> None:
    train(base, tmp_path / "a")
    train(base, tmp_path / "b", replace(QUICK, **other))
    a, b = losses(tmp_path / "a"), losses(tmp_path / "b")
    assert len(a) == 12
    assert max(abs(x - y) for x, y in zip(a, b, strict=True)) < 2e-4
    assert sum(abs(x - y) for x, y in zip(a, b, strict=True)) / 12 < 5e-5


def test_a_batch_loss_is_per_trained_token(base: str, tmp_path: Path) -> None:
    train(base, tmp_path, replace(QUICK, max_epochs=1, batch_size=24, micro_batch_size=5))
    tokenizer = load_tokenizer(base)
    model = AutoModelForCausalLM.from_pretrained(base)
    total, count = 0.0, 0
    with torch.no_grad():
        for sample in encode_samples(tokenizer, TRAIN, max_tokens=512).encoded:
            scores = torch.log_softmax(model(torch.tensor([sample.input_ids])).logits[0, :-1], -1)
            for place, label in enumerate(sample.labels[1:]):
                if label != -100:
                    total, count = total - float(scores[place, label]), count + 1
    assert losses(tmp_path) == [pytest.approx(total / count, rel=1e-5)]


@pytest.mark.parametrize("method", ["lora", "qlora"])
def test_gradients_equal_a_plain_loop_of_peft_and_bitsandbytes(base: str, method: str) -> None:
    if method == "qlora":
        pytest.importorskip("bitsandbytes", reason="needs the extra train")
    from accelerate import Accelerator
    from transformers import BitsAndBytesConfig

    from tracewarp.train.steps import Pass, update_gradients

    config = replace(QUICK, method=method, seed=5)
    accelerator = Accelerator(cpu=True)
    tokenizer = load_tokenizer(base)
    samples = encode_samples(tokenizer, TRAIN[:4], max_tokens=512).encoded
    ours = load_for_training(base, config)
    loss = update_gradients(Pass(ours, accelerator, 2, tokenizer.pad_token_id), samples)

    options = {}
    if method == "qlora":
        options["quantization_config"] = BitsAndBytesConfig(
            load_in_4bit=True, bnb_4bit_quant_type="nf4", bnb_4bit_use_double_quant=True,
            bnb_4bit_compute_dtype=torch.float32, bnb_4bit_quant_storage=torch.float32,
        )  # fmt: skip
    plain = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32, device_map={"": "cpu"}, **options)
    torch.manual_seed(5)
    plain = peft.get_peft_model(plain, peft.LoraConfig(r=8, lora_alpha=16, target_modules="all-linear"))
    plain.train()  # in evaluation mode bitsandbytes may compute in bfloat16
    total, count = 0, 0
    for sample in samples:
        labels = torch.tensor([sample.labels])
        n = int((labels[:, 1:] != -100).sum())
        total, count = total + plain(torch.tensor([sample.input_ids]), labels=labels).loss * n, count + n
    (total / count).backward()
    assert loss == pytest.approx((total / count).item(), rel=1e-5)
    theirs = {name: p.grad for name, p in plain.named_parameters() if p.requires_grad}
    mine = {name: p.grad for name, p in ours.named_parameters() if p.requires_grad}
    assert set(mine) == set(theirs)
    for name, gradient in mine.items():
        assert torch.allclose(gradient, theirs[name], rtol=1e-5, atol=1e-5 * float(theirs[name].abs().max()) + 1e-12)


def test_nf4_gradients_are_the_same_after_an_evaluation(base: str) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="needs the extra train")
    model = load_for_training(base, replace(QUICK, method="qlora", dtype="bfloat16"))
    quantised = [m for m in model.modules() if isinstance(m, bitsandbytes.nn.Linear4bit)]
    assert len(quantised) == 14
    assert all(m.weight.quant_state.quant_type == "nf4" and m.weight.quant_state.nested for m in quantised)
    learning = [p for p in model.parameters() if p.requires_grad]
    for parameter in learning:
        torch.nn.init.normal_(parameter, std=0.05)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])

    def gradients() -> list[Any]:
        model.zero_grad()
        model.train()
        model(ids, labels=ids).loss.backward()
        return [p.grad.clone() for p in learning]

    before = gradients()
    model.eval()
    with torch.no_grad():
        model(ids)
    assert all(torch.equal(a, b) for a, b in zip(before, gradients(), strict=True))


def test_adapter_merged_model_and_reloaded_adapter_give_the_same_logits(base: str, tmp_path: Path) -> None:
    made = train(base, tmp_path)
    ids = torch.tensor([[5, 6, 7, 8, 9, 10]])
    with torch.no_grad():
        adapted = peft.PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(base), made.adapter).eval()
        expected = adapted(ids).logits
        merged = adapted.merge_and_unload()(ids).logits
    plain = AutoModelForCausalLM.from_pretrained(base)(ids).logits
    assert torch.allclose(expected, merged, atol=1e-5)
    assert (expected - plain).abs().max() > 0.1


def test_a_second_round_starts_from_the_first_adapter(base: str, tmp_path: Path) -> None:
    first = train(base, tmp_path / "1")
    second = train(base, tmp_path / "2", adapter=str(first.adapter))
    assert second.curve.epochs[0].validation_loss == pytest.approx(first.curve.epochs[-1].validation_loss, rel=1e-5)


def test_an_adapter_of_another_base_is_refused(base: str, tmp_path: Path) -> None:
    first = train(base, tmp_path / "1", replace(QUICK, max_epochs=1))
    other = str(make_model(tmp_path / "other", context=512, hidden=64, seed=1))
    with pytest.raises(TrainingError, match="was trained on"):
        train(other, tmp_path / "2", adapter=str(first.adapter))


def test_an_adapter_keeps_its_own_settings_when_training_goes_on_and_the_record_says_them(
    base: str, tmp_path: Path
) -> None:
    first = train(base, tmp_path / "1", replace(QUICK, rank=4, alpha=6.0, dropout=0.125, max_epochs=1))
    second = train(base, tmp_path / "2", replace(QUICK, rank=8, alpha=16.0, max_epochs=1), adapter=str(first.adapter))
    assert (second.config.rank, second.config.alpha, second.config.dropout) == (4, 6.0, 0.125)
    assert second.notes[0] == "The earlier adapter keeps its own settings: rank 4, alpha 6, dropout 0.125."
    about = json.loads((second.adapter / "provenance.json").read_text())
    assert (about["config"]["rank"], about["config"]["alpha"], about["config"]["dropout"]) == (4, 6.0, 0.125)
    saved = json.loads((second.adapter / "adapter_config.json").read_text())
    assert (saved["r"], saved["lora_alpha"], saved["lora_dropout"]) == (4, 6.0, 0.125)
    assert about["adapter"] == saved
    again = train(base, tmp_path / "2", replace(QUICK, rank=8, alpha=16.0, max_epochs=1), adapter=str(first.adapter))
    assert (again.config, again.notes) == (second.config, second.notes)


def test_what_is_trained_is_float32_whatever_the_dtype(base: str) -> None:
    for method in ("lora", "full"):
        model = load_for_training(base, replace(QUICK, method=method, dtype="bfloat16"))
        assert {p.dtype for p in model.parameters() if p.requires_grad} == {torch.float32}
    assert {p.dtype for p in load_for_training(base, replace(QUICK, dtype="bfloat16")).base_model.parameters()} == {
        torch.float32,  # LoRA's
        torch.bfloat16,
    }


def moved(base: str, out: Path, dtype: str, **more: Any) -> float:
    """Share of weights that training at 1e-5 moved, of those with a gradient."""
    from safetensors.torch import load_file

    config = replace(QUICK, method="full", dtype=dtype, learning_rate=1e-5, weight_decay=0.0, max_epochs=2, **more)
    train(base, out, config)
    now = {name.removeprefix("weight/"): t for name, t in load_file(out / "state" / "state.safetensors").items()}
    was = dict(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32).named_parameters())
    shares = [(now[name] != tensor).float().mean().item() for name, tensor in was.items() if "embed" not in name]
    return sum(shares) / len(shares)


def test_all_weights_in_bfloat16_move_as_they_do_in_float32(base: str, tmp_path: Path) -> None:
    low, high = moved(base, tmp_path / "low", "bfloat16"), moved(base, tmp_path / "high", "float32")
    assert high > 0.95
    assert low == pytest.approx(high, abs=0.02)
    a, b = losses(tmp_path / "low"), losses(tmp_path / "high")
    assert a == pytest.approx(b, rel=0.02)


def test_a_model_trained_in_bfloat16_is_stored_in_the_dtype_of_its_base_and_differs_from_it(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base", context=512, hidden=64)
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.bfloat16)
    model.save_pretrained(base)
    config = replace(QUICK, method="full", dtype="bfloat16", learning_rate=1e-4)
    made = fine_tune(str(base), TRAIN, HELD, config, out=tmp_path / "out", device="cpu")
    stored = AutoModelForCausalLM.from_pretrained(made.adapter, dtype="auto")
    assert stored.dtype == torch.bfloat16
    assert json.loads((made.adapter / "config.json").read_text())["dtype"] == "bfloat16"
    pairs = list(zip(model.parameters(), stored.parameters(), strict=True))
    assert all(not torch.equal(a, b) for a, b in pairs if a.dim() == 2)
    assert made.curve.epochs[-1].validation_loss < made.curve.epochs[0].validation_loss


def test_tied_weights_stay_tied_when_all_weights_are_trained(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base", context=512, hidden=64, tie_word_embeddings=True)
    config = replace(QUICK, method="full", dtype="bfloat16", max_epochs=1)
    made = fine_tune(str(base), TRAIN, HELD, config, out=tmp_path / "out", device="cpu")
    stored = AutoModelForCausalLM.from_pretrained(made.adapter)
    assert stored.get_input_embeddings().weight is stored.get_output_embeddings().weight
    assert "lm_head.weight" not in load_file_names(made.adapter / "model.safetensors")


def load_file_names(path: Path) -> set[str]:
    from safetensors import safe_open

    with safe_open(path, "pt") as file:
        return set(file.keys())


def test_the_record_says_whether_the_trained_model_stops(base: str, tmp_path: Path) -> None:
    one = [Conversation("only", (ChatTurn("user", "page 1"), ChatTurn("assistant", "click [1]", train=True)))]
    config = replace(QUICK, max_epochs=60, batch_size=1)
    made = fine_tune(base, one, one, config, out=tmp_path / "stops", device="cpu")
    check = json.loads((made.adapter / "provenance.json").read_text())["stop_check"]
    assert check == {"example": "only", "stopped": True, "tokens": len("click [1]") + 1, "limit": 64}
    assert made.notes == ()
    never = fine_tune(
        base, one, one, replace(config, max_epochs=1, learning_rate=1e-9), out=tmp_path / "x", device="cpu"
    )
    assert "did not stop by itself" in never.notes[0]
    assert "training example only" in never.notes[0]
    assert json.loads((never.adapter / "provenance.json").read_text())["stop_check"]["stopped"] is False


def test_the_check_uses_the_weights_that_are_kept(base: str, tmp_path: Path) -> None:
    one = [Conversation("only", (ChatTurn("user", "page 1"), ChatTurn("assistant", "click [1]", train=True)))]
    learnt = fine_tune(base, one, one, replace(QUICK, max_epochs=60, batch_size=1), out=tmp_path / "a", device="cpu")
    other = [Conversation("only", (one[0].turns[0], ChatTurn("assistant", "wait " * 40, train=True)))]
    # The start answers the validation example best, so that epoch 0 is kept; the last epoch would answer at length.
    config = replace(QUICK, max_epochs=30, batch_size=1)
    made = fine_tune(base, other, one, config, out=tmp_path / "b", device="cpu", adapter=str(learnt.adapter))
    assert made.curve.kept_epoch == 0
    check = json.loads((made.adapter / "provenance.json").read_text())["stop_check"]
    assert (check["stopped"], check["tokens"]) == (True, len("click [1]") + 1)


def test_early_stopping_restores_the_best_epoch_and_epoch_0_counts(base: str, tmp_path: Path) -> None:
    first = train(base, tmp_path / "first")
    contrary = [
        Conversation(str(i), (c.turns[0], ChatTurn("assistant", "wait {7}?", train=True))) for i, c in enumerate(TRAIN)
    ]
    config = replace(QUICK, patience=2, max_epochs=9)
    made = fine_tune(base, contrary, HELD, config, out=tmp_path / "second", device="cpu", adapter=str(first.adapter))
    assert (made.curve.best_epoch, made.curve.kept_epoch, made.curve.stopped_early) == (0, 0, True)
    assert made.curve.epochs[-1].epoch == 2
    kept, start = ((path / "adapter_model.safetensors").read_bytes() for path in (made.adapter, first.adapter))
    assert kept == start


def test_small_sets_get_more_epochs_where_so_many_updates_are_wanted(base: str, tmp_path: Path) -> None:
    config = replace(QUICK, max_epochs=1, patience=None, min_updates=5, batch_size=16)
    per_epoch = -(-len(TRAIN) // 16)
    made = train(base, tmp_path, config)
    assert made.curve.epochs[-1].epoch == config.epochs(len(TRAIN)) == -(-5 // per_epoch)
    assert made.curve.updates >= 5
    assert made.curve.epochs[-1].learning_rate < made.curve.epochs[1].learning_rate or per_epoch >= 5
    assert [config.epochs(n) for n in (1, 16, 17, 80, 1_000)] == [5, 5, 3, 1, 1]


def test_only_adapters_get_gradients_on_nf4_weights(base: str) -> None:
    bitsandbytes = pytest.importorskip("bitsandbytes", reason="needs the extra train")
    model = load_for_training(base, replace(QUICK, method="qlora"))
    names = {name for name, parameter in model.named_parameters() if parameter.requires_grad}
    assert names
    assert all("lora_" in name for name in names)
    packed = [p for p in model.parameters() if isinstance(p, bitsandbytes.nn.Params4bit)]
    assert len(packed) == 14
    before = [p.detach().clone().view(torch.uint8) for p in packed]  # as numbers some of these bits are NaN
    model.train()
    ids = torch.tensor([[5, 6, 7, 8]])
    learning = [p for p in model.parameters() if p.requires_grad]
    optimizer = torch.optim.AdamW(learning, lr=1e-2)
    for _ in range(2):
        model(ids, labels=ids).loss.backward()
        optimizer.step()
    assert all(torch.equal(a, b.detach().view(torch.uint8)) for a, b in zip(before, packed, strict=True))
    assert all(p.grad is None for p in model.parameters() if not p.requires_grad)


def test_qlora_learns_and_its_adapter_says_how(base: str, tmp_path: Path) -> None:
    pytest.importorskip("bitsandbytes", reason="needs the extra train")
    made = train(base, tmp_path, replace(QUICK, method="qlora", gradient_checkpointing=True))
    curve = [epoch.validation_loss for epoch in made.curve.epochs]
    assert curve[-1] < 0.8 * curve[0]
    assert made.parameters > sum(p.numel() for p in AutoModelForCausalLM.from_pretrained(base).parameters())


def test_forced_epochs_keep_the_last(base: str, tmp_path: Path) -> None:
    made = train(base, tmp_path, replace(QUICK, restore_best=False))
    assert made.curve.kept_epoch == 4


def test_a_finished_training_is_read_back_and_another_is_refused(base: str, tmp_path: Path) -> None:
    first = train(base, tmp_path)
    assert train(base, tmp_path).curve == first.curve
    with pytest.raises(RunMismatchError, match="begun with another config"):
        train(base, tmp_path, replace(QUICK, seed=1))
    begun = json.loads((tmp_path / "begun.json").read_text())
    del begun["config"]["min_updates"]  # as written before that setting existed
    (tmp_path / "begun.json").write_text(json.dumps(begun))
    assert train(base, tmp_path).curve == first.curve
    with pytest.raises(RunMismatchError, match="begun with another data hash"):
        fine_tune(base, TRAIN[1:], HELD, QUICK, out=tmp_path, device="cpu")


def test_long_examples_are_left_out_whole_and_counted(base: str, tmp_path: Path) -> None:
    long = Conversation("long", (ChatTurn("user", "x" * 500), ChatTurn("assistant", "y", train=True)))
    config = replace(QUICK, max_tokens=200, max_epochs=1)
    made = fine_tune(base, [*TRAIN, long], HELD, config, out=tmp_path, device="cpu")
    assert (made.n_train, made.too_long) == (24, 1)
    with pytest.raises(EmptyInputError, match="all 1 are longer than 200 tokens"):
        fine_tune(base, [long], HELD, config, out=tmp_path / "none", device="cpu")


def test_the_context_of_the_base_is_a_limit_too(base: str, tmp_path: Path) -> None:
    long = Conversation("long", (ChatTurn("user", "x" * 600), ChatTurn("assistant", "y", train=True)))
    made = fine_tune(base, [*TRAIN, long], HELD, replace(QUICK, max_epochs=1), out=tmp_path, device="cpu")
    assert (made.n_train, made.too_long) == (24, 1)


def test_validation_examples_that_are_all_too_long_are_named(base: str, tmp_path: Path) -> None:
    long = Conversation("long", (ChatTurn("user", "x" * 600), ChatTurn("assistant", "y", train=True)))
    with pytest.raises(EmptyInputError, match="validation examples: expected at least one, all 1 are longer than 512"):
        fine_tune(base, TRAIN, [long], QUICK, out=tmp_path, device="cpu")


def test_a_loss_that_is_no_number_stops_and_keeps_the_best(base: str, tmp_path: Path) -> None:
    with pytest.raises(TrainingError, match=r"loss of update \d+: expected a number, got (nan|inf).*the best epoch"):
        train(base, tmp_path, replace(QUICK, learning_rate=1e30, max_grad_norm=None))
    assert (tmp_path / "best" / "adapter_model.safetensors").exists()


def test_settings_are_checked_when_they_are_made() -> None:
    paper = preset("paper")
    assert (paper.rank, paper.alpha, paper.learning_rate, paper.max_epochs, paper.patience) == (8, 8.0, 1e-5, 500, 5)
    assert (paper.batch_size, paper.weight_decay, paper.dropout, paper.method) == (16, 0.01, 0.0, "qlora")
    assert preset("paper", {"rank": 16}).rank == 16
    for wrong in (
        {"rank": 0},
        {"learning_rate": math.nan},
        {"dropout": 1.0},
        {"seed": -1},
        {"save_minutes": -1},
        {"method": "dora"},
        {"speed": 1},
        {"dtype": "float16"},
    ):
        with pytest.raises(OptionError):
            preset("default", wrong)


class Interrupted(Exception):
    pass


def interrupted_after(updates: int) -> Any:
    def progress(moment: Any) -> None:
        if moment.step == updates and moment.loss is not None:
            raise Interrupted

    return progress


def test_a_state_within_an_epoch_goes_on_from_that_update(base: str, tmp_path: Path) -> None:
    config = replace(QUICK, batch_size=2, max_epochs=2, dropout=0.2, save_minutes=0.0)
    train(base, tmp_path / "whole", config)
    out = tmp_path / "cut"
    for stop in (5, 9, 17):  # an epoch has 12 updates
        with pytest.raises(Interrupted):
            train(base, out, config, progress=interrupted_after(stop))
        # The state of the last update was not yet written: one update is made again, no more.
        assert json.loads((out / "state" / "state.json").read_text())["place"]["step"] == stop - 1
    made = train(base, out, config)
    assert losses(out) == losses(tmp_path / "whole")
    curve = json.loads((tmp_path / "whole" / "training.json").read_text())["curve"]
    assert [epoch.train_loss for epoch in made.curve.epochs] == [row["train_loss"] for row in curve["epochs"]]
    a, b = ((path / "adapter" / "adapter_model.safetensors").read_bytes() for path in (tmp_path / "whole", out))
    assert a == b


def test_a_training_goes_on_with_smaller_passes_and_refuses_another_rate(base: str, tmp_path: Path) -> None:
    with pytest.raises(Interrupted):
        train(base, tmp_path, progress=interrupted_after(7))
    with pytest.raises(RunMismatchError, match="begun with another config"):
        train(base, tmp_path, replace(QUICK, learning_rate=1e-3))
    smaller = replace(QUICK, micro_batch_size=2, gradient_checkpointing=True, save_minutes=None)
    assert train(base, tmp_path, smaller).curve.updates == 12


SCRIPT = """
import resource, sys
from dataclasses import replace
from pathlib import Path
sys.path[:0] = {paths!r}
from test_training import HELD, QUICK, TRAIN
from tracewarp.errors import FileError
from tracewarp.train import TrainConfig, fine_tune
if __name__ == "__main__":
    if {largest_file!r}:
        resource.setrlimit(resource.RLIMIT_FSIZE, ({largest_file!r}, {largest_file!r}))
    try:
        fine_tune({base!r}, TRAIN, HELD, replace(QUICK, **{more!r}), out=Path({out!r}), device="cpu")
    except FileError as error:
        sys.exit(str(error))
"""


def script(base: str, out: Path, path: Path, *, largest_file: int | None = None, **more: Any) -> Path:
    paths = [str(Path(__file__).parent), str(Path(__file__).parents[2] / "data")]
    path.write_text(SCRIPT.format(paths=paths, base=base, out=str(out), more=more, largest_file=largest_file))
    return path


@pytest.mark.slow
def test_a_disk_that_refuses_is_a_sentence_and_the_state_before_stays(base: str, tmp_path: Path) -> None:
    pytest.importorskip("resource", reason="needs limits on the size of files")
    out = tmp_path / "out"
    with pytest.raises(Interrupted):
        train(base, out, progress=interrupted_after(7))  # epochs of 3 updates: the state is of update 6
    # The system refuses files of more than 20 KB, as it would any on a full disk: the adapter has 45 KB.
    run = script(base, out, tmp_path / "run.py", largest_file=20_000)
    done = subprocess.run([sys.executable, str(run)], capture_output=True, text=True, check=False)
    assert done.returncode == 1
    said = done.stderr.strip().splitlines()[-1]
    assert "cannot be written (" in said
    assert "File too large" in said
    assert said.endswith("what was saved before is kept, and the same command goes on from it")
    assert json.loads((out / "state" / "state.json").read_text())["place"]["step"] == 6
    assert not list(out.glob("*.partial"))
    train(base, tmp_path / "whole")
    train(base, out)
    assert losses(out) == losses(tmp_path / "whole")


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("more", [{}, {"batch_size": 1, "max_epochs": 1, "dropout": 0.1, "save_minutes": 0.0}])
def test_a_killed_training_goes_on_on_the_same_curve(base: str, tmp_path: Path, more: dict[str, Any]) -> None:
    train(base, tmp_path / "whole", replace(QUICK, **more))
    n_updates = len(losses(tmp_path / "whole"))
    out = tmp_path / "killed"
    path = out / "updates.jsonl"
    kills = 0
    for _ in range(30):
        process = subprocess.Popen([sys.executable, str(script(base, out, tmp_path / "run.py", **more))])
        seen = path.read_text().count("\n") if path.exists() else 0
        deadline = time.monotonic() + 90
        while process.poll() is None and time.monotonic() < deadline:
            if path.exists() and path.read_text().count("\n") >= seen + n_updates // 3:
                process.send_signal(signal.SIGKILL)
                kills += 1
                break
            time.sleep(0.01)
        if process.wait() == 0:
            break
    assert kills >= 2
    assert losses(out) == losses(tmp_path / "whole")
    for name in ("adapter_model.safetensors", "adapter_config.json"):
        a, b = ((path / "adapter" / name).read_bytes() for path in (tmp_path / "whole", out))
        assert a == b


def test_sets_in_an_adapters_configuration_are_written_in_order(base: str, tmp_path: Path) -> None:
    # The order of a set differs between processes: one in 5,040 of them at most would write seven names in order.
    made = train(base, tmp_path, replace(QUICK, max_epochs=1))
    modules = json.loads((made.adapter / "adapter_config.json").read_text())["target_modules"]
    assert len(modules) >= 7
    assert modules == sorted(modules)


@pytest.mark.slow
def test_two_processes_follow_the_curve_of_one(base: str, tmp_path: Path) -> None:
    train(base, tmp_path / "one")
    command = [
        sys.executable,
        "-m",
        "accelerate.commands.launch",
        "--cpu",
        "--num_processes",
        "2",
        "--num_machines",
        "1",
    ]
    command += ["--mixed_precision", "no", "--dynamo_backend", "no", "--main_process_port", "0"]
    command.append(str(script(base, tmp_path / "two", tmp_path / "run.py")))
    done = subprocess.run(
        command, capture_output=True, text=True, check=False, timeout=280, env={**os.environ, "OMP_NUM_THREADS": "1"}
    )
    assert done.returncode == 0, done.stderr[-3000:]
    one, two = losses(tmp_path / "one"), losses(tmp_path / "two")
    assert max(abs(x - y) for x, y in zip(one, two, strict=True)) < 2e-4
