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

CUT = {*range(16), *range(44, 47), *range(260, 266), 301, 302, 303, *range(376, 381), *range(562, 567), 682, 789, 790}
"""Whole capabilities, single tasks, trivial ones, partial credit, and the two episodes without steps."""


def recompute(folder, run):
    command = [sys.executable, SCRIPT, folder / "scores.json", run, TASKS, LABELS, folder / "cache.sqlite"]
    return subprocess.run(command, capture_output=True, text=True, check=False)


def evaluate_into(folder, run, **options):
    chosen = EvaluateOptions(tasks=TASKS, references_from="capability", cache=folder / "cache.sqlite", **options)
    scores = evaluate([run], chosen)
    write_scores(scores, folder / "scores.json")
    return scores


@pytest.fixture(scope="module")
def cut(tmp_path_factory):
    path = tmp_path_factory.mktemp("cut") / "cut.jsonl.gz"
    with gzip.open(RUN, "rt", encoding="utf-8") as whole, gzip.open(path, "wt", encoding="utf-8") as part:
        # The name stands first in each line, so that the other lines need not be parsed.
        part.writelines(line for line in whole if int(line[: line.index(",")].split("_")[1].strip('"')) in CUT)
    return path


OPTIONS = {
    "default": {},
    "another draw": {"seed": 7, "resamples": 2_000, "confidence": 0.8, "chance_draws": 2},
    "accepted steps": {"steps": "accepted", "vertex": VertexOptions(decay="relative", strength=2.0)},
    "mean of all references": {
        "reference_aggregate": "mean",
        "max_references": 0,
        "vertex": VertexOptions(decay="none"),
    },
    "median": {"reference_aggregate": "median", "max_references": 4, "vertex": VertexOptions(mode="eq1")},
}


@pytest.mark.parametrize("options", OPTIONS.values(), ids=OPTIONS)
def test_every_figure_of_a_cut_is_recomputed(tmp_path, cut, options):
    found = evaluate_into(tmp_path, cut, **options).runs[0]
    assert found.functional_correctness.n == len(CUT)
    assert found.vertex_dtw.no_test == 2
    assert found.functional_correctness.partial > 0
    done = recompute(tmp_path, cut)
    assert done.returncode == 0, done.stdout + done.stderr


@pytest.mark.parametrize(
    "change",
    [
        lambda run: run["vertex_dtw"].update(chance=run["vertex_dtw"]["chance"] + 2e-6),
        lambda run: run["vertex_dtw"]["action_similarity"].update(mean=0.5),
        lambda run: run["vertex_dtw"].update(ceiling=run["vertex_dtw"]["ceiling"] - 2e-6),
        lambda run: run["capability"].update(acquired=run["capability"]["acquired"] + 1),
        lambda run: run["episodes"][0].update(reference="15#0"),
        lambda run: run["steps"].pop("median"),
    ],
)
def test_the_script_sees_a_wrong_figure(tmp_path, cut, change):
    evaluate_into(tmp_path, cut)
    path = tmp_path / "scores.json"
    scores = json.loads(path.read_text(encoding="utf-8"))
    change(scores["runs"][0])
    path.write_text(json.dumps(scores), encoding="utf-8")
    done = recompute(tmp_path, cut)
    assert done.returncode == 1
    assert done.stdout.count("<-- differs") == 1


def test_the_script_imports_nothing_of_the_product():
    assert "import tracewarp" not in SCRIPT.read_text(encoding="utf-8")
    assert "from tracewarp" not in SCRIPT.read_text(encoding="utf-8")


@pytest.mark.slow
def test_every_figure_of_the_published_run_is_recomputed(tmp_path):
    found = evaluate_into(tmp_path, RUN).runs[0]
    assert (found.functional_correctness.successes, found.functional_correctness.partial) == (563, 25)
    assert [round(100 * bound, 1) for bound in found.functional_correctness.interval] == [66.1, 72.4]
    assert (found.capability.groups, found.capability.reachable) == (136, 131)
    done = recompute(tmp_path, RUN)
    assert done.returncode == 0, done.stdout + done.stderr
