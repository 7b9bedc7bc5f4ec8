"""Our baseline against another file of baselines, job by job: it may not be slower.

    python benches/python/compare_baseline.py OTHER.py [--scale 1] [--rows 20000] [--seconds 4]

OTHER offers functions of the same arguments as `baseline.py` (`looped_paths` for `ragged_paths`). Writes
benches/results/baseline.json.
"""

import argparse
import importlib.util
import sys
from pathlib import Path

import machine


def load(path):
    spec = importlib.util.spec_from_file_location("other_baseline", path)
    module = importlib.util.module_from_spec(spec)
    # numba looks a function's module up by name.
    sys.modules[spec.name] = module
    spec.loader.exec_module(module)
    return module


def cases(ours, other, dim, rows, scale):
    """name -> (our function, their function, arguments)."""
    import numpy as np

    from inputs import texts, walk, walks
    from jobs import Sizes

    sizes = Sizes(dim, rows, scale)

    def square(count, steps, seed):
        return walks(sizes.count(count), steps, dim, seed).rows.reshape(-1, steps, dim)

    def ragged(seed):
        ragged = walks(sizes.count(400), (3, 60), dim, seed)
        return np.split(ragged.rows, ragged.offsets[1:-1])

    references = square(800, 24, 4)
    length = max(round(2000 * scale), 32)
    x = texts(rows, dim, 5)
    return {
        "pairs-30": (ours.batched_paths, other.batched_paths, (square(200, 30, 1), square(200, 30, 2))),
        "pairs-8": (ours.batched_paths, other.batched_paths, (square(2000, 8, 1), square(2000, 8, 2))),
        "pairs-ragged": (ours.ragged_paths, other.looped_paths, (ragged(1), ragged(2))),
        "vertex-24": (
            ours.batched_vertex,
            other.batched_vertex,
            (references, square(800, 24, 5), references[:, 1].copy()),
        ),
        "long-pair": (
            ours.long_pair,
            other.long_pair,
            tuple(walk(length, dim, seed) for seed in (2, 3)),
        ),
        "all-pairs": (ours.all_pairs, other.all_pairs, (square(100, 30, 3),)),
        "filter": (ours.diversity_filter, other.diversity_filter, (x,)),
        "first-come": (ours.first_come, other.first_come, (x,)),
    }


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("other", type=Path)
    parser.add_argument("--dim", type=int, default=768)
    parser.add_argument("--rows", type=int, default=20_000)
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--seconds", type=float, default=4.0)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parent.parent / "results")
    chosen = parser.parse_args()
    found = machine.prepare(machine.blas_core_type())
    import baseline
    from race import race, ratios
    from run import limited, say, write

    results = {}
    for name, (ours, theirs, values) in cases(
        baseline, load(chosen.other), chosen.dim, chosen.rows, chosen.scale
    ).items():
        with limited(1):
            slow, fast = race(
                [lambda f=theirs, v=values: f(*v), lambda f=ours, v=values: f(*v)], seconds=chosen.seconds, least=5
            )
        results[name] = {
            "theirs_ms": 1e3 * slow.best,
            "ours_ms": 1e3 * fast.best,
            "ratio": ratios(slow, fast)["median"],
        }
        say(
            f"{name}: theirs {1e3 * slow.best:.3f} ms, ours {1e3 * fast.best:.3f} ms, "
            f"ratio {results[name]['ratio']:.3f}"
        )
    write(chosen.out, "baseline", {"jobs": results, "machine": machine.facts(found)})


if __name__ == "__main__":
    main()
