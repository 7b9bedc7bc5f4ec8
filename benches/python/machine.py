"""What the figures were measured on, and with which settings. Imports numpy only inside functions, see `prepare`."""

import os
import platform
import subprocess
from datetime import datetime, timezone
from importlib import metadata
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
PACKAGES = (
    "numpy", "numba", "scipy", "fastdtw", "dtaidistance", "dtw-python", "tslearn", "aeon", "librosa", "faiss-cpu",
)  # fmt: skip


def cpu_facts():
    """Model and flags as Linux tells them; elsewhere what Python knows."""
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        return platform.processor() or platform.machine(), set()
    entries = dict(line.split(":", 1) for line in lines if ":" in line)
    named = {key.strip(): value.strip() for key, value in entries.items()}
    return named.get("model name", platform.machine()), set(named.get("flags", "").split())


def blas_core_type():
    """The OpenBLAS kernels for this machine, None where it had better choose itself."""
    flags = cpu_facts()[1]
    if {"avx512f", "avx512dq", "avx512bw", "avx512vl"} <= flags:
        return "SkylakeX"
    return "Haswell" if {"avx2", "fma"} <= flags else None


def prepare(core_type):
    """Set what the libraries read when they load, so before numpy is imported: an older preset would flatter us.

    Returns:
        What was found set, to be told beside the figures.
    """
    names = ("OPENBLAS_CORETYPE", "OPENBLAS_NUM_THREADS", "OMP_NUM_THREADS", "MKL_NUM_THREADS", "NUMBA_NUM_THREADS")
    found = {name: os.environ.pop(name) for name in names if name in os.environ}
    if core_type is not None:
        os.environ["OPENBLAS_CORETYPE"] = core_type
    return found


def blas_facts():
    """One line a BLAS library, as threadpoolctl reports it."""
    import numpy  # noqa: F401  loads the library
    from threadpoolctl import threadpool_info

    keys = ("internal_api", "version", "architecture", "num_threads")
    return [{key: pool.get(key) for key in keys} for pool in threadpool_info() if pool["user_api"] == "blas"]


def versions():
    found = {}
    for package in PACKAGES:
        try:
            found[package] = metadata.version(package)
        except metadata.PackageNotFoundError:
            continue
    return found


def commit():
    """The commit that is measured, with a mark where the tree differs from it."""

    def git(*words):
        done = subprocess.run(["git", *words], cwd=ROOT, capture_output=True, text=True, check=False)
        return done.stdout.strip()

    changed = git("status", "--porcelain", "--", "rust", "python", "benches/python")
    return git("rev-parse", "--short=10", "HEAD") + ("+changes" if changed else "")


def facts(found_settings):
    import tracewarp
    from tracewarp.metrics.machine import available_threads, instruction_set

    return {
        "cpu": cpu_facts()[0],
        "threads available": available_threads(),
        "system": f"{platform.system()} {platform.release().split('-')[0]}, Python {platform.python_version()}",
        "tracewarp": f"{tracewarp.__version__}, commit {commit()}, instruction set {instruction_set()}",
        "blas": blas_facts(),
        "OPENBLAS_CORETYPE": os.environ.get("OPENBLAS_CORETYPE"),
        "settings found and removed": found_settings,
        "packages": versions(),
        "date": datetime.now(timezone.utc).strftime("%Y-%m-%d %H:%M UTC"),
    }
