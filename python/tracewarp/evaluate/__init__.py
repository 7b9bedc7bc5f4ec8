"""Runs into scores with uncertainty: functional correctness, capabilities, VERTEX_DTW, steps, comparisons."""

from tracewarp.evaluate.episodes import Listener, Progress
from tracewarp.evaluate.options import EvaluateOptions
from tracewarp.evaluate.results import RunScores, Scores
from tracewarp.evaluate.scores import evaluate, scores_json, write_scores

__all__ = [
    "EvaluateOptions",
    "Listener",
    "Progress",
    "RunScores",
    "Scores",
    "evaluate",
    "scores_json",
    "write_scores",
]
