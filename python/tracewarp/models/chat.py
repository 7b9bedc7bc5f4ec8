"""Chats as token ids, alike for acting and for training.

definition  prompt_ids(m_1..m_k)   ids of the chat template's rendering of m_1..m_k that opens an answer
            encode(m_1..m_k)       ids of the rendering of m_1..m_k, whose last message is an answer, with the span of
                                   tokens of each answer: what the model has to generate after
                                   prompt_ids(m_1..m_(j-1)), up to and including its end-of-turn token
inputs      messages with role and content, and where they have them thinking and tool_calls (answers), name and
            tool_call_id (results of tools); schemas of tools for the template; a tokenizer of transformers, a fast one
            for `encode`
result      ids; exactly those of the tokenizer's own apply_chat_template for contents without control tokens. No token
            joins the end of a prompt and its last answer: prompt and answer are tokenized apart where one would
contents    are data: a control token of the tokenizer in a content is tokenized as plain text (see `controls`).
            Lone surrogates become U+FFFD. An answer that begins with a complete `<think>` block and has no `thinking`
            is split there.
thinking    is given to the template as `reasoning_content`, `reasoning` and `thinking`; it is rendered where the
            template renders it. Where the template drops it from the last answer and the prompt ends with an opened
            `<think>`, or `<think>` is a token of the tokenizer, the answer is written as the model generates it:
            thinking, `</think>`, a blank line, content
system      a template that refuses or drops a system message gets its text at the top of the next user message
end of turn the first control token after an answer's content; a template that writes none there (GLM-4) ends an answer
            with the control tokens that begin a next message, and `encode` appends that of a user's message; where
            there is none either, the tokenizer's end token is appended
answers     that the template writes in another way once they are not the last one (Qwen3 drops thinking) get no span:
            encode the conversation up to each of them instead
no template turns are written `role: text` line by line, after the token with which the tokenizer begins a text; an
            answer ends with the tokenizer's end token
raises      InputError
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Any, Final, Protocol

from tracewarp.errors import InputError
from tracewarp.models.controls import ControlTokens, Spelling
from tracewarp.trajectory.surrogates import repair
from tracewarp.trajectory.thoughts import leading_thought, opens_thought

_OPENED: Final = re.compile(r"<[^<>]*>\s*\Z|\[THINK\]\s*\Z")
_QUESTION: Final = "Which one is it?"
_ANSWER: Final = "It is that one."
_SYSTEM: Final = "Answer briefly."
_CLOSE: Final = "</think>\n\n"


class MessageLike(Protocol):
    """One message of a chat."""

    @property
    def role(self) -> str:
        """Who says it."""
        ...

    @property
    def content(self) -> str:
        """The text; of an answer without what was thought before."""
        ...

    @property
    def thinking(self) -> str | None:
        """What was thought before an answer."""
        ...


@dataclass(frozen=True, slots=True)
class AnswerSpan:
    """Where an answer stands in an encoded conversation: its thinking, content and end-of-turn token."""

    message: int
    """Index of the message."""
    first: int
    """Its first token."""
    last: int
    """The token behind its end-of-turn token."""
    begin: int
    """Its first character."""
    end: int
    """The character behind its end-of-turn token."""


@dataclass(frozen=True, slots=True)
class EncodedChat:
    """A conversation as token ids."""

    text: str
    """The rendered conversation."""
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    """First and last character (exclusive) of each token in `text`."""
    answers: tuple[AnswerSpan, ...]
    """The last answer, and every earlier one that stands here as the model would have generated it."""


@dataclass(frozen=True, slots=True)
class _Turn:
    role: str
    content: str
    thinking: str | None = None
    more: Mapping[str, Any] = field(default_factory=dict)
    """What else a chat template may read: tool_calls, name, tool_call_id."""

    @property
    def texts(self) -> list[str]:
        """Every text in it that is data."""
        return [self.content, self.thinking or "", *_strings(self.more)]


@dataclass(frozen=True, slots=True)
class _End:
    """How a template ends an answer."""

    tail: str
    """What the template writes after the content of a last answer."""
    token: str
    """The end-of-turn token."""
    written: bool
    """False: the template leaves it to the next message."""
    others: tuple[str, ...] = ()
    """Control tokens with which messages of other roles begin, where no token ends an answer."""

    @property
    def up_to_token(self) -> str:
        """What follows the content, up to and including the end-of-turn token."""
        return self.tail[: self.tail.index(self.token) + len(self.token)] if self.written else self.token


class ChatFormat:
    """The chat format of one tokenizer.

    Args:
        tokenizer: of transformers.
        eos_token_ids: further tokens that end an answer: those of the model's generation config.
    """

    def __init__(self, tokenizer: Any, *, eos_token_ids: int | Sequence[int] | None = None) -> None:
        self._tokenizer = tokenizer
        self._more_ends = [eos_token_ids] if isinstance(eos_token_ids, int) else list(eos_token_ids or ())
        self.controls = ControlTokens(tokenizer)

    def prompt_ids(self, messages: Sequence[MessageLike], *, tools: Sequence[Mapping[str, Any]] = ()) -> list[int]:
        """Render a chat up to where the next answer begins.

        Raises:
            InputError: a chat that the template refuses.
        """
        turns, spelling = self._prepare(messages)
        return self._encode(self._render(turns, tools, opening=True), spelling)[0]

    def encode(self, messages: Sequence[MessageLike], *, tools: Sequence[Mapping[str, Any]] = ()) -> EncodedChat:
        """Encode a conversation that ends with an answer.

        Raises:
            InputError: a conversation that ends with another message or that the template refuses, a slow tokenizer,
                or a tokenizer without any token that could end an answer.
        """
        if not messages or messages[-1].role != "assistant":
            raise InputError("messages: expected a conversation that ends with an answer of the assistant")
        if not self._tokenizer.is_fast:
            raise InputError(
                "tokenizer: expected a fast one, whose tokens know their place in the text; got a slow one"
            )
        turns, spelling = self._prepare(messages)
        # Folding a system message moves the others; answers keep their order.
        places = [place for place, message in enumerate(messages) if message.role == "assistant"]
        answers = [place for place, turn in enumerate(turns) if turn.role == "assistant"]
        before, answer, rest = self._answer(turns, tools)
        whole = before + answer + rest
        spans = []
        for message, place in zip(places, answers, strict=True):
            begin, text, _ = (
                (before, answer, "") if place == len(turns) - 1 else self._answer(turns[: place + 1], tools)
            )
            if whole.startswith(begin + text):
                spans.append((message, len(begin), len(begin + text)))
        ids, offsets, text = self._encode(whole, spelling)
        asked, asked_offsets, _ = self._encode(before, spelling)
        if ids[: len(asked)] != asked:  # a token joins the end of the prompt and the answer: the model is not asked so
            new = self.controls.encode(answer + rest, spelling)
            ids = [*asked, *new.ids]
            offsets = (*asked_offsets, *((first + len(before), last + len(before)) for first, last in new.offsets))
        return EncodedChat(text, tuple(ids), offsets, tuple(_span(offsets, *span) for span in spans))

    @cached_property
    def end_of_turn(self) -> str:
        """The token that ends an answer, as text."""
        return self._end.token

    @cached_property
    def end_ids(self) -> tuple[int, ...]:
        """Every token at which generation stops: end-of-turn tokens, the tokenizer's end token, and those given."""
        found = {
            self.controls.ids[token] for token in (self._end.token, *self._end.others) if token in self.controls.ids
        }
        found |= {self._tokenizer.eos_token_id, *self._more_ends} - {None}
        return tuple(sorted(found))

    @cached_property
    def opens_thinking(self) -> bool:
        """True if the prompt ends with an opened `<think>`, so that an answer begins within a thought."""
        return opens_thought(self._render([_Turn("user", _QUESTION)], opening=True))

    @cached_property
    def folds_system(self) -> bool:
        """True if the template refuses or drops a system message, whose text then goes into the next user message."""
        try:
            return _SYSTEM not in self._render([_Turn("system", _SYSTEM), _Turn("user", _QUESTION)], opening=True)
        except InputError:
            return True

    @cached_property
    def _end(self) -> _End:
        asked = [_Turn("user", _QUESTION), _Turn("assistant", _ANSWER)]
        tail = self._render(asked).rpartition(_ANSWER)[2]
        if found := self.controls.first(tail):
            return _End(tail, found[0], written=True)
        # What tools answer is called `tool` or `observation`.
        begins = [self._beginning(asked, role) for role in ("user", "tool", "observation", "system")]
        if begins[0]:
            return _End(tail, begins[0], written=False, others=tuple({token for token in begins if token}))
        if self._tokenizer.eos_token is None:
            raise InputError(
                "tokenizer: expected an end token (eos_token), or a chat template that ends answers with one of "
                "its own; got neither"
            )
        return _End(tail, str(self._tokenizer.eos_token), written=False)

    def _beginning(self, asked: list[_Turn], role: str) -> str | None:
        """The control token between an answer and a message of a role."""
        try:
            text = self._render([*asked, _Turn(role, _QUESTION)])
        except InputError:
            return None
        between = text.rpartition(_ANSWER)[2].partition(_QUESTION)[0]
        found = self.controls.first(between)
        return found[0] if found else None

    def _answer(self, turns: Sequence[_Turn], tools: Sequence[Mapping[str, Any]]) -> tuple[str, str, str]:
        """The prompt before a last answer, the answer up to its end-of-turn token, and what the template adds."""
        last, end = turns[-1], self._end
        before, after = self._render(turns[:-1], tools, opening=True), self._render(turns, tools)
        opened = opens_thought(before)
        thinking = (last.thinking or "").strip()
        # Where the template drops the thought that its own prompt opens, the answer follows the rest of that prompt.
        asked = before if after.startswith(before) or not opened else _OPENED.sub("", before)
        if after.startswith(asked) and after.endswith(end.tail):
            content = after[len(asked) : len(after) - len(end.tail)]
        elif last.more:
            raise InputError(
                "chat template: it writes a call of a tool in another way than its prompt begins an answer"
            )
        else:
            content = last.content
        if asked != before:
            content = leading_thought(content)[1]
            content = f"{thinking}\n{_CLOSE}{content}" if thinking else f"{_CLOSE}{content}"
        elif thinking and thinking not in content and {"<think>", "</think>"} <= self.controls.ids.keys():
            content = f"<think>\n{thinking}\n{_CLOSE}{content}"
        ending = end.up_to_token
        return before, content + ending, end.tail[len(ending) :] if end.written else ""

    def _prepare(self, messages: Sequence[MessageLike]) -> tuple[list[_Turn], Spelling]:
        """Messages with contents that are data, and how control strings in them are spelled."""
        turns = [_clean(message) for message in messages]
        if any(turn.role == "system" for turn in turns) and self._tokenizer.chat_template and self.folds_system:
            turns = fold_system(turns)
        spelling = self.controls.spelling([text for turn in turns for text in turn.texts])
        hidden = [
            replace(
                turn,
                content=spelling.hide(turn.content),
                thinking=turn.thinking and spelling.hide(turn.thinking),
                more=_each(turn.more, spelling.hide),
            )
            for turn in turns
        ]
        return hidden, spelling

    def _render(self, turns: Sequence[_Turn], tools: Sequence[Mapping[str, Any]] = (), *, opening: bool = False) -> str:
        if not self._tokenizer.chat_template:
            return self._plain(turns, opening=opening)
        messages: list[dict[str, Any]] = []
        for turn in turns:
            thought = turn.thinking
            thoughts = {"reasoning_content": thought, "reasoning": thought, "thinking": thought} if thought else {}
            messages.append({"role": turn.role, "content": turn.content, **thoughts, **turn.more})
        options: dict[str, Any] = {"tools": [dict(tool) for tool in tools]} if tools else {}
        try:
            return str(
                self._tokenizer.apply_chat_template(messages, tokenize=False, add_generation_prompt=opening, **options)
            )
        except Exception as error:  # a template is a program, whose own errors come as any type
            roles = ", ".join(turn.role for turn in turns)
            raise InputError(f"chat template: it refused a chat of {roles}: {error}") from error

    def _plain(self, turns: Sequence[_Turn], *, opening: bool) -> str:
        end = self._tokenizer.eos_token or ""
        lines = [
            f"assistant: {turn.content}{end}" if turn.role == "assistant" else f"{turn.role}: {turn.content}"
            for turn in turns
        ]
        return "\n".join([*lines, "assistant:"] if opening else lines)

    def _encode(self, text: str, spelling: Spelling) -> tuple[list[int], tuple[tuple[int, int], ...], str]:
        coded = self.controls.encode(text, spelling)
        if self._tokenizer.chat_template:  # which writes the token that begins a text itself
            return list(coded.ids), coded.offsets, coded.text
        start = self._text_start
        return [*start, *coded.ids], ((0, 0),) * len(start) + coded.offsets, coded.text

    @cached_property
    def _text_start(self) -> list[int]:
        """The token with which the tokenizer begins every text, if there is one."""
        begin = self._tokenizer.bos_token_id
        ids = self._tokenizer("a", verbose=False)["input_ids"]
        return [begin] if begin is not None and ids[:1] == [begin] else []


