"""Why payment stands still, kept where every replica's readiness can read it."""

from assay.store import Transaction

REASON = "select reason from stall"


async def show(tx: Transaction, reason: str) -> str:
    """The reason that was shown before (empty: none), in place of which this one stands from now on."""
    before = await tx.fetchval(REASON)
    if not reason:
        await tx.execute("delete from stall")
    elif reason != before:
        sql = "insert into stall (reason) values ($1) on conflict (only_row) do update set reason = excluded.reason"
        await tx.execute(sql, reason)
    return str(before or "")


async def reason_of(tx: Transaction) -> str:
    """Why nothing is posted; empty if all is well."""
    return str(await tx.fetchval(REASON) or "")
