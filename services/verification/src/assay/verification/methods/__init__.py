"""The methods of verification, one file each, cheapest first; the first failed finding ends the audit."""

from assay.verification.methods import free, replay, result, start
from assay.verification.methods.method import Method, Replayer

METHODS: tuple[Method, ...] = (free.check, start.check, replay.check, result.check)

__all__ = ["METHODS", "Method", "Replayer"]
