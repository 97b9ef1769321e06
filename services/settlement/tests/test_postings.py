"""The ledger follows the contracts: whatever happens on the chain, both hold the same for everybody."""

from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from services.settlement.tests.market import ADMIN, GOVERNED, OPERATOR, PEOPLE, endow
from services.settlement.tests.stories import key_of

from assay.chain import wallet
from assay.chain.encode import encode_anchor, encode_call
from assay.chain.errors import Reverted
from assay.chain.events import CONTRACT_EVENTS
from assay.chain.governed.accusations import Accusation, accusation_id, encode_propose
from assay.chain.memory import MemoryChain
from assay.chain.payment.shapes import NO_EPOCH
from assay.chain.values import Anchor, SlashReason
from assay.proof.keys import Key
from assay.proof.settlement_epoch import Leaf
from assay.proof.settlement_tree import Branch
from assay.schema.values import job_word
from assay.settlement.ledger import BURNED, OUTSIDE, POOL, Asset, Book, fold
from assay.settlement.postings import POSTINGS, SILENT, post
from assay.settlement.reconciler import on_chain

JOBS = [f"j{letter * 26}" for letter in "abc"]
WHO, JOB, AMOUNT = st.sampled_from(PEOPLE), st.sampled_from(JOBS), st.integers(0, 2 * 10**9)
ACTS = st.one_of(
    st.tuples(st.just("deposit"), WHO, AMOUNT),
    st.tuples(st.just("deposit_for"), WHO, WHO, AMOUNT),
    st.tuples(st.just("request_exit"), WHO, AMOUNT),
    st.tuples(st.just("withdraw"), WHO),
    st.tuples(st.just("anchor"), WHO, st.integers(0, 3)),
    st.tuples(st.just("stake"), WHO, st.integers(0, 2 * 10**21)),
    st.tuples(st.just("unstake"), WHO, st.integers(0, 10**21)),
    st.tuples(st.just("withdraw_stake"), WHO),
    st.tuples(st.just("claim"), WHO, st.sampled_from([0, 5, 10**6])),
    st.tuples(st.just("back"), WHO, WHO, st.integers(0, 10**21)),
    st.tuples(st.just("leave"), WHO, WHO, st.integers(0, 10**27)),
    st.tuples(st.just("collect"), WHO, WHO),
    st.tuples(st.just("accuse"), WHO, WHO, JOB, st.sampled_from(SlashReason)),
    st.tuples(st.just("appeal"), WHO, JOB),
    st.tuples(st.just("rule"), WHO, JOB, st.integers(0, 1)),
    st.tuples(st.sampled_from(["execute", "lapse", "refund"]), WHO, JOB),
    st.tuples(st.just("fund"), WHO, st.integers(0, 10**20)),
    st.tuples(st.just("compensate"), WHO, st.integers(0, 10**21)),
    st.tuples(st.just("wait"), st.integers(0, 15 * 86_400)),
)


async def tell(chain: MemoryChain, contract: str, key: Key, signature: str, *words: Any, amount: int = 0) -> None:
    """One of the contracts of stake is told something; it may take so many native tokens for it."""
    to = getattr(chain.deployment.group, contract)
    if amount:
        approve = encode_call("approve(address,uint256)", to, amount)
        await wallet.send(chain, key, chain.deployment.native, approve)
    await wallet.send(chain, key, to, encode_call(signature, *words))


def accusation(who: str, job: str) -> bytes:
    return accusation_id(key_of(who).address, job_word(job))


async def accuse(chain: MemoryChain, who: str, by: str, job: str, reason: SlashReason) -> None:
    now_s, victim = (await chain.block()).timestamp, key_of("requester").address
    what = (key_of(who).address, reason, job_word(job), now_s, key_of(by).address, victim, 10**18, bytes(32))
    await wallet.send(chain, OPERATOR, chain.deployment.group.slashing, encode_propose(Accusation(*what)))


def end(name: str) -> Any:
    return lambda chain, who, job: tell(chain, "slashing", ADMIN, f"{name}(bytes32)", accusation(who, job))


STAKE_ACTS: dict[str, Any] = {
    "accuse": accuse,
    "claim": lambda chain, who, units: tell(chain, "vault", key_of(who), "claim(uint64)", units),
    "back": lambda chain, by, who, amount: tell(
        chain, "restaking", key_of(by), "allocate(address,uint256)", key_of(who).address, amount, amount=amount
    ),
    "leave": lambda chain, by, who, shares: tell(
        chain, "restaking", key_of(by), "deallocate(address,uint256)", key_of(who).address, shares
    ),
    "collect": lambda chain, by, who: tell(chain, "restaking", key_of(by), "withdraw(address)", key_of(who).address),
    "appeal": lambda chain, who, job: tell(
        chain, "slashing", key_of(who), "appeal(bytes32,bytes32)", accusation(who, job), bytes(32), amount=5 * 10**18
    ),
    "rule": lambda chain, who, job, is_upheld: tell(
        chain, "slashing", ADMIN, "rule(bytes32,bool,bytes32)", accusation(who, job), is_upheld, bytes(32)
    ),
    "fund": lambda chain, by, amount: tell(
        chain, "slashing", key_of(by), "fundBounties(uint256)", amount, amount=amount
    ),
    **{name: end(name) for name in ("execute", "lapse", "refund")},
}


async def act(chain: MemoryChain, name: str, *args: Any) -> None:
    if name == "withdraw":
        leaf = Leaf(key_of(args[0]).address, 0, 0, Branch(0, ()))
        await wallet.withdraw(chain, key_of(args[0]), NO_EPOCH, NO_EPOCH, leaf)
    elif name == "anchor":
        who, number = args
        call = encode_anchor([Anchor(key_of(who).address, number, bytes(32), b"\1" * 32, 5)])
        await wallet.send(chain, OPERATOR, chain.deployment.anchors, call)
    elif name in STAKE_ACTS:
        await STAKE_ACTS[name](chain, *args)
    elif name == "compensate":
        await wallet.compensate(chain, OPERATOR, key_of(args[0]).address, args[1], b"\1" * 32)
    elif name == "deposit_for":
        await wallet.deposit_for(chain, key_of(args[0]), key_of(args[1]).address, args[2])
    elif name == "wait":
        chain.advance(args[0])
    else:
        await getattr(wallet, name)(chain, key_of(args[0]), *args[1:])


@settings(max_examples=settings().max_examples * 2 // 5)
@given(st.lists(ACTS, max_size=25))
async def test_ledger_and_chain_hold_the_same(acts: list[tuple[Any, ...]]) -> None:
    parties = ADMIN.address, OPERATOR.address, OPERATOR.address
    chain, book = MemoryChain(*parties, governed=GOVERNED), Book()
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
        if account != OUTSIDE and (held := await on_chain(chain, account)) is not None:
            assert amount == held, account
    await check_whole(chain, book)


async def check_whole(chain: MemoryChain, book: Book) -> None:
    """What came in, less what is elsewhere, is exactly what the contracts of stake hold."""
    at = chain.deployment
    held = [await chain.token_balance(at.native, to) for to in (at.group.vault, at.group.restaking, at.group.slashing)]
    assert sum(held) == -sum(book.balance(account, Asset.NATIVE) for account in (OUTSIDE, POOL, BURNED))


def test_every_kind_of_chain_event_has_its_posting() -> None:
    assert {*POSTINGS, *SILENT} == {*CONTRACT_EVENTS}
