"""The hosts that the programs of a job reach: names in a list, held by a proxy outside of their box."""

from assay.workloads.egress.rules import Endpoint, variables

__all__ = ["Endpoint", "variables"]
