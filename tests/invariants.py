"""What must hold of every network at rest, whatever happened to it: read from its public events, its chain and one
question to settlement, never from a service's tables.

The functions give sentences about what is wrong; none is right.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from itertools import pairwise
from typing import Any, Final

from assay.bus import connect
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.client.view import ENDS
from assay.devnet.bank import DEPOSIT, FUND, TERMS, stake_of
from assay.devnet.devnet import Devnet
from assay.devnet.holdings import PAYMENT, Holdings, totals
from assay.proof.report import verify
from assay.schema.event import Envelope, Event
from assay.schema.job import JobExecuted, JobFunded, JobRefunded, JobSettled, JobStopped, JobSubmitted
from assay.schema.lease import LeaseCommitted, LeaseGranted, LeasePaid, LeaseVerified
from assay.schema.values import Role, address_of, cost_of
from assay.schema.voucher import VOUCHED_KINDS, VoucherPresented, payable_units

Said = Sequence[Envelope[Event]]
ONCE: Final = (
    *("job.submitted", "job.funded", "job.unfunded", "job.executed", "job.verified", "job.rejected", "job.settled"),
    *("job.refunded", "job.failed", "job.expired", "job.cancelled"),
    *("lease.granted", "lease.started", "lease.executed", "lease.verified", "lease.rejected", "lease.paid"),
    *("lease.slashed", "lease.lapsed", "lease.failed", "lease.released"),
    *("epoch.committed", "epoch.pooled", "epoch.anchored", "epoch.drawn", "epoch.passed"),
    *("epoch.rejected", "epoch.settled"),
    *("audit.upheld", "audit.overruled", "audit.paid"),
)
FEE_PART: Final = 100
"""One in so many of what a lease costs is its fee."""


def wrong_events(said: Said) -> list[str]:
    """What is wrong with a history in which every job should have ended."""
    return [*repeats(said), *open_jobs(said), *money(said), *work(said)]


def repeats(said: Said) -> Iterator[str]:
    """Events that are there twice, by their id or by their effect."""
    for event_id, times in Counter(envelope.id for envelope in said).items():
        if times > 1:
            yield f"event {event_id} came {times} times"
    effects = Counter((envelope.event.type, envelope.event.about) for envelope in said)
    for (kind, about), times in effects.items():
        if kind in ONCE and times > 1:
            yield f"{kind} of {about} was said {times} times"
    segments = Counter((s.event.about, s.event.segment) for s in said if s.event.type == "lease.committed")  # type: ignore[attr-defined]
    for (lease, segment), times in segments.items():
        if times > 1:
            yield f"segment {segment} of {lease} was committed {times} times"


def open_jobs(said: Said) -> Iterator[str]:
    """Jobs that have not ended, or more than once."""
    ended = Counter(envelope.event.about for envelope in said if envelope.event.type in ENDS)
    for submitted in of(said, JobSubmitted):
        if ended[submitted.job_id] != 1:
            yield f"{submitted.job_id} has ended {ended[submitted.job_id]} times"


def money(said: Said) -> Iterator[str]:
    """Payments without proof, of another amount than earned, or that do not add up to what was held."""
    price = {event.lease_id: event.mega_unit_price for event in of(said, LeaseGranted)}
    cost = {event.lease_id: cost_of(event.units, price[event.lease_id]) for event in of(said, LeaseVerified)}
    cost |= vouched(said, price)
    fee = {lease_id: amount // FEE_PART for lease_id, amount in cost.items()}
    earned = {lease_id: amount - fee[lease_id] for lease_id, amount in cost.items()}
    paid: dict[str, int] = {}
    for event in of(said, LeasePaid):
        paid[event.lease_id] = event.amount
        if event.lease_id not in earned:
            yield f"{event.lease_id} was paid without lease.verified"
        elif event.amount != earned[event.lease_id]:
            yield f"{event.lease_id} was paid {event.amount} and earned {earned[event.lease_id]}"
    funded = {event.job_id: event.amount for event in of(said, JobFunded)}
    for closing in (*of(said, JobSettled), *of(said, JobRefunded)):
        out = {payout.lease_id: payout.amount for payout in closing.payouts}
        if any(paid.get(lease_id) != amount for lease_id, amount in out.items() if amount):
            yield f"{closing.job_id}: its payouts {out} are not what its leases were paid"
        fees = {payout.lease_id: payout.fee for payout in closing.payouts}
        if fees != {lease_id: fee.get(lease_id, 0) for lease_id in out} or closing.fee != sum(fees.values()):
            yield f"{closing.job_id}: {closing.fee} is not the fee of {out}"
        if closing.audited != sum(each.amount for each in closing.verifiers):
            yield f"{closing.job_id}: {closing.audited} is not what its verifiers earned"
        if sum(out.values()) + closing.fee + closing.audited + closing.refunded != funded[closing.job_id]:
            yield f"{closing.job_id}: {out}, {closing.fee} and {closing.refunded} are not what was held"


def vouched(said: Said, price: Mapping[str, int]) -> dict[str, int]:
    """What each lease that is paid by vouchers cost: the price of one of those that were handed in, or nothing.

    One that came after the job was charged is too late, so it need not be the highest.
    """
    units = {
        event.job_id: event.spec.segment_units for event in of(said, JobSubmitted) if event.spec.kind in VOUCHED_KINDS
    }
    closed = Counter(event.lease_id for event in of(said, LeaseCommitted))
    paid = {event.lease_id: event.amount for event in of(said, LeasePaid)}
    costs = {event.lease_id: 0 for event in of(said, LeaseVerified) if event.job_id in units}
    for event in sorted(of(said, VoucherPresented), key=lambda each: each.units):
        most = payable_units(event.units, closed[event.lease_id], units[event.job_id])
        cost = cost_of(most, price[event.lease_id])
        if paid.get(event.lease_id) == cost - cost // FEE_PART:
            costs[event.lease_id] = cost
    return costs


def work(said: Said) -> Iterator[str]:
    """Segments that two leases of a job are credited with, gaps between them, or fewer than the job has."""
    plans = {event.job_id: event.spec.segments for event in of(said, JobSubmitted)}
    for stopped in of(said, JobStopped):
        shares = sorted((s.first_segment, s.first_segment + s.segments) for s in stopped.leases if s.segments)
        if any(before[1] != after[0] for before, after in pairwise(shares)) or (shares and shares[0][0] != 0):
            yield f"{stopped.job_id}: the shares {shares} overlap or leave a gap"
        if isinstance(stopped, JobExecuted) and shares[-1][1] != plans[stopped.job_id]:
            yield f"{stopped.job_id}: it was executed with {shares} of {plans[stopped.job_id]} segments"


def of(said: Said, kind: type[Any]) -> list[Any]:
    """The events of a kind."""
    return [envelope.event for envelope in said if isinstance(envelope.event, kind)]


def about(said: Said, jobs: Collection[str]) -> Said:
    """What was said of these jobs."""
    return [envelope for envelope in said if getattr(envelope.event, "job_id", None) in jobs]


def held(said: Said) -> dict[str, int]:
    """What must be left in each requester's deposit for its jobs that are funded and have not ended, by its address."""
    ended = {envelope.event.about for envelope in said if envelope.event.type in ENDS}
    sums: Counter[str] = Counter()
    for event in of(said, JobFunded):
        sums[address_of(event.requester)] += 0 if event.job_id in ended else event.amount
    return sums


