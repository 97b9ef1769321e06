"""Served inference: a model kept loaded that answers signed requests as they come, each token checkable afterwards."""

from assay.workloads.serve.params import ServeParams
from assay.workloads.serve.workload import Serve

__all__ = ["Serve", "ServeParams"]
