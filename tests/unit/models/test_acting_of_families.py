"""Nine families act as they were taught: one answer, its thought, the stop, and nothing of a generation config."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("transformers", reason="needs the extra train")

from chat_models import FAMILIES, make_chat_model  # noqa: E402

from tracewarp.errors import ModelError  # noqa: E402
from tracewarp.models import Message, Sampling, TransformersModel  # noqa: E402

ASKED = (
    Message("system", "Be brief."),
    Message("user", "[1] link 'Red lamp'"),
    Message("assistant", "Go. ```click [1]```"),
    Message("user", "[2] StaticText '$ 39.50' <|im_end|><eos>"),
)
ANSWER = Message("assistant", "The price is known. ```stop [$39.50]```", thinking="The page shows it.")
GREEDY = Sampling(temperature=0.0, max_new_tokens=60)
THINKING = {"qwen3", "deepseek"}
"""Families whose template has a place for a thought."""


def taught(folder: Path) -> Path:
    """Teach a model one answer by heart, on the ids and the span of its chat format."""
    from transformers import AutoModelForCausalLM

    chat = TransformersModel(str(folder), device="cpu").chat
    encoded = chat.encode([*ASKED, ANSWER])
    ids = torch.tensor([encoded.ids])
    labels = torch.full_like(ids, -100)
    span = encoded.answers[-1]
    labels[0, span.first : span.last] = ids[0, span.first : span.last]
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    optimizer = torch.optim.AdamW(model.parameters(), lr=1e-2)
    for _ in range(200):
        loss = model(input_ids=ids, labels=labels).loss
        if loss < 0.03:
            break
        loss.backward()
        optimizer.step()
        optimizer.zero_grad()
    assert loss < 0.05
    model.save_pretrained(folder)
    return folder


@pytest.fixture(scope="module", autouse=True)
def one_thread() -> Iterator[None]:
    """Models of this size lose more by threads that wait for each other than they gain."""
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module", params=FAMILIES)
def family(request: pytest.FixtureRequest) -> str:
    return str(request.param)


@pytest.fixture(scope="module")
def folder(family: str, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return taught(make_chat_model(tmp_path_factory.mktemp("model"), family, context=512))


def test_it_gives_the_answer_that_it_was_taught_and_stops(family: str, folder: Path) -> None:
    model = TransformersModel(str(folder), device="cpu")
    [said] = model.generate([ASKED], [GREEDY])
    assert said.text.strip() == ANSWER.content
    assert said.thinking == (ANSWER.thinking if family in THINKING else None)
    assert said.finish_reason == "stop"
    encoded = model.chat.encode([*ASKED, ANSWER])
    assert said.completion_tokens == encoded.answers[-1].last - encoded.answers[-1].first
    assert said.prompt_tokens == len(model.prompt_ids(ASKED))


def test_cut_at_the_limit_it_has_no_action(family: str, folder: Path) -> None:
    model = TransformersModel(str(folder), device="cpu")
    [said] = model.generate([ASKED], [Sampling(temperature=0.0, max_new_tokens=5)])
    assert (said.finish_reason, said.completion_tokens) == ("length", 5)
    assert (said.text == "") is (family in THINKING)


def test_a_generation_config_changes_nothing(folder: Path, tmp_path: Path) -> None:
    leaking = tmp_path / "leaking"
    leaking.mkdir()
    for path in folder.iterdir():
        (leaking / path.name).write_bytes(path.read_bytes())
    config = json.loads((folder / "generation_config.json").read_text())
    ends = config["eos_token_id"]
    config |= {"repetition_penalty": 30.0, "no_repeat_ngram_size": 1, "num_beams": 3, "top_k": 1, "min_p": 0.9}
    config |= {"do_sample": True, "temperature": 0.1, "max_length": 3, "suppress_tokens": [ends], "min_new_tokens": 50}
    (leaking / "generation_config.json").write_text(json.dumps(config))
    values = [GREEDY, Sampling(temperature=1.0, top_p=0.9, max_new_tokens=20, seed=1)]
    plain, other = (
        TransformersModel(str(path), device="cpu").generate([ASKED] * 2, values) for path in (folder, leaking)
    )
    assert [said.text for said in plain] == [said.text for said in other]
    assert [said.finish_reason for said in plain] == [said.finish_reason for said in other]


def test_what_decoding_does_is_recorded(folder: Path) -> None:
    model = TransformersModel(str(folder), device="cpu")
    decoding = model.describe()["decoding"]
    assert decoding["repetition_penalty"] == 1.0
    assert decoding["num_beams"] == 1
    assert decoding["no_repeat_ngram_size"] == 0
    assert decoding["eos_token_id"] == list(model.chat.end_ids)


def test_a_template_that_refuses_a_chat_is_one_sentence(family: str, folder: Path) -> None:
    model = TransformersModel(str(folder), device="cpu")
    if FAMILIES[family].folds_system:
        with pytest.raises(ModelError, match="chat template: it refused a chat of user, user"):
            model.generate([(Message("user", "a"), Message("user", "b"))], [GREEDY])


def harmony_model(folder: Path) -> Path:
    """A model whose thoughts are marked by special tokens, as those of the harmony format are."""
    from transformers import AutoModelForCausalLM, AutoTokenizer

    make_chat_model(folder, "qwen2.5", context=512)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    added = ["<|start|>", "<|channel|>", "<|message|>", "<|end|>", "<|return|>"]
    tokenizer.add_tokens(added, special_tokens=True)
    tokenizer.chat_template = (
        "{% for m in messages %}<|start|>{{ m.role }}{% if m.role == 'assistant' %}"
        "{% if loop.last and m.thinking %}<|channel|>analysis<|message|>{{ m.thinking }}<|end|><|start|>assistant"
        "{% endif %}<|channel|>final<|message|>{{ m.content }}{{ '<|return|>' if loop.last else '<|end|>' }}"
        "{% else %}<|message|>{{ m.content }}<|end|>{% endif %}{% endfor %}"
        "{% if add_generation_prompt %}<|start|>assistant{% endif %}"
    )
    tokenizer.save_pretrained(folder)
    model = AutoModelForCausalLM.from_pretrained(folder)
    model.resize_token_embeddings(len(tokenizer))
    model.save_pretrained(folder)
    return folder


def test_channels_of_special_tokens_are_split_and_not_lost(tmp_path: Path) -> None:
    model = TransformersModel(str(taught(harmony_model(tmp_path))), device="cpu")
    assert model.chat.end_of_turn == "<|return|>"
    [said] = model.generate([ASKED], [GREEDY])
    assert (said.text, said.thinking, said.finish_reason) == (ANSWER.content, ANSWER.thinking, "stop")
    [cut] = model.generate([ASKED], [Sampling(temperature=0.0, max_new_tokens=6)])
    assert (cut.text, cut.finish_reason) == ("", "length")
