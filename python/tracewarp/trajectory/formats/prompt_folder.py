"""The run folders of the paper's released code: `prompts/<task id>.json`, an object with the score and every prompt.

source  Large Language Models Can Self-Improve at Web Agent Tasks, released code: `results/prompts/<id>.json` holds
        `{score, prompts: [{previous_action, prompt, response, extracted_action}]}`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from tracewarp.errors import RecordError
from tracewarp.trajectory.complaints import complaints
from tracewarp.trajectory.jsontext import parse_json
from tracewarp.trajectory.lines import read_whole
from tracewarp.trajectory.model import Ending, Observation, Outcome, Provenance, Step, Task, Trajectory
from tracewarp.trajectory.names import natural_order
from tracewarp.trajectory.problems import Problem, Report
from tracewarp.trajectory.thoughts import split_thoughts
from tracewarp.trajectory.units import Unit

FORMAT = "paper-prompts"

_HEAD = re.compile(r"OBSERVATION:[^\S\n]*\n")
_MOST_TRIED = 8
"""How many of the last `PREVIOUS ACTION:` may belong to no block before a prompt counts as one without a page."""


@dataclass(frozen=True)
class Block:
    """The parts of a prompt that describe the moment."""

    text: str
    """The page."""
    url: str
    objective: str


def find_prompts(folder: Path) -> list[Path]:
    """The files of a run in `folder`, `folder/prompts` or `folder/results/prompts`, in natural order."""
    for place in (folder / "prompts", folder / "results" / "prompts", folder):
        if place.is_dir() and (place.name == "prompts"):
            found = sorted(place.glob("*.json"), key=lambda path: natural_order(path.name))
            if found:
                return found
    return []


def units(files: list[Path], *, max_bytes: int, report: Report) -> Iterator[Unit]:
    """Give the files one by one."""
    del report
    for file in files:
        yield Unit(str(file), None, partial(_read, file, max_bytes))


def _read(file: Path, max_bytes: int, report: Report) -> Trajectory:
    value, notes = parse_json(read_whole(file, max_bytes=max_bytes))
    trajectory = parse_record(value, task_id=file.stem)
    for note in notes:
        report(Problem(str(file), None, note))
    return trajectory


def last_block(prompt: str) -> Block | None:
    """The last block of OBSERVATION, URL, OBJECTIVE and PREVIOUS ACTION; worked examples stand before it."""
    end = len(prompt)
    for _ in range(_MOST_TRIED):
        previous = prompt.rfind("\nPREVIOUS ACTION:", 0, end)
        if previous < 0:
            return None
        begin = max(prompt.rfind("\nPREVIOUS ACTION:", 0, previous), 0)
        if (found := _block(prompt, begin, previous)) is not None:
            return found
        end = previous + 1
    return None


def _block(prompt: str, begin: int, end: int) -> Block | None:
    objective = prompt.rfind("\nOBJECTIVE:", begin, end)
    url = prompt.rfind("\nURL:", begin, objective) if objective >= 0 else -1
    head = _HEAD.search(prompt, begin, url + 1) if url >= 0 else None
    if head is None:
        return None
    page = prompt[head.end() : url]
    blank = len(page) - len(page.lstrip())
    return Block(
        text=page[page.rfind("\n", 0, blank) + 1 :].rstrip("\n"),
        url=prompt[url + len("\nURL:") : objective].strip(),
        objective=prompt[objective + len("\nOBJECTIVE:") : end].strip(),
    )


def parse_record(value: Any, *, task_id: str) -> Trajectory:
    """Turn one file into a trajectory.

    Args:
        value: the parsed JSON.
        task_id: from the file's name.

    Raises:
        RecordError: no object with a list of prompts, or a prompt without the page.
    """
    prompts = value.get("prompts") if isinstance(value, dict) else None
    if not isinstance(prompts, list) or not all(isinstance(one, dict) for one in prompts):
        raise RecordError("prompts: expected a list of objects with prompt, response and extracted_action")
    objective = ""
    steps = []
    for number, entry in enumerate(prompts):
        page = last_block(_text(entry.get("prompt")))
        if page is None:
            raise RecordError(f"prompts[{number}].prompt: expected OBSERVATION:, URL: and OBJECTIVE: in it, got none")
        objective = objective or page.objective
        steps.append(_step(entry, page))
    score = value.get("score")
    last = steps[-1].action if steps else None
    try:
        return Trajectory(
            task=Task(id=task_id, objective=objective),
            steps=tuple(steps),
            outcome=Outcome(
                score=score,
                ending=Ending.STOP if last is not None and last.startswith("stop") else Ending.UNKNOWN,
            ),
            provenance=Provenance(source=FORMAT),
            extra={key: item for key, item in value.items() if key not in ("score", "prompts")},
        )
    except ValidationError as error:
        raise RecordError(complaints(error, Trajectory)) from None


def _step(entry: Mapping[str, Any], page: Block) -> Step:
    action = entry.get("extracted_action")
    readable = isinstance(action, str) and bool(action.strip()) and action.strip().lower() != "none"
    response = entry.get("response")
    said = split_thoughts(response) if isinstance(response, str) else None
    return Step(
        observation=Observation(text=page.text, url=page.url or None),
        response=None if said is None else said.answer,
        thinking=None if said is None else said.thinking,
        action=str(action).strip() if readable else None,
        valid=None if readable else False,
        extra={"previous_action": entry["previous_action"]} if entry.get("previous_action") else {},
    )


def _text(prompt: Any) -> str:
    """A prompt is one text, or chat messages."""
    if isinstance(prompt, str):
        return prompt
    messages = prompt if isinstance(prompt, list) else []
    return "\n".join(_content(one.get("content")) if isinstance(one, dict) else str(one) for one in messages)


def _content(content: Any) -> str:
    """A message's text, also where it comes in parts."""
    if isinstance(content, list):
        return "\n".join(str(part["text"]) for part in content if isinstance(part, dict) and "text" in part)
    return "" if content is None else str(content)
