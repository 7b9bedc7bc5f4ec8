import random
from itertools import pairwise

import pytest

from tracewarp.studies.validity.damages import DOSES, GRADED, NOT_IN_RULE, copies, elements, wrong_twin
from tracewarp.studies.validity.reorderings import exchanged, exchanges
from tracewarp.trajectory import Observation, Step

PAGE = """Tab 0 (current): Shop

[1] RootWebArea 'Shop'
\t[4] link 'Lamps'
\t[5] link "Children's lamps"
\t[6] button 'Apply'
\t[7] link 'Lamps'
"""


def made(n=10, **more):
    given = {"wrong": range(n - 1), "other": 8, "same": 6, "ends_by_message": True, "rng": random.Random(0)} | more
    return copies(n, **given)


def one(damage, dose, n=10, **more):
    (found,) = [copy for copy in made(n, **more) if (copy.damage, copy.dose) == (damage, dose)]
    return found


def places(copy):
    return [place for _, place in copy.steps]


def test_each_damage_does_what_it_says():
    assert places(one("cut", 0.3)) == [0, 1, 2, 3, 4, 5, 6]
    assert places(one("middle", 0.4)) == [0, 1, 2, 7, 8, 9]
    looped = places(one("loop", 0.5))
    assert len(looped) == 15 and sorted(set(looped)) == list(range(10)) and looped == sorted(looped)
    assert one("other_task", 0.2).steps[-2:] == (("other", 6), ("other", 7))
    assert one("same_capability", 0.5).steps[-5:] == tuple(("same", i) for i in range(1, 6))
    assert sum(source == "wrong" for source, _ in one("wrong_element", 0.6).steps) == 6
    assert places(one("no_end", None)) == list(range(9))
    assert places(one("swapped", None)) == [5, 6, 7, 8, 9, 0, 1, 2, 3, 4]


@pytest.mark.parametrize("damage", GRADED)
def test_a_larger_dose_changes_at_least_as_much(damage):
    changed = [one(damage, dose).changed for dose in DOSES]
    assert changed == sorted(changed) and changed[0] >= 1 and changed[-1] > changed[0]


def test_a_larger_dose_contains_the_smaller_one():
    wrong = [{place for source, place in one("wrong_element", dose).steps if source == "wrong"} for dose in DOSES]
    assert all(small <= large for small, large in pairwise(wrong))
    repeated = [max(set(places(one("loop", dose))), key=places(one("loop", dose)).count) for dose in DOSES]
    assert len(set(repeated)) == 1


@pytest.mark.parametrize("n", [3, 4, 7])
def test_something_is_always_left_and_something_always_changes(n):
    whole = tuple(("own", i) for i in range(n))
    for copy in made(n):
        assert copy.steps and copy.steps != whole, copy


def test_short_solutions_and_missing_material_give_no_copies():
    assert made(2) == []
    kinds = {copy.damage for copy in made(5, other=None, same=None, wrong=(), ends_by_message=False)}
    assert kinds == {"cut", "middle", "loop", "swapped"}
    assert set(GRADED) > NOT_IN_RULE


def test_a_wrong_element_has_the_same_role_and_another_name():
    step = Step(observation=Observation(text=PAGE), action="click [4]", extra={"sentence": "click [4] where ..."})
    twin = wrong_twin(step, random.Random(0))
    assert twin is not None and twin.action == "click [5]", "7 has the same name, 6 another role"
    assert "Children" in twin.extra["sentence"]
    assert twin.observation == step.observation
    theirs = wrong_twin(step.model_copy(update={"action": "fill('4', 'desk')"}), random.Random(0))
    assert theirs is not None and theirs.action == "fill('5', 'desk')", "BrowserGym's dialect"
    for action in ("send_msg_to_user('4')", "stop [4]", None, "click [99]", "click [6]", "scroll [down]"):
        assert wrong_twin(step.model_copy(update={"action": action}), random.Random(0)) is None


def test_elements_are_read_with_their_names():
    assert elements(PAGE)[2] == (5, "link", "Children's lamps")
    assert len(elements(PAGE)) == 5


def test_exchanges_are_all_ways_to_swap_two_neighbouring_parts_once():
    cuts = exchanges(4)
    assert len(cuts) == len(set(cuts)) == 10
    assert cuts[0] == (0, 2, 4), "the longest parts first"
    assert len({exchanged("abcd", cut) for cut in cuts}) == 10
    assert exchanged("abcd", (0, 2, 4)) == ("c", "d", "a", "b")
    assert exchanges(1) == []
