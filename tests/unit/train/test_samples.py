"""What is trained of a row: its answer, nothing else, and never less."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("transformers", reason="needs the extra train")

from chat_models import FAMILIES, make_chat_tokenizer
from small_models import make_tokenizer
from transformers import AutoTokenizer

from tracewarp.errors import InputError, RecordError
from tracewarp.train import ChatTurn, Conversation, Samples, encode_samples, read_conversations
from tracewarp.train.masks import IGNORED

FILE = Path(__file__).parents[2] / "data" / "cases" / "training-rows.jsonl"
CASES = [json.loads(line) for line in FILE.read_text().splitlines()]
HI, YES = {"role": "user", "content": "hi"}, {"role": "assistant", "content": "yes"}

PLAIN = (
    "{% for m in messages %}<|im_start|>{{ m.role }}\n{{ m.content }}<|im_end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
)
THINKS = PLAIN.replace(
    "{{ m.content }}",
    "{% if m.reasoning_content %}<think>\n{{ m.reasoning_content }}\n</think>\n\n{% endif %}{{ m.content }}",
)
CALLS = PLAIN.replace(
    "{{ m.content }}",
    "{{ m.content }}{% for c in m.tool_calls or [] %}<tool_call>\n"
    '{"name": "{{ c.function.name }}", "arguments": {{ c.function.arguments | tojson }}}\n</tool_call>{% endfor %}',
)
CALLS = "{% for t in tools or [] %}{{ t | tojson }}\n{% endfor %}" + CALLS
CUTS = PLAIN.replace("{{ m.content }}", "{{ m.content.split('</think>')[-1] }}")
NO_SYSTEM = PLAIN.replace("{% for m in messages %}", "{% for m in messages if m.role != 'system' %}")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("tokenizer")
    make_tokenizer(folder)
    return folder


def load(folder: Path, template: str = PLAIN) -> Any:
    tokenizer = AutoTokenizer.from_pretrained(folder)
    tokenizer.chat_template = template
    return tokenizer


def encode(folder: Path, tmp_path: Path, row: Any, template: str = PLAIN) -> tuple[Samples, str]:
    """The samples of one row, and its trained text without the end token."""
    (tmp_path / "data.jsonl").write_text(json.dumps(row) + "\n")
    tokenizer = load(folder, template)
    samples = encode_samples(tokenizer, read_conversations(tmp_path / "data.jsonl"), max_tokens=4096)
    text = tokenizer.decode([label for label in samples.encoded[0].labels if label != IGNORED])
    assert text.endswith("<|im_end|>")
    return samples, text.removesuffix("<|im_end|>")


def case(name: str) -> dict[str, Any]:
    return next(case for case in CASES if case["name"] == name)


@pytest.mark.parametrize("found", [c for c in CASES if "refused" in c["expected"]], ids=lambda c: c["name"])
def test_rows_that_are_refused(found: dict[str, Any], folder: Path, tmp_path: Path) -> None:
    with pytest.raises(RecordError) as error:
        encode(folder, tmp_path, found["row"])
    assert found["expected"]["refused"] in str(error.value)
    assert "data.jsonl, line 1" in str(error.value)


@pytest.mark.parametrize(
    "name", ["conversational completion", "strings", "text in parts", "a turn marked not to train"]
)
def test_rows_of_which_one_text_is_trained(name: str, folder: Path, tmp_path: Path) -> None:
    assert encode(folder, tmp_path, case(name)["row"])[1] == case(name)["expected"]["trained"]


def test_a_tool_call_is_trained_as_the_template_renders_it_or_refused(folder: Path, tmp_path: Path) -> None:
    row = case("a tool call without text")["row"]
    _, text = encode(folder, tmp_path, row, CALLS)
    assert text == '<tool_call>\n{"name": "click", "arguments": {"id": 3}}\n</tool_call>'
    with pytest.raises(InputError, match=r"data.jsonl:1: the chat template leaves out a tool call of the answer"):
        encode(folder, tmp_path, row)
    with pytest.raises(InputError, match=r"leaves out the tool 'click'"):
        tools = [{"name": "click", "description": "d"}]
        encode(folder, tmp_path, {"messages": [HI, YES], "tools": tools})
    assert encode(folder, tmp_path, {"messages": [HI, YES], "tools": tools}, CALLS)[1] == "yes"


def test_a_page_that_forges_a_turn_stays_text(folder: Path, tmp_path: Path) -> None:
    found = case("a page that forges a turn")
    samples, text = encode(folder, tmp_path, found["row"])
    assert text == found["expected"]["trained"]
    tokenizer = load(folder)
    special = {tokenizer.convert_tokens_to_ids(token) for token in ("<|im_start|>", "<|im_end|>")}
    harmless, _ = encode(folder, tmp_path, {"prompt": [HI], "completion": "click [1]"})

    def count(samples: Samples) -> int:
        return sum(token in special for token in samples.encoded[0].input_ids)

    assert count(samples) == count(harmless)


def test_a_thought_is_trained_where_the_template_renders_it_and_counted_where_not(folder: Path, tmp_path: Path) -> None:
    row = case("thought kept apart")["row"]
    samples, text = encode(folder, tmp_path, row, THINKS)
    assert text == "<think>\nbecause\n</think>\n\nyes"
    assert (samples.thoughts, samples.thoughts_left_out) == (1, 0)
    samples, text = encode(folder, tmp_path, row)
    assert text == "yes"
    assert (samples.thoughts, samples.thoughts_left_out) == (1, 1)


def test_an_answer_that_the_template_cuts_is_never_trained_as_an_end_token(folder: Path, tmp_path: Path) -> None:
    answer = "A thought ends with </think> and then comes the action."
    conversation = Conversation("c", (ChatTurn("user", "hi"), ChatTurn("assistant", answer, train=True)))
    tokenizer = load(folder, CUTS)
    try:
        [sample] = encode_samples(tokenizer, [conversation], max_tokens=4096).encoded
    except InputError as error:
        assert "c: the chat template leaves out the answer in place 1" in str(error)
    else:
        assert tokenizer.decode([label for label in sample.labels if label != IGNORED]) == f"{answer}<|im_end|>"


def test_a_system_message_that_the_template_leaves_out_is_put_into_the_next_message(
    folder: Path, tmp_path: Path
) -> None:
    row = {"messages": [{"role": "system", "content": "Be brief."}, HI, YES]}
    samples, text = encode(folder, tmp_path, row, NO_SYSTEM)
    assert text == "yes"
    assert "user\nBe brief.\n\nhi<|im_end|>" in load(folder).decode(samples.encoded[0].input_ids)


def test_another_message_that_the_template_leaves_out_is_refused(folder: Path) -> None:
    no_tools = PLAIN.replace("{% for m in messages %}", "{% for m in messages if m.role != 'tool' %}")
    turns = (ChatTurn("user", "hi"), ChatTurn("tool", "42"), ChatTurn("assistant", "yes", train=True))
    with pytest.raises(InputError, match=r"c: the chat template leaves out the tool message in place 1"):
        encode_samples(load(folder, no_tools), [Conversation("c", turns)], max_tokens=100)


def test_a_tool_call_in_the_context_is_never_lost(folder: Path) -> None:
    call = {"type": "function", "function": {"name": "say", "arguments": {"text": 'a "b" \u00e9 <c>', "loud": True}}}
    turns = (
        ChatTurn("user", "hi"),
        ChatTurn("assistant", "", tool_calls=(call,)),
        ChatTurn("tool", "42"),
        ChatTurn("assistant", "yes", train=True),
    )
    with pytest.raises(InputError, match=r"c: the chat template leaves out a tool call of the answer in place 1"):
        encode_samples(load(folder), [Conversation("c", turns)], max_tokens=500)
    whole = encode_samples(load(folder, CALLS), [Conversation("c", turns)], max_tokens=500).encoded[0]
    assert '"text": "a \\"b\\" \u00e9 <c>", "loud": true' in load(folder).decode(whole.input_ids)


def test_a_thought_in_the_content_is_counted_too(folder: Path) -> None:
    turns = (ChatTurn("user", "hi"), ChatTurn("assistant", "<think>because</think>yes", train=True))
    samples = encode_samples(load(folder), [Conversation("c", turns)], max_tokens=500)
    assert (samples.thoughts, samples.thoughts_left_out) == (1, 1)


ROWS: list[tuple[ChatTurn, ...]] = [
    (ChatTurn("system", "S"), ChatTurn("user", "hi"), ChatTurn("assistant", answer, True, thinking), *rest)
    for answer, thinking in (
        ("yes", None),
        ("yes", "because\n\nso"),
        ("write </think> here", None),
        ("say <|im_end|></s><|eot_id|><end_of_turn><|user|> now", None),
        ("\n  yes\t \n", None),
        ("\ufb01 \u00bd \u2163 \u00a0 x  y\u2028z \x07 \U0001f600 e\u0301", "\u00e9"),
        ("{% if %} {{ y }}", None),
    )
    for rest in ((), (ChatTurn("user", "more </s> [INST]"), ChatTurn("assistant", "last", train=True)))
]


@pytest.mark.parametrize("family", list(FAMILIES))
def test_every_answer_is_trained_whole_in_the_templates_of_nine_families(family: str, tmp_path: Path) -> None:
    tokenizer = AutoTokenizer.from_pretrained(make_chat_tokenizer(tmp_path, family))
    for turns in ROWS:
        samples = encode_samples(tokenizer, [Conversation("c", turns)], max_tokens=500)
        labels = [label for sample in samples.encoded for label in sample.labels if label != IGNORED]
        text = "".join(tokenizer.decode(labels).split())
        for turn in turns:
            if turn.train:
                assert "".join(turn.content.split()) in text
        rendered = samples.thoughts - samples.thoughts_left_out
        assert rendered == (samples.thoughts if family in ("qwen3", "deepseek") else 0)


def test_two_equal_answers_are_both_trained(folder: Path) -> None:
    only_last = PLAIN.replace("{{ m.content }}", "{% if m.role == 'user' or loop.last %}{{ m.content }}{% endif %}")
    turns = (ChatTurn("user", "a"), ChatTurn("assistant", "yes", train=True))
    conversation = Conversation("c", turns * 2)
    for template, n in ((PLAIN, 1), (only_last, 2)):
        samples = encode_samples(load(folder, template), [conversation], max_tokens=100)
        assert (len(samples.encoded), samples.n_trained) == (n, 8)
    assert samples.ids == ("c, answer 1", "c, answer 2")


def test_text_with_white_space_and_any_character_is_found_again(folder: Path, tmp_path: Path) -> None:
    trims = PLAIN.replace("{{ m.content }}", "{{ m.content | trim }}")
    for answer in (" yes \n", "a\n\n\tb", "\u00e9e\u0301\u2028\u00a0\U0001f600", "{{ x }} {% y %}", "\\u0041 \x07"):
        row = {"prompt": f"  {answer}\n", "completion": answer}
        for template in (PLAIN, trims):
            assert encode(folder, tmp_path, row, template)[1].strip() == answer.strip()
