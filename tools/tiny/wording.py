"""Moments into the texts that a model sees and says: the same prompt and answer as everywhere in the package."""

from __future__ import annotations

import gzip
import json
import re
from pathlib import Path
from typing import Any

from tracewarp.collect.prompts import Situation, render_answer, render_prompt
from tracewarp.collect.prompts.rendering import OPENING

TEMPLATE = "web-cot/1-bare"
DONE = "Done"
"""The answer where none is asked for: the paper's filter takes an empty one for a refusal."""
_LINE_ID = re.compile(r"^(\t*)\[(\d+)\]", re.MULTILINE)
_SENTENCE_ID = re.compile(r"(^click |^type |where )\[(\d+)\]")


def read_rows(path: Path) -> list[dict[str, Any]]:
    """The moments of a file."""
    with gzip.open(path, "rt", encoding="utf-8") as file:
        return [json.loads(line) for line in file]


def prompt_text(row: dict[str, Any], move: int = 0) -> str:
    """What is seen, with all ids moved by as many places as if other pages had been seen before."""
    page, previous = row["page"], row["previous"]
    if move:
        page = _LINE_ID.sub(lambda m: f"{m[1]}[{int(m[2]) + move}]", page)
        previous = previous and _SENTENCE_ID.sub(lambda m: f"{m[1]}[{int(m[2]) + move}]", previous)
    situation = Situation(row["objective"], page, row["address"], previous, row["error"])
    return render_prompt(situation, grammar="", template=TEMPLATE)[0].content


def answer_text(answer: dict[str, Any], move: int = 0) -> str:
    """What is said: the thought names the element and its id before the action does."""
    verb, place, text = answer["verb"], answer["id"] + move, answer["text"]
    if verb == "mumble":
        return f"{OPENING} I am not sure what to do here."
    if verb == "stop":
        thought = "This is impossible." if text == "N/A" else f"The answer is {text}." if text else "All is done."
        return render_answer(thought, f"stop [{text or DONE}]")
    element = f"{answer['role']} {answer['name']!r} [{place}]."
    if verb == "type":
        return render_answer(f"I type {text} into {element}", f"type [{place}] [{text}] [{answer['enter']}]")
    return render_answer(f"I click {element}", f"click [{place}]")
