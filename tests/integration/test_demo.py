import importlib.util
import json
import os
import subprocess
import sys
import time
from html.parser import HTMLParser

import pytest

from tracewarp.cli._recorded_demo import EXAMPLE
from tracewarp.data import data_path
from tracewarp.trajectory import load_tasks, open_run

NO_NETWORK = """
import socket, sys
def refuse(*_, **__):
    raise AssertionError("the demo reached for the network")
socket.socket.connect = socket.create_connection = socket.getaddrinfo = refuse
from tracewarp.cli import main
sys.argv = ["tracewarp", *sys.argv[1:]]
try:
    main()
finally:
    heavy = {"torch", "transformers", "sentence_transformers"} & sys.modules.keys()
    assert not heavy, heavy
"""


def run_demo(folder, *words, timeout=120):
    """The demo in a folder and with a home that cannot be written, without network."""
    return subprocess.run(
        [sys.executable, "-c", NO_NETWORK, "demo", *words],
        cwd=folder,
        env=os.environ | {"TRACEWARP_CACHE": "/dev/null/no-cache", "COLUMNS": "100"},
        capture_output=True,
        encoding="utf-8",
        timeout=timeout,
    )


POLICIES = ["oracle", "trivial", "random", "noisy-often", "noisy-seldom"]


def test_the_demo_collects_scores_compares_and_reports(tmp_path):
    done = run_demo(tmp_path, "--policies", "--limit", "10")
    assert done.returncode == 0, done.stderr
    out = tmp_path / "tracewarp-demo-policies"
    assert sorted(path.name for path in out.iterdir()) == ["report.html", "runs", "scores.json"]
    assert sorted(path.name for path in (out / "runs").iterdir()) == sorted(POLICIES)
    oracle = list(open_run(out / "runs" / "oracle", strict=True))
    assert len(oracle) == 10 and all(episode.outcome.success for episode in oracle)
    scores = json.loads((out / "scores.json").read_text("utf-8"))
    assert [run["name"] for run in scores["runs"]] == POLICIES[1:]
    assert all(run["vertex_dtw"]["coverage"] == 1 for run in scores["runs"])
    assert len(scores["comparisons"]) == 6
    assert "--driver chromium" in done.stdout and "tracewarp demo --recorded" in done.stdout


@pytest.mark.slow
def test_the_whole_demo_takes_two_minutes_and_finds_the_planted_errors(tmp_path):
    started = time.perf_counter()
    done = run_demo(tmp_path, "--policies", timeout=280)
    assert done.returncode == 0, done.stderr
    assert time.perf_counter() - started < 120
    scores = json.loads((tmp_path / "tracewarp-demo-policies" / "scores.json").read_text("utf-8"))
    runs = {run["name"]: run for run in scores["runs"]}
    solved = [runs[name]["functional_correctness"]["rate"]["value"] for name in ("random", "trivial", *POLICIES[3:])]
    assert solved == sorted(solved)
    (noisy,) = (c for c in scores["comparisons"] if (c["run"], c["baseline"]) == ("noisy-seldom", "noisy-often"))
    assert noisy["functional_correctness"]["paired"]["interval"]["low"] > 0
    assert noisy["vertex_dtw"]["paired"]["interval"]["low"] > 0


@pytest.mark.skipif(importlib.util.find_spec("torch") is not None, reason="torch is here")
def test_without_torch_the_demo_says_what_it_needs(tmp_path):
    done = run_demo(tmp_path)
    assert done.returncode == 2
    assert "pip install 'tracewarp[train]'" in done.stderr
    assert "tracewarp demo --policies" in done.stderr


@pytest.mark.slow
@pytest.mark.timeout(900)
def test_the_tiny_agent_improves_itself_and_is_reported_on(tmp_path):
    for package in ("torch", "peft", "accelerate"):
        pytest.importorskip(package, reason="needs the extra train")
    words = [sys.executable, "-m", "tracewarp.cli", "demo", "--limit", "40"]
    done = subprocess.run(words, cwd=tmp_path, capture_output=True, encoding="utf-8", timeout=880)
    assert done.returncode == 0, done.stderr
    out = tmp_path / "tracewarp-demo"
    result = json.loads((out / "improvement.json").read_text("utf-8"))
    names = [agent["name"] for agent in result["agents"]]
    assert {"base", "A, round 1", "B, round 1", "C, round 1", "random-A, round 1", "A, round 2"} <= set(names)
    assert any("pages and objectives are the environment's" in note for note in result["notes"])
    assert any("Planted habit" in note for note in result["notes"])
    assert (out / "improvement.html").stat().st_size < 2_000_000


def test_of_several_demos_one_is_chosen(tmp_path):
    assert "choose one of the two" in run_demo(tmp_path, "--recorded", "--policies").stderr
    assert "--encoder goes with" in run_demo(tmp_path, "--encoder", "hashed").stderr


def test_a_limit_does_not_go_with_recorded_episodes(tmp_path):
    done = run_demo(tmp_path, "--recorded", "--limit", "3")
    assert done.returncode == 2 and "--limit is about arena" in done.stderr


@pytest.fixture(scope="module")
def recorded(tmp_path_factory):
    """The demo of recorded episodes in an empty folder."""
    folder = tmp_path_factory.mktemp("demo")
    started = time.perf_counter()
    done = run_demo(folder, "--recorded")
    return folder, done, time.perf_counter() - started


def test_the_demo_runs_in_less_than_thirty_seconds_without_network_torch_or_cache(recorded):
    _, done, seconds = recorded
    assert done.returncode == 0, done.stderr
    assert seconds < 30


