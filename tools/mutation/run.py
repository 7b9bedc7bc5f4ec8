"""Mutation testing: change the code in small ways, and see whether its tests notice (`make test-long PARTS=mutation`).

    python tools/mutation/run.py filters
    python tools/mutation/run.py statistics --survivors

definition  mutmut makes one small change in one function (`<` becomes `<=`, `and` becomes `or`, a constant changes) and
            runs the tests that reach it. A mutant is killed if a test fails, or if the tests run out of time.
            Share = killed / all mutants. It is a lower bound on what tests notice: some mutants change nothing that
            anybody could see.
result      exit code 1 where the share is below 85 %, or where no mutant could be made.
source      mutmut (boxed/mutmut); it expects the package below `src`, so that the sources are copied to out/mutation.
            A run that was interrupted continues; a function that changed is tested again, and after a change of the
            tests all are.
"""

from __future__ import annotations

import argparse
import hashlib
import importlib.util
import json
import re
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
OUT = ROOT / "out" / "mutation"
LEAST_SHARE = 0.85


@dataclass(frozen=True)
class Target:
    """Code to change, and the tests that have to notice."""

    modules: tuple[str, ...]
    """Patterns below python/tracewarp."""
    tests: tuple[str, ...]


TARGETS = {
    "filters": Target(
        modules=tuple(
            f"synthesize/{name}.py"
            for name in ("filters", "agreement", "quality", "balance", "holdout", "mixtures", "sameness")
        ),
        tests=(
            "tests/unit/synthesize/test_filters.py",
            "tests/unit/synthesize/test_sets.py",
            "tests/unit/synthesize/test_sameness.py",
        ),
    ),
    "statistics": Target(
        modules=("metrics/statistics.py", "metrics/statistics/*.py"),
        tests=(
            "tests/unit/metrics/test_statistics.py",
            "tests/unit/metrics/test_clusters.py",
            "tests/property/test_statistics_properties.py",
        ),
    ),
}


def prepare(folder: Path, target: Target) -> None:
    """Lay out a copy of the sources and the tests as mutmut expects it; results of other tests are dropped."""
    tests = hashlib.sha256(b"".join((ROOT / test).read_bytes() for test in existing(ROOT, target.tests))).hexdigest()
    known = folder / "tests.sha256"
    if not known.exists() or known.read_text(encoding="utf-8") != tests:
        shutil.rmtree(folder, ignore_errors=True)
        folder.mkdir(parents=True)
        known.write_text(tests, encoding="utf-8")
    for name, source in (("src/tracewarp", ROOT / "python" / "tracewarp"), ("tests", ROOT / "tests")):
        shutil.copytree(
            source, folder / name, dirs_exist_ok=True, ignore=shutil.ignore_patterns("__pycache__"), copy_function=copy
        )
    (folder / "pyproject.toml").write_text(
        "\n".join(
            (
                "[tool.mutmut]",
                'source_paths = ["src"]',
                f"only_mutate = {json.dumps([f'src/tracewarp/{module}' for module in target.modules])}",
                f"pytest_add_cli_args_test_selection = {json.dumps(existing(folder, target.tests))}",
                'pytest_add_cli_args = ["-p", "no:cacheprovider", "-q"]',
                "",
                _pytest_settings(),
            )
        ),
        encoding="utf-8",
    )


def copy(source: str, target: str) -> None:
    """Copy a file unless the copy is as new, so that mutmut knows what did not change."""
    old, new = Path(target), Path(source)
    if not (old.exists() and old.stat().st_mtime == new.stat().st_mtime and old.stat().st_size == new.stat().st_size):
        shutil.copy2(source, target)


def existing(folder: Path, tests: tuple[str, ...]) -> list[str]:
    """The tests that are there."""
    return [test for test in tests if (folder / test).exists()]


def _pytest_settings() -> str:
    """Our own settings of pytest."""
    text = (ROOT / "pyproject.toml").read_text(encoding="utf-8")
    found = re.search(r"^\[tool\.pytest\.ini_options\]\n(?:(?!\[).*\n|\[\n)*", text, re.MULTILINE)
    assert found is not None, "pyproject.toml: expected a table [tool.pytest.ini_options]"
    return found[0]


def measure(folder: Path) -> tuple[int, int]:
    """Killed mutants and all of them, as mutmut counts them."""
    mutmut("export-cicd-stats", folder=folder)
    counts = json.loads((folder / "mutants" / "mutmut-cicd-stats.json").read_text(encoding="utf-8"))
    killed = counts["killed"] + counts.get("timeout", 0) + counts.get("segfault", 0)
    return killed, counts["total"] - counts.get("skipped", 0)


def mutmut(*words: str, folder: Path) -> int:
    """Call mutmut in a folder; its exit code."""
    return subprocess.run([sys.executable, "-m", "mutmut", *words], cwd=folder, check=False).returncode


def main() -> int:
    """Test one target; 1 where too many mutants survive."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("target", choices=list(TARGETS))
    parser.add_argument("--survivors", action="store_true", help="show the changes that no test noticed")
    parser.add_argument("--jobs", type=int, default=1, help="mutants at a time")
    args = parser.parse_args()
    if importlib.util.find_spec("mutmut") is None:
        print("mutmut is not installed: pip install 'mutmut>=3.8'", file=sys.stderr)
        return 2
    folder = OUT / args.target
    folder.mkdir(parents=True, exist_ok=True)
    prepare(folder, TARGETS[args.target])
    mutmut("run", "--max-children", str(args.jobs), folder=folder)
    killed, total = measure(folder)
    if args.survivors:
        show_survivors(folder)
    if total == 0:
        print(f"{args.target}: no mutant was made")
        return 1
    share = killed / total
    print(f"{args.target}: {killed:,} of {total:,} mutants killed ({share:.1%}); expected at least {LEAST_SHARE:.0%}")
    return int(share < LEAST_SHARE)


def show_survivors(folder: Path) -> None:
    """Print every change that no test noticed."""
    listed = subprocess.run(
        [sys.executable, "-m", "mutmut", "results"], cwd=folder, check=False, capture_output=True, text=True
    ).stdout
    for line in listed.splitlines():
        name, _, state = line.strip().partition(": ")
        if state in ("survived", "no tests", "suspicious"):
            print(f"\n{name}: {state}", flush=True)
            mutmut("show", name, folder=folder)


if __name__ == "__main__":
    sys.exit(main())
