"""What goes into the contracts and what a chain tells about itself: plain frozen values, money as integers."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from enum import IntEnum
from pathlib import Path
from typing import Any, Literal

from assay.chain.governed.places import Governed
from assay.proof.eip712 import Domain
from assay.schema.errors import BadSettings


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
    """What a requester signs: at most `price_limit` stable units for this job, due by `deadline` (s)."""

    job_id: bytes
    requester: str
    price_limit: int
    deadline: int
    spec_digest: bytes


@dataclass(frozen=True, slots=True)
class Anchor:
    """The root of one epoch of one provider, and of the epoch before it (zeros for the first)."""

    provider: str
    number: int
    previous: bytes
    root: bytes
    units: int


# Prices, oracles, the treasury and whatever shows an amount take both tokens so.
STABLE_DECIMALS, NATIVE_DECIMALS = 6, 18

Tag = Literal["safe", "finalized"]
"""What a node calls the last block that a fork will hardly, or can never take off the chain."""


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
    pool: str
    anchors: str
    deployed_block: int
    judge: str
    payment: str
    challenges: str
    governed: Governed | None = None

    @property
    def domain(self) -> Domain:
        """What orders, statements, receipts and epochs are signed and hashed in."""
        return Domain(self.chain_id, self.payment)

    @property
    def group(self) -> Governed:
        """The contracts that votes govern, those of stake among them. Raises BadSettings if there are none."""
        if self.governed is None:
            raise BadSettings("This deployment has no governed contracts: `assay chain govern` puts them behind it.")
        return self.governed

    def contracts(self) -> dict[str, str]:
        """Where each contract stands whose events are followed, by its name."""
        money = {"Payment": self.payment, "Challenges": self.challenges}
        places = {"InsurancePool": self.pool, "EpochAnchors": self.anchors, "Judge": self.judge}
        at = self.governed
        stake = {"StakeVault": at.vault, "Restaking": at.restaking, "Slashing": at.slashing} if at else {}
        stake |= {"Purses": at.purses, "Rewards": at.rewards} if at else {}
        return money | places | stake

    def save(self, path: Path) -> None:
        """Writes the deployment as JSON; the governed contracts have a section of their own, if there are any."""
        path.write_text(json.dumps(self.plain(), indent=2) + "\n")

    def plain(self) -> dict[str, Any]:
        """The deployment as JSON has it."""
        found = asdict(self) | {"governed": self.governed.plain() if self.governed else None}
        return {name: value for name, value in found.items() if value is not None}

    @classmethod
    def load(cls, path: Path) -> Deployment:
        """Returns the deployment that `save` wrote. Raises ValueError for any other file."""
        found = json.loads(path.read_text())
        names = [field.name for field in fields(cls) if field.name != "governed"]
        if not isinstance(found, dict) or set(found) - {"governed"} != set(names):
            raise ValueError(f"{path.name} must hold exactly {', '.join(names)}: deploy the contracts anew")
        section = found.pop("governed", None)
        return cls(**found, governed=Governed.read(section) if section else None)
