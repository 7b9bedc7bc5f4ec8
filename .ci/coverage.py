"""Print the line coverage of the last test run, and fail if it is below the recorded share (`.ci/coverage-floor`)."""

import subprocess
import sys
from pathlib import Path

FLOOR = Path(__file__).with_name("coverage-floor")
SLACK = 0.3
"""Percentage points by which two runs of the same tests may differ: workers and timing reach different lines."""

done = subprocess.run(
    [sys.executable, "-m", "coverage", "report", "--format=total", "--precision=2"],
    check=False,
    capture_output=True,
    text=True,
)
if done.returncode:
    sys.exit(f"coverage could not be read: {done.stdout}{done.stderr}")
covered, floor = float(done.stdout), float(FLOOR.read_text(encoding="utf-8"))
print(f"line coverage: {covered:.2f} % (recorded: {floor:.2f} %)")
if covered < floor - SLACK:
    sys.exit(f"line coverage fell from {floor:.2f} % to {covered:.2f} %: add tests for what is new")
