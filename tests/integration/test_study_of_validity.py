"""`tracewarp study validity` from end to end on arena's small profile, and on recordings."""

import json

import pytest
from click.testing import CliRunner

from tracewarp.cli.study import command
from tracewarp.collect import CollectOptions, collect
from tracewarp.studies.validity import setting_of

SMALL = ["validity", "--env", "arena", "--profile", "small", "--limit", "6", "--repeats", "1", "--resamples", "2000"]


def run(*arguments):
    return CliRunner().invoke(command, [str(argument) for argument in arguments], catch_exceptions=False)


@pytest.fixture(scope="module")
def study(tmp_path_factory):
    folder = tmp_path_factory.mktemp("study")
    done = run(*SMALL, "--work", folder / "work", "--out", folder / "out")
    assert done.exit_code == 0, done.output
    return folder, done


def test_it_writes_tables_plots_and_every_figure(study):
    folder, done = study
    found = json.loads((folder / "out" / "arena-small.json").read_text("utf-8"))
    text = (folder / "out" / "arena-small.md").read_text("utf-8")
    assert [split["name"] for split in found["splits"]] == ["capability-train", "capability-test"]
    for split in found["splits"]:
        assert len(split["grid"]) == 24
        assert len(split["agents"]) == 18
        assert {leak["cue"] for leak in split["leaks"]} >= {"start time", "first page", "manner of ending"}
        assert split["facts"]["damaged_copies"] > 0
    assert found["chosen"] in {row["label"] for row in found["splits"][0]["grid"]}
    assert f"chosen: {found['chosen']}" in done.output
    for name in ("tau", "doses-same", "agents-other"):
        svg = folder / "out" / f"arena-small-capability-train-{name}.svg"
        assert svg.read_text("utf-8").startswith("<svg ")
        assert f"({svg.name})" in text


def test_perfect_attempts_score_one_against_the_solution_of_their_task(study):
    folder, _ = study
    found = json.loads((folder / "out" / "arena-small.json").read_text("utf-8"))
    for split in found["splits"]:
        for row in split["agents"]:
            if row["success"] == 1 and "malformed" not in row["agent"]:
                assert row["scores"][found["today"]]["same"] == pytest.approx(1.0, abs=1e-6)


def test_the_same_command_collects_and_scores_nothing_again(study):
    folder, _ = study
    cells = {path: path.stat().st_mtime_ns for path in (folder / "work").rglob("*.npz")}
    runs = {path: path.read_bytes() for path in (folder / "work").rglob("trajectories.jsonl")}
    first = (folder / "out" / "arena-small.json").read_bytes()
    assert cells and runs
    assert run(*SMALL, "--work", folder / "work", "--out", folder / "out").exit_code == 0
    assert {path: path.stat().st_mtime_ns for path in cells} == cells
    assert {path: path.read_bytes() for path in runs} == runs
    assert (folder / "out" / "arena-small.json").read_bytes() == first


def test_a_choice_is_confirmed_elsewhere(study, tmp_path):
    folder, _ = study
    chosen = setting_of(folder / "out" / "arena-small.json")
    more = ["--split", "capability-test", "--chosen", folder / "out" / "arena-small.json"]
    done = run(*SMALL, *more, "--work", folder / "work", "--out", tmp_path)
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "arena-small.json").read_text("utf-8"))
    assert found["chosen"] == chosen.label in found["shown"]


def test_labelled_recordings_are_studied_without_an_environment(tmp_path):
    paths = []
    for policy in ("noisy:give_up=0.2", "noisy:wander=0.2", "noisy:malformed=0.3"):
        paths.append(tmp_path / policy.partition(":")[2])
        collect(paths[-1], CollectOptions("arena", policy, settings={"profile": "small"}, limit=10, repeats=2))
    done = run("validity", *paths, "--name", "mine", "--work", tmp_path / "work", "--out", tmp_path / "out")
    assert done.exit_code == 0, done.output
    found = json.loads((tmp_path / "out" / "mine.json").read_text("utf-8"))
    (split,) = found["splits"]
    assert split["facts"]["attempts"] == 60
    assert found["chosen"] is None
    assert split["auc"] and split["damages"] and split["leaks"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ([], "expected either --env or at least one RUN, got neither"),
        (["run.jsonl", "--env", "arena"], "got both"),
        (["run.jsonl", "--split", "test"], "--split: belongs to --env"),
        (["--env", "arena", "--tasks", "t.json"], "--tasks: belongs to recordings"),
        (["--env", "arena", "--set", "colour"], "--set: expected NAME=VALUE"),
    ],
)
def test_wrong_words_are_one_sentence(arguments, said, tmp_path):
    done = run("validity", *arguments, "--out", tmp_path)
    assert done.exit_code == 2
    assert said in done.output
