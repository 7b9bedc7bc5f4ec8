"""The results as a page: `python benches/python/render.py` writes benches/README.md from benches/results/*.json."""

import json
from pathlib import Path

HERE = Path(__file__).resolve().parent
REMARKS = HERE / "remarks.md"
NAMES = {"avx512": "AVX-512", "avx2": "AVX2"}

OPENING = """\
# Benches

How fast the core is, measured on one machine against code that a good engineer would write with numpy and numba. This
page is made by `benches/python/render.py` from `results/*.json`; do not edit it.

```sh
make bench                                                 # everything; rewrites this page
.venv-bench/bin/python benches/python/run.py --job filter  # one job
cargo bench -p tracewarp-core -- pairs                     # the core alone, without Python
```

`tracewarp bench` does the same for users, on shapes of their own.

## How it is measured

- **Baseline**: `python/baseline.py`: BLAS on raw rows, norms in a fastmath numba loop, costs scaled inside a numba
  dynamic programme, blocks of 512 rows for the large jobs. Both sides read the very same raw float32 rows; normalising
  is timed.
- **Equal results first**: distances within 1e-6 a path cell (and the rounding of the baseline's float32 sums), paths
  that cost what the distance says, the same accepted rows, groups, pairs and neighbours. A job that differs stops the
  bench.
- **In turns**: after two rounds of warming up, both sides run once a round, the order reversed every other round.
  Ratios are baseline / tracewarp: best against best, and the median of the rounds' own ratios. With several threads
  the baseline gets that division between numba and BLAS which suits the job best; one thread each where the two pools
  only get in each other's way; and a tenth of a second passes before each run, until the threads of the run before, who
  wait busily for a while, have gone to sleep.
- **Floor**: the larger of the job's multiply-adds at the measured peak and its input, read once, at the measured
  bandwidth. The peak is the faster of a numba loop of eight Horner chains and of a BLAS product; the bandwidth is a
  numba sum over 512 MB. Jobs marked * can be decided without multiplying every pair in float32 and may pass 100 %;
  so may an input that stays in the last cache from one round to the next.
- **Memory**: the peak of one call beyond what was resident before it (the inputs among it), each side in a process of
  its own.
"""


def number(value, digits=2):
    return f"{value:,.{digits}f}"


def milliseconds(value):
    return number(value, 1 if value >= 100 else 2 if value >= 1 else 4)


def table(header, rows):
    marks = ["---", *["---:"] * (len(header) - 1)]
    return "\n".join("| " + " | ".join(row) + " |" for row in (header, marks, *rows)) + "\n"


def target_of(result):
    """The target for the instruction set that was measured."""
    return result["targets"].get(instruction_set(result))


def instruction_set(result):
    return result["machine"]["tracewarp"].rsplit(" ", 1)[-1]


def share(row):
    return "" if row["share_of_floor"] is None else f"{100 * row['share_of_floor']:.0f} %"


def job_rows(results):
    rows = []
    for result in results:
        star = " *" if result["screened"] else ""
        target = target_of(result)
        for threads, row in result["threads"].items():
            single = threads == "1"
            rows.append(
                [
                    f"{result['title']}{star}" if single else "",
                    threads,
                    milliseconds(row["baseline"]["best_ms"]),
                    milliseconds(row["tracewarp"]["best_ms"]),
                    f"**{number(row['ratio']['best'])}**",
                    number(row["ratio"]["median"]),
                    f"{target:g}, {'met' if row['ratio']['best'] >= target else 'not met'}"
                    if single and target
                    else "",
                    share(row),
                    number(result["two_threads_against_one"]["best"])
                    if single and result["two_threads_against_one"]
                    else "",
                ]
            )
    return rows


JOB_HEADER = [
    "job",
    "threads",
    "baseline ms",
    "tracewarp ms",
    "ratio",
    "median",
    "target",
    "of the floor",
    "2 threads / 1",
]


def other_rows(results):
    return [
        [f"{result['title']}: {name}", threads, milliseconds(peer["best_ms"]), number(peer["ratio"]["best"])]
        for result in results
        for threads, row in result["threads"].items()
        for name, peer in row["peers"].items()
    ]


def checked_rows(results):
    def words(facts):
        return "; ".join(
            f"{key} {value:.1e}" if isinstance(value, float) else f"{key} {value}" for key, value in facts.items()
        )

    return [[result["title"], words(result["checked"]["1"])] for result in results]


