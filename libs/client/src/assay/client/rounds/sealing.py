"""Whether what the jobs of a run make is sealed, and where they may be then. Pure.

It is sealed under one key for all of them, from their first order on, or not at all: so a job reads what others made by
the key that it needs anyway, equal states of the run are equal blobs, and one key is destroyed for all of it.
"""

from collections.abc import Sequence

from assay.client.rounds.facts import Terms
from assay.schema.job import JobSpec


def is_to_seal(terms: Terms, first: Sequence[JobSpec]) -> bool:
    """Whether a run with these first jobs is sealed: as its terms say or, if they do not, if one reads what is."""
    return any(spec.sealed for spec in first) if terms.seal is None else terms.seal


def regions_of(where: Sequence[tuple[str, ...]]) -> tuple[str, ...]:
    """All regions together of jobs that may be in these each; none if one of them may be anywhere."""
    return tuple(sorted({region for regions in where for region in regions})) if all(where) else ()
