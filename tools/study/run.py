"""Do the study: every experiment for every base and training seed; what is finished stays.

    OMP_NUM_THREADS=1 PYTHONPATH=python python tools/study/run.py --out out/study --workers 2

About two and a half hours on two cores. `write.py` beside this file turns the folder into docs/studies.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import time
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from multiprocessing import get_context
from pathlib import Path

from bases import base_folder, make_base, make_demonstrations
from experiments import BASE_SEEDS, BY_NAME, EXPERIMENTS, TRAINING_SEEDS, Experiment, options

from tracewarp.data import tiny_agent_tasks
from tracewarp.improve import improve
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
    if (folder / "improvement.json").exists() or (folder / ALIAS).exists():
        return "was done"
    source = stem(out, experiment, base_seed, training_seed)
    if source is not None and repeats(experiment, source):
        folder.mkdir(parents=True, exist_ok=True)
        (folder / ALIAS).write_text(json.dumps({"same": "main"}) + "\n", encoding="utf-8")
        return "learns from the same trajectories as main"
    if source is not None:
        for part in shared_parts(experiment):
            take(source / part, folder / part)
    base = base_folder(out / "bases", experiment.base, base_seed)
    result = improve(folder, options(experiment, str(base), base_seed, training_seed, tiny_agent_tasks()))
    words = ", ".join(f"{agent.name} {agent.greedy.rate:.3f}" for agent in result.agents)
    return f"{time.monotonic() - began:.0f} s; greedy: {words}"


def stem(out: Path, experiment: Experiment, base_seed: int, training_seed: int) -> Path | None:
    """The folder whose runs of the base a cell takes; None: it does them itself."""
    if experiment.first_rounds:
        return cell_folder(out, experiment.shares or "", base_seed, training_seed)
    if experiment.shares is not None:
        return cell_folder(out, experiment.shares, base_seed, TRAINING_SEEDS[0])
    if training_seed != TRAINING_SEEDS[0]:
        return cell_folder(out, experiment.name, base_seed, TRAINING_SEEDS[0])
    return None


def shared_parts(experiment: Experiment) -> Iterable[str]:
    """Folders that do not depend on what an experiment varies."""
    yield from ("base", "oracle", "round-1/collected")
    if experiment.first_rounds:
        yield from (f"round-1/{arm}" for arm in experiment.arms)
    elif experiment.shares is None:
        yield "round-1/out-of-domain-paper"


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


def waves(names: Sequence[str]) -> Iterable[list[tuple[str, int, int]]]:
    """Cells in an order in which none waits for another of its wave."""
    chosen = [BY_NAME[name] for name in names]
    first = [
        (one.name, base, TRAINING_SEEDS[0])
        for one in chosen
        if one.shares is None
        for base in BASE_SEEDS
    ]  # fmt: skip
    everything = [(one.name, base, seed) for one in chosen for base in BASE_SEEDS for seed in TRAINING_SEEDS]
    independent = [cell for cell in everything if not BY_NAME[cell[0]].first_rounds and cell not in first]
    yield first
    yield independent
    yield [cell for cell in everything if BY_NAME[cell[0]].first_rounds]


def main() -> int:
    """Make the bases, then do every cell; the number of cells that failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--workers", type=int, default=os.cpu_count() or 1, help="processes, of one core each")
    parser.add_argument("--only", nargs="+", choices=list(BY_NAME), default=list(BY_NAME), metavar="EXPERIMENT")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    bases = args.out / "bases"
    bases.mkdir(parents=True, exist_ok=True)
    make_demonstrations(bases)
    kinds = dict.fromkeys(one.base for one in EXPERIMENTS if one.name in args.only)
    failed = 0
    with ProcessPoolExecutor(args.workers, mp_context=get_context("spawn")) as pool:
        list(pool.map(make_base, *zip(*((bases, "habit", seed) for seed in BASE_SEEDS), strict=True)))
        twins = [(bases, kind, seed) for kind in kinds for seed in BASE_SEEDS]
        list(pool.map(make_base, *zip(*twins, strict=True)))
        began, done = time.monotonic(), 0
        for wave in waves(args.only):
            running = {pool.submit(do_cell, args.out, *cell): cell for cell in wave}
            for future in as_completed(running):
                name, base, seed = running[future]
                done += 1
                try:
                    words = future.result()
                except Exception as error:  # one cell that fails must not end the others
                    failed += 1
                    words = f"FAILED: {type(error).__name__}: {error}"
                minutes = (time.monotonic() - began) / 60
                print(f"{minutes:6.1f} min, {done}: {name}, base {base}, training {seed}: {words}", flush=True)
    return failed


if __name__ == "__main__":
    sys.exit(main())
