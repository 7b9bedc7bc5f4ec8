"""MiniWoB++ in a real Chromium: its own rewards, from policies written by hand."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from importlib.util import find_spec
from pathlib import Path

import pytest
from click.testing import CliRunner

from tracewarp.cli.collect import command
from tracewarp.collect import CollectOptions, collect
from tracewarp.envs.base import TaskRef
from tracewarp.envs.miniwob import MiniWobEnvironment, MiniWobSource, make_miniwob
from tracewarp.envs.miniwob.solutions import ONE_INSTANCE, SOLUTIONS
from tracewarp.envs.miniwob.source import NO_TASKS
from tracewarp.errors import MissingExtraError, OptionError
from tracewarp.trajectory import open_run

WITHOUT = pytest.mark.skipif(find_spec("miniwob") is None, reason="MiniWoB++: pip install --no-deps miniwob")
pytestmark = WITHOUT


@pytest.fixture(scope="module")
def world(chromium_path):
    with make_miniwob() as environment:
        yield environment


def ref(key: str, seed: int = 0, split: str = "test") -> TaskRef:
    return TaskRef("miniwob", split, key, seed)


def click(text: str, line: str) -> str:
    found = re.search(r"\[(\d+)\] " + re.escape(line), text)
    assert found is not None, text
    return f"click [{found[1]}]"


# The source.


def test_there_are_125_tasks_in_both_splits_and_no_instance_is_in_two():
    source = MiniWobSource(instances=3)
    assert len(source.keys) == 125
    assert len(source) == len(set(source)) == 2 * 125 * 3
    assert not NO_TASKS & set(source.keys)
    seeds = {split: {it.seed for it in source.split(split)} for split in source.splits}
    assert not seeds["test"] & seeds["train"]
    assert len({source.task(it).id for it in source}) == len(source)


@pytest.mark.parametrize("wrong", ["arena/test/click-test/0", "miniwob/dev/click-test/0", "miniwob/test/nothing/0"])
def test_an_unknown_task_is_refused(wrong: str):
    with pytest.raises(OptionError, match="one of its 125 tasks"):
        MiniWobSource().task(TaskRef.parse(wrong))


def test_its_python_side_is_not_imported():
    code = (
        "import sys; from tracewarp.envs.miniwob import MiniWobSource; MiniWobSource();"
        "print([m for m in ('miniwob', 'selenium', 'gymnasium', 'playwright') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"


def test_a_missing_package_is_named(monkeypatch: pytest.MonkeyPatch):
    monkeypatch.setattr("importlib.util.find_spec", lambda name: None)
    with pytest.raises(MissingExtraError, match="pip install --no-deps miniwob"):
        MiniWobSource()


def test_a_folder_without_pages_is_refused(tmp_path: Path):
    with pytest.raises(OptionError, match="with a folder miniwob in it"):
        MiniWobSource(pages=tmp_path)


def test_only_a_browser_runs_the_pages():
    with pytest.raises(OptionError, match="need chromium, got 'browserless'"):
        make_miniwob(driver="browserless")


# The world.


@pytest.mark.browser
def test_an_instance_is_drawn_from_its_seed(world: MiniWobEnvironment):
    first = world.reset(ref("enter-text"))
    assert re.fullmatch(r'Enter "\w+" into the text field and press Submit\.', first.instruction)
    assert first.url == "http://miniwob.test/miniwob/enter-text.html"
    assert world.reset(ref("enter-text", 1)).instruction != first.instruction
    again = world.reset(ref("enter-text"))
    assert (again.text, again.instruction) == (first.text, first.instruction)


@pytest.mark.browser
def test_the_tree_holds_the_task_alone(world: MiniWobEnvironment):
    text = world.reset(ref("click-test")).text
    assert text.endswith("[1] RootWebArea 'Click Test Task' focused: True\n\t[2] button 'Click Me!'")


@pytest.mark.browser
def test_the_page_ends_the_episode_with_its_raw_reward(world: MiniWobEnvironment):
    text = world.reset(ref("click-test-2")).text
    right = world.step(click(text, "button 'ONE'"))
    assert (right.raw_score, right.score, right.reward, right.success, right.terminated) == (1.0, 1.0, 1.0, True, True)
    assert right.info["ended_by_page"] is True
    text = world.reset(ref("click-test-2")).text
    wrong = world.step(click(text, "button 'TWO'"))
    assert (wrong.raw_score, wrong.score, wrong.success, wrong.terminated) == (-1.0, 0.0, False, True)


@pytest.mark.browser
def test_an_end_from_outside_is_no_reward(world: MiniWobEnvironment):
    world.reset(ref("click-test"))
    stopped = world.step("stop [done]")
    assert (stopped.raw_score, stopped.score, stopped.terminated) == (0.0, 0.0, True)
    world.reset(ref("click-test"))
    assert world.judge("Early stop").info["ended_by_page"] is False


@pytest.mark.browser
def test_no_other_page_gives_a_reward(world: MiniWobEnvironment):
    """Another task, opened by its address and begun by its START, is not the episode's."""
    world.reset(ref("tic-tac-toe"))
    there = world.step("goto [http://miniwob.test/miniwob/click-test.html]")
    assert "START" in there.observation.text
    begun = world.step(click(there.observation.text, "StaticText 'START'"))
    clicked = world.step(click(begun.observation.text, "button 'Click Me!'"))
    assert not clicked.terminated
    assert world.step("stop []").raw_score == 0.0


