"""The operator's side of Payment: what is to be told to it next, decided anew from the books at every step.

Nothing is remembered between steps but in the database, and every intent is wanted once, so a process may end anywhere.
"""

import logging
from collections.abc import Container

from assay.chain.payment.encode import (
    encode_answer_leaf,
    encode_answer_step,
    encode_finalise,
    encode_pay,
    encode_pay_fees,
)
from assay.chain.payment.shapes import NO_EPOCH, NOBODY, proof_of
from assay.chain.payment.values import Demanded, Evidence, Terms
from assay.proof.settlement import Charge, Posted, epoch_digest, verdict_digest
from assay.proof.settlement_epoch import Book, Leaf, prove_step
from assay.settlement import queries
from assay.settlement.desk import Desk
from assay.settlement.ledger import job_name
from assay.settlement.paying import checking, epochs, stalls
from assay.settlement.paying.closing import Limits, is_due
from assay.settlement.paying.epochs import Built, Payment
from assay.settlement.paying.intents import (
    PAYMENT_KINDS,
    Answer,
    Enlist,
    Key,
    Pay,
    PaymentBody,
    Post,
    demand_turn,
    written,
)
from assay.settlement.paying.proving import SLACK_S, STALL_S, Prover
from assay.store import Transaction

# So many accounts fit one transaction, whatever their branches are.
PAID_AT_ONCE = 80
OWED = """
select substr(account, 8) from accounts
where account not like 'hold:%' and account like 'earned:%' and balance > 0 order by account
"""
OPEN = "select kind, about, fence from intents where kind = any($1::text[]) and state in ('pending', 'sent')"
DEMANDS = "select epoch, kind, index from demands order by deadline"

log = logging.getLogger(__name__)


