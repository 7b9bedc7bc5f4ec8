from __future__ import annotations

import json
from html.parser import HTMLParser

import pytest

from tracewarp.cli import main
from tracewarp.data import data_path
from tracewarp.metrics import peers
from tracewarp.metrics._peer_calls import Peer

TINY = ("--pairs", "4", "--dim", "16", "--seconds", "0.05", "--repeats", "1", "--threads", "2")
EPISODES = data_path("demo", "webarena-episodes.jsonl.gz")


@pytest.fixture
def run(capsys, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)

    def call(*arguments):
        try:
            main(["bench", *map(str, arguments)])
            code = 0
        except SystemExit as leave:
            code = leave.code
        out, err = capsys.readouterr()
        return code, out, err

    return call


def test_the_table_names_shape_implementations_and_what_is_missing(run):
    code, out, err = run(*TINY, "--steps", "2-5")
    assert code == 0
    assert "4 pairs of" in out and "d = 16" in out
    assert "dtw_pairs(xs, ys, threads=2)" in out and "then two loops" in out
    for package in {peer.package for peer in peers.PEERS}:
        assert package in out
    assert "Wrote tracewarp-bench/bench.html" in err.replace("\\", "/")


def test_it_writes_a_page_with_a_plot_and_the_figures(run, tmp_path):
    assert run(*TINY, "--steps", "3", "--out", "here")[0] == 0
    page = (tmp_path / "here" / "bench.html").read_text("utf-8")
    HTMLParser().feed(page)
    assert '<svg class="plot"' in page and "dtw_pairs(xs, ys, threads=1)" in page
    assert "http:" not in page and "https:" not in page
    figures = json.loads((tmp_path / "here" / "bench.json").read_text("utf-8"))
    assert figures["agrees"] is True and figures["seed"] == 0
    assert sorted(path.name for path in (tmp_path / "here").iterdir()) == ["bench.html", "bench.json"]


def test_json_is_the_file(run, tmp_path):
    code, out, _ = run(*TINY, "--json")
    assert code == 0
    assert json.loads(out) == json.loads((tmp_path / "tracewarp-bench" / "bench.json").read_text("utf-8"))
    assert json.loads(out)["shape"] == "4 pairs of 30 x 30 steps, d = 16, float32"


def test_pairs_come_from_the_episodes_of_a_run(run):
    code, out, _ = run("--from", EPISODES, "--pairs", "3", "--seconds", "0.05", "--repeats", "1", "--json")
    figures = json.loads(out)
    assert code == 0
    assert figures["run"] == str(EPISODES)
    assert figures["shape"].startswith("3 pairs of") and "float32" in figures["shape"]


def test_a_result_that_plain_numpy_does_not_confirm_ends_with_exit_code_1(run, monkeypatch):
    monkeypatch.setattr(peers, "NUMPY", Peer("numpy", "numpy", "wrong", lambda: lambda x, y: 0.5))
    code, _, err = run(*TINY)
    assert code == 1
    assert "disagree" in err


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (("--steps", "60-3"), "expected a number of steps"),
        (("--steps", "0"), "expected a number of steps"),
        (("--steps", "many"), "'many'"),
        (("--pairs", "0"), "--pairs"),
        (("--from", EPISODES, "--dim", "8"), "leave --steps and --dim out"),
        (("--from", "nowhere.jsonl"), "nowhere.jsonl"),
        (("--threads", "0"), "threads"),
        (("--seconds", "nan"), "seconds"),
    ],
)
def test_bad_words_are_one_sentence_and_exit_code_2(run, arguments, words):
    code, out, err = run(*arguments)
    assert code == 2
    assert words in err and "Traceback" not in err
    assert out == ""


def test_a_run_of_one_episode_makes_no_pairs(run, tmp_path):
    line = '{"task": {"id": "1", "objective": "o"}, "steps": [{"observation": {"text": "t"}, "action": "stop"}]}\n'
    (tmp_path / "one.jsonl").write_text(line)
    code, _, err = run("--from", "one.jsonl")
    assert code == 2
    assert "at least two episodes with steps, got 1" in err


def test_a_folder_that_cannot_be_made_is_told(run, tmp_path):
    (tmp_path / "file").write_text("")
    code, _, err = run(*TINY, "--out", "file/x")
    assert code == 2
    assert "the folder cannot be made" in err
