"""Thoughts are told apart from answers, in every form that models and servers write them."""

from __future__ import annotations

import time

import pytest

from tracewarp.trajectory.thoughts import Split, leading_thought, opens_thought, split_message, split_thoughts

HARMONY = (
    "<|channel|>analysis<|message|>Perhaps ```click [3]```?<|end|><|start|>assistant<|channel|>final<|message|>"
    "In summary, the next action I will perform is ```stop [x]```<|return|>"
)


@pytest.mark.parametrize(
    ("text", "thinking", "answer"),
    [
        ("Done.", None, "Done."),
        ("", None, ""),
        ("<think>a</think>Done.", "a", "Done."),
        ("\n<think>\na\nb\n</think>\n\nDone.", "a\nb", "Done."),
        ("<THINK>a</THINK> Done.", "a", "Done."),
        ("<thinking>a</thinking>Done.", "a", "Done."),
        ('<think effort="high">a</think >Done.', "a", "Done."),
        ("< think >a< / think >Done.", "a", "Done."),
        ("<thought>a</thought>Done.", "a", "Done."),
        ("<seed:think>a</seed:think>Done.", "a", "Done."),
        ("[THINK]a[/THINK]Done.", "a", "Done."),
        ("◁think▷a ```click [3]```◁/think▷Done.", "a ```click [3]```", "Done."),
        ("a◁/think▷Done.", "a", "Done."),
        ("<|begin_of_thought|>a<|end_of_thought|>\n\nDone.", "a", "Done."),
        ("<|begin_of_thought|>a ```click [3]```", "a ```click [3]```", ""),
        ("<think>\n\n</think>\n\nDone.", None, "Done."),
        ("a ```click [3]```\n</think>\n\nDone.", "a ```click [3]```", "Done."),
        ("<think>a ```click [3]```", "a ```click [3]```", ""),
        ("Sure. <think>a ```click [3]```", "a ```click [3]```", "Sure. "),
        ("<think>a</think>One. <think>b</think>Two.", "a\n\nb", "One. Two."),
        ("<think>a <think> tag</think>Done.", "a\n\ntag", "Done."),
        ("<think>a<think>b</think>c</think>Done.", "a\n\nb\n\nc", "Done."),
        ("<think>a</think>b</think>Done.", "a\n\nb", "Done."),
        ("<thinking>a</think>Done.", "a", "Done."),
        ("</think>Done.", None, "Done."),
        ("a < b and think > c", None, "a < b and think > c"),
        ("<thinker>a</thinker>", None, "<thinker>a</thinker>"),
        (HARMONY, "Perhaps ```click [3]```?", "In summary, the next action I will perform is ```stop [x]```"),
        (HARMONY.removesuffix("<|return|>"), "Perhaps ```click [3]```?", HARMONY.split("final<|message|>")[1][:-10]),
        ("<|channel|>analysis<|message|>cut ```click [3]```", "cut ```click [3]```", ""),
        ("<|start|>assistant<|channel|>final<|message|>Done.<|end|>", None, "Done."),
        (
            "<|channel|>analysis<|message|>a<|end|><|start|>assistant<|channel|>commentary to=functions.f "
            "<|constrain|>json<|message|>{}<|call|><|start|>assistant<|channel|>final<|message|>Done.",
            "a\n\n{}",
            "Done.",
        ),
        ("<|channel|>analys", None, ""),
        ("<|start|>assistant<|channel|>", None, ""),
        ("analysisThe user wants it.assistantfinalDone.", "The user wants it.", "Done."),
        ("analysis of the page: assistantfinal", None, "analysis of the page: assistantfinal"),
        ("The page shows <|channel|> as text.", None, "The page shows <|channel|> as text."),
    ],
)
def test_a_text_is_taken_apart(text: str, thinking: str | None, answer: str) -> None:
    split = split_thoughts(text)
    assert (split.thinking, split.answer) == (thinking, answer)


def test_a_prompt_that_opened_the_thought_makes_everything_before_its_end_a_thought() -> None:
    assert split_thoughts("a ```click [3]```", opened=True).answer == ""
    assert split_thoughts("a</think>Done.", opened=True).answer == "Done."
    assert split_thoughts("<think>a</think>Done.", opened=True).answer == "Done."


