"""What verification decides: pooling, drawing, choosing verifiers, judging answers, and what follows from it. Pure."""

from assay.verification.domain.asking import Asked, Candidate, Want, choose, willing
from assay.verification.domain.case import Case, case_of
from assay.verification.domain.draws import Draw, count_of, draw_segments, places_of
from assay.verification.domain.judging import Ruling, Vote, rule, rule_by_agreement, rule_by_quorum, rule_twin, wanted
from assay.verification.domain.ordering import Asking, Fund, askings, fees_of
from assay.verification.domain.planting import (
    audit_id_of,
    is_doubled,
    is_twin_first,
    look_seed,
    nonce_of,
    spoil_seed,
)
from assay.verification.domain.pooling import (
    Closing,
    Part,
    Patience,
    Waiting,
    closing_of,
    fitting,
    needed_of,
    part_of,
    pool,
    presses_ms,
)
from assay.verification.domain.twins import Planting, doubled
from assay.verification.domain.verdicts import Audited, Judged, conclude, conclude_job
from assay.verification.domain.whole import Whole

__all__ = [
    "Asked",
    "Asking",
    "Audited",
    "Candidate",
    "Case",
    "Closing",
    "Draw",
    "Fund",
    "Judged",
    "Part",
    "Patience",
    "Planting",
    "Ruling",
    "Vote",
    "Waiting",
    "Want",
    "Whole",
    "askings",
    "audit_id_of",
    "case_of",
    "choose",
    "closing_of",
    "conclude",
    "conclude_job",
    "count_of",
    "doubled",
    "draw_segments",
    "fees_of",
    "fitting",
    "is_doubled",
    "is_twin_first",
    "look_seed",
    "needed_of",
    "nonce_of",
    "part_of",
    "places_of",
    "pool",
    "presses_ms",
    "rule",
    "rule_by_agreement",
    "rule_by_quorum",
    "rule_twin",
    "spoil_seed",
    "wanted",
    "willing",
]
