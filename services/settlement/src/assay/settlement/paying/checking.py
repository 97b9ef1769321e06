"""Before an epoch is posted: could each of its steps be proven? One that could not would cost the poster its bond.

It is what Challenges asks of an answer: the arithmetic, the deposit, the signed order and its time, and a verdict key
that counts. So a fault of ours, or a requester that got its money out, holds the epoch up instead of voiding it.
"""

from collections.abc import Mapping, Sequence
from enum import StrEnum
from typing import NamedTuple

from assay.chain.payment.values import Evidence
from assay.proof.eip712 import Domain, JobOrder, order_digest
from assay.proof.keys import BadSignature, recover
from assay.proof.order import spec_digest
from assay.proof.settlement import Charge
from assay.proof.settlement_epoch import Book, Epoch, StepProof, is_laid, is_lawful, leads, proofs
from assay.schema.job import JobSubmitted
from assay.settlement.domain import GRACE_MS, ORDER_LIFE_MS
from assay.settlement.ledger import job_name
from assay.settlement.paying.bills import AuditBill
from assay.store import Transaction

ORDERS = "select job_id, data from facts where job_id = any($1::text[]) and type = 'job.submitted'"
OWN_ORDERS = "select about, body from bills where about = any($1::text[]) and kind = 'audit'"


class Wrong(StrEnum):
    """What is wrong with a step."""

    STEP = "it does not lead from the state before to its own"
    MONEY = "its fee, its parts or its requester's deposit do not allow it"
    ORDER = "no order of its requester covers it"
    TIME = "its order is too old, or due too far off"
    VERDICT = "the operator's key is no verdict key"


# A fault of the job alone, which others need not wait for; it may right itself while the job's order counts.
STRUCK = (Wrong.MONEY, Wrong.ORDER, Wrong.TIME)


class Order(NamedTuple):
    """What a requester signed for a job."""

    requester: str
    price_limit: int
    deadline_s: int
    spec_digest: str
    signature: str


async def orders_of(tx: Transaction, jobs: Sequence[str]) -> dict[str, Order]:
    """The signed orders of these jobs, and those by which the operator pays these audits."""
    found = {}
    for job, data in await tx.fetch(ORDERS, list(jobs)):
        said = JobSubmitted.model_validate_json(data)
        terms = (said.price_limit, said.deadline_ms // 1000, spec_digest(said.spec))
        found[str(job)] = Order(said.requester, *terms, said.order_signature)
    for audit, body in await tx.fetch(OWN_ORDERS, list(jobs)):
        bill = AuditBill.model_validate_json(body)
        found[str(audit)] = Order(bill.requester, bill.amount, bill.deadline_s, bill.receipt, bill.order_signature)
    return found


def evidence_of(order: Order, verdict_signature: str) -> Evidence:
    """An order and a verdict as Challenges takes them."""
    return Evidence(
        price_limit=order.price_limit,
        deadline=order.deadline_s,
        spec_digest=bytes.fromhex(order.spec_digest),
        order_signature=bytes.fromhex(order.signature[2:]),
        verdict_signature=bytes.fromhex(verdict_signature[2:]),
    )


def faults(
    before: Book, epoch: Epoch, orders: Mapping[str, Order], funds: Mapping[str, int], now_s: int
) -> dict[str, Wrong]:
    """What could not be proven of which job if the epoch were posted now; pure, and slow: every tree is hashed anew."""
    found: dict[str, Wrong] = {}
    stands, state = is_laid(before.domain, epoch), before.state
    for proof in proofs(before, epoch):
        charge = proof.step.charge
        job, has = job_name(charge.job), funds.get(charge.requester, 0)
        is_sound = stands and leads(before, state, proof) and is_end(epoch, proof)
        wrong = charge_fault(before.domain, proof, orders.get(job), has, now_s) if is_sound else Wrong.STEP
        if wrong:
            found.setdefault(job, wrong)
        state = proof.step.state
    return found


def charge_fault(domain: Domain, proof: StepProof, order: Order | None, funds: int, now_s: int) -> Wrong | None:
    """What is wrong with the money or the order behind a step, if anything."""
    if not is_lawful(proof, funds):
        return Wrong.MONEY
    return order_fault(domain, proof.step.charge, order, now_s)


def is_end(epoch: Epoch, proof: StepProof) -> bool:
    """Whether a last step leads to what is posted; others may lead anywhere."""
    return proof.index + 1 < len(epoch.steps) or proof.step.state == epoch.state


def order_fault(domain: Domain, charge: Charge, order: Order | None, now_s: int) -> Wrong | None:
    """What is wrong with the order behind a charge, if anything."""
    if order is None or charge.spent > order.price_limit:
        return Wrong.ORDER
    signed = JobOrder(job_name(charge.job), charge.requester, *order[1:4])
    try:
        if recover(order_digest(domain, signed), order.signature) != charge.requester:
            return Wrong.ORDER
    except BadSignature:
        return Wrong.ORDER
    is_timely = order.deadline_s - ORDER_LIFE_MS // 1000 <= now_s <= counts_until_s(order)
    return None if is_timely else Wrong.TIME


def counts_until_s(order: Order | None) -> int:
    """Until when a charge by this order can be posted; 0 without one."""
    return order.deadline_s + GRACE_MS // 1000 if order else 0
