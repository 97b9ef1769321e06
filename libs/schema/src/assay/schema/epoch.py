"""The epoch of a provider: what it did for whatever jobs, under one root that is anchored before anything is drawn.

Checking costs k/N of the work however small each job is, because the segments of many jobs are drawn from as one.
"""

from enum import StrEnum
from operator import not_
from typing import Annotated, Final, TypeAlias

from pydantic import Field

from assay.schema.beacon import SHARES_MAX, BeaconShare, RevealedShare
from assay.schema.event import Event
from assay.schema.life import Life, Move
from assay.schema.values import (
    AuditId,
    Code,
    Digest,
    DisputeId,
    EpochId,
    EpochNumber,
    Fence,
    JobId,
    LeaseId,
    Millis,
    Money,
    ProviderId,
    Role,
    SegmentIndex,
    TxHash,
    Units,
    Value,
    VerifierId,
    derive_id,
)

ENTRIES_MAX: Final = 32_768
"""Entries of one epoch: what is kept of them in a blob, in memory and in one turn of a service stays small."""
INLINE_MAX: Final = 192
"""Entries that an event carries itself: with them it stays within EVENT_BYTES_MAX. More stand in a blob."""
DRAWN_MAX: Final = 512
"""More segments than these are never drawn from an epoch; of a fuller draw the first are kept."""
REASONS_MAX: Final = 16
"""Reasons that an epoch names, the most frequent: a verifier that declines says what it likes."""


def epoch_id_of(provider: ProviderId, number: int) -> EpochId:
    """The id of a provider's epoch."""
    return derive_id("x", provider, number)


class EpochEntry(Value):
    """One lease's part of an epoch: the root over the leaves of its commitments, and what they cost."""

    lease_id: LeaseId
    job_id: JobId
    fence: Fence
    first_segment: SegmentIndex
    segments: Annotated[int, Field(ge=1, le=10_000)]
    root: Digest
    units: Units


class EpochFact(Value):
    """What every event of an epoch names. Numbers of one provider have no gap."""

    epoch_id: EpochId
    provider: ProviderId
    number: EpochNumber


class DrawnSegment(Value):
    """One drawn segment."""

    lease_id: LeaseId
    segment: SegmentIndex


