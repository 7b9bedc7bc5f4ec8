"""WebArena's evaluators as pure functions on stored evidence.

definition  score = product over the task's eval_types of their parts, each 0 or 1.
            string_match    every reference of the answer holds; texts are compared after `clean`, the answer's twice.
              exact_match   equal
              must_include  a substring; an only reference of one character must be a word of the answer
              fuzzy_match   a judge finds reference and answer equivalent
              N/A           the answer is n/a, or a judge finds that it gives the reason in `string_note`; an answer
                            without any word of refusal is wrong, and the judge is not asked
            url_match       some reference's host and path is a substring of the page's, and for every key in the
                            references' queries some reference's value is among the page's
            program_html    each probed text, HTML entities decoded, equals or includes what is required; alternatives
                            stand between ` |OR| `
            Each part compares in one of two ways: `webarena` as WebArena does, faults included, so that scores can be
            compared with published ones; `strict` without them (see `tracewarp.envs.web.strict`).
            A part that asks a judge where there is none, or that this driver could not read, is unknown: the score
            lies in [low, high], where low counts it 0 and high counts it 1.
source      WebArena (Zhou et al. 2024), evaluation_harness/evaluators.py.
differs     An empty answer is not shown to a judge: it is wrong. So is an answer without any word of refusal (see
            `tracewarp.envs.web.refusals`) where the right answer is N/A. A failed reference beside N/A stays failed.
            The words of an answer are told by rules of our own in place of NLTK's tokenizer (see `stands_alone`).
"""

from __future__ import annotations

import html
from collections import defaultdict
from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, replace
from functools import cache
from typing import Any, Literal, get_args
from urllib.parse import parse_qs, urlparse

from tracewarp.envs.web.evidence import Evidence, Probe
from tracewarp.envs.web.refusals import refuses
from tracewarp.envs.web.strict import strict_exact, strict_include, strict_url
from tracewarp.envs.web.tasks import NOT_ACHIEVABLE, OR, AnswerReference, ProgramCheck, WebTask
from tracewarp.envs.web.texts import clean, stands_alone
from tracewarp.errors import OptionError

Evaluator = Literal["webarena", "strict"]
"""How texts and addresses are compared."""

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
    evaluator: Evaluator = "webarena"
    webarena: tuple[float, float] | None = None
    """Judged by `strict`: the bounds that `webarena` gives."""

    @property
    def differs(self) -> bool:
        """Does WebArena's own evaluator give another score?"""
        return self.webarena not in (None, (self.low, self.high))

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
        told: dict[str, Any] = {"low": self.low, "high": self.high, "parts": [asdict(part) for part in self.parts]}
        told["evaluator"] = self.evaluator
        if self.webarena is not None:
            told["webarena"] = {"low": self.webarena[0], "high": self.webarena[1]}
        return told


def require_evaluator(name: str) -> Evaluator:
    """Return the name of an evaluator.

    Raises:
        OptionError: there is none of that name.
    """
    for known in get_args(Evaluator):
        if name == known:
            return known  # type: ignore[no-any-return]
    raise OptionError(f"evaluator: expected {' or '.join(get_args(Evaluator))}, got {name!r}")


def evaluate(
    task: WebTask, evidence: Evidence, judge: Judge | None = None, *, evaluator: Evaluator = "webarena"
) -> Judgement:
    """Judge an episode. The same task, evidence, judge and evaluator give the same judgement.

    Args:
        task: with the addresses of the episode (`web_task(task, SiteMap(evidence.sites))`).
        evidence: what was gathered at its end.
        judge: asked only where everything else holds; None: such parts are unknown.
        evaluator: how texts and addresses are compared. `strict` gives the bounds of `webarena`, too.
    """
    if evaluator == "webarena":
        return _judged(task, evidence, judge, _WEBARENA)
    judge = None if judge is None else _remembering(judge)
    by_webarena = _judged(task, evidence, judge, _WEBARENA)
    strict = _judged(task, evidence, judge, _STRICT)
    return replace(strict, evaluator=evaluator, webarena=(by_webarena.low, by_webarena.high))


def _remembering(judge: Judge) -> Judge:
    """The same judge, asked once a question."""
    return cache(judge)


def _judged(task: WebTask, evidence: Evidence, judge: Judge | None, rules: _Rules) -> Judgement:
    parts = list(_certain_parts(task, evidence, rules))
    failed = any(part.passed is False for part in parts)
    answer = task.evaluation.answer
    if answer is not None:
        parts += _judged_parts(task.intent, answer, evidence.answer, None if failed else judge, pointless=failed)
    low = float(all(part.passed for part in parts))
    high = float(all(part.passed is not False for part in parts))
    return Judgement(low, high, tuple(parts))


