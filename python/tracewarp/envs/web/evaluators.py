"""WebArena's evaluators as pure functions on stored evidence.

definition  score = product over the task's eval_types of their parts, each 0 or 1.
            string_match    every reference of the answer holds; texts are compared after `clean`, the answer's twice.
              exact_match   equal
              must_include  a substring; an only reference of one character must be a word of the answer
              fuzzy_match   a judge finds reference and answer equivalent
              N/A           the answer is n/a, or a judge finds that it gives the reason in `string_note`
            url_match       some reference's host and path is a substring of the page's, and for every key in the
                            references' queries some reference's value is among the page's
            program_html    each probed text, HTML entities decoded, equals or includes what is required; alternatives
                            stand between ` |OR| `
            A part that asks a judge where there is none, or that this driver could not read, is unknown: the score
            lies in [low, high], where low counts it 0 and high counts it 1.
source      WebArena (Zhou et al. 2024), evaluation_harness/evaluators.py.
differs     An empty answer is not shown to a judge: it is wrong. A failed reference beside N/A stays failed. The words
            of an answer are told by rules of our own in place of NLTK's tokenizer (see `stands_alone`).
"""

from __future__ import annotations

import html
import re
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass
from typing import Any, Literal
from urllib.parse import parse_qs, urlparse

from tracewarp.envs.web.evidence import Evidence, Probe
from tracewarp.envs.web.tasks import NOT_ACHIEVABLE, OR, AnswerReference, ProgramCheck, WebTask

_SHOWN = 200


