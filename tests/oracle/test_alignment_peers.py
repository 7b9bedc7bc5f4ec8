"""Other packages' DTW, where they are installed. What they mean by a distance differs, and is said beside each."""

import numpy as np
import pytest
from scipy.spatial.distance import cdist

from tracewarp.metrics import dtw, dtw_distance, dtw_from_costs

CASES = [(1, 1), (2, 5), (9, 7), (31, 33)]


def pair(m, n, dim=6):
    rng = np.random.default_rng(m * 100 + n)
    x, y = rng.standard_normal((m, dim)), rng.standard_normal((n, dim))
    return x / np.linalg.norm(x, axis=1, keepdims=True), y / np.linalg.norm(y, axis=1, keepdims=True)


@pytest.mark.parametrize(("m", "n"), CASES)
def test_tslearn(m, n):
    metrics = pytest.importorskip("tslearn.metrics")
    x, y = pair(m, n)
    path, distance = metrics.dtw_path_from_metric(x, y, metric="cosine")
    found = dtw(x, y)
    assert found.distance == pytest.approx(distance, rel=1e-12)
    assert found.path.tolist() == [list(cell) for cell in path]


@pytest.mark.parametrize(("m", "n"), CASES)
def test_dtw_python_with_symmetric1(m, n):
    # Its default, symmetric2, counts diagonals twice.
    package = pytest.importorskip("dtw")
    if not hasattr(package, "symmetric1"):
        pytest.skip("another package named dtw")
    x, y = pair(m, n)
    costs = cdist(x, y, "cosine")
    theirs = package.dtw(costs, step_pattern=package.symmetric1)
    found = dtw(x, y)
    assert found.distance == pytest.approx(theirs.distance, rel=1e-12)
    assert found.path.tolist() == np.column_stack([theirs.index1, theirs.index2]).tolist()


@pytest.mark.parametrize(("m", "n"), CASES)
def test_librosa(m, n):
    sequence = pytest.importorskip("librosa.sequence")
    x, y = pair(m, n)
    sums, path = sequence.dtw(C=cdist(x, y, "cosine"))
    found = dtw(x, y)
    assert found.distance == pytest.approx(sums[-1, -1], rel=1e-12)
    assert found.path.tolist() == path[::-1].tolist()


def test_librosa_finds_the_same_subsequence():
    sequence = pytest.importorskip("librosa.sequence")
    x, y = pair(5, 40)
    sums, path = sequence.dtw(C=cdist(x, y, "cosine"), subseq=True)
    found = dtw(x, y, open_begin=True, open_end=True)
    assert found.distance == pytest.approx(sums[-1].min(), rel=1e-12)
    assert found.path.tolist() == path[::-1].tolist()


@pytest.mark.parametrize(("m", "n"), CASES)
@pytest.mark.parametrize("window_steps", [None, 0, 1, 4])
def test_dtaidistance(m, n, window_steps):
    # On unit rows |u - v|^2 = 2 c, and it takes the root of the sum; its window counts the diagonal.
    peer = pytest.importorskip("dtaidistance.dtw_ndim")
    x, y = pair(m, n)
    theirs = peer.distance(x, y, window=None if window_steps is None else window_steps + 1)
    assert dtw_distance(x, y, window_steps=window_steps) == pytest.approx(theirs**2 / 2, rel=1e-9)


@pytest.mark.parametrize(("m", "n"), CASES)
def test_aeon(m, n):
    # Squared Euclidean costs; channels first.
    peer = pytest.importorskip("aeon.distances")
    x, y = pair(m, n)
    theirs = peer.dtw_distance(x.T.copy(), y.T.copy())
    assert dtw_distance(x, y) == pytest.approx(theirs / 2, rel=1e-9)
    assert dtw_distance(x, y, metric="sqeuclidean") == pytest.approx(theirs, rel=1e-9)


@pytest.mark.parametrize(("m", "n"), CASES)
def test_the_installed_build_of_fastdtw(m, n):
    peer = pytest.importorskip("fastdtw")
    ties = "fastdtw-cy" if peer.dtw.__module__ == "fastdtw._fastdtw" else "fastdtw-py"
    rng = np.random.default_rng(m + n)
    costs = rng.integers(0, 3, (m, n)).astype(float)
    theirs, path = peer.dtw(np.arange(m, dtype=float), np.arange(n, dtype=float), lambda i, j: costs[int(i), int(j)])
    found = dtw_from_costs(costs, ties=ties)
    assert found.distance == theirs
    assert found.path.tolist() == [list(cell) for cell in path]
