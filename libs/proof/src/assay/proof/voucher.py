"""Vouchers: payments too small for a charge each, as one signed sum that grows.

In a lease that is paid by them each voucher says how many units are owed altogether, so that the last one stands for
all before it and losing some loses nothing. The provider delivers at most one step beyond what is vouched for; the
requester vouches for nothing that it has not received: whoever stops, or dies, costs the other a step at most. The idea
is that of payment channels; here the deposit is Payment's, where the job's order holds it, and no channel is opened.
What a unit costs is the lease's price, as it was granted.
"""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from assay.proof.eip712 import Domain, address_word, typed_digest, uint_word
from assay.proof.keccak import keccak256
from assay.proof.keys import BadSignature, Key, recover
from assay.schema.errors import Reject
from assay.schema.lease import LeaseFact
from assay.schema.values import address_of
from assay.schema.voucher import VoucherPresented, payable_units

VOUCHER_HASH: Final = keccak256(b"Voucher(string lease,address requester,address provider,uint256 units)")
CHECKED_MAX: Final = 16
"""So many vouchers of a lease are looked at, the highest first: more than one that is false only a liar presents."""


class BadVoucher(Reject):
    """A voucher is not what the requester of this lease signed, or for more than the lease can come to."""

    code = "voucher.bad"
    advice = "Present the requester's own voucher of this very lease."


@dataclass(frozen=True, slots=True)
class Stream:
    """Who owes whom in which lease: two addresses."""

    lease_id: str
    requester: str
    provider: str

    @classmethod
    def of(cls, lease: LeaseFact, requester: str) -> "Stream":
        """The stream of a lease; `requester` is an id."""
        return cls(lease.lease_id, address_of(requester), address_of(lease.provider))


@dataclass(frozen=True, slots=True)
class Voucher:
    """What a requester owes in a stream altogether, signed."""

    units: int
    signature: str


@dataclass(frozen=True, slots=True)
class Till:
    """A provider's side of a stream: what it delivered, and the best voucher that it holds.

    `closed` segments of `segment_units` each are what bounds, with those under way, what it can be paid.
    """

    stream: Stream
    step: int
    segment_units: int
    closed: int = 0
    delivered: int = 0
    best: Voucher | None = None

    @property
    def vouched(self) -> int:
        """What is owed for certain."""
        return self.best.units if self.best else 0

    @property
    def exposure(self) -> int:
        """What was delivered and is not vouched for: never more than a step."""
        return max(0, self.delivered - self.vouched)

    @property
    def most(self) -> int:
        """What may be delivered altogether before a voucher comes, or a segment closes."""
        return payable_units(self.vouched + self.step, self.closed, self.segment_units)

    def deliver(self, units: int) -> "Till":
        """The till after a delivery. Raises Reject if it is not vouched for."""
        if units <= 0 or self.delivered + units > self.most:
            raise Reject(f"{self.delivered} and {units} are more than {self.most}.")
        # Not by `replace`, which takes several times as long, and this is done for each token.
        return Till(self.stream, self.step, self.segment_units, self.closed, self.delivered + units, self.best)

    def close(self) -> "Till":
        """The till after one more segment is closed."""
        return replace(self, closed=self.closed + 1)

    def take(self, domain: Domain, voucher: Voucher) -> "Till":
        """The till with a voucher; one that is not above the best is of no use. Raises BadVoucher, BadSignature."""
        if voucher.units <= self.vouched:
            return self
        check_voucher(domain, self.stream, voucher)
        return replace(self, best=voucher)


@dataclass(frozen=True, slots=True)
class Purse:
    """A requester's side of a stream: what it received, and the last voucher that it gave."""

    stream: Stream
    step: int
    received: int = 0
    last: Voucher | None = None

    @property
    def vouched(self) -> int:
        """What it owes."""
        return self.last.units if self.last else 0

    @property
    def is_due(self) -> bool:
        """Whether the provider should have a voucher before it has to wait for one."""
        return self.received - self.vouched >= max(1, self.step // 2)

    def receive(self, units: int) -> "Purse":
        """The purse after a delivery."""
        return Purse(self.stream, self.step, self.received + max(0, units), self.last)

    def vouch(self, key: Key, domain: Domain) -> "Purse":
        """The purse with a voucher for all that was received."""
        if self.received == self.vouched:
            return self
        return replace(self, last=sign_voucher(key, domain, self.stream, self.received))


def voucher_digest(domain: Domain, stream: Stream, units: int) -> bytes:
    """The 32 bytes that a requester signs to owe so much in a stream."""
    who = keccak256(stream.lease_id.encode()) + address_word(stream.requester) + address_word(stream.provider)
    return typed_digest(domain, VOUCHER_HASH + who + uint_word(units))


def sign_voucher(key: Key, domain: Domain, stream: Stream, units: int) -> Voucher:
    """The voucher of so much, whatever the rules of a purse say."""
    return Voucher(units, key.sign(voucher_digest(domain, stream, units)))


def check_voucher(domain: Domain, stream: Stream, voucher: Voucher) -> None:
    """Nothing, if a voucher counts. Raises BadVoucher, BadSignature."""
    if recover(voucher_digest(domain, stream, voucher.units), voucher.signature) != stream.requester.lower():
        raise BadVoucher("Another key signed it, or it is of another lease.")


def best_of(domain: Domain, requester: str, presented: Iterable[VoucherPresented]) -> VoucherPresented | None:
    """The highest voucher of a lease that its requester (an id) signed, in whatever order they came."""
    highest = sorted(presented, key=lambda each: (each.units, each.signature), reverse=True)
    return next((each for each in highest[:CHECKED_MAX] if is_good(domain, requester, each)), None)


def is_good(domain: Domain, requester: str, said: VoucherPresented) -> bool:
    """Whether the requester (an id) signed it for this very lease."""
    try:
        check_voucher(domain, Stream.of(said, requester), Voucher(said.units, said.signature))
    except (BadVoucher, BadSignature):
        return False
    return True
