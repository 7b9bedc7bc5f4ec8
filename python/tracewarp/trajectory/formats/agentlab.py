"""BrowserGym / AgentLab step records, as one JSON object an episode: `{"task", "steps", "summary"}`.

AgentLab stores what `env.step` returned beside the action that the agent chose *next*. Three things of a step
therefore belong to the action before it, and are moved there: `reward` (with `raw_reward` and `task_info`),
`obs.last_action_error` and `stats.step_elapsed`. What the first step carries of these belongs to the reset.

An agent whose answers could not be parsed, retries included, gives the action None. AgentLab writes it as null or as
the text `None`, and marks the step as truncated; it is a parse failure, and not a limit or a stop.
"""

from __future__ import annotations

import json
import re
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timezone
from typing import Any

from pydantic import ValidationError

from tracewarp.errors import RecordError
from tracewarp.trajectory.complaints import complaints
from tracewarp.trajectory.jsontext import finite_number
from tracewarp.trajectory.model import Ending, Observation, Outcome, Provenance, Step, Task, Trajectory
from tracewarp.trajectory.names import task_id_of
from tracewarp.trajectory.thoughts import split_thoughts

JSONL_FORMAT = "agentlab-jsonl"
DIRECTORY_FORMAT = "agentlab-directory"

MAX_EXTRA_CHARS = 20_000
"""What the source says beyond our fields is kept under `extra` up to this many characters of JSON a value; larger ones
are left out and counted in `provenance.extra["left_out"]`."""

_LARGE = frozenset({"pruned_html", "chat_messages", "screenshot", "axtree_object", "dom_object"})
"""Left out whatever their size: other forms of the page, and the dialogue that the actions repeat."""

Complain = Callable[[str], None]
"""Takes one sentence about something in this record that could not be parsed."""


def parse_record(
    record: Mapping[str, Any],
    *,
    source: str,
    complain: Complain,
    repeat: int | None = None,
    seed: int | None = None,
    agent: str | None = None,
) -> Trajectory:
    """Turn one episode into a trajectory.

    Args:
        record: `task` (name), `steps` (list of step records), `summary` (or None).
        source: name of the format, for the provenance.
        complain: called for each thing that could not be parsed; the rest of the episode is kept.
        repeat: which repeat of the task this is; None: the record's own `repeat`, else 0.
        seed: the seed that the folder's name gave; None: the record's own `seed`.
        agent: the agent that the folder's name gave; None: the record's own `agent`.

    Raises:
        RecordError: no task name, or `steps` is no list; the message has no place yet.
    """
    name = record.get("task", record.get("task_name"))
    if isinstance(name, bool) or not isinstance(name, (str, int)) or not str(name).strip():
        raise RecordError(f"task: expected the task's name, got {_shown(name)}")
    raw_steps = record.get("steps", [])
    if not isinstance(raw_steps, list):
        raise RecordError(f"steps: expected a list of step records, got {_shown(raw_steps)}")
    summary = record.get("summary")
    if not isinstance(summary, Mapping):
        complain(f"summary: {'missing' if summary is None else _shown(summary)}; the episode counts as not judged")
        summary = {}
    keep = _Keeper()
    end = len(raw_steps) - 1
    raw = [
        _RawStep(index, step, summary, complain, last=index == end)
        for index, step in enumerate(raw_steps)
        if _is_object(index, step, complain, last=index == end)
    ]
    try:
        return Trajectory(
            task=Task(id=task_id_of(str(name)), objective=_objective(raw)),
            repeat=repeat if repeat is not None else _count(record.get("repeat")) or 0,
            steps=tuple(_step(raw, at, keep, complain) for at in range(len(raw))),
            outcome=_outcome(raw, summary, keep, complain),
            extra={**keep.small(record, "", known=_RECORD_KEYS), **_reset(raw)},
            provenance=Provenance(
                source=source,
                agent=agent if agent is not None else _text(record.get("agent")),
                model=_text(record.get("model")),
                seed=seed if seed is not None else _count(record.get("seed")),
                started_at=_started_at(raw),
                extra={"left_out": dict(sorted(keep.left_out.items()))} if keep.left_out else {},
            ),
        )
    except ValidationError as error:
        raise RecordError(complaints(error, Trajectory)) from None


_RECORD_KEYS = frozenset({"task", "task_name", "steps", "summary", "repeat", "seed", "agent", "model"})
_STEP_KEYS = frozenset(
    {"step", "obs", "action", "terminated", "truncated", "reward", "raw_reward", "task_info", "stats"}
)
_OBS_KEYS = frozenset(
    {"goal", "open_pages_urls", "open_pages_titles", "active_page_index", "axtree_txt", "last_action"}
) | {"last_action_error"}
_STATS_KEYS = frozenset({"step_elapsed", "agent_elapsed"})
_SUMMARY_KEYS = frozenset({"cum_reward", "err_msg"})


