"""Peak memory of one long pair beyond its inputs, each side in a process of its own. Linux only: reads /proc.

python memory.py ours|baseline STEPS DIM     prints the bytes
"""

import subprocess
import sys
from pathlib import Path

STATUS = Path("/proc/self/status")
CLEAR = Path("/proc/self/clear_refs")


def status_bytes(key):
    line = next(line for line in STATUS.read_text().splitlines() if line.startswith(key))
    return 1024 * int(line.split()[1])


def peak_beyond_inputs(side, steps, dim):
    """Bytes at the peak of one call, less what was resident before it: inputs, interpreter, compiled code."""
    from inputs import walk

    if side == "ours":
        import tracewarp

        run = tracewarp.dtw
    else:
        import baseline

        run = baseline.long_pair
    x, y = (walk(steps, dim, seed) for seed in (2, 3))
    run(x[:64], y[:64])
    CLEAR.write_text("5")  # from here on VmHWM counts anew
    before = status_bytes("VmRSS")
    result = run(x, y)
    assert result is not None
    return status_bytes("VmHWM") - before


def measure(steps, dim):
    """Both sides -> {side: {bytes, bytes_per_cell}}, or None where /proc does not tell."""
    if not CLEAR.exists():
        return None
    found = {}
    for side in ("ours", "baseline"):
        command = [sys.executable, str(Path(__file__)), side, str(steps), str(dim)]
        done = subprocess.run(command, capture_output=True, text=True, check=True)
        peak = int(done.stdout.split()[-1])
        found[side] = {"bytes": peak, "bytes_per_cell": peak / steps**2}
    return {"steps": steps, "dim": dim, **found}


if __name__ == "__main__":
    print(peak_beyond_inputs(sys.argv[1], int(sys.argv[2]), int(sys.argv[3])))
