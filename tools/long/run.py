"""Run what is too slow for CI (`make test-long`): slow tests, kill series, memory checks, whole parity, the demo.

Each part is one command. A part that passed is recorded in `out/test-long.json` with a hash of the files it depends on,
and is not repeated while they are unchanged. An interrupted run continues where it stopped.

    make test-long                          # every part but the studies
    make test-long PARTS="memcheck parity"  # these parts
    make test-long PARTS=list               # list the parts, and which are up to date
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import re
import subprocess
import sys
import time
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
RECORD = ROOT / "out" / "test-long.json"
MUTATED = {
    "filters": ("python/tracewarp/synthesize", "tests/unit/synthesize", "tools/mutation"),
    "statistics": ("python/tracewarp/metrics", "tests/unit/metrics", "tests/property", "tools/mutation"),
}
"""What mutation testing changes (see tools/mutation/run.py) -> the files on which its result depends."""
SOURCES = ("python", "rust", "pyproject.toml", "Cargo.toml", "Cargo.lock")


@dataclass(frozen=True)
class Part:
    """One command and the files on which its result depends."""

    name: str
    command: tuple[str, ...]
    inputs: tuple[str, ...]
    by_default: bool = True
    """False: it runs only when it is named (studies take hours)."""

    def digest(self) -> str:
        """SHA-256 over the command and the contents of every tracked or new file among the inputs."""
        listed = subprocess.run(
            ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard", "--", *self.inputs],  # noqa: S607
            cwd=ROOT,
            capture_output=True,
            check=True,
        )
        digest = hashlib.sha256("\0".join(self.command).encode())
        for name in sorted(filter(None, listed.stdout.split(b"\0"))):
            file = ROOT / os.fsdecode(name)
            if file.is_file():
                digest.update(name + b"\0" + hashlib.sha256(file.read_bytes()).digest())
        return digest.hexdigest()


def parts() -> list[Part]:
    """Every part, in the order in which they run."""
    python, tracewarp = sys.executable, str(Path(sys.executable).with_name("tracewarp"))
    slow = [
        Part(
            f"slow-{file.stem.removeprefix('test_')}",
            (python, "-m", "pytest", "-q", "-m", "slow", "--timeout", "3600", str(file.relative_to(ROOT))),
            (*SOURCES, "tests/conftest.py", "tests/data", "tests/oracle", str(file.relative_to(ROOT)), "tools"),
        )
        for file in sorted((ROOT / "tests").rglob("test_*.py"))
        if re.search(r"pytest\.mark\.slow\b", file.read_text(encoding="utf-8"))
        and "TRACEWARP_WHEEL" not in file.read_text(encoding="utf-8")  # `make test-wheel` runs that one, in CI too
    ]
    return [
        *slow,
        Part("parity", (tracewarp, "arena", "parity"), SOURCES),
        Part("memcheck", ("make", "memcheck"), ("rust", "Cargo.toml", "Cargo.lock", "Makefile")),
        Part("demo", ("make", "demo"), SOURCES),
        *(
            Part(f"mutation-{target}", (python, "tools/mutation/run.py", target), inputs)
            for target, inputs in MUTATED.items()
        ),
        Part("study", ("make", "study"), (*SOURCES, "tools/study"), by_default=False),
    ]


def load_record() -> dict[str, dict[str, str | float]]:
    """The parts that passed; empty where none did."""
    try:
        found: dict[str, dict[str, str | float]] = json.loads(RECORD.read_text(encoding="utf-8"))
    except FileNotFoundError:
        return {}
    return found


def save_record(record: dict[str, dict[str, str | float]]) -> None:
    """Replace the record in one step."""
    RECORD.parent.mkdir(exist_ok=True)
    temporary = RECORD.with_suffix(".tmp")
    temporary.write_text(json.dumps(record, indent=1, sort_keys=True) + "\n", encoding="utf-8")
    temporary.replace(RECORD)


def chosen(every: Sequence[Part], names: Iterable[str]) -> list[Part]:
    """The parts of these names (a prefix such as `slow` names all that begin so); without names, the default ones."""
    wanted = list(names)
    if not wanted:
        return [part for part in every if part.by_default]
    for name in wanted:
        if not any(part.name == name or part.name.startswith(f"{name}-") for part in every):
            raise SystemExit(f"PARTS: unknown part {name!r}; expected some of {', '.join(part.name for part in every)}")
    return [part for part in every if any(part.name == n or part.name.startswith(f"{n}-") for n in wanted)]


def run(part: Part) -> tuple[int, str]:
    """Run a part; its output goes to the terminal and its last line that counts something is returned."""
    last = ""
    with subprocess.Popen(
        part.command, cwd=ROOT, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, encoding="utf-8", errors="replace"
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            sys.stdout.write(line)
            sys.stdout.flush()
            if re.search(r"\d", line):
                last = line.strip(" =\n")
    return process.returncode, last


def main() -> int:
    """Run the chosen parts that are not up to date; 1 if one of them failed."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("parts", nargs="*", help="names of parts, or `list`")
    names = parser.parse_args().parts
    every, record, failed = parts(), load_record(), []
    if names == ["list"]:
        for part in every:
            known = record.get(part.name, {})
            state = "up to date" if known.get("inputs") == part.digest() else "changed since" if known else "not run"
            print(f"{part.name:40} {state:14} {known.get('result', '')}")
        return 0
    for part in chosen(every, names):
        inputs = part.digest()
        if record.get(part.name, {}).get("inputs") == inputs:
            print(f"=== {part.name}: up to date ({record[part.name]['result']})")
            continue
        print(f"=== {part.name}: {' '.join(part.command)}", flush=True)
        began = time.monotonic()
        code, result = run(part)
        if code:
            failed.append(part.name)
            continue
        record = load_record() | {
            part.name: {
                "inputs": inputs,
                "result": result,
                "seconds": round(time.monotonic() - began, 1),
                "finished_at": datetime.now(timezone.utc).isoformat(timespec="seconds"),
            }
        }
        save_record(record)
    if failed:
        print(f"failed: {', '.join(failed)}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
