"""The numbers that the definition of VERTEX_DTW prints, and the paths that fastdtw chose."""

import json
from pathlib import Path

import numpy as np
import pytest

from tracewarp.metrics import (
    dtw,
    dtw_distance,
    dtw_from_costs,
    dtw_matrix,
    dtw_pairs,
    gaussian_similarity,
    mmd2,
    vertex_dtw,
    vertex_dtw_pairs,
)

SCORES = {"released": 0.319905, "eq1": 0.302179, "normalized": 0.562658}
OTHER_DECAYS = {
    ("relative", 2.0): {"released": 0.506735, "eq1": 0.485464, "normalized": 0.761026},
    ("relative", 1.0): {"released": 0.538635, "eq1": 0.512047, "normalized": 0.810232},
    ("none", 1.0): {"released": 0.582942, "eq1": 0.582942, "normalized": 0.883381},
}
# float16 rows are rounded to 11 bits before anything is computed.
TOLERANCE = {np.float64: 5e-7, np.float32: 1e-6, np.float16: 2e-3}
FASTDTW = json.loads((Path(__file__).parent / "fastdtw_ties.json").read_text(encoding="utf-8"))


def angles(*degrees, dtype=np.float64):
    radians = np.radians(degrees)
    return np.column_stack([np.cos(radians), np.sin(radians)]).astype(dtype)


@pytest.mark.parametrize("dtype", TOLERANCE)
class TestTheExample:
    def rows(self, dtype):
        return (
            angles(0, 40, 90, dtype=dtype),
            angles(5, 18, 45, 80, dtype=dtype),
            angles(30, dtype=dtype),
        )

    def test_alignment(self, dtype):
        reference, test, _ = self.rows(dtype)
        found = dtw(reference, test)
        assert found.distance == pytest.approx(0.0717463345, abs=5e-11 if dtype is np.float64 else TOLERANCE[dtype])
        assert found.path.tolist() == [[0, 0], [0, 1], [1, 2], [2, 3]]
        assert dtw_distance(reference, test) == found.distance
        assert dtw_matrix([reference], [test])[0, 0] == pytest.approx(found.distance, abs=1e-6)
        batch = dtw_pairs([test, reference], [reference, test], [(0, 0), (1, 1)], paths=True)
        assert batch[1].distance == found.distance
        assert batch[1].path.tolist() == found.path.tolist()

    @pytest.mark.parametrize("mode", SCORES)
    def test_score(self, dtype, mode):
        reference, test, trivial = self.rows(dtype)
        found = vertex_dtw(reference, test, trivial=trivial, mode=mode)
        tolerance = TOLERANCE[dtype]
        assert found.score == pytest.approx(SCORES[mode], abs=tolerance)
        np.testing.assert_allclose(found.similarity, [0.992418, 0.906751, 0.992418, 0.970072], atol=tolerance)
        np.testing.assert_array_equal(found.decay, [1, 1 / 2, 1 / 2, 1 / 2])
        np.testing.assert_allclose(found.z, [0.764947, 0.764947, 0, 0], atol=tolerance)
        assert found.counted == 4
        batch = vertex_dtw_pairs([reference], [test, test], [(0, 1), (0, 0)], trivials=[trivial], mode=mode)
        assert batch.scores.tolist() == [found.score] * 2

    @pytest.mark.parametrize(("decay", "strength"), OTHER_DECAYS)
    @pytest.mark.parametrize("mode", SCORES)
    def test_score_under_another_decay(self, dtype, mode, decay, strength):
        reference, test, trivial = self.rows(dtype)
        options = {"mode": mode, "decay": decay, "strength": strength}
        found = vertex_dtw(reference, test, trivial=trivial, **options)
        assert found.score == pytest.approx(OTHER_DECAYS[decay, strength][mode], abs=TOLERANCE[dtype])
        batch = vertex_dtw_pairs([reference], [test], [(0, 0)], trivials=[trivial], **options)
        assert batch.scores.tolist() == [found.score]

    def test_a_reference_among_others(self, dtype):
        reference, test, trivial = self.rows(dtype)
        references = [angles(170, 175, dtype=dtype), reference, reference]
        batch = vertex_dtw_pairs(references, [test], [(0, 0), (2, 0), (1, 0)], trivials=[trivial] * 3)
        scores, chosen = batch.best()
        assert chosen.tolist() == [1]
        assert scores[0] == pytest.approx(SCORES["normalized"], abs=TOLERANCE[dtype])


def test_unrelated_steps_against_a_trivial_first_page():
    one = np.eye(4)
    expected = {"released": (-0.364665, 2), "eq1": (0.067668, 2), "normalized": (0.135335, 1)}
    for mode, (score, counted) in expected.items():
        found = vertex_dtw(one[:2], one[2:], trivial=one[:1], mode=mode)
        assert (found.score, found.counted) == (pytest.approx(score, abs=5e-7), counted)


@pytest.mark.parametrize(
    ("ties", "length", "score"), [("diagonal", 5, 1.0), ("fastdtw-py", 7, 0.857142857), ("fastdtw-cy", 5, 1.0)]
)
def test_ties_decide_the_length_of_a_path_and_so_the_score(ties, length, score):
    walk = angles(0, 0, 90, 90, 180)
    assert len(dtw(walk, walk, ties=ties).path) == length
    assert vertex_dtw(walk, walk, z="none", ties=ties).score == pytest.approx(score, abs=1e-9)


@pytest.mark.parametrize(
    ("cosine", "k", "mmd"),
    [
        (1, 1.0, 0),
        (0.9, 0.818731, 0.362538),
        (0.8, 0.670320, 0.659360),
        (0.5, 0.367879, 1.264241),
        (0, 0.135335, 1.729329),
        (-1, 0.018316, 1.963369),
    ],
)
def test_the_table_of_similarities(cosine, k, mmd):
    u, v = np.array([[1.0, 0.0]]), np.array([[cosine, np.sqrt(1 - cosine**2)]])
    assert gaussian_similarity(u, v)[0] == pytest.approx(k, abs=5e-7)
    assert mmd2(u, v) == pytest.approx(mmd, abs=5e-7)
    assert vertex_dtw(u, v).score == pytest.approx(k, abs=5e-7)


@pytest.mark.parametrize("ties", ["fastdtw-py", "fastdtw-cy"])
def test_parity_with_the_two_builds_of_fastdtw(ties):
    for case in FASTDTW["cases"]:
        found = dtw_from_costs(np.array(case["costs"]), ties=ties)
        assert found.path.tolist() == case[ties]["path"]
        assert found.distance == case[ties]["distance"]


def test_the_two_builds_of_fastdtw_disagree():
    paths = [(case["fastdtw-py"]["path"], case["fastdtw-cy"]["path"]) for case in FASTDTW["cases"]]
    assert (len(paths[0][0]), len(paths[0][1])) == (7, 5)
    assert sum(py != cy for py, cy in paths) == 51
