"""What settlement answers when asked."""

from typing import Any

from assay.runtime.context import Context
from assay.schema.errors import Refused
from assay.schema.values import address_of
from assay.settlement.ledger import party, stake, unbonding

ACCOUNTS = "select account, asset, balance from accounts where account = any($1::text[])"
LOCKED = """
select distinct on (came.account) a.account, a.balance
from entries left_ join entries came using (number) join accounts a on a.account = came.account
where left_.account = $1 and left_.amount < 0 and came.account like 'escrow:%' and came.amount > 0 and a.balance > 0
"""
TOTALS = """
select case when account like '%:%' then split_part(account, ':', 1) else account end as kind, asset, sum(balance)
from accounts group by kind, asset order by kind, asset
"""
DRIFT = "select coalesce(sum(abs(drift)), 0), max(checked_ms) from checks"


async def balances(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """What one participant has in the ledger (`of`: its id), or, without `of`, the totals and the drift."""
    if body.get("of") is not None:
        return await _balances_of(context, body["of"])
    async with context.store.transaction() as tx:
        totals = [{"kind": row[0], "asset": row[1], "amount": int(row[2])} for row in await tx.fetch(TOTALS)]
        row = await tx.fetchrow(DRIFT)
    drift, checked_ms = row or (0, None)
    return {"totals": totals, "drift": int(drift), "checked_ms": checked_ms}


async def _balances_of(context: Context, participant: object) -> dict[str, Any]:
    try:
        address = address_of(str(participant))
    except ValueError:
        raise Refused("event.malformed", "of: it is no participant's id.") from None
    names = {"available": party(address), "stake": stake(address), "unbonding": unbonding(address)}
    async with context.store.transaction() as tx:
        held = {account: int(balance) for account, _, balance in await tx.fetch(ACCOUNTS, list(names.values()))}
        locked = {account.partition(":")[2]: int(amount) for account, amount in await tx.fetch(LOCKED, party(address))}
    return {"of": participant, "address": address, "locked": locked} | {
        name: held.get(account, 0) for name, account in names.items()
    }
