"""Answers of a model become actions: the announced one, never one of a thought."""

from __future__ import annotations

import json
import time
from pathlib import Path

import pytest

from tracewarp.collect.prompts import read_answer, render_answer
from tracewarp.collect.prompts.rendering import CLOSING

CASES = Path(__file__).parents[2] / "data" / "cases" / "answers.jsonl"
ROWS = [json.loads(line) for line in CASES.read_text(encoding="utf-8").splitlines()]


@pytest.mark.parametrize("row", [row for row in ROWS if "answer" in row])
def test_the_recorded_answers_give_the_expected_action(row: dict[str, str]) -> None:
    assert read_answer(row["answer"]).action == row["expected_action"]


@pytest.mark.parametrize(
    ("answer", "action"),
    [
        # thoughts
        ("<think>```click [3]```</think> ```stop [x]```", "stop [x]"),
        ("<think>I will do ```click [3]```", None),
        ("<Thinking>```click [3]```</Thinking>\nNothing to do.", None),
        ("```click [3]``` no.</think>", None),
        ("<think>a</think> b ```click [3]``` </think> ```stop []```", "stop []"),
        ("<|channel|>analysis<|message|>```click [3]```<|end|>", None),
        (
            "<|channel|>analysis<|message|>`click [3]`<|end|><|start|>assistant<|channel|>final<|message|>`go_back`",
            "go_back",
        ),
        # triple backticks
        ("```click [3]```", "click [3]"),
        ("```click [3]``` or ```click [4]```", "click [3]"),
        ("```\nclick [3]\n```", "click [3]"),
        ("```text\nclick [3]\n```", "click [3]"),
        ("```TEXT\r\nclick [3]\r\n```", "click [3]"),
        ("```c++\nclick [3]```", "click [3]"),
        ("```objective-c \nclick [3]```", "click [3]"),
        ("```python click('12')```", "click('12')"),
        ("```Action click [3]```", "click [3]"),
        ("```action\n\nscroll [down]\n```", "scroll [down]"),
        ("```go_back\n```", "go_back"),
        ("```go_back```", "go_back"),
        ("```look```", "look"),
        ("```look\n```", "look"),
        ("```open box 3```", "open box 3"),
        ("```type [5] [python click [1]]```", "type [5] [python click [1]]"),
        ("```type [164] [a `b` c] [1]```", "type [164] [a `b` c] [1]"),
        ("````click [3]````", "click [3]"),
        ("``````", None),
        ("```click [3]", None),
        # single backticks
        ("`click [3]`", "click [3]"),
        ("The `Search` button has id `5`: `click [5]`", "click [5]"),
        ("`Search` `5`", None),
        ("I `click` on it.", None),
        ("I `go_back`.", "go_back"),
        ("I `scroll down`.", "scroll down"),
        ("I `stop`.", None),
        (f"{CLOSING} `stop`.", "stop"),
        (f"Done, so I `stop`. {CLOSING} `Scroll Up`", "Scroll Up"),
        ("`press_enter_after=0` then `fill('12', 'x')`", "fill('12', 'x')"),
        (f"Not `click [3]`. {CLOSING} `click [5]`", "click [5]"),
        (f"{CLOSING} nothing, but `click [3]`", "click [3]"),
        ("Tom`s\nthing: `click [3]`", "click [3]"),
        ("``click [3]``", "click [3]"),
        ("`[3]`", None),
        ("", None),
        ("no action", None),
    ],
)
def test_an_answer_gives_its_action(answer: str, action: str | None) -> None:
    assert read_answer(answer).action == action


def test_thought_explanation_and_answer_are_apart() -> None:
    found = read_answer(f"<think>Hm.</think>\nIt is there. {CLOSING}: ```click [3]```")
    assert found.thinking == "Hm."
    assert found.reasoning == "It is there."
    assert found.text == f"It is there. {CLOSING}: ```click [3]```"


@pytest.mark.parametrize("action", ["click [3]", "type [164] [a b] [0]", "stop [N/A]", "go_back"])
def test_what_the_prompt_asks_for_is_read_back(action: str) -> None:
    assert read_answer(render_answer("Because.", action)).action == action


@pytest.mark.parametrize("start", ["", "```", "`", "```a", "``` ", "<think>"])
@pytest.mark.parametrize("run", ["`", "a", " ", "\n", "a ", "`a", "```", "`a` "])
def test_long_answers_are_read_at_once(start: str, run: str) -> None:
    def seconds() -> float:
        began = time.thread_time()
        read_answer(start + run * 10_000)
        return time.thread_time() - began

    # A collection of garbage may fall into one of the calls.
    assert min(seconds() for _ in range(3)) < 0.5
