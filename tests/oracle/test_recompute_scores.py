"""The whole of scores.json, recomputed by a script that shares no code with the product."""

import gzip
import json
import subprocess
import sys
from pathlib import Path

import pytest

from tracewarp.evaluate import EvaluateOptions, evaluate, write_scores
from tracewarp.metrics import VertexOptions

ROOT = Path(__file__).parents[2]
SHARED = ROOT.parent / "shared" / "data"
RUN = SHARED / "trajectories" / "colorbrowseragent-webarena.jsonl.gz"
TASKS = SHARED / "webarena" / "test.raw.json"
LABELS = SHARED / "webarena" / "published-capability-labels.json"
SCRIPT = Path(__file__).with_name("recompute_scores.py")

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not RUN.exists(), reason=f"needs the real episodes beside the checkout: {RUN}"),
]

CUT = {*range(24), *range(44, 47), *range(260, 266), 301, 302, 303, *range(376, 381), 562, 565, 626, 682, 745, 790}
"""Whole capabilities, single tasks, trivial ones, partial credit, a transport failure and the two agent errors."""
FAILED = {563, 564, 565, 566}
"""Transport failures, two of them without a step."""


def recompute(folder, *runs):
    command = [sys.executable, SCRIPT, folder / "scores.json", TASKS, LABELS, folder / "cache.sqlite", *runs]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def evaluate_into(folder, *runs, **options):
    chosen = EvaluateOptions(tasks=TASKS, references_from="capability", cache=folder / "cache.sqlite", **options)
    scores = evaluate(runs, chosen)
    write_scores(scores, folder / "scores.json")
    return scores


def records(tasks):
    with gzip.open(RUN, "rt", encoding="utf-8") as whole:
        # The name stands first in each line, so that the other lines need not be parsed.
        return [line for line in whole if int(line[: line.index(",")].split("_")[1].strip('"')) in tasks]


def write(path, lines):
    with gzip.open(path, "wt", encoding="utf-8") as file:
        file.writelines(lines)
    return path


def changed(line, repeat, score):
    """The episode as another repeat with another score: a function of task, repeat and the score that it had."""
    record = json.loads(line)
    task = int(record["task_name"].split(".")[-1]) if "task_name" in record else int(record["task"].split("_")[1])
    record["repeat"] = repeat
    record["summary"]["cum_reward"] = score(task, repeat, record["summary"]["cum_reward"])
    return json.dumps(record) + "\n"


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    return write(tmp_path_factory.mktemp("cut") / "cut.jsonl.gz", records(CUT))


