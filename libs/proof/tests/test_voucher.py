"""Streams of tiny payments: no side has more than a step at stake, and the highest good voucher is what is owed."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.eip712 import Domain
from assay.proof.keys import BadSignature, Key
from assay.proof.voucher import BadVoucher, Purse, Stream, Till, best_of, check_voucher, sign_voucher
from assay.schema.errors import Reject
from assay.schema.values import Role, participant_id
from assay.schema.voucher import VoucherPresented, payable_units

KEY, OTHER = Key.from_hex("11" * 32), Key.from_hex("22" * 32)
DOMAIN = Domain(31337, "0x" + "5a" * 20)
REQUESTER, PROVIDER = participant_id(Role.REQUESTER, KEY.address), participant_id(Role.PROVIDER, OTHER.address)
STREAM = Stream("l" + "a" * 26, KEY.address, OTHER.address)
STEP, SEGMENT = 50, 100

MOVES = st.lists(
    st.tuples(st.sampled_from(["deliver", "lose", "vouch", "mislay", "again", "crash", "close"]), st.integers(1, 60)),
    max_size=60,
)


@settings(max_examples=150, deadline=None)
@given(moves=MOVES)
def test_whatever_is_lost_repeated_or_killed_neither_side_has_more_than_a_step_at_stake(
    moves: list[tuple[str, int]],
) -> None:
    """A delivery may be lost on the way, so may a voucher; a provider that dies knows its best voucher and no more."""
    till, purse, given_up, old = Till(STREAM, STEP, SEGMENT), Purse(STREAM, STEP), 0, []
    for move, units in moves:
        if move in ("deliver", "lose"):
            if till.delivered + units > till.most:
                with pytest.raises(Reject):
                    till.deliver(units)
                continue
            till = till.deliver(units)
            purse = purse.receive(units) if move == "deliver" else purse
        elif move in ("vouch", "mislay"):
            purse = purse.vouch(KEY, DOMAIN)
            old += [purse.last] if purse.last else []
            till = till.take(DOMAIN, purse.last) if move == "vouch" and purse.last else till
        elif move == "again" and old:
            before = till.vouched
            till = till.take(DOMAIN, old[units % len(old)])
            assert till.vouched >= before
        elif move == "crash":
            given_up += till.exposure
            assert till.exposure <= STEP
            till = replace(till, delivered=till.vouched)
        elif move == "close":
            till = till.close()
        assert till.exposure <= STEP and till.vouched <= purse.vouched <= purse.received
        assert payable_units(till.vouched, till.closed, SEGMENT) <= till.most


@settings(max_examples=30, deadline=None)
@given(batch=st.integers(1, STEP // 2), steps=st.integers(1, 40), crash=st.integers(0, 40))
def test_two_honest_sides_never_wait_for_each_other(batch: int, steps: int, crash: int) -> None:
    till, purse = Till(STREAM, STEP, SEGMENT, closed=100), Purse(STREAM, STEP)
    for at in range(steps):
        till, purse = till.deliver(batch), purse.receive(batch)
        if purse.is_due:
            purse = purse.vouch(KEY, DOMAIN)
            assert purse.last
            till = till.take(DOMAIN, purse.last)
        if at == crash:
            till = replace(till, delivered=till.vouched)
    purse = purse.vouch(KEY, DOMAIN)
    assert purse.vouched == purse.received == steps * batch


def presented(units: int, key: Key = KEY, domain: Domain = DOMAIN, stream: Stream = STREAM) -> VoucherPresented:
    signature = sign_voucher(key, domain, stream, units).signature
    fact = {"lease_id": STREAM.lease_id, "job_id": "j" + "a" * 26, "provider": PROVIDER, "fence": 1}
    return VoucherPresented(**fact, units=units, signature=signature)


FALSE = st.sampled_from(
    [
        presented(900, key=OTHER),
        presented(901, domain=replace(DOMAIN, chain_id=1)),
        presented(902, domain=replace(DOMAIN, verifying_contract="0x" + "5b" * 20)),
        presented(903, stream=replace(STREAM, lease_id="l" + "b" * 26)),
        presented(904, stream=replace(STREAM, provider=KEY.address)),
        presented(5).model_copy(update={"units": 905}),
        presented(6).model_copy(update={"units": 906, "signature": "0x" + "00" * 65}),
    ]
)


@settings(max_examples=60, deadline=None)
@given(good=st.lists(st.integers(1, 400).map(presented), max_size=5), false=st.lists(FALSE, max_size=10))
def test_of_all_that_is_presented_the_highest_that_the_requester_signed_counts(
    good: list[VoucherPresented], false: list[VoucherPresented]
) -> None:
    found = best_of(DOMAIN, REQUESTER, [*false, *good, *good])
    assert (found.units if found else 0) == max((each.units for each in good), default=0)


def test_a_false_voucher_changes_no_till_and_a_lower_one_is_of_no_use() -> None:
    till = Till(STREAM, STEP, SEGMENT).deliver(50).take(DOMAIN, sign_voucher(KEY, DOMAIN, STREAM, 40))
    assert till.take(DOMAIN, sign_voucher(KEY, DOMAIN, STREAM, 30)) is till
    with pytest.raises(BadVoucher):
        till.take(DOMAIN, sign_voucher(OTHER, DOMAIN, STREAM, 50))
    with pytest.raises(BadSignature):
        check_voucher(DOMAIN, STREAM, replace(sign_voucher(KEY, DOMAIN, STREAM, 50), signature="0x"))


@given(vouched=st.integers(0, 10**6), segments=st.integers(0, 50))
def test_no_more_is_paid_than_is_vouched_for_or_than_the_segments_could_hold(vouched: int, segments: int) -> None:
    paid = payable_units(vouched, segments, SEGMENT)
    assert paid <= vouched and paid <= (segments + 2) * SEGMENT
