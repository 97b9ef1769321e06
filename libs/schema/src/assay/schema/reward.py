"""Bootstrap rewards: periods whose inputs follow from what was said of payments, leases and stake."""

from typing import Annotated

from pydantic import Field

from assay.schema.event import Event
from assay.schema.values import Digest, EpochNumber, Money, RewardId, Role, TxHash, Value


class RewardFact(Value):
    """A period of rewards, and where the chain shows what happened to it."""

    reward_id: RewardId
    number: EpochNumber
    tx: TxHash
    block: Annotated[int, Field(ge=0)]


class RewardPosted(RewardFact, Event, type="reward.posted", by=Role.SETTLEMENT):
    """Emitted when a period is posted: the root over what each provider did in it, and `network`, the weight of all.

    It emits `emission` at most, of which `total` is earned; `inputs` is the digest of its rows.
    """

    root: Digest
    network: Annotated[int, Field(ge=0, lt=2**112)]
    emission: Money
    total: Money
    inputs: Digest


class RewardVoided(RewardFact, Event, type="reward.voided", by=Role.SETTLEMENT):
    """Emitted when the guardian voids a period within its window: nobody is paid by it."""
