"""What settlement answers when asked."""

from dataclasses import dataclass
from typing import Any

from assay.chain.payment.shapes import NO_EPOCH
from assay.proof.eip712 import Domain
from assay.proof.settlement import Posted
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch
from assay.runtime.context import Context
from assay.schema.errors import Refused
from assay.schema.values import address_of
from assay.settlement import credits
from assay.settlement.finality import reason_of
from assay.settlement.ledger import Asset, backing, deposit, earned, hold, stake, unbonding
from assay.settlement.paying import epochs, holds, tree
from assay.store import Transaction

ACCOUNTS = "select account, asset, balance from accounts where account = any($1::text[])"
HELD = """
select distinct on (came.account) a.account, a.balance
from entries left_ join entries came using (number) join accounts a on a.account = came.account
where left_.account = 'deposit:' || $1 and left_.amount < 0 and came.account like 'hold:%' and came.amount > 0
    and a.balance > 0
"""
ORDERS = "select job_id, amount from awaiting where requester = $1 order by position limit 100"
LEAVING = "select amount, cutoff from leaving where requester = $1 and amount > 0"
STRUCK = """
select distinct job_id, case when until_s < $2 then 'late' else reason end
from struck join struck_steps using (job_id) where requester = $1
"""
TOTALS = """
select case when account like '%:%' then split_part(account, ':', 1) else account end as kind, asset, sum(balance)
from accounts group by kind, asset order by kind, asset
"""
DRIFT = "select coalesce(sum(abs(drift)), 0), max(checked_ms) from checks"


@dataclass(frozen=True, slots=True)
class Standing:
    """An account's place and leaf in the last final epoch (NO_EPOCH before there is one), and the epoch after that."""

    place: int
    last: Posted
    after: Posted | None
    leaf: Leaf


async def balances(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """What one participant has in the ledger (`of`: its id), or, without `of`, the totals and the drift."""
    if body.get("of") is not None:
        return await _balances_of(context, body["of"])
    async with context.store.transaction() as tx:
        totals = [{"kind": row[0], "asset": row[1], "amount": int(row[2])} for row in await tx.fetch(TOTALS)]
        row = await tx.fetchrow(DRIFT)
    drift, checked_ms = row or (0, None)
    return {"totals": totals, "drift": int(drift), "checked_ms": checked_ms}


async def leaf(context: Context, body: dict[str, Any]) -> dict[str, Any]:
    """What an account (`of`: its id) is credited and debited in the last final epoch, with the branch that proves it.

    By it the account claims what it earned, and withdraws, without any more help. `next` is the epoch after that.
    """
    account = address_in(body.get("of"))
    async with context.store.reading() as tx:
        now = await standing_of(tx, context.service.ports(tx, context).domain, account)
    found = now.leaf
    return {
        "account": account,
        "place": now.place,
        "credit": found.credit,
        "debit": found.debit,
        "mask": found.branch.mask,
        "siblings": [
            {"hash": node.hash.hex(), "credits": node.credits, "debits": node.debits} for node in found.branch.siblings
        ],
        "epoch": plain(now.last),
        "next": plain(now.after) if now.after else None,
    }


async def standing_of(tx: Transaction, domain: Domain, account: str) -> Standing:
    """Where an account stands in the last final epoch."""
    payment = await epochs.last(tx, "final")
    end = payment.first_step + payment.steps if payment else 1
    book = await tree.book_before(tx, domain, end)
    later = await epochs.standing(tx, [payment.number + 1 if payment else 1])
    found = book.leaf(account) if account in book.places else Leaf(account, 0, 0, Branch(0, ()))
    after = later[0].posted if later and later[0].posted_at is not None else None
    return Standing(book.places.get(account, 0), payment.posted if payment else NO_EPOCH, after, found)


def plain(epoch: Posted) -> dict[str, Any]:
    """An epoch as `payment.posted` says it."""
    state = {"root": epoch.state.hash.hex(), "credits": epoch.state.credits, "debits": epoch.state.debits}
    steps = {"steps": epoch.steps, "steps_root": epoch.steps_root.hex()}
    return {"number": epoch.number, "posted_at": epoch.posted_at, "poster": epoch.poster} | steps | state


async def _balances_of(context: Context, participant: object) -> dict[str, Any]:
    address = address_in(participant)
    names = {"deposit": deposit(address), "stake": stake(address), "unbonding": unbonding(address)}
    names["earned"] = earned(address)
    async with context.store.reading() as tx:
        known = {account: int(balance) for account, _, balance in await tx.fetch(ACCOUNTS, list(names.values()))}
        held = {account[len(hold("")) :]: int(amount) for account, amount in await tx.fetch(HELD, address)}
        exit_ = await tx.fetchrow(LEAVING, address)
        struck = {row[0]: row[1] for row in await tx.fetch(STRUCK, address, context.now() // 1000)}
        limits = context.service.ports(tx, context).limits
        free, later = await holds.standing(tx, address, limits[Asset.STABLE])
        kinds = {"waiting_stake": stake(address), "waiting_backing": backing(address)}
        stakes = {name: await credits.waiting_of(tx, account, limits[Asset.NATIVE]) for name, account in kinds.items()}
        orders = await tx.fetch(ORDERS, participant)
    awaiting = {job: lack for job, amount in orders if (lack := reason_of(int(amount) - free, later))}
    leaving = {"amount": int(exit_[0]), "cutoff_s": exit_[1]} if exit_ else None
    found = {name: known.get(account, 0) for name, account in names.items()}
    told = {"held": held, "struck": struck, "leaving": leaving, "awaiting": awaiting}
    later_by = {"waiting": later._asdict()} | {name: each._asdict() for name, each in stakes.items()}
    return {"of": participant, "address": address} | told | later_by | found


def address_in(participant: object) -> str:
    """The address of a participant's id. Raises Refused: event.malformed."""
    try:
        return address_of(str(participant))
    except ValueError:
        raise Refused("event.malformed", "of: it is no participant's id.") from None
