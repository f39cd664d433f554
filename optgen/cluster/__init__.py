"""The plan of a step on many processes: bytes, exchanges and launches of each, before any runs."""

from optgen.cluster.parameters import Parameters, decoder, model_named, of_shapes
from optgen.cluster.plan import ClusterPlan, Share, plan
from optgen.cluster.sharding import Kind, Sharding

__all__ = [
    "ClusterPlan",
    "Kind",
    "Parameters",
    "Sharding",
    "Share",
    "decoder",
    "model_named",
    "of_shapes",
    "plan",
]
