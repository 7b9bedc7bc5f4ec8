"""ATIF, the Agent Trajectory Interchange Format, version 1: read, and written as v1.7.

definition  A document is one episode: `steps` in order, each by `user`, `system` or `agent`. An observation stands with
            the step that led to it, so that ours is the one that stands before an agent's step. A tool call becomes an
            action `name(argument=JSON, ...)`; an agent's step without one is `send_msg_to_user('...')`.
            What we write holds our whole record under `extra`, and is read back as it was.
source      Harbor, RFC 0001 (trajectory format).
differs     Subagents' trajectories and pictures are left out, with a complaint.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path
from typing import Any
from urllib.parse import quote

from pydantic import ValidationError

from tracewarp.errors import DuplicateKeyError, RecordError, UnreadableFileError
from tracewarp.trajectory.actions import action_verb
from tracewarp.trajectory.complaints import MAX_FAULTS, complaints, shown_value
from tracewarp.trajectory.formats.own import step_from_version_1
from tracewarp.trajectory.formats.tool_calls import call_text
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.lines import read_whole
from tracewarp.trajectory.model import SCHEMA_VERSION, Ending, Observation, Outcome, Provenance, Step, Task, Trajectory
from tracewarp.trajectory.names import task_id_of
from tracewarp.trajectory.problems import Problem, Report, shown_name
from tracewarp.trajectory.thoughts import split_thoughts
from tracewarp.trajectory.units import Unit
from tracewarp.trajectory.write import beside, make_folder

FORMAT = "atif"
VERSION = "ATIF-v1.7"
"""What is written."""
OURS = "tracewarp"
"""Key under `extra` for what ATIF has no field for."""

Complain = Callable[[str], None]
"""Takes one sentence about something in this record that was left out."""

_SOURCES = ("user", "system", "agent")
_PARTS_OF_STEP = {"observation", "response", "thinking", "action"}


def is_atif(value: Any) -> bool:
    """True for a document of ATIF; a value with `task` is a record of ours with a wrong version."""
    version = value.get("schema_version") if isinstance(value, Mapping) else None
    return isinstance(version, str) and version.startswith("ATIF-") and "task" not in value


def to_atif(trajectory: Trajectory) -> dict[str, Any]:
    """One episode as a document, plain JSON."""
    who = trajectory.provenance
    steps: list[dict[str, Any]] = [{"source": "user", "message": trajectory.task.objective}]
    if trajectory.steps:
        seen = {"results": [_result(trajectory.steps[0].observation)]}
        steps.append({"source": "system", "message": "", "observation": seen})
    tokens = [_tokens(step) for step in trajectory.steps]
    for number, step in enumerate(trajectory.steps):
        after = trajectory.steps[number + 1].observation if number + 1 < len(trajectory.steps) else None
        steps.append(_agent_step(step, after, f"call_{number + 1}"))
    totals = {
        f"total_{name}": sum(found)
        for name in ("prompt_tokens", "completion_tokens")
        if (found := [one[name] for one in tokens if name in one])
    }
    model = {"model_name": who.model} if who.model is not None else {}
    whole = trajectory.model_dump(mode="json", exclude={"steps"})
    return {
        "schema_version": VERSION,
        "session_id": f"{trajectory.task.id}.{trajectory.repeat}",
        "agent": {"name": who.agent or "unknown", "version": str(who.extra.get("version", "unknown")), **model},
        "steps": [{"step_id": number, **step} for number, step in enumerate(steps, start=1)],
        "final_metrics": {**totals, "total_steps": len(steps)},
        "extra": {OURS: whole},
    }


def write_atif(folder: str | Path, trajectories: Iterable[Trajectory]) -> int:
    """Write one document an episode into a folder, `<task id>.<repeat>.json`.

    Args:
        folder: made where it is missing.
        trajectories: consumed one by one.

    Returns:
        The number of files written.

    Raises:
        DuplicateKeyError: a (task, repeat) comes again.
        RecordError: something under an `extra` that JSON cannot hold.
        FileError: the system refuses to write.
    """
    folder = Path(folder)
    make_folder(folder)
    written: set[str] = set()
    for trajectory in trajectories:
        name = f"{quote(trajectory.task.id, safe=' ')}.{trajectory.repeat}.json"
        if name in written:
            raise DuplicateKeyError(f"trajectories: {name.removesuffix('.json')} comes twice; each has one file")
        try:
            data = json.dumps(to_atif(trajectory), indent=1, ensure_ascii=False, allow_nan=False).encode()
        except (ValueError, TypeError) as error:
            raise RecordError(f"{shown_name(trajectory.task.id)}: cannot be written as JSON ({error})") from None
        with beside(folder / name) as file:
            file.write(data + b"\n")
        written.add(name)
    return len(written)


class Attempts:
    """Numbers the episodes that have the same task id, in the order in which they come; for foreign documents."""

    def __init__(self) -> None:
        self._seen: Counter[str] = Counter()

    def number(self, trajectory: Trajectory) -> Trajectory:
        """The episode as the next attempt at its task; one of ours has its own number."""
        if trajectory.provenance.source != FORMAT:
            return trajectory
        attempt = self._seen[trajectory.task.id]
        self._seen[trajectory.task.id] += 1
        return trajectory.model_copy(update={"repeat": attempt}) if attempt else trajectory


def units(files: list[Path], *, max_bytes: int, report: Report) -> Iterator[Unit]:
    """Give the documents one by one, for files of one document each. Other JSON files are reported and left out."""
    attempts = Attempts()
    continuations: set[Path] = set()
    # A continuation is read with the document that names it, which therefore comes first.
    for file in sorted(files, key=lambda file: _CONTINUATION.search(file.name) is not None):
        if file in continuations:
            continue
        try:
            value, notes = parse_json(read_whole(file, max_bytes=max_bytes))
            foreign = not is_atif(value)
        except (BadJsonError, UnreadableFileError):
            value, notes, foreign = None, [], False  # told by the unit
        if foreign:
            report(Problem(str(file), None, "not a document of ATIF; the file is left out", notice=True))
            continue

        def read(to: Report, file: Path = file, value: Any = value, notes: list[str] = notes) -> Trajectory:
            if value is None:
                value, notes = parse_json(read_whole(file, max_bytes=max_bytes))

            def complain(message: str) -> None:
                to(Problem(str(file), None, message))

            whole = with_continuations(value, file, used=continuations, max_bytes=max_bytes, complain=complain)
            trajectory = attempts.number(parse_record(whole, complain=complain, name=_stem(file)))
            for note in notes:
                complain(note)
            return trajectory

        yield Unit(str(file), None, read)


def with_continuations(
    value: Mapping[str, Any], file: Path, *, used: set[Path], max_bytes: int, complain: Complain
) -> Mapping[str, Any]:
    """The document with the steps of the files beside it that continue it; files that were read go to `used`."""
    whole, current = value, value
    while (name := current.get("continued_trajectory_ref")) is not None:
        following = file.parent / Path(str(name)).name
        try:
            if following == file or following in used:
                raise RecordError("it was read already")
            current, _ = parse_json(read_whole(following, max_bytes=max_bytes))
            steps, more = whole.get("steps"), current.get("steps") if is_atif(current) else None
            if not isinstance(steps, list) or not isinstance(more, list):
                raise RecordError("not a document of ATIF")
        except (BadJsonError, RecordError, UnreadableFileError) as error:
            reason = str(error).removeprefix(f"{following}: ")
            complain(f"continued in {shown_name(str(name))}, which is left out ({reason})")
            break
        used.add(following)
        new = [step for step in more if not (isinstance(step, dict) and step.get("is_copied_context") is True)]
        whole = {**whole, "steps": [*steps, *new]}
    return whole


_CONTINUATION = re.compile(r"\.cont-[0-9]{1,6}\.json")


def _stem(file: Path) -> str:
    name = file.name
    for suffix in (".gz", ".zst", ".json"):
        name = name.removesuffix(suffix)
    return name or file.name


def parse_record(
    value: Mapping[str, Any], *, complain: Complain, name: str | None = None, task: str | None = None
) -> Trajectory:
    """Turn one document into a trajectory.

    Args:
        value: the parsed document.
        complain: called for each thing that is left out.
        name: of the episode where the document has none, e.g. its file's.
        task: the task's id, whatever the document says; None: the document's own.

    Raises:
        RecordError: another version, or fields that are missing or not of their kind; the message tells all of them.
    """
    version = str(value.get("schema_version"))
    if not version.startswith("ATIF-v1."):
        raise RecordError(f"schema_version: expected ATIF-v1.x, got {shown_name(version)}")
    faults = list(_faults(value))
    if faults:
        more = f"; and {len(faults) - MAX_FAULTS} more faults" if len(faults) > MAX_FAULTS else ""
        raise RecordError("; ".join(faults[:MAX_FAULTS]) + more)
    steps: list[dict[str, Any]] = value["steps"]
    if subagents := value.get("subagent_trajectories"):
        complain(f"{len(subagents)} trajectories of subagents are left out")
    ours = _ours(value)
    agent: Mapping[str, Any] = value.get("agent") or {}
    try:
        if ours:
            return Trajectory.model_validate(
                {**ours, "schema_version": SCHEMA_VERSION, "steps": _steps(steps, complain)}
            )
        key = task or str(value.get("trajectory_id") or value.get("session_id") or name or "").strip()
        found = _steps(steps, complain)
        return Trajectory(
            task=Task(id=task_id_of(key), objective=_objective(steps, complain)),
            steps=found,
            outcome=Outcome(
                ending=_ending(found),
                extra={"final_metrics": metrics} if (metrics := value.get("final_metrics")) else {},
            ),
            provenance=Provenance(
                source=FORMAT,
                agent=_text_or_none(agent.get("name")),
                model=_text_or_none(agent.get("model_name")),
                started_at=next((one["timestamp"] for one in steps if isinstance(one.get("timestamp"), str)), None),
                extra={"version": agent.get("version"), "schema_version": version},
            ),
            extra=value.get("extra") or {},
        )
    except ValidationError as error:
        raise RecordError(complaints(error, Trajectory)) from None


def _ending(steps: tuple[Step, ...]) -> Ending:
    """ATIF does not say why an episode ended; an answer to the user as the last action is a stop."""
    last = steps[-1].action if steps and steps[-1].executed else None
    return Ending.STOP if action_verb(last) in ("stop", "send_msg_to_user", "report_infeasible") else Ending.UNKNOWN


def _faults(value: Mapping[str, Any]) -> Iterator[str]:
    """What is not of its kind, each with its place."""
    yield from _unless_objects(value.get("subagent_trajectories"), "subagent_trajectories")
    yield from _unless(value, "agent", "", dict, "an object")
    yield from _unless(value, "extra", "", dict, "an object")
    steps = value.get("steps")
    if not isinstance(steps, list):
        yield f"steps: expected a list of objects, got {shown_value(steps)}"
        return
    for number, step in enumerate(steps):
        where = f"steps[{number}]"
        if not isinstance(step, dict):
            yield f"{where}: expected an object, got {shown_value(step)}"
            continue
        if step.get("source") not in _SOURCES:  # a step of nobody known would be lost
            yield f"{where}.source: expected user, system or agent, got {shown_value(step.get('source'))}"
        yield from _unless(step, "message", where, (str, list), "a text or a list of parts")
        yield from _unless(step, "extra", where, dict, "an object")
        yield from _unless(step, "observation", where, dict, "an object with results")
        yield from _unless_objects(step.get("tool_calls"), f"{where}.tool_calls")
        calls = step.get("tool_calls")
        for place, call in enumerate(calls if isinstance(calls, list) else ()):
            if isinstance(call, dict) and not isinstance(_function(call).get("name"), str):
                came = shown_value(_function(call).get("name"))
                yield f"{where}.tool_calls[{place}].function_name: expected a text, got {came}"
        seen = step.get("observation")
        results = seen.get("results") if isinstance(seen, dict) else None
        yield from _unless_objects(results, f"{where}.observation.results")
        for place, result in enumerate(results if isinstance(results, list) else ()):
            if isinstance(result, dict):
                inner = f"{where}.observation.results[{place}]"
                yield from _unless(result, "content", inner, (str, list), "a text or a list of parts")
                yield from _unless(result, "extra", inner, dict, "an object")


def _unless(holder: Mapping[str, Any], key: str, where: str, kind: Any, expected: str) -> Iterator[str]:
    value = holder.get(key)
    if value is not None and not isinstance(value, kind):
        yield f"{where}{'.' if where else ''}{key}: expected {expected}, got {shown_value(value)}"


def _unless_objects(value: Any, where: str) -> Iterator[str]:
    if value is None:
        return
    if not isinstance(value, list):
        yield f"{where}: expected a list of objects, got {shown_value(value)}"
        return
    for number, item in enumerate(value):
        if not isinstance(item, dict):
            yield f"{where}[{number}]: expected an object, got {shown_value(item)}"


def _agent_step(step: Step, after: Observation | None, call: str) -> dict[str, Any]:
    written: dict[str, Any] = {"source": "agent", "message": step.response or ""}
    if step.thinking is not None:
        written["reasoning_content"] = step.thinking
    if step.action is not None:
        arguments = {"action": step.action}
        written["tool_calls"] = [
            {"tool_call_id": call, "function_name": action_verb(step.action) or "action", "arguments": arguments}
        ]
    if after is not None:
        source = {"source_call_id": call} if step.action is not None else {}
        written["observation"] = {"results": [{**source, **_result(after)}]}
    if tokens := _tokens(step):
        written["metrics"] = tokens
    rest = step.model_dump(mode="json", exclude=_PARTS_OF_STEP)
    return {**written, "extra": {OURS: {**rest, "answered": step.response is not None}}}


def _result(seen: Observation) -> dict[str, Any]:
    return {"content": seen.text, "extra": {OURS: seen.model_dump(mode="json", exclude={"text"})}}


def _tokens(step: Step) -> dict[str, int]:
    tokens = step.extra.get("tokens")
    if not isinstance(tokens, Mapping):
        return {}
    counts = {f"{name}_tokens": tokens.get(name) for name in ("prompt", "completion")}
    return {name: count for name, count in counts.items() if isinstance(count, int)}


def _steps(steps: list[dict[str, Any]], complain: Complain) -> tuple[Step, ...]:
    found: list[Step] = []
    seen = Observation(text="")
    for number, step in enumerate(steps):
        after = _observation(step, complain)
        if step.get("source") == "agent":
            if _without_model(step):
                seen = _dispatched(step, after, complain) or seen
                continue
            found.append(_step(step, seen, f"steps[{number}]", complain))
        seen = after or seen
    return tuple(found)


def _without_model(step: Mapping[str, Any]) -> bool:
    """Did the agent's program act without a model? `llm_call_count` says it, or there is but an observation."""
    if _ours(step):
        return False
    calls = step.get("llm_call_count")
    if calls is not None:
        return not isinstance(calls, bool) and calls == 0
    said = any(step.get(name) for name in ("message", "reasoning_content", "tool_calls", "metrics"))
    return not said and bool((step.get("observation") or {}).get("results"))


