"""What the contracts of stake say happened: vault, restaking and slashing."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, TypeAlias


@dataclass(frozen=True, slots=True)
class Staked:
    """A provider's active stake rose."""

    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class Unstaked:
    """Active stake began to unbond; it can leave from `ready_at` (s) on."""

    provider: str
    amount: int
    ready_at: int


@dataclass(frozen=True, slots=True)
class StakeWithdrawn:
    """Unbonded stake left the contract."""

    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class CapacityClaimed:
    """A provider said what its stake stands for, in cost units a second."""

    provider: str
    units_per_s: int


@dataclass(frozen=True, slots=True)
class StakeLocked:
    """An accusation holds a part of a provider's stake until a time."""

    id: bytes
    provider: str
    amount: int
    until: int


@dataclass(frozen=True, slots=True)
class StakeUnlocked:
    """A lock ended."""

    id: bytes
    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class StakeSlashed:
    """Own stake was taken."""

    provider: str
    amount: int


@dataclass(frozen=True, slots=True)
class TermsSet:
    """A vote set what stake has to be."""

    base: int
    per_unit: int


@dataclass(frozen=True, slots=True)
class Allocated:
    """A delegator backs a provider."""

    provider: str
    delegator: str
    amount: int
    shares: int


@dataclass(frozen=True, slots=True)
class Deallocated:
    """A delegator takes backing back, which leaves at `ready_at`."""

    provider: str
    delegator: str
    amount: int
    shares: int
    ready_at: int


@dataclass(frozen=True, slots=True)
class AllocationWithdrawn:
    """A delegator took out what had left."""

    provider: str
    delegator: str
    amount: int


@dataclass(frozen=True, slots=True)
class BackingSlashed:
    """Backing was taken: of what is active, and of what is leaving."""

    provider: str
    from_active: int
    from_leaving: int


@dataclass(frozen=True, slots=True)
class Proposed:
    """Somebody was accused; `reason` is a `SlashReason`."""

    id: bytes
    accused: str
    reason: int
    offence: bytes
    own: int
    backing: int
    appeal_until: int
    evidence: bytes


@dataclass(frozen=True, slots=True)
class Appealed:
    """The accused contests it."""

    id: bytes
    evidence: bytes
    bond: int
    rule_until: int


@dataclass(frozen=True, slots=True)
class AppealRuled:
    """An arbiter upheld or rejected an appeal."""

    id: bytes
    is_upheld: bool
    grounds: bytes


@dataclass(frozen=True, slots=True)
class SlashExecuted:
    """An accusation ended in a slash."""

    id: bytes
    accused: str
    taken: int
    burned: int


@dataclass(frozen=True, slots=True)
class Dismissed:
    """An accusation ended without one."""

    id: bytes


@dataclass(frozen=True, slots=True)
class BountyPaid:
    """A proven accusation was paid for out of the fund."""

    id: bytes
    accuser: str
    amount: int


@dataclass(frozen=True, slots=True)
class Refunded:
    """A victim was paid out of the pool; `left` is still due."""

    id: bytes
    victim: str
    amount: int
    left: int


@dataclass(frozen=True, slots=True)
class BountiesFunded:
    """The fund of bounties rose."""

    giver: str
    amount: int


@dataclass(frozen=True, slots=True)
class RateSet:
    """A vote set what an offence costs; `reason` is a `SlashReason`."""

    reason: int
    ppm: int


@dataclass(frozen=True, slots=True)
class SharesSet:
    """A vote set what accusations earn, what appeals cost, and what is burned."""

    bounty: int
    bond: int
    bounty_ppm: int
    burn_ppm: int


@dataclass(frozen=True, slots=True)
class ProposerAppointed:
    """An account may accuse from a time on."""

    account: str
    begins: int


@dataclass(frozen=True, slots=True)
class ArbiterAppointed:
    """An account may rule from a time on."""

    account: str
    begins: int


@dataclass(frozen=True, slots=True)
class Revoked:
    """An account may neither accuse nor rule any more."""

    account: str


STAKE_EVENTS_OF: Mapping[str, tuple[type[Any], ...]] = {
    "StakeVault": (
        Staked,
        Unstaked,
        StakeWithdrawn,
        CapacityClaimed,
        StakeLocked,
        StakeUnlocked,
        StakeSlashed,
        TermsSet,
    ),
    "Restaking": (
        Allocated,
        Deallocated,
        AllocationWithdrawn,
        BackingSlashed,
    ),
    "Slashing": (
        Proposed,
        Appealed,
        AppealRuled,
        SlashExecuted,
        Dismissed,
        BountyPaid,
        Refunded,
        BountiesFunded,
        RateSet,
        SharesSet,
        ProposerAppointed,
        ArbiterAppointed,
        Revoked,
    ),
}
"""Those of each contract."""

StakeEvent: TypeAlias = (
    Staked
    | Unstaked
    | StakeWithdrawn
    | CapacityClaimed
    | StakeLocked
    | StakeUnlocked
    | StakeSlashed
    | TermsSet
    | Allocated
    | Deallocated
    | AllocationWithdrawn
    | BackingSlashed
    | Proposed
    | Appealed
    | AppealRuled
    | SlashExecuted
    | Dismissed
    | BountyPaid
    | Refunded
    | BountiesFunded
    | RateSet
    | SharesSet
    | ProposerAppointed
    | ArbiterAppointed
    | Revoked
)
