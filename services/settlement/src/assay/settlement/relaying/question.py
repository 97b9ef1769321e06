"""The question by which requesters have something sent, and then learn how it fares: the same one, asked again."""

from typing import Any

from assay.chain.payment.encode import encode_withdraw
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.relayed import encode_relay
from assay.proof.eip712 import Domain
from assay.runtime.context import Context
from assay.schema.errors import Refused
from assay.schema.relay import Relay, RelayKind
from assay.settlement import queries
from assay.settlement.paying.intents import Forward, written
from assay.settlement.questions import address_in, standing_of
from assay.settlement.relaying import checks, open_matters, queue
from assay.store import Transaction


async def relay(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """How what a requester (`of`: its id) asks for (`relay`) fares: `pending`, `sent`, `done` or `refused`.

    Asked for the first time it is checked and queued; asked again it is not sent again.
    Raises Refused: event.malformed, relay.expired, relay.forged, relay.exceeded, relay.busy, wallet.open.
    """
    requester, asked = address_in(body.get("of")), checks.read(body.get("relay"))
    name = checks.name_of(requester, asked)
    async with context.store.transaction() as tx:
        if (known := await queue.state(tx, name)) is not None:
            return known
        ports, now_ms = context.service.ports(tx, context), context.now()
        checks.check(asked, requester, ports.domain, now_ms // 1000)
        checks.check_rate(await queue.asked_since(tx, requester, now_ms - checks.DAY_MS), ports.relays_per_day, now_ms)
        if asked.what is RelayKind.EXIT_AT_ONCE:
            await open_matters.demand_none(tx, requester, now_ms // 1000)
        if await queue.waiting(tx) >= checks.WAITING_MAX:
            raise Refused("relay.busy")
        forward = Forward(id=name, content=written(await call_of(tx, ports.domain, requester, asked)))
        await queue.add(tx, forward, requester, asked, now_ms)
        await queries.want(tx, forward, name)
        tx.on_commit(ports.bell.ring)
        return await queue.state(tx, name) or {}


async def call_of(tx: Transaction, domain: Domain, requester: str, asked: Relay) -> bytes:
    """The call of Payment that does it."""
    if asked.what is not RelayKind.WITHDRAW:
        return encode_relay(requester, asked)
    now = await standing_of(tx, domain, requester)
    return encode_withdraw(now.last, now.after or NO_EPOCH, now.leaf)
