"""Words of refusal: what they are, and what an answer to an N/A task is without them."""

import re
from pathlib import Path

import pytest

from tracewarp.envs.web.evaluators import Evaluator, JudgeQuestion, Verdict, evaluate
from tracewarp.envs.web.evidence import Evidence
from tracewarp.envs.web.refusals import BEGINNINGS, WORDS, refuses
from tracewarp.envs.web.tasks import web_task
from tracewarp.trajectory import Task

DATASHEET = Path(__file__).parents[4] / "docs" / "definitions" / "web_evaluators.md"
NO_SUCH_SHOP = web_task(
    Task(
        id="1",
        objective="Which shop sells tubs?",
        start_url="http://a.test",
        extra={
            "eval": {
                "eval_types": ["string_match"],
                "reference_answers": {"fuzzy_match": "N/A"},
                "string_note": "no shop sells tubs",
            }
        },
    )
)


def verdict(answer: str | None, evaluator: Evaluator, judge_says: bool | None = None) -> tuple[float, float]:
    def judge(question: JudgeQuestion) -> Verdict:
        return Verdict(passed=judge_says)

    evidence = Evidence(answer=answer, url="http://a.test/")
    judged = evaluate(NO_SUCH_SHOP, evidence, None if judge_says is None else judge, evaluator=evaluator)
    return judged.low, judged.high


@pytest.mark.parametrize("evaluator", ["webarena", "strict"])
@pytest.mark.parametrize("answer", [None, "", "  ", "''", "Lamps & Tubs", "12", "$0.29", "10 shops", "Done!"])
def test_an_empty_answer_or_one_without_refusal_is_wrong_whatever_a_judge_would_say(
    answer: str | None, evaluator: Evaluator
) -> None:
    assert verdict(answer, evaluator) == (0, 0)
    assert verdict(answer, evaluator, judge_says=True) == (0, 0)


@pytest.mark.parametrize("evaluator", ["webarena", "strict"])
@pytest.mark.parametrize("answer", ["None of them does.", "I couldn’t find one", "0 shops found", "Sorry, none."])
def test_a_reason_in_words_needs_the_judge(answer: str, evaluator: Evaluator) -> None:
    assert verdict(answer, evaluator) == (0, 1)
    assert verdict(answer, evaluator, judge_says=True) == (1, 1)
    assert verdict(answer, evaluator, judge_says=False) == (0, 0)


@pytest.mark.parametrize("evaluator", ["webarena", "strict"])
def test_n_a_alone_is_right_without_a_judge(evaluator: Evaluator) -> None:
    assert verdict("N/A", evaluator) == verdict(" 'n/a' ", evaluator) == (1, 1)


@pytest.mark.parametrize("word", WORDS)
def test_a_word_refuses_alone_and_between_signs_but_not_inside_another(word: str) -> None:
    assert refuses(word)
    assert refuses(f"Well: {word.upper()}, I fear.")
    assert not refuses(f"q{word}q")
    assert not refuses(f"q{word}")
    assert not refuses(f"{word}q")


@pytest.mark.parametrize("beginning", BEGINNINGS)
def test_a_beginning_refuses_at_the_start_of_a_word_only(beginning: str) -> None:
    assert refuses(f"It is {beginning}xyz here")
    assert refuses(beginning.upper())
    assert not refuses(f"q{beginning}")


@pytest.mark.parametrize(
    ("answer", "refused"),
    [
        ("It isn't there", True),
        ("It isn’t there", True),
        ("the tent", False),
        ("n't", True),
        ("10", False),
        ("0.29", False),
        ("1,0", False),
        ("at 12:0", False),
        ("0,5", False),
        ("0 of them", True),
        ("Shops: 0.", True),
        ("No.1 Street", False),
        ("no. None", True),
        ("black lace", False),  # holds "lack"
        ("Notting Hill, Nantes, Norway", False),
        ("It remains to be seen", False),
        ("", False),
    ],
)
def test_what_refuses(answer: str, refused: bool) -> None:
    assert refuses(answer) is refused


def test_the_words_of_refusal_are_those_of_the_datasheet() -> None:
    text = DATASHEET.read_text(encoding="utf-8")
    words, beginnings, _ = re.split(r"^- a", text.split("**Words of refusal.**")[1], flags=re.MULTILINE)[1:]
    assert tuple(re.findall(r"`([^` ]+)`", words.split("zero`")[0] + "zero`")) == WORDS
    assert tuple(re.findall(r"`([^` ]+)`", beginnings)) == BEGINNINGS
