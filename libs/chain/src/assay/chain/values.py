"""What goes into the contracts and what a chain tells about itself: plain frozen values, money as integers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
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
    FEE_TOO_HIGH = 6


class AuditRefusal(IntEnum):
    """Why the escrow did not pay an audit."""

    KNOWN = 0
    NO_VERIFIER = 1
    INSUFFICIENT = 2


class AnchorRefusal(IntEnum):
    """Why the root of an epoch was not anchored."""

    NO_ROOT = 0
    KNOWN = 1
    GAP = 2
    WRONG_PREVIOUS = 3


class SlashReason(IntEnum):
    """What the stake of a provider or verifier answers for."""

    INVALID_RESULT = 0
    WITHHELD_DATA = 1
    DOWNTIME = 2
    FALSE_CAPACITY = 3
    LAZY_VERIFIER = 4
    FALSE_ACCUSATION = 5
    EQUIVOCATION = 6


class Ruling(IntEnum):
    """Who the judge found wrong."""

    NONE = 0
    WORKER_FAULT = 1
    CHALLENGER_FAULT = 2
    BOTH_FAULT = 3


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
    """What closes one job: the payouts, by rising fence, and the fee for the audit fund.

    What they leave of the locked sum goes back to the requester.
    """

    job_id: bytes
    payouts: tuple[Payout, ...]
    fee: int
    receipt_digest: bytes


@dataclass(frozen=True, slots=True)
class AuditPayment:
    """What a verifier earns by one audit, in stable units."""

    audit_id: bytes
    verifier: str
    amount: int


@dataclass(frozen=True, slots=True)
class Anchor:
    """The root of one epoch of one provider, and of the epoch before it (zeros for the first)."""

    provider: str
    number: int
    previous: bytes
    root: bytes
    units: int


@dataclass(frozen=True, slots=True)
class Slash:
    """A penalty in native units for one offence, which (job, provider, fence) names.

    For a verifier's offence `provider` is its address and `job_id` the audit's id.
    """

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
    anchors: str
    deployed_block: int
    judge: str = ""
    payment: str = ""
    challenges: str = ""

    def contracts(self) -> dict[str, str]:
        """Where each contract stands that says what happened, by its name."""
        found = {"Escrow": self.escrow, "Stake": self.stake, "InsurancePool": self.pool, "EpochAnchors": self.anchors}
        found |= {"Judge": self.judge, "Payment": self.payment, "Challenges": self.challenges}
        return {name: place for name, place in found.items() if place}

    def save(self, path: Path) -> None:
        """Writes the deployment as JSON."""
        path.write_text(json.dumps(asdict(self), indent=2) + "\n")

    @classmethod
    def load(cls, path: Path) -> Deployment:
        """Returns the deployment that `save` wrote. Raises ValueError for any other file."""
        found = json.loads(path.read_text())
        names = [field.name for field in fields(cls)]
        if not isinstance(found, dict) or set(found) != set(names):
            raise ValueError(f"{path.name} must hold exactly {', '.join(names)}: deploy the contracts anew")
        return cls(**found)