def memory_rows(memory):
    return [
        [
            f"{peak['steps']:,} x {peak['steps']:,} with path",
            *(f"{peak[side]['bytes'] / 2**20:,.1f}" for side in ("baseline", "ours")),
            f"{peak['ours']['bytes_per_cell']:.2f}",
            f"1/{peak['baseline']['bytes'] / max(peak['ours']['bytes'], 1):.0f}",
        ]
        for peak in memory["peaks"]
    ]


def peer_rows(compared):
    return [
        [
            f"{one['name']}: `{one['call']}`",
            milliseconds(1e3 * one["seconds_per_pair"]),
            number(one["ratio"], 1),
            one["relation"],
        ]
        for one in compared["timings"]
    ]


def in_words(name, value):
    """One fact about machine or settings."""
    if name == "blas":
        return "; ".join(f"{one['internal_api']} {one['version']}, {one['architecture']}" for one in value)
    if isinstance(value, dict):
        return ", ".join(f"{key} {entry}" for key, entry in value.items()) or "none"
    return value


def facts_of(result):
    lines = [f"- {name}: {in_words(name, value)}" for name, value in result["machine"].items()]
    for rate in result["rates"]:
        lines.append(
            f"- measured with {rate['threads']} thread(s): {rate['gflops_loop']:g} GF/s in the loop, "
            f"{rate['gflops_blas']:g} GF/s in BLAS, {rate['gbytes']:g} GB/s"
        )
    return "\n".join(lines) + "\n"


def same_machine(result):
    """What two results must share to stand in one table."""
    return json.dumps(
        [result["machine"][key] for key in ("cpu", "threads available", "tracewarp", "OPENBLAS_CORETYPE")]
    )


def page(folder):
    """The page for all results in `folder`; results of different machines or builds get tables of their own."""
    from jobs import JOBS

    def read(folder):
        return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}

    found = read(folder)
    # Folders inside hold the jobs once more, measured under other settings.
    every = [found, *(read(inner) for inner in sorted(folder.iterdir()) if inner.is_dir())]
    jobs = [results[name] for results in every for name in JOBS if name in results]
    parts = [OPENING] if found else [OPENING, "No figures yet: `make bench` makes them.\n"]
    groups = {}
    for result in jobs:
        groups.setdefault(same_machine(result), []).append(result)
    for results in groups.values():
        heading = f"## Jobs, {NAMES.get(instruction_set(results[0]), instruction_set(results[0]))}"
        parts += [f"{heading}\n\nd = {results[0]['dim']}, float32.\n", table(JOB_HEADER, job_rows(results))]
        if others := other_rows(results):
            parts += ["Others that give the same result:\n", table(["job", "threads", "ms", "ratio"], others)]
        parts += [
            "Checked before timing (1 thread):\n",
            table(["job", "result against the baseline"], checked_rows(results)),
        ]
        parts += ["Machine and settings:\n", facts_of(results[0])]
    if jobs and REMARKS.is_file():
        parts += [REMARKS.read_text(encoding="utf-8")]
    if "memory" in found and found["memory"]["peaks"]:
        header = ["one pair", "baseline MiB", "tracewarp MiB", "bytes a cell", "of the baseline's"]
        parts += ["## Memory beyond the inputs\n", table(header, memory_rows(found["memory"]))]
    if "peers" in found:
        compared = found["peers"]
        parts += [
            f"## Packages that users know\n\n{compared['shape']}; raw rows in, distances out, preparation timed.\n",
            table(["implementation", "ms a pair", "ratio", "same distance?"], peer_rows(compared)),
        ]
        parts += ["".join(f"- {line}\n" for line in compared["notes"])]
    if "baseline" in found:
        parts += [
            "## The baseline against the one that set the targets\n",
            table(
                ["job", "theirs ms", "ours ms", "theirs / ours"],
                [
                    [name, milliseconds(row["theirs_ms"]), milliseconds(row["ours_ms"]), number(row["ratio"])]
                    for name, row in found["baseline"]["jobs"].items()
                ],
            ),
        ]
    return "\n".join(parts)


if __name__ == "__main__":
    target = HERE.parent / "README.md"
    target.write_text(page(HERE.parent / "results"), encoding="utf-8")
    print(f"Wrote {target}.")
