"""What a job may cost is held from its requester's deposit; then it is charged, or given back. In SQL, each once.

What was announced for withdrawal is not held: after its notice no epoch can charge it.
"""

from collections.abc import Sequence
from decimal import Decimal

from assay.proof.settlement import Charge, Settlement, charges_of
from assay.settlement import books
from assay.settlement.ledger import FEES, Asset, Entry, Transfer, deposit, earned, fold, hold, job_name, move
from assay.store import Transaction

FREE = """
select a.balance - coalesce(l.amount, 0) from accounts a left join leaving l on a.account = 'deposit:' || l.requester
where a.account = $1 and a.asset = 'stable'
"""
# In the order in which every writer locks them: the ledger's head first.
QUEUE = "select from ledger_head for update"
HELD = """
select t.log, a.balance, e.account from transfers t join entries e using (number)
join accounts a on a.account = t.log where t.log = any($1::text[]) and e.amount < 0
"""
STEPS = """
insert into steps (job_id, part, requester, provider, amount, fee, spent, receipt_digest, at_ms)
select job, part, payer, payee, amount, fee, spent, receipt, $9 from unnest(
    $1::text[], $2::int[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[], $8::bytea[]
) with ordinality as given (job, part, payer, payee, amount, fee, spent, receipt, turn) order by turn
"""


async def free(tx: Transaction, requester: str) -> int:
    """What a requester (an address) can still order for; nothing else is posted until the transaction ends."""
    await tx.execute(QUEUE)
    return int(await tx.fetchval(FREE, deposit(requester)) or 0)


async def take(tx: Transaction, job: str, requester: str, amount: int) -> bool:
    """Whether the amount was there and is held for the job now. Raises ValueError for nothing."""
    if amount <= 0:
        raise ValueError("nothing to hold")
    if await free(tx, requester) < amount:
        return False
    entries = move(Asset.STABLE, amount, deposit(requester), hold(job))
    await books.post(tx, [Transfer(hold(job), "Held", None, entries)])
    return True


async def held(tx: Transaction, jobs: Sequence[str]) -> dict[str, tuple[int, str]]:
    """What is held for each of these jobs, and of whose account, of those where anything is."""
    rows = await tx.fetch(HELD, [hold(job) for job in jobs])
    return {log.partition(":")[2]: (int(balance), payer) for log, balance, payer in rows if balance}


async def give_back(tx: Transaction, job: str) -> int:
    """What was held for the job and is its requester's again."""
    amount, payer = (await held(tx, [job])).get(job, (0, ""))
    if amount:
        entries = move(Asset.STABLE, amount, hold(job), payer)
        await books.post(tx, [Transfer(f"release:{job}", "Released", None, entries)])
    return amount


async def charge(tx: Transaction, settlement: Settlement, now_ms: int) -> int:
    """What goes back to the requester of a job that is charged: what was held and not earned.

    Ledger and steps are written together; the database refuses one without the other.
    """
    job, charges = job_name(settlement.job), charges_of(settlement)
    amount, payer = (await held(tx, [job]))[job]
    back = amount - charges[-1].spent
    entries = entries_of(job, charges) + move(Asset.STABLE, back, hold(job), payer)
    await books.post(tx, [Transfer(f"charge:{job}", "Charged", None, entries)])
    await tx.execute(STEPS, *columns(job, charges), now_ms)
    return back


def entries_of(job: str, charges: Sequence[Charge]) -> tuple[Entry, ...]:
    """What the ledger moves for a job's charges: one line for each account."""
    lines = [
        line
        for each in charges
        for line in (
            *move(Asset.STABLE, each.amount, hold(job), earned(each.provider)),
            *move(Asset.STABLE, each.fee, hold(job), FEES),
        )
    ]
    return tuple(Entry(account, asset, amount) for (account, asset), amount in fold(lines).items())


def columns(job: str, charges: Sequence[Charge]) -> list[list[object]]:
    """The charges as the columns of their steps."""
    rows = [
        (
            *(job, each.part, each.requester.lower(), each.provider.lower()),
            *(Decimal(each.amount), Decimal(each.fee), Decimal(each.spent), each.receipt_digest),
        )
        for each in charges
    ]
    return [list(column) for column in zip(*rows, strict=True)]
