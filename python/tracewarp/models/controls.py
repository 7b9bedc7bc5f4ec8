"""Control tokens of a tokenizer: what may come from a chat template only, and is plain text anywhere else.

definition  A control token is an added token of the tokenizer that is special, or that is neither white space nor a
            word (a non-special word counts if the chat template writes it). `<|im_end|>`, `<think>`, `<s>`, `[INST]`
            and `<end_of_turn>` are control tokens where the tokenizer has them; Gemma's runs of blanks and line ends
            are not.
method      `hide` replaces control strings in a content by private-use characters of the same length before the chat
            template sees it. `encode` then tokenizes the rendered text once. If contents held control strings, it uses
            a copy of the tokenizer in which every control token is spelled in private-use characters: the template's
            own control strings are respelled, and those of the contents are left as text that no token matches.
result      ids of the original tokenizer; a text without hidden strings gets exactly the ids that the original gives
limits      a tokenizer without a Rust backend (a slow one) gets U+200B after the first character of a control string
            in a content, since it cannot be told apart in any other way
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any, Final

from tracewarp.errors import InputError
from tracewarp.trajectory.surrogates import repair

_PRIVATE: Final = range(0x100000, 0x10FFFE)
"""Private-use characters of plane 16, which pages hardly ever contain; those that a content contains are not used."""
_ANY_PRIVATE: Final = re.compile("[\U00100000-\U0010fffd]")
_MAX_COPIES: Final = 2
"""Copies of a tokenizer, of up to 100 MB each, that are kept."""
_ALSO_HIDDEN: Final = ("<think>", "</think>")
"""Templates cut contents at these, whether or not they are tokens."""
_BLANKS: Final = " \t\n\r\u2581\u0120\u010a"
_ZERO_WIDTH_SPACE: Final = "\u200b"


@dataclass(frozen=True, slots=True)
class Tokens:
    """A tokenized text."""

    text: str
    """What was tokenized, with every control string as it is spelled."""
    ids: tuple[int, ...]
    offsets: tuple[tuple[int, int], ...]
    """First and last character (exclusive) of each token; empty for a slow tokenizer."""


class Spelling:
    """Private-use spellings of protected strings.

    Args:
        strings: the protected strings.
        own: matches those of them that are control tokens.
        contents: texts whose characters are not used.
    """

    def __init__(self, strings: tuple[str, ...], own: re.Pattern[str], contents: Iterable[str] = ()) -> None:
        used = {ord(character) for content in contents for character in content}
        free = (chr(point) for point in _PRIVATE if point not in used)
        self.private = {string: character * len(string) for string, character in zip(strings, free, strict=False)}
        """Protected string -> its spelling, of the same length."""
        if len(self.private) < len(strings):
            raise InputError("contents: expected text, got one that contains nearly every private-use character")
        self._original = {hidden: string for string, hidden in self.private.items()}
        self._open, self.hidden = _any_of(self.private), _any_of(self._original)
        self._both = re.compile(f"{own.pattern}|{self.hidden.pattern}")
        self.key = "".join(hidden[0] for hidden in self._original)
        """The characters in use."""

    def hide(self, content: str) -> str:
        """Spell every protected string of a content in private-use characters."""
        return self._open.sub(lambda found: self.private[found[0]], content)

    def reveal(self, text: str) -> str:
        """Undo `hide`."""
        return self.hidden.sub(lambda found: self._original[found[0]], text)

    def swap(self, text: str) -> str:
        """Spell the control strings that the template wrote in private-use characters, and reveal the hidden ones."""
        return self._both.sub(lambda found: self._original.get(found[0]) or self.private[found[0]], text)


class ControlTokens:
    """The control tokens of one tokenizer.

    Args:
        tokenizer: of transformers.
    """

    def __init__(self, tokenizer: Any) -> None:
        self._tokenizer = tokenizer
        self.ids: dict[str, int] = {
            token.content: place
            for place, token in tokenizer.added_tokens_decoder.items()
            if _is_control(token, str(tokenizer.chat_template or ""))
        }
        """Control string -> id."""
        self._own = _any_of(self.ids)
        self._protected = tuple(dict.fromkeys([*self.ids, *_ALSO_HIDDEN]))
        self._usual = Spelling(self._protected, self._own)
        unknown = tokenizer.unk_token_id
        self._counted = frozenset(place for place in self.ids.values() if place != unknown)
        self._copies: dict[str, tuple[Any, dict[int, int]]] = {}

    def spelling(self, contents: Sequence[str]) -> Spelling:
        """The spelling that fits contents, which must be free of lone surrogates."""
        if any(_ANY_PRIVATE.search(content) for content in contents):
            return Spelling(self._protected, self._own, contents)
        return self._usual

    def first(self, text: str) -> re.Match[str] | None:
        """The first control string in a text."""
        return self._own.search(text)

    def encode(self, text: str, spelling: Spelling) -> Tokens:
        """Tokenize a rendered text once, without adding anything to it.

        Args:
            text: control strings that stand open become control tokens; hidden ones (see `Spelling.hide`) are text.
            spelling: with which contents were hidden.
        """
        revealed = spelling.reveal(text)
        if not self._tokenizer.is_fast:
            text = spelling.hidden.sub(lambda found: _broken(spelling.reveal(found[0])), text)
            return Tokens(
                revealed, tuple(self._tokenizer(text, add_special_tokens=False, verbose=False)["input_ids"]), ()
            )
        if revealed == text:
            coded = self._tokenizer(text, add_special_tokens=False, return_offsets_mapping=True, verbose=False)
            expected = sum(self.ids[found[0]] in self._counted for found in self._own.finditer(text))
            # A normalizer or the model of the tokenizer may make control tokens out of other text.
            if sum(place in self._counted for place in coded["input_ids"]) == expected:
                return Tokens(revealed, tuple(coded["input_ids"]), tuple(coded["offset_mapping"]))
        backend, original = self._copy(spelling)
        encoding = backend.encode(spelling.swap(text), add_special_tokens=False)
        return Tokens(revealed, tuple(original.get(place, place) for place in encoding.ids), tuple(encoding.offsets))

    def encode_plain(self, text: str) -> Tokens:
        """Tokenize a text in which nothing is a control token, such as a page."""
        text = repair(text)
        spelling = self.spelling([text])
        return self.encode(spelling.hide(text), spelling)

    def _copy(self, spelling: Spelling) -> tuple[Any, dict[int, int]]:
        """The tokenizer with control tokens in another spelling, and ids of the copy -> ids of the original."""
        if spelling.key not in self._copies:
            if len(self._copies) == _MAX_COPIES:
                self._copies.pop(next(iter(self._copies)))
            private = {string: spelling.private[string] for string in self.ids}
            self._copies[spelling.key] = _respelled(self._tokenizer.backend_tokenizer, private)
        return self._copies[spelling.key]


def _is_control(token: Any, template: str) -> bool:
    if token.special:
        return True
    word = token.content.strip(_BLANKS)
    return bool(word) and (not word.isalnum() or token.content in template)


def _any_of(strings: Iterable[str]) -> re.Pattern[str]:
    """Matches the longest of some strings; nothing where there are none."""
    longest = sorted(strings, key=len, reverse=True)
    return re.compile("|".join(map(re.escape, longest)) or r"(?!)")


def _broken(string: str) -> str:
    return string[0] + _ZERO_WIDTH_SPACE + string[1:]


def _respelled(old: Any, private: dict[str, str]) -> tuple[Any, dict[int, int]]:
    from tokenizers import Tokenizer

    state = json.loads(old.to_str())
    state["truncation"] = state["padding"] = None
    for token in state["added_tokens"]:
        token["content"] = private.get(token["content"], token["content"])
    model = state["model"]
    vocabulary = model["vocab"]
    if isinstance(vocabulary, dict):
        model["vocab"] = {private.get(piece, piece): place for piece, place in vocabulary.items()}
    else:  # Unigram: pieces with their scores
        model["vocab"] = [[private.get(piece, piece), score] for piece, score in vocabulary]
    if "merges" in model:
        pairs = [tuple(merge.split(" ")) if isinstance(merge, str) else tuple(merge) for merge in model["merges"]]
        # Without these, no run of ordinary characters grows into a control token.
        model["merges"] = [pair for pair in pairs if not {*pair, "".join(pair)} & private.keys()]
    if isinstance(model.get("unk_token"), str):
        model["unk_token"] = private.get(model["unk_token"], model["unk_token"])
    copy = Tokenizer.from_str(json.dumps(state))
    ids: dict[Any, int] = {}
    for token in old.get_added_tokens_decoder().values():
        ids[copy.token_to_id(private.get(token.content, token.content))] = old.token_to_id(token.content)
    return copy, ids
