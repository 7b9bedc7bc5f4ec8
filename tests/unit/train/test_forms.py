"""Training data in the forms that other trainers document, and what is refused, with file, line and key."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest
import zstandard

from tracewarp.errors import EmptyInputError, MissingExtraError, RecordError, UnreadableFileError
from tracewarp.synthesize.examples import Example
from tracewarp.train import Conversation, read_conversations, read_training_data
from tracewarp.train.forms import OWN_KEYS

HI = {"role": "user", "content": "hi"}
YES = {"role": "assistant", "content": "yes"}
CALL = {"id": "1", "type": "function", "function": {"name": "click", "arguments": '{"id": 3}'}}
SCHEMA = {"type": "function", "function": {"name": "click", "description": "Click.", "parameters": {"type": "object"}}}


def read(folder: Path, *rows: Any) -> tuple[Conversation, ...]:
    path = folder / "data.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return read_conversations(path)


def turns(folder: Path, row: Any) -> list[tuple[str, str, bool]]:
    [conversation] = read(folder, row)
    return [(turn.role, turn.content, turn.train) for turn in conversation.turns]


def refusal(folder: Path, row: Any) -> str:
    with pytest.raises(RecordError) as error:
        read(folder, row)
    assert str(error.value).startswith(f"{folder / 'data.jsonl'}, line 1: ")
    return str(error.value)


ASKED = [("user", "hi", False), ("assistant", "yes", True)]


@pytest.mark.parametrize(
    "row",
    [
        {"prompt": "hi", "completion": "yes"},
        {"prompt": [HI], "completion": "yes"},
        {"prompt": "hi", "completion": [YES]},
        {"prompt": [HI], "completion": [YES]},
        {"messages": [HI, YES]},
        {"messages": [HI, YES | {"weight": 1}]},
        {"messages": [HI | {"training": False}, YES | {"training": True}]},
        {"messages": [HI | {"loss": 0}, YES | {"loss": 1.0}]},
        {"messages": [HI | {"content": [{"type": "text", "text": "h"}, {"type": "text", "text": "i"}]}, YES]},
        {"messages": [HI | {"content": [{"type": "input_text", "text": "hi"}]}, YES | {"content": ["yes"]}]},
        {"id": 7, "conversations": [{"from": "human", "value": "hi"}, {"from": "gpt", "value": "yes"}]},
        {"conversations": [{"from": "user", "value": "hi"}, {"from": "assistant", "value": "yes", "weight": 1.0}]},
        {"conversations": [HI, YES]},
        {"instruction": "hi", "output": "yes"},
        {"instruction": "hi", "input": "", "output": "yes", "system": "", "history": []},
        {"prompt": [HI], "completion": [YES], "messages": None, "conversations": None, "weight": None},
        {"messages": [HI | {"weight": None, "tool_calls": None}, YES | {"name": None}], "tools": None},
        {"messages": [HI, YES], "metadata": {"from": "a page"}, "parallel_tool_calls": False},
    ],
    ids=str,
)
def test_one_question_and_its_answer_in_every_form(row: dict[str, Any], tmp_path: Path) -> None:
    assert turns(tmp_path, row) == ASKED


def test_alpaca_joins_instruction_and_input_and_learns_its_history(tmp_path: Path) -> None:
    row = {
        "instruction": "Translate.",
        "input": "ja",
        "output": "yes",
        "system": "Be brief.",
        "history": [["Translate nein.", "no"]],
    }
    assert turns(tmp_path, row) == [
        ("system", "Be brief.", False),
        ("user", "Translate nein.", False),
        ("assistant", "no", True),
        ("user", "Translate.\nja", False),
        ("assistant", "yes", True),
    ]


def test_flags_choose_what_is_learnt(tmp_path: Path) -> None:
    for flag in ("weight", "train", "training", "loss"):
        for no, yes in ((0, 1), (False, True), (0.0, 1.0)):
            row = {"messages": [HI, YES | {"content": "bad", flag: no}, HI, YES | {flag: yes}]}
            assert [turn[1:] for turn in turns(tmp_path, row)] == [
                ("hi", False),
                ("bad", False),
                ("hi", False),
                ("yes", True),
            ]
    # In a prompt an answer is context, unless it is marked.
    assert [turn[2] for turn in turns(tmp_path, {"prompt": [HI, YES, HI], "completion": "no"})] == [False] * 3 + [True]


def test_a_tool_call_keeps_its_arguments_as_an_object(tmp_path: Path) -> None:
    rows = [
        {"messages": [HI, {"role": "assistant", "content": None, "tool_calls": [CALL]}], "tools": [SCHEMA]},
        {"messages": [HI, {"role": "assistant", "function_call": CALL["function"]}], "functions": [SCHEMA["function"]]},
        {
            "conversations": [
                {"from": "human", "value": "hi"},
                {"from": "function_call", "value": '{"name": "click", "arguments": {"id": 3, "text": null}}'},
            ],
            "tools": json.dumps([SCHEMA["function"]]),
        },
    ]
    for conversation in read(tmp_path, *rows):
        answer = conversation.turns[-1]
        assert (answer.content, answer.train) == ("", True)
        assert answer.tool_calls[0]["function"] == {"name": "click", "arguments": {"id": 3}}
        assert conversation.tools == (SCHEMA,)


def test_results_of_tools_are_context(tmp_path: Path) -> None:
    called = {"role": "assistant", "tool_calls": [CALL]}
    openai = [HI, called, {"role": "tool", "tool_call_id": "1", "content": "done"}, YES]
    assert [turn[0] for turn in turns(tmp_path, {"messages": openai})] == ["user", "assistant", "tool", "assistant"]
    factory = [
        {"from": "human", "value": "hi"},
        {"from": "function_call", "value": '{"name": "click", "arguments": {}}'},
        {"from": "observation", "value": "done"},
        {"from": "gpt", "value": "yes"},
    ]
    assert turns(tmp_path, {"conversations": factory})[2] == ("tool", "done", False)


def test_a_thought_is_kept_apart_from_the_answer(tmp_path: Path) -> None:
    for message in (
        YES | {"reasoning_content": "because"},
        YES | {"thinking": "because"},
        YES | {"content": [{"type": "thinking", "thinking": "because"}, {"type": "text", "text": "yes"}]},
    ):
        [conversation] = read(tmp_path, {"messages": [HI, message]})
        assert (conversation.turns[-1].thinking, conversation.turns[-1].content) == ("because", "yes")
    [conversation] = read(tmp_path, {"prompt": "hi", "completion": "yes", "thinking": "because"})
    assert conversation.turns[-1].thinking == "because"


@pytest.mark.parametrize(
    ("content", "thinking", "answer"),
    [
        ("<think>because</think>yes", "because", "yes"),
        ("<think>\nbecause\n</think>\n\nyes", "because", "yes"),
        ("because\n</think>\n\nyes", "because", "yes"),
        ("<think></think>yes", None, "yes"),
        (
            "<|channel|>analysis<|message|>because<|end|><|start|>assistant<|channel|>final<|message|>yes",
            "because",
            "yes",
        ),
        ("Write <think> before and </think> after it.", None, "Write <think> before and </think> after it."),
    ],
)
def test_a_thought_at_the_start_of_an_answer_is_kept_apart(
    content: str, thinking: str | None, answer: str, tmp_path: Path
) -> None:
    for row in ({"prompt": "hi", "completion": content}, {"messages": [HI, YES | {"content": content}]}):
        [conversation] = read(tmp_path, row)
        assert (conversation.turns[-1].thinking, conversation.turns[-1].content) == (thinking, answer)


def test_our_own_examples_are_read_and_their_keys_are_known(tmp_path: Path) -> None:
    assert set(Example.model_fields) <= OWN_KEYS
    example = Example(
        id="a/0/1", source="in_domain", place="first", group="a", prompt=(HI,), completion="yes", action="yes",
        objective="o", page="p", extra={"x": 1},
    )  # fmt: skip
    [conversation] = read(tmp_path, json.loads(example.model_dump_json()))
    assert conversation.id == "a/0/1"
    assert [(turn.content, turn.train) for turn in conversation.turns] == [("hi", False), ("yes", True)]


def test_lone_surrogates_are_repaired(tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_text('{"prompt": "page \\ud83d end", "completion": "\\ud83d\\ude00"}\n')
    [conversation] = read_conversations(tmp_path / "data.jsonl")
    assert [turn.content for turn in conversation.turns] == ["page \ufffd end", "\U0001f600"]


@pytest.mark.parametrize(
    ("row", "said"),
    [
        ({"prompt": "hi", "completion": None}, ["completion is null: nothing to train"]),
        ({"prompt": "hi"}, ["completion is missing: nothing to train"]),
        ({"prompt": "hi", "completion": " \n"}, ["completion is empty: nothing to train"]),
        ({"prompt": "hi", "completion": []}, ["completion is empty: nothing to train"]),
        ({"prompt": "hi", "completion": 3}, ["completion: expected text or messages, got a number"]),
        ({"prompt": "hi", "completion": True}, ["completion: expected text or messages, got true or false"]),
        ({"prompt": None, "completion": "yes"}, ["prompt is null: nothing to answer"]),
        ({"prompt": [], "completion": "yes"}, ["prompt is empty"]),
        ({"prompt": "hi", "completion": [HI]}, ["the last message is of the role 'user'"]),
        ({"messages": None}, ["messages is null: nothing to train"]),
        ({"messages": []}, ["messages is empty"]),
        ({"messages": "hi"}, ["messages: expected a list of messages, got text"]),
        ({"messages": [HI]}, ["the last message is of the role 'user'"]),
        ({"messages": [YES]}, ["the first message is an assistant's"]),
        ({"messages": [HI, YES | {"weight": 0}]}, ["no answer is marked for training"]),
        ({"messages": [HI, YES | {"weight": 0.5}]}, ["messages[1].weight: expected 0 or 1, or true or false, got 0.5"]),
        (
            {"messages": [HI, YES | {"train": "yes"}]},
            ["messages[1].train: expected 0 or 1, or true or false, got text"],
        ),
        ({"messages": [HI, YES | {"train": True, "weight": 0}]}, ["weight and train say different things"]),
        ({"messages": [HI | {"train": True}, YES]}, ["messages[0]: marked for training, with the role 'user'"]),
        ({"prompt": "hi", "completion": "<think>because I"}, ["completion: no answer follows the thought"]),
        ({"messages": [HI, YES | {"content": "<think>a</think>\n"}]}, ["messages[1].content: no answer follows"]),
        (
            {"messages": [HI, YES | {"content": "<think>a</think>yes", "thinking": "b"}]},
            ["a thought stands in the text and another one beside it"],
        ),
        ({"messages": [HI, YES | {"content": ""}]}, ["messages[1].content is empty: nothing to train"]),
        ({"messages": [HI, YES | {"content": None}]}, ["messages[1]: content is missing"]),
        ({"messages": [HI, YES | {"content": {"text": "yes"}}]}, ["content: expected text or a list of parts, got an"]),
        ({"messages": [HI, YES | {"wieght": 0}]}, ["messages[1]: 'wieght' is an unknown key (did you mean weight?)"]),
        (
            {"messages": [HI, {"role": "asistant", "content": "x"}]},
            ["unknown role 'asistant'; did you mean assistant?"],
        ),
        ({"messages": [HI, {"role": 3, "content": "x"}]}, ["messages[1].role: expected text, got a number"]),
        ({"messages": [HI, {"content": "x"}]}, ["messages[1]: role is missing"]),
        ({"messages": [HI, {"role": "assistant", "from": "gpt", "content": "x"}]}, ["role and from in one message"]),
        ({"messages": [HI, "yes"]}, ["messages[1]: expected a message with role and content, got text"]),
        (
            {"messages": [HI, YES | {"tool_calls": [{"type": "function"}]}]},
            ["messages[1].tool_calls[0]: expected a call"],
        ),
        (
            {"messages": [HI, YES | {"tool_calls": [{"name": "f", "arguments": "{"}]}]},
            ["tool_calls[0]: arguments: expected a JSON object, got text"],
        ),
        ({"messages": [HI | {"tool_calls": [CALL]}, YES]}, ["only an assistant calls tools"]),
        ({"messages": [HI | {"thinking": "hm"}, YES]}, ["only an assistant thinks"]),
        ({"messages": [HI, YES | {"thinking": "a", "reasoning_content": "b"}]}, ["differ; keep one of them"]),
        (
            {"messages": [HI | {"content": [{"type": "image_url", "image_url": {"url": "x"}}]}, YES]},
            ["messages[0].content[0]: a part of type 'image_url'; only text can be trained on"],
        ),
        ({"messages": [HI, YES | {"train_detail": []}]}, ["a part of an answer cannot be trained on"]),
        ({"messages": [HI, YES], "images": ["a.png"]}, ["'images' is an unknown key (only text can be trained on)"]),
        ({"messages": [HI, YES], "prompt": [HI], "completion": "B"}, ["two forms in one row (prompt and completion"]),
        ({"prompt": "hi", "chosen": "yes", "rejected": "no"}, ["preference pairs", "completion is missing"]),
        ({"text": "hi yes"}, ["plain text does not say which part of it is the answer"]),
        ({"input_ids": [1], "labels": [1]}, ["tokenized rows are not read"]),
        ({"question": "hi", "answer": "yes"}, ["expected prompt and completion, messages", "'question'", "'answer'"]),
        ({}, ["got no key"]),
        ([HI, YES], ["a single message; expected one conversation per row"]),
        (3, ["expected a JSON object, got a number"]),
        (
            {"promt": "hi", "completion": "yes"},
            ["prompt is missing", "'promt' is an unknown key (did you mean prompt?)"],
        ),
        ({"prompt": "hi", "completion": "yes", "weight": 1}, ["'weight' is an unknown key"]),
        ({"prompt": "hi", "completion": "yes", "id": {}}, ["id: expected text or a whole number, got an object"]),
        ({"prompt": "hi", "completion": "yes", "group": "a"}, ["'group' is an unknown key"]),
        ({"instruction": "hi", "output": None}, ["output is null: nothing to train"]),
        ({"instruction": "hi", "input": 3, "output": "yes"}, ["input: expected text, got a number"]),
        ({"instruction": "", "input": "", "output": "yes"}, ["instruction is empty: nothing to answer"]),
        ({"instruction": "hi", "output": "yes", "history": [["a"]]}, ["history[0]: expected instruction and output"]),
        ({"conversations": [{"from": "bot", "value": "x"}]}, ["conversations[0].from: unknown role 'bot'"]),
        ({"messages": [HI, YES], "tools": {"a": 1}}, ["tools: expected a list of JSON schemas, got an object"]),
        ({"messages": [HI, YES], "tools": [{"a": 1}]}, ["tools[0]: expected the JSON schema of a function"]),
        ({"messages": [{"role": "system", "content": "a"}, HI, YES], "system": "b"}, ["a system message already"]),
        ({"messages": [HI, YES | {"reasoning": "x"}]}, ["did you mean reasoning_content?"]),
        ({"prompt": "hi", "completion": "yes", "id": 1.5}, ["id: expected text or a whole number, got a number"]),
        # Every problem of the row, not only the first one.
        (
            {"messages": [HI | {"contnet": 1}, YES | {"weight": 2}], "tolls": []},
            ["'contnet' is an unknown key (did you mean content?)", "weight: expected 0 or 1", "'tolls'"],
        ),
    ],
    ids=str,
)
def test_what_is_refused_is_said_with_file_line_and_key(row: Any, said: list[str], tmp_path: Path) -> None:
    message = refusal(tmp_path, row)
    for words in said:
        assert words in message
    assert "docs/guides/training.md" in message


def test_the_first_bad_line_is_named_with_the_forms_before_it(tmp_path: Path) -> None:
    path = tmp_path / "data.jsonl"
    good = [{"prompt": "hi", "completion": "yes"}, {"messages": [HI, YES]}, {"messages": [HI, YES]}]
    path.write_text("\n\n".join(json.dumps(row) for row in [*good, {"prompt": "hi"}, {"nothing": 1}]))
    with pytest.raises(RecordError, match=r"line 7: completion is missing.*before it: 1 prompt and completion, 2 mess"):
        read_conversations(path)


def test_forms_are_counted(tmp_path: Path) -> None:
    rows = [{"prompt": "hi", "completion": "yes"}, {"messages": [HI, YES]}, {"prompt": "a", "completion": "b"}]
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    data = read_training_data(tmp_path / "data.jsonl")
    assert data.forms == {"prompt and completion": 2, "messages": 1}
    assert data.counts == "2 prompt and completion, 1 messages"


ROWS = [{"prompt": "hi", "completion": f"yes {i}"} for i in range(3)]
LINES = "".join(json.dumps(row) + "\n" for row in ROWS).encode()


@pytest.mark.parametrize(
    ("name", "data"),
    [
        ("a.jsonl", LINES),
        ("bom.jsonl", b"\xef\xbb\xbf" + LINES),
        ("crlf.jsonl", LINES.replace(b"\n", b"\r\n")),
        ("blank.jsonl", b"\n \r\n" + LINES.replace(b"\n", b"\n\n\t\n")),
        ("unended.jsonl", LINES.rstrip()),
        ("array.json", json.dumps(ROWS).encode()),
        ("pretty.json", b"\xef\xbb\xbf\n" + json.dumps(ROWS, indent=2).encode() + b"\n"),
        ("lines.json", LINES),
        ("array.jsonl.gz", gzip.compress(json.dumps(ROWS).encode(), mtime=0)),
        ("lines.jsonl.gz", gzip.compress(LINES, mtime=0)),
        ("lines.jsonl.zst", zstandard.compress(LINES)),
        ("no-suffix", zstandard.compress(json.dumps(ROWS).encode())),
    ],
)
def test_files_of_every_kind_hold_the_same_rows(name: str, data: bytes, tmp_path: Path) -> None:
    (tmp_path / name).write_bytes(data)
    assert [turn.turns[-1].content for turn in read_conversations(tmp_path / name)] == ["yes 0", "yes 1", "yes 2"]


DEEP = b'{"prompt": "hi", "completion": "yes", "metadata": %s%s}'


@pytest.mark.parametrize(
    ("data", "said"),
    [
        (LINES + b'{"prompt": "caf\xe9"}\n', "line 4: not UTF-8 text (byte 0xe9 at byte 16 of the line)"),
        (b'[{"prompt": "a",\n "completion": "caf\xe9"}]', "line 2: not UTF-8 text (byte 0xe9 at byte 20"),
        (LINES.decode().encode("utf-16"), "the text is UTF-16; expected UTF-8"),
        (LINES + b"{", "line 4: expected one JSON object per line"),
        (b'{\n "prompt": "hi",\n "completion": "yes"\n}\n', "line 1: expected one JSON object per line or one array"),
        (b'[{"prompt": "hi", "completion": "yes"},\n {"prompt": }]', "line 2: expected one JSON object per line"),
        (b'[{"prompt": "hi", "completion": "yes"}\n {}]', "line 2: expected one JSON object per line"),
        (b'[{"prompt": "hi", "completion": "yes"}]\n{}', "text follows the array"),
        (b'[{"prompt": "hi", "completion": "yes"}', "expected a comma or the end of the array"),
        (b'[{"prompt": "hi", "completion": "yes"},\n {"prompt": "hi"}]', "line 2: completion is missing"),
        (b'{"prompt": "hi", "completion": "a", "completion": "b"}', "the key 'completion' stands twice in one object"),
        (b'[{"prompt": "hi", "completion": "yes"},\n]', "line 2: expected one JSON object per line"),
        *((DEEP % (b"[" * depth, b"]" * depth), "line 1: ") for depth in (900, 950)),
        (b"[" * 100_000, "line 1: expected one JSON object"),
        (b'{"prompt": ' + b"[" * 100_000, "line 1: expected one JSON object"),
        (gzip.compress(LINES, mtime=0)[:-9], "cut off"),
        (zstandard.compress(LINES)[:-9], "cut off"),
    ],
)
def test_files_that_are_damaged_are_refused_in_a_sentence(data: bytes, said: str, tmp_path: Path) -> None:
    (tmp_path / "data.jsonl").write_bytes(data)
    with pytest.raises((RecordError, UnreadableFileError)) as error:
        read_conversations(tmp_path / "data.jsonl")
    assert said in str(error.value)
    assert "data.jsonl" in str(error.value)


def test_what_is_no_file_or_holds_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UnreadableFileError, match=r"gone.jsonl: no such file; expected a file of training data"):
        read_conversations(tmp_path / "gone.jsonl")
    with pytest.raises(UnreadableFileError, match="a folder, not a regular file"):
        read_conversations(tmp_path)
    for empty in (b"", b"\n\n", b"[]", b" [ ]\n"):
        (tmp_path / "empty.jsonl").write_bytes(empty)
        with pytest.raises(EmptyInputError, match=r"empty.jsonl: expected at least one row"):
            read_conversations(tmp_path / "empty.jsonl")


def test_parquet_holds_the_same_rows(tmp_path: Path) -> None:
    pa = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    parquet = pytest.importorskip("pyarrow.parquet", reason="needs the extra parquet")
    rows: list[dict[str, Any]] = [
        {"prompt": [HI], "completion": [YES]},
        {"messages": [HI, YES | {"weight": 0.0}, HI, YES | {"weight": 1.0}]},
        {"messages": [HI, {"role": "assistant", "tool_calls": [{"name": "go", "arguments": {"id": 3}}]}]},
        {"messages": [HI, {"role": "assistant", "tool_calls": [{"name": "say", "arguments": {"text": "a"}}]}]},
    ]
    keys = ("prompt", "completion", "messages")
    rows = [{key: row.get(key) for key in keys} for row in rows]
    parquet.write_table(pa.Table.from_pylist(rows), tmp_path / "data.parquet")
    found = read_conversations(tmp_path / "data.parquet")
    assert found[0].id == "data.parquet:1"
    (tmp_path / "data.jsonl").write_text("\n".join(map(json.dumps, rows)))
    assert [c.turns for c in found] == [c.turns for c in read_conversations(tmp_path / "data.jsonl")]
    parquet.write_table(pa.Table.from_pylist([*rows, {"prompt": [HI]}]), tmp_path / "bad.parquet")
    with pytest.raises(RecordError, match=r"bad.parquet, row 5: completion is (null|missing)"):
        read_conversations(tmp_path / "bad.parquet")
    (tmp_path / "torn.parquet").write_bytes((tmp_path / "data.parquet").read_bytes()[:-20])
    with pytest.raises(UnreadableFileError, match=r"torn.parquet: Parquet that cannot be read"):
        read_conversations(tmp_path / "torn.parquet")


def test_parquet_without_pyarrow_names_the_extra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    import sys

    monkeypatch.setitem(sys.modules, "pyarrow", None)
    (tmp_path / "data.parquet").write_bytes(b"PAR1....PAR1")
    with pytest.raises(MissingExtraError, match=r"needs pyarrow: pip install 'tracewarp\[parquet\]'"):
        read_conversations(tmp_path / "data.parquet")


def test_a_parquet_file_with_a_column_twice_is_refused(tmp_path: Path) -> None:
    pyarrow = pytest.importorskip("pyarrow", reason="needs the extra parquet")
    from pyarrow import parquet

    columns = [pyarrow.array([text]) for text in ("hi", "yes", "no")]
    parquet.write_table(pyarrow.table(columns, names=["prompt", "completion", "completion"]), tmp_path / "a.parquet")
    with pytest.raises(RecordError, match="the column completion stands twice"):
        read_conversations(tmp_path / "a.parquet")
