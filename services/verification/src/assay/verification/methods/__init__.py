"""The methods of verification, one file each. `CHECKS` look at once, cheapest first; `COMPARISONS` judge what is drawn.

METHODS names each with what it misses and which work admits it.
"""

from assay.schema.job import JobSpec
from assay.verification.methods import exact, form, free, history, prefill, replay, replication, result, start, trace
from assay.verification.methods.method import Check, Compare, Method, Replayer

METHODS: dict[str, Method] = {
    method.name: method
    for method in (
        form.METHOD,
        trace.METHOD,
        free.METHOD,
        start.METHOD,
        history.METHOD,
        result.METHOD,
        exact.METHOD,
        prefill.METHOD,
        replay.METHOD,
        replication.METHOD,
    )
}
CHECKS: tuple[Method, ...] = tuple(method for method in METHODS.values() if method.check)


def method_of(spec: JobSpec) -> Method:
    """How a drawn segment of this work is judged: the first method that admits it, by several if so ordered.

    Raises LookupError if none does.
    """
    own = next(m for m in METHODS.values() if (m.is_read or m.compare) and m.admits(spec))
    return replication.replicate(own) if replication.METHOD.admits(spec) else own


__all__ = ["CHECKS", "METHODS", "Check", "Compare", "Method", "Replayer", "method_of"]
