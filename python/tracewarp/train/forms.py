"""The forms of training data: each row of a file becomes one conversation, or is refused with every problem in it.

Four forms are read: prompt and completion, messages, ShareGPT and Alpaca. null means absent, as `datasets` and pyarrow
write rows whose columns differ. A file is refused at its first bad row: data that is guessed at trains the wrong thing.
"""

from __future__ import annotations

import difflib
import json
from collections import Counter
from collections.abc import Collection, Mapping
from dataclasses import dataclass, replace
from pathlib import Path
from types import MappingProxyType
from typing import Any, Final, Literal

from tracewarp.errors import EmptyInputError, RecordError
from tracewarp.train.masks import ChatTurn
from tracewarp.train.rows import Row, read_rows
from tracewarp.trajectory.paths import shown_path
from tracewarp.trajectory.thoughts import leading_thought, split_thoughts

GUIDE: Final = "docs/guides/training.md"


@dataclass(frozen=True, slots=True)
class Conversation:
    """One sample before it is encoded."""

    id: str
    turns: tuple[ChatTurn, ...]
    tools: tuple[Mapping[str, Any], ...] = ()
    """JSON schemas of the tools that the chat template is told of."""


@dataclass(frozen=True, slots=True)
class TrainingData:
    """What a file of training data holds."""

    conversations: tuple[Conversation, ...]
    forms: Mapping[str, int]
    """Form -> rows of it."""

    @property
    def counts(self) -> str:
        """Rows per form, in words."""
        return counts_of(self.forms)


FORMS: Final = MappingProxyType(
    {
        "prompt and completion": ("prompt", "completion"),
        "messages": ("messages",),
        "ShareGPT": ("conversations",),
        "Alpaca": ("instruction", "input", "output"),
    }
)
"""Form -> the keys that tell it."""

_FOR_ALL: Final = ("id", "metadata", "tools", "functions", "parallel_tool_calls")
_MORE: Final = MappingProxyType(
    {
        "prompt and completion": ("system", "thinking", "reasoning_content"),
        "messages": ("system",),
        "ShareGPT": ("system",),
        "Alpaca": ("system", "history"),
    }
)
"""Form -> keys that may stand beside those that tell it."""

OWN_KEYS: Final = frozenset(
    {
        *("schema_version", "id", "source", "place", "group", "prompt", "completion", "thinking", "action"),
        *("objective", "page", "address", "previous_action", "site", "extra"),
    }
)
"""Keys of the examples that `tracewarp filter` writes, told by `schema_version`."""

_FLAGS: Final = ("weight", "train", "training", "loss")
_THOUGHTS: Final = ("thinking", "reasoning_content")
_CALLS: Final = ("tool_calls", "function_call", "tool_call_id", "name")
_TURN_KEYS: Final = ("role", "from", "content", "value", *_FLAGS, *_THOUGHTS, *_CALLS)

Role = Literal["system", "user", "assistant", "tool"]
_ROLES: Final[Mapping[str, Role]] = MappingProxyType(
    {
        "system": "system",
        "developer": "system",
        "user": "user",
        "human": "user",
        "assistant": "assistant",
        "gpt": "assistant",
        "model": "assistant",
        "function_call": "assistant",
        "tool": "tool",
        "function": "tool",
        "observation": "tool",
    }
)

_PREFERENCE: Final = "preference pairs are not trained on; give the answer to train as the completion"
_MEDIA: Final = "only text can be trained on"
_TOKENS: Final = "tokenized rows are not read; give the text"
_REASONS: Final = MappingProxyType(
    {
        **dict.fromkeys(("chosen", "rejected"), _PREFERENCE),
        **dict.fromkeys(("image", "images", "video", "videos", "audio", "audios"), _MEDIA),
        **dict.fromkeys(("input_ids", "labels", "attention_mask"), _TOKENS),
        "text": "plain text does not say which part of it is the answer",
        "reasoning": "did you mean reasoning_content?",
        "kto_tag": "ratings are not trained on",
        "chat_template_kwargs": "options of a chat template are not read from rows",
        "train_detail": "a part of an answer cannot be trained on; use train: true or false for the whole answer",
    }
)


