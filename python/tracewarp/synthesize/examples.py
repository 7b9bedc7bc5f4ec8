"""One example of training: what the agent was shown at a step, and the answer that it is to give."""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path
from typing import Any, Literal

from pydantic import Field, ValidationError

from tracewarp.errors import RecordError
from tracewarp.trajectory import Step, Trajectory
from tracewarp.trajectory.complaints import complaints
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import LineSource
from tracewarp.trajectory.model import Record
from tracewarp.trajectory.paths import require_regular_file
from tracewarp.trajectory.thoughts import Split, split_thoughts
from tracewarp.trajectory.write import beside, make_folder

Place = Literal["first", "intermediate", "last"]
"""Where in its trajectory a step stands. The step of a one-step trajectory is a first one."""


class Turn(Record):
    """One message of a chat."""

    role: Literal["system", "user", "assistant"]
    content: str
    thinking: str | None = None
    """What was thought before an answer of the assistant."""


class Example(Record):
    """One row of a file of training data (JSONL)."""

    schema_version: Literal[2] = 2
    id: str = Field(min_length=1)
    """Unique in its file: `task/repeat/step` in domain, `generated/number` out of domain."""
    source: Literal["in_domain", "out_of_domain"]
    place: Place
    group: str
    """What must not be torn apart between training and validation: the task."""
    prompt: tuple[Turn, ...]
    """The chat as the agent is asked."""
    completion: str
    """The answer that is learnt."""
    thinking: str | None = None
    """What was thought before it: learnt too, where the chat template renders it."""
    action: str
    """The action in it."""
    objective: str
    page: str
    """The observation's text."""
    address: str = ""
    previous_action: str | None = None
    """As a sentence; None at first."""
    site: str | None = None
    extra: dict[str, Any] = Field(default_factory=dict)


def place_of(index: int, n_steps: int) -> Place:
    """Where step `index` of `n_steps` stands."""
    if index == 0:
        return "first"
    return "last" if index == n_steps - 1 else "intermediate"


def examples_of(trajectory: Trajectory) -> tuple[Example, ...]:
    """Every step of a trajectory that holds prompt, response and action.

    Raises:
        RecordError: no step of it has a recorded prompt, which is what an agent that is no model leaves.
    """
    steps = trajectory.executed_steps
    found = [
        Example(
            id=f"{trajectory.task.id}/{trajectory.repeat}/{index}",
            source="in_domain",
            place=place_of(index, len(steps)),
            group=trajectory.task.id,
            prompt=tuple(Turn(**turn) for turn in prompt),
            completion=said.answer,
            thinking=said.thinking,
            action=step.action,
            objective=trajectory.task.objective,
            page=step.observation.text,
            address=step.observation.url or "",
            previous_action=_sentence(steps[index - 1]) if index else None,
            site=trajectory.task.sites[0] if trajectory.task.sites else None,
        )
        for index, step in enumerate(steps)
        if (prompt := _prompt(step)) and (said := _said(step)) and step.action is not None
    ]
    if steps and not any(_prompt(step) for step in steps):
        raise RecordError(
            f"task {trajectory.task.id}, repeat {trajectory.repeat}: expected steps with prompt and response, as a "
            "model's are recorded; an agent without a model gives no training data"
        )
    return tuple(found)


def _said(step: Step) -> Split | None:
    """Thought and answer of a step; a record of another agent may hold both in its response."""
    if step.response is None:
        return None
    split = split_thoughts(step.response)
    thoughts = [thought for thought in (step.thinking, split.thinking) if thought]
    # Blanks around an answer are the chat template's, which writes them again (GLM-4, Llama-2).
    return Split("\n\n".join(thoughts) or None, split.answer.strip())


def _sentence(step: Step) -> str | None:
    """The action with its element in words, where the runner recorded it."""
    return step.extra.get("sentence") or step.action


def _prompt(step: Step) -> Sequence[dict[str, str]]:
    prompt = step.extra.get("prompt")
    return prompt if isinstance(prompt, list) else ()


def write_examples(path: str | os.PathLike[str], examples: Iterable[Example]) -> int:
    """Write examples, one a line: beside the file first, then renamed.

    Returns:
        How many.
    """
    target = Path(path)
    make_folder(target.parent)
    count = 0
    with beside(target) as file:
        for example in examples:
            file.write(example.model_dump_json(exclude_defaults=False).encode("utf-8") + b"\n")
            count += 1
    return count


def read_examples(path: str | os.PathLike[str]) -> Iterator[Example]:
    """Read examples.

    Raises:
        UnreadableFileError: the file is missing or not a regular file.
        RecordError: a line that is no example; the message names it.
    """
    source = Path(path)
    require_regular_file(source, expected="expected a file of examples")
    for line in LineSource(source):
        if not line.data.strip():
            continue
        try:
            value, _ = parse_json(line.data)
            yield Example.model_validate(_migrated(value))
        except BadJsonError as error:
            raise RecordError(f"{source}, line {line.number}: {error}; expected an example") from None
        except ValidationError as error:
            raise RecordError(f"{source}, line {line.number}: {complaints(error, Example)}") from None


def _migrated(row: Any) -> Any:
    """An example of version 1, which knew no thinking, as one of version 2."""
    return {**row, "schema_version": 2} if isinstance(row, dict) and row.get("schema_version") == 1 else row