class EpochCommitted(EpochFact, Event, type="epoch.committed", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when a provider's stopped leases are pooled. Consumed by settlement, which anchors the root.

    `root` is that of the Merkle-sum tree over the entries; `units` is its sum. `shares` are what verifiers are bound
    to for the beacon: none but these count.
    """

    previous: Digest
    root: Digest
    units: Units
    segments: Annotated[int, Field(ge=1)]
    entries: Annotated[tuple[EpochEntry, ...], Field(min_length=1, max_length=INLINE_MAX)]
    shares: Annotated[tuple[BeaconShare, ...], Field(max_length=SHARES_MAX)] = ()


class EpochPooled(EpochFact, Event, type="epoch.pooled", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted in the place of `epoch.committed` where more leases are pooled than an event can carry.

    `entries` is the blob that holds so many (`size`) of them, in the epoch's order; anybody may read it. Otherwise all
    is as in `epoch.committed`. Consumed by settlement, which anchors the root.
    """

    previous: Digest
    root: Digest
    units: Units
    segments: Annotated[int, Field(ge=1)]
    size: Annotated[int, Field(ge=1, le=ENTRIES_MAX)]
    entries: Digest
    shares: Annotated[tuple[BeaconShare, ...], Field(max_length=SHARES_MAX)] = ()


EpochClosed: TypeAlias = EpochCommitted | EpochPooled
"""What an epoch is closed by: with its entries in the event, or in a blob."""


class EpochAnchored(EpochFact, Event, type="epoch.anchored", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when the root is final on chain, in block `block`. Consumed by verification."""

    root: Digest
    block: Annotated[int, Field(ge=0)]
    tx: TxHash
    gas: Annotated[int, Field(ge=0)]


class StakeBehind(Value):
    """What answered for a provider after block `block`, in native units, by the contracts alone.

    `own` is its active stake and `backing` what delegators keep behind it: what is on its way out is in neither, for it
    may have left by the time of an accusation, while who only now begins to leave is reached. `locked` is what other
    open accusations hold of its own; `rate_ppm` what a false result costs of all. A whole native token is worth
    `price` at least, in 10^-18 dollars.
    """

    block: Annotated[int, Field(ge=0)]
    own: Money
    backing: Money
    locked: Money
    rate_ppm: Annotated[int, Field(ge=0, le=1_000_000)]
    price: Money


class EpochDrawn(EpochFact, Event, type="epoch.drawn", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when the beacon is known: block `block`, which was fixed by the anchor's height, and the reveals.

    `revealed` are the shares that count, `missing` who was bound to one and did not reveal it; if nobody was, the block
    alone is the beacon. Seed and draw follow from beacon, root and provider; anyone can repeat them. `attestation` is
    the digest of the report that the policy took into account, if there was one; `stake` is what stood behind the
    provider at the beacon's block, on which the draw does not depend. `places` is the blob, for anybody to read, that
    proves where in its lease each drawn segment lies, where the epoch's entries stand in a blob.
    """

    root: Digest
    block: Annotated[int, Field(ge=0)]
    beacon: Digest
    seed: Digest
    drawn: Annotated[tuple[DrawnSegment, ...], Field(min_length=1, max_length=DRAWN_MAX)]
    revealed: Annotated[tuple[RevealedShare, ...], Field(max_length=SHARES_MAX)] = ()
    missing: Annotated[tuple[VerifierId, ...], Field(max_length=SHARES_MAX)] = ()
    attestation: Digest | None = None
    places: Digest | None = None
    stake: StakeBehind | None = None


class EpochTraced(EpochFact, Event, type="epoch.traced", by=Role.PROVIDER, public=False):
    """Emitted when a drawn segment whose job asks for it was run again, operator by operator: the trace's Merkle root.

    `trace` is the blob that holds it. A later block draws what of it is looked at. The first for a segment counts.
    """

    lease_id: LeaseId
    segment: SegmentIndex
    root: Digest
    trace: Digest


class EpochOpened(EpochFact, Event, type="epoch.opened", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when the checkpoints around every drawn segment are here and are what was committed.

    Where traces were to be opened, they are here too, and `block` with `block_hash` draws what of them is looked at.
    """

    block: Annotated[int, Field(ge=0)] | None = None
    block_hash: Digest | None = None


class EpochFault(EpochFact):
    """Where an epoch is at fault."""

    lease_id: LeaseId
    segment: SegmentIndex
    code: Code


class EpochWithheld(EpochFault, Event, type="epoch.withheld", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when a committed checkpoint cannot be had, or is not what was committed."""


class EpochAudited(EpochFact, Event, type="epoch.audited", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when every drawn segment has its first answer."""

    audit_ms: Annotated[int, Field(ge=0)]
    work_ms: Annotated[int, Field(ge=0)]


class EpochMismatched(EpochFault, Event, type="epoch.mismatched", by=Role.VERIFICATION):
    """Emitted when a first answer differs from the claim: others, who do not know of it, are asked."""

    audit_id: AuditId


class EpochAccused(EpochFault, Event, type="epoch.accused", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when a drawn segment is false by its answers: the dispute decides, before anything is slashed."""

    dispute_id: DisputeId


class EpochWaiting(EpochFact, Event, type="epoch.waiting", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when an epoch cannot go on by itself, or stays open: what it waits for, and how often each reason holds.

    A reason about verifiers counts those whom it keeps out. `epoch.pooling` and `epoch.hastened` are said before the
    epoch is closed: of the segments that are `needed` for a cheap proof so many are here (`segments`), and it closes at
    `closes_ms` at the latest; `epoch.hastened` earlier than it could, for a job in haste or near its deadline. It moves
    nothing; the next event of the epoch ends it.
    """

    code: Code
    reasons: dict[str, int]
    closes_ms: Millis | None = None


class Unproven(Value):
    """The drawn segments that no verifier could answer, and how often each reason was given.

    Each stands for its part of the epoch. So many are `counted`, of all that were drawn from the whole epoch (`of`);
    what was drawn only because an order asked for it stands for nothing else.
    """

    segments: Annotated[tuple[DrawnSegment, ...], Field(min_length=1, max_length=DRAWN_MAX)]
    counted: Annotated[int, Field(ge=0, le=DRAWN_MAX)]
    of: Annotated[int, Field(ge=1, le=DRAWN_MAX)]
    reasons: Annotated[dict[str, int], Field(max_length=REASONS_MAX)]


class EpochEnding(EpochFact):
    """How many audits of the epoch's own questions, and disputes, have ended with it: receipts wait for so many.

    The leases of segments that are `unproven` are not paid, nor are those that the seed has these stand for.
    """

    audits: Annotated[int, Field(ge=0)] = 0
    disputes: Annotated[int, Field(ge=0)] = 0
    unproven: Unproven | None = Field(default=None, exclude_if=not_)


class EpochPassed(EpochEnding, Event, type="epoch.passed", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when every drawn segment stands, or could not be answered. Consumed by settlement."""


class EpochRejected(EpochEnding, EpochFault, Event, type="epoch.rejected", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when a drawn segment is false and its dispute over, or withheld: the whole epoch is forfeit."""


class EpochSettled(EpochFact, Event, type="epoch.settled", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when every lease of the epoch is paid, slashed or closed."""


class EpochState(StrEnum):
    COMMITTED = "committed"
    ANCHORED = "anchored"
    DRAWN = "drawn"
    OPENED = "opened"
    WITHHELD = "withheld"
    AUDITED = "audited"
    MISMATCHED = "mismatched"
    ACCUSED = "accused"
    PASSED = "passed"
    REJECTED = "rejected"
    SETTLED = "settled"


_S = EpochState
_V = Role.VERIFICATION

TRANSITIONS: Final[tuple[Move[EpochState], ...]] = (
    Move((), EpochCommitted, _S.COMMITTED, _V),
    Move((), EpochPooled, _S.COMMITTED, _V),
    Move((_S.COMMITTED,), EpochAnchored, _S.ANCHORED, Role.SETTLEMENT),
    Move((_S.ANCHORED,), EpochDrawn, _S.DRAWN, _V),
    Move((_S.DRAWN,), EpochTraced, _S.DRAWN, Role.PROVIDER),
    Move((_S.DRAWN,), EpochOpened, _S.OPENED, _V),
    Move((_S.DRAWN,), EpochWithheld, _S.WITHHELD, _V),
    Move((_S.OPENED,), EpochAudited, _S.AUDITED, _V),
    Move((_S.AUDITED, _S.MISMATCHED), EpochMismatched, _S.MISMATCHED, _V),
    Move((_S.MISMATCHED, _S.ACCUSED), EpochAccused, _S.ACCUSED, _V),
    Move((_S.AUDITED, _S.MISMATCHED, _S.ACCUSED), EpochPassed, _S.PASSED, _V),
    Move((_S.WITHHELD, _S.MISMATCHED, _S.ACCUSED), EpochRejected, _S.REJECTED, _V),
    Move((_S.PASSED, _S.REJECTED), EpochSettled, _S.SETTLED, Role.SETTLEMENT),
)

EPOCH_LIFE: Final = Life("epoch", TRANSITIONS)