def read_training_data(path: str | Path) -> TrainingData:
    """Read a file of training data: JSON lines, a JSON array or Parquet; plain, gzip or zstd.

    Raises:
        UnreadableFileError: the file is missing, no regular file, cut off or damaged.
        RecordError: a row that is refused; the message names file, line and key, and every problem of that row.
        MissingExtraError: a Parquet file without pyarrow.
        EmptyInputError: no row at all.
    """
    found, forms = [], Counter[str]()
    for row in read_rows(path):
        problems: list[str] = []
        try:
            form, conversation = _conversation(row, problems)
        except RecursionError:
            form, conversation = "", None
            problems.append("nested too deeply")
        if conversation is None or problems:
            before = f" Rows read before it: {counts_of(forms)}." if forms else ""
            raise RecordError(
                f"{shown_path(path)}, {row.place}: {'; '.join(problems)}.{before} The forms of training data are "
                f"described in {GUIDE}"
            )
        forms[form] += 1
        found.append(conversation)
    if not found:
        raise EmptyInputError(f"{shown_path(path)}: expected at least one row of training data, got none")
    return TrainingData(tuple(found), MappingProxyType(dict(forms)))


def read_conversations(path: str | Path) -> tuple[Conversation, ...]:
    """Read the conversations of a file of training data, as `read_training_data` does."""
    return read_training_data(path).conversations


def counts_of(forms: Mapping[str, int]) -> str:
    """Rows per form, in words."""
    return ", ".join(f"{count:,} {form}" for form, count in forms.items())


def _conversation(row: Row, problems: list[str]) -> tuple[str, Conversation | None]:
    """Read one row; what is wrong with it is added to `problems`."""
    if not isinstance(row.value, dict):
        problems.append(f"expected a JSON object, got {_kind(row.value)}")
        return "", None
    value = without_nulls(row.value)
    forms = [form for form, keys in FORMS.items() if any(key in value for key in keys)]
    if not forms:
        problems.extend(_no_form(row.value, value))
        return "", None
    if len(forms) > 1:
        problems.append(f"two forms in one row ({' and '.join(forms)}); keep one of them")
    form = forms[0]
    own = form == "prompt and completion" and "schema_version" in value
    known = OWN_KEYS if own else [key for form in forms for key in (*FORMS[form], *_MORE[form], *_FOR_ALL)]
    problems.extend(_unknown_key(key, known) for key in value if key not in known)
    problems.extend(_missing(row.value, form))
    if form == "prompt and completion":
        turns = _prompt_and_completion(value, problems)
    elif form == "Alpaca":
        turns = _alpaca(value, problems)
    else:
        turns = _messages(value[FORMS[form][0]], FORMS[form][0], problems)
    system = value.get("system", "")
    if not isinstance(system, str):
        problems.append(f"system: expected text, got {_kind(system)}")
    elif system and turns and turns[0].role == "system":
        problems.append("system: the first message is a system message already")
    elif system:
        turns.insert(0, ChatTurn("system", system))
    tools = _tools(value, problems)
    name = value.get("id", row.name)
    if isinstance(name, bool) or not isinstance(name, str | int):
        problems.append(f"id: expected text or a whole number, got {_kind(name)}")
    if not problems:
        _check_order(turns, problems)
    return form, Conversation(str(name), tuple(turns), tools)


def without_nulls(value: Any) -> Any:
    """Return a JSON value without the keys whose value is null."""
    if isinstance(value, dict):
        return {key: without_nulls(item) for key, item in value.items() if item is not None}
    if isinstance(value, list):
        return [without_nulls(item) for item in value]
    return value


def _no_form(row: Mapping[str, Any], value: Mapping[str, Any]) -> list[str]:
    """What is wrong with a row that has no key of any form, but for null."""
    names = [key for keys in FORMS.values() for key in keys]
    emptied = [key for key in names if key in row]
    if emptied:
        return [f"{key} is null: nothing to train" for key in emptied]
    if ("role" in value or "from" in value) and ("content" in value or "value" in value):
        return ['a single message; expected one conversation per row, such as {"messages": [...]}']
    hints = "; ".join(_unknown_key(key, names) for key in value) or "no key"
    expected = "expected prompt and completion, messages, conversations (ShareGPT), or instruction and output (Alpaca)"
    return [f"{expected}; got {hints}"]


def _missing(row: Mapping[str, Any], form: str) -> list[str]:
    """Required keys that are null or absent."""
    found = []
    for key in FORMS[form]:
        if row.get(key) is None and key != "input":
            what = "nothing to train" if key in ("completion", "output") else "nothing to answer"
            found.append(f"{key} is {'null' if key in row else 'missing'}: {what}")
    return found


def _unknown_key(key: str, known: Collection[str]) -> str:
    reason = _REASONS.get(key)
    if reason is None:
        near = difflib.get_close_matches(key.lower(), list(known), n=1)
        reason = f"did you mean {near[0]}?" if near else "notes may stand under metadata"
    return f"{key[:60]!r} is an unknown key ({reason})"


