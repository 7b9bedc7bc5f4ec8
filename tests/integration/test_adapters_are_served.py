"""An adapter in this process, its merged model in this process, and that behind `transformers serve` on loopback."""

from __future__ import annotations

from pathlib import Path

import pytest

for package in ("torch", "peft", "accelerate", "fastapi", "uvicorn", "openai"):
    pytest.importorskip(package, reason="needs the extra train and transformers[serving]")

from model_server import served  # noqa: E402
from small_models import make_model  # noqa: E402

from tracewarp.models import Message, Model, OpenAIModel, Sampling, TransformersModel  # noqa: E402
from tracewarp.train import ChatTurn, Conversation, TrainConfig, fine_tune, merge  # noqa: E402

PAGES = ["page 1 of the shop", "page 2 of the forum", "page 3", "what now?"]
EXAMPLES = [
    Conversation(str(i), (ChatTurn("user", page), ChatTurn("assistant", f"Let's see. ```click [{i}]```", train=True)))
    for i, page in enumerate(PAGES)
]
LEARN = TrainConfig(
    method="lora", dtype="float32", learning_rate=1e-2, max_epochs=60, patience=None, batch_size=4, micro_batch_size=4
)
GREEDY = Sampling(temperature=0.0, max_new_tokens=48)


def answers(model: Model) -> list[str]:
    prompts = [(Message("user", page),) for page in PAGES]
    try:
        return [completion.text for completion in model.generate(prompts, [GREEDY] * len(PAGES))]
    finally:
        model.close()


@pytest.mark.slow
def test_adapter_and_merged_model_answer_alike_in_process_and_served(tmp_path: Path) -> None:
    base = make_model(tmp_path / "base", context=512, hidden=64)
    adapter = fine_tune(str(base), EXAMPLES, EXAMPLES[:1], LEARN, out=tmp_path / "trained", device="cpu").adapter
    merged = merge(adapter, tmp_path / "merged").folder

    learnt = answers(TransformersModel(str(base), adapter=str(adapter), device="cpu"))
    assert learnt == [f"Let's see. ```click [{i}]```" for i in range(len(PAGES))]
    assert answers(TransformersModel(str(merged), device="cpu")) == learnt
    with served(merged, tmp_path / "merged.log") as address:
        assert answers(OpenAIModel(str(merged), base_url=address)) == learnt
    assert answers(TransformersModel(str(base), device="cpu")) != learnt
