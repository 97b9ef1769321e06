"""The shares of the beacon: values that verifiers bind themselves to before an epoch is committed, and reveal after.

While work waits for a provider's next epoch, some verifiers are called. Whoever has committed by then stands in
`epoch.committed`, which is said before the root is anchored and so before the beacon's block exists. When that block
is final its hash is told (`beacon.opened`), and each reveal is signed over it: nobody can take another block later.
"""

from enum import StrEnum
from typing import Annotated, Final

from pydantic import Field

from assay.schema.event import Event
from assay.schema.life import Life, Move
from assay.schema.values import BeaconId, Code, Digest, EpochId, Millis, Role, Signature, Value, VerifierId, derive_id

SHARES_MAX: Final = 5
"""Verifiers who are called for one epoch."""
UNREVEALED: Final = "beacon.unrevealed"
"""The code of a share that was bound and not revealed in time."""


class BeaconShare(Value):
    """What one verifier is bound to."""

    verifier: VerifierId
    commit: Digest


class RevealedShare(BeaconShare):
    """A share with what it hid, and when and under which signature the verifier revealed it."""

    value: Digest
    salt: Digest
    time_ms: Millis
    signature: Signature


class BeaconFact(Value):
    """What every event of a share names: one verifier's part in the beacon of one epoch."""

    beacon_id: BeaconId
    epoch_id: EpochId
    verifier: VerifierId


class BeaconCalled(BeaconFact, Event, type="beacon.called", by=Role.VERIFICATION, public=False, tells=("verifier",)):
    """Emitted when work waits for a provider's next epoch: bind yourself to a random value, at once."""


class BeaconCommitted(BeaconFact, Event, type="beacon.committed", by=Role.VERIFIER, public=False):
    """Emitted when the verifier has its value: the digest that binds it, its salt, its speaker and the epoch."""

    commit: Digest


class BeaconOpened(BeaconFact, Event, type="beacon.opened", by=Role.VERIFICATION, public=False, tells=("verifier",)):
    """Emitted when the beacon's block is final: reveal now, over this very block."""

    block: Annotated[int, Field(ge=0)]
    block_hash: Digest


class BeaconRevealed(BeaconFact, Event, type="beacon.revealed", by=Role.VERIFIER, public=False):
    """Emitted with what was committed, and the block that the verifier was shown before."""

    block: Annotated[int, Field(ge=0, lt=2**63)]
    block_hash: Digest
    value: Digest
    salt: Digest


class BeaconMissed(BeaconFact, Event, type="beacon.missed", by=Role.VERIFICATION, tells=("verifier",)):
    """Emitted when the epoch went on without the verifier's share: not committed or not revealed in time, or false."""

    code: Code


class BeaconExcused(BeaconFact, Event, type="beacon.excused", by=Role.VERIFIER, public=False):
    """Emitted when a verifier hears that its share was missed: what it was bound to, late.

    It counts for no draw. Within a day of the miss it shows that the verifier lost nothing, as after a crash.
    """

    value: Digest
    salt: Digest


class BeaconWithheld(BeaconFact, Event, type="beacon.withheld", by=Role.VERIFICATION, tells=("verifier",)):
    """Emitted when a verifier missed bound shares again within the window: so many (`shares`) from `missed_ms` on.

    Consumed by settlement, which accuses it of withheld data.
    """

    shares: Annotated[int, Field(ge=1)]
    missed_ms: Millis


class BeaconState(StrEnum):
    CALLED = "called"
    COMMITTED = "committed"
    OPENED = "opened"
    REVEALED = "revealed"
    MISSED = "missed"
    EXCUSED = "excused"
    WITHHELD = "withheld"


_S = BeaconState
_V = Role.VERIFICATION

TRANSITIONS: Final[tuple[Move[BeaconState], ...]] = (
    Move((), BeaconCalled, _S.CALLED, _V),
    Move((_S.CALLED,), BeaconCommitted, _S.COMMITTED, Role.VERIFIER),
    Move((_S.COMMITTED,), BeaconOpened, _S.OPENED, _V),
    Move((_S.OPENED,), BeaconRevealed, _S.REVEALED, Role.VERIFIER),
    Move((_S.CALLED, _S.OPENED, _S.REVEALED), BeaconMissed, _S.MISSED, _V),
    Move((_S.MISSED,), BeaconExcused, _S.EXCUSED, Role.VERIFIER),
    Move((_S.MISSED, _S.EXCUSED), BeaconWithheld, _S.WITHHELD, _V),
)

BEACON_LIFE: Final = Life("beacon", TRANSITIONS)


def beacon_fact(epoch_id: str, verifier: str) -> dict[str, str]:
    """What every event of a verifier's share in an epoch names."""
    return {"beacon_id": derive_id("b", epoch_id, verifier), "epoch_id": epoch_id, "verifier": verifier}
