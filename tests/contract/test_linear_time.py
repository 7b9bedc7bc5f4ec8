"""What reads text of others takes time in proportion to its length: every reader, and every regular expression.

Each gets its own worst case at 10, 20 and 40 kB, best of five. Time may grow at most 2.3-fold per doubling, or stays
below 20 ms at 40 kB. A new reader gets an entry in `READERS`; regular expressions are found by themselves.
"""

from __future__ import annotations

import ast
import importlib
import re
import time
from collections import defaultdict
from collections.abc import Callable
from contextlib import suppress
from itertools import pairwise
from pathlib import Path

import pytest
from regex_pumps import unbounded, worst_cases

from tracewarp.envs.web.actions import ActionSyntaxError, parse_action
from tracewarp.envs.webarena.answers import page_title
from tracewarp.errors import RecordError
from tracewarp.synthesize.filters import gives_no_answer
from tracewarp.synthesize.out_of_domain.reading import (
    Refused,
    read_address,
    read_moment,
    read_objective,
    read_page,
    read_plan,
)
from tracewarp.trajectory import action_verb
from tracewarp.trajectory.encodings import NotUtf8Error, decode_utf8
from tracewarp.trajectory.formats import agentlab, atif, own, prompt_folder, webarena_pages
from tracewarp.trajectory.formats.tool_calls import call_text
from tracewarp.trajectory.jsontext import BadJsonError, parse_json
from tracewarp.trajectory.names import natural_order, read_folder_name
from tracewarp.trajectory.problems import escaped
from tracewarp.trajectory.surrogates import repair
from tracewarp.trajectory.thoughts import split_thoughts

PACKAGE = Path(__file__).parents[2] / "python" / "tracewarp"
SIZES = (10_000, 20_000, 40_000)
MOST_GROWTH = 2.3
QUICK_SECONDS = 0.020
TOO_LONG_SECONDS = 1.0
"""A single call that takes longer is not looked at again."""
EXPECTED = (ActionSyntaxError, BadJsonError, NotUtf8Error, RecordError, Refused)


def seconds(call: Callable[[], object], *, times: int = 5) -> float:
    """Processor time of the quickest of some calls; what else the machine does is not in it."""
    best = float("inf")
    for _ in range(times):
        began = time.thread_time()
        with suppress(*EXPECTED):
            call()
        best = min(best, time.thread_time() - began)
    return best


def slow(make: Callable[[int], Callable[[], object]]) -> list[float] | None:
    """The seconds by size where they grow too quickly; looked at again, since other work on the machine disturbs."""
    longest = make(SIZES[-1])
    once = seconds(longest, times=1)
    if once < QUICK_SECONDS:
        return None
    if once > TOO_LONG_SECONDS:
        return [once]
    times: list[float] = []
    for _ in range(3):
        times = [*(seconds(make(size)) for size in SIZES[:-1]), seconds(longest)]
        if times[-1] < QUICK_SECONDS:
            return None
        if all(later <= MOST_GROWTH * earlier for earlier, later in pairwise(times)):
            return None
    return times


