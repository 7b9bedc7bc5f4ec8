"""The small inputs that failed (tests/data/cases/EXPECTED.md): what each gives, also in other shapes."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from tracewarp.cli import main
from tracewarp.trajectory import Ending, open_run

CASES = Path(__file__).parents[2] / "data" / "cases"


def read(path: Path):
    reader = open_run(path)
    return list(reader), reader


# AgentLab.


def test_a_superseded_folder_is_reported_and_left_out():
    (episode,), reader = read(CASES / "agentlab-rerun")
    assert (episode.key, episode.outcome.success, episode.provenance.seed) == (("21", 0), True, 7)
    (problem,) = reader.problems
    assert "superseded" in problem.message
    assert "_2024-10-01_12-00-00" in problem.path
    assert list(open_run(CASES / "agentlab-rerun", strict=True)) == [episode]


def test_a_superseded_folder_is_read_where_it_is_named_itself():
    (episode,), _ = read(CASES / "agentlab-rerun" / "_2024-10-01_12-00-00_GenericAgent-m_on_webarena.21_7")
    assert (episode.task.id, episode.provenance.seed, episode.provenance.agent) == ("21", 7, "GenericAgent-m")


def test_the_suffix_of_a_run_of_the_same_second_is_no_seed(tmp_path):
    episodes, _ = read(CASES / "agentlab-same-second")
    assert [(one.key, one.provenance.seed) for one in episodes] == [(("21", 0), 10), (("21", 1), 10)]
    # the suffix also where the other run is somewhere else
    name = "2024-10-01_12-00-00_GenericAgent-m_on_webarena.21_10_1"
    shutil.copytree(CASES / "agentlab-same-second" / name, tmp_path / name)
    (alone,), _ = read(tmp_path)
    assert (alone.key, alone.provenance.seed) == (("21", 0), 10)


def test_eleven_runs_of_one_second_are_eleven_repeats_in_order(tmp_path):
    source = CASES / "agentlab-same-second" / "2024-10-01_12-00-00_GenericAgent-m_on_webarena.21_10"
    for copy in range(11):
        shutil.copytree(source, tmp_path / (source.name + (f"_{copy}" if copy else "")))
    reader = open_run(tmp_path)
    found = [(one.path, one.trajectory.key) for one in reader.located()]
    assert [key for _, key in found] == [("21", repeat) for repeat in range(11)]
    assert [path.rpartition("_")[2] for path, _ in found] == ["10", *map(str, range(1, 11))]


# Files that went through other programs.


def test_null_means_absent():
    before, _ = read(CASES / "hf-roundtrip-in.jsonl")
    after, reader = read(CASES / "hf-roundtrip-out.jsonl")
    assert after == before
    assert reader.problems == []
    assert [one.outcome.success for one in after] == [True, False]


def test_ids_may_be_numbers():
    episodes, reader = read(CASES / "own-int-task-id.jsonl")
    assert [one.key for one in episodes] == [("1", 0), ("2", 0)]
    assert reader.problems == []


# ATIF.


def test_the_order_of_keys_says_nothing(tmp_path):
    (episode,), reader = read(CASES / "atif-sorted-keys.json")
    assert reader.format == "atif"
    assert [step.action for step in episode.steps] == ['bash(cmd="ls")', "send_msg_to_user('Done.')"]
    value = json.loads((CASES / "atif-sorted-keys.json").read_text())
    late = {key: value[key] for key in reversed(value)}
    for number, text in enumerate(
        (
            json.dumps(value, sort_keys=True),
            json.dumps(late, indent=1),
            "\ufeff" + json.dumps(late, indent=4),
            "\n\n" + json.dumps(late),
            json.dumps({"notes": "x" * 10_000, **late}, indent=1),
        )
    ):
        path = tmp_path / f"{number}.json"
        path.write_text(text, "utf-8")
        assert [one.steps for one in open_run(path, strict=True)] == [episode.steps]
        renamed = path.rename(tmp_path / f"{number}.txt")
        assert [one.steps for one in open_run(renamed, strict=True)] == [episode.steps]


def test_other_files_in_a_folder_are_reported_and_left_out(tmp_path):
    (episode,), reader = read(CASES / "atif-folder-with-config")
    assert episode.key == ("s-1", 0)
    (problem,) = reader.problems
    assert problem.path.endswith("config.json")
    shutil.copytree(CASES / "atif-folder-with-config", tmp_path / "run")
    (tmp_path / "run" / "aaa.json").write_text("[1, 2]")
    (tmp_path / "run" / "broken.json").write_text('{"schema_version": ')
    (tmp_path / "run" / "picture.png").write_bytes(b"\x89PNG")
    reader = open_run(tmp_path / "run")
    assert list(reader) == [episode]
    assert sorted(Path(one.path).name for one in reader.problems) == ["aaa.json", "broken.json", "config.json"]


def test_a_step_without_a_model_call_is_an_observation():
    (episode,), reader = read(CASES / "atif-no-llm-step.json")
    assert [step.action for step in episode.steps] == ["click [5]", "stop [x]"]
    assert [step.observation.text for step in episode.steps] == ["page one", "page two"]
    assert reader.problems == []


# Harbor.


def test_a_job_of_harbor_gives_its_tasks_with_their_rewards():
    episodes, reader = read(CASES / "harbor-job")
    assert {one.task.id: one.outcome.score for one in episodes} == {"hello-world": 1.0, "fix-git": 0.0}
    assert (reader.format, reader.problems) == ("harbor-job", [])
    assert all(one.outcome.ending is Ending.STOP for one in episodes)


# All of them by the command line.


@pytest.mark.parametrize(
    ("name", "episodes", "successes"),
    [
        ("agentlab-rerun", 1, 1),
        ("agentlab-same-second", 2, 1),
        ("hf-roundtrip-out.jsonl", 2, 1),
        ("own-int-task-id.jsonl", 2, 2),
        ("atif-sorted-keys.json", 1, 0),
        ("atif-folder-with-config", 1, 0),
        ("atif-no-llm-step.json", 1, 0),
        ("harbor-job", 2, 1),
    ],
)
def test_validate_takes_every_case(name, episodes, successes, capsys):
    with pytest.raises(SystemExit) as left:
        main(["validate", str(CASES / name), "--json"])
        raise SystemExit(0)
    assert left.value.code == 0
    found = json.loads(capsys.readouterr().out)
    assert (found["episodes"], found["successes"], found["unparsable_actions"]) == (episodes, successes, 0)
