"""Each rule of the plausibility filter, alone and together, and what is said of it where the truth is known."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from tracewarp.errors import OptionError
from tracewarp.synthesize import (
    PAPER_RULES,
    PAPER_TEXT_RULES,
    RULE_SETS,
    RULES,
    RULES_IN_WORDS,
    filter_quality,
    judge_agreement,
    judge_plausible,
)
from tracewarp.trajectory import Ending, Trajectory

Make = Callable[..., Trajectory]
GOOD = ["click [1]", "type [2] [lamp] [1]", "stop [42]"]


RELEASED_AND_MORE = tuple(name for name in RULES if name != "gives_up_in_any_response")


def rules_against(trajectory: Trajectory, rules: tuple[str, ...] = RELEASED_AND_MORE) -> list[str]:
    [verdict] = judge_plausible([trajectory], rules=rules)
    return [name for name, _ in verdict.reasons]


def test_every_rule_has_words_and_the_papers_are_among_them() -> None:
    assert set(RULES) == set(RULES_IN_WORDS)
    assert set(PAPER_RULES) == set(RULES) - {"invalid_action", "gives_up_in_any_response"}
    assert PAPER_TEXT_RULES == ("failure", "unparsable", "gives_up_in_any_response", "gives_up")
    assert RULE_SETS == {"paper": PAPER_RULES, "paper-text": PAPER_TEXT_RULES, "none": ()}


def test_a_plain_success_passes_every_rule(make: Make) -> None:
    assert rules_against(make(GOOD)) == []


@pytest.mark.parametrize(
    ("ending", "rule"),
    [
        (Ending.STEP_LIMIT, "early_stop"),
        (Ending.TIME_LIMIT, "early_stop"),
        (Ending.PARSE_FAILURES, "early_stop"),
        (Ending.REPEATED_ACTION, "early_stop"),
        (Ending.UNKNOWN, "early_stop"),
        (Ending.ENVIRONMENT_ERROR, "failure"),
        (Ending.AGENT_ERROR, "failure"),
    ],
)
def test_every_ending_but_the_agents_own_is_objected_to(make: Make, ending: Ending, rule: str) -> None:
    assert rules_against(make(GOOD, ending=ending)) == [rule]


@pytest.mark.parametrize("action", [None, "lamp", "klick [1]", "click", "click [x]", ""])
def test_a_response_that_cannot_be_parsed_is_objected_to(make: Make, action: str | None) -> None:
    assert "unparsable" in rules_against(make(["click [1]", action, "stop [42]"]))


def test_a_response_that_was_asked_for_again_counts_as_not_parsed(make: Make) -> None:
    trajectory = make(GOOD)
    first = trajectory.steps[0]
    again = first.model_copy(update={"extra": {**first.extra, "attempts": [{"response": "hm"}]}})
    assert rules_against(trajectory.model_copy(update={"steps": (again, *trajectory.steps[1:])})) == ["unparsable"]


def test_an_episode_without_a_step_is_objected_to(make: Make) -> None:
    assert "unparsable" in rules_against(make([]))


@pytest.mark.parametrize(("times", "kept"), [(2, True), (3, False), (4, False)])
def test_an_action_may_occur_twice_wherever_it_stands(make: Make, times: int, kept: bool) -> None:
    actions = [step for i in range(times) for step in ("click [7]", f"click [{100 + i}]")]
    assert (rules_against(make([*actions, "stop [42]"])) == []) is kept


@pytest.mark.parametrize(
    ("response", "kept"),
    [
        ("It is impossible. ```stop [42]```", False),
        ("I CANNOT see it. ```stop [42]```", False),
        ("I can not see it. ```stop [42]```", True),
        ("Here it is. ```stop [42]```", True),
    ],
)
def test_words_of_giving_up_count_in_the_last_response_only(make: Make, response: str, kept: bool) -> None:
    assert (rules_against(make(GOOD, last_response=response)) == []) is kept
    early = make(["click [1]", "stop [42]"])
    first = early.steps[0].model_copy(update={"response": response})
    assert rules_against(early.model_copy(update={"steps": (first, early.steps[1])})) == []


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_papers_wording_looks_for_words_of_giving_up_in_every_response(make: Make, place: int) -> None:
    trajectory = make(GOOD)
    assert rules_against(trajectory, PAPER_TEXT_RULES) == []
    steps = list(trajectory.steps)
    steps[place] = steps[place].model_copy(update={"response": "This Cannot be. ```click [1]```"})
    [verdict] = judge_plausible([trajectory.model_copy(update={"steps": tuple(steps)})], rules=PAPER_TEXT_RULES)
    assert verdict.reasons == (("gives_up_in_any_response", f"the response of step {place} says 'cannot'"),)


def test_a_response_that_was_asked_for_again_is_searched_and_a_step_after_the_end_is_not(make: Make) -> None:
    rule = ("gives_up_in_any_response",)
    first, *rest = make(GOOD).steps
    again = first.model_copy(update={"extra": {**first.extra, "attempts": [{"response": "impossible"}, "odd", {}]}})
    assert rules_against(make(GOOD).model_copy(update={"steps": (again, *rest)}), rule) == list(rule)
    after = first.model_copy(update={"response": "impossible", "executed": False})
    assert rules_against(make(GOOD).model_copy(update={"steps": (first, *rest, after)}), rule) == []
    silent = first.model_copy(update={"response": None})
    assert rules_against(make(GOOD).model_copy(update={"steps": (silent, *rest)}), rule) == []


def test_section_2_1_names_neither_limits_of_the_runner_nor_loops(make: Make) -> None:
    looped = make(["click [7]"] * 4, ending=Ending.STEP_LIMIT)
    assert rules_against(looped) == ["early_stop", "loops"]
    assert rules_against(looped, PAPER_TEXT_RULES) == []


@pytest.mark.parametrize(
    ("action", "kept"),
    [
        ("stop [N/A]", False),
        ("stop [n/a]", False),
        ("stop []", False),
        ("stop", False),
        ("stop [No results]", False),
        ("stop [No]", False),
        ("send_msg_to_user('')", False),
        ("send_msg_to_user('N/A')", False),
        ("report_infeasible('not there')", False),
        ("stop [North Street]", True),
        ("stop [None of them]", True),
        ("stop [42]", True),
        ("send_msg_to_user('42')", True),
        ("click [5]", True),
    ],
)
def test_giving_up_as_an_answer(make: Make, action: str, kept: bool) -> None:
    assert (rules_against(make(["click [1]", action])) == []) is kept


def test_refused_actions_are_objected_to_by_the_rule_that_is_ours(make: Make) -> None:
    assert rules_against(make(GOOD, valid=False, error="no such element")) == ["invalid_action"]


def test_steps_recorded_after_the_end_do_not_count(make: Make) -> None:
    trajectory = make([*GOOD, None])
    after = trajectory.steps[3].model_copy(update={"executed": False})
    assert rules_against(trajectory.model_copy(update={"steps": (*trajectory.steps[:3], after)})) == []


def test_rules_are_switched_by_name(make: Make) -> None:
    [verdict] = judge_plausible([make(["stop [N/A]"])], rules=("loops",))
    assert verdict.kept
    with pytest.raises(OptionError, match="rules: expected some of"):
        judge_plausible([], rules=("nothing",))


def test_quality_counts_by_hand(make: Make) -> None:
    runs = [
        make(GOOD, task="1", score=1.0),
        make(GOOD, task="2", score=0.0),
        make(["stop [N/A]"], task="3", score=1.0),
        make(["stop [N/A]"], task="4", score=0.0),
        make(["stop [N/A]"], task="5", score=0.0, ending=Ending.STEP_LIMIT),
        make(GOOD, task="6", score=None),
    ]
    quality = filter_quality(judge_plausible(runs), rules=PAPER_RULES)
    assert (quality.n, quality.kept, quality.judged, quality.successes) == (6, 3, 5, 2)
    assert (quality.precision, quality.recall, quality.f1, quality.accuracy) == (0.5, 0.5, 0.5, 0.6)
    by_rule = {count.rule: count for count in quality.rules}
    gives_up = by_rule["gives_up"]
    assert (gives_up.objected, gives_up.alone, gives_up.precision, gives_up.recall) == (3, 2, 2 / 3, 2 / 3)
    assert (by_rule["early_stop"].objected, by_rule["early_stop"].alone) == (1, 0)
    assert by_rule["loops"].precision is None


def reason_of(trajectory: Trajectory, rule: str) -> str | None:
    """What a rule says."""
    [verdict] = judge_plausible([trajectory], rules=(rule,))
    return dict(verdict.reasons).get(rule)


def test_every_reason_says_what_was_found(make: Make) -> None:
    silent = make(["click [1]"])
    quiet = silent.model_copy(update={"steps": (silent.steps[0].model_copy(update={"response": None}),)})
    for trajectory, rule, reason in [
        (make([], ending=Ending.TIME_LIMIT), "early_stop", "ended by time_limit"),
        (make([], ending=Ending.AGENT_ERROR), "failure", "ended by agent_error"),
        (make([]), "unparsable", "no step was taken"),
        (make(["click [1]", None]), "unparsable", "the response of step 1 holds no action"),
        (make(["click [7]"] * 3), "loops", "'click [7]' occurs 3 times"),
        (make([f"stop [{'x' * 90}]"] * 3), "loops", f"'stop [{'x' * 74}' occurs 3 times"),
        (make([]), "loops", None),
        (make([None] * 4), "loops", None),
        (make(GOOD, last_response="IMPOSSIBLE"), "gives_up_in_words", "the last response says 'impossible'"),
        (make([]), "gives_up_in_words", None),
        (quiet, "gives_up_in_words", None),
        (make(["stop [N/A]"]), "gives_up", "the answer is 'N/A'"),
        (make([f"stop [No {'x' * 90}]"]), "gives_up", f"the answer is 'No {'x' * 77}'"),
        (make(GOOD, valid=False, error="gone"), "invalid_action", "the action of step 0 was refused: gone"),
        (make(GOOD, valid=False), "invalid_action", "the action of step 0 was refused: no reason given"),
    ]:
        assert reason_of(trajectory, rule) == reason


def test_unknown_rules_are_refused_with_the_known_ones() -> None:
    with pytest.raises(OptionError) as raised:
        judge_plausible([], rules=("loops", "nothing"))
    assert str(raised.value) == f"rules: expected some of {', '.join(RULES)}, got 'nothing'"


def test_agreement_keeps_the_trajectories_and_says_why_not(make: Make) -> None:
    runs = [make(GOOD, task="1", repeat=0), make(GOOD, task="1", repeat=1), make(["stop [43]"], task="1", repeat=2)]
    judged = judge_agreement(judge_plausible(runs), keep="one")
    assert [verdict.trajectory for verdict in judged] == runs
    assert [verdict.reasons for verdict in judged] == [
        (),
        (("agreement", "an earlier sample of the task took the same actions"),),
        (("agreement", "1 of the task's plausible samples took these actions, 2 are needed"),),
    ]
    with pytest.raises(OptionError, match="keep: expected all or one, got 'some'"):
        judge_agreement(judge_plausible(runs), keep="some")  # type: ignore[arg-type]


def test_agreement_compares_actions_without_blanks_at_their_ends_and_every_one_of_them(make: Make) -> None:
    runs = [make(actions) for actions in ([" click [1]\n", "stop [1]"], ["click [1]", "stop [1]"], ["stop [1]"])]
    assert [v.kept for v in judge_agreement(judge_plausible(runs))] == [True, True, False]
    holes = [make(actions) for actions in (["click [1]", None], ["click [1]", ""], ["click [2]", None])]
    assert [v.kept for v in judge_agreement(judge_plausible(holes, rules=()))] == [True, True, False]


def test_a_filter_that_keeps_nothing_or_is_judged_by_nobody_has_no_precision(make: Make) -> None:
    rejected = filter_quality(judge_plausible([make(["stop [N/A]"], score=0.0)]), rules=("gives_up",))
    assert (rejected.precision, rejected.recall, rejected.f1, rejected.accuracy) == (None, None, None, 1.0)
    nobody = filter_quality(judge_plausible([make(GOOD)]), rules=("gives_up",))
    assert (nobody.kept, nobody.judged, nobody.accuracy, nobody.rules[0].recall) == (1, 0, None, None)
    uneven = [make(GOOD, score=1.0), make(GOOD, score=0.0), make(GOOD, score=0.5), make(["stop []"], score=1.0)]
    found = filter_quality(judge_plausible(uneven), rules=("gives_up",))
    assert (found.precision, found.recall, found.f1) == (1 / 3, 1 / 2, 2 / 5)
    assert (found.rules[0].precision, found.rules[0].recall) == (0.0, 0.0)


def test_agreement_wants_the_same_actions_of_plausible_samples_of_one_task(make: Make) -> None:
    other = ["click [1]", "stop [43]"]
    runs = [
        make(GOOD, task="1", repeat=0),
        make(other, task="1", repeat=1),
        make(GOOD, task="1", repeat=2),
        make(GOOD, task="1", repeat=3, ending=Ending.STEP_LIMIT),
        make(GOOD, task="2", repeat=0),
        make(["stop [N/A]"], task="3", repeat=0),
        make(["stop [N/A]"], task="3", repeat=1),
    ]
    verdicts = judge_plausible(runs)
    assert [v.kept for v in judge_agreement(verdicts)] == [True, False, True, False, False, False, False]
    assert [v.kept for v in judge_agreement(verdicts, keep="one")] == [True] + [False] * 6
    assert [v.kept for v in judge_agreement(verdicts, m=3)] == [False] * 7
    with pytest.raises(OptionError, match="m: expected an integer >= 2"):
        judge_agreement(verdicts, m=1)
