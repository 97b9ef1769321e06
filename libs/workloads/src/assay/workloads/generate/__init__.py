"""Batch inference whose every token can be checked: prompts in, completions out; torch is loaded on first use only."""

from assay.workloads.generate.errors import BadOpening, CheckFailed, ForeignOpening
from assay.workloads.generate.opening import Claim
from assay.workloads.generate.params import GenerateParams
from assay.workloads.generate.workload import Generate

__all__ = ["BadOpening", "CheckFailed", "Claim", "ForeignOpening", "Generate", "GenerateParams"]