class _Keeper:
    """Keeps what is small, counts what is not."""

    def __init__(self) -> None:
        self.left_out: Counter[str] = Counter()

    def small(self, mapping: Mapping[str, Any], prefix: str, *, known: frozenset[str]) -> dict[str, Any]:
        """The entries that no field of ours takes, without the empty and the large ones."""
        kept = {}
        for key, value in mapping.items():
            if key in known or value is None or value in ({}, [], ""):
                continue
            if key in _LARGE or _chars(value) > MAX_EXTRA_CHARS:
                self.left_out[f"{prefix}{key}"[:200]] += 1
            else:
                kept[key] = value
        return kept


class _RawStep:
    """One step record with its parts looked up once."""

    def __init__(
        self, index: int, record: dict[str, Any], summary: Mapping[str, Any], complain: Complain, *, last: bool
    ) -> None:
        number = record.get("step")
        self.number = number if isinstance(number, int) and not isinstance(number, bool) else index
        self.record = record
        obs = record.get("obs")
        if not isinstance(obs, Mapping) and not (obs is None and last):
            complain(f"steps[{index}].obs: expected an object, got {_shown(obs)}; the page is taken as empty")
        self.obs: Mapping[str, Any] = obs if isinstance(obs, Mapping) else {}
        stats = record.get("stats")
        self.stats: Mapping[str, Any] = stats if isinstance(stats, Mapping) else {}
        self.response = _text(record.get("action"))
        self.gave_up = _gave_up(record, self.stats, summary, last=last)
        """The agent was asked, and no answer could be parsed."""
        self.after_the_end = record.get("terminated") is True or record.get("truncated") is True
        self.empty = obs is None and not self.response
        """Nothing was seen and nothing was done: AgentLab's step after a crash."""


def _gave_up(record: Mapping[str, Any], stats: Mapping[str, Any], summary: Mapping[str, Any], *, last: bool) -> bool:
    """Is the action of this step None because no answer of the agent could be parsed?

    A last page has no action either, because nobody asked for one: what the agent said of itself, or that it tried
    again, tells the two apart. Only the agent can end an episode before its first step.
    """
    action = record.get("action")
    if record.get("terminated") is True:
        return False
    if isinstance(action, str):
        return _is_none(_split(action)[1])
    if action is not None:
        return False
    info = record.get("agent_info")
    told = isinstance(info, Mapping) and any(info.values())
    first = record.get("truncated") is True and record.get("step") == 0
    return told or first or _tried_again(stats) or (last and _tried_in_vain(summary))


def _tried_again(stats: Mapping[str, Any]) -> bool:
    return any(finite_number(value) for key, value in stats.items() if "retry" in key or "retries" in key)


def _tried_in_vain(summary: Mapping[str, Any]) -> bool:
    """Did the agent use up its retries in this episode? AgentLab sums up `busted_retry` over the steps."""
    return any(finite_number(value) for key, value in summary.items() if "busted_retry" in key)


def _is_none(action: str) -> bool:
    return action.strip().lower() in ("none", "null")


def _is_object(index: int, step: Any, complain: Complain, *, last: bool) -> bool:
    if isinstance(step, dict):
        return True
    if step is None and last:
        return False
    complain(f"steps[{index}]: expected an object, got {_shown(step)}; the step is left out")
    return False


def _step(raw: Sequence[_RawStep], at: int, keep: _Keeper, complain: Complain) -> Step:
    this = raw[at]
    last = at == len(raw) - 1
    # What followed counts only where no step is missing in between.
    after = raw[at + 1] if not last and raw[at + 1].number == this.number + 1 else None
    if not last and after is None:
        complain(f"step {this.number} is followed by step {raw[at + 1].number}; what its action led to is unknown")
    if this.after_the_end and not last and not this.gave_up:
        complain(f"step {this.number} is marked as the end, yet steps follow; its action is taken as executed")
    reasoning, action = split_response(this.response)
    executed = this.gave_up or not (last and (this.after_the_end or this.response is None))
    error = _error_after(after)
    valid = None if not executed else False if action is None or error else None if error is None else True
    return Step(
        observation=_observation(this, keep, complain, last=last),
        response=this.response,
        reasoning=reasoning if reasoning is not None else _agent_thought(this.record),
        action=action,
        executed=executed,
        valid=valid,
        error=error or None,
        reward=finite_number(after.record.get("reward")) if after else None,
        model_seconds=finite_number(this.stats.get("agent_elapsed")),
        environment_seconds=finite_number(after.stats.get("step_elapsed")) if after else None,
        extra=_step_extra(this, after, action, keep),
    )


def _error_after(after: _RawStep | None) -> str | None:
    """What the environment said against the action: "" for nothing, None where it is not known."""
    return _text(after.obs.get("last_action_error")) if after else None


