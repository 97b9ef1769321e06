"""A receipt as read: every signed statement checked and decoded, with the faults found on the way."""

import base64
import binascii
from collections.abc import Iterator
from dataclasses import dataclass

from assay.proof.eip712 import Domain
from assay.proof.provenance_said import SaidPart
from assay.proof.receipt import LeasePart, Predicate, Statement
from assay.proof.statement import check_raw
from assay.schema.errors import AssayError
from assay.schema.event import Event, decode
from assay.schema.job import JobSubmitted
from assay.schema.lease import LeaseCommitted, LeaseExecuted
from assay.schema.voucher import VoucherPresented


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was checked: its name says where, its sentence says what was found."""

    name: str
    passed: bool
    sentence: str


@dataclass(frozen=True, slots=True)
class LeaseReading:
    """One lease and the statements of it that are genuine."""

    part: LeasePart
    commits: tuple[LeaseCommitted, ...]
    executed: LeaseExecuted | None
    doubled: tuple[LeaseCommitted, ...] = ()
    voucher: VoucherPresented | None = None

    @property
    def name(self) -> str:
        return f"lease {self.part.lease_id}"


@dataclass(frozen=True, slots=True)
class Reading:
    """A statement and what it proves by itself; `order` is None if the requester did not sign it."""

    statement: Statement
    order: JobSubmitted | None
    leases: tuple[LeaseReading, ...]

    @property
    def predicate(self) -> Predicate:
        return self.statement.predicate


def read(statement: Statement) -> tuple[Reading, list[Check]]:
    """The reading of a statement, and one check for each signature in it."""
    predicate, checks = statement.predicate, []
    domain = predicate.deployment.domain
    order, check = read_said("order: signature", predicate.order, domain)
    checks.append(check)
    leases = []
    for part in predicate.leases:
        events = []
        for place, said in enumerate(part.said):
            event, check = read_said(f"lease {part.lease_id}, statement {place}: signature", said, domain)
            events.append(event)
            checks.append(check)
        twice = [
            read_said(f"lease {part.lease_id}, doubled {at}: signature", s, domain) for at, s in enumerate(part.doubled)
        ]
        checks.extend(check for _, check in twice)
        leases.append(lease_reading(part, events, [event for event, _ in twice]))
    return Reading(statement, order if isinstance(order, JobSubmitted) else None, tuple(leases)), checks


def lease_reading(part: LeasePart, events: list[Event | None], doubled: list[Event | None]) -> LeaseReading:
    """The genuine statements of a lease, sorted out by what they are."""
    commits = tuple(event for event in events if isinstance(event, LeaseCommitted))
    executed = [event for event in events if isinstance(event, LeaseExecuted)]
    twice = tuple(event for event in doubled if isinstance(event, LeaseCommitted))
    vouchers = [event for event in events if isinstance(event, VoucherPresented)]
    end = executed[0] if len(executed) == 1 else None
    return LeaseReading(part, commits, end, twice, vouchers[0] if len(vouchers) == 1 else None)


def read_said(name: str, said: SaidPart, domain: Domain) -> tuple[Event | None, Check]:
    """The event that was said, if its speaker signed it."""
    try:
        data = decode_base64(said.data)
        check_raw(said.headers(), data, domain)
        event = decode(said.headers(), data).event
    except AssayError as error:
        return None, Check(name, False, f"{said.type} {said.id}: {error.detail or error.code}")
    return event, Check(name, True, f"{said.type} was signed by {said.source}.")


def decode_base64(text: str) -> bytes:
    """The bytes of base64 in its one form; anything else reads as what nobody signed."""
    try:
        raw = base64.b64decode(text, validate=True)
    except (binascii.Error, ValueError):
        return b""
    return raw if base64.b64encode(raw).decode() == text else b""


def verdict(name: str, faults: Iterator[str], good: str) -> Check:
    """One check out of the faults found, if any."""
    found = list(faults)
    return Check(name, not found, " ".join(found) or good)
