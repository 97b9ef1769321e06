"""The SQL of what is sent: nonces, signed bytes, and the intents that each transaction carries."""

from collections.abc import Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from assay.chain.values import Fees, SignedTransaction
from assay.settlement.batches import Batch
from assay.settlement.paying.intents import PAYMENT_KINDS
from assay.settlement.rewarding.intents import Reward
from assay.settlement.slashing.intents import SLASHING_KINDS
from assay.store import Transaction

# A node that counts too far would leave a gap in which all that is sent later waits for ever. So it is believed only
# where nothing was sent yet, or where somebody else had the last nonce.
NEXT_NONCE = """
select coalesce((
    select greatest(nonce + 1, case state when 'void' then $2::bigint end) from transactions where sender = $1
    order by nonce desc limit 1
), $2)
"""
SENT = """
select nonce, kind, target, call, gas, array_agg(hash order by at_ms, max_fee) as hashes,
    (array_agg(raw order by at_ms desc, max_fee desc))[1] as raw,
    max(max_fee) as max_fee, max(max_priority) as max_priority, max(at_ms) as at_ms, created_ms
from transactions join attempts using (sender, nonce)
where sender = $1 and state = 'sent' group by sender, nonce order by nonce
"""
OWN = """
select a.hash, a.sender, a.nonce, t.state, (
    select count(*) from intents i where i.sender = a.sender and i.nonce = a.nonce
) as members, t.kind
from attempts a join transactions t using (sender, nonce) where a.hash = any($1::bytea[])
"""
CLAIM = """
update intents set state = 'sent', sender = $1, nonce = $2 where position = any($3::bigint[]) and state = 'pending'
"""
RELEASE = """
update intents set state = 'pending', not_before_ms = $3 where sender = $1 and nonce = $2 and state = 'sent'
"""
REOPEN = """
update intents set state = case when exists (
    select from transactions t where (t.sender, t.nonce) = (intents.sender, intents.nonce) and t.block > $1
) then 'sent' else 'pending' end, done_block = null
where state = 'done' and done_block > $1 and kind = any($2::text[])
"""
VOID_BEFORE = """
select exists (select from transactions where sender = $1 and state = 'void' and nonce < (
    select max(nonce) from transactions where sender = $1 and state = 'sent'
))
"""
END = "update transactions set state = $3, block = $4 where sender = $1 and nonce = $2 and state = 'sent'"


@dataclass(frozen=True, slots=True)
class Sent:
    """A transaction that is not final: its latest bytes and fees, and the hash of each attempt, oldest first.

    Attempted last at `at_ms`, first at `since_ms`.
    """

    nonce: int
    batch: Batch
    hashes: tuple[bytes, ...]
    raw: bytes
    fees: Fees
    at_ms: int
    since_ms: int


@dataclass(frozen=True, slots=True)
class Own:
    """A transaction of ours that the chain shows: its nonce, and how many intents it carries."""

    sender: str
    nonce: int
    state: str
    members: int
    kind: str


async def next_nonce(tx: Transaction, sender: str, floor: int) -> int:
    """The nonce after the last one that was used, `floor` being what the chain counts."""
    return int(await tx.fetchval(NEXT_NONCE, sender, floor))


async def claim(tx: Transaction, sender: str, nonce: int, positions: Sequence[int]) -> bool:
    """Whether all of these intents were waiting, and now belong to the transaction of this nonce."""
    tag = await tx.execute(CLAIM, sender, nonce, list(positions))
    return tag == f"UPDATE {len(positions)}"


async def add_transaction(tx: Transaction, sender: str, nonce: int, batch: Batch, now_ms: int) -> None:
    """Use a nonce. The database refuses to use it twice."""
    sql = "insert into transactions (sender, nonce, kind, target, call, gas, created_ms) values ($1,$2,$3,$4,$5,$6,$7)"
    await tx.execute(sql, sender, nonce, batch.kind, batch.target, batch.call, batch.gas, now_ms)


async def add_attempt(tx: Transaction, sender: str, signed: SignedTransaction, fees: Fees, now_ms: int) -> None:
    """Keep signed bytes, before they are sent."""
    sql = "insert into attempts (hash, sender, nonce, raw, max_fee, max_priority, at_ms) values ($1,$2,$3,$4,$5,$6,$7)"
    money = (Decimal(fees.max_fee), Decimal(fees.max_priority))
    await tx.execute(sql, signed.hash, sender, signed.nonce, signed.raw, *money, now_ms)


async def sent(tx: Transaction, sender: str) -> list[Sent]:
    """The transactions that are not final, by nonce."""
    return [_sent(row) for row in await tx.fetch(SENT, sender)]


async def own(tx: Transaction, hashes: Sequence[bytes]) -> dict[bytes, Own]:
    """Those of these transactions that are ours."""
    return {bytes(row[0]): Own(*row[1:]) for row in await tx.fetch(OWN, list(hashes))}


async def end(tx: Transaction, sender: str, nonce: int, state: str, block: int | None, not_before_ms: int = 0) -> None:
    """The transaction is over; intents that it did not answer wait again, not to be sent before a time."""
    await tx.execute(END, sender, nonce, state, block)
    await tx.execute(RELEASE, sender, nonce, not_before_ms)


async def end_idle(tx: Transaction, sender: str, nonce: int, block: int) -> None:
    """The transaction is over and there was nothing left to do: somebody else had done it, in this block or before."""
    sql = "update intents set state = 'done', done_block = $3 where sender = $1 and nonce = $2 and state = 'sent'"
    await tx.execute(sql, sender, nonce, block)
    await tx.execute(END, sender, nonce, "final", block)


async def reopen(tx: Transaction, after_block: int) -> None:
    """What a fork took off the chain is to be sent again; if that fails, all but what the docket answers waits."""
    kinds = [kind.kind for kind in (*PAYMENT_KINDS, *SLASHING_KINDS, Reward)]
    await tx.execute(REOPEN, after_block, kinds)
    sql = "update transactions set state = 'sent', block = null where state in ('final', 'failed') and block > $1"
    await tx.execute(sql, after_block)


async def is_any_void_before(tx: Transaction, sender: str) -> bool:
    """Whether a transaction was given up whose nonce lies before that of one that is under way."""
    return bool(await tx.fetchval(VOID_BEFORE, sender))


async def revive(tx: Transaction, sender: str, nonce: int) -> None:
    """Send what was given up because its nonce seemed taken, where the nonce is free again."""
    sql = "update transactions set state = 'sent' where sender = $1 and nonce >= $2 and state = 'void'"
    await tx.execute(sql, sender, nonce)


def _sent(row: Any) -> Sent:
    batch = Batch(row["kind"], row["target"], row["call"], row["gas"])
    fees = Fees(int(row["max_fee"]), int(row["max_priority"]))
    return Sent(
        row["nonce"], batch, tuple(map(bytes, row["hashes"])), row["raw"], fees, row["at_ms"], row["created_ms"]
    )
