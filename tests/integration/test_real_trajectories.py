"""The published WebArena episodes, in both shapes, read to the last figure of their README."""

from __future__ import annotations

import subprocess
import sys
from collections import Counter, defaultdict
from pathlib import Path

import pytest

from tracewarp.envs.web.actions import parse_action
from tracewarp.envs.web.evaluators import evaluate
from tracewarp.envs.web.evidence import Evidence
from tracewarp.envs.web.tasks import web_task
from tracewarp.trajectory import Ending, load_tasks, open_run, write_trajectories

SHARED = Path(__file__).parents[3] / "shared" / "data"
LINES = SHARED / "trajectories" / "colorbrowseragent-webarena.jsonl.gz"
FOLDERS = SHARED / "trajectories" / "agentlab-sample"
TASKS = SHARED / "webarena" / "test.raw.json"

pytestmark = [
    pytest.mark.shared,
    pytest.mark.skipif(not LINES.exists(), reason="the data beside the checkout (../shared/data) is not here"),
]


@pytest.fixture(scope="module")
def counts():
    """One streaming pass over the 812 episodes."""
    reader = open_run(LINES)
    found: Counter = Counter()
    endings: Counter = Counter()
    refused = []
    for episode in reader:
        score = episode.outcome.score
        endings[episode.outcome.ending] += 1
        found.update(
            episodes=1,
            success=score == 1,
            partial=0 < score < 1,
            score=score,
            empty=not episode.steps,
            steps=len(episode.steps),
            executed=len(episode.executed_steps),
            unparsable=sum(step.action is None for step in episode.steps),
            errors=sum(step.error is not None for step in episode.steps),
            invalid=sum(step.valid is False for step in episode.steps),
            unknown=sum(step.valid is None for step in episode.executed_steps),
            misread=sum("environment_action" in step.extra for step in episode.steps),
            reward=sum(step.reward or 0 for step in episode.steps),
            without_objective=not episode.task.objective,
            forbidden=episode.outcome.error == "Unauthorized url, terminating task",
        )
        if episode.outcome.ending not in (Ending.STOP, Ending.STEP_LIMIT):
            refused.append((episode.task.id, episode.outcome.ending.value))
    return found, endings, refused, reader


def test_format_is_detected_and_nothing_is_a_problem(counts):
    reader = counts[3]
    assert (reader.format, reader.name, reader.problems) == ("agentlab-jsonl", "colorbrowseragent-webarena", [])


def test_scores_are_those_of_the_readme(counts):
    found = counts[0]
    assert (found["episodes"], found["success"], found["partial"], found["empty"]) == (812, 563, 25, 2)
    assert found["score"] / found["episodes"] == pytest.approx(0.7118, abs=5e-5)


def test_steps_recorded_after_the_end_are_kept_and_not_executed(counts):
    found = counts[0]
    assert found["steps"] == 7803
    assert found["steps"] - found["executed"] == 763 + 40


def test_errors_belong_to_the_actions_that_caused_them(counts):
    found = counts[0]
    assert (found["errors"], found["invalid"], found["unparsable"]) == (1869, 1869, 3)
    # 226 actions were written without a closing tag; their environment read an empty action. 3 were empty.
    assert found["misread"] == 226 + 3


def test_validity_is_unknown_only_where_no_observation_followed(counts):
    assert counts[0]["unknown"] == 7  # the seven episodes with steps that end without a terminal observation


def test_endings_are_told_apart(counts):
    _, endings, refused, _ = counts
    assert endings[Ending.STOP] == 756 + 7 + 2
    assert endings[Ending.STEP_LIMIT] == 40
    assert refused == [
        ("563", "environment_error"),
        ("564", "environment_error"),
        ("565", "environment_error"),
        ("566", "environment_error"),
        ("626", "agent_error"),
        ("745", "agent_error"),
        ("789", "environment_error"),
    ]
    assert counts[0]["forbidden"] == 8


