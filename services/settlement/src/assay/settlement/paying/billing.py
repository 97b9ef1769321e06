"""The SQL of bills: written with the charge that they say, told once their steps are posted."""

from collections.abc import Sequence
from typing import Any, NamedTuple

from assay.schema.audit import AuditUpheld
from assay.schema.values import address_of
from assay.settlement.domain import portion
from assay.settlement.paying import holds
from assay.settlement.paying.bills import BILLS, AuditBill, Bill, Place
from assay.store import Transaction

WRITE = """
insert into bills (about, kind, cause, body)
select about, kind, cause, body from unnest($1::text[], $2::text[], $3::text[], $4::jsonb[])
with ordinality as given (about, kind, cause, body, turn) order by turn
"""
# Those of which nothing was earned have no step, and wait for none.
UNTOLD = """
select b.position, b.kind, b.cause, b.body, s.position as step, p.number, p.posted_tx, p.posted_gas,
    p.first_step, p.steps
from bills b left join steps s on s.job_id = b.about and s.part = 0
left join lateral (
    select number, first_step, steps, posted_tx, posted_gas from payments
    where first_step <= s.position and state in ('posted', 'final') order by first_step desc limit 1
) p on true
where not b.is_told and (s.position is null and not exists (select from struck where job_id = b.about) or s.position < (
    select first_step + steps from payments where state in ('posted', 'final') order by first_step desc limit 1
)) order by b.position limit $1
"""
TOLD = "update bills set is_told = true where position = any($1::bigint[])"
# The first steps of the jobs of an epoch: these share its gas.
FIRSTS = "select position from steps where position >= $1 and position < $2 and part = 0 order by position"
OWE = """
insert into dues (audit_id, verifier, amount, receipt, cause) values ($1, $2, $3, $4, $5) on conflict do nothing
"""
DUES = "select audit_id, verifier, amount, receipt, cause from dues order by position limit $1"


class Untold(NamedTuple):
    """A bill of which all may be said now."""

    position: int
    cause: str
    bill: Bill
    place: Place | None


class Due(NamedTuple):
    """An audit that the operator has to pay."""

    audit_id: str
    verifier: str
    amount: int
    receipt: str
    cause: str


async def write(tx: Transaction, bills: Sequence[tuple[Bill, str]], now_ms: int) -> None:
    """Charge what the bills say to what is held, or give all of that back, and keep each, with its cause, untold."""
    settlements = [(bill, bill.settlement()) for bill, _ in bills]
    await holds.charge_all(tx, [settlement for _, settlement in settlements if settlement], now_ms)
    for bill in (bill for bill, settlement in settlements if settlement is None):
        await holds.give_back(tx, bill.about)
    rows = [(bill.about, bill.kind, cause, bill.model_dump_json()) for bill, cause in bills]
    await tx.execute(WRITE, *map(list, zip(*rows, strict=True)))


async def untold(tx: Transaction, most: int) -> list[Untold]:
    """The bills that can be told: those whose steps are posted, and those that have none."""
    rows = await tx.fetch(UNTOLD, most)
    turns: dict[int, dict[int, int]] = {}
    for row in rows:
        if row["number"] is not None and row["first_step"] not in turns:
            firsts = await tx.fetch(FIRSTS, row["first_step"], row["first_step"] + row["steps"])
            turns[row["first_step"]] = {first[0]: turn for turn, first in enumerate(firsts)}
    return [_untold(row, turns.get(row["first_step"], {})) for row in rows]


async def told(tx: Transaction, bills: Sequence[Untold]) -> None:
    """These were told."""
    await tx.execute(TOLD, [each.position for each in bills])


async def owe(tx: Transaction, audit: AuditUpheld, receipt: str, cause: str) -> None:
    """The operator has to pay for the audit; owed twice is owed once."""
    await tx.execute(OWE, audit.audit_id, audit.verifier, audit.fee, receipt, cause)


async def dues(tx: Transaction, most: int) -> list[Due]:
    """What the operator has to pay, in order."""
    return [Due(row[0], row[1], int(row[2]), row[3], row[4]) for row in await tx.fetch(DUES, most)]


async def pay_due(tx: Transaction, bill: AuditBill, cause: str, now_ms: int) -> bool:
    """Whether the operator's deposit covers the audit, and it is charged for it now."""
    if bill.amount and not await holds.take(tx, bill.audit_id, address_of(bill.requester), bill.amount):
        return False
    await write(tx, [(bill, cause)], now_ms)
    await tx.execute("delete from dues where audit_id = $1", bill.audit_id)
    return True


def _untold(row: Any, turns: dict[int, int]) -> Untold:
    place = None
    if row["number"] is not None:
        gas = portion(row["posted_gas"], len(turns), turns[row["step"]])
        place = Place(row["number"], row["step"], row["posted_tx"], gas)
    bill = BILLS[row["kind"]].model_validate_json(row["body"])
    return Untold(row["position"], row["cause"], bill, place)
