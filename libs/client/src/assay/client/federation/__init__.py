"""Federated learning: a keeper on the requester's side who makes turns out of jobs at whoever holds the data."""

from assay.client.federation.facts import Plan
from assay.client.federation.keeper import Keeper

__all__ = ["Keeper", "Plan"]