def fold_system(messages: Sequence[Any]) -> list[Any]:
    """Put the text of every system message at the top of the next user message.

    Args:
        messages: dataclasses with `role` and `content`.
    """
    folded: list[Any] = []
    waiting: list[str] = []
    for message in messages:
        if message.role == "system":
            waiting.append(message.content)
        elif waiting and message.role == "user":
            folded.append(replace(message, content="\n\n".join([*waiting, message.content])))
            waiting = []
        else:
            folded.append(message)
    if waiting:
        folded.append(replace(messages[0], role="user", content="\n\n".join(waiting)))
    return folded


def _clean(message: MessageLike) -> _Turn:
    content, thinking = repair(message.content), message.thinking
    if message.role == "assistant" and thinking is None:
        thinking, content = leading_thought(content)
    more = {name: value for name in ("tool_calls", "name", "tool_call_id") if (value := getattr(message, name, None))}
    return _Turn(message.role, content, repair(thinking) if thinking else None, _each(more, repair))


def _each(value: Any, change: Callable[[str], str]) -> Any:
    """A JSON value with every string in it changed; keys stay."""
    if isinstance(value, str):
        return change(value)
    if isinstance(value, Mapping):
        return {key: _each(item, change) for key, item in value.items()}
    if isinstance(value, list | tuple):
        return [_each(item, change) for item in value]
    return value


def _strings(value: Any) -> Iterator[str]:
    if isinstance(value, str):
        yield value
    elif isinstance(value, Mapping):
        for item in value.values():
            yield from _strings(item)
    elif isinstance(value, list | tuple):
        for item in value:
            yield from _strings(item)


def _span(offsets: Sequence[tuple[int, int]], message: int, begin: int, end: int) -> AnswerSpan:
    inside = [place for place, (first, last) in enumerate(offsets) if begin <= first < end and last > first]
    return AnswerSpan(message, inside[0], inside[-1] + 1, begin, end)
