"""The ledger follows the contracts: whatever happens on the chain, both hold the same for everybody."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from services.settlement.tests.market import ADMIN, OPERATOR, PEOPLE, endow
from services.settlement.tests.stories import key_of

from assay.chain import wallet
from assay.chain.encode import encode_anchor, encode_open, encode_pay_audits, encode_settle, encode_slash
from assay.chain.errors import Reverted
from assay.chain.events import CONTRACT_EVENTS
from assay.chain.memory import MemoryChain
from assay.chain.orders import order_digest
from assay.chain.values import Anchor, AuditPayment, Order, Payout, Settlement, SignedOrder, Slash
from assay.schema.values import job_word
from assay.settlement.ledger import OUTSIDE, Book, fold
from assay.settlement.postings import POSTINGS, SILENT, post
from assay.settlement.reconciler import on_chain

JOBS = [f"j{letter * 26}" for letter in "abc"]
AUDIT = st.sampled_from([f"a{letter * 26}" for letter in "abc"])
WHO, JOB, AMOUNT = st.sampled_from(PEOPLE), st.sampled_from(JOBS), st.integers(0, 2 * 10**9)
ACTS = st.one_of(
    st.tuples(st.just("deposit"), WHO, AMOUNT),
    st.tuples(st.just("withdraw"), WHO, AMOUNT),
    st.tuples(st.just("deposit_payment"), WHO, WHO, AMOUNT),
    st.tuples(st.just("open"), WHO, JOB, AMOUNT),
    st.tuples(st.just("settle"), JOB, st.lists(st.tuples(WHO, AMOUNT), max_size=3), st.integers(0, 10**7)),
    st.tuples(st.just("fund_audits"), WHO, AMOUNT),
    st.tuples(st.just("pay_audit"), WHO, AUDIT, AMOUNT),
    st.tuples(st.just("anchor"), WHO, st.integers(0, 3)),
    st.tuples(st.just("reclaim"), JOB),
    st.tuples(st.just("stake"), WHO, st.integers(0, 2 * 10**21)),
    st.tuples(st.just("unstake"), WHO, st.integers(0, 10**21)),
    st.tuples(st.just("withdraw_stake"), WHO),
    st.tuples(st.just("slash"), WHO, JOB, st.integers(1, 3), st.integers(0, 2 * 10**21)),
    st.tuples(st.just("compensate"), WHO, st.integers(0, 10**21)),
    st.tuples(st.just("wait"), st.integers(0, 15 * 86_400)),
)


async def act(chain: MemoryChain, name: str, *args: Any) -> None:
    if name == "open":
        who, job, amount = args
        order = Order(job_word(job), key_of(who).address, amount, 2**40, b"\7" * 32)
        digest = order_digest(order, chain.deployment.chain_id, chain.deployment.escrow)
        signed = SignedOrder(order, bytes.fromhex(key_of(who).sign(digest)[2:]))
        await wallet.send(chain, OPERATOR, chain.deployment.escrow, encode_open([signed]))
    elif name == "settle":
        job, paid, fee = args
        payouts = tuple(Payout(key_of(who).address, fence, amount) for fence, (who, amount) in enumerate(paid, 1))
        call = encode_settle([Settlement(job_word(job), payouts, fee, b"\1" * 32)])
        await wallet.send(chain, OPERATOR, chain.deployment.escrow, call)
    elif name == "pay_audit":
        who, audit, amount = args
        call = encode_pay_audits([AuditPayment(job_word(audit), key_of(who).address, amount)])
        await wallet.send(chain, OPERATOR, chain.deployment.escrow, call)
    elif name == "anchor":
        who, number = args
        call = encode_anchor([Anchor(key_of(who).address, number, bytes(32), b"\1" * 32, 5)])
        await wallet.send(chain, OPERATOR, chain.deployment.anchors, call)
    elif name == "slash":
        who, job, fence, amount = args
        call = encode_slash([Slash(key_of(who).address, amount, 0, job_word(job), fence)])
        await wallet.send(chain, OPERATOR, chain.deployment.stake, call)
    elif name == "compensate":
        await wallet.compensate(chain, OPERATOR, key_of(args[0]).address, args[1], b"\1" * 32)
    elif name == "reclaim":
        await wallet.reclaim(chain, key_of("alpha"), job_word(args[0]))
    elif name == "deposit_payment":
        await wallet.deposit_payment(chain, key_of(args[0]), key_of(args[1]).address, args[2])
    elif name == "wait":
        chain.advance(args[0])
    else:
        await getattr(wallet, name)(chain, key_of(args[0]), *args[1:])


@settings(max_examples=40, deadline=None)
@given(st.lists(ACTS, max_size=25))
async def test_ledger_and_chain_hold_the_same(acts: list[tuple[Any, ...]]) -> None:
    chain, book = MemoryChain(ADMIN.address, OPERATOR.address, OPERATOR.address), Book()
    await endow(chain)
    for name, *args in acts:
        try:
            await act(chain, name, *args)
        except Reverted:
            continue
    for logged in await chain.events(0, (await chain.block()).number):
        entries = post(logged.event, book)
        assert sum(fold(entries).values()) == 0
        assert all(amount >= 0 for (account, _), amount in book.balances.items() if account != OUTSIDE)
    for (account, _), amount in book.balances.items():
        if account != OUTSIDE:
            assert amount == await on_chain(chain, account), account


def test_every_kind_of_chain_event_has_its_posting() -> None:
    assert {*POSTINGS, *SILENT} == {*CONTRACT_EVENTS}
