"""Every listed task is proved, and a task that is wrong is found."""

from __future__ import annotations

from dataclasses import replace

import pytest

from tracewarp.envs.arena import benchmark
from tracewarp.envs.arena.check import ArenaReport, check
from tracewarp.envs.arena.checks import answer, at, holds, shows
from tracewarp.envs.arena.environment import make_arena
from tracewarp.envs.arena.tasks import Template, link, stop
from tracewarp.errors import OptionError


@pytest.mark.parametrize("profile", ["full", "small"])
def test_a_tenth_of_the_listed_tasks_is_proved(profile: str) -> None:
    with make_arena(profile=profile) as environment:
        report = ArenaReport(tuple(check(environment, list(environment.source)[::10])))
    assert [f"{proof.ref}: {proof.problems}" for proof in report.failures] == []


@pytest.mark.slow
@pytest.mark.parametrize("profile", ["full", "small"])
def test_every_listed_task_is_proved(profile: str) -> None:
    with make_arena(profile=profile) as environment:
        report = ArenaReport(tuple(check(environment)))
    assert [f"{proof.ref}: {proof.problems}" for proof in report.failures] == []
    assert report.median_steps >= 4
    assert report.long_templates(4) >= 12
    assert 0 < report.trivial < 0.1 * len(report.proofs)


@pytest.mark.slow
@pytest.mark.timeout(900)
@pytest.mark.parametrize("profile", ["full", "small"])
def test_every_generated_task_is_proved(profile: str) -> None:
    with make_arena(profile=profile, instances=100_000) as environment:
        report = ArenaReport(tuple(check(environment)))
    assert [f"{proof.ref}: {proof.problems}" for proof in report.failures] == []


SHOP = "__SHOPPING__"


@pytest.mark.parametrize(
    ("changes", "problem"),
    [
        ({"eval": at(SHOP)}, "its checks hold before anything was done"),
        ({"eval": holds(shows(f"{SHOP}/account", "#email", "@"))}, "its checks hold before anything was done"),
        ({"eval": answer("n/a"), "acts": (stop("n/a"),)}, "stop [N/A] at once succeeds, against what the task says"),
        ({"trivial": True}, "stop [N/A] at once fails, against what the task says"),
        ({"acts": (stop("a lamp"),)}, "its solution fails"),
        ({"acts": (link("Submarines"), stop())}, "oracle: no link 'Submarines' number 0 on the page"),
        ({"acts": (link("Cart"),)}, "ends without a stop"),
    ],
)
def test_a_wrong_task_is_found(monkeypatch: pytest.MonkeyPatch, changes: dict[str, object], problem: str) -> None:
    right = next(template for template in benchmark.TEMPLATES if template.key == "shop.cheapest-in-category")

    def instances(world, dice):
        yield replace(next(iter(right.instances(world, dice))), **changes)

    wrong = replace(right, instances=instances)
    monkeypatch.setattr(benchmark, "TEMPLATES", (wrong,))
    monkeypatch.setattr("tracewarp.envs.arena.source.TEMPLATES", (wrong,))
    with make_arena() as environment:
        (proof,) = check(environment)
    assert any(problem in text for text in proof.problems), proof.problems


def test_both_ways_without_a_browser_see_the_same() -> None:
    found = []
    for driver in ("browserless", "http"):
        with make_arena(driver=driver, instances=len(benchmark.TEMPLATES)) as environment:
            refs = list(environment.source)[::12]
            texts = [environment.reset(ref).text for ref in refs]
            found.append(
                (texts, [(proof.steps, proof.most_nodes, proof.problems) for proof in check(environment, refs)])
            )
    assert found[0] == found[1]


def test_a_template_is_a_value() -> None:
    template = benchmark.TEMPLATES[0]
    assert isinstance(template, Template)
    assert hash(template) == hash(replace(template))


def test_a_bad_driver_is_refused() -> None:
    with pytest.raises(OptionError, match="driver: expected one of browserless, http, chromium, got 'netscape'"):
        make_arena(driver="netscape")  # type: ignore[arg-type]
    with pytest.raises(OptionError, match="they belong to driver chromium"):
        make_arena(headless=False)