def _dispatched(step: Mapping[str, Any], after: Observation | None, complain: Complain) -> Observation | None:
    """What is seen after a step without a model call; a message of the agent's program is part of it."""
    message = _message(step.get("message"), complain)
    calls = [_call(call) for call in step.get("tool_calls") or ()]
    if after is None and not message:
        return None
    after = after or Observation(text=message)
    extra = {"calls_without_model": calls} if calls else {}
    if message and message != after.text:
        extra["message_without_model"] = [message]
    return after.model_copy(update={"extra": {**after.extra, **extra}})


def _step(step: Mapping[str, Any], seen: Observation, where: str, complain: Complain) -> Step:
    message = _message(step.get("message"), complain)
    calls: list[Mapping[str, Any]] = step.get("tool_calls") or []
    thinking = _text_or_none(step.get("reasoning_content"))
    ours = dict(_ours(step) or {})
    if ours:
        answered = ours.pop("answered", True)
        known: dict[str, Any] = {"observation": seen, "response": message if answered else None}
        if "reasoning" in ours:
            known["thinking"] = thinking
        else:  # version 1 of the record kept the reasoning where version 2 keeps the thinking
            ours = {**step_from_version_1(ours), "reasoning": thinking}
        return Step.model_validate({**ours, **known, "action": _own_action(calls, where)})
    split = split_thoughts(message)
    thoughts = [thought for thought in (thinking, split.thinking) if thought]
    said = f"send_msg_to_user({split.answer!r})" if split.answer else None
    extra = {key: step[key] for key in ("metrics", "model_name", "timestamp") if step.get(key) is not None}
    return Step(
        observation=seen,
        response=split.answer or None,
        thinking="\n\n".join(thoughts) or None,
        action="\n".join(map(_call, calls)) if calls else said,
        executed=not step.get("is_copied_context"),
        extra=extra | (step.get("extra") or {}),
    )


