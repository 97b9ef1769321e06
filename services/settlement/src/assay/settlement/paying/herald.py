"""Says once what became of money: orders that waited, bills whose steps are posted. Charges the operator's dues."""

import logging

from assay.chain.errors import ChainError
from assay.proof.eip712 import JobOrder, order_digest
from assay.schema.values import Role, address_of, participant_id
from assay.settlement import books, queries
from assay.settlement.desk import Desk
from assay.settlement.domain import DAY_MS, ORDER_LIFE_MS
from assay.settlement.paying import billing, funding
from assay.settlement.paying.billing import Due
from assay.settlement.paying.bills import AuditBill
from assay.settlement.paying.refill import Refiller

MOST = 200
# The operator's own orders are good for as long as any, but for a day in which clocks may differ.
OWN_ORDER_MS = ORDER_LIFE_MS - DAY_MS

log = logging.getLogger(__name__)


class Herald:
    """Looks for what can be said or paid by now."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._context = desk, desk.context
        self._own = participant_id(Role.REQUESTER, desk.key.address)
        self._refiller, self._left = Refiller(desk), 0

    async def step(self) -> bool:
        """Whether anything was said or paid. Raises Retry, Unreachable."""
        return any([await self._fund(), await self._pay_dues(), await self._tell()])

    async def _fund(self) -> bool:
        now_ms, ended = self._context.now(), 0
        async with self._context.store.reading() as tx:
            waiting = await funding.awaiting(tx, MOST)
        if not waiting:
            return False
        # Asked before the ledger: a deposit that the chain has by now is no lack of one.
        is_late = any(order.until_ms <= now_ms for order in waiting)
        final_block = await self._final_block() if is_late else None
        async with self._context.unit() as unit:
            seen = await books.cursor(unit.tx)
            known_ms = now_ms if seen and final_block is not None and seen.block >= final_block else None
            for order in await funding.awaiting(unit.tx, MOST):
                if event := await funding.try_again(unit.tx, unit.ports.holder, order, known_ms):
                    unit.emission.add(event, order.cause)
                    await queries.touch(unit.tx, [order.job_id])
                    ended += 1
        return ended > 0

    async def _final_block(self) -> int | None:
        """The last block that is final by now; None while the chain is away."""
        try:
            head = await self._desk.chain.block()
        except ChainError:
            return None
        return head.number - self._desk.knobs.confirmations + 1

    async def _tell(self) -> bool:
        async with self._context.store.reading() as tx:
            if not await billing.untold(tx, 1):
                return False
        async with self._context.unit() as unit:
            ready = await billing.untold(unit.tx, MOST)
            for each in ready:
                for event in each.bill.events(each.place):
                    unit.emission.add(event, each.cause)
            await billing.told(unit.tx, ready)
        return bool(ready)

    async def _pay_dues(self) -> bool:
        """Charge the operator for audits that no order pays, in their order, as far as its deposit goes."""
        async with self._context.store.reading() as tx:
            waiting = await billing.dues(tx, MOST)
        paid = 0
        for due in waiting:
            bill = self._bill(due)
            async with self._context.store.transaction() as tx:
                if not await billing.pay_due(tx, bill, due.cause, self._context.now()):
                    break
            paid += 1
        left = len(waiting) - paid
        if left > self._left == 0:
            log.warning("%d audits wait for a deposit of the operator's own", left)
        self._left = left
        self._desk.gauges.dues.set(left)
        return paid > 0 or (left > 0 and await self._refiller.step(waiting[paid:]))

    def _bill(self, due: Due) -> AuditBill:
        """What the operator orders of itself: this audit, for its fee."""
        deadline_s = (self._context.now() + OWN_ORDER_MS) // 1000
        order = JobOrder(due.audit_id, address_of(self._own), due.amount, deadline_s, due.receipt)
        signature = self._desk.key.sign(order_digest(self._desk.domain, order))
        names = {"audit_id": due.audit_id, "verifier": due.verifier, "requester": self._own}
        money = {"amount": due.amount, "receipt": due.receipt}
        return AuditBill(**names, **money, deadline_s=deadline_s, order_signature=signature)
