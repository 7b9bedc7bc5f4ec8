"""Both drivers, side by side over the solutions of arena's tasks."""

from dataclasses import replace

import pytest

from tracewarp.envs.arena.environment import make_arena
from tracewarp.envs.arena.parity import compare_drivers

pytestmark = [pytest.mark.browser, pytest.mark.usefixtures("chromium_path")]


def differences(profile, step):
    with (
        make_arena(driver="browserless", profile=profile) as plain,
        make_arena(driver="chromium", profile=profile) as real,
    ):
        pairs = list(compare_drivers(plain, real, list(plain.source)[::step]))
    assert pairs
    return [(str(pair.ref), pair.difference) for pair in pairs if pair.difference is not None]


def test_a_solution_of_every_site_looks_and_counts_the_same():
    assert differences("full", 60) == []


@pytest.mark.slow
@pytest.mark.timeout(3600)
@pytest.mark.parametrize("profile", ["full", "small"])
def test_every_solution_looks_and_counts_the_same(profile):
    assert differences(profile, 1) == []


class Erring:
    """An arena whose pages read wrongly after the first action."""

    def __init__(self, arena):
        self.arena = arena

    def __getattr__(self, name):
        return getattr(self.arena, name)

    def step(self, action):
        result = self.arena.step(action)
        seen = result.observation
        return replace(result, observation=replace(seen, text=seen.text.replace("link", "knob")))


def test_a_difference_is_told():
    with make_arena(driver="browserless") as plain, make_arena(driver="browserless") as other:
        refs = [ref for ref in plain.source if ref.key == "shop.cheapest-in-category"][:1]
        [pair] = compare_drivers(plain, Erring(other), refs or list(plain.source)[40:41])
    assert pair.observations == 2
    assert pair.difference.startswith("line ")
    assert "link" in pair.difference
    assert "knob" in pair.difference
