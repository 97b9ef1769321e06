"""What a job may cost is held from its requester's deposit; then it is charged, or given back. In SQL, each once.

What was announced for withdrawal is not held: after its notice no epoch can charge it. Nor is what the chain may still
take back, but for a little (`finality`).
"""

from collections.abc import Sequence
from decimal import Decimal

from assay.proof.settlement import Charge, Settlement, charges_of
from assay.settlement import books, credits
from assay.settlement.finality import NOTHING, UNLIMITED, Limits, Waiting, reason_of
from assay.settlement.ledger import FEES, Asset, Entry, Transfer, deposit, earned, fold, hold, job_name, move
from assay.store import Transaction

FREE = """
select a.balance - greatest(coalesce(l.amount, 0), coalesce(c.amount, 0)) from accounts a
left join leaving l on a.account = 'deposit:' || l.requester
left join consented c on a.account = 'deposit:' || c.requester
where a.account = $1 and a.asset = 'stable'
"""
# What epochs that are posted from a time on lack of what was held from a requester, since that was announced to leave
# by then, or has left.
SHORTAGES = """
select substr(a.account, 9), case when l.cutoff <= $2 then l.amount else 0 end - a.balance from accounts a
left join leaving l on a.account = 'deposit:' || l.requester where a.account = any($1::text[]) and a.asset = 'stable'
"""
# In the order in which every writer locks them: the ledger's head first.
QUEUE = "select from ledger_head for update"
# Job by job and by their indices, whatever the planner thinks of the tables' sizes.
HELD = """
select given.log, held.balance, payer.account from unnest($1::text[]) as given (log)
cross join lateral (select number from transfers t where t.log = given.log and t.log not like '0x%' limit 1) as made
cross join lateral (
    select balance from accounts a where (a.account, a.asset) = (given.log, 'stable') limit 1
) as held
cross join lateral (select account from entries e where e.number = made.number and e.amount < 0 limit 1) as payer
"""
STEPS = """
insert into steps (job_id, part, requester, provider, amount, fee, spent, receipt_digest, at_ms)
select job, part, payer, payee, amount, fee, spent, receipt, $9 from unnest(
    $1::text[], $2::int[], $3::text[], $4::text[], $5::numeric[], $6::numeric[], $7::numeric[], $8::bytea[]
) with ordinality as given (job, part, payer, payee, amount, fee, spent, receipt, turn) order by turn
"""


async def shortages(tx: Transaction, requesters: Sequence[str], from_s: int) -> dict[str, int]:
    """What each of these (addresses) lacks for all that is held from it, in epochs that are posted from then on."""
    rows = await tx.fetch(SHORTAGES, [deposit(each) for each in requesters], from_s)
    return {account: max(0, int(lack)) for account, lack in rows}


class Holder:
    """Holds for the orders of one transaction: each deposit is read once, and all that is held is posted at once."""

    def __init__(self, tx: Transaction, limits: Limits) -> None:
        self._tx, self._limits = tx, limits
        self._free: dict[str, int] = {}
        self._waiting: dict[str, Waiting] = {}
        self._held: list[Transfer] = []

    async def free(self, requester: str) -> int:
        """What a requester (an address) can still order for; nothing else is posted until the transaction ends."""
        if not self._free:
            await self._tx.execute(QUEUE)
        if requester not in self._free:
            self._free[requester], self._waiting[requester] = await standing(self._tx, requester, self._limits)
        return self._free[requester]

    async def lacks(self, requester: str, amount: int) -> str:
        """Why a requester (an address) cannot order for so much yet, by name; nothing if it can."""
        return reason_of(amount - await self.free(requester), self._waiting[requester])

    async def take(self, job: str, requester: str, amount: int) -> bool:
        """Whether the amount is there, and held for the job once it is written. Raises ValueError for nothing."""
        if amount <= 0:
            raise ValueError("nothing to hold")
        if await self.free(requester) < amount:
            return False
        self._free[requester] -= amount
        entries = move(Asset.STABLE, amount, deposit(requester), hold(job))
        self._held.append(Transfer(hold(job), "Held", None, entries))
        return True

    async def write(self) -> None:
        """Posts what was taken."""
        held, self._held = self._held, []
        await books.post(self._tx, held)


async def standing(tx: Transaction, requester: str, limits: Limits) -> tuple[int, Waiting]:
    """What a requester (an address) can still order for, and what the chain credited that does not count yet."""
    account = deposit(requester)
    balance = await tx.fetchval(FREE, account)
    if balance is None:
        return 0, NOTHING
    later = await credits.waiting_of(tx, account, limits)
    return int(balance) - sum(later), later


async def free(tx: Transaction, operator: str) -> int:
    """What the operator (an address) can be charged for; nothing else is posted until the transaction ends."""
    return await Holder(tx, UNLIMITED).free(operator)


async def take(tx: Transaction, about: str, operator: str, amount: int) -> bool:
    """Whether the amount was there and is held for the operator's audit now. Raises ValueError for nothing."""
    holder = Holder(tx, UNLIMITED)
    is_taken = await holder.take(about, operator, amount)
    await holder.write()
    return is_taken


async def held(tx: Transaction, jobs: Sequence[str]) -> dict[str, tuple[int, str]]:
    """What is held for each of these jobs, and from which address, of those where anything is."""
    rows = await tx.fetch(HELD, [hold(job) for job in jobs])
    return {log[len(hold("")) :]: (int(balance), payer[len(deposit("")) :]) for log, balance, payer in rows if balance}


async def give_back(tx: Transaction, job: str) -> int:
    """What was held for the job and is its requester's again."""
    amount, payer = (await held(tx, [job])).get(job, (0, ""))
    if amount:
        entries = move(Asset.STABLE, amount, hold(job), deposit(payer))
        await books.post(tx, [Transfer(f"release:{job}", "Released", None, entries)])
    return amount


async def charge(tx: Transaction, settlement: Settlement, now_ms: int) -> int:
    """What goes back to the requester of a job that is charged: what was held and not earned."""
    (back,) = await charge_all(tx, [settlement], now_ms)
    return back


async def charge_all(tx: Transaction, settlements: Sequence[Settlement], now_ms: int) -> list[int]:
    """What goes back to the requester of each of these jobs, in their order.

    Ledger and steps are written together; the database refuses one without the other.
    """
    if not settlements:
        return []
    jobs = {job_name(settlement.job): charges_of(settlement) for settlement in settlements}
    holding = await held(tx, list(jobs))
    backs = {job: holding[job][0] - charges[-1].spent for job, charges in jobs.items()}
    await books.post(tx, [charged(job, charges, backs[job], holding[job][1]) for job, charges in jobs.items()])
    steps = [step for job, charges in jobs.items() for step in steps_of(job, charges)]
    await tx.execute(STEPS, *map(list, zip(*steps, strict=True)), now_ms)
    return list(backs.values())


def charged(job: str, charges: Sequence[Charge], back: int, payer: str) -> Transfer:
    """What a job's charges move, and what goes back."""
    entries = entries_of(job, charges) + move(Asset.STABLE, back, hold(job), deposit(payer))
    return Transfer(f"charge:{job}", "Charged", None, entries)


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


def steps_of(job: str, charges: Sequence[Charge]) -> list[tuple[object, ...]]:
    """The charges as the rows of their steps."""
    return [
        (
            *(job, each.part, each.requester.lower(), each.provider.lower()),
            *(Decimal(each.amount), Decimal(each.fee), Decimal(each.spent), each.receipt_digest),
        )
        for each in charges
    ]
