"""Who can check a job, of the verifiers that are there: said before any money moves."""

from collections.abc import Mapping, Sequence
from typing import Any

from assay.proof.policy import checkers_needed
from assay.schema.job import JobSpec


def checkers_of(spec: JobSpec, needs: Mapping[str, int], verifiers: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """How many verifiers may be drawn for such work, how many of them can check it, and how many must at least."""
    there = [
        each
        for each in verifiers
        if each["state"] == "announced" and spec.kind in each["kinds"] and (each["egress"] or not spec.reaches)
    ]
    able = sum(all(each[name] >= least for name, least in needs.items()) for each in there)
    return {"verifiers": len(there), "checking": able, "checking_needed": checkers_needed(len(there))}


def checkers_in_words(needs: Mapping[str, int]) -> str:
    """Whether enough of them can."""
    said = f"{needs['checking']} of {needs['verifiers']}"
    if needs["checking"] >= needs["checking_needed"]:
        return said
    return f"{said}, fewer than {needs['checking_needed']}: the order would be refused (job.unverifiable)"