def _prompt_and_completion(row: Mapping[str, Any], problems: list[str]) -> list[ChatTurn]:
    prompt, completion = row.get("prompt"), row.get("completion")
    turns: list[ChatTurn] = []
    if prompt in ("", []):
        problems.append("prompt is empty: nothing to answer")
    elif isinstance(prompt, str):
        turns.append(ChatTurn("user", prompt))
    elif isinstance(prompt, list):
        turns += _messages(prompt, "prompt", problems, learnt=False)
    elif prompt is not None:
        problems.append(f"prompt: expected text or messages, got {_kind(prompt)}")
    thinking = _thought(row, "", problems)
    if isinstance(completion, str):
        turns.append(_answer("completion", completion, problems, thinking=thinking))
    elif isinstance(completion, list):
        turns += _messages(completion, "completion", problems)
        if thinking is not None:
            problems.append("a thought beside a completion of messages; expected it in the message that it belongs to")
    elif completion is not None:
        problems.append(f"completion: expected text or messages, got {_kind(completion)}")
    return turns


def _alpaca(row: Mapping[str, Any], problems: list[str]) -> list[ChatTurn]:
    texts = {}
    for key in ("instruction", "input", "output"):
        texts[key] = row.get(key, "")
        if not isinstance(texts[key], str):
            problems.append(f"{key}: expected text, got {_kind(texts[key])}")
    history = row.get("history", [])
    turns: list[ChatTurn] = []
    if not isinstance(history, list):
        problems.append(f"history: expected a list of pairs of texts, got {_kind(history)}")
        history = []
    for place, pair in enumerate(history):
        if isinstance(pair, list) and len(pair) == 2 and all(isinstance(text, str) for text in pair):
            turns += [ChatTurn("user", pair[0]), _answer(f"history[{place}]", pair[1], problems)]
        else:
            problems.append(f"history[{place}]: expected instruction and output as a pair of texts, got {_kind(pair)}")
    if all(isinstance(text, str) for text in texts.values()):
        asked = "\n".join(text for text in (texts["instruction"], texts["input"]) if text)
        if not asked and "instruction" in row:
            problems.append("instruction is empty: nothing to answer")
        turns.append(ChatTurn("user", asked))
        if "output" in row:
            turns.append(_answer("output", texts["output"], problems))
    return turns


def _answer(where: str, text: str, problems: list[str], *, thinking: str | None = None) -> ChatTurn:
    return _assistant(where, ChatTurn("assistant", text, train=True, thinking=thinking), problems)


def _assistant(where: str, turn: ChatTurn, problems: list[str]) -> ChatTurn:
    """A message of the assistant, with a thought that stands in its content moved to `thinking`."""
    thinking, answer = thought_in(turn.content)
    if answer != turn.content and answer.strip():
        if thinking is not None and turn.thinking is not None and thinking != turn.thinking.strip():
            problems.append(f"{where}: a thought stands in the text and another one beside it; keep one of them")
        turn = replace(turn, thinking=thinking or turn.thinking, content=answer)
    elif turn.train and not turn.tool_calls:
        if answer != turn.content:
            problems.append(f"{where}: no answer follows the thought: nothing to train")
        elif not turn.content.strip():
            problems.append(f"{where} is empty: nothing to train")
    return turn


def thought_in(content: str) -> tuple[str | None, str]:
    """Split the content of an answer that begins with a thought.

    The thought is a complete block, a block that is never closed (the answer is empty then), everything before a
    closing tag that nothing opened (as models write whose template opens the thought), or a channel of harmony.
    """
    thinking, answer = leading_thought(content)
    if answer != content:
        return thinking, answer
    split, start = split_thoughts(content), content.lstrip()
    closed_only = split.thinking is not None and start.startswith(split.thinking)
    unfinished = split.thinking is not None and not split.answer.strip()
    channels = start.startswith(("<|channel|>", "<|start|>"))
    return (split.thinking, split.answer) if closed_only or unfinished or channels else (None, content)


def _messages(value: Any, where: str, problems: list[str], *, learnt: bool = True) -> list[ChatTurn]:
    """Read a list of messages; `learnt` says whether answers without a flag are trained on."""
    if not isinstance(value, list):
        problems.append(f"{where}: expected a list of messages, got {_kind(value)}")
        return []
    if not value:
        problems.append(f"{where} is empty: nothing to train")
    turns = [_message(item, f"{where}[{place}]", problems, learnt=learnt) for place, item in enumerate(value)]
    return [turn for turn in turns if turn is not None]


