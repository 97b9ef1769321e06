"""What the governed contracts say happened: one frozen class per event, with its fields in their order."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from assay.chain.governed.purses import Shared
from assay.chain.governed.reward_events import REWARD_EVENTS
from assay.chain.governed.stake_events import STAKE_EVENTS_OF


@dataclass(frozen=True, slots=True)
class Minted:
    """Native tokens were locked for credits."""

    account: str
    native: int
    credits: int


@dataclass(frozen=True, slots=True)
class Redeemed:
    """Credits were burned for native tokens."""

    account: str
    credits: int
    native: int


@dataclass(frozen=True, slots=True)
class FeesSpent:
    """Fees in credits were shared out."""

    credits: int
    burned: int
    bounties: int
    insured: int


@dataclass(frozen=True, slots=True)
class TreasuryTermsSet:
    """A vote set how credits are made, in the order of `treasury.Rules`."""

    terms: tuple[int, ...]


@dataclass(frozen=True, slots=True)
class Observed:
    """The oracle noted a price, in 10^-18 dollars; its mean begins anew after a gap."""

    price: int
    at: int
    is_anew: bool


@dataclass(frozen=True, slots=True)
class ProposalCreated:
    """Acts were put to the vote."""

    proposal_id: int
    proposer: str
    targets: tuple[str, ...]
    values: tuple[int, ...]
    signatures: tuple[str, ...]
    calldatas: tuple[bytes, ...]
    vote_start: int
    vote_end: int
    description: str


@dataclass(frozen=True, slots=True)
class VoteCast:
    """A vote was cast; `support` is a `Side`."""

    voter: str
    proposal_id: int
    support: int
    weight: int
    reason: str


@dataclass(frozen=True, slots=True)
class ProposalQueued:
    """What was decided waits until a time."""

    proposal_id: int
    eta_seconds: int


@dataclass(frozen=True, slots=True)
class ProposalExecuted:
    """What was decided was done."""

    proposal_id: int


@dataclass(frozen=True, slots=True)
class ProposalCanceled:
    """Its proposer took a proposal back."""

    proposal_id: int


@dataclass(frozen=True, slots=True)
class VotingDelaySet:
    """A vote set how long votes wait before they begin."""

    old_voting_delay: int
    new_voting_delay: int


@dataclass(frozen=True, slots=True)
class VotingPeriodSet:
    """A vote set how long votes take."""

    old_voting_period: int
    new_voting_period: int


@dataclass(frozen=True, slots=True)
class ProposalThresholdSet:
    """A vote set what a proposal needs."""

    old_proposal_threshold: int
    new_proposal_threshold: int


@dataclass(frozen=True, slots=True)
class QuorumNumeratorUpdated:
    """A vote set the quorum, in percent."""

    old_quorum_numerator: int
    new_quorum_numerator: int


@dataclass(frozen=True, slots=True)
class MinDelayChange:
    """A vote set how long the timelock waits."""

    old_duration: int
    new_duration: int


GOVERNED_EVENTS_OF: Mapping[str, tuple[type[Any], ...]] = {
    **STAKE_EVENTS_OF,
    "Purses": (Shared,),
    "Rewards": REWARD_EVENTS,
    "Treasury": (
        Minted,
        Redeemed,
        FeesSpent,
        TreasuryTermsSet,
    ),
    "MedianOracle": (Observed,),
    "Governance": (
        ProposalCreated,
        VoteCast,
        ProposalQueued,
        ProposalExecuted,
        ProposalCanceled,
        VotingDelaySet,
        VotingPeriodSet,
        ProposalThresholdSet,
        QuorumNumeratorUpdated,
    ),
    "Timelock": (MinDelayChange,),
}
"""Those of each contract."""
