"""The dispute: what verifiers found false is contested by its provider, and nothing is slashed before the end of it.

Where a kind of work has a program of judged primitives, the parties search for the first operator they differ in, move
by signed move, and its element is judged on chain. Where the answers name one operator of a committed trace, a drawn
committee measures it. Other work is looked at by further verifiers, who are blind as well. Silence loses.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field, StringConstraints

from assay.schema.event import Event
from assay.schema.life import Life, Move
from assay.schema.values import (
    AuditId,
    Code,
    Digest,
    DisputeId,
    EpochId,
    LeaseId,
    Millis,
    Money,
    OperatorPlace,
    ProviderId,
    Role,
    SegmentIndex,
    TxHash,
    Value,
    VerifierId,
)

Content = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9+/]*={0,2}$", max_length=56_000)]
"""Bytes in base64: what the court signs and reads travels as it is."""


class DisputeWay(StrEnum):
    """How a contested segment is decided."""

    COURT = "court"
    COMMITTEE = "committee"
    SECOND_DRAWING = "second_drawing"


class DisputeOutcome(StrEnum):
    """Who was wrong; a tie is a difference that nobody is to blame for."""

    WORKER_FAULT = "worker_fault"
    CHALLENGER_FAULT = "challenger_fault"
    NUMERIC_TIE = "numeric_tie"


class DisputeRuling(StrEnum):
    """Who the contract found wrong."""

    WORKER_FAULT = "worker_fault"
    CHALLENGER_FAULT = "challenger_fault"
    BOTH_FAULT = "both_fault"


class Sitting(Value):
    """When a committee was drawn: the block after the contest, or the appeal, whose hash drew it."""

    block: Annotated[int, Field(ge=0)]
    block_hash: Digest


class Measured(Value):
    """What a member measured, looking by `seed`: thousandths of honest noise, of which a billion stand for no end."""

    verifier: VerifierId
    seed: Digest
    noise_milli: Annotated[int, Field(ge=0, le=10**9)]


class Committee(Value):
    """Who measured the operator of a dispute, in one sitting, and in another on appeal."""

    sittings: Annotated[tuple[Sitting, ...], Field(max_length=2)] = ()
    members: Annotated[tuple[Measured, ...], Field(max_length=10)] = ()


class DisputeFact(Value):
    """What every event of a dispute names: whose work it is, and the verifier whose answer was decisive."""

    dispute_id: DisputeId
    provider: ProviderId
    verifier: VerifierId


class DisputeLodged(DisputeFact, Event, type="dispute.lodged", by=Role.VERIFICATION, tells=("provider", "verifier")):
    """Emitted when a drawn segment is false by its answers: the provider may contest it until `expires_ms`.

    `bond` is what the verifier has locked for it, and what the provider locks by contesting. `claimed` and `countered`
    are the digests of both end states, `code` says how they differ. `terms` is the court's own record, which every move
    is signed over, `operator` what a committee measures; a second drawing has neither.
    """

    epoch_id: EpochId
    lease_id: LeaseId
    segment: SegmentIndex
    audit_id: AuditId
    way: DisputeWay
    code: Code = "segment.mismatch"
    claimed: Digest
    countered: Digest
    bond: Money
    contest_s: Annotated[int, Field(ge=1, le=604_800)]
    move_s: Annotated[int, Field(ge=1, le=604_800)]
    terms: Content = ""
    operator: OperatorPlace | None = None
    expires_ms: Millis


class DisputeContested(DisputeFact, Event, type="dispute.contested", by=Role.PROVIDER, tells=("provider", "verifier")):
    """Emitted when the provider stands by its segment, which it has run again. `move` is the court's."""

    move: Content = ""


class DisputeAccepted(DisputeFact, Event, type="dispute.accepted", by=Role.PROVIDER, tells=("provider", "verifier")):
    """Emitted when the provider gives in: the segment is false."""


class DisputePleaded(DisputeFact, Event, type="dispute.pleaded", by=Role.PROVIDER, tells=("provider", "verifier")):
    """Emitted with the provider's next move: the court's, signed to follow the one before."""

    move: Content


class DisputePressed(DisputeFact, Event, type="dispute.pressed", by=Role.VERIFIER, tells=("provider", "verifier")):
    """Emitted with the challenging verifier's next move: the court's, signed to follow the one before."""

    move: Content


class DisputeProven(DisputeFact, Event, type="dispute.proven", by=Role.VERIFICATION, tells=("provider", "verifier")):
    """Emitted when one element of one operator is left. Consumed by settlement, which has the contract judge it.

    `case` is the dispute's id on chain, `call` the call of the contract, `head` the digest of the last of its moves.
    """

    case: Digest
    call: Content
    head: Digest


class DisputeJudged(DisputeFact, Event, type="dispute.judged", by=Role.SETTLEMENT, tells=("provider", "verifier")):
    """Emitted when the contract's judgement is final. Consumed by verification, which rules by it."""

    ruling: DisputeRuling
    block: Annotated[int, Field(ge=0)]
    tx: TxHash
    gas: Annotated[int, Field(ge=0)]


