"""WebArena's own results: a folder with `render_<task id>.html` pages, and a log with `[Result] (PASS)` lines.

source  WebArena (Zhou et al. 2024), RenderHelper and run.py. The pages hold texts as they are, without escapes, so that
        they are cut at their own markers and not read as html.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import partial
from pathlib import Path

from tracewarp.errors import UnreadableFileError
from tracewarp.trajectory.encodings import decode_utf8_or_replace
from tracewarp.trajectory.formats.cutting import between
from tracewarp.trajectory.lines import read_whole
from tracewarp.trajectory.model import Ending, Observation, Outcome, Provenance, Step, Task, Trajectory
from tracewarp.trajectory.names import natural_order
from tracewarp.trajectory.problems import Problem, Report
from tracewarp.trajectory.thoughts import split_thoughts
from tracewarp.trajectory.units import Unit

FORMAT = "webarena-render"

_NAME = re.compile(r"render_(.+)\.html\Z")
_LOGS = ("*.log", "*log*.txt", "log_files/*.log")
_MARKS = "url|state_obv|prev_action|raw_parsed_prediction|action_object|parsed_action|predict_action"
# Every pattern takes time in proportion to the text: none can start again within what it has already read.
_PART = re.compile(rf"""<(?:h3|div) class=['"](?P<mark>{_MARKS})['"][^<>]*>""")
_SETTING = re.compile(r"^(\w+): (.*)$", re.MULTILINE)
_WHERE = re.compile(r"(?<!\s)\s+where \[\d{1,15}\] is .*\Z", re.DOTALL)
_EARLY = re.compile(r"stop \[Early stop: (?P<why>.*)\]\s*\Z", re.DOTALL)
_ENDINGS = (
    ("max steps", Ending.STEP_LIMIT),
    ("parse", Ending.PARSE_FAILURES),
    ("same", Ending.REPEATED_ACTION),
)
"""Words of the runner -> why it ended the episode."""
_LOG_LINE = re.compile(
    r"\[Config file\]: (?P<config>\S+)|\[Result\] \((?P<result>PASS|FAIL)\) (?P<file>\S+)"
    r"|\[Unhandled Error\] (?P<error>.*)"
)


@dataclass(frozen=True)
class Verdict:
    """What the log says of one task."""

    score: float | None = None
    error: str | None = None


def find_pages(folder: Path) -> list[Path]:
    """The pages in a folder, in natural order."""
    found = [path for path in folder.iterdir() if _NAME.match(path.name)]
    return sorted(found, key=lambda path: natural_order(path.name))


def units(pages: list[Path], *, max_bytes: int, report: Report) -> Iterator[Unit]:
    """Give the pages one by one."""
    verdicts = _verdicts(pages[0].parent, max_bytes=max_bytes, report=report)
    for page in pages:
        yield Unit(str(page), None, partial(_read, page, verdicts, max_bytes))


def _read(page: Path, verdicts: Mapping[str, Verdict], max_bytes: int, report: Report) -> Trajectory:
    text = decode_utf8_or_replace(read_whole(page, max_bytes=max_bytes))
    name = _NAME.match(page.name)
    assert name is not None
    trajectory = parse_page(text, task_id=name[1], verdict=verdicts.get(name[1]))
    if not trajectory.steps:
        report(Problem(str(page), None, "no step of an agent in it; the episode has none"))
    return trajectory


def parse_page(text: str, *, task_id: str, verdict: Verdict | None = None) -> Trajectory:
    """Turn one page into a trajectory.

    Args:
        text: of the html file.
        task_id: from its name.
        verdict: what the log says; None: nothing.
    """
    places = list(_PART.finditer(text))
    config = between(text[: places[0].start() if places else len(text)], "<pre>", "</pre>")
    about = dict(_SETTING.findall(config)) if config is not None else {}
    ends = [*(place.start() for place in places[1:]), len(text)]
    parts = [(it["mark"], text[it.end() : end]) for it, end in zip(places, ends, strict=False)]
    steps: list[Step] = []
    page: dict[str, str] = {}
    for mark, body in parts:
        if mark == "url":
            page = {}
        page[mark] = _url(body) if mark == "url" else _body(body)
        if mark == "parsed_action":
            steps.append(_step(page))
    ending, steps_read = _ending(steps)
    verdict = verdict or Verdict()
    return Trajectory(
        task=Task(id=task_id, objective=about.get("intent", "")),
        steps=tuple(steps_read),
        outcome=Outcome(
            score=verdict.score,
            ending=Ending.ENVIRONMENT_ERROR if verdict.error else ending,
            error=verdict.error,
        ),
        provenance=Provenance(source=FORMAT),
    )


def _step(page: Mapping[str, str]) -> Step:
    said = split_thoughts(page.get("raw_parsed_prediction", ""))
    parsed = _WHERE.sub("", page["parsed_action"]).strip()
    readable = parsed.lower() not in ("", "none", "no-op", "noop")
    fenced = between(said.answer, "```", "```")
    return Step(
        observation=Observation(text=page.get("state_obv", ""), url=page.get("url")),
        response=said.answer or None,
        thinking=said.thinking,
        action=(parsed if fenced is None else fenced.strip()) if readable else None,
        valid=None if readable else False,
        extra={"previous_action": page["prev_action"]} if "prev_action" in page else {},
    )


def _ending(steps: list[Step]) -> tuple[Ending, list[Step]]:
    """Why it ended; a stop that the runner wrote is not the agent's, and does not count."""
    if not steps or steps[-1].action is None:
        return Ending.UNKNOWN, steps
    last = steps[-1]
    early = _EARLY.match(last.action or "")
    if early is None:
        return (Ending.STOP if (last.action or "").startswith("stop") else Ending.UNKNOWN), steps
    why = early["why"].lower()
    ending = next((ending for word, ending in _ENDINGS if word in why), Ending.UNKNOWN)
    return ending, [*steps[:-1], last.model_copy(update={"executed": False})]


def _url(body: str) -> str:
    found = between(body, "URL:", "</a>")
    return (_body(body) if found is None else found).strip()


def _body(body: str) -> str:
    """What is between the marker and its end tags."""
    begin, end = body.find("<pre>"), body.rfind("</pre>")
    return body[begin + len("<pre>") : end] if 0 <= begin < end else body.split("</", 1)[0].strip()


def _verdicts(folder: Path, *, max_bytes: int, report: Report) -> dict[str, Verdict]:
    verdicts: dict[str, Verdict] = {}
    for log in sorted({path for pattern in _LOGS for path in folder.glob(pattern)}):
        current = ""
        try:
            text = decode_utf8_or_replace(read_whole(log, max_bytes=max_bytes))
        except UnreadableFileError as error:
            reason = str(error).removeprefix(f"{log}: ")
            report(Problem(str(log), None, f"{reason}; the scores in it are lost"))
            continue
        for found in _LOG_LINE.finditer(text):
            if found["config"]:
                current = Path(found["config"]).stem
            elif found["result"]:
                verdicts[Path(found["file"]).stem] = Verdict(score=float(found["result"] == "PASS"))
            elif current:
                verdicts[current] = Verdict(error=found["error"].strip())
    return verdicts
