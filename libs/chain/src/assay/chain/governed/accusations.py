"""Accusations as Slashing takes and keeps them, and their packing; pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from enum import IntEnum

from assay.chain.values import SlashReason
from assay.chain.words import WORD_BYTES, address, bytes32, checksum, selector, uint
from assay.proof.keccak import keccak256


class Phase(IntEnum):
    """How far an accusation has come."""

    NONE = 0
    PROPOSED = 1
    APPEALED = 2
    CONFIRMED = 3
    EXECUTED = 4
    DISMISSED = 5


ACCUSATION = "(address,uint8,bytes32,uint64,address,address,uint128,bytes32)"


@dataclass(frozen=True, slots=True)
class Accusation:
    """An offence, which (accused, offence) names; `loss` is what its victim lost, in native units."""

    accused: str
    reason: SlashReason
    offence: bytes
    happened_at: int
    accuser: str
    victim: str
    loss: int
    evidence: bytes

    @property
    def id(self) -> bytes:
        """What the contract knows the accusation by."""
        return accusation_id(self.accused, self.offence)


@dataclass(frozen=True, slots=True)
class Proposal:
    """How an accusation stands: `until` ends what its phase waits for; `own` and `backing` are taken at most."""

    phase: Phase
    ppm: int
    until: int
    own: int
    backing: int
    bond: int
    loss: int
    accused: str
    accuser: str
    victim: str
    offence: bytes


def accusation_id(accused: str, offence: bytes) -> bytes:
    """Returns what the contract knows an accusation by."""
    return keccak256(address(accused) + bytes32(offence))


def encode_propose(what: Accusation) -> bytes:
    """Returns the call that accuses."""
    act = address(what.accused) + uint(what.reason, bits=8) + bytes32(what.offence) + uint(what.happened_at, bits=64)
    parties = address(what.accuser) + address(what.victim) + uint(what.loss, bits=128) + bytes32(what.evidence)
    return selector(f"propose({ACCUSATION})") + act + parties


def proposal_from(words: Sequence[int]) -> Proposal:
    """Returns how an accusation stands, by the contract's words."""
    phase, *found, offence = words
    ppm, until, own, backing, bond, loss = found[:6]
    accused, accuser, victim = (checksum(place.to_bytes(20, "big")) for place in found[6:])
    parties = accused, accuser, victim, offence.to_bytes(WORD_BYTES, "big")
    return Proposal(Phase(phase), ppm, until, own, backing, bond, loss, *parties)