def test_both_shapes_give_equal_trajectories():
    """Apart from the format's name, what was left out, and the timing details that only the folders have."""

    def comparable(episode):
        steps = tuple(
            step.model_copy(update={"extra": {key: value for key, value in step.extra.items() if key != "profiling"}})
            for step in episode.steps
        )
        provenance = episode.provenance.model_copy(update={"source": "", "extra": {}})
        return episode.model_copy(update={"steps": steps, "provenance": provenance})

    folders = {episode.key: episode for episode in open_run(FOLDERS)}
    lines = {episode.key: episode for episode in open_run(LINES) if episode.key in folders}
    assert sorted(folders) == [(task, 0) for task in ("369", "370", "371", "426", "428", "430", "652", "688")]
    for key, episode in folders.items():
        assert comparable(episode) == comparable(lines[key])
        assert episode.provenance.extra["left_out"]["obs.pruned_html"] == len(episode.steps)


def test_task_file_is_webarena_and_has_every_task(counts):
    tasks = load_tasks(TASKS)
    assert (len(tasks), tasks.n_templates, tasks.n_template_ids) == (812, 241, 190)
    assert tasks.is_webarena
    assert tasks.sha256 == "7b50386fd69163dbc05d615d834df4c6ed2c35596e97a1b10d17451c02537652"
    assert all(tasks.find(episode.task.id).objective for episode in open_run(FOLDERS))


def test_goals_are_the_task_files_intents_but_for_fifteen_that_the_run_reworded():
    tasks = load_tasks(TASKS)
    differing = [
        episode.task.id
        for episode in open_run(LINES)
        if episode.steps and episode.task.objective != tasks.find(episode.task.id).objective
    ]
    reworded = [*range(298, 303), 489, 583, 603, 608, *range(644, 650)]
    assert differing == [str(task) for task in reworded]


def test_episodes_survive_writing(tmp_path):
    episodes = list(open_run(FOLDERS))
    for name in ("run.jsonl", "run.jsonl.gz", "run.jsonl.zst"):
        write_trajectories(tmp_path / name, episodes)
        assert list(open_run(tmp_path / name, strict=True)) == episodes


def test_torn_end_of_the_gzip_keeps_the_episodes_before_it(tmp_path):
    torn = tmp_path / "torn.jsonl.gz"
    torn.write_bytes(LINES.read_bytes()[:1_000_000])
    reader = open_run(torn)
    found = [episode.task.id for episode in reader]
    assert found == [str(task) for task in range(len(found))]
    assert len(found) > 20
    (problem,) = reader.problems
    assert problem.line == len(found) + 1
    assert "the gzip data is cut off" in problem.message


@pytest.mark.skipif(not Path("/proc/self/status").exists(), reason="the peak is read from Linux's /proc")
def test_streaming_stays_small():
    """184 MB of JSON in far less memory: one episode at a time (the longest line has 4.5 MB)."""
    code = (
        "import re, sys\n"
        "from tracewarp.trajectory import open_run\n"
        "print(sum(1 for _ in open_run(sys.argv[1])))\n"
        # not ru_maxrss: a child starts with the peak of the process that forked it
        "print(re.search(r'VmHWM:\\s+(\\d+)', open('/proc/self/status').read())[1])\n"
    )
    done = subprocess.run([sys.executable, "-c", code, LINES], capture_output=True, check=True, text=True)
    episodes, kilobytes = map(int, done.stdout.split())
    assert episodes == 812
    assert kilobytes < 300_000


@pytest.mark.parametrize("evaluator", ["webarena", "strict"])
def test_each_refusal_of_the_published_episodes_is_told_from_an_answer(evaluator):
    """WebArena's 36 N/A tasks by the rule, without a judge, against the verdicts that were recorded."""
    tasks = {task.id: web_task(task) for task in load_tasks(TASKS)}
    verdicts = defaultdict(list)
    for episode in open_run(LINES):
        task = tasks[episode.task.id]
        if task.evaluation.answer is None or not task.evaluation.answer.unachievable:
            continue
        last = parse_action(episode.executed_steps[-1].action)
        evidence = Evidence(answer=last.text if last.verb == "stop" else None, url="")
        judged = evaluate(task, evidence, evaluator=evaluator)
        verdicts[judged.low, judged.high, episode.outcome.score].append(int(task.id))
    assert {kind: len(ids) for kind, ids in verdicts.items()} == {
        (1, 1, 1): 5,
        (0, 1, 1): 21,
        (0, 0, 1): 3,
        (0, 0, 0): 7,
    }
    assert sorted(verdicts[0, 0, 1]) == [101, 166, 368]
