"""The tiny agent's tokenizer: names and fixed phrases of arena's small pages are single tokens, all else falls apart.

Greedy longest match over a list of phrases, names, words and numbers; what is in none of them falls back to bytes, so
that every text comes back exactly. An element's name is one token wherever it stands, so that pointing at it is
comparing one token, and its id is one token that stands two tokens before.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterable
from pathlib import Path
from typing import Any, Final

from demonstrations import LINE

from tracewarp.collect.prompts.rendering import CLOSING, OPENING

IDS: Final = 400
"""Numbers below this are one token."""
ANSWER: Final = "<|answer|>"
END: Final = "<|end|>"
PAD: Final = "<|pad|>"
CHAT_TEMPLATE: Final = (
    "{% for message in messages %}{% if message.role == 'assistant' %}"
    + ANSWER
    + "{{ message.content }}"
    + END
    + "{% else %}{{ message.content }}{% endif %}{% endfor %}{% if add_generation_prompt %}"
    + ANSWER
    + "{% endif %}"
)
_JOINT = r"['\"][^'\"\n]*\n\t*\[?"
"""From the end of a name to the bracket of the next line."""
_ROLE = r"\] [A-Za-z]+ ['\"]"
_CUTS = f"{_JOINT}|{_ROLE}"
_COMPOSED = re.compile(
    r"[|“”\n]|^(Results for|Quantity of|Remove|Order \d|Near|Reviews of|History of|Talk:|Like) |^\d+ [a-z]"
)
PHRASES: Final = (
    f"{OPENING} ", f"{OPENING} I click ", f"{OPENING} I type ", f"{OPENING} The answer is ", f"{OPENING} All is done.",
    f"{OPENING} This is impossible.", f"{OPENING} I am not sure what to do here.",
    f" {CLOSING} ```", f". {CLOSING} ```", f"]. {CLOSING} ```",
    "' [", '" [', " into ", "click [", "type [", "stop [", "stop [Done]", "]```", "] [", "] [1]```", "] [0]```", "```",
    "OBJECTIVE: ", "\nPAGE:\n", "\nPAGE:\nTab 0 (current): ", "ADDRESS: ", "ADDRESS: http://", ".arena.test/",
    *(f"ADDRESS: http://{site}.arena.test/" for site in ("home", "shop", "admin", "forum", "code", "wiki", "places")),
    "\nPREVIOUS ACTION: ", "\nPREVIOUS ACTION: None", "\nPREVIOUS ACTION: click [", "\nPREVIOUS ACTION: type [",
    "] where [", "] [1] where [", "] [0] where [", "] is ", "\nREFUSED BECAUSE: ", "\n\n[",
    ", ", ". ", " ", "] ", "|", "“", "”", "?q=", "?page=",
)  # fmt: skip


def vocabulary(texts: Iterable[str], typed: Iterable[str]) -> list[str]:
    """The tokens, as plain text, without the single bytes.

    Args:
        texts: prompts.
        typed: what the demonstrator types and answers.
    """
    joints, roles, names, values, words = Counter[str](), Counter[str](), Counter[str](), Counter[str](), Counter[str]()
    for text in texts:
        joints.update(re.findall(_JOINT, text))
        roles.update(re.findall(_ROLE, text))
        for found in LINE.finditer(text):
            name = found[3] or found[4] or ""
            (values if found[2] in {"StaticText", "heading", "definition"} else names)[name] += 1
        names.update(re.findall(r"“([^”\n]{2,40})”", text))
        words.update(re.findall(r"[^\W\d_]+ ?|[\d.,:]+", text))
        values.update(re.findall(r" \| [A-Z][^|\n'\"]{2,30}(?=['\"\n])", text))
    names.update(word for word in typed if len(word) < 41)
    kept = {
        name
        for name, n in names.items()
        if n > 7 and name.strip() == name and 1 < len(name) < 41 and not _COMPOSED.search(name)
    }
    kept |= {
        v
        for v, n in values.items()
        if n > 15 and len(v) < 26 and v.count(" ") < 3 and v.strip() == v and not _COMPOSED.search(v)
    }
    kept |= {v for v, n in values.items() if v.startswith(" | ") and n > 5}
    plain = {word for word, n in words.items() if n > 19 and (not word.endswith(" ") or word[:-1] not in kept)}
    lines = {joint for joint, n in joints.items() if n > 19} | {"'\n" + "\t" * depth + "[" for depth in range(6)}
    roles_as_words = {role[2:] for role in roles}
    found = kept | plain | lines | set(roles) | roles_as_words | set(PHRASES) | {str(n) for n in range(IDS)}
    return sorted(token for token in found if len(token) > 1)


def save(tokens: list[str], folder: Path) -> Any:
    """Save the tokenizer as transformers loads it."""
    from tokenizers import Regex, Tokenizer, decoders, models, pre_tokenizers
    from transformers import PreTrainedTokenizerFast

    spell = pre_tokenizers.ByteLevel(add_prefix_space=False, use_regex=False)
    special = [PAD, END, ANSWER]
    written = [spell.pre_tokenize_str(token)[0][0] for token in tokens]
    every = [*special, *sorted(pre_tokenizers.ByteLevel.alphabet()), *written]
    table = {token: place for place, token in enumerate(dict.fromkeys(every))}
    # Nothing is ever unknown, since every byte is a token.
    tokenizer = Tokenizer(
        models.WordPiece(vocab=table, unk_token=PAD, continuing_subword_prefix="", max_input_chars_per_word=100_000)
    )
    tokenizer.pre_tokenizer = pre_tokenizers.Sequence([pre_tokenizers.Split(Regex(_CUTS), "isolated"), spell])
    tokenizer.decoder = decoders.ByteLevel()
    fast = PreTrainedTokenizerFast(
        tokenizer_object=tokenizer, eos_token=END, pad_token=PAD, additional_special_tokens=[ANSWER],
        clean_up_tokenization_spaces=False,
    )  # fmt: skip
    fast.chat_template = CHAT_TEMPLATE
    fast.save_pretrained(folder)
    return fast
