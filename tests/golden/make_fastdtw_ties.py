"""Writes one half of fastdtw_ties.json: the paths that one build of fastdtw chooses where several are optimal.

Run once in an environment with the pure Python build and once in one with the compiled build:

    pip install numpy fastdtw==0.3.4
    python make_fastdtw_ties.py fastdtw_ties.json
    pip install 'cython<3' 'numpy<2' 'setuptools<70' wheel
    pip install --no-build-isolation --no-binary fastdtw --force-reinstall --no-deps fastdtw==0.3.4
    python make_fastdtw_ties.py fastdtw_ties.json

Neither fastdtw nor Cython is needed to run the tests.
"""

import json
import platform
import random
import sys
from pathlib import Path

import fastdtw
import numpy as np

SEED = 20260


def cost_tables():
    """Small tables full of ties: whole costs, and tenths, whose sums round."""
    rng = random.Random(SEED)
    a, b, c = (1.0, 0.0), (0.0, 1.0), (-1.0, 0.0)
    walk = [a, a, b, b, c]
    yield [[1.0 - (u[0] * v[0] + u[1] * v[1]) for v in walk] for u in walk]
    for _ in range(60):
        m, n = rng.randint(1, 7), rng.randint(1, 7)
        yield [[float(rng.randint(0, 2)) for _ in range(n)] for _ in range(m)]
    for _ in range(60):
        m, n = rng.randint(1, 7), rng.randint(1, 7)
        yield [[rng.randint(1, 3) / 10 for _ in range(n)] for _ in range(m)]


def main(target):
    build = "fastdtw-cy" if fastdtw.dtw.__module__ == "fastdtw._fastdtw" else "fastdtw-py"
    path = Path(target)
    golden = json.loads(path.read_text()) if path.exists() else {"born": {}, "cases": []}
    tables = list(cost_tables())
    golden["born"][build] = {
        "command": "python make_fastdtw_ties.py fastdtw_ties.json",
        "seed": SEED,
        "date": "2026-11-21",
        "machine": f"{platform.system()} {platform.machine()}",
        "python": platform.python_version(),
        "numpy": np.__version__,
        "fastdtw": "0.3.4",
    }
    golden["cases"] = golden["cases"] or [{"costs": costs} for costs in tables]
    for case, costs in zip(golden["cases"], tables, strict=True):
        assert case["costs"] == costs
        # One number a step: the step's own position, with which the cost is looked up.
        x, y = np.arange(len(costs), dtype=float), np.arange(len(costs[0]), dtype=float)
        distance, found = fastdtw.dtw(x, y, dist=lambda i, j, costs=costs: costs[int(i)][int(j)])
        case[build] = {"distance": distance, "path": [[int(i), int(j)] for i, j in found]}
    lines = ",\n".join(json.dumps(case) for case in golden["cases"])
    path.write_text(f'{{"born": {json.dumps(golden["born"], indent=1)},\n"cases": [\n{lines}\n]}}\n')


if __name__ == "__main__":
    main(sys.argv[1])