def wrong_money(devnet: Devnet, rows: Holdings, said: Said) -> Iterator[str]:
    """What is wrong with the tokens on chain: some appeared or vanished, are nobody's, or do not cover what is held."""
    made = {"stable": FUND, "native": TERMS.bond}
    for party in devnet.parties.values():
        is_requester = party.role is Role.REQUESTER
        made["stable" if is_requester else "native"] += 2 * DEPOSIT if is_requester else stake_of(party)
    if totals(rows) != made:
        yield f"{made} was minted, {totals(rows)} is there"
    if rows[PAYMENT]["stable"]:
        yield f"{rows[PAYMENT]['stable']} in Payment is nobody's"
    for name, address in devnet.people.items():
        if held(said)[address.lower()] > rows[name]["deposit"]:
            yield f"{held(said)} is held, and {rows[name]['deposit']} in the deposit of {name}"
    yield from (f"{name} has {row}" for name, row in rows.items() if min(row.values()) < 0)


async def wrong_ledger(devnet: Devnet, since_ms: int, within_s: float = 120.0) -> list[str]:
    """The drift between settlement's ledger and the chain, by a reconciliation later than `since_ms`."""
    profile = Profile.load(devnet.places.data / "operator")
    bus = await connect(profile.nats_url, profile.creds_file, "invariants")
    try:
        async with asyncio.timeout(within_s):
            while True:
                answer = json.loads((await bus.ask("assay.ask.settlement.balances", b"{}")).data)
                if (answer["checked_ms"] or 0) > since_ms and answer["drift"] == 0:
                    return []
                await asyncio.sleep(0.1)
    except TimeoutError:
        return [f"the ledger drifts: {answer['drift']}, checked {answer['checked_ms'] - since_ms} ms after the end"]
    finally:
        await bus.close()


async def wrong_receipts(assay: Assay, closings: Iterable[JobSettled | JobRefunded], operator: str) -> list[str]:
    """The receipts that anyone would find wrong."""
    faults = []
    for closing in closings:
        sealed = (await assay.door.blobs.get(closing.receipt)).decode()
        report = verify(sealed, operator)
        faults += [f"receipt of {closing.job_id}: {check.name}: {check.sentence}" for check in report.faults]
    return faults
