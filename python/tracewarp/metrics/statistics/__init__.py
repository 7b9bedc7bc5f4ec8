"""Intervals, tests and detectable differences for figures over tasks.

The reference page is docs/definitions/statistics.md. Every function takes one value per task and, where tasks share a
template, a capability or a site, the clusters to which they belong. All randomness comes from the `seed` argument.
"""

from tracewarp.metrics.statistics.checks import (
    DEFAULT_CONFIDENCE,
    DEFAULT_RESAMPLES,
    MIN_RESAMPLES,
    check_resampling,
)
from tracewarp.metrics.statistics.clusters import MIN_CLUSTERS, ClusterIndex
from tracewarp.metrics.statistics.comparisons import PairedDifference, PairedTest, compare_paired, mcnemar_exact
from tracewarp.metrics.statistics.estimates import Estimate, clustered_mean, clustered_proportion, clustered_ratio
from tracewarp.metrics.statistics.intervals import Interval, bca_interval, t_interval, wilson_interval
from tracewarp.metrics.statistics.power import detectable_difference, units_needed

__all__ = [
    "DEFAULT_CONFIDENCE",
    "DEFAULT_RESAMPLES",
    "MIN_CLUSTERS",
    "MIN_RESAMPLES",
    "ClusterIndex",
    "Estimate",
    "Interval",
    "PairedDifference",
    "PairedTest",
    "bca_interval",
    "check_resampling",
    "clustered_mean",
    "clustered_proportion",
    "clustered_ratio",
    "compare_paired",
    "detectable_difference",
    "mcnemar_exact",
    "t_interval",
    "units_needed",
    "wilson_interval",
]
