"""What settlement wants done on the chain: one class per kind, kept as JSON until the chain has done it, or refused."""

import base64
from typing import ClassVar, TypeAlias

from assay.chain import values as chain
from assay.schema.values import (
    Digest,
    DisputeId,
    EpochId,
    EpochNumber,
    ProviderId,
    Units,
    Value,
    VerifierId,
    address_of,
)
from assay.settlement.paying.intents import PAYMENT_KINDS, Key, PaymentBody
from assay.settlement.rewarding.intents import Reward
from assay.settlement.slashing.intents import SLASHING_KINDS, SlashingBody


class Anchor(Value):
    """Put the root of an epoch on chain."""

    kind: ClassVar[str] = "anchor"
    epoch_id: EpochId
    provider: ProviderId
    number: EpochNumber
    previous: Digest
    root: Digest
    units: Units

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, anchor_name(address_of(self.provider), self.number), 0)

    def call(self) -> chain.Anchor:
        """The root as the contract takes it."""
        previous, root = bytes.fromhex(self.previous), bytes.fromhex(self.root)
        return chain.Anchor(address_of(self.provider), self.number, previous, root, self.units)


class Judge(Value):
    """Have the contract judge the end of a dispute, which it knows by `case`."""

    kind: ClassVar[str] = "judge"
    dispute_id: DisputeId
    provider: ProviderId
    verifier: VerifierId
    case: Digest
    content: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.case, 0)

    def call(self) -> bytes:
        """The call as it was proven."""
        return base64.b64decode(self.content)


def anchor_name(address: str, number: int) -> str:
    """What an epoch is called where the chain speaks of it."""
    return f"{address.lower()}/{number}"


Body: TypeAlias = Anchor | Judge | Reward | SlashingBody | PaymentBody
KINDS: dict[str, type[Body]] = {kind.kind: kind for kind in (Anchor, Judge, Reward, *SLASHING_KINDS, *PAYMENT_KINDS)}
