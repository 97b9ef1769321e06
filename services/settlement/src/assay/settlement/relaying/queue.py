"""The SQL of what is relayed: who asked for what and when, and how it fares."""

from typing import Any

from assay.schema.relay import Relay, RelayKind
from assay.settlement.paying.intents import Forward
from assay.store import Transaction

ADD = """
insert into relays (id, requester, what, asked_ms, leaving) values ($1, $2, $3, $4, $5) on conflict do nothing
"""
STATE = """
select i.state, r.code, r.detail, coalesce(r.tx, (
    select '0x' || encode(a.hash, 'hex') from attempts a where a.sender = i.sender and a.nonce = i.nonce
    order by a.at_ms desc, a.max_fee desc limit 1
)) from relays r join intents i on i.kind = 'relay' and i.about = r.id where r.id = $1
"""
ASKED = "select count(*), min(asked_ms) from relays where requester = $1 and asked_ms > $2"
WAITING = "select count(*) from intents where kind = 'relay' and state = 'pending'"
REFUSE = """
with refused as (
    update intents set state = 'refused' where kind = 'relay' and about = $1 and state = 'pending' returning about
)
update relays set code = $2, detail = $3 where id in (select about from refused)
"""
FAIL = """
with failed as (
    update intents set state = 'refused' where kind = 'relay' and sender = $1 and nonce = $2 and state = 'sent'
    returning about
)
update relays set code = 'relay.failed', detail = $3 where id in (select about from failed)
"""
FINISH = """
with done as (
    update intents set state = 'done' where kind = 'relay' and state = 'sent' and (sender, nonce) in (
        select sender, nonce from attempts where hash = $1
    ) returning about
)
update relays set tx = $2 where id in (select about from done)
"""
FORGET = """
with over as (
    delete from intents i using relays r where i.kind = 'relay' and i.about = r.id and r.asked_ms < $1
    and i.state in ('done', 'refused') returning i.about
)
delete from relays where id in (select about from over)
"""


async def add(tx: Transaction, forward: Forward, requester: str, relay: Relay, now_ms: int) -> None:
    """Remember who asked for what."""
    leaving = relay.amount if relay.what is RelayKind.EXIT_AT_ONCE else 0
    await tx.execute(ADD, forward.id, requester, relay.what.value, now_ms, leaving)


async def state(tx: Transaction, id_: str) -> dict[str, Any] | None:
    """How it fares: pending, sent, done or refused, its transaction, and why it was refused; None if it is unknown."""
    row = await tx.fetchrow(STATE, id_)
    return dict(zip(("state", "code", "detail", "tx"), row, strict=True)) if row else None


async def asked_since(tx: Transaction, requester: str, since_ms: int) -> tuple[int, int]:
    """How often a requester asked since then, and when it first did."""
    row = await tx.fetchrow(ASKED, requester, since_ms)
    return (int(row[0]), int(row[1] or since_ms)) if row else (0, since_ms)


async def forget(tx: Transaction, before_ms: int) -> None:
    """What was asked for before this and is over is not known any more."""
    await tx.execute(FORGET, before_ms)


async def waiting(tx: Transaction) -> int:
    """How many wait to be sent."""
    return int(await tx.fetchval(WAITING))


async def refuse(tx: Transaction, forward: Forward, code: str, detail: str) -> None:
    """The contract would not take it: it is not sent."""
    await tx.execute(REFUSE, forward.id, code, detail)


async def fail(tx: Transaction, sender: str, nonce: int) -> None:
    """What this transaction was to do was mined and changed nothing; it is not paid for a second time."""
    await tx.execute(FAIL, sender, nonce, "It was mined and changed nothing: something else came first.")


async def finish(tx: Transaction, tx_hash: str) -> None:
    """What this transaction was to do is done."""
    await tx.execute(FINISH, bytes.fromhex(tx_hash[2:]), tx_hash)
