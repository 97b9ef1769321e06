"""What goes into the contracts and what a chain tells about itself: plain frozen values, money as integers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from enum import IntEnum
from pathlib import Path


class JobState(IntEnum):
    """The life of a job's money in the escrow contract."""

    NONE = 0
    FUNDED = 1
    SETTLED = 2
    RECLAIMED = 3


class OpenRefusal(IntEnum):
    """Why the escrow did not lock an order's price."""

    BAD_SIGNATURE = 0
    INSUFFICIENT = 1
    PAST_DEADLINE = 2
    KNOWN = 3


class SettlementRefusal(IntEnum):
    """Why the escrow did not pay a settlement out."""

    UNKNOWN = 0
    ALREADY_SETTLED = 1
    RECLAIMED = 2
    OVER_LIMIT = 3
    FENCE_ORDER = 4
    NO_PROVIDER = 5


class SlashReason(IntEnum):
    """What a provider's stake answers for."""

    INVALID_RESULT = 0
    WITHHELD_DATA = 1
    DOWNTIME = 2
    FALSE_CAPACITY = 3


@dataclass(frozen=True, slots=True)
class Order:
    """What a requester signs: at most `price_limit` stable units for this job, opened no later than `deadline` (s)."""

    job_id: bytes
    requester: str
    price_limit: int
    deadline: int
    spec_digest: bytes


@dataclass(frozen=True, slots=True)
class SignedOrder:
    """An order and its requester's 65-byte EIP-712 signature (r, s, v)."""

    order: Order
    signature: bytes


@dataclass(frozen=True, slots=True)
class Payout:
    """What one lease earns, in stable units."""

    provider: str
    fence: int
    amount: int


@dataclass(frozen=True, slots=True)
class Settlement:
    """The payouts that close one job, by rising fence; what they leave of the locked sum goes back to the requester."""

    job_id: bytes
    payouts: tuple[Payout, ...]
    receipt_digest: bytes


@dataclass(frozen=True, slots=True)
class Slash:
    """A penalty in native units for one offence, which (job, provider, fence) names."""

    provider: str
    amount: int
    reason: int
    job_id: bytes
    fence: int


@dataclass(frozen=True, slots=True)
class Block:
    """One block's place in the chain; `timestamp` in seconds."""

    number: int
    hash: bytes
    parent_hash: bytes
    timestamp: int


@dataclass(frozen=True, slots=True)
class Fees:
    """The most a transaction pays per unit of gas, in wei: in all, and to whoever builds the block."""

    max_fee: int
    max_priority: int


@dataclass(frozen=True, slots=True)
class SignedTransaction:
    """Bytes that are ready to be sent, and the hash and nonce to watch."""

    raw: bytes
    hash: bytes
    nonce: int


@dataclass(frozen=True, slots=True)
class Deployment:
    """Where Assay's contracts stand on one chain, and since which block."""

    chain_id: int
    stable: str
    native: str
    escrow: str
    stake: str
    pool: str
    deployed_block: int

    def save(self, path: Path) -> None:
        """Writes the deployment as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Deployment:
        """Returns the deployment that `save` wrote.

        Raises TypeError for missing or unknown fields.
        """
        return cls(**json.loads(path.read_text()))
