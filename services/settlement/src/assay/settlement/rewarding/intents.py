"""What Rewards is to be told."""

from typing import ClassVar

from assay.chain.governed.rewards import encode_period
from assay.schema.values import Digest, Money, Value
from assay.settlement.paying.intents import Count, Key


class Reward(Value):
    """Post a period, made for so much of emission.

    One that the guardian has voided is not posted again before a person has looked.
    """

    kind: ClassVar[str] = "reward"
    number: Count
    root: Digest
    network: Count
    emission: Money
    total: Money
    inputs: Digest

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, reward_name(self.number), 0)

    def call(self) -> bytes:
        """The call."""
        digests = bytes.fromhex(self.root), bytes.fromhex(self.inputs)
        return encode_period(self.number, digests[0], self.network, self.total, digests[1])


def reward_name(number: int) -> str:
    """What a period is called among intents."""
    return f"reward/{number}"
