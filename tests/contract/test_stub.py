"""The stub says what the binary does."""

import subprocess
import sys


def test_stub_and_binary_agree() -> None:
    out = subprocess.run([sys.executable, "-m", "mypy.stubtest", "tracewarp._core"], capture_output=True, text=True)
    assert out.returncode == 0, out.stdout + out.stderr
