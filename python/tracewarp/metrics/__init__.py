"""Numbers about arrays: alignment, VERTEX_DTW, similarity, clusters, diversity and statistics."""

from tracewarp.metrics._ragged import Ragged
from tracewarp.metrics.alignment import (
    DtwBatch,
    DtwOptions,
    DtwResult,
    Neighbours,
    dtw,
    dtw_distance,
    dtw_from_costs,
    dtw_matrix,
    dtw_nearest,
    dtw_pairs,
)
from tracewarp.metrics.vertex import (
    BestReferences,
    VertexBatch,
    VertexOptions,
    VertexResult,
    gaussian_similarity,
    mmd2,
    vertex_dtw,
    vertex_dtw_pairs,
)

__all__ = [
    "BestReferences",
    "DtwBatch",
    "DtwOptions",
    "DtwResult",
    "Neighbours",
    "Ragged",
    "VertexBatch",
    "VertexOptions",
    "VertexResult",
    "dtw",
    "dtw_distance",
    "dtw_from_costs",
    "dtw_matrix",
    "dtw_nearest",
    "dtw_pairs",
    "gaussian_similarity",
    "mmd2",
    "vertex_dtw",
    "vertex_dtw_pairs",
]
