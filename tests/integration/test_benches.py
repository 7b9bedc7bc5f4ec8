"""Every bench runs at tiny size: its own check that both sides agree is what is tested, not the figures."""

import json
import subprocess
import sys
from pathlib import Path

import pytest

pytest.importorskip("numba", reason="numba is not installed: pip install 'tracewarp[dev]'")
pytest.importorskip("threadpoolctl", reason="threadpoolctl is not installed: pip install 'tracewarp[dev]'")

ROOT = Path(__file__).parents[2]
BENCHES = ROOT / "benches" / "python"
SHARED = ROOT.parent / "shared" / "bench" / "baseline.py"

pytestmark = pytest.mark.slow  # numba compiles both baselines


def run(*words):
    done = subprocess.run(
        [sys.executable, "-W", "error", *map(str, words)], capture_output=True, text=True, timeout=280
    )
    assert done.returncode == 0, done.stderr
    return done


@pytest.fixture(scope="module")
def results(tmp_path_factory):
    folder = tmp_path_factory.mktemp("results")
    run(BENCHES / "run.py", "--tiny", "--threads", "2", "--out", folder)
    return folder


def test_every_job_is_checked_and_timed_with_one_thread_and_several(results):
    jobs = {path.stem: json.loads(path.read_text("utf-8")) for path in results.glob("*.json")}
    assert {"pairs-30", "pairs-8", "pairs-ragged", "vertex-24", "long-pair", "all-pairs"} <= jobs.keys()
    assert {"filter", "first-come", "single-link", "similar-pairs", "tiny-call"} <= jobs.keys()
    for name in jobs.keys() - {"memory", "peers"}:
        job = jobs[name]
        assert job["threads"].keys() == job["checked"].keys() == {"1", "2"}
        assert all(row["ratio"]["best"] > 0 for row in job["threads"].values())
        assert job["two_threads_against_one"]["best"] > 0
        assert job["machine"]["blas"]


def test_memory_of_both_sides_is_measured_in_processes_of_their_own(results):
    for peak in json.loads((results / "memory.json").read_text("utf-8"))["peaks"]:
        assert peak["ours"]["bytes"] >= 0 and peak["baseline"]["bytes"] >= 0


def test_the_page_shows_every_job_machine_and_settings(results):
    page = (results / "README.md").read_text("utf-8")
    for words in (
        "16 pairs 24x24",
        "diversity filter, 300 rows",
        "OPENBLAS_CORETYPE",
        "GF/s",
        "Packages that users know",
    ):
        assert words in page


@pytest.mark.shared
def test_the_baseline_is_raced_against_the_one_that_set_the_targets(tmp_path):
    if not SHARED.is_file():
        pytest.skip("no baseline beside the checkout")
    run(
        BENCHES / "compare_baseline.py",
        SHARED,
        "--dim",
        32,
        "--rows",
        200,
        "--scale",
        0.02,
        "--seconds",
        0.05,
        "--out",
        tmp_path,
    )
    assert len(json.loads((tmp_path / "baseline.json").read_text("utf-8"))["jobs"]) == 8
