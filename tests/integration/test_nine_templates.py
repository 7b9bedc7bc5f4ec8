"""Nine structures of chat templates with tiny models: train, stop, act, merge, serve, act again, equal answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

for package in ("torch", "peft", "accelerate", "fastapi", "uvicorn", "openai"):
    pytest.importorskip(package, reason="needs the extra train and transformers[serving]")

import torch  # noqa: E402
from chat_models import FAMILIES, make_chat_model  # noqa: E402
from model_server import served  # noqa: E402
from transformers import AutoTokenizer  # noqa: E402

from tracewarp.models import Message, Model, OpenAIModel, Sampling, TransformersModel  # noqa: E402
from tracewarp.train import ChatTurn, Conversation, TrainConfig, fine_tune, merge  # noqa: E402

pytestmark = pytest.mark.torch

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


def answers(model: Model) -> list[tuple[str, str | None, str | None]]:
    """Answer, thought and reason of the end for each page, greedily."""
    prompts = [(Message("user", page),) for page in ANSWERS]
    try:
        found = model.generate(prompts, [GREEDY] * len(prompts))
        return [(completion.text.strip(), completion.thinking, completion.finish_reason) for completion in found]
    finally:
        model.close()


@pytest.fixture(scope="module")
def address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """One server for all merged models; a request names the folder."""
    with served(None, tmp_path_factory.mktemp("server") / "log") as url:
        yield url


@pytest.mark.timeout(600)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_family_trains_stops_acts_merges_and_is_served_with_equal_answers(
    family: str, address: str, tmp_path: Path
) -> None:
    torch.set_num_threads(1)  # threads wait for each other longer than such small products take
    base = make_chat_model(tmp_path / "base", family, context=512)
    data = examples(family)
    trained = fine_tune(str(base), data, data[:1], LEARN, out=tmp_path / "trained", device="cpu")
    # It stops: training itself tried, and the token that ends its answers is written down first.
    assert trained.notes == ()
    ends = json.loads((trained.adapter / "generation_config.json").read_text())["eos_token_id"]
    assert AutoTokenizer.from_pretrained(base).convert_ids_to_tokens(ends[0]) == FAMILIES[family].end_of_turn
    print(
        f"{family:10} examples {trained.n_train}, trained tokens {trained.trained_tokens} of {trained.tokens}, "
        f"updates {trained.curve.updates}, stop token {FAMILIES[family].end_of_turn}"
    )
    # It acts.
    thought = THOUGHT if thinks(family) else None
    learnt = answers(TransformersModel(str(base), adapter=str(trained.adapter), device="cpu"))
    assert learnt == [(answer, thought, "stop") for answer in ANSWERS.values()]
    # Merged, and served, it says the same; the base does not.
    merged = merge(trained.adapter, tmp_path / "merged").folder
    assert answers(TransformersModel(str(merged), device="cpu")) == learnt
    assert answers(OpenAIModel(str(merged), base_url=address)) == learnt
    assert answers(TransformersModel(str(base), device="cpu")) != learnt
