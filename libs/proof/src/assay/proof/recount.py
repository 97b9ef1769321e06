"""The recount: what all answers to a contested segment come to, for work that the court has no program for.

A claim that more answers have than any other state stands: an honest provider needs no majority against liars who do
not even agree. It falls to a state that most of all answers have, and to nothing less.
"""

from collections import Counter
from collections.abc import Sequence
from typing import Final

from assay.schema.dispute import DisputeOutcome

CLAIM: Final = 0
"""The group of those whose answer is the claim."""
CONFIRMING: Final = 2


def recount(groups: Sequence[int]) -> DisputeOutcome:
    """What answers come to, each by its group of equal ones. A claim that stands has more than two.

    Where neither holds, nobody is to blame; then one more is asked, as long as there may be more answers.
    """
    counts = Counter(groups)
    for_claim = counts.pop(CLAIM, 0)
    against = max(counts.values(), default=0)
    if for_claim > max(against, CONFIRMING):
        return DisputeOutcome.CHALLENGER_FAULT
    return DisputeOutcome.WORKER_FAULT if against > len(groups) // 2 else DisputeOutcome.NUMERIC_TIE
