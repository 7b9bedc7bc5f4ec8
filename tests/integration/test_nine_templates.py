"""Nine structures of chat templates with tiny models: train, stop, act, merge, serve, act again, equal answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

for package in ("torch", "peft", "accelerate", "fastapi", "uvicorn", "openai"):
    pytest.importorskip(package, reason="needs the extra train and transformers[serving]")

import torch  # noqa: E402
from chat_models import FAMILIES, make_chat_model  # noqa: E402
from model_server import served  # noqa: E402

from tracewarp.models import Completion, Message, Model, OpenAIModel, Sampling, TransformersModel  # noqa: E402
from tracewarp.train import ChatTurn, Conversation, TrainConfig, Trained, fine_tune, merge  # noqa: E402

ANSWERS = {
    "Page 1: the shop": "Let's see. ```click [1]```",
    "Page 2: the forum": "A post. ```type [7] [hi] [1]```",
    "Page 3: all is done": "I know it. ```stop [$ 39.50]```",
}
THOUGHT = "One of three."
LEARN = TrainConfig(
    method="lora", dtype="float32", rank=16, alpha=32.0, learning_rate=1e-2, max_epochs=14, patience=None, batch_size=1,
    micro_batch_size=1, gradient_checkpointing=False, save_minutes=None,
)  # fmt: skip
GREEDY = Sampling(temperature=0.0, top_p=1.0, max_new_tokens=64)


@dataclass
class Made:
    """What a family's model went through."""

    base: Path
    trained: Trained
    merged: Path
    learnt: list[Completion]
    """Greedy answers of base and adapter in this process."""


def thinks(family: str) -> bool:
    return family in {"qwen3", "deepseek"}


def examples(family: str) -> list[Conversation]:
    """One for each page."""
    thinking = THOUGHT if thinks(family) else None
    pairs = [
        (ChatTurn("user", page), ChatTurn("assistant", answer, train=True, thinking=thinking))
        for page, answer in ANSWERS.items()
    ]
    return [Conversation(str(number), pair) for number, pair in enumerate(pairs)]


def answers(model: Model) -> list[Completion]:
    prompts = [(Message("user", page),) for page in ANSWERS]
    try:
        return model.generate(prompts, [GREEDY] * len(prompts))
    finally:
        model.close()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Made]:
    """Every family's model: trained, acting, merged."""
    found = {}
    torch.set_num_threads(1)  # threads wait for each other longer than such small products take
    for family in FAMILIES:
        folder = tmp_path_factory.mktemp(family.replace(".", "-"))
        base = make_chat_model(folder / "base", family, context=512)
        data = examples(family)
        trained = fine_tune(str(base), data, data[:1], LEARN, out=folder / "trained", device="cpu")
        learnt = answers(TransformersModel(str(base), adapter=str(trained.adapter), device="cpu"))
        found[family] = Made(base, trained, merge(trained.adapter, folder / "merged").folder, learnt)
    return found


@pytest.fixture(scope="module")
def address(made: dict[str, Made], tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all merged models; a request names the folder."""
    with served(None, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


@pytest.mark.slow
@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_trains_stops_acts_merges_and_is_served_with_equal_answers(
    family: str, made: dict[str, Made], address: str
) -> None:
    one = made[family]
    # It stops, as training itself found.
    assert one.trained.notes == ()
    assert [completion.finish_reason for completion in one.learnt] == ["stop"] * 3
    # It acts.
    assert [completion.text.strip() for completion in one.learnt] == list(ANSWERS.values())
    assert [completion.thinking for completion in one.learnt] == [THOUGHT if thinks(family) else None] * 3
    # Merged, and served, it says the same.
    assert said(answers(TransformersModel(str(one.merged), device="cpu"))) == said(one.learnt)
    assert said(answers(OpenAIModel(str(one.merged), base_url=address))) == said(one.learnt)


def said(completions: list[Completion]) -> list[tuple[str, str | None, str | None]]:
    return [(one.text.strip(), one.thinking, one.finish_reason) for one in completions]


@pytest.mark.slow
@pytest.mark.timeout(600)
def test_the_table_of_families(made: dict[str, Made], capsys: pytest.CaptureFixture[str]) -> None:
    from transformers import AutoTokenizer

    lines = ["", f"{'family':10} {'examples':>8} {'trained tokens':>14} {'tokens':>7} {'updates':>8}  stop token"]
    for family, one in made.items():
        tokenizer = AutoTokenizer.from_pretrained(one.base)
        ends = json.loads((one.trained.adapter / "generation_config.json").read_text())["eos_token_id"]
        assert tokenizer.convert_ids_to_tokens(ends[0]) == FAMILIES[family].end_of_turn
        trained = one.trained
        lines.append(
            f"{family:10} {trained.n_train:>8} {trained.trained_tokens:>14} {trained.tokens:>7} "
            f"{trained.curve.updates:>8}  {FAMILIES[family].end_of_turn}"
        )
    with capsys.disabled():
        print("\n".join(lines))
