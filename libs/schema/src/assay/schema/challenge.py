"""What idle machines are challenged to show, all at one moment: how fast they multiply matrices of integers.

A block says when, a number that nobody could know before says what of. A machine answers with how far it came and a
mark of each row; rows that a later block draws are computed again. What was false stands in the provider's own signed
answer, and anyone can compute it again (`assay.proof.challenge`).
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from assay.schema.event import Event
from assay.schema.lease import SlashReason
from assay.schema.life import Life, Move
from assay.schema.values import ChallengeId, Code, Digest, Millis, Money, ProviderId, Role, TxHash, Units, Value

PARTS_MAX: Final = 64
"""Children that compute at a time."""
ROUNDS_MAX: Final = 2**14
"""Products that count of one part: more of the same rows would be dear to check. A faster machine takes more rows."""
VOID: Final = "challenge.void"
ROWS_MIN: Final = 64
"""Rows of a part, of which some are computed again: fewer would be dear to check."""
ROWS_MAX: Final = 2**13
"""Rows of all parts: their marks have to go into one event."""

Number = Annotated[int, Field(ge=0)]


class ChallengeFact(Value):
    """What every event of a challenge names: one provider at one moment."""

    challenge_id: ChallengeId
    provider: ProviderId


class ChallengeCalled(ChallengeFact, Event, type="challenge.called", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted for every offer at once when a block calls: compute from now on for `window_ms`, and answer.

    `nonce` was made for this moment, so that whoever saw the block first is not ahead. After `due_ms` nothing is taken.
    Consumed by discovery.
    """

    block: Number
    block_hash: Digest
    nonce: Digest
    window_ms: Annotated[int, Field(ge=1, le=60_000)]
    due_ms: Millis


class Part(Value):
    """What one child did: so many rounds, and two bytes of the digest of each of its rows after the last, in hex."""

    rounds: Annotated[int, Field(ge=1, le=ROUNDS_MAX)]
    marks: Annotated[str, Field(pattern=r"^([0-9a-f]{4})+$", min_length=4 * ROWS_MIN, max_length=4 * ROWS_MAX)]

    @property
    def rows(self) -> int:
        """How many rows it worked on."""
        return len(self.marks) // 4


class ChallengeAnswered(ChallengeFact, Event, type="challenge.answered", by=Role.PROVIDER):
    """Emitted when the window is over, with what the provider's idle children did. Consumed by verification."""

    parts: Annotated[tuple[Part, ...], Field(min_length=1, max_length=PARTS_MAX)]


class ChallengeMeasured(ChallengeFact, Event, type="challenge.measured", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when the drawn rows are right: what the idle children did together. Consumed by discovery.

    A unit is a token through the smallest base: 2^27 multiplications. `spent_ms` is the time that counted.
    """

    block: Number
    units_per_s: Units
    spent_ms: Millis
    drawn_block: Number
    drawn_hash: Digest


class ChallengeMissed(ChallengeFact, Event, type="challenge.missed", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when a challenge shows nothing: not answered, or answered in doubt. Consumed by discovery.

    `challenge.void` counts for nothing: nobody who was called has answered, or nothing could check the answer.
    """

    block: Number
    code: Code


class FalseRow(Value):
    """A row that was drawn: the mark that its provider signed, and the one that it has."""

    part: Number
    row: Number
    claimed: Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")]
    found: Annotated[str, Field(pattern=r"^[0-9a-f]{4}$")]


class ChallengeRefuted(ChallengeFact, Event, type="challenge.refuted", by=Role.VERIFICATION, tells=("provider",)):
    """Emitted when drawn rows of an answer are false: work is claimed that was not done. Consumed by discovery and
    settlement.

    `answer` is the id of the signed answer.
    """

    block: Number
    answer: Annotated[str, Field(max_length=64)]
    drawn_block: Number
    drawn_hash: Digest
    rows: Annotated[tuple[FalseRow, ...], Field(min_length=1, max_length=64)]


class ChallengeSlashed(ChallengeFact, Event, type="challenge.slashed", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when stake is taken for a refuted answer: nobody appealed in time, or in vain."""

    amount: Money
    reason: SlashReason
    tx: TxHash


class ChallengeSpared(ChallengeFact, Event, type="challenge.spared", by=Role.SETTLEMENT, tells=("provider",)):
    """Emitted when nothing is taken for a refuted answer: an appeal prevailed, or there was nothing to take."""

    code: Code


class ChallengeState(StrEnum):
    CALLED = "called"
    ANSWERED = "answered"
    MEASURED = "measured"
    MISSED = "missed"
    REFUTED = "refuted"
    SLASHED = "slashed"
    SPARED = "spared"


_S = ChallengeState
_V = Role.VERIFICATION

TRANSITIONS: Final[tuple[Move[ChallengeState], ...]] = (
    Move((), ChallengeCalled, _S.CALLED, _V),
    Move((_S.CALLED,), ChallengeAnswered, _S.ANSWERED, Role.PROVIDER),
    Move((_S.ANSWERED,), ChallengeMeasured, _S.MEASURED, _V),
    Move((_S.CALLED, _S.ANSWERED), ChallengeMissed, _S.MISSED, _V),
    Move((_S.ANSWERED,), ChallengeRefuted, _S.REFUTED, _V),
    Move((_S.REFUTED,), ChallengeSlashed, _S.SLASHED, Role.SETTLEMENT),
    Move((_S.REFUTED,), ChallengeSpared, _S.SPARED, Role.SETTLEMENT),
)

CHALLENGE_LIFE: Final = Life("challenge", TRANSITIONS)