OPTIONS = {
    "default": {},
    "another draw": {"seed": 7, "resamples": 2_000, "confidence": 0.8, "chance_draws": 2},
    "tasks as clusters": {"cluster": "task", "resamples": 2_000},
    "capabilities as clusters": {"cluster": "capability", "resamples": 2_000},
    "sites as clusters": {"cluster": "site", "resamples": 2_000},
    "accepted steps": {"steps": "accepted", "vertex": VertexOptions(decay="relative", strength=2.0)},
    "mean of all references": {
        "reference_aggregate": "mean",
        "max_references": 0,
        "vertex": VertexOptions(decay="none"),
    },
    "median, unbounded": {
        "reference_aggregate": "median",
        "max_references": 4,
        "vertex": VertexOptions(mode="released"),
    },
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_figure_of_a_cut_is_recomputed(tmp_path, cut, options):
    found = evaluate_into(tmp_path, cut, **options).runs[0]
    assert found.n_tasks == len(CUT)
    assert found.functional_correctness.n == len(CUT) - 1
    assert found.functional_correctness.agent_failures == 2
    assert found.functional_correctness.partial > 0
    done = recompute(tmp_path, cut)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_run_with_many_transport_failures_is_recomputed_without_a_rate(tmp_path):
    run = write(tmp_path / "run.jsonl", records({*range(20), *FAILED}))
    found = evaluate_into(tmp_path, run, resamples=2_000).runs[0].functional_correctness
    assert found.rate is None
    assert found.bounds is not None
    done = recompute(tmp_path, run)
    assert done.returncode == 0, done.stdout + done.stderr


COMPARED = {"default": {}, "tasks as clusters": {"cluster": "task", "resamples": 2_000, "confidence": 0.9}}


@pytest.mark.parametrize("options", COMPARED.values(), ids=COMPARED)
def test_every_figure_of_comparisons_is_recomputed(tmp_path, cut, options):
    lines = records(CUT)
    better = [changed(line, 0, lambda task, _, score: 1.0 if task % 4 == 0 else score) for line in lines]
    worse = [changed(line, 0, lambda task, _, score: 0.0 if task % 3 else score) for line in lines[5:]]
    runs = [cut, write(tmp_path / "better.jsonl", better), write(tmp_path / "worse.jsonl", worse)]
    found = evaluate_into(tmp_path, *runs, **options).comparisons
    assert [(one.run, one.baseline) for one in found] == [("better", "cut"), ("worse", "cut"), ("worse", "better")]
    assert {one.functional_correctness.paired.comparisons for one in found} == {3}
    assert found[0].left_out == 6
    p_values = [one.functional_correctness.paired.p_value for one in found]
    assert min(p_values) < 0.05 < max(p_values)
    done = recompute(tmp_path, *runs)
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_figure_of_compared_runs_with_repeats_is_recomputed(tmp_path):
    lines = records(CUT)
    twice = [changed(line, r, lambda task, r, score: score if r else float(task % 2)) for line in lines for r in (0, 1)]
    often = [
        changed(line, r, lambda task, r, score: float((task + r) % 3 > 0) if task % 5 else score)
        for line in lines
        for r in range(2 + len(line) % 4)
    ]
    runs = [write(tmp_path / "twice.jsonl", twice), write(tmp_path / "often.jsonl", often)]
    found = evaluate_into(tmp_path, *runs, resamples=2_000)
    assert [at.k for at in found.runs[1].repeats.pass_at] == [1, 2, 4, 5]
    assert found.comparisons[0].capability.episodes == 2
    done = recompute(tmp_path, *runs)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda scores: scores["runs"][0]["vertex_dtw"].update(chance=scores["runs"][0]["vertex_dtw"]["chance"] + 2e-6),
        lambda scores: scores["runs"][0]["vertex_dtw"]["action_similarity"].update(value=0.5),
        lambda scores: scores["runs"][0]["functional_correctness"]["rate"]["interval"].update(low=0.5),
        lambda scores: scores["runs"][0]["functional_correctness"].update(by_template=0.5),
        lambda scores: scores["runs"][0]["capability"]["at_1"].update(value=0.5),
        lambda scores: scores["runs"][0]["steps"]["invalid_rate"].update(design_effect=1.0),
        lambda scores: scores["runs"][0]["sites"][0]["vertex_dtw"].update(reason="none"),
        lambda scores: scores["runs"][0]["episodes"][0].update(reference="15#0"),
        lambda scores: scores["runs"][0]["steps"].pop("median"),
        lambda scores: scores["comparisons"][0]["functional_correctness"]["paired"].update(p_value=0.5),
        lambda scores: scores["comparisons"][0]["steps_ratio"].update(reason="none"),
    ],
)
def test_the_script_sees_a_wrong_figure(tmp_path, cut, compared, change):
    scores = json.loads((compared / "scores.json").read_text(encoding="utf-8"))
    change(scores)
    (tmp_path / "scores.json").write_text(json.dumps(scores), encoding="utf-8")
    (tmp_path / "cache.sqlite").symlink_to(compared / "cache.sqlite")
    done = recompute(tmp_path, cut, compared / "better.jsonl")
    assert done.returncode == 1, done.stdout + done.stderr
    assert done.stdout.count("<-- differs") == 1


@pytest.fixture(scope="module")
def compared(tmp_path_factory, cut):
    folder = tmp_path_factory.mktemp("compared")
    better = [changed(line, 0, lambda task, _, score: 1.0 if task % 4 == 0 else score) for line in records(CUT)]
    evaluate_into(folder, cut, write(folder / "better.jsonl", better), resamples=2_000)
    return folder


def test_the_script_imports_nothing_of_the_product():
    assert "import tracewarp" not in SCRIPT.read_text(encoding="utf-8")
    assert "from tracewarp" not in SCRIPT.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_figure_of_the_published_run_is_recomputed(tmp_path):
    found = evaluate_into(tmp_path, RUN).runs[0]
    correctness = found.functional_correctness
    assert (correctness.n, correctness.transport_failures) == (807, 5)
    assert (correctness.successes, correctness.partial) == (563, 25)
    assert percent(correctness.rate) == [69.8, 64.7, 74.4]
    assert (found.capability.groups, found.capability.reachable) == (136, 131)
    done = recompute(tmp_path, RUN)
    assert done.returncode == 0, done.stdout + done.stderr


def percent(estimate):
    return [round(100 * one, 1) for one in (estimate.value, estimate.interval.low, estimate.interval.high)]