class DisputeDecided(DisputeFact, Event, type="dispute.decided", by=Role.VERIFICATION, tells=("provider", "verifier")):
    """Emitted when most verifiers have decided: whoever is at fault may appeal once until `expires_ms`, with evidence.

    What the contract ruled, what was admitted, and what was lost by silence is final and not told so.
    """

    outcome: DisputeOutcome
    at_fault: tuple[ProviderId | VerifierId, ...]
    cause: Code
    expires_ms: Millis


class Appeal(Value):
    """`evidence` is the blob of the state that the appellant stands by, come to once more."""

    evidence: Digest


class DisputeAppealed(
    DisputeFact, Appeal, Event, type="dispute.appealed", by=Role.PROVIDER, tells=("provider", "verifier")
):
    """Emitted when the provider does not accept what verifiers decided, and locks a second bond for it."""


class DisputeObjected(
    DisputeFact, Appeal, Event, type="dispute.objected", by=Role.VERIFIER, tells=("provider", "verifier")
):
    """Emitted when the accusing verifier does not accept what others decided, and locks a second bond for it."""


class DisputeRefused(DisputeFact, Event, type="dispute.refused", by=Role.VERIFICATION, tells=("provider", "verifier")):
    """Emitted when a party's contest or appeal counts for nothing: it lacks a bond or evidence. It moves nothing."""

    party: ProviderId | VerifierId
    code: Code


class Forfeit(Value):
    """A bond that is lost: of whom, and how much."""

    party: ProviderId | VerifierId
    amount: Money


class DisputeForfeited(
    DisputeFact, Event, type="dispute.forfeited", by=Role.SETTLEMENT, tells=("provider", "verifier")
):
    """Emitted when stake of a dispute's loser is taken; none of it is the other party's."""

    party: ProviderId | VerifierId
    amount: Money
    tx: TxHash


class DisputeSpared(DisputeFact, Event, type="dispute.spared", by=Role.SETTLEMENT, tells=("provider", "verifier")):
    """Emitted when nothing is taken from a dispute's loser: an appeal prevailed, or there was nothing to take."""

    party: ProviderId | VerifierId
    code: Code


class DisputeRuled(DisputeFact, Event, type="dispute.ruled", by=Role.VERIFICATION, tells=("provider", "verifier")):
    """Emitted when the dispute is over: only now is anything slashed. Consumed by settlement, whose receipts show it.

    `head` is the digest of the last of its moves, each of which names the one before; `tx` and `block` are where the
    contract judged, if it did. `forfeits` are the bonds that are lost with it, `committee` is who measured
    its operator.
    """

    epoch_id: EpochId
    lease_id: LeaseId
    segment: SegmentIndex
    outcome: DisputeOutcome
    at_fault: tuple[ProviderId | VerifierId, ...] = ()
    cause: Code
    moves: Annotated[int, Field(ge=0)] = 0
    rounds: Annotated[int, Field(ge=0)] = 0
    head: Digest | None = None
    tx: TxHash | None = None
    block: Annotated[int, Field(ge=0)] | None = None
    forfeits: tuple[Forfeit, ...] = ()
    committee: Committee | None = None


class DisputeState(StrEnum):
    CLAIMED = "claimed"
    ACCEPTED = "accepted"
    CONTESTED = "contested"
    MOVING = "moving"
    PROVEN = "proven"
    JUDGED = "judged"
    DECIDED = "decided"
    APPEALED = "appealed"
    RULED = "ruled"


_S = DisputeState
_V = Role.VERIFICATION

TRANSITIONS: Final[tuple[Move[DisputeState], ...]] = (
    Move((), DisputeLodged, _S.CLAIMED, _V),
    Move((_S.CLAIMED, _S.CONTESTED), DisputeContested, _S.CONTESTED, Role.PROVIDER),
    Move((_S.CLAIMED, _S.CONTESTED, _S.MOVING), DisputeAccepted, _S.ACCEPTED, Role.PROVIDER),
    Move((_S.CONTESTED, _S.MOVING), DisputePleaded, _S.MOVING, Role.PROVIDER),
    Move((_S.CONTESTED, _S.MOVING), DisputePressed, _S.MOVING, Role.VERIFIER),
    Move((_S.MOVING,), DisputeProven, _S.PROVEN, _V),
    Move((_S.PROVEN,), DisputeJudged, _S.JUDGED, Role.SETTLEMENT),
    Move((_S.CONTESTED,), DisputeDecided, _S.DECIDED, _V),
    Move((_S.DECIDED, _S.APPEALED), DisputeAppealed, _S.APPEALED, Role.PROVIDER),
    Move((_S.DECIDED, _S.APPEALED), DisputeObjected, _S.APPEALED, Role.VERIFIER),
    Move(tuple(state for state in _S if state not in (_S.PROVEN, _S.RULED)), DisputeRuled, _S.RULED, _V),
)

DISPUTE_LIFE: Final = Life("dispute", TRANSITIONS)
