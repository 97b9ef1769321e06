"""Work as the court takes it: a segment as steps of one program of judged primitives, and what a party holds of it."""

from assay.workloads.court.matter import Judgeable, Matter, hold, record_of

__all__ = ["Judgeable", "Matter", "hold", "record_of"]