def filled(unit: str, size: int, begin: str = "", end: str = "") -> str:
    return begin + (unit * (size // len(unit) + 1))[:size] + end


def step_page(parsed: str = "click [1]", **parts: str) -> str:
    marks = {
        "url": "u",
        "state_obv": "s",
        "raw_parsed_prediction": "r",
        **parts,
        "parsed_action": f"<pre>{parsed}</pre>",
    }
    return "".join(f"<div class='{mark}'>{body}</div>" for mark, body in marks.items())


def page(text: str) -> object:
    return webarena_pages.parse_page(text, task_id="1")


def agentlab_step(**parts: object) -> object:
    steps = [{"step": 0, "obs": {"axtree_txt": "t", "goal": "g"}, "action": "noop()", **parts}, {"step": 1, "obs": {}}]
    record = {"task": "1", "steps": steps, "summary": {}}
    return agentlab.parse_record(record, source="x", complain=lambda _: None)


def document(*steps: dict[str, object]) -> object:
    value = {"schema_version": "ATIF-v1.7", "session_id": "1", "agent": {}, "steps": list(steps)}
    return atif.parse_record(value, complain=lambda _: None)


MOMENT = "WEBPAGE: x\nPREVIOUS ACTION: None\nNEXT ACTION: "

READERS: dict[str, Callable[[str], object]] = {
    "pages": page,
    "pages: settings": lambda text: page(f"<pre>{text}</pre>"),
    "pages: url": lambda text: page(step_page(url=text)),
    "pages: observation": lambda text: page(step_page(state_obv=text)),
    "pages: answer": lambda text: page(step_page(raw_parsed_prediction=text)),
    "pages: action": lambda text: page(step_page(text)),
    "prompts": prompt_folder.last_block,
    "prompts: page": lambda text: prompt_folder.last_block(
        f"OBSERVATION:\n{text}\nURL: u\nOBJECTIVE: o\nPREVIOUS ACTION: None"
    ),
    "prompts: objective": lambda text: prompt_folder.last_block(
        f"OBSERVATION:\np\nURL: u\nOBJECTIVE:{text}\nPREVIOUS ACTION: None"
    ),
    "agentlab: answer": lambda text: agentlab_step(action=text),
    "agentlab: last action": lambda text: agentlab_step(obs={"axtree_txt": text, "last_action": text}),
    "agentlab: error": lambda text: agentlab.blame(text, ""),
    "agentlab: stack": lambda text: agentlab.blame("x", text),
    "own: unknown field": lambda text: own.parse_record({"task": {"id": "1"}, text: 1}),
    "own: extra": lambda text: own.parse_record({"task": {"id": "1"}, "extra": {"a": list(text)}}),
    "own: steps": lambda text: own.parse_record({"task": {"id": "1"}, "steps": [{"a": it} for it in text[::20]]}),
    "atif: message": lambda text: document({"source": "agent", "message": text, "reasoning_content": text}),
    "atif: parts": lambda text: document({"source": "agent", "message": [{"type": "text", "text": it} for it in text]}),
    "atif: steps": lambda text: document(*({"source": "agent", "message": it} for it in text[::20])),
    "tool call": lambda text: call_text("click", text),
    "json": lambda text: parse_json(text.encode("utf-8", "surrogatepass")),
    "json: text": lambda text: parse_json(f'["{text}"]'.encode("utf-8", "surrogatepass")),
    "text: latin-1": lambda text: decode_utf8(text.encode("latin-1", "replace") + b"\xe9a"),
    "text: surrogates": lambda text: repair(text + "\ud800"),
    "text: escapes": lambda text: escaped(text + "\x1b"),
    "names": lambda text: (natural_order(text), read_folder_name(text)),
    "verb": action_verb,
    "action": parse_action,
    "thoughts": split_thoughts,
    "no answer": gives_no_answer,
    "title": page_title,
    "objective": lambda text: read_objective(text, taken_hosts=frozenset()),
    "objective: host": lambda text: read_objective(f"OBJECTIVE: a\nURL: {text}", taken_hosts=frozenset()),
    "plan": read_plan,
    "address": lambda text: read_address(text, host="a.com"),
    "moment": lambda text: read_moment(text, opening="", first=True),
    "moment: answer": lambda text: read_moment(MOMENT + text, opening="", first=True),
    "page": lambda text: read_page(f"WEBPAGE:\n{text}", element=3),
}
"""Name -> what reads a text."""

OF_MANY_PARTS = frozenset({"own: extra", "own: steps", "atif: parts", "atif: steps"})
"""Their worst case is the number of parts and not what is in them."""

WORST: dict[str, tuple[str, str, str]] = {
    "blanks": (" ", "", ""),
    "blanks, then a letter": (" ", "", "x"),
    "blanks after a letter": (" ", "a", "x"),
    "lines": ("\n", "", ""),
    "lines, then a letter": ("\n", "", "x"),
    "lines with blanks": (" \n", "", "x"),
    "tabs": ("\t", "", "x"),
    "digits": ("1", "", "x"),
    "letters": ("a", "", "!"),
    "dots": ("a.", "", "!"),
    "hyphens": ("a-", "", "!"),
    "brackets that open": ("[", "", ""),
    "brackets that close": ("]", "type [1] [", "x"),
    "brackets and blanks": ("] ", "type [1] [", "x"),
    "brackets of both kinds": ("[1] ", "", ""),
    "where": (" where [1] is ", "click [1]", ""),
    "pre": ("<pre", "", ""),
    "pre, closed": ("<pre>", "", ""),
    "pre, ended": ("</pre>", "<pre>", ""),
    "markers": ("<div class='url'", "", ""),
    "markers, closed": ("<div class='url'>", "", ""),
    "URL": ("URL:", "", ""),
    "URL and blanks": ("URL: ", "", ""),
    "URL, blanks": (" ", "URL:", "x"),
    "backticks": ("`", "", "x"),
    "fences": ("``` ", "", "x"),
    "fence": ("a", "```", ""),
    "thoughts": ("<think>", "", ""),
    "thoughts, closed": ("</think>", "<think>", ""),
    "actions": ("<action>", "", ""),
    "names of errors": ("API", "", "!"),
    "names of pages": ("Page.", "", "!"),
    "pages without an end": ("a", "Page.", "!"),
    "titles": ("<title", "", ""),
    "titles, closed": ("<title>", "", ""),
    "observation": ("OBSERVATION:\n", "", ""),
    "observation, blanks": ("OBSERVATION: ", "", ""),
    "previous action": ("\nPREVIOUS ACTION:", "", ""),
    "objective and URL": ("\nOBJECTIVE: a\nURL: ", "", ""),
    "objective, blanks": (" ", "OBJECTIVE: a", "b"),
    "objectives": ("OBJECTIVE:\n", "", ""),
    "block": ("OBSERVATION:\n\nURL:\nOBJECTIVE:\n", "", "PREVIOUS ACTION:"),
    "fields": ("WEBPAGE:", "", ""),
    "fields in lines": ("WEBPAGE:\n", "", ""),
    "settings": ("a: ", "", ""),
    "settings in lines": ("a:\n", "", ""),
    "quotes": ("'", "click(", ""),
    "backslashes": ("\\", "click('", ""),
    "commas": (",", "click(", ""),
    "names of arguments": ("a=", "click(", ""),
    "hash": ("#", "click(", ""),
    "underscores": ("_1", "2024-10-01_12-00-00_a_on_b", ""),
    "on": ("_on_", "", ""),
    "nested lists": ("[", "", ""),
    "nested objects": ('{"a":', "", ""),
    "surrogates": ("\ud800", "", ""),
    "controls": ("\x1b", "", ""),
}
"""Name -> what is repeated, what stands before it, what stands behind it."""


@pytest.mark.parametrize("reader", READERS)
def test_a_reader_takes_linear_time(reader: str) -> None:
    read = READERS[reader]
    found = {}
    for name, (unit, begin, end) in WORST.items():
        if reader in OF_MANY_PARTS and name not in ("letters", "lines", "controls"):
            continue

        def make(size: int, unit: str = unit, begin: str = begin, end: str = end) -> Callable[[], object]:
            text = filled(unit, size, begin, end)
            return lambda: read(text)

        if (times := slow(make)) is not None:
            found[name] = times
    assert not found


def expressions() -> list[tuple[str, str | bytes, int, frozenset[str]]]:
    """(place, pattern, flags, methods it is used with) of every regular expression with an unbounded repetition."""
    found = []
    for path in sorted(PACKAGE.rglob("*.py")):
        tree = ast.parse(path.read_text(encoding="utf-8"))
        place = str(path.relative_to(PACKAGE))
        used: dict[str, set[str]] = defaultdict(set)
        for node in ast.walk(tree):
            if isinstance(node, ast.Attribute) and isinstance(node.value, ast.Name):
                used[node.value.id].add(node.attr)
        for node in ast.walk(tree):
            if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
                continue
            if not (isinstance(node.func.value, ast.Name) and node.func.value.id == "re"):
                continue
            pattern = _pattern_of(node, place)
            if pattern is None or not unbounded(pattern.pattern, pattern.flags):
                continue
            if node.func.attr == "compile":
                names = [name for name, value in _assigned(tree) if value is node]
                methods = used[names[0]] & METHODS if names else METHODS
            else:
                methods = {node.func.attr}
            found.append((f"{place}:{node.lineno}", pattern.pattern, pattern.flags, frozenset(methods or METHODS)))
    return found


METHODS = {"search", "match", "fullmatch", "sub", "findall", "finditer", "split"}
ANEW = {"search", "sub", "findall", "finditer", "split"}
"""Methods that may start at every character."""


def _assigned(tree: ast.AST) -> list[tuple[str, ast.AST]]:
    pairs = []
    for node in ast.walk(tree):
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name):
            pairs.append((node.targets[0].id, node.value))
        elif isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and node.value is not None:
            pairs.append((node.target.id, node.value))
    return pairs


def _pattern_of(node: ast.Call, place: str) -> re.Pattern[str] | re.Pattern[bytes] | None:
    """The compiled pattern of a call of `re`, where it is made of constants of its module."""
    if node.func.attr not in METHODS | {"compile"} or not node.args:  # type: ignore[attr-defined]
        return None
    flags = [it for it in (*node.args[1:], *(word.value for word in node.keywords)) if "re." in ast.unparse(it)]
    code = f"re.compile({ast.unparse(node.args[0])}, {' | '.join(map(ast.unparse, flags)) or 0})"
    module = "tracewarp." + place.removesuffix(".py").replace("/", ".").removesuffix(".__init__")
    if isinstance(node.args[0], ast.Constant):
        names: dict[str, object] = {"re": re}
    else:
        names = vars(importlib.import_module(module))
    try:
        found = eval(code, dict(names))
    except NameError:
        return None  # it is put together where it is used
    assert isinstance(found, re.Pattern)
    return found


EXPRESSIONS = expressions()


def test_the_expressions_are_found() -> None:
    places = {place.partition(":")[0] for place, *_ in EXPRESSIONS}
    assert {"envs/base.py", "trajectory/formats/webarena_pages.py", "collect/simple_policies.py"} <= places
    assert len(EXPRESSIONS) > 40


@pytest.mark.parametrize(("place", "pattern", "flags", "methods"), EXPRESSIONS, ids=[it[0] for it in EXPRESSIONS])
def test_a_regular_expression_takes_linear_time(
    place: str, pattern: str | bytes, flags: int, methods: frozenset[str]
) -> None:
    compiled = re.compile(pattern, flags)
    anew = bool(methods & ANEW)

    def trial(text: str) -> Callable[[], object]:
        subject = text.encode("latin-1", "replace") if isinstance(pattern, bytes) else text
        if anew:
            return lambda: sum(1 for _ in compiled.finditer(subject))  # type: ignore[arg-type]
        if methods & {"fullmatch"}:
            return lambda: compiled.fullmatch(subject)  # type: ignore[arg-type]
        return lambda: compiled.match(subject)  # type: ignore[arg-type]

    found = {}
    for begin, pump, end in worst_cases(pattern, flags):

        def make(size: int, begin: str = begin, pump: str = pump, end: str = end) -> Callable[[], object]:
            return trial(filled(pump, size, begin, end))

        if (times := slow(make)) is not None:
            found[begin, pump, end] = times
    assert not found, f"{place}: {pattern!r} takes more than linear time"
