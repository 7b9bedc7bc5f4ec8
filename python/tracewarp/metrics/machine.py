"""The machine as this process may use it: instruction set of the kernels, number of threads, free memory."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path, PurePosixPath

from tracewarp._core import available_threads, instruction_set

__all__ = ["available_memory", "available_threads", "instruction_set"]

_V2_FILES = ("memory.max", "memory.current", "inactive_file")
_V1_FILES = ("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
"""Limit, usage, and the entry of `memory.stat` that counts the page cache that the kernel gives back on demand."""


def available_memory(root: Path = Path("/")) -> int | None:
    """Return the bytes of memory that this process may still take, or None where the system does not say.

    The smallest of the kernel's estimate (MemAvailable) and, for the process's control group and each group above it
    (cgroup v1 and v2), the limit minus the memory in use. Page cache that the kernel can reclaim is not in use.

    Args:
        root: Directory that holds `proc` and `sys`.
    """
    limits = [_available_in_group(group, files) for group, files in _memory_groups(root)]
    return min((size for size in (_free_memory(root), *limits) if size is not None), default=None)


def _free_memory(root: Path) -> int | None:
    size = _entry(root / "proc/meminfo", "MemAvailable:")
    return None if size is None else size * 1024


def _available_in_group(group: Path, files: tuple[str, str, str]) -> int | None:
    limit, used = (_number(group / name) for name in files[:2])
    if limit is None or used is None:
        return None
    reclaimable = _entry(group / "memory.stat", files[2]) or 0
    return max(0, limit - max(0, used - reclaimable))


def _memory_groups(root: Path) -> Iterator[tuple[Path, tuple[str, str, str]]]:
    """Yield every directory whose limits hold for this process, with the names of its files."""
    paths = dict(_group_paths(root))
    for line in _lines(root / "proc/self/mountinfo"):
        fields = line.split()
        if "-" not in fields[6:] or len(fields) < (kind := fields.index("-", 6) + 1) + 3:
            continue
        version = {"cgroup2": 2, "cgroup": 1}.get(fields[kind])
        if version is None or version not in paths or (version == 1 and "memory" not in fields[kind + 2].split(",")):
            continue
        files = _V2_FILES if version == 2 else _V1_FILES
        mounted = root / fields[4].lstrip("/")
        # A container may see only its own part of the hierarchy, mounted at the top.
        path = PurePosixPath(paths[version])
        inside = path.relative_to(fields[3]) if path.is_relative_to(fields[3]) else path.relative_to("/")
        yield from ((mounted / part, files) for part in (inside, *inside.parents) if ".." not in part.parts)


def _group_paths(root: Path) -> Iterator[tuple[int, str]]:
    """Yield the version of cgroup and the path of this process's memory group in it."""
    for line in _lines(root / "proc/self/cgroup"):
        number, _, rest = line.partition(":")
        controllers, _, path = rest.partition(":")
        if path.startswith("/") and (number == "0" or "memory" in controllers.split(",")):
            yield (2 if number == "0" else 1), path


def _lines(path: Path) -> list[str]:
    try:
        return path.read_text("utf-8", errors="replace").splitlines()
    except OSError:
        return []


def _number(path: Path) -> int | None:
    """Return the number in a file; None for `max`, or where the file is missing."""
    text = "".join(_lines(path)).strip()
    return int(text) if text.isdecimal() else None


def _entry(path: Path, name: str) -> int | None:
    found = next((line.split() for line in _lines(path) if line.split()[:1] == [name]), [])
    return int(found[1]) if len(found) > 1 and found[1].isdecimal() else None
