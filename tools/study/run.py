"""Do the study: every experiment for every base and training seed; what is finished stays.

    OMP_NUM_THREADS=1 PYTHONPATH=python python tools/study/run.py --out out/study --workers 2

Some five hours on two cores, half of that with `--once`. `write.py` beside this file turns the folder into
docs/studies.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import threading
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import FIRST_COMPLETED, Future, ProcessPoolExecutor, wait
from dataclasses import dataclass
from multiprocessing import get_context, parent_process
from pathlib import Path

from bases import UNPLANTED, base_folder, make_base, make_demonstrations
from experiments import BY_NAME, EXPERIMENTS, TRAINING_SEEDS, Experiment, options

from tracewarp.errors import RunMismatchError
from tracewarp.improve import Arm, ImproveOptions, improve
from tracewarp.improve.selection import select
from tracewarp.trajectory import open_run

ALIAS = "as.json"
"""In a folder that was not done, since it could only repeat another one."""


def cell_folder(out: Path, experiment: str, base_seed: int, training_seed: int) -> Path:
    """Where one improvement lies."""
    return out / experiment / f"{base_seed}-{training_seed}"


def do_cell(out: Path, name: str, base_seed: int, training_seed: int) -> str:
    """One improvement, or the note that it would repeat another one; what came of it, in words."""
    experiment = BY_NAME[name]
    folder = cell_folder(out, name, base_seed, training_seed)
    began = time.monotonic()
    base = base_folder(out / "bases", experiment.kind(base_seed), base_seed)
    wanted = options(experiment, str(base), base_seed, training_seed)
    if (folder / ALIAS).exists():
        return "was done"
    if (folder / "improvement.json").exists():
        check(folder, wanted)
        return "was done"
    cell = stem(experiment, base_seed, training_seed)
    source = None if cell is None else cell_folder(out, *cell)
    if source is not None and repeats(experiment, source):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ALIAS).write_text(json.dumps({"same": "main"}) + "\n", encoding="utf-8")
        return "learns from the same trajectories as main"
    if source is not None:
        for part in shared_parts(experiment):
            take(source / part, folder / part)
    result = improve(folder, wanted)
    words = ", ".join(f"{agent.name} {agent.greedy.rate.value:.3f}" for agent in result.agents)
    return f"{time.monotonic() - began:.0f} s; greedy: {words}"


def check(folder: Path, wanted: ImproveOptions) -> None:
    """See that a finished cell was done with the options of today.

    Raises:
        RunMismatchError: it was not; its figures must not stand beside those of other cells.
    """
    done = json.loads((folder / "improvement.json").read_text(encoding="utf-8"))["options"]
    for name, value in json.loads(json.dumps(wanted.to_dict())).items():
        if name not in ("model", "workers") and done.get(name) != value:
            raise RunMismatchError(f"{folder}: was done with {name} {done.get(name)}, not {value}; remove the folder")


def stem(experiment: Experiment, base_seed: int, training_seed: int) -> tuple[str, int, int] | None:
    """The cell whose runs of the base another one takes; None: it does them itself."""
    if experiment.first_rounds:
        return experiment.shares or "", base_seed, training_seed
    if experiment.shares is not None:
        return experiment.shares, base_seed, TRAINING_SEEDS[0]
    if training_seed != experiment.seeds[0]:
        return experiment.name, base_seed, experiment.seeds[0]
    return None


def shared_parts(experiment: Experiment) -> Iterable[str]:
    """Folders that do not depend on what an experiment varies."""
    yield from ("base", "oracle", "round-1/collected")
    if experiment.first_rounds:
        yield from (f"round-1/{Arm.parse(arm).name}" for arm in experiment.arms)


def repeats(experiment: Experiment, source: Path) -> bool:
    """Without a rule that never objects alone, the same trajectories are kept: nothing new would be trained."""
    if "rules" not in experiment.changes:
        return False
    collected = tuple(open_run(source / "round-1" / "collected"))
    kept = [
        {trajectory.key for trajectory in select(collected, "paper", agreement=2, seed=0, **rules).trajectories}
        for rules in ({}, {"rules": experiment.changes["rules"]})
    ]
    return kept[0] == kept[1]


def take(source: Path, target: Path) -> None:
    """A finished folder in one step, so that a kill leaves none in halves."""
    if target.exists() or not source.exists():
        return
    target.parent.mkdir(parents=True, exist_ok=True)
    beside = target.with_name(f"{target.name}.partial")
    shutil.rmtree(beside, ignore_errors=True)
    shutil.copytree(source, beside)
    beside.rename(target)


@dataclass(frozen=True)
class Job:
    """A base to train, or a cell to do."""

    experiment: str | None
    """None: a base."""
    kind: str
    """Of the base."""
    base_seed: int
    training_seed: int = 0

    def do(self, out: Path) -> str:
        """Do it, unless it is done; what came of it, in words."""
        if self.experiment is None:
            return str(make_base(out / "bases", self.kind, self.base_seed))
        return do_cell(out, self.experiment, self.base_seed, self.training_seed)

    def comes_later(self) -> bool:
        """Another cell of its experiment has the same base."""
        return self.experiment not in (None, "main") and self.base_seed != self.training_seed

    def needs(self) -> Iterable[Job]:
        """What has to be done before."""
        if self.experiment is None:
            if self.kind != "habit" and self.kind not in UNPLANTED:
                yield Job(None, "habit", self.base_seed)
            return
        experiment = BY_NAME[self.experiment]
        yield Job(None, experiment.kind(self.base_seed), self.base_seed)
        source = stem(experiment, self.base_seed, self.training_seed)
        if source is not None:
            yield Job(source[0], BY_NAME[source[0]].kind(source[1]), *source[1:])

    def __str__(self) -> str:
        if self.experiment is None:
            return f"base {self.kind}, seed {self.base_seed}"
        return f"{self.experiment}, base {self.base_seed}, training {self.training_seed}"


def jobs(names: Sequence[str], *, once: bool = False) -> list[Job]:
    """Everything that some experiments need: main, then of each one cell a base and training seed, then the others.

    Args:
        names: of the experiments, what matters most first.
        once: without the others.
    """
    cells = [
        Job(name, BY_NAME[name].kind(base), base, seed)
        for name in names
        for base in BY_NAME[name].bases
        for seed in BY_NAME[name].seeds
    ]
    cells.sort(key=Job.comes_later)
    if once:
        cells = [job for job in cells if not job.comes_later()]
    found: dict[Job, None] = {}

    def add(job: Job) -> None:
        for need in job.needs():
            add(need)
        found[job] = None

    for cell in cells:
        add(cell)
    return list(found)


def end_with_parent() -> None:
    """In a worker: a study that was killed leaves nobody at work in its folder, where the next one goes on."""
    parent = parent_process()
    assert parent is not None

    def watch() -> None:
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def do_all(todo: list[Job], out: Path, workers: int) -> int:
    """Do jobs in their order as soon as what they need is done; the number of those that failed or could not begin."""
    began, done, running, failed = time.monotonic(), set[Job](), dict[Future[str], Job](), 0
    total = len(todo)
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn"), initializer=end_with_parent) as pool:
        while todo or running:
            ready = [job for job in todo if done.issuperset(job.needs())][: workers - len(running)]
            for job in ready:
                todo.remove(job)
                running[pool.submit(job.do, out)] = job
            if not running:
                break
            for future in wait(running, return_when=FIRST_COMPLETED).done:
                job = running.pop(future)
                try:
                    words = future.result()
                    done.add(job)
                except Exception as error:  # one cell that fails must not end the others
                    failed += 1
                    words = f"FAILED: {type(error).__name__}: {error}"
                minutes = (time.monotonic() - began) / 60
                print(f"{minutes:6.1f} min, {len(done) + failed} of {total}: {job}: {words}", flush=True)
    return failed + len(todo)


def main() -> int:
    """Do every job; not 0 where some failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, of one core each")
    parser.add_argument(
        "--only", nargs="+", choices=list(BY_NAME), default=[one.name for one in EXPERIMENTS], metavar="EXPERIMENT"
    )
    parser.add_argument("--once", action="store_true", help="beside main, one training seed of each base, another each")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    os.environ.setdefault("PYTHONWARNINGS", "ignore::FutureWarning")
    (args.out / "bases").mkdir(parents=True, exist_ok=True)
    make_demonstrations(args.out / "bases")
    return int(do_all(jobs(args.only, once=args.once), args.out, args.workers) > 0)


if __name__ == "__main__":
    sys.exit(main())