@pytest.mark.parametrize(
    ("message", "thinking", "answer"),
    [
        ({"content": "Done."}, None, "Done."),
        ({"content": None}, None, ""),
        ({}, None, ""),
        ({"content": "Done.", "reasoning_content": "a"}, "a", "Done."),
        ({"content": "Done.", "reasoning": "a", "reasoning_content": None}, "a", "Done."),
        ({"content": "Done.", "reasoning": "a", "reasoning_content": "a"}, "a", "Done."),
        ({"content": "Done.", "reasoning_details": [{"type": "reasoning.text", "text": "a"}]}, "a", "Done."),
        ({"content": "<think>b</think>Done.", "reasoning_content": "a"}, "a\n\nb", "Done."),
        ({"content": None, "reasoning_content": "a ```click [3]```"}, "a ```click [3]```", ""),
        ({"content": [{"type": "text", "text": "Do"}, {"type": "output_text", "text": "ne."}]}, None, "Done."),
        ({"content": [{"type": "thinking", "thinking": "a"}, {"type": "text", "text": "Done."}]}, "a", "Done."),
        (
            {"content": [{"type": "thinking", "thinking": [{"type": "text", "text": "a"}]}, "Done."]},
            "a",
            "Done.",
        ),
        ({"content": [{"type": "reasoning", "summary": [{"text": "a"}]}, {"type": "text", "text": "x"}]}, "a", "x"),
        ({"content": [{"type": "refusal", "refusal": "I cannot."}]}, None, "I cannot."),
        ({"content": None, "refusal": "I cannot."}, None, "I cannot."),
        ({"content": [{"type": "text", "text": "<think>a"}, {"type": "text", "text": "</think>Done."}]}, "a", "Done."),
        ({"content": []}, None, ""),
    ],
)
def test_a_message_of_a_server_is_taken_apart(message: dict[str, object], thinking: str | None, answer: str) -> None:
    split = split_message(message)
    assert (split.thinking, split.answer) == (thinking, answer)


def test_content_of_another_type_is_refused() -> None:
    with pytest.raises(TypeError, match="neither text nor a list"):
        split_message({"content": 3})


def test_only_a_whole_thought_at_the_beginning_is_a_leading_one() -> None:
    assert leading_thought("<think>a</think>\nDone.") == ("a", "Done.")
    for text in ("Done <think>a</think>", "<think>a", "a</think>Done.", "Done."):
        assert leading_thought(text) == (None, text)


@pytest.mark.parametrize(
    ("prompt", "opens"),
    [
        ("<|assistant|><think>\n", True),
        ("<|assistant|>[THINK]", True),
        ("<|assistant|><think>\n\n</think>\n\n", False),
        ("<|assistant|>", False),
        ("", False),
    ],
)
def test_a_prompt_says_whether_it_opens_a_thought(prompt: str, opens: bool) -> None:
    assert opens_thought(prompt) is opens


@pytest.mark.parametrize("unit", ["<think>", "</think>", "<think", "< ", "<|channel|>", "<|channel|>a<|message|>", "x"])
@pytest.mark.parametrize("start", ["", "<", "</", "<think", "<|channel|>", "<|start|>", "analysis"])
def test_time_is_linear_in_the_length(start: str, unit: str) -> None:
    def seconds(length: int) -> float:
        text = start + unit * (length // len(unit)) + " " * length
        best = 1e9
        for _ in range(3):
            began = time.thread_time()
            split_thoughts(text)
            best = min(best, time.thread_time() - began)
        return best

    assert seconds(40_000) < max(0.04, 4 * 2.3 * seconds(10_000))


@pytest.mark.parametrize("start", ["<", "<think", "<think ", "<|channel|>", "<|channel|>a"])
def test_a_long_run_of_blanks_or_letters_is_read_at_once(start: str) -> None:
    for run in (" ", "a", "\n", "a "):
        began = time.thread_time()
        split_thoughts(start + run * 100_000)
        assert time.thread_time() - began < 0.5


def test_a_thought_in_the_field_of_ollama_and_text_in_objects_are_read() -> None:
    assert split_message({"content": "a", "thinking": "t"}) == Split("t", "a")
    assert split_message({"content": [{"type": "text", "text": {"value": "a"}}]}).answer == "a"
