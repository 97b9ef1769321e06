"""Training by many: a keeper on the requester's side who makes rounds out of plain jobs, and remembers each step."""

from assay.client.rounds.facts import Plan
from assay.client.rounds.journal import Journal
from assay.client.rounds.keeper import Keeper

__all__ = ["Journal", "Keeper", "Plan"]
