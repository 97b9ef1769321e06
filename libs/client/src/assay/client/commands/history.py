"""What moved an address's money: deposits, withdrawals and payments by the chain, charges and earnings by its feed."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Any, Final

import typer

from assay.chain import Chain
from assay.chain.payment import events as payment
from assay.client import output
from assay.client.commands.sending import opened
from assay.client.output import Output
from assay.client.profile import Profile
from assay.client.sdk import Assay
from assay.schema.audit import AuditPaid
from assay.schema.event import Envelope, Event, decode
from assay.schema.job import Closing, JobFunded, JobRefunded, JobSettled
from assay.schema.lease import LeasePaid

Moved = tuple[str, int, str]
"""What happened, how much it moved, and which job, lease or audit it is about."""

ON_CHAIN: Final[Mapping[type[Any], tuple[str, str]]] = {
    payment.Deposited: ("deposited", "requester"),
    payment.Leaving: ("leaving", "requester"),
    payment.Withdrawn: ("withdrawn", "requester"),
    payment.Paid: ("paid out", "provider"),
}
"""What each log of Payment is called, and the field that names whose money it moved."""


@dataclass(frozen=True, slots=True)
class Line:
    """One move of money, in base units of the stable token."""

    time_ms: int
    what: str
    amount: int
    about: str


def show(context: typer.Context) -> None:
    """Show what moved the profile's money, oldest first."""

    async def work(out: Output) -> None:
        async with opened(out) as (chain, key), Assay.connect(Profile.find(out.profile)) as assay:
            lines = [line async for line in told_lines(assay)] + await chain_lines(chain, key.address)
        lines.sort(key=lambda line: line.time_ms)
        rows = [
            (output.moment(line.time_ms // 1000), line.what, output.stable(line.amount), line.about) for line in lines
        ]
        columns = ("time", "what", "amount", "about")
        out.show([asdict(line) for line in lines], lambda: output.table(key.address, columns, rows))

    output.run(context, work)


async def chain_lines(chain: Chain, address: str) -> list[Line]:
    """What the logs of Payment say of an address."""
    logged = await chain.events(chain.deployment.deployed_block, (await chain.block()).number)
    own = [(each, *ON_CHAIN[type(each.event)]) for each in logged if type(each.event) in ON_CHAIN]
    own = [(each, what, whose) for each, what, whose in own if getattr(each.event, whose).lower() == address.lower()]
    blocks = sorted({each.block_number for each, _, _ in own})
    times = dict(zip(blocks, await asyncio.gather(*map(chain.block, blocks)), strict=True))
    return [
        Line(times[each.block_number].timestamp * 1000, what, each.event.amount, f"0x{each.tx_hash.hex()}")  # type: ignore[union-attr]
        for each, what, _ in own
    ]


async def told_lines(assay: Assay) -> AsyncIterator[Line]:
    """What the network told this participant of its money."""
    after = 0
    while items := await assay.door.replay(after):
        for item in items:
            after = item.seq
            said = decode(item.headers, item.data)
            for moved in moves_of(said):
                yield Line(said.time_ms, *moved)


def moves_of(said: Envelope[Event]) -> list[Moved]:
    """What an event says of the money of whom it is told."""
    rule = RULES.get(type(said.event))
    return [moved for moved in rule(said.event) if moved[1]] if rule else []


def _closed(event: Closing) -> list[Moved]:
    cost = sum(payout.amount for payout in event.payouts) + event.fee + event.audited
    return [("charged", cost, event.job_id), ("given back", event.refunded, event.job_id)]


RULES: Final[Mapping[type[Event], Callable[[Any], list[Moved]]]] = {
    JobFunded: lambda event: [("held", event.amount, event.job_id)],
    JobSettled: _closed,
    JobRefunded: _closed,
    LeasePaid: lambda event: [("earned", event.amount, event.lease_id)],
    AuditPaid: lambda event: [("earned", event.amount, event.audit_id)],
}
