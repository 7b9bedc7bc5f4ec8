"""What a model thought, told apart from what it answered: the one splitter for servers, local models and imported runs.

definition  A thought is a `<think>` block (also `<thinking>`, `<thought>`, `<reasoning>`, `<seed:think>` and `[THINK]`,
            in any case, with blanks or attributes; `◁think▷`; `<|begin_of_thought|>`), a channel of the harmony format
            other than `final`, a part of a message that is no text, or the field `reasoning_content`, `reasoning` or
            `reasoning_details`. What remains is the answer.
closing tag without an opening one: everything before it is a thought, since some chat templates open the thought
opening tag that is never closed, header of a channel that is not finished: everything after it is a thought, since the
            answer was cut there
cost        linear in the length of the text
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

_NAME: Final = r"(?:think|thinking|thought|thoughts|reasoning|seed:think)"
_TAG: Final = re.compile(
    rf"<\s*(?P<close>(?:/\s*)?){_NAME}(?:\s[^<>]*)?>|\[(?P<bracket>/?)THINK\]|◁(?P<triangle>/?)think▷"
    r"|<\|(?:begin|(?P<end>end))_of_thought\|>",
    re.IGNORECASE,
)
_CHANNEL: Final = re.compile(
    r"(?:<\|start\|>[^<]*)?<\|channel\|>\s*(?P<name>\w+)(?!\w)[^<]*(?:<\|constrain\|>[^<]*)?<\|message\|>"
)
_CHANNEL_END: Final = re.compile(r"<\|(?:end|return|call)\|>")
_CUT_HEADER: Final = re.compile(r"\A\s*<\|(?:start|channel)\|>[^<]*(?:<\|channel\|>[^<]*)?\Z")
_CHANNELS_WITHOUT_MARKERS: Final = re.compile(r"\A\s*analysis(?=\S)(.*?)assistantfinal(.*)\Z", re.DOTALL)

MARKERS: Final = frozenset(
    {
        "<think>", "</think>", "<thinking>", "</thinking>", "<thought>", "</thought>", "<reasoning>", "</reasoning>",
        "<seed:think>", "</seed:think>", "[THINK]", "[/THINK]", "◁think▷", "◁/think▷",
        "<|start|>", "<|channel|>", "<|message|>", "<|constrain|>",
        "<|end|>", "<|return|>", "<|call|>",
    }
)  # fmt: skip
"""Strings of this format that are single tokens of some models, and must be decoded before thoughts are split off."""


@dataclass(frozen=True, slots=True)
class Split:
    """A text, taken apart."""

    thinking: str | None
    """None: there was no thought, or an empty one."""
    answer: str


def split_thoughts(text: str, *, opened: bool = False) -> Split:
    """Take thoughts out of what a model wrote.

    Args:
        text: the whole text, with tags or channel markers where the model wrote them.
        opened: the prompt ended with an opened thought.
    """
    if _CHANNEL.search(text):
        thoughts, answer = _split_channels(text)
    elif _CUT_HEADER.match(text):
        return Split(None, "")
    elif found := _CHANNELS_WITHOUT_MARKERS.match(text):
        thoughts, answer = [found[1]], found[2]
    else:
        thoughts, answer = _split_tags(text, opened=opened)
    thinking = "\n\n".join(part for thought in thoughts if (part := thought.strip()))
    return Split(thinking or None, answer)


def split_message(message: Mapping[str, Any]) -> Split:
    """Take a message of a chat completion apart.

    Raises:
        TypeError: the content is neither text nor a list of parts.
    """
    thoughts, texts = [], []
    for name in ("reasoning_content", "reasoning", "thinking", "reasoning_details"):
        if said := _text_of(message.get(name)):
            thoughts.append(said)
            break  # servers that send two of them repeat themselves
    content = message.get("content")
    if isinstance(content, str):
        texts.append(content)
    elif isinstance(content, list):
        for part in content:
            kind = part.get("type", "text") if isinstance(part, Mapping) else "text"
            is_answer = kind in {"text", "output_text", "refusal"}
            (texts if is_answer else thoughts).append(_text_of(part))
    elif content is not None:
        raise TypeError("content is neither text nor a list of parts")
    split = split_thoughts("".join(texts))
    thinking = "\n\n".join(part for thought in [*thoughts, split.thinking or ""] if (part := thought.strip()))
    return Split(thinking or None, split.answer or _text_of(message.get("refusal")))


def leading_thought(content: str) -> tuple[str | None, str]:
    """Split an answer that begins with a complete block of thought; any other answer stays as it is."""
    tags = list(_TAG.finditer(content))
    if len(tags) < 2 or _closes(tags[0]) or not any(map(_closes, tags)) or content[: tags[0].start()].strip():
        return None, content
    split = split_thoughts(content)
    return split.thinking, split.answer


def opens_thought(prompt: str) -> bool:
    """True if a rendered prompt ends with an opening tag."""
    end = prompt.rstrip()[-200:]
    tags = list(_TAG.finditer(end))
    return bool(tags) and tags[-1].end() == len(end) and not _closes(tags[-1])


def _closes(tag: re.Match[str]) -> bool:
    return bool(tag["close"] or tag["bracket"] or tag["triangle"] or tag["end"])


def _split_tags(text: str, *, opened: bool) -> tuple[list[str], str]:
    thoughts: list[str] = []
    answer: list[str] = []
    inside, place = opened, 0
    for tag in _TAG.finditer(text):
        part, place = text[place : tag.start()], tag.end()
        if _closes(tag):
            # Without an opening tag, all that came before was thought.
            thoughts += [part] if inside else [*answer, part]
            answer = answer if inside else []
            inside = False
        elif inside:
            thoughts.append(part)  # a thought about tags
        else:
            answer.append(part)
            inside = True
    rest = text[place:]
    (thoughts if inside else answer).append(rest)
    whole = "".join(answer)
    return thoughts, whole.lstrip() if thoughts else whole


def _split_channels(text: str) -> tuple[list[str], str]:
    headers = list(_CHANNEL.finditer(text))
    thoughts: list[str] = []
    answer = [text[: headers[0].start()]]
    for header, following in zip(headers, [*headers[1:], None], strict=True):
        content = text[header.end() : following.start() if following else len(text)]
        content = _CHANNEL_END.split(content, maxsplit=1)[0]
        (answer if header["name"] == "final" else thoughts).append(content)
    return thoughts, "".join(answer).lstrip()


def _text_of(value: Any) -> str:
    """The text in a part of a message, wherever servers put it."""
    if isinstance(value, str):
        return value
    if isinstance(value, list):
        return "".join(map(_text_of, value))
    if isinstance(value, Mapping):
        for name in ("text", "value", "thinking", "reasoning", "refusal", "content", "summary"):
            if said := _text_of(value.get(name)):
                return said
    return ""
