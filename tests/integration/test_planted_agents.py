"""Four agents of planted quality on arena's test split: which settings of VERTEX_DTW rank them as their success does.

The expected figures were measured by independent code that shares only the rows of the encoder, on 137 tasks with one
episode each; the reference of a task is its known solution.
"""

import pytest
from scipy.stats import kendalltau

from tracewarp.collect import CollectOptions, collect
from tracewarp.evaluate import EvaluateOptions, evaluate
from tracewarp.metrics import VertexOptions

POLICIES = {
    "oracle": "oracle",
    "malformed": "noisy:malformed=0.3",
    "wrong": "noisy:wrong=0.12",
    "give_up": "noisy:give_up=0.1",
    "loop": "noisy:loop=0.1",
}
SUCCESS = [0.912, 0.781, 0.672, 0.657]
SCORES = {
    ("hyperbolic", "all"): ([0.611, 0.818, 0.829, 0.872], -1),
    ("hyperbolic", "accepted"): ([0.946, 0.818, 0.829, 0.825], 1 / 3),
    ("relative", "all"): ([0.858, 0.875, 0.856, 0.906], -1 / 3),
    ("relative", "accepted"): ([0.953, 0.875, 0.856, 0.852], 1),
    ("none", "all"): ([0.909, 0.899, 0.893, 0.926], 0),
    ("none", "accepted"): ([0.966, 0.899, 0.893, 0.895], 2 / 3),
}

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def runs(tmp_path_factory):
    folder = tmp_path_factory.mktemp("runs")
    for name, policy in POLICIES.items():
        collect(folder / name, CollectOptions("arena", policy, split="test", workers=1))
    return {name: folder / name for name in POLICIES}


@pytest.fixture(scope="module")
def agents(runs):
    return [path for name, path in runs.items() if name != "oracle"]


@pytest.mark.parametrize(("decay", "steps"), SCORES)
def test_the_ranking_depends_on_decay_and_steps(runs, agents, decay, steps):
    options = EvaluateOptions(
        references=(runs["oracle"],), steps=steps, vertex=VertexOptions(decay=decay), use_cache=False, resamples=2_000
    )
    found = evaluate(agents, options).runs
    expected, tau = SCORES[decay, steps]
    assert [run.functional_correctness.rate.value for run in found] == pytest.approx(SUCCESS, abs=5e-4)
    assert [run.vertex_dtw.mean.value for run in found] == pytest.approx(expected, abs=6e-4)
    assert kendalltau(SUCCESS, [run.vertex_dtw.mean.value for run in found]).statistic == pytest.approx(tau)
    assert {run.vertex_dtw.n_referenced for run in found} == {137}


def test_the_papers_settings_rank_them_backwards(runs, agents):
    options = EvaluateOptions.from_preset("paper", encoder="hashed", references=(runs["oracle"],), use_cache=False)
    scores = [run.vertex_dtw.mean.value for run in evaluate(agents, options).runs]
    assert kendalltau(SUCCESS, scores).statistic == -1
