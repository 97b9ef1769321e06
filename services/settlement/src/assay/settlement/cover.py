"""Whether there is money: an order that clearly is not covered is refused before it costs gas, and an audit waits."""

import asyncio
import logging

from assay.schema.job import JobUnfunded
from assay.schema.values import address_of
from assay.settlement import books, queries
from assay.settlement.desk import POSTPONE_MS, Desk
from assay.settlement.intents import Open, PayAudit
from assay.settlement.ledger import party
from assay.settlement.queries import Intent

log = logging.getLogger(__name__)


async def screen(desk: Desk, intents: list[Intent]) -> list[Intent]:
    """The intents, which are of one kind, but for those that lack the money."""
    kind = intents[0].body.kind if intents else None
    screening = {Open.kind: screen_orders, PayAudit.kind: screen_audits}.get(kind or "")
    return await screening(desk, intents) if screening else intents


async def screen_audits(desk: Desk, intents: list[Intent]) -> list[Intent]:
    """The payments that the fund covers, in their order; the others wait."""
    left, kept = await desk.chain.audit_fund(), 0
    for intent in intents:
        assert isinstance(intent.body, PayAudit)
        left -= intent.body.fee
        if left < 0:
            break
        kept += 1
    if waiting := [intent.position for intent in intents[kept:]]:
        log.warning("%d audits wait for money in the audit fund", len(waiting))
        async with desk.context.store.transaction() as tx:
            await queries.postpone(tx, waiting, desk.context.now() + POSTPONE_MS)
    return intents[:kept]


async def screen_orders(desk: Desk, intents: list[Intent]) -> list[Intent]:
    """The orders but for those whose requester lacks the money: those are refused."""
    requesters = {intent.body.requester for intent in intents if isinstance(intent.body, Open)}
    left = await available(desk, requesters)
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
