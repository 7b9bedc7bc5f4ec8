"""Examples keep thought and answer apart, and files of version 1 are read."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tracewarp.errors import RecordError
from tracewarp.synthesize.examples import Turn, examples_of, read_examples, write_examples
from tracewarp.trajectory import Trajectory

PROMPT = [{"role": "system", "content": "Be brief."}, {"role": "user", "content": "[1] link 'x'"}]


def trajectory(**step: Any) -> Trajectory:
    steps = [
        {"observation": {"text": "page"}, "action": "click [1]", "extra": {"prompt": PROMPT}, **step},
    ]
    return Trajectory.model_validate({"task": {"id": "t"}, "steps": steps})


@pytest.mark.parametrize(
    ("step", "thinking", "completion"),
    [
        ({"response": "Go. ```click [1]```", "thinking": "Hm."}, "Hm.", "Go. ```click [1]```"),
        ({"response": "Go. ```click [1]```"}, None, "Go. ```click [1]```"),
        ({"response": "<think>\nHm.\n</think>\n\nGo. ```click [1]```"}, "Hm.", "Go. ```click [1]```"),
        ({"response": "\nGo. ```click [1]``` "}, None, "Go. ```click [1]```"),
        ({"response": "Hm.</think>Go.", "thinking": "First."}, "First.\n\nHm.", "Go."),
    ],
)
def test_an_example_holds_the_thought_beside_the_answer(
    step: dict[str, Any], thinking: str | None, completion: str, tmp_path: Path
) -> None:
    [example] = examples_of(trajectory(**step))
    assert (example.thinking, example.completion, example.schema_version) == (thinking, completion, 2)
    assert example.prompt == tuple(Turn(**turn) for turn in PROMPT)
    write_examples(tmp_path / "examples.jsonl", [example])
    assert list(read_examples(tmp_path / "examples.jsonl")) == [example]


def test_an_example_of_version_1_is_read(tmp_path: Path) -> None:
    [example] = examples_of(trajectory(response="Go. ```click [1]```"))
    row = json.loads(example.model_dump_json())
    del row["thinking"]
    for turn in row["prompt"]:
        del turn["thinking"]
    path = tmp_path / "examples.jsonl"
    path.write_text(json.dumps({**row, "schema_version": 1}) + "\n")
    assert list(read_examples(path)) == [example]
    path.write_text(json.dumps({**row, "schema_version": 3}) + "\n")
    with pytest.raises(RecordError, match="line 1"):
        list(read_examples(path))