def _message(item: Any, where: str, problems: list[str], *, learnt: bool) -> ChatTurn | None:
    if not isinstance(item, dict):
        problems.append(f"{where}: expected a message with role and content, got {_kind(item)}")
        return None
    problems.extend(f"{where}: {_unknown_key(key, _TURN_KEYS)}" for key in item if key not in _TURN_KEYS)
    role = _role(item, where, problems)
    calls = _calls(item, where, problems)
    content, inline = _content(item, where, problems, optional=bool(calls))
    thinking = _thought(item, where, problems)
    if inline is not None and thinking is not None:
        problems.append(f"{where}: a thought stands both among the parts and beside them; keep one of them")
    thinking = thinking if inline is None else inline
    flag = _flag(item, where, problems)
    names = {}
    for key in ("name", "tool_call_id"):
        names[key] = item.get(key)
        if not isinstance(names[key], str | None):
            problems.append(f"{where}.{key}: expected text, got {_kind(names[key])}")
    if role is None or content is None:
        return None
    if role != "assistant":
        if calls:
            problems.append(f"{where}: tool calls of the role {role!r}; only an assistant calls tools")
        if thinking is not None:
            problems.append(f"{where}: a thought of the role {role!r}; only an assistant thinks")
        if flag:
            problems.append(f"{where}: marked for training, with the role {role!r}; only an assistant's answer can be")
        return ChatTurn(role, content, name=names["name"], tool_call_id=names["tool_call_id"])
    train = learnt if flag is None else flag
    turn = ChatTurn(role, content, train=train, thinking=thinking, tool_calls=calls, name=names["name"])
    return _assistant(f"{where}.content", turn, problems)


def _role(item: Mapping[str, Any], where: str, problems: list[str]) -> Role | None:
    key = _one_of(item, ("role", "from"), where, problems)
    if key is None:
        return None
    role = item[key]
    if not isinstance(role, str):
        problems.append(f"{where}.{key}: expected text, got {_kind(role)}")
        return None
    if role not in _ROLES:
        near = difflib.get_close_matches(role.lower(), list(_ROLES), n=1)
        hint = f"; did you mean {near[0]}?" if near else f"; expected one of {', '.join(_ROLES)}"
        problems.append(f"{where}.{key}: unknown role {role[:60]!r}{hint}")
        return None
    return _ROLES[role]


def _one_of(item: Mapping[str, Any], keys: tuple[str, str], where: str, problems: list[str]) -> str | None:
    """Which of two names of one thing is given; a problem where it is none or both."""
    given = [key for key in keys if key in item]
    if len(given) == 1:
        return given[0]
    said = f"{keys[0]} is missing" if not given else f"{keys[0]} and {keys[1]} in one message; keep one of them"
    problems.append(f"{where}: {said}")
    return None


def _content(
    item: Mapping[str, Any], where: str, problems: list[str], *, optional: bool
) -> tuple[str | None, str | None]:
    """Text of a message, and the thought among its parts."""
    if _is_call(item) or (optional and "content" not in item and "value" not in item):
        return "", None
    key = _one_of(item, ("content", "value"), where, problems)
    if key is None:
        return None, None
    value = item[key]
    if isinstance(value, str):
        return value, None
    if not isinstance(value, list):
        problems.append(f"{where}.{key}: expected text or a list of parts, got {_kind(value)}")
        return None, None
    texts: list[str] = []
    thoughts: list[str] = []
    for place, part in enumerate(value):
        here = f"{where}.{key}[{place}]"
        if isinstance(part, str):
            texts.append(part)
            continue
        if not isinstance(part, dict):
            problems.append(f"{here}: expected a part with type and text, got {_kind(part)}")
            continue
        kind = part.get("type")
        field = "thinking" if kind in ("thinking", "reasoning") and "thinking" in part else "text"
        if kind not in ("text", "input_text", "output_text", "thinking", "reasoning"):
            problems.append(f"{here}: a part of type {str(kind)[:60]!r}; {_MEDIA}")
        elif not isinstance(part.get(field), str):
            problems.append(f"{here}.{field}: expected text, got {_kind(part.get(field))}")
        elif extra := [name for name in part if name not in ("type", field, "signature")]:
            problems.extend(f"{here}: {_unknown_key(name, ('type', 'text'))}" for name in extra)
        else:
            (thoughts if kind in ("thinking", "reasoning") else texts).append(part[field])
    return "".join(texts), "".join(thoughts) or None


def _thought(item: Mapping[str, Any], where: str, problems: list[str]) -> str | None:
    found = []
    for key in _THOUGHTS:
        if key in item:
            if isinstance(item[key], str):
                found.append(item[key])
            else:
                problems.append(f"{where}{'.' if where else ''}{key}: expected text, got {_kind(item[key])}")
    if len(set(found)) > 1:
        problems.append(f"{where}: thinking and reasoning_content differ; keep one of them")
    return (found[0] or None) if found else None