def test_it_writes_scores_and_report_and_nothing_else(recorded):
    folder, _, _ = recorded
    assert sorted(path.relative_to(folder).as_posix() for path in folder.rglob("*")) == [
        "tracewarp-demo-recorded",
        "tracewarp-demo-recorded/report.html",
        "tracewarp-demo-recorded/scores.json",
    ]
    assert (folder / "tracewarp-demo-recorded" / "report.html").stat().st_size < 5_000_000
    HTMLParser().feed((folder / "tracewarp-demo-recorded" / "report.html").read_text("utf-8"))


def test_the_agent_is_scored_against_capabilities_and_compared_with_doing_nothing(recorded):
    folder, _, _ = recorded
    scores = json.loads((folder / "tracewarp-demo-recorded" / "scores.json").read_text("utf-8"))
    (run,) = scores["runs"]
    episodes = list(open_run(data_path("demo", "webarena-episodes.jsonl.gz")))
    assert run["functional_correctness"]["n"] == len(episodes) >= 60
    assert run["functional_correctness"]["successes"] == sum(t.outcome.success is True for t in episodes)
    assert run["vertex_dtw"]["coverage"] > 0.8
    assert run["vertex_dtw"]["mean"]["value"] > run["vertex_dtw"]["chance"]
    assert scores["baseline"]["functional_correctness"]["successes"] == 3
    assert scores["comparisons"][0]["baseline"] == "webarena-trivial"
    assert scores["capabilities"]["source"] == "published"


def test_no_reference_is_the_task_itself(recorded):
    folder, _, _ = recorded
    scores = json.loads((folder / "tracewarp-demo-recorded" / "scores.json").read_text("utf-8"))
    chosen = [episode for episode in scores["runs"][0]["episodes"] if episode["reference"]]
    assert chosen
    assert all(episode["reference"].split("#")[0] != episode["task"] for episode in chosen)


def test_it_ends_by_saying_where_the_report_is_and_how_to_score_own_files(recorded):
    _, done, _ = recorded
    closing = done.stdout[done.stdout.index("The report is") :]
    assert "tracewarp-demo-recorded/report.html" in closing.replace("\\", "/")
    assert EXAMPLE in closing
    assert "tracewarp evaluate my-run.jsonl" in closing


def test_the_five_lines_of_the_example_parse(tmp_path):
    path = tmp_path / "my-run.jsonl"
    path.write_text(EXAMPLE, "utf-8")
    run = open_run(path, strict=True)
    episodes = list(run)
    assert len(EXAMPLE.splitlines()) == len(episodes) == 5
    assert [episode.outcome.score for episode in episodes] == [1, 1, 0, 0.5, 0]


def test_a_folder_that_cannot_be_made_is_one_sentence(tmp_path):
    (tmp_path / "file").write_text("")
    done = subprocess.run(
        [sys.executable, "-c", "from tracewarp.cli import main; main()", "demo", "--out", str(tmp_path / "file" / "x")],
        capture_output=True,
        encoding="utf-8",
        timeout=120,
    )
    assert done.returncode == 2
    assert done.stderr.count("\n") == 1 and "the folder cannot be made" in done.stderr


def test_the_demo_files_fit_together_and_into_two_megabytes():
    names = ("webarena-episodes.jsonl.gz", "webarena-trivial.jsonl.gz", "webarena-tasks.json")
    every = (path for path in data_path("NOTICE").parent.rglob("*") if path.is_file())
    files = [path for path in every if "tiny-agent" not in path.parts]
    assert sum(path.stat().st_size for path in files) <= 2_000_000
    episodes, trivial = (list(open_run(data_path("demo", name), strict=True)) for name in names[:2])
    tasks = load_tasks(data_path("demo", names[2]))
    assert tasks.is_webarena
    assert [t.key for t in episodes] == [t.key for t in trivial] == [(task.id, 0) for task in tasks]


def test_pages_of_the_demo_are_short_and_say_what_is_missing():
    steps = [step for t in open_run(data_path("demo", "webarena-episodes.jsonl.gz")) for step in t.steps]
    assert max(len(step.observation.text.encode()) for step in steps) < 2_200
    assert sum("more lines of the page are left out ...]" in step.observation.text for step in steps) > len(steps) / 2


@pytest.mark.shared
def test_the_demo_files_are_what_the_script_makes(tmp_path, monkeypatch):
    from pathlib import Path

    root = Path(__file__).parents[2]
    shared = root.parent / "shared" / "data"
    if not (shared / "trajectories").is_dir():
        pytest.skip("no data beside the checkout")
    monkeypatch.syspath_prepend(str(root / "tests" / "data"))
    import make_demo_data

    tasks = json.loads((shared / "webarena" / "test.raw.json").read_text("utf-8"))
    run = {int(t.task.id): t for t in open_run(shared / "trajectories" / "colorbrowseragent-webarena.jsonl.gz")}
    seed, chosen = make_demo_data.draw(tasks, run)
    made = [make_demo_data.shortened(run[task], seed) for task in chosen]
    assert made == list(open_run(data_path("demo", "webarena-episodes.jsonl.gz")))
    assert [make_demo_data.trivial(t) for t in made] == list(open_run(data_path("demo", "webarena-trivial.jsonl.gz")))
    kept = [task for task in tasks if task["task_id"] in set(chosen)]
    assert kept == json.loads(data_path("demo", "webarena-tasks.json").read_text("utf-8"))
