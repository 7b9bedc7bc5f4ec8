"""The bases of the study: seeds of the tiny agent, their twins without the habit, and bases with unplanted faults."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Final

UNPLANTED: Final = {
    "early": ("--leave-clean-after", 600),
    "third": ("--share", 1 / 3),
}
"""Kinds of base whose faults nobody planted -> what the training is told. 600 of 3,000 clean steps: a fifth."""
TOOLS = Path(__file__).parents[1] / "tiny"


def make_demonstrations(out: Path) -> tuple[Path, Path]:
    """Demonstrations and pages that the tokenizer sees; those that are there are left as they are."""
    demonstrations, seen = out / "demonstrations.jsonl.gz", out / "seen.jsonl.gz"
    for path, words in ((demonstrations, ("--limit", 30)), (seen, ("--look-around", "--worlds", 1, "--limit", 3))):
        if not path.exists():
            beside = path.with_name(f"partial-{path.name}")
            _call("demonstrations.py", beside, *words)
            beside.rename(path)
    return demonstrations, seen


def base_folder(out: Path, kind: str, seed: int) -> Path:
    """Where a base lies."""
    return out / f"{kind}-{seed}"


def make_base(out: Path, kind: str, seed: int) -> Path:
    """Train a base, unless it is there; a twin goes on from the stage that it shares with the base of its seed.

    Args:
        out: folder of all bases.
        kind: `habit`, `no-habit` (a twin from the slips on), `visible-SHARE` (a twin from before the slips); or without
            slips and habit, so that no fault was planted: `early` (a checkpoint of the clean training, on its way), or
            `third` (the whole clean training on a third of the demonstrated tasks).
        seed: of the base.
    """
    folder = base_folder(out, kind, seed)
    if (folder / "training.json").exists():
        return folder
    words: list[object] = ["--out", folder, "--seed", seed]
    if kind in UNPLANTED:
        words += ["--no-habit", "--slip-steps", 0, "--habit-steps", 0, *UNPLANTED[kind]]
    elif kind != "habit":
        stem = make_base(out, "habit", seed)
        words += ["--no-habit", "--clean-steps", 0]
        if kind == "no-habit":
            words += ["--start", stem / "slips", "--slip-steps", 0]
        else:
            words += ["--start", stem / "clean", "--visible", kind.removeprefix("visible-")]
    _call("train.py", *make_demonstrations(out), *words)
    return folder


def _call(script: str, *words: object) -> None:
    command = [sys.executable, str(TOOLS / script), *map(str, words)]
    subprocess.run(command, check=True, env=os.environ | {"OMP_NUM_THREADS": "1"}, stdout=sys.stderr)