def _step_extra(this: _RawStep, after: _RawStep | None, action: str | None, keep: _Keeper) -> dict[str, Any]:
    extra = keep.small(this.record, "", known=_STEP_KEYS)
    if stats := keep.small(this.stats, "stats.", known=_STATS_KEYS):
        extra["stats"] = stats
    if after is None:
        return extra
    extra.update(keep.small({key: after.record.get(key) for key in ("raw_reward", "task_info")}, "", known=frozenset()))
    if "last_action" in after.obs:
        taken = after.obs["last_action"]
        if not isinstance(taken, str) or extract_action(taken) != action:
            # The environment's parser understood something else, or (None) nothing at all.
            extra["environment_action"] = taken if _chars(taken) <= MAX_EXTRA_CHARS else _shown(taken)
    return extra


_THOUGHT = re.compile(r"<think>(.*?)(?:</think>|(?=<action>)|\Z)", re.DOTALL)
_ACTION = re.compile(r"<action>(.*?)(?:</action>|\Z)", re.DOTALL)
_FENCED = re.compile(r"```(?:python\b|\n)?(.*?)(?:```|\Z)", re.DOTALL)


def split_response(response: str | None) -> tuple[str | None, str | None]:
    """Thought and action of an agent's answer `<think>...</think><action>```click('12')```</action>`.

    Tags and fences may be missing or unclosed; without tags the whole text is the action (BrowserGym's plain form).
    """
    if response is None:
        return None, None
    reasoning, action = _split(response)
    return reasoning or None, None if not action or _is_none(action) else action


def _split(response: str) -> tuple[str, str]:
    """Thought and action as they are written, "" for none."""
    thought = _THOUGHT.search(response)
    if thought is None:  # another way to mark a thought, such as a closing tag alone
        said = split_thoughts(response)
        reasoning, rest = said.thinking or "", said.answer
    else:
        reasoning, rest = thought[1].strip(), response[: thought.start()] + response[thought.end() :]
    tagged = _ACTION.search(rest)
    return reasoning, _unfenced(tagged[1] if tagged else rest)


def _unfenced(text: str) -> str:
    fenced = _FENCED.search(text)
    return (fenced[1] if fenced else text).strip()


def extract_action(text: str) -> str | None:
    """The text between triple backticks, or the whole text where there are none; None where it is blank or `None`."""
    action = _unfenced(text)
    return None if not action or _is_none(action) else action


def _agent_thought(record: Mapping[str, Any]) -> str | None:
    info = record.get("agent_info")
    return _text(info.get("think")) or None if isinstance(info, Mapping) else None


def _observation(this: _RawStep, keep: _Keeper, complain: Complain, *, last: bool) -> Observation:
    obs = this.obs
    text = _text(obs.get("axtree_txt"))
    if text is None and obs and not (last and obs.get("axtree_txt") is None):
        complain(f"step {this.number}: obs.axtree_txt: expected text, got {_shown(obs.get('axtree_txt'))}")
    urls, titles = _texts(obs.get("open_pages_urls")), _texts(obs.get("open_pages_titles"))
    active = _active_page(obs.get("active_page_index"))
    extra = keep.small(obs, "obs.", known=_OBS_KEYS)
    if len(urls) > 1:
        extra.update(open_pages_urls=urls, open_pages_titles=titles, active_page_index=active)
    return Observation(text=text or "", url=_at(urls, active), title=_at(titles, active), extra=extra)


def _active_page(index: Any) -> int | None:
    """BrowserGym gives the index as a list of one number."""
    return _count(index[0] if isinstance(index, list) and index else index)


def _at(items: Sequence[str | None], index: int | None) -> str | None:
    return items[index] if index is not None and index < len(items) else None


def _objective(raw: Sequence[_RawStep]) -> str:
    for step in raw:
        goal = step.obs.get("goal")
        if isinstance(goal, str) and goal:
            return goal
        parts = step.obs.get("goal_object")
        if isinstance(parts, list):  # newer BrowserGym: a message in parts
            texts = [part["text"] for part in parts if isinstance(part, dict) and isinstance(part.get("text"), str)]
            if texts:
                return "\n".join(texts)
    return ""


def _reset(raw: Sequence[_RawStep]) -> dict[str, Any]:
    """What the first step says about the reset, where it says anything."""
    if not raw:
        return {}
    first = raw[0]
    said = {"seconds": first.stats.get("step_elapsed"), "error": first.obs.get("last_action_error")}
    said |= {key: first.record.get(key) for key in ("reward", "task_info")}
    said = {key: value for key, value in said.items() if value and _chars(value) <= MAX_EXTRA_CHARS}
    return {"reset": said} if said else {}


