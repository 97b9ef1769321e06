"""Purses: one refund for several victims, at an address that follows from what each of them lost; pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, NamedTuple

from assay.chain.artefacts import artefact
from assay.chain.words import WORD_BYTES, address, bytes32, checksum, selector, uint
from assay.proof.keccak import keccak256

SHARE: Final = "share(bytes32,(address,uint128)[])"
MOST: Final = 100
"""So many victims a list names at most."""


class Loss(NamedTuple):
    """What a victim lost and its payment did not give back, in native units."""

    victim: str
    amount: int


@dataclass(frozen=True, slots=True)
class Shared:
    """A victim was paid out of the purse of an accusation; `left` is what of its loss nobody has made good."""

    id: bytes
    victim: str
    purse: str
    amount: int
    left: int


def encode_share(accusation: bytes, losses: Sequence[Loss]) -> bytes:
    """Returns the call that pays each victim its part of what has arrived in the purse; for anyone."""
    return selector(SHARE) + _listed(accusation, losses)


def purse_of(purses: str, native: str, accusation: bytes, losses: Sequence[Loss]) -> str:
    """Returns where a refund has to go for the contract at `purses` to share it by this list (CREATE2)."""
    code = keccak256(artefact("Purse").bytecode + address(native))
    salt = keccak256(_listed(accusation, losses))
    return checksum(keccak256(b"\xff" + address(purses)[12:] + salt + code)[12:])


def _listed(accusation: bytes, losses: Sequence[Loss]) -> bytes:
    head = bytes32(accusation) + uint(2 * WORD_BYTES) + uint(len(losses))
    return head + b"".join(address(loss.victim) + uint(loss.amount, bits=128) for loss in losses)
