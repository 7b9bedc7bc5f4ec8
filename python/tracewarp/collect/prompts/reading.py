"""What a model answered, taken apart: the thought, the explanation, and the action between backticks."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tracewarp.collect.prompts.rendering import CLOSING
from tracewarp.trajectory.actions import STANDARD_VERBS, action_verb
from tracewarp.trajectory.thoughts import split_thoughts

_FENCE: Final = "```"
_SINGLE: Final = re.compile(r"`([^`\n]+)`")
_TAG_LINE: Final = re.compile(r"[^\S\n]*([^\W\d_][\w+#.-]*)[^\S\n]*\r?\n")
_TAG_WORD: Final = re.compile(r"\s*([^\W\d_][\w+#.-]*)[^\S\n]+(?=\S)")
_BARE: Final = frozenset(
    {"close_tab", "go_back", "go_forward", "new_tab", "noop", "scroll down", "scroll up", "tab_close"}
)
"""Whole actions without brackets. `stop` is one only where it is announced: elsewhere it may be a word of the page."""


@dataclass(frozen=True, slots=True)
class Answer:
    """One answer."""

    text: str
    """The whole answer, without thoughts."""
    action: str | None
    """None: there is no span in backticks, or an empty one."""
    reasoning: str
    """What stands before the action, without the sentence that announces it."""
    thinking: str | None = None
    """What was thought before the answer, where thoughts stood in the text."""


def read_answer(text: str) -> Answer:
    """Read an answer: the action is the first span in triple backticks, else an action in single ones.

    Thoughts are taken out first (see `tracewarp.trajectory.thoughts`), so that nothing in a thought is an action. A
    name of a language after the opening backticks is not part of the action. Single backticks also mark ids and labels,
    so a span in them is an action only if a known verb stands in it; spans after the announcing sentence come first.

    Source: WebArena's parser takes the first triple span; models that write single backticks are understood too.
    """
    split = split_thoughts(text)
    answer = split.answer
    begin = answer.find(_FENCE)
    end = answer.find(_FENCE, begin + len(_FENCE)) if begin >= 0 else -1
    if end >= 0:
        action = _without_language(answer[begin + len(_FENCE) : end]).strip().strip("`").strip()
    elif found := _single(answer):
        begin, action = found.start(), found[1].strip()
    else:
        return Answer(answer, None, answer.strip(), split.thinking)
    before = answer[:begin].rstrip().removesuffix(":").rstrip()
    return Answer(answer, action or None, before.removesuffix(CLOSING).strip(), split.thinking)


def _without_language(span: str) -> str:
    """Drop the tag of a code block: the word that ends its first line, or that stands before a known verb."""
    tag = _TAG_LINE.match(span)
    if tag and span[tag.end() :].strip() and tag[1].lower() not in STANDARD_VERBS:
        return span[tag.end() :]
    tag = _TAG_WORD.match(span)
    if tag and tag[1].lower() not in STANDARD_VERBS and action_verb(span[tag.end() :]) in STANDARD_VERBS:
        return span[tag.end() :]
    return span


def _single(answer: str) -> re.Match[str] | None:
    announced = answer.rfind(CLOSING)
    for start in (announced, 0) if announced >= 0 else (0,):
        spans = list(_SINGLE.finditer(answer, start))
        for span in spans:
            if ("[" in span[1] or "(" in span[1]) and action_verb(span[1]) in STANDARD_VERBS:
                return span
        for span in spans:
            bare = " ".join(span[1].lower().split())
            if bare in _BARE or (bare == "stop" and start == announced):
                return span
    return None
