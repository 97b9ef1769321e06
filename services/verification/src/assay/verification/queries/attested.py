"""Attested machines: whose report stands, for which class of machine, and until when."""

from collections.abc import Collection

from assay.schema.attestation import ReportFinding
from assay.schema.offer import OfferListed
from assay.store import Transaction

REMEMBER = """
insert into attested (provider, machine, report, said_ms, until_ms) values ($1, $2, $3, $4, $5)
on conflict (provider) do update set machine = excluded.machine, report = excluded.report,
    said_ms = excluded.said_ms, until_ms = excluded.until_ms
where attested.said_ms <= excluded.said_ms
"""
FORGET = "update attested set said_ms = $2, until_ms = 0 where provider = $1 and said_ms <= $2"
REPORT = "select machine, report from attested where provider = $1 and until_ms > $2"


async def remember(tx: Transaction, listed: OfferListed, said_ms: int) -> None:
    """Keep what a listed offer says of its report, until the offer ends; the later statement stands."""
    found: ReportFinding | None = listed.attestation
    if found and found.stands:
        values = (listed.provider, found.machine, found.report, said_ms, listed.expires_ms)
        await tx.execute(REMEMBER, *values)
    else:
        await tx.execute(FORGET, listed.provider, said_ms)


async def report_of(tx: Transaction, provider: str, machines: Collection[str | None], now_ms: int) -> str | None:
    """The digest of the provider's report, if it stands now and all work was stated to be its machine's."""
    row = await tx.fetchrow(REPORT, provider, now_ms)
    return row["report"] if row and set(machines) == {row["machine"]} else None