def _certain_parts(task: WebTask, evidence: Evidence, rules: _Rules) -> Iterator[Part]:
    """The parts that need no judge."""
    evaluation = task.evaluation
    if evaluation.answer is not None:
        yield from _answer_parts(evaluation.answer, evidence.answer, rules)
    if "url_match" in evaluation.types:
        matched = rules.url(evaluation.reference_url, evidence.url)
        yield Part("url_match", evaluation.reference_url, evidence.url, matched)
    for number, check in enumerate(evaluation.program):
        probe = evidence.probes[number] if number < len(evidence.probes) else None
        yield _program_part(check, probe, rules)


def _answer_parts(reference: AnswerReference, answer: str | None, rules: _Rules) -> Iterator[Part]:
    said = clean(answer or "")
    if reference.exact is not None:
        yield Part("exact_match", reference.exact, _cut(said), rules.exact(reference.exact, said))
    for phrase in reference.includes:
        found = rules.answer_includes(phrase, said, len(reference.includes) == 1)
        yield Part("must_include", phrase, _cut(said), found)


def _judged_parts(
    intent: str, reference: AnswerReference, answer: str | None, judge: Judge | None, *, pointless: bool
) -> Iterator[Part]:
    said = clean(answer or "")
    if reference.unachievable:
        if exact_match(NOT_ACHIEVABLE, said):
            yield Part("unachievable", NOT_ACHIEVABLE, said, passed=True)
        elif said and not refuses(said):
            why = "the answer has no word of refusal"
            yield Part("unachievable", _or_reason(reference.note), _cut(said), passed=False, note=why)
        else:
            question = JudgeQuestion("reason", intent, reference.note, said)
            yield _ask("unachievable", question, judge, pointless=pointless)
    for text in reference.fuzzy:
        yield _ask("fuzzy_match", JudgeQuestion("equivalent", intent, text, said), judge, pointless=pointless)


def _ask(
    kind: Literal["fuzzy_match", "unachievable"], question: JudgeQuestion, judge: Judge | None, *, pointless: bool
) -> Part:
    expected = question.reference if kind == "fuzzy_match" else _or_reason(question.reference)
    if not question.answer:
        return Part(kind, expected, "", passed=False, note="no answer was given")
    if judge is None:
        why = "not asked: another part failed" if pointless else "no judge was there to compare them"
        return Part(kind, expected, _cut(question.answer), passed=None, note=why)
    verdict = judge(question)
    return Part(kind, expected, _cut(question.answer), verdict.passed, note=_cut(verdict.explanation))


def _or_reason(note: str) -> str:
    return f"{NOT_ACHIEVABLE}, or: {note}"


def _program_part(check: ProgramCheck, probe: Probe | None, rules: _Rules) -> Part:
    expected = check.exact if check.exact is not None else "; ".join(check.includes)
    if probe is None or probe.locator != check.locator:
        return Part("program_html", expected, "", passed=None, note="the evidence holds no such probe")
    note = f"{probe.visited} {probe.locator}".strip() + (f": {probe.problem}" if probe.problem else "")
    if not probe.readable:
        return Part("program_html", expected, "", passed=None, note=note)
    text = html.unescape(probe.text)
    if probe.problem is not None and not rules.missing_pages_may_pass:
        passed = False
    elif check.exact is not None:
        passed = rules.exact(check.exact, text)
    else:
        passed = all(rules.page_includes(phrase, text) for phrase in check.includes)
    return Part("program_html", expected, _cut(text), passed, note=note)


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


@dataclass(frozen=True, slots=True)
class _Rules:
    """One way to compare."""

    exact: Callable[[str, str], bool]
    """Reference, text."""
    answer_includes: Callable[[str, str, bool], bool]
    """Reference, answer, whether it is the only reference."""
    page_includes: Callable[[str, str], bool]
    url: Callable[[str, str], bool]
    missing_pages_may_pass: bool
    """A page that could not be opened reads as "", which may be just what is required."""


_WEBARENA = _Rules(
    exact=exact_match,
    answer_includes=lambda reference, answer, alone: must_include(reference, answer, as_word=alone),
    page_includes=lambda reference, text: any(must_include(one, text) for one in reference.split(OR)),
    url=url_match,
    missing_pages_may_pass=True,
)
_STRICT = _Rules(
    exact=strict_exact,
    answer_includes=lambda reference, answer, alone: strict_include(reference, answer, as_word=alone),
    page_includes=strict_include,
    url=strict_url,
    missing_pages_may_pass=False,
)


def _cut(text: str) -> str:
    return text if len(text) <= _SHOWN else text[: _SHOWN - 3] + "..."
