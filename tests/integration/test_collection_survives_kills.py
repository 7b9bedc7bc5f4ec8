"""A collection killed at ten random moments and gone on with equals an undisturbed one, record for record."""

from __future__ import annotations

import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest

from tracewarp.collect import CollectOptions, collect, without_timings
from tracewarp.trajectory import open_run

pytestmark = pytest.mark.skipif(not hasattr(signal, "SIGKILL"), reason="needs a system with SIGKILL")

DATA = Path(__file__).parents[1] / "data"
POLICY = "noisy:wrong=0.15,give_up=0.05,loop=0.05,malformed=0.1"
REPEATS = 4
PAUSE = 0.02


Begin = Callable[[Path, "World", int], "subprocess.Popen[str]"]


@dataclass(frozen=True)
class World:
    options: CollectOptions
    words: tuple[str, ...]
    pause: float
    """About as long as an episode takes."""


WORLDS = {
    "counter": World(
        CollectOptions("counter_world:WORLD", POLICY, settings={"pause": PAUSE}, split="train", repeats=REPEATS),
        ("--env", "counter_world:WORLD", "--set", f"pause={PAUSE}", "--split", "train", "--repeats", str(REPEATS)),
        4 * PAUSE,
    ),
    "arena": World(CollectOptions("arena", POLICY, limit=150, repeats=2), ("--limit", "150", "--repeats", "2"), 0.02),
}


# A shell starts background jobs deaf to Ctrl-C, and children inherit that.
HEARS_CTRL_C = "import signal; signal.signal(signal.SIGINT, signal.default_int_handler)"


def command(folder: Path, world: World, workers: int) -> list[str]:
    return [
        sys.executable, "-c", f"{HEARS_CTRL_C}; from tracewarp.cli import main; main()", "collect", *world.words,
        "--policy", POLICY, "--workers", str(workers), "--out", str(folder),
    ]  # fmt: skip


@pytest.fixture
def begin() -> Iterator[Begin]:
    """Begins collectors, and ends those that a failed test leaves behind."""
    begun: list[subprocess.Popen[str]] = []

    def start(folder: Path, world: World, workers: int) -> subprocess.Popen[str]:
        environment = {**os.environ, "PYTHONPATH": os.pathsep.join([str(DATA), os.environ.get("PYTHONPATH", "")])}
        begun.append(
            subprocess.Popen(
                command(folder, world, workers),
                stderr=subprocess.PIPE,
                stdout=subprocess.DEVNULL,
                text=True,
                env=environment,
            )
        )
        return begun[-1]

    yield start
    for process in begun:
        if process.poll() is None:
            process.kill()
            process.communicate()


def n_lines(folder: Path) -> int:
    path = folder / "trajectories.jsonl"
    return path.read_bytes().count(b"\n") if path.exists() else 0


def children(pid: int) -> list[int]:
    found = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in found.read_text().split()] if found.exists() else []


def gone(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] == "Z"
    except OSError:
        return True


def wait_for_the_end(processes: list[int]) -> None:
    deadline = time.monotonic() + 20
    while not all(gone(pid) for pid in processes):
        assert time.monotonic() < deadline, "workers outlive their collector"
        time.sleep(0.01)


def records(folder: Path):
    return [without_timings(trajectory) for trajectory in open_run(folder, strict=True)]


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("name", "workers", "n_kills"),
    [
        ("counter", 2, 3),
        pytest.param("counter", 1, 10, marks=pytest.mark.slow),
        pytest.param("counter", 2, 10, marks=pytest.mark.slow),
        pytest.param("arena", 1, 10, marks=pytest.mark.slow),
        pytest.param("arena", 2, 10, marks=pytest.mark.slow),
    ],
)
def test_kills_change_no_record_and_lose_no_episode(
    tmp_path: Path, begin: Begin, name: str, workers: int, n_kills: int
):
    world = WORLDS[name]
    whole = collect(tmp_path / "whole", world.options).progress.total
    moments = random.Random(workers)
    folder, kept = tmp_path / "killed", 0
    for _ in range(n_kills):
        running = begin(folder, world, workers)
        # A moment among those at which something happens: some episodes in, and a random time after.
        wanted = kept + moments.randint(0, whole // (n_kills + 2))
        while n_lines(folder) < wanted and running.poll() is None:
            time.sleep(0.002)
        time.sleep(moments.uniform(0, world.pause))
        workers_of_it = children(running.pid)
        running.kill()
        running.communicate()
        assert running.returncode == -signal.SIGKILL, "it was to be killed before its end"
        assert n_lines(folder) >= kept, "what was finished is there"
        kept = n_lines(folder)
        wait_for_the_end(workers_of_it)
    assert 0 < kept < whole
    last = begin(folder, world, workers)
    _, said = last.communicate(timeout=120)
    assert last.returncode == 0, said
    assert f"{kept:,} from before" in said
    assert records(folder) == records(tmp_path / "whole")
    assert len(json.loads((folder / "run.json").read_text("utf-8"))["sessions"]) <= n_kills + 1


@pytest.mark.parametrize("workers", [1, 3])
def test_ctrl_c_keeps_what_is_finished_and_says_so(tmp_path: Path, begin: Begin, workers: int):
    running = begin(tmp_path, WORLDS["counter"], workers)
    while n_lines(tmp_path) < 5:
        assert running.poll() is None
        time.sleep(0.005)
    workers_of_it = children(running.pid)
    # As a terminal does it: to the collector and to its workers.
    for pid in (running.pid, *workers_of_it):
        os.kill(pid, signal.SIGINT)
    _, said = running.communicate(timeout=60)
    assert running.returncode == 130
    assert said.endswith("Interrupted. Finished work was saved.\n")
    assert "Traceback" not in said, said
    assert len(list(open_run(tmp_path, strict=True))) == n_lines(tmp_path) >= 5
    wait_for_the_end(workers_of_it)
