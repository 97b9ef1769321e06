"""What of a bond is locked for disputes: given back to who was right, and taken from who was wrong.

One lock serves all disputes of an epoch that a party is in: a provider accused in many segments at once has to be able
to contest them all. What is locked can leave the vault no sooner than an unbonding takes, and is slashed there
until then.
"""

from collections.abc import Iterable

from assay.store import Transaction

FREE = """
select b.amount - b.promised - coalesce((select sum(l.amount) from bond_locks l where l.address = b.address), 0)
from bonds b where b.address = $1 for update
"""
LOCK = """
insert into bond_locks values ($1, $2, $3)
on conflict (epoch_id, address) do update set amount = bond_locks.amount + excluded.amount
"""
HELD = "select amount from bond_locks where epoch_id = $1 and address = $2"
OPEN = """
select exists (select 1 from disputes d where d.epoch_id = $1 and d.state not in ('wanted', 'ruled')
               and (substr(d.verifier, 2) = $2 or substr(d.lodged ->> 'provider', 2) = $2))
"""


async def locked(tx: Transaction, epoch_id: str, participant: str) -> int:
    """What a participant has locked for the disputes of an epoch."""
    return int(await tx.fetchval(HELD, epoch_id, participant[1:]) or 0)


async def lock(tx: Transaction, epoch_id: str, participant: str, amount: int) -> bool:
    """Whether as much of the participant's bond was free, which is locked then."""
    free = await tx.fetchval(FREE, participant[1:])
    if free is None or free < amount:
        return False
    await tx.execute(LOCK, epoch_id, participant[1:], amount)
    return True


async def pledge(tx: Transaction, epoch_id: str, participant: str, amount: int) -> None:
    """Lock as much for an accuser, once for an epoch: it was drawn with more than that, which unbonding leaves here."""
    sql = "insert into bond_locks values ($1, $2, $3) on conflict do nothing"
    await tx.execute(sql, epoch_id, participant[1:], amount)


async def end(tx: Transaction, epoch_id: str, parties: Iterable[str], wrong: Iterable[str]) -> dict[str, int]:
    """What each party loses, of those that are wrong; who is in no other dispute of the epoch has its bond back."""
    lost = dict[str, int]()
    for participant in parties:
        address = participant[1:]
        if participant not in wrong and await tx.fetchval(OPEN, epoch_id, address):
            continue
        sql = "delete from bond_locks where epoch_id = $1 and address = $2 returning amount"
        amount = int(await tx.fetchval(sql, epoch_id, address) or 0)
        if participant in wrong and amount:
            await tx.execute("update bonds set promised = promised + $2 where address = $1", address, amount)
            lost[participant] = amount
    return lost
