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
from tracewarp.metrics.capabilities import ClusterOptions, Clusters, cluster
from tracewarp.metrics.diversity import Accepted, DiversityFilter
from tracewarp.metrics.similarity import (
    PairOptions,
    SimilarPairs,
    TopK,
    TopKOptions,
    cosine_pairs,
    cosine_similarity,
    cosine_top_k,
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
    "Accepted",
    "BestReferences",
    "ClusterOptions",
    "Clusters",
    "DiversityFilter",
    "DtwBatch",
    "DtwOptions",
    "DtwResult",
    "Neighbours",
    "PairOptions",
    "Ragged",
    "SimilarPairs",
    "TopK",
    "TopKOptions",
    "VertexBatch",
    "VertexOptions",
    "VertexResult",
    "cluster",
    "cosine_pairs",
    "cosine_similarity",
    "cosine_top_k",
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
