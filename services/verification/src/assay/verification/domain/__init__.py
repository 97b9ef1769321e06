"""What verification decides: pooling, drawing, choosing verifiers, judging answers, and what follows from it. Pure."""

from assay.verification.domain.asking import Asked, Candidate, Want, choose
from assay.verification.domain.case import Case, case_of
from assay.verification.domain.draws import Draw, count_of, draw_segments
from assay.verification.domain.judging import Ruling, Vote, rule, rule_by_quorum, wanted
from assay.verification.domain.ordering import Asking, Fund, askings, fees_of
from assay.verification.domain.planting import is_planted, look_seed, nonce_of, spoil_seed, trace_seed
from assay.verification.domain.pooling import Part, Waiting, due_ms, part_of, pool
from assay.verification.domain.verdicts import Audited, Judged, conclude, conclude_job

__all__ = [
    "Asked",
    "Asking",
    "Audited",
    "Candidate",
    "Case",
    "Draw",
    "Fund",
    "Judged",
    "Part",
    "Ruling",
    "Vote",
    "Waiting",
    "Want",
    "askings",
    "case_of",
    "choose",
    "conclude",
    "conclude_job",
    "count_of",
    "draw_segments",
    "due_ms",
    "fees_of",
    "is_planted",
    "look_seed",
    "nonce_of",
    "part_of",
    "pool",
    "rule",
    "rule_by_quorum",
    "spoil_seed",
    "trace_seed",
    "wanted",
]
