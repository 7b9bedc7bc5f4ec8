"""A model in this process: batches, seeds a row, adapters, budgets. On a random two-layer Llama made on the spot."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

torch = pytest.importorskip("torch", reason="needs the extra train")
pytest.importorskip("transformers", reason="needs the extra train")

from small_models import make_model  # noqa: E402

from tracewarp.errors import ModelError, OptionError  # noqa: E402
from tracewarp.models import Message, Sampling, TransformersModel, open_model  # noqa: E402


def prompt(text: str) -> tuple[Message, ...]:
    return (Message("user", text),)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return make_model(tmp_path_factory.mktemp("model"), context=256)


@pytest.fixture(scope="module")
def model(folder: Path) -> TransformersModel:
    return TransformersModel(str(folder), device="cpu", batch_size=4)


def test_greedy_equals_the_plain_loop_over_logits(model: TransformersModel) -> None:
    [completion] = model.generate([prompt("Hello")], [Sampling(temperature=0, max_new_tokens=12)])
    ids = torch.tensor([model.prompt_ids(prompt("Hello"))])
    new: list[int] = []
    with torch.inference_mode():
        for _ in range(12):
            token = int(model._model(ids).logits[0, -1].argmax())
            if token == model._tokenizer.eos_token_id:
                break
            new.append(token)
            ids = torch.cat([ids, torch.tensor([[token]])], dim=1)
    assert completion.text == model._tokenizer.decode(new, skip_special_tokens=True)
    assert completion.prompt_tokens == len(model.prompt_ids(prompt("Hello")))


def test_a_sample_depends_on_its_seed_and_not_on_its_neighbours(model: TransformersModel) -> None:
    prompts = [prompt("a" * (3 * i + 1)) for i in range(6)]
    sampling = [Sampling(temperature=1.0, top_p=0.9, max_new_tokens=16, seed=i) for i in range(6)]
    together = [completion.text for completion in model.generate(prompts, sampling)]
    alone = [model.generate([p], [s])[0].text for p, s in zip(prompts, sampling, strict=True)]
    assert together == alone
    other = model.generate([prompts[0]], [Sampling(temperature=1.0, top_p=0.9, max_new_tokens=16, seed=99)])
    assert other[0].text != alone[0]


def test_draws_follow_the_nucleus_of_the_model(model: TransformersModel) -> None:
    n = 2000
    with torch.inference_mode():
        logits = model._model(torch.tensor([model.prompt_ids(prompt("Hi"))])).logits[0, -1] / 0.7
    p, order = torch.softmax(logits, -1).sort(descending=True)
    kept = int((p.cumsum(-1) - p < 0.8).sum())
    expected = dict(zip(order[:kept].tolist(), (p[:kept] / p[:kept].sum()).tolist(), strict=True))

    from tracewarp.models.seeded import SeededSampling

    values = [Sampling(temperature=0.7, top_p=0.8, seed=seed) for seed in range(n)]
    drawn = SeededSampling(values, 1)(torch.zeros(n, 1), (logits * 0.7).expand(n, -1)).argmax(-1).tolist()
    assert set(drawn) <= set(expected)
    for token, share in expected.items():  # five standard errors
        assert abs(drawn.count(token) / n - share) < 5 * (share * (1 - share) / n) ** 0.5 + 1e-9


def test_a_limit_ends_an_answer_and_is_told(model: TransformersModel) -> None:
    values = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=5, seed=0)
    [completion] = model.generate([prompt("x")], [values])
    assert completion.completion_tokens == 5
    assert completion.finish_reason == "length"


def test_a_stop_text_is_cut_off(model: TransformersModel) -> None:
    values = Sampling(temperature=1.0, top_p=1.0, max_new_tokens=20, seed=1)
    whole = model.generate([prompt("x")], [values])[0].text
    stop = whole[3]
    stopped = model.generate([prompt("x")], [Sampling(1.0, 1.0, 20, 1, (stop,))])[0]
    assert stopped.text == whole[: whole.index(stop)]
    assert stopped.finish_reason == "stop"


def test_a_prompt_beyond_the_context_is_refused_with_the_numbers(model: TransformersModel) -> None:
    with pytest.raises(ModelError, match=r"a prompt of \d+ tokens and 200 new ones do not fit into its context of 256"):
        model.generate([prompt("x" * 100)], [Sampling(max_new_tokens=200)])


def test_text_is_cut_at_a_token_of_the_models_own(model: TransformersModel) -> None:
    assert model.count_tokens("abcdef") == 6
    assert model.truncate("abcdef", 4) == "abcd"
    assert model.truncate("abcdef", 9) == "abcdef"
    assert model.truncate("abcdef", 0) == ""


def test_without_a_chat_template_turns_are_plain_lines(tmp_path: Path) -> None:
    model = TransformersModel(str(make_model(tmp_path, template=None)), device="cpu")
    text = model._tokenizer.decode(model.prompt_ids((Message("system", "S"), Message("user", "U"))))
    assert text == "system: S\nuser: U\nassistant:"


def test_an_adapter_changes_the_answer_and_is_named(folder: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="needs the extra train")
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder)
    adapted = peft.get_peft_model(base, peft.LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    adapted.save_pretrained(tmp_path)
    values = [Sampling(temperature=0, max_new_tokens=12)]
    plain = open_model(f"hf:{folder}", options={"device": "cpu"})
    with_adapter = open_model(f"hf:{folder}+{tmp_path}", options={"device": "cpu"})
    assert plain.generate([prompt("Hello")], values)[0].text != with_adapter.generate([prompt("Hello")], values)[0].text
    assert with_adapter.describe()["adapter"] == str(tmp_path)


def test_an_adapter_is_merged_in_full_precision_alone(folder: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="needs the extra train")
    pytest.importorskip("bitsandbytes", reason="needs the extra train")
    import torch
    from transformers import AutoModelForCausalLM

    base = AutoModelForCausalLM.from_pretrained(folder, dtype=torch.float32)
    adapted = peft.get_peft_model(base, peft.LoraConfig(r=4, target_modules="all-linear", init_lora_weights=False))
    adapted.save_pretrained(tmp_path)

    def layers(**options: Any) -> tuple[Any, int]:
        model = TransformersModel(str(folder), adapter=str(tmp_path), device="cpu", **options)._model
        return model, sum("lora_" in name for name, _ in model.named_parameters())

    merged, left = layers(dtype="float32")
    assert left == 0
    ids = torch.tensor([[5, 6, 7, 8]])
    with torch.inference_mode():
        torch.testing.assert_close(merged(ids).logits, adapted.eval()(ids).logits, rtol=1e-4, atol=1e-4)
    assert layers(dtype="bfloat16")[1] > 0
    assert layers(dtype="float32", quantization="nf4")[1] > 0


def test_what_cannot_be_loaded_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ModelError, match="could not be loaded"):
        TransformersModel(str(tmp_path / "nothing"))
    with pytest.raises(OptionError, match="quantization: expected nf4"):
        TransformersModel(str(tmp_path), quantization="int3")  # type: ignore[arg-type]


GREEDY = Sampling(temperature=0, max_new_tokens=8)


@pytest.fixture
def own(tmp_path: Path) -> Path:
    """A model that a test may spoil."""
    return make_model(tmp_path / "own", context=256)


def test_a_model_with_a_state_instead_of_a_context_answers_alike_alone_and_in_a_batch(tmp_path: Path) -> None:
    from small_models import make_tokenizer
    from transformers import AutoTokenizer, MambaConfig, MambaForCausalLM

    make_tokenizer(tmp_path)
    tokenizer = AutoTokenizer.from_pretrained(tmp_path)
    ends = {"eos_token_id": tokenizer.eos_token_id, "pad_token_id": tokenizer.pad_token_id}
    config = MambaConfig(vocab_size=len(tokenizer), hidden_size=32, num_hidden_layers=2, state_size=4, **ends)
    MambaForCausalLM(config).save_pretrained(tmp_path)
    model = TransformersModel(str(tmp_path), device="cpu")
    prompts = [prompt("a longer one of several words"), prompt("x")]
    together = [said.text for said in model.generate(prompts, [GREEDY] * 2)]
    assert together == [model.generate([asked], [GREEDY])[0].text for asked in prompts]


def test_a_token_without_a_row_in_the_embedding_is_named(own: Path) -> None:
    from transformers import AutoTokenizer

    tokenizer = AutoTokenizer.from_pretrained(own)
    tokenizer.add_tokens(["<|extra|>", "lamp"])
    tokenizer.save_pretrained(own)
    model = TransformersModel(str(own), device="cpu")
    assert model.generate([prompt("an <|extra|> in a page is text")], [GREEDY])[0].completion_tokens
    with pytest.raises(ModelError, match=r"the token 'lamp' has id 260, but the model's embedding has 259 rows"):
        model.generate([prompt("a lamp")], [GREEDY])
    tokenizer.chat_template = "<|extra|>" + tokenizer.chat_template
    tokenizer.save_pretrained(own)
    with pytest.raises(ModelError, match=r"the token '<\|extra\|>' has id 259"):
        TransformersModel(str(own), device="cpu")


def test_an_adapter_of_another_kind_is_one_sentence(folder: Path, tmp_path: Path) -> None:
    peft = pytest.importorskip("peft", reason="needs the extra train")
    from transformers import AutoModelForCausalLM

    config = peft.PromptTuningConfig(task_type=peft.TaskType.CAUSAL_LM, num_virtual_tokens=4)
    peft.get_peft_model(AutoModelForCausalLM.from_pretrained(folder), config).save_pretrained(tmp_path)
    with pytest.raises(ModelError, match=r"of the kind PROMPT_TUNING; expected a LoRA adapter"):
        TransformersModel(str(folder), adapter=str(tmp_path), device="cpu")


@pytest.mark.parametrize(
    ("file", "content"),
    [
        ("config.json", "{"),
        ("tokenizer.json", "{}"),
        ("model.safetensors", "x" * 20),
        ("chat_template.jinja", "{% for"),
        ("chat_template.jinja", "{{ raise_exception('never') }}"),
    ],
)
def test_a_broken_file_is_one_sentence(own: Path, file: str, content: str) -> None:
    (own / file).write_text(content)
    with pytest.raises(ModelError, match=r"^model: '.*own' (could not be loaded|cannot be asked): .+"):
        TransformersModel(str(own), device="cpu")


@pytest.mark.parametrize(
    "options", [{"dtype": "int8"}, {"hash": "none"}, {"batch_size": 0}, {"batch_size": "many"}, {"quantization": "q4"}]
)
def test_values_that_an_option_does_not_take_are_named(folder: Path, options: dict[str, Any]) -> None:
    with pytest.raises(OptionError, match=f"{next(iter(options))}: expected"):
        TransformersModel(str(folder), **options)


def test_values_can_be_left_to_servers_only(model: TransformersModel) -> None:
    with pytest.raises(OptionError, match="a model in this process needs numbers"):
        model.generate([prompt("x")], [Sampling(top_p=None)])


def test_another_model_adapter_or_template_is_another_identity(own: Path) -> None:
    def identity(**options: Any) -> Any:
        return TransformersModel(str(own), device="cpu", **options).identity()

    before, full = identity(), identity(hash="full")
    assert identity() == before
    template = own / "chat_template.jinja"
    text = template.read_text()
    template.write_text(text + " ")
    assert identity() != before
    template.write_text(text)
    assert identity() != before, "the time of modification counts"
    assert identity(hash="full") == full, "the content counts alone"
    make_model(own, context=256, seed=1)
    assert identity(hash="full") != full


def test_the_model_that_ships_has_a_name() -> None:
    for text in ("tiny-agent", "hf:tiny-agent"):
        model = open_model(text, options={"device": "cpu"})
        assert (model.name, model.describe()["name"]) == ("tiny-agent", "tiny-agent")


def test_a_check_generates_one_token(model: TransformersModel) -> None:
    model.check(Sampling(temperature=0.0))