@pytest.mark.browser
def test_nothing_else_can_be_visited(world: MiniWobEnvironment):
    world.reset(ref("click-test"))
    assert world.step("goto [http://example.com/]").valid is False
    assert world.step("goto [http://miniwob.test/miniwob/]").observation.url == "http://miniwob.test/miniwob/"
    assert "click-test" not in world.step("scroll [down]").observation.text


@pytest.mark.browser
def test_a_time_limit_is_the_pages_own(chromium_path):
    with make_miniwob(time_limit_seconds=0.05) as environment:
        environment.reset(ref("click-test"))
        while not (result := environment.step("scroll [down]")).terminated:
            pass
    assert (result.raw_score, result.info["reason"]) == (-1.0, "timed out")


# The known solutions.


def solved(folder: Path, *seeds: int) -> dict[str, list[float]]:
    refs = [it for it in MiniWobSource(instances=4).solvable("test") if it.seed in seeds]
    collect(folder, CollectOptions("miniwob", "oracle", split="test", tasks=tuple(map(str, refs))))
    rewards: dict[str, list[float]] = {}
    print(f"\n{'task':28} raw reward  steps  instruction")
    for episode in open_run(folder):
        key, reward = str(episode.task.template_id), episode.outcome.extra.get("raw_score", float("nan"))
        rewards.setdefault(key, []).append(reward)
        print(f"{key:28} {reward:10.2f} {len(episode.steps):6}  {episode.outcome.error or episode.task.objective[:70]}")
    return rewards


@pytest.mark.browser
def test_known_solutions_reach_the_whole_raw_reward(world: MiniWobEnvironment, tmp_path: Path):
    rewards = solved(tmp_path / "run", 0)
    assert len(rewards) == len(SOLUTIONS) == 46
    assert {key: found for key, found in rewards.items() if found != [1.0]} == {}


@pytest.mark.browser
@pytest.mark.slow
def test_known_solutions_solve_other_instances_too(world: MiniWobEnvironment, tmp_path: Path):
    rewards = solved(tmp_path / "run", 1, 2, 3)
    assert {key: found for key, found in rewards.items() if found != [1.0] * 3} == {}


@pytest.mark.browser
def test_an_unsolved_task_is_named_by_the_oracle(world: MiniWobEnvironment):
    world.reset(ref("tic-tac-toe"))
    with pytest.raises(OptionError, match="no solution of miniwob/test/tic-tac-toe/0 is known"):
        world.oracle_action()


@pytest.mark.browser
def test_the_oracle_waits_until_its_act_is_carried_out(world: MiniWobEnvironment):
    world.reset(ref("enter-text"))
    first = world.oracle_action()
    assert world.oracle_action() == first
    world.step("scroll [down]")
    assert world.oracle_action() == first
    world.step(first)
    assert world.oracle_action() != first


def test_tasks_whose_other_instances_ask_for_something_else_are_solved_once():
    refs = MiniWobSource(instances=3).solvable("test")
    assert {it.key for it in refs} == set(SOLUTIONS)
    assert {it.key for it in refs if it.seed == 0} - {it.key for it in refs if it.seed == 1} == ONE_INSTANCE
    assert len(refs) == 3 * 46 - 2 * len(ONE_INSTANCE)


@pytest.mark.browser
def test_the_command_line_collects_it(world: MiniWobEnvironment, tmp_path: Path):
    arguments = ["--env", "miniwob", "--policy", "random", "--split", "test", "--limit", "2", "--max-steps", "2"]
    done = CliRunner().invoke(command, [*arguments, "--out", str(tmp_path / "run")], catch_exceptions=False)
    assert done.exit_code == 0, done.output
    assert len(list(open_run(tmp_path / "run"))) == 2
    info = json.loads((tmp_path / "run" / "run.json").read_text("utf-8"))
    assert info["driver"].startswith("chromium")