def _started_at(raw: Sequence[_RawStep]) -> str | None:
    """Time of the first chat message: the moment of the reset."""
    messages = raw[0].obs.get("chat_messages") if raw else None
    first = messages[0] if isinstance(messages, list) and messages else None
    stamp = finite_number(first.get("timestamp")) if isinstance(first, dict) else None
    if not stamp or stamp < 0:
        return None
    try:
        return datetime.fromtimestamp(stamp, timezone.utc).isoformat(timespec="milliseconds")
    except (OverflowError, ValueError, OSError):
        return None


def _outcome(raw: Sequence[_RawStep], summary: Mapping[str, Any], keep: _Keeper, complain: Complain) -> Outcome:
    error = _text(summary.get("err_msg")) or None
    return Outcome(
        score=_score(summary, complain),
        ending=_ending(raw, summary, error),
        error=error or _last_complaint_of_the_task(raw),
        extra=keep.small(summary, "summary.", known=_SUMMARY_KEYS),
    )


def _score(summary: Mapping[str, Any], complain: Complain) -> float | None:
    given = summary.get("cum_reward")
    if given is None:
        return None
    score = finite_number(given)
    if score is None:
        complain(f"summary.cum_reward: expected a number in 0..1, got {_shown(given)}; read as not judged")
    elif not 0.0 <= score <= 1.0:
        complain(f"summary.cum_reward: expected a number in 0..1, got {_shown(given)}; clipped")
        score = min(max(score, 0.0), 1.0)
    return score


def _last_complaint_of_the_task(raw: Sequence[_RawStep]) -> str | None:
    """Why the task's own rules ended the episode, e.g. a forbidden page (BrowserGym: `task_info.error`)."""
    info = raw[-1].record.get("task_info") if raw and raw[-1].after_the_end else None
    return _text(info.get("error")) or None if isinstance(info, Mapping) else None


def _ending(raw: Sequence[_RawStep], summary: Mapping[str, Any], error: str | None) -> Ending:
    """Terminated wins over truncated (the goal may be reached by the last step allowed), both over an error.

    An agent that gave no action ended the episode itself, whatever the environment made of that.
    """
    last: Mapping[str, Any] = raw[-1].record if raw else {}
    if last.get("terminated") is True or summary.get("terminated") is True:
        return Ending.STOP
    told = [step for step in raw if not step.empty or step.gave_up]
    if told and told[-1].gave_up:
        return Ending.PARSE_FAILURES
    if last.get("truncated") is True or summary.get("truncated") is True:
        return Ending.STEP_LIMIT
    return blame(error, _text(summary.get("stack_trace")) or "") if error else Ending.UNKNOWN


_AGENT_CALLS = re.compile(r"from_action\(|agent\.get_action\(")
_WORLD_CALLS = re.compile(r"from_step\(|from_reset\(|env\.step\(|env\.reset\(")
_WORLD_WORDS = re.compile(
    r"\b(?:Page|Locator|Frame|ElementHandle|Browser|BrowserType|BrowserContext)\.\w+:"
    r"|net::ERR|playwright|Target crashed"
)
_AGENT_WORDS = re.compile(r"RateLimitError|InternalServerError|API\w{0,40}Error|openai|anthropic|ParseError")


def blame(error: str, stack_trace: str) -> Ending:
    """Whose failure ended the episode: the world's or the agent's.

    The stack says it: AgentLab's loop asks the agent through `from_action` and the environment through `from_step` and
    `from_reset` (a judge that fails inside the environment's step is the environment's). The last such call counts.
    Without a stack the message decides: Playwright's and the browser's words against those of model clients.
    """
    agent_call = max((found.start() for found in _AGENT_CALLS.finditer(stack_trace)), default=-1)
    world_call = max((found.start() for found in _WORLD_CALLS.finditer(stack_trace)), default=-1)
    if agent_call != world_call:
        return Ending.AGENT_ERROR if agent_call > world_call else Ending.ENVIRONMENT_ERROR
    if _WORLD_WORDS.search(error):
        return Ending.ENVIRONMENT_ERROR
    return Ending.AGENT_ERROR if _AGENT_WORDS.search(error) else Ending.UNKNOWN


def _count(value: Any) -> int | None:
    return value if isinstance(value, int) and not isinstance(value, bool) and value >= 0 else None


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def _texts(value: Any) -> list[str | None]:
    return [_text(item) for item in value] if isinstance(value, list) else []


def _chars(value: Any) -> int:
    if isinstance(value, str):
        return len(value)
    return 1 if value is None or isinstance(value, (int, float)) else len(json.dumps(value))


def _shown(value: Any) -> str:
    """A value for a message: short, in JSON's words."""
    if isinstance(value, (list, dict)):
        return f"{'a list' if isinstance(value, list) else 'an object'} of {len(value)}"
    text = "nothing" if value is None else json.dumps(value)
    return text if len(text) <= 60 else f"{text[:60]}…"
