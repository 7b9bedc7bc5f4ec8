"""Add bases to the study until its headline is precise enough; what is finished stays.

    OMP_NUM_THREADS=1 PYTHONPATH=python python tools/study/precise.py --out out/study --to docs/studies

One base at a time, planted ones first: the base is trained, improves itself, and its outcomes go into
self-improvement.json. A headline is done when Student's interval over its bases reaches at most 6 points to either
side, or when its bases are used up (twelve planted, six unplanted). All stop when 8 hours of CPU time are used: that of
every base stands in the file. If a base was interrupted, that is the time of its last run alone.
"""

from __future__ import annotations

import argparse
import os
import resource
import sys
import time
from pathlib import Path

from bases import make_base, make_demonstrations
from experiments import BY_NAME, Experiment
from intervals import Estimate
from results import Results, Row, gather, merged, rows_of, save
from write import HEADLINES, Tables, both_intervals

from run import do_cell

NEAR_ENOUGH = 0.06
"""Half the width of the t interval at which a headline is done."""
CPU_HOURS = 8.0
LEAST_BASES = 3
"""An interval over two bases may be narrow by chance."""


def is_done(found: Estimate | None) -> bool:
    """Is a headline precise enough?"""
    width = None if found is None else found.half_width
    return found is not None and len(found.bases) >= LEAST_BASES and width is not None and width <= NEAR_ENOUGH


def cpu_seconds() -> float:
    """CPU time of this process and of those that it waited for."""
    used = [resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)]
    return sum(one.ru_utime + one.ru_stime for one in used)


def used_hours(rows: list[Row]) -> float:
    """CPU time of all bases that were added."""
    seconds = {(row["experiment"], row["base"]): row["cpu_seconds"] for row in rows if "cpu_seconds" in row}
    return sum(seconds.values()) / 3600


def do_base(out: Path, experiment: Experiment, base_seed: int) -> list[Row]:
    """Train one base and let it improve itself; its rows, with the CPU time that they took."""
    began = cpu_seconds()
    make_base(out / "bases", experiment.kind(base_seed), base_seed)
    for seed in experiment.seeds:
        do_cell(out, experiment.name, base_seed, seed)
    spent = round(cpu_seconds() - began, 1)
    mine = [row for row in gather(out) if (row["experiment"], row["base"]) == (experiment.name, base_seed)]
    return [{**row, "kind": experiment.kind(base_seed), "cpu_seconds": spent} for row in mine]


def missing(rows: list[Row], names: tuple[str, ...]) -> list[tuple[Experiment, int]]:
    """The bases of these experiments that may be added and are not there, in order."""
    there = {(row["experiment"], row["base"]) for row in rows}
    further = [BY_NAME[name] for name in names if name in ("further", "unplanted")]
    return [(one, base) for one in further for base in one.bases if (one.name, base) not in there]


def main() -> int:
    """Add bases; 1 where a headline is not as precise as it should be."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--to", type=Path, required=True, help="folder of self-improvement.json")
    parser.add_argument("--only", nargs="+", choices=list(HEADLINES), default=list(HEADLINES), metavar="HEADLINE")
    parser.add_argument("--most", type=int, help="add at most so many bases now")
    args = parser.parse_args()
    os.environ.setdefault("OMP_NUM_THREADS", "1")
    (args.out / "bases").mkdir(parents=True, exist_ok=True)
    make_demonstrations(args.out / "bases")
    path, added, done = args.to / "self-improvement.json", 0, True
    for words in args.only:
        while True:
            rows = rows_of(path)
            found = Tables(Results(rows)).headline(HEADLINES[words])
            told = "nothing yet" if found is None else " ".join(both_intervals(found))
            print(f"{words}: {0 if found is None else len(found.bases)} bases, {told}", flush=True)
            left = missing(rows, HEADLINES[words])
            if is_done(found) or not left or used_hours(rows) >= CPU_HOURS or added == args.most:
                done &= is_done(found)
                break
            began = time.monotonic()
            experiment, base = left[0]
            new = do_base(args.out, experiment, base)
            save(path, merged(rows_of(path), new))
            added += 1
            hours, cpu = (time.monotonic() - began) / 3600, new[0]["cpu_seconds"] / 3600
            print(f"{experiment.name}, base {base} ({experiment.kind(base)}): {cpu:.2f} CPU hours in {hours:.2f}")
    return int(not done)


if __name__ == "__main__":
    sys.exit(main())
