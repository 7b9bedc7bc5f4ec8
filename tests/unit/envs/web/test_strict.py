"""Tests of the strict evaluator: it corrects WebArena's known faults and reports where the scores differ."""

from typing import Any

import pytest

from tracewarp.envs.web.evaluators import Judgement, JudgeQuestion, Verdict, evaluate, require_evaluator
from tracewarp.envs.web.evidence import Evidence, Probe
from tracewarp.envs.web.strict import strict_url
from tracewarp.envs.web.tasks import web_task
from tracewarp.errors import OptionError
from tracewarp.trajectory import Task


def judged(block: dict[str, Any], *, judge: Any = None, **evidence: Any) -> Judgement:
    full = {"eval_types": [], "reference_answers": None, "reference_url": "", "program_html": []} | block
    task = web_task(Task(id="1", objective="How many?", start_url="http://a.test", extra={"eval": full}))
    return evaluate(task, Evidence(**{"answer": None, "url": "http://a.test/"} | evidence), judge, evaluator="strict")


def answered(references: list[str], answer: str) -> tuple[bool, bool]:
    """By the strict evaluator, and by WebArena's."""
    judgement = judged(
        {"eval_types": ["string_match"], "reference_answers": {"must_include": references}}, answer=answer
    )
    assert judgement.webarena is not None
    assert judgement.differs == (judgement.low != judgement.webarena[0])
    return judgement.success, judgement.webarena[0] == 1


@pytest.mark.parametrize(
    ("references", "answer", "strict", "webarena"),
    [
        (["65 |OR| 3"], "65", True, False),  # WebArena's task 386
        (["65 |OR| 3"], "There are 3 of them.", True, False),
        (["65 |OR| 3"], "653", False, False),
        (["65 |OR| 3"], "65 |OR| 3", True, True),
        (["10"], "100 reviews", False, True),
        (["10"], "10 reviews", True, True),
        (["170"], "000000170", True, True),  # the number of an order
        (["0"], "$0.00", True, False),
        (["0"], "10", False, False),
        (["2"], "on 4/2 there were 5", False, False),
        (["2"], "it is -2", False, False),
        (["35", "149"], "$35-149", True, True),
        (["35", "149"], "from 135 to 1149", False, True),
        (["745.00"], "745", True, False),
        (["1170"], "1,170.0 km", True, False),
        (["0.14"], "10.14", False, True),
        (["Yes"], "since yesterday", False, True),
        (["Yes"], "Yes, in 40 minutes", True, True),
        (["Lo", "Chen"], "Lots of work by Cheng", False, True),
        (["lamp"], "two lamps", True, True),  # a longer reference is looked for as WebArena does
        (["5 km"], "5\u00a0km", True, False),
    ],
)
def test_answers(references: list[str], answer: str, strict: bool, webarena: bool) -> None:
    assert answered(references, answer) == (strict, webarena)


@pytest.mark.parametrize(
    ("reference", "url", "strict", "webarena"),
    [
        ("http://a/f/books", "http://a/f/books/59421/title", True, True),
        ("http://a/f/books", "http://a/f/bookshop", False, True),
        ("http://a/issues/1", "http://a/issues/12", False, True),
        ("http://a/f/machinelearning", "http://a/f/MachineLearning", True, False),
        ("http://a/issues/?state=opened", "http://a/issues?state=opened&sort=x", True, False),
        ("http://a/search?q=night%20guard%20", "http://a/search?q=night+guard", True, False),
        ("http://a/x?q=1 |OR| http://a/y?q=2", "http://a/x?q=2", False, True),
        ("http://a/x?q=1 |OR| http://a/y?q=2", "http://a/y?q=2", True, True),
        ("http://a/x", "http://b/a/x", False, True),
        ("http://a/x", "http://a/x/", True, True),
    ],
)
def test_addresses(reference: str, url: str, strict: bool, webarena: bool) -> None:
    judgement = judged({"eval_types": ["url_match"], "reference_url": reference}, url=url)
    assert (judgement.success, judgement.webarena) == (strict, (webarena, webarena))


def test_every_value_of_a_query_must_be_there() -> None:
    assert strict_url("http://a/?x=1&x=2", "http://a/?x=2&x=1&y=3")
    assert not strict_url("http://a/?x=1&x=2", "http://a/?x=1")
    assert not strict_url("http://[", "http://a/")


def test_a_page_that_could_not_be_opened_passes_nothing() -> None:
    locator = "document.querySelector('#note').outerText"
    block = {
        "eval_types": ["program_html"],
        "program_html": [{"url": "http://a/note", "locator": locator, "required_contents": {"exact_match": ""}}],
    }
    for problem, strict in [("the page cannot be opened: gone", False), (None, True)]:
        probe = Probe("http://a/note", locator, "http://a/note", "", problem)
        judgement = judged(block, probes=(probe,))
        assert (judgement.success, judgement.webarena, judgement.differs) == (strict, (1, 1), not strict)


def test_pages_are_compared_as_answers_are() -> None:
    block = {
        "eval_types": ["program_html"],
        "program_html": [{"url": "last", "locator": "", "required_contents": {"must_include": ["12 |OR| 13", "ok"]}}],
    }
    for text, strict, webarena in [("13 &nbsp;ok", 1, 1), ("112 ok", 0, 1), ("12 tokens", 0, 1)]:
        judgement = judged(block, probes=(Probe("last", "", "http://a/", text),))
        assert (judgement.low, judgement.webarena) == (strict, (webarena, webarena))


def test_a_judge_is_asked_once_for_both() -> None:
    asked = []

    def judge(question: JudgeQuestion) -> Verdict:
        asked.append(question)
        return Verdict(passed=True)

    block = {"eval_types": ["string_match"], "reference_answers": {"fuzzy_match": ["15 minutes"]}}
    assert judged(block, judge=judge, answer="a quarter").success
    assert len(asked) == 1


def test_the_judgement_says_by_which_evaluator_it_was_made() -> None:
    told = judged({"eval_types": ["url_match"], "reference_url": "http://a.test"}).to_json()
    assert (told["evaluator"], told["webarena"]) == ("strict", {"low": 1.0, "high": 1.0})
    with pytest.raises(OptionError, match="evaluator: expected webarena or strict, got 'lenient'"):
        require_evaluator("lenient")
