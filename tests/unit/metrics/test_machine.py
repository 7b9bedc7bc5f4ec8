"""Free memory as a container sees it: trees of `/proc` and `/sys` as kernels write them, and this machine's own."""

from pathlib import Path

import pytest

from tracewarp.metrics.machine import available_memory

MIB = 2**20
V2 = "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup rw,nsdelegate"
V1 = "32 31 0:29 {root} /sys/fs/cgroup/memory rw,relatime shared:9 - cgroup cgroup rw,memory"


def system(root: Path, *, mounts: str, groups: str, available: int | None = 100_000, **files: object) -> Path:
    """Write a system whose kernel estimates `available` MiB; `files` are contents by path, `__` for a slash."""
    entries = {"proc/self/mountinfo": mounts, "proc/self/cgroup": groups}
    if available is not None:
        entries["proc/meminfo"] = f"MemTotal: 999 kB\nMemAvailable:   {available * 1024} kB\n"
    entries |= {f"sys/fs/cgroup/{name.replace('__', '/')}": str(content) for name, content in files.items()}
    for name, content in entries.items():
        (root / name).parent.mkdir(parents=True, exist_ok=True)
        (root / name).write_text(f"{content}\n")
    return root


def group(limit: object, used: int, inactive: int | None = None, *, at: str = "", v1: bool = False) -> dict[str, str]:
    """The files of one control group, sizes in MiB."""
    names = ("memory.limit_in_bytes", "memory.usage_in_bytes") if v1 else ("memory.max", "memory.current")
    files = {names[0]: limit if isinstance(limit, str) else limit * MIB, names[1]: used * MIB}  # type: ignore[operator]
    if inactive is not None:
        total = "total_inactive_file" if v1 else "inactive_file"
        # The group's own count beside the total of v1 is not the one that the limit sees.
        files["memory.stat"] = f"anon 1\n{'inactive_file 7' if v1 else 'active_file 7'}\n{total} {inactive * MIB}"
    return {f"{at}{name}": str(content) for name, content in files.items()}


CASES = [
    ("no group", {"mounts": "", "groups": ""}, {}, 100_000),
    ("v2", {"mounts": V2, "groups": "0::/"}, group(1000, 400), 600),
    ("v2, page cache", {"mounts": V2, "groups": "0::/"}, group(1000, 900, 700), 800),
    ("v2, more cache than use", {"mounts": V2, "groups": "0::/"}, group(1000, 100, 200), 1000),
    ("v2, above its limit", {"mounts": V2, "groups": "0::/"}, group(1000, 1200), 0),
    ("v2, no limit", {"mounts": V2, "groups": "0::/"}, group("max", 400, 100), 100_000),
    (
        "v2, the group above is tighter",
        {"mounts": V2, "groups": "0::/a/b"},
        group("max", 10, at="a__b__") | group(500, 100, 50, at="a__"),
        450,
    ),
    (
        "v2, the inner group is tighter",
        {"mounts": V2, "groups": "0::/a/b"},
        group(200, 10, at="a__b__") | group(500, 100, at="a__"),
        190,
    ),
    ("v2, a path outside of the namespace", {"mounts": V2, "groups": "0::/../../x"}, group(700, 100), 600),
    (
        "v2, only part of the hierarchy is mounted",
        {"mounts": V2.replace(" / /sys", " /pod/c1 /sys"), "groups": "0::/pod/c1/inner"},
        group(300, 100, at="inner__") | group(1000, 100),
        200,
    ),
    (
        "v1",
        {"mounts": V1.format(root="/"), "groups": "5:cpu:/\n4:memory:/docker/c1\n0::/"},
        group(1000, 900, 600, at="memory__docker__c1__", v1=True),
        700,
    ),
    (
        "v1, no limit",
        {"mounts": V1.format(root="/"), "groups": "4:memory:/"},
        group(str(2**63 - 4096), 900, 600, at="memory__", v1=True),
        100_000,
    ),
    (
        "v1, a container that sees only its own group",
        {"mounts": V1.format(root="/docker/c1"), "groups": "4:hugetlb,memory:/docker/c1"},
        group(800, 300, 100, at="memory__", v1=True),
        600,
    ),
    (
        "v1 beside v2 without its memory controller",
        {"mounts": f"{V1.format(root='/')}\n{V2}/unified", "groups": "4:memory:/a\n0::/"},
        group(800, 300, at="memory__a__", v1=True),
        500,
    ),
    ("garbage", {"mounts": "x\n1 2 -\n\n" + V2, "groups": "x\n0:\n0::/"}, group("many", 1), 100_000),
]


@pytest.mark.parametrize(("settings", "files", "expected"), [case[1:] for case in CASES], ids=[it[0] for it in CASES])
def test_limits_of_control_groups(
    tmp_path: Path, settings: dict[str, str], files: dict[str, str], expected: int
) -> None:
    assert available_memory(system(tmp_path, **settings, **files)) == expected * MIB


def test_the_kernels_estimate_holds_where_it_is_smaller(tmp_path: Path) -> None:
    tree = system(tmp_path, mounts=V2, groups="0::/", available=5, **group(1000, 100))
    assert available_memory(tree) == 5 * MIB


def test_a_system_that_says_nothing(tmp_path: Path) -> None:
    assert available_memory(tmp_path) is None


def test_this_machine_has_memory() -> None:
    available = available_memory()
    assert available is None or available > MIB
