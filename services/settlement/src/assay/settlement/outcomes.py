"""What a chain event means for the market: which intent it answers, and which events follow; pure.

The contracts check every signature and role, so a log of theirs is believed whoever sent the transaction. Only refusals
are believed of our own transactions alone: anyone can have a false root refused.
"""

from collections.abc import Callable, Mapping
from typing import Any

from assay.chain.governed.stake_events import (
    Allocated,
    BackingSlashed,
    CapacityClaimed,
    Deallocated,
    Staked,
    StakeSlashed,
    TermsSet,
    Unstaked,
)
from assay.schema.values import Role, participant_id
from assay.settlement.docket import Docket, Log
from assay.settlement.outcomes_anchors import ANCHOR_RULES
from assay.settlement.outcomes_disputes import DISPUTE_RULES


def conclude(log: Log, docket: Docket) -> None:
    """Take one log into the docket."""
    rule = RULES.get(type(log.event))
    if rule is not None:
        rule(log.event, log, docket)


def _staked(event: Any, log: Log, docket: Docket) -> None:
    docket.staked[participant_id(Role.PROVIDER, event.provider.lower())] = log


def _terms_set(event: Any, log: Log, docket: Docket) -> None:
    docket.terms = log


MOVING = (Staked, Unstaked, StakeSlashed, Allocated, Deallocated, BackingSlashed, CapacityClaimed)
"""What changes the stake behind a provider, or what it is claimed to stand for."""
RULES: Mapping[type[Any], Callable[[Any, Log, Docket], None]] = {
    **dict.fromkeys(MOVING, _staked),
    TermsSet: _terms_set,
    **ANCHOR_RULES,
    **DISPUTE_RULES,
}