def _own_action(calls: list[Mapping[str, Any]], where: str) -> str | None:
    if not calls:
        return None
    arguments = calls[0].get("arguments")
    action = arguments.get("action") if isinstance(arguments, dict) else None
    if not isinstance(action, str):
        raise RecordError(f"{where}.tool_calls[0].arguments.action: expected a text, got {shown_value(action)}")
    return action


def _function(call: Mapping[str, Any]) -> Mapping[str, Any]:
    """Name and arguments of a call, also where it has the form of a chat completion's (`function: {name, ...}`)."""
    inner = call.get("function")
    if isinstance(inner, dict) and "function_name" not in call:
        return inner
    return {"name": call.get("function_name"), "arguments": call.get("arguments")}


def _call(call: Mapping[str, Any]) -> str:
    function = _function(call)
    return call_text(str(function.get("name")), function.get("arguments"))


def _observation(step: Mapping[str, Any], complain: Complain) -> Observation | None:
    found = (step.get("observation") or {}).get("results")
    if not found:
        return None
    ours = _ours(found[0]) if len(found) == 1 else None
    texts = [_message(one.get("content"), complain) for one in found]
    return Observation.model_validate({**(ours or {}), "text": "\n".join(texts)})


def _objective(steps: list[dict[str, Any]], complain: Complain) -> str:
    return next((_message(one.get("message"), complain) for one in steps if one.get("source") == "user"), "")


def _message(content: Any, complain: Complain) -> str:
    """Text, or the texts among the parts of a message."""
    if isinstance(content, str) or content is None:
        return content or ""
    parts = [one for one in content if isinstance(one, dict)] if isinstance(content, list) else []
    texts = [str(one.get("text") or "") for one in parts if one.get("type") == "text"]
    if len(texts) < len(parts):
        complain(f"{len(parts) - len(texts)} parts of a message that are no text are left out")
    return "\n".join(texts)


def _ours(holder: Mapping[str, Any]) -> Mapping[str, Any] | None:
    extra = holder.get("extra")
    found = extra.get(OURS) if isinstance(extra, dict) else None
    return found if isinstance(found, dict) else None


def _text_or_none(value: Any) -> str | None:
    return value if isinstance(value, str) else None