@dataclass(frozen=True, slots=True)
class JudgeQuestion:
    """What a judge is asked."""

    kind: Literal["equivalent", "reason"]
    """Is the answer equivalent to the reference; is it about the reason why the task cannot be done?"""
    intent: str
    reference: str
    answer: str
    """After `clean`."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """What a judge says."""

    passed: bool | None
    """None: it gave no verdict."""
    explanation: str = ""


Judge = Callable[[JudgeQuestion], Verdict]
"""A model, a person, a table: whatever compares texts by their meaning."""


@dataclass(frozen=True, slots=True)
class Part:
    """One comparison."""

    kind: Literal["exact_match", "must_include", "fuzzy_match", "unachievable", "url_match", "program_html"]
    expected: str
    found: str
    """Its beginning."""
    passed: bool | None
    """None: unknown."""
    note: str = ""
    """Where it was read, what the judge said, why it is unknown."""


@dataclass(frozen=True, slots=True)
class Judgement:
    """The score of an episode."""

    low: float
    """0 or 1; unknown parts count as failed. The headline."""
    high: float
    """0 or 1; unknown parts count as passed."""
    parts: tuple[Part, ...]

    @property
    def unknown(self) -> int:
        """How many parts could not be judged, where the score depends on them."""
        return sum(part.passed is None for part in self.parts) if self.low != self.high else 0

    @property
    def success(self) -> bool:
        """Is it certain that the task was done?"""
        return self.low >= 1.0

    def to_json(self) -> dict[str, Any]:
        """As plain JSON, for records."""
        return {"low": self.low, "high": self.high, "parts": [asdict(part) for part in self.parts]}


def evaluate(task: WebTask, evidence: Evidence, judge: Judge | None = None) -> Judgement:
    """Judge an episode. The same task, evidence and judge give the same judgement.

    Args:
        task: with the addresses of the episode (`web_task(task, SiteMap(evidence.sites))`).
        evidence: what was gathered at its end.
        judge: asked only where everything else holds; None: such parts are unknown.
    """
    parts = list(_certain_parts(task, evidence))
    failed = any(part.passed is False for part in parts)
    answer = task.evaluation.answer
    if answer is not None:
        parts += _judged_parts(task.intent, answer, evidence.answer, None if failed else judge, pointless=failed)
    low = float(all(part.passed for part in parts))
    high = float(all(part.passed is not False for part in parts))
    return Judgement(low, high, tuple(parts))


def _certain_parts(task: WebTask, evidence: Evidence) -> Iterator[Part]:
    """The parts that need no judge."""
    evaluation = task.evaluation
    if evaluation.answer is not None:
        yield from _answer_parts(evaluation.answer, evidence.answer)
    if "url_match" in evaluation.types:
        matched = url_match(evaluation.reference_url, evidence.url)
        yield Part("url_match", evaluation.reference_url, evidence.url, matched)
    for number, check in enumerate(evaluation.program):
        probe = evidence.probes[number] if number < len(evidence.probes) else None
        yield _program_part(check, probe)


def _answer_parts(reference: AnswerReference, answer: str | None) -> Iterator[Part]:
    said = clean(answer or "")
    if reference.exact is not None:
        yield Part("exact_match", reference.exact, _cut(said), exact_match(reference.exact, said))
    for phrase in reference.includes:
        found = must_include(phrase, said, as_word=len(reference.includes) == 1)
        yield Part("must_include", phrase, _cut(said), found)


def _judged_parts(
    intent: str, reference: AnswerReference, answer: str | None, judge: Judge | None, *, pointless: bool
) -> Iterator[Part]:
    said = clean(answer or "")
    if reference.unachievable:
        if exact_match(NOT_ACHIEVABLE, said):
            yield Part("unachievable", NOT_ACHIEVABLE, said, passed=True)
        else:
            question = JudgeQuestion("reason", intent, reference.note, said)
            yield _ask("unachievable", question, judge, pointless=pointless)
    for text in reference.fuzzy:
        yield _ask("fuzzy_match", JudgeQuestion("equivalent", intent, text, said), judge, pointless=pointless)


def _ask(
    kind: Literal["fuzzy_match", "unachievable"], question: JudgeQuestion, judge: Judge | None, *, pointless: bool
) -> Part:
    expected = question.reference if kind == "fuzzy_match" else f"{NOT_ACHIEVABLE}, or: {question.reference}"
    if not question.answer:
        return Part(kind, expected, "", passed=False, note="no answer was given")
    if judge is None:
        why = "not asked: another part failed" if pointless else "no judge was there to compare them"
        return Part(kind, expected, _cut(question.answer), passed=None, note=why)
    verdict = judge(question)
    return Part(kind, expected, _cut(question.answer), verdict.passed, note=_cut(verdict.explanation))


def _program_part(check: ProgramCheck, probe: Probe | None) -> Part:
    expected = check.exact if check.exact is not None else "; ".join(check.includes)
    if probe is None or probe.locator != check.locator:
        return Part("program_html", expected, "", passed=None, note="the evidence holds no such probe")
    note = f"{probe.visited} {probe.locator}".strip() + (f": {probe.problem}" if probe.problem else "")
    if not probe.readable:
        return Part("program_html", expected, "", passed=None, note=note)
    text = html.unescape(probe.text)
    if check.exact is not None:
        passed = exact_match(check.exact, text)
    else:
        passed = all(
            any(must_include(alternative, text) for alternative in phrase.split(OR)) for phrase in check.includes
        )
    return Part("program_html", expected, _cut(text), passed, note=note)


def clean(text: str) -> str:
    """Strip, take one pair of outer quotes off (' or "), and lower-case."""
    text = text.strip()
    for quote in "'\"":
        if text.startswith(quote) and text.endswith(quote):
            return text[1:-1].lower()
    return text.lower()


def exact_match(reference: str, answer: str) -> bool:
    """Are they equal after `clean`?"""
    return clean(answer) == clean(reference)


def must_include(reference: str, answer: str, *, as_word: bool = False) -> bool:
    """Is the reference in the answer, both after `clean`?

    Args:
        reference: a phrase.
        answer: where it is looked for.
        as_word: a reference of one character must be a word of its own, so that 0 is not found in 10.
    """
    reference, answer = clean(reference), clean(answer)
    if as_word and len(reference) == 1 and not reference.isspace():
        return stands_alone(reference, answer)
    return reference in answer


_SPLIT = r"[\s;@#$%&?!*()\[\]{}<>\"`“”«»„–—]|--|\.{2,}"
"""What ends a word wherever it stands, as in the Penn Treebank's tokenization."""
_BEFORE = re.compile(rf"(?:{_SPLIT}|['‘’])$")
_AFTER = re.compile(rf"$|{_SPLIT}|[,:](?=\D|$)|['‘’](?!\w)|'(?:s|m|d|ll|re|ve)\b|\.[\])}}>\"'»”’\s]*$|\.\s+(?![a-z])")


def stands_alone(sign: str, text: str) -> bool:
    """Is a single character a word of a text, as the Penn Treebank's tokenization tells words?

    Blanks, brackets, quotes and most signs end a word; `,` and `:` do before anything but a digit, `.` at the end of
    the text (or before anything but a small letter). So 2 is a word of `(2)`, `$2`, `2.` and `2, 3`, and none of
    `2.5`, `1,2`, `-2` and `0/2`. A sign that ends words is a word by itself.
    """
    if re.fullmatch(_SPLIT, sign):
        return sign in text
    return any(
        (found.start() == 0 or _ends_word(text[max(0, found.start() - 2) : found.start()], sign))
        and _AFTER.match(text, found.end()) is not None
        for found in re.finditer(re.escape(sign), text)
    )


def _ends_word(before: str, sign: str) -> bool:
    return _BEFORE.search(before) is not None or (before[-1] in ",:" and not sign.isdigit())


def url_match(reference: str, url: str) -> bool:
    """Is the page at one of the reference's addresses?

    Args:
        reference: addresses, ` |OR| ` between alternatives.
        url: of the page.
    """
    paths: list[str] = []
    queries: defaultdict[str, set[str]] = defaultdict(set)
    for alternative in reference.split(OR):
        path, query = _path_and_query(alternative)
        paths.append(path)
        for key, values in query.items():
            queries[key].update(values)
    at, asked = _path_and_query(url)
    return any(path in at for path in paths) and all(
        not values.isdisjoint(asked.get(key, ())) for key, values in queries.items()
    )


def _path_and_query(url: str) -> tuple[str, dict[str, list[str]]]:
    """Host and path in one piece, and the query without empty values."""
    try:
        parts = urlparse(url.rstrip("/"))
    except ValueError:  # brackets that are no IPv6 address
        return url, {}
    return parts.netloc + parts.path, parse_qs(parts.query)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
