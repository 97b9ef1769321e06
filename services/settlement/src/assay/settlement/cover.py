"""Whether a requester can pay: an order that clearly is not covered is refused before it costs gas."""

import asyncio

from assay.schema.job import JobUnfunded
from assay.schema.values import address_of
from assay.settlement import books, queries
from assay.settlement.desk import Desk
from assay.settlement.intents import Open
from assay.settlement.ledger import party
from assay.settlement.queries import Intent


async def screen(desk: Desk, intents: list[Intent]) -> list[Intent]:
    """The intents but for orders whose requester lacks the money: those are refused."""
    requesters = {intent.body.requester for intent in intents if isinstance(intent.body, Open)}
    left = await available(desk, requesters) if requesters else {}
    kept = []
    for intent in intents:
        body = intent.body
        if isinstance(body, Open) and body.price_limit > left[body.requester]:
            await refuse(desk, intent, body, left[body.requester])
            continue
        if isinstance(body, Open):
            left[body.requester] -= body.price_limit
        kept.append(intent)
    return kept


async def available(desk: Desk, requesters: set[str]) -> dict[str, int]:
    """What each can spend, by the chain's head or by the ledger, whichever is more: the contract has the last word."""
    ordered = sorted(requesters)
    accounts = [party(address_of(requester)) for requester in ordered]
    async with desk.context.store.transaction() as tx:
        known = await books.balances(tx, accounts)
    heads = await asyncio.gather(*(desk.chain.balance(address_of(requester)) for requester in ordered))
    places = zip(ordered, accounts, heads, strict=True)
    return {requester: max(head, known.get(account, 0)) for requester, account, head in places}


async def refuse(desk: Desk, intent: Intent, body: Open, left: int) -> None:
    """Tell the requester that the order is not covered."""
    code, reason = "escrow.insufficient", f"{left} of {body.price_limit} are there."
    async with desk.context.unit(intent.cause) as unit:
        if await queries.finish(unit.tx, "refused", [intent.position]):
            unit.emit(JobUnfunded(job_id=body.job_id, requester=body.requester, code=code, reason=reason))