def _flag(item: Mapping[str, Any], where: str, problems: list[str]) -> bool | None:
    """Whether a message is marked for training; None: it has no mark."""
    found = {}
    for key in _FLAGS:
        if key in item:
            if item[key] in (0, 1):  # true and false are among them, and 1.0, as Parquet holds weights
                found[key] = bool(item[key])
            else:
                got = item[key] if isinstance(item[key], int | float) else _kind(item[key])
                problems.append(f"{where}.{key}: expected 0 or 1, or true or false, got {got}")
    if len(set(found.values())) > 1:
        problems.append(f"{where}: {' and '.join(found)} say different things about training; keep one of them")
    return next(iter(found.values()), None)


def _is_call(item: Mapping[str, Any]) -> bool:
    """Is the message one call, as LLaMA-Factory writes it?"""
    return "function_call" in (item.get("from"), item.get("role"))


def _calls(item: Mapping[str, Any], where: str, problems: list[str]) -> tuple[Mapping[str, Any], ...]:
    """The tool calls of a message, arguments as objects, as chat templates take them."""
    if _is_call(item):
        key = "value" if "value" in item else "content"
        given, where = _from_json(item.get(key)), f"{where}.{key}"
        given = given if isinstance(given, list) else [given]
    elif "function_call" in item:
        given, where = [item["function_call"]], f"{where}.function_call"
    else:
        given, where = item.get("tool_calls", []), f"{where}.tool_calls"
    if not isinstance(given, list):
        problems.append(f"{where}: expected a list of calls, got {_kind(given)}")
        return ()
    calls = []
    for place, call in enumerate(given):
        here = f"{where}[{place}]" if "tool_calls" in where else where
        function = call.get("function", call) if isinstance(call, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str) or not function["name"]:
            problems.append(f"{here}: expected a call with the name of a function and its arguments")
            continue
        arguments = _from_json(function.get("arguments", {}))
        if not isinstance(arguments, dict):
            problems.append(f"{here}: arguments: expected a JSON object, got {_kind(arguments)}")
            continue
        outer = () if function is call else [key for key in call if key not in ("id", "type", "function", "index")]
        allowed = ("name", "arguments", "id", "type") if function is call else ("name", "arguments")
        inner = [key for key in function if key not in allowed]
        problems.extend(f"{here}: {_unknown_key(key, allowed)}" for key in (*outer, *inner))
        made: dict[str, Any] = {"type": "function", "function": {"name": function["name"], "arguments": arguments}}
        if isinstance(call.get("id"), str):
            made["id"] = call["id"]
        calls.append(made)
    return tuple(calls)


def _from_json(value: Any) -> Any:
    """The value of JSON text; anything else, and text that is no JSON, as it is."""
    if not isinstance(value, str):
        return value
    try:
        return without_nulls(json.loads(value))
    except (ValueError, RecursionError):
        return value


def _tools(row: Mapping[str, Any], problems: list[str]) -> tuple[Mapping[str, Any], ...]:
    """JSON schemas of the tools of a row; functions in OpenAI's older form are wrapped."""
    if "tools" in row and "functions" in row:
        problems.append("tools and functions in one row; keep one of them")
        return ()
    key = "functions" if "functions" in row else "tools"
    given = _from_json(row.get(key) or [])
    if not isinstance(given, list):
        problems.append(f"{key}: expected a list of JSON schemas, got {_kind(given)}")
        return ()
    tools = []
    for place, tool in enumerate(given):
        function = tool.get("function", tool) if isinstance(tool, dict) else None
        if not isinstance(function, dict) or not isinstance(function.get("name"), str):
            problems.append(f"{key}[{place}]: expected the JSON schema of a function with its name")
        else:
            tools.append({"type": "function", "function": function})
    return tuple(tools)


def _check_order(turns: list[ChatTurn], problems: list[str]) -> None:
    """Refuse a conversation without a question, without a trained answer, or that ends with something else."""
    if turns[-1].role != "assistant":
        problems.append(f"the last message is of the role {turns[-1].role!r}; expected an assistant's answer")
    if turns[0].role == "assistant":
        problems.append("the first message is an assistant's; expected a system or user message that it answers")
    if not any(turn.train for turn in turns):
        problems.append("no answer is marked for training: nothing to train")


def _kind(value: Any) -> str:
    """What a JSON value is, in words."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true or false"
    names = {int: "a number", float: "a number", str: "text", list: "a list", dict: "an object"}
    return names.get(type(value), type(value).__name__)
