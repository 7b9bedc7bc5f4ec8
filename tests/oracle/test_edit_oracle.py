"""The edit distance of actions against plain recursion, and the relations that a distance obeys."""

from itertools import product

import edit_oracle
import numpy as np
import pytest

from tracewarp.evaluate.neighbours import action_similarity, edit_distance


def test_every_pair_of_short_words_is_the_recursion():
    words = [word for n in range(4) for word in product("ab", repeat=n)]
    for x, y in product(words, words):
        assert edit_distance(x, y) == edit_oracle.edit_distance(x, y)


def test_random_sequences_are_the_recursion():
    rng = np.random.default_rng(0)
    for _ in range(60):
        x, y = (tuple(rng.integers(0, 4, rng.integers(0, 8)).tolist()) for _ in range(2))
        expected = edit_oracle.edit_distance(x, y)
        assert edit_distance(x, y) == edit_distance(y, x) == edit_distance(x[::-1], y[::-1]) == expected
        longer = max(len(x), len(y))
        assert action_similarity(x, y) == (1 - expected / longer if longer else 1)


@pytest.mark.parametrize(("x", "y", "distance"), [("kitten", "sitting", 3), ("", "abc", 3), ("flaw", "lawn", 2)])
def test_known_distances(x, y, distance):
    assert edit_distance(x, y) == distance
    assert action_similarity(tuple(x), tuple(y)) == pytest.approx(1 - distance / max(len(x), len(y)))
