import numpy as np
import pytest

from tracewarp.studies.validity import TODAY, Setting
from tracewarp.studies.validity.choosing import choose
from tracewarp.studies.validity.measures import Measured
from tracewarp.studies.validity.settings import grid, one_factor

BEST = Setting(decay="relative", steps="accepted")
WORSE = Setting(decay="none")
OTHER = Setting(decay="none", steps="accepted")


def figure(value, spread=0.01, seed=0):
    """A figure whose resamples scatter around it; equal seeds make the resamples move together."""
    return Measured(value, value + spread * np.random.default_rng(seed).normal(size=2_000), 100, 50)


def chosen(tau, damage, auc, candidates=(TODAY, BEST, WORSE, OTHER)):
    def of(table, fallback):
        return lambda setting: table.get(setting, fallback)

    return choose(
        candidates, {"tau": of(tau, figure(0.5)), "worst_damage": of(damage, figure(0.9)), "auc": of(auc, figure(0.8))}
    )


def test_the_first_criterion_decides_before_the_second():
    found = chosen({BEST: figure(0.9)}, {WORSE: figure(1.0)}, {WORSE: figure(1.0)})
    assert found.chosen == BEST
    assert found.rounds[0].staying == (BEST,)
    assert found.rounds[0].values[TODAY.label].interval == pytest.approx((-0.4, -0.4))


def test_candidates_stay_whose_difference_from_the_best_holds_zero():
    """With independent noise of .1, a difference of .02 is not shown; on the same resamples it is."""
    tau = {BEST: figure(0.80, 0.1, 1), OTHER: figure(0.78, 0.1, 2), WORSE: figure(0.1), TODAY: figure(0.1)}
    found = chosen(tau, {OTHER: figure(0.95), BEST: figure(0.90)}, {})
    assert set(found.rounds[0].staying) == {BEST, OTHER}
    assert found.chosen == OTHER, "the worst damage decides"
    together = {BEST: figure(0.80, 0.1, 1), OTHER: figure(0.78, 0.1, 1), WORSE: figure(0.1), TODAY: figure(0.1)}
    assert chosen(together, {}, {}).rounds[0].staying == (BEST,)


def test_among_equals_the_fewest_parameters_win_and_then_the_default_of_today():
    assert chosen({}, {}, {}).chosen == WORSE
    assert chosen({}, {}, {}, candidates=(BEST, TODAY)).chosen == TODAY
    mean = Setting(aggregate="mean")
    assert chosen({}, {}, {}, candidates=(mean, TODAY)).chosen == TODAY
    assert [s.parameters for s in (WORSE, TODAY, OTHER, BEST)] == [0, 1, 1, 3]


def test_a_criterion_without_figures_lets_everyone_stay():
    found = choose(
        (TODAY, WORSE), {"tau": lambda s: None, "worst_damage": lambda s: None, "auc": lambda s: figure(0.5)}
    )
    assert found.rounds[0].staying == (TODAY, WORSE)
    assert found.chosen == WORSE


def test_the_grid_is_every_decay_with_every_choice_of_steps_and_every_aggregate():
    assert len(grid()) == len(set(grid())) == 24
    assert len({setting.label for setting in grid()}) == 24
    assert TODAY in grid()
    for setting in one_factor(TODAY):
        assert sum(value != getattr(TODAY, name) for name, value in setting.to_dict().items()) == 1
