"""The methods of verification, one file each. `CHECKS` look at once, cheapest first; `COMPARISONS` judge what is drawn.

METHODS names each with what it costs, what it misses and which kinds of work admit it.
"""

from assay.verification.methods import free, replay, result, start
from assay.verification.methods.method import Check, Compare, Method, Replayer

METHODS: dict[str, Method] = {
    method.name: method for method in (free.METHOD, start.METHOD, result.METHOD, replay.METHOD)
}
CHECKS: tuple[Method, ...] = tuple(method for method in METHODS.values() if method.check)


def comparison_of(kind: str) -> Compare:
    """How a drawn segment of a kind of work is compared. Raises LookupError if no method admits the kind."""
    return next(m.compare for m in METHODS.values() if m.compare and m.admits(kind))


__all__ = ["CHECKS", "METHODS", "Check", "Compare", "Method", "Replayer", "comparison_of"]
