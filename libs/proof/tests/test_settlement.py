from dataclasses import replace

import pytest
from eth_abi.abi import encode
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.eip712 import Domain, domain_separator
from assay.proof.keccak import keccak256
from assay.proof.settlement import EPOCH_TYPE, Payout, Settlement, charges_of, epoch_digest
from assay.proof.settlement_epoch import (
    Book,
    build,
    is_in,
    is_lawful,
    is_right,
    posted_as,
    proofs,
    prove_step,
    recompute,
)
from assay.proof.settlement_tree import DEPTH, EMPTY, Branch, Node, SumTree, climb, join
from assay.schema.errors import Reject

DOMAIN = Domain(31337, "0x" + "5e" * 20)
ACCOUNTS = [f"0x{number:040x}" for number in range(1, 8)]
PLACES = {account: 3 * place + 1 for place, account in enumerate(ACCOUNTS)}
POSTER = "0x" + "90" * 20

payouts = st.integers(0, 10**6).flatmap(
    lambda amount: st.builds(Payout, st.sampled_from(ACCOUNTS), st.just(amount), st.integers(0, amount // 20))
)
parts = st.lists(payouts, min_size=1, max_size=3).map(tuple)


@st.composite
def jobs(draw: st.DrawFn, least: int = 1) -> list[Settlement]:
    drawn = draw(st.lists(st.tuples(st.sampled_from(ACCOUNTS), parts), min_size=least, max_size=6))
    receipt = bytes(31) + b"r"
    return [Settlement(number.to_bytes(32, "big"), *each, receipt) for number, each in enumerate(drawn)]


@settings(max_examples=8, deadline=None)
@given(jobs(2), st.data())
def test_splitting_an_epoch_never_changes_what_anybody_has(settlements: list[Settlement], data: st.DataObject) -> None:
    cut = data.draw(st.integers(1, len(settlements) - 1))
    start = Book(DOMAIN, PLACES)
    whole, halves = recompute(start, [settlements]), recompute(start, [settlements[:cut], settlements[cut:]])
    assert (whole.state, whole.sums) == (halves.state, halves.sums)
    assert start.state == EMPTY


@settings(max_examples=8, deadline=None)
@given(jobs())
def test_a_book_of_sums_is_the_book_of_all_steps(settlements: list[Settlement]) -> None:
    _, book = build(Book(DOMAIN, PLACES), 1, settlements)
    made = Book.of(DOMAIN, PLACES, book.sums)
    assert (made.state, made.sums) == (book.state, book.sums)
    assert [made.leaf(each) for each in ACCOUNTS] == [book.leaf(each) for each in ACCOUNTS]
    assert Book.of(DOMAIN, PLACES, {}).state == EMPTY


@settings(max_examples=8, deadline=None)
@given(jobs())
def test_sums_conserve(settlements: list[Settlement]) -> None:
    epoch, book = build(Book(DOMAIN, PLACES), 1, settlements)
    payouts = [payout for each in settlements for payout in each.payouts]
    credits, debits = sum(each.amount for each in payouts), sum(each.amount + each.fee for each in payouts)
    assert epoch.state[1:] == (credits, debits) == tuple(map(sum, zip(*book.sums.values(), strict=True)))
    assert 0 <= debits - credits <= debits // 20
    for account in ACCOUNTS:
        assert is_in(DOMAIN, epoch.state, PLACES[account], book.leaf(account))


@settings(max_examples=8, deadline=None)
@given(jobs(), jobs(), st.data())
def test_every_step_is_proven_and_nothing_else_is(
    earlier: list[Settlement], settlements: list[Settlement], data: st.DataObject
) -> None:
    before = recompute(Book(DOMAIN, PLACES), [earlier])
    epoch, _ = build(before, 2, settlements)
    posted = posted_as(epoch, 5, POSTER)
    proof = prove_step(before, epoch, data.draw(st.integers(0, len(epoch.steps) - 1)))
    assert is_right(before, posted, before.state, proof)
    step, state = proof.step, proof.step.state
    branch = proof.provider.branch
    bent = Branch(branch.mask | 1 << DEPTH - 1, (*branch.siblings, Node(b"b" * 32, 0, 0)))
    wrong = [
        replace(proof, provider=replace(proof.provider, branch=bent)),
        replace(proof, step=step._replace(charge=step.charge._replace(amount=step.charge.amount + 1))),
        replace(proof, step=step._replace(state=state._replace(credits=state.credits + 1))),
        replace(proof, requester=replace(proof.requester, credit=proof.requester.credit + 1)),
        replace(proof, provider=replace(proof.provider, debit=proof.provider.debit + 1)),
        replace(proof, index=proof.index + 1),
        replace(proof, path=(*proof.path, bytes(32))),
    ]
    assert not any(is_right(before, posted, before.state, each) for each in wrong)
    assert not is_right(before, replace(posted, number=3), before.state, proof)
    assert not is_right(Book(replace(DOMAIN, chain_id=1), PLACES), posted, before.state, proof)


@settings(max_examples=4, deadline=None)
@given(jobs(), jobs())
def test_all_proofs_at_once_are_those_made_one_by_one(earlier: list[Settlement], settlements: list[Settlement]) -> None:
    before = recompute(Book(DOMAIN, PLACES), [earlier])
    epoch, _ = build(before, 2, settlements)
    assert list(proofs(before, epoch)) == [prove_step(before, epoch, index) for index in range(len(epoch.steps))]


@settings(max_examples=4, deadline=None)
@given(jobs())
def test_a_step_is_lawful_by_its_fee_its_parts_and_its_deposit(settlements: list[Settlement]) -> None:
    epoch, _ = build(Book(DOMAIN, PLACES), 1, settlements)
    for proof in proofs(Book(DOMAIN, PLACES), epoch):
        charge = proof.step.charge
        needed = proof.requester.debit + charge.amount + charge.fee
        assert is_lawful(proof, needed) and not (needed and is_lawful(proof, needed - 1))
        cost = charge.amount + charge.fee
        wrong = [charge._replace(spent=charge.spent + 1), charge._replace(part=charge.part + 1)]
        wrong.append(charge._replace(amount=cost - cost // 20 - 1, fee=cost // 20 + 1))
        for bent in wrong:
            assert not is_lawful(replace(proof, step=proof.step._replace(charge=bent)), 2**200)


def test_the_digest_of_an_epoch_is_that_of_its_abi_encoding() -> None:
    posted = posted_as(build(Book(DOMAIN, PLACES), 7, [settled(Payout(ACCOUNTS[1], 5))])[0], 5, POSTER)
    state = tuple(posted.state)
    types = ["bytes32", "bytes32", "(uint64,uint64,address,uint32,bytes32,(bytes32,uint128,uint128))"]
    fields = (posted.number, posted.posted_at, posted.poster, posted.steps, posted.steps_root, state)
    assert epoch_digest(DOMAIN, posted) == keccak256(encode(types, [EPOCH_TYPE, domain_separator(DOMAIN), fields]))


def settled(*parts_: Payout) -> Settlement:
    return Settlement(b"j" * 32, ACCOUNTS[0], parts_, bytes(32))


def test_what_no_contract_would_take_is_refused() -> None:
    start = Book(DOMAIN, PLACES)
    for bad in (settled(), settled(Payout(ACCOUNTS[1], -1)), settled(Payout(ACCOUNTS[1], 949, 51))):
        with pytest.raises(Reject):
            charges_of(bad)
    twice, stranger = [settled(Payout(ACCOUNTS[1], 1))] * 2, [settled(Payout("0x" + "ff" * 20, 1))]
    for batch in ([], twice, stranger, [settled(Payout(ACCOUNTS[1], 2**128))]):
        with pytest.raises((Reject, OverflowError)):
            build(start, 1, batch)


@settings(max_examples=20, deadline=None)
@given(st.lists(st.one_of(st.integers(0, 9), st.integers(0, 2**DEPTH - 1)), min_size=1, max_size=8, unique=True))
def test_a_tree_that_grows_leaf_by_leaf_is_the_one_that_joins_all_levels(places: list[int]) -> None:
    leaves = {place: Node(keccak256(place.to_bytes(4, "big")), place + 1, 1) for place in places}
    tree, level = SumTree(), leaves
    for place, leaf in leaves.items():
        tree.put({place: leaf})
    for _ in range(DEPTH):
        level = {at: join(level.get(2 * at, EMPTY), level.get(2 * at + 1, EMPTY)) for at in {at >> 1 for at in level}}
    assert tree.root == SumTree.of(leaves).root == level[0]
    for place in (*places, 0, 10, 2**DEPTH - 1):
        assert climb(leaves.get(place, EMPTY), place, tree.branch(place)) == tree.root


def test_a_sum_cannot_overflow_on_the_way_up() -> None:
    book = Book(DOMAIN, PLACES)
    leaf = build(book, 1, [settled(Payout(ACCOUNTS[1], 5))])[1].leaf(ACCOUNTS[1])
    with pytest.raises(Reject):
        climb(Node(b"x" * 32, 2**128 - 1, 2**128 - 1), PLACES[ACCOUNTS[1]], leaf.branch)