class Teller:
    """Wants what Payment is to be told."""

    def __init__(self, desk: Desk) -> None:
        self._desk, self._chain, self._store = desk, desk.chain, desk.context.store
        knobs = desk.knobs
        self._limits = Limits(knobs.payment_steps_max, knobs.payment_value_max, knobs.payment_age_s)
        self._prover = Prover(desk)
        self._terms: Terms | None = None
        self._stalled_row: int | None = None
        self._look_again_s = 0

    async def step(self) -> bool:
        """Whether anything is wanted that was not before. Raises ChainUnreachable, Retry, Unreachable."""
        terms = self._terms = self._terms or await self._chain.payment_terms()
        now_s = max((await self._chain.block()).timestamp, self._desk.context.now() // 1000)
        async with self._store.reading() as tx:
            has_work = await epochs.has_work(tx, now_s - terms.windows.window_s)
        is_wanted = has_work and await self._work(terms, now_s)
        # Last: whoever demands an answer does not wait for it.
        return await self._prover.put_back(now_s) or is_wanted

    async def _work(self, terms: Terms, now_s: int) -> bool:
        """Whether anything is wanted that was not before: places, payments and answers first, then an epoch."""
        ripe_s = now_s - terms.windows.window_s
        async with self._store.transaction() as tx:
            under_way = {tuple(row) for row in await tx.fetch(OPEN, [kind.kind for kind in PAYMENT_KINDS])}
            kinds, lacking = {kind for kind, *_ in under_way}, await epochs.lacking_places(tx)
            enlists: list[PaymentBody] = [Enlist(account=each) for each in lacking]
            wanted = [each for each in enlists if each.key not in under_way]
            is_due = not lacking and Post.kind not in kinds and await self._is_due(tx)
            if Pay.kind not in kinds:
                wanted += await self._pay(tx, ripe_s)
            wanted += await self._answer(tx, under_way)
            for body in wanted:
                await queries.want(tx, body, "payment")
        if wanted:
            self._desk.bell.ring()
        is_posting = is_due and await self._may_post(terms, now_s) and await self._post(now_s)
        if is_posting:
            self._desk.bell.ring()
        return bool(wanted) or is_posting

    async def _may_post(self, terms: Terms, now_s: int) -> bool:
        """Whether the contract takes an epoch of ours by now."""
        poster, head = await self._chain.poster_of(self._desk.key.address), await self._chain.payment_head()
        is_poster = poster.is_appointed and poster.ready_at == 0 and poster.bond >= terms.bond
        return is_poster and now_s > head.posted_at + terms.windows.interval_s

    async def _is_due(self, tx: Transaction) -> bool:
        """Whether an epoch is to be posted."""
        if await epochs.last(tx, "closed"):
            return True
        return is_due(await epochs.waiting(tx), self._limits, self._desk.context.now())

    async def _close(self) -> tuple[Payment | None, Built | None]:
        """The epoch that is to be posted next; with its steps, if it was closed just now."""
        async with self._store.transaction() as tx:
            if waiting := await epochs.last(tx, "closed"):
                return waiting, None
            built = await epochs.close(tx, self._desk.domain, self._limits.steps)
            return await epochs.last(tx, "closed"), built

    async def _post(self, now_s: int) -> bool:
        """Whether an epoch is wanted on chain, as each of its steps could be proven there, or others were struck."""
        payment, built = await self._close()
        if payment is None or (payment.row == self._stalled_row and now_s < self._look_again_s):
            return False
        reason, faults = await self._reason_against(payment, built, now_s)
        if faults and await self._prover.strike(payment, faults, now_s):
            return True
        await self._stall(payment, reason, now_s)
        if reason:
            return False
        content = {"steps": payment.steps, "steps_root": payment.steps_root.hex(), "root": payment.root.hash.hex()}
        sums = {"credits": payment.root.credits, "debits": payment.root.debits}
        async with self._store.transaction() as tx:
            await queries.want(tx, Post(number=payment.number, row=payment.row, **content, **sums), "payment")
        return True

    async def _reason_against(
        self, payment: Payment, built: Built | None, now_s: int
    ) -> tuple[str, dict[str, checking.Wrong]]:
        """Why the epoch must not be posted, empty if it can; and what is wrong with which of its jobs."""
        async with self._store.reading() as tx:
            voids, why = await epochs.count_voids(tx, payment.number)
            if voids >= self._desk.knobs.payment_posts_max:
                return f"epoch {payment.number} became void {voids} times, as {why}", {}
            before, epoch, _ = built or await epochs.rebuilt(tx, self._desk.domain, payment)
        term = await self._chain.verdict_term(self._desk.key.address)
        if not term.begins <= now_s < term.ends - SLACK_S:
            return f"epoch {payment.number}: {checking.Wrong.VERDICT}", {}
        faults = await self._prover.faults(before, epoch, now_s)
        return "; ".join(f"{job} in epoch {payment.number}: {wrong}" for job, wrong in [*faults.items()][:1]), faults

    async def _stall(self, payment: Payment, reason: str, now_s: int) -> None:
        """Show why nothing is posted, or that all is well again."""
        self._stalled_row, self._look_again_s = (payment.row, now_s + STALL_S) if reason else (None, 0)
        self._desk.gauges.stalled.set(int(bool(reason)))
        async with self._store.transaction() as tx:
            known = await stalls.show(tx, reason)
        if reason and known != reason:
            log.error("payment stands still until a person has looked: %s", reason)

    async def _pay(self, tx: Transaction, posted_until_s: int) -> list[PaymentBody]:
        """The newest epoch that can be final, and everybody who is owed by it."""
        payment = await epochs.ripe(tx, self._desk.domain, posted_until_s)
        if payment is None:
            return []
        after = await epochs.book_after(tx, self._desk.domain, payment)
        owed = [row[0] for row in await tx.fetch(OWED) if after.sums.get(row[0], (0, 0))[0]]
        calls = [encode_finalise(payment.posted)] if not owed and payment.root.credits == payment.root.debits else []
        for at in range(0, len(owed), PAID_AT_ONCE):
            calls.append(encode_pay(payment.posted, [after.leaf(each) for each in owed[at : at + PAID_AT_ONCE]]))
        if payment.root.debits > payment.root.credits:
            calls.append(encode_pay_fees(payment.posted))
        place = {"row": payment.row, "posted_at": payment.posted.posted_at}
        return [Pay(**place, turn=turn, content=written(call)) for turn, call in enumerate(calls)]

    async def _answer(self, tx: Transaction, under_way: Container[Key]) -> list[PaymentBody]:
        """Each demand that nobody has answered."""
        demands = [tuple(row) for row in await tx.fetch(DEMANDS)]
        payments = {self._digest(each.posted): each for each in await epochs.doubtful(tx)} if demands else {}
        answers: list[PaymentBody] = []
        for digest, kind, index in demands:
            payment = payments.get(digest)
            if payment is None or (Answer.kind, digest, demand_turn(kind, index)) in under_way:
                continue
            call = await self._answer_to(tx, payment, Demanded(kind), index)
            answers.append(Answer(epoch=digest, demanded=kind, index=index, content=written(call)))
        return answers

    def _digest(self, posted: Posted) -> str:
        return epoch_digest(self._desk.domain, posted).hex()

    async def _answer_to(self, tx: Transaction, payment: Payment, kind: Demanded, index: int) -> bytes:
        before, epoch, after = await epochs.rebuilt(tx, self._desk.domain, payment)
        if kind is Demanded.LEAF:
            return encode_answer_leaf(payment.posted, index, leaf_at(after, index))
        earlier = await epochs.standing(tx, [payment.number - 1])
        proof = proof_of(prove_step(before, epoch, index), earlier[0].posted if earlier else NO_EPOCH)
        return encode_answer_step(payment.posted, proof, await self._evidence(tx, epoch.steps[index].charge))

    async def _evidence(self, tx: Transaction, charge: Charge) -> Evidence:
        """The requester's order as it was said, and our own verdict on what was earned."""
        order = (await checking.orders_of(tx, [job_name(charge.job)]))[job_name(charge.job)]
        return checking.evidence_of(order, self._desk.key.sign(verdict_digest(self._desk.domain, charge)))


def leaf_at(book: Book, index: int) -> Leaf:
    """The leaf at a place, of nobody where it is empty."""
    account = next((each for each, place in book.places.items() if place == index), None)
    return book.leaf(account) if account else Leaf(NOBODY, 0, 0, book.tree.branch(index))
