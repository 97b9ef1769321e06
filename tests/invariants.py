"""What must hold of every network at rest, whatever happened to it: read from its public events, its chain and one
question to settlement, never from a service's tables.

The functions give sentences about what is wrong; none is right.
"""

import asyncio
import json
from collections import Counter
from collections.abc import Collection, Iterable, Iterator, Sequence
from itertools import pairwise
from typing import Any, Final

from assay.bus import connect
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.devnet.bank import DEPOSIT, FUND, STAKE_PER_SLOT, balances, totals
from assay.devnet.devnet import Devnet
from assay.proof.report import verify
from assay.schema.event import Envelope, Event
from assay.schema.job import JobExecuted, JobFunded, JobRefunded, JobSettled, JobStopped, JobSubmitted
from assay.schema.lease import LeaseGranted, LeasePaid, LeaseVerified
from assay.schema.values import Role, cost_of

Said = Sequence[Envelope[Event]]
ONCE: Final = (
    *("job.submitted", "job.funded", "job.unfunded", "job.executed", "job.verified", "job.rejected", "job.settled"),
    *("job.refunded", "job.failed", "job.expired", "job.cancelled"),
    *("lease.granted", "lease.started", "lease.executed", "lease.verified", "lease.rejected", "lease.paid"),
    *("lease.slashed", "lease.lapsed", "lease.failed", "lease.released"),
    *("epoch.committed", "epoch.anchored", "epoch.drawn", "epoch.passed", "epoch.rejected", "epoch.settled"),
    *("audit.upheld", "audit.overruled", "audit.paid"),
)
FEE_PART: Final = 100
"""One in so many of what a lease costs goes to the audit fund."""
ENDS: Final = ("job.settled", "job.refunded", "job.unfunded")


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
    """Payments without proof, of another amount than earned, or that do not add up to what was locked."""
    price = {event.lease_id: event.mega_unit_price for event in of(said, LeaseGranted)}
    cost = {event.lease_id: cost_of(event.units, price[event.lease_id]) for event in of(said, LeaseVerified)}
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
        if closing.fee != sum(fee.get(lease_id, 0) for lease_id in out):
            yield f"{closing.job_id}: {closing.fee} is not the fee of {out}"
        if sum(out.values()) + closing.fee + closing.audited + closing.refunded != funded[closing.job_id]:
            yield f"{closing.job_id}: {out}, {closing.fee} and {closing.refunded} are not what was locked"


def work(said: Said) -> Iterator[str]:
    """Segments that two leases of a job are credited with, gaps between them, or fewer than the job has."""
    plans = {event.job_id: event.spec.segments for event in of(said, JobSubmitted)}
    for stopped in (envelope.event for envelope in said if isinstance(envelope.event, JobStopped)):
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


def locked(said: Said) -> int:
    """What the escrow must hold for jobs that are funded and have not ended."""
    ended = {envelope.event.about for envelope in said if envelope.event.type in ENDS}
    return sum(event.amount for event in of(said, JobFunded) if event.job_id not in ended)


async def wrong_money(devnet: Devnet, locked_in_escrow: int) -> list[str]:
    """What is wrong with the tokens on chain, while nothing but this is locked for jobs."""
    rows = await balances(devnet.chain, list(devnet.parties.values()))
    made = {"stable": FUND, "native": 0}
    for party in devnet.parties.values():
        is_requester = party.role is Role.REQUESTER
        made["stable" if is_requester else "native"] += (
            2 * DEPOSIT if is_requester else 2 * STAKE_PER_SLOT * party.terms.slots
        )
    faults = [] if totals(rows) == made else [f"{made} was minted, {totals(rows)} is there"]
    if rows["escrow contract"]["stable"] != locked_in_escrow:
        faults.append(f"{rows['escrow contract']['stable']} is locked in escrow, {locked_in_escrow} for open jobs")
    return faults + [f"{name} has {row}" for name, row in rows.items() if min(row.values()) < 0]


async def wrong_ledger(devnet: Devnet, since_ms: int, within_s: float = 20.0) -> list[str]:
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
