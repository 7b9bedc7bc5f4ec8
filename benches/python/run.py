"""Every job of the core against the numpy + numba baseline: results asserted equal, then timed in turns.

    python benches/python/run.py                     all jobs at full size, with 1 thread and all
    python benches/python/run.py --job filter        one
    python benches/python/run.py --tiny --out DIR    seconds; to see that everything runs

Writes one JSON file a job into benches/results and renders benches/README.md from them.
"""

import argparse
import json
import sys
from pathlib import Path

import machine

HERE = Path(__file__).resolve().parent


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--job", action="append", help="run this job only (repeatable)")
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--rows", type=int, default=20_000, help="rows of the text jobs")
    parser.add_argument("--scale", type=float, default=1.0, help="factor of the numbers of pairs")
    parser.add_argument("--seconds", type=float, default=6.0, help="time for each job and number of threads")
    parser.add_argument("--threads", type=int, help="instead of all that this process may use")
    parser.add_argument("--note", help="what is special about this run, told beside its figures")
    parser.add_argument("--blas-core", help="OPENBLAS_CORETYPE; default: what the machine has")
    parser.add_argument("--tiny", action="store_true", help="dim 64, 300 rows, a fiftieth of the pairs, 0.05 seconds")
    parser.add_argument("--skip", action="append", default=[], choices=("peers", "memory"), help="leave a part out")
    parser.add_argument("--out", type=Path, default=HERE.parent / "results")
    chosen = parser.parse_args()
    if chosen.tiny:
        chosen.dim, chosen.rows, chosen.scale, chosen.seconds = 64, 300, 0.02, 0.05
    return chosen


def write(folder, name, value):
    folder.mkdir(parents=True, exist_ok=True)
    beside = folder / f".{name}.tmp"
    beside.write_text(json.dumps(value, indent=1) + "\n", encoding="utf-8")
    beside.replace(folder / f"{name}.json")


def say(*words):
    print(*words, file=sys.stderr, flush=True)


def limited(threads, blas=None):
    """Numba with this many threads, and BLAS with as many or its own number."""
    import numba

    import baseline

    numba.set_num_threads(threads)
    return baseline.BLAS.limit(limits=blas or threads, user_api="blas")


def best_division(run, threads):
    """Threads for numba and for BLAS with which the baseline is fastest: the two pools get in each other's way."""
    from race import race

    if threads == 1:
        return (1, 1)
    found = {}
    for division in sorted({(threads, threads), (threads, 1), (1, threads), (1, 1)}):
        with limited(*division):
            found[division] = race([run], seconds=0, least=3)[0].median
    return min(found, key=found.get)


def measured(job, sizes, counts, rates, seconds):
    """Check, then time: for each number of threads, and 2 threads against 1."""
    from race import race, ratios

    case = job.make(sizes)
    checks, by_threads = {}, {}
    for threads in counts:
        division = best_division(case.baseline, threads)
        with limited(*division):
            ours = case.ours(threads)
            checks[str(threads)] = case.check(ours, case.baseline())
            for call in case.peers.values():
                case.peer_check(ours, call())
            theirs, mine, *others = race(
                [case.baseline, lambda threads=threads: case.ours(threads), *case.peers.values()],
                seconds=seconds,
                pause=0.1 if threads > 1 and seconds >= 1 else 0.0,
            )
        floor = case.work and rates[threads].seconds(case.work)
        by_threads[str(threads)] = {
            "baseline": theirs.to_dict() | {"threads of numba and BLAS": division},
            "tracewarp": mine.to_dict(),
            "ratio": ratios(theirs, mine),
            "floor_ms": floor and 1e3 * floor,
            "share_of_floor": floor and floor / mine.best,
            "peers": {
                name: times.to_dict() | {"ratio": ratios(times, mine)}
                for name, times in zip(case.peers, others, strict=True)
            },
        }
    scaling = None
    if max(counts) >= 2:
        one, two = race([lambda: case.ours(1), lambda: case.ours(2)], seconds=seconds / 2)
        scaling = ratios(one, two)
    return {
        "job": job.name,
        "title": job.title(sizes),
        "dim": sizes.dim,
        "targets": job.targets,
        "screened": job.screened,
        "work": case.work and {"gflop": case.work.flops / 1e9, "megabytes": case.work.bytes / 1e6},
        "checked": checks,
        "threads": by_threads,
        "two_threads_against_one": scaling,
    }


def dtw_peers(sizes, threads, seconds):
    """The packages that users know, on 200 pairs of 30 x 30, by the code of `tracewarp bench`."""
    from inputs import walks
    from tracewarp.metrics.peers import compare_peers

    xs, ys = (walks(sizes.count(200), 30, sizes.dim, seed) for seed in (1, 2))
    return compare_peers(xs, ys, threads=threads, repeats=5, seconds=seconds).to_dict()


def main():
    chosen = arguments()
    found = machine.prepare(chosen.blas_core or machine.blas_core_type())
    import floor
    import memory
    import render
    from jobs import JOBS, Sizes
    from tracewarp.metrics.machine import available_threads

    unknown = set(chosen.job or []) - set(JOBS)
    if unknown:
        sys.exit(f"--job: expected one of {', '.join(JOBS)}, got {', '.join(sorted(unknown))}")
    sizes = Sizes(chosen.dim, chosen.rows, chosen.scale)
    every = chosen.threads or available_threads()
    counts = sorted({1, every})
    facts = machine.facts(found) | ({"note": chosen.note} if chosen.note else {})
    for name, value in facts.items():
        say(f"{name}: {value}")
    rates = {}
    for threads in counts:
        with limited(threads):
            rates[threads] = floor.measure(threads, quick=chosen.tiny)
        say(f"measured: {rates[threads]}")
    shared = {"machine": facts, "rates": [rate.to_dict() for rate in rates.values()]}
    for name, job in JOBS.items():
        if chosen.job and name not in chosen.job:
            continue
        result = measured(job, sizes, counts, rates, chosen.seconds)
        write(chosen.out, name, result | shared)
        for threads, row in result["threads"].items():
            ours, theirs, ratio = row["tracewarp"]["best_ms"], row["baseline"]["best_ms"], row["ratio"]
            say(
                f"{result['title']}, {threads} threads: baseline {theirs:.3f} ms, tracewarp {ours:.3f} ms, "
                f"ratio {ratio['best']:.2f} (median {ratio['median']:.2f}), {render.share(row)} of the floor"
            )
    if not chosen.job and "memory" not in chosen.skip:
        lengths = [64, 128] if chosen.tiny else [2_000, 10_000]
        peaks = [peak for steps in lengths if (peak := memory.measure(steps, chosen.dim))]
        write(chosen.out, "memory", {"peaks": peaks} | shared)
    if not chosen.job and "peers" not in chosen.skip:
        compared = dtw_peers(sizes, every, 0.05 if chosen.tiny else 2.0)
        write(chosen.out, "peers", compared | shared)
    # The page of the repository is made of the results of the repository alone.
    results = HERE.parent / "results"
    of_repository = results in (chosen.out.resolve(), chosen.out.resolve().parent)
    page = render.page(results if of_repository else chosen.out)
    target = HERE.parent if of_repository else chosen.out
    (target / "README.md").write_text(page, encoding="utf-8")
    say(f"Wrote {target / 'README.md'}.")


if __name__ == "__main__":
    main()
