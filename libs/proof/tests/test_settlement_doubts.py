"""What is wrong with an epoch, by what was said in public: what is proven at once, and what is asked for first."""

from dataclasses import replace

import pytest

from assay.proof.eip712 import Domain
from assay.proof.settlement import Charge, Payout, Posted, Settlement, Step, as_charged
from assay.proof.settlement_doubts import Ground, provable, unseen
from assay.proof.settlement_epoch import Book, Epoch, lay, posted_as

DOMAIN = Domain(31337, "0x" + "5e" * 20)
ANN, BOB, POSTER = ("0x" + byte * 20 for byte in ("0a", "0b", "0e"))
BOOK = Book(DOMAIN, {ANN: 1, BOB: 2})
FUNDS = {ANN: 10_000}


def charge(job: int, amount: int = 100, fee: int = 0, receipt: int = 5) -> Charge:
    settlement = Settlement(bytes([job] * 32), ANN, (Payout(BOB, amount, fee),), bytes([receipt] * 32))
    return as_charged(settlement)[0]


def epoch_of(*charges: Charge, before: Book = BOOK, number: int = 1) -> tuple[Epoch, Posted]:
    made, _ = lay(before, number, charges)
    return made, posted_as(made, 1_800_000_000, POSTER)


@pytest.mark.parametrize(
    ("charges", "funds", "found"),
    [
        ((charge(1), charge(2, fee=5)), 10_000, []),
        ((charge(1), charge(2, fee=6)), 10_000, [(Ground.WRONG_STEP, 1)]),
        ((charge(1), charge(2)), 200, []),
        ((charge(1), charge(2)), 199, [(Ground.WRONG_STEP, 1)]),
        ((charge(1), charge(2), charge(1)), 10_000, [(Ground.CHARGED_TWICE, 2)]),
        ((charge(1)._replace(part=1, spent=200),), 10_000, [(Ground.WRONG_STEP, 0)]),
    ],
)
def test_a_step_that_breaks_a_rule_is_proven(
    charges: tuple[Charge, ...], funds: int, found: list[tuple[Ground, int]]
) -> None:
    made, posted = epoch_of(*charges)
    assert [(each.ground, each.index) for each in provable(BOOK, made, posted, {ANN: funds}, [])] == found


def test_a_charge_of_an_earlier_epoch_is_named_by_where_it_was_made_first() -> None:
    first, after = lay(BOOK, 1, [charge(1), charge(2)])
    made, posted = epoch_of(charge(3), charge(2), before=after, number=2)
    (doubt,) = provable(after, made, posted, FUNDS, [first])
    assert (doubt.index, doubt.first) == (1, (1, 1))


def test_a_root_to_which_the_last_step_does_not_lead_is_proven_by_that_step() -> None:
    made, posted = epoch_of(charge(1), charge(2))
    bent = replace(posted, state=posted.state._replace(hash=bytes(32)))
    (doubt,) = provable(BOOK, made, bent, FUNDS, [])
    assert (doubt.ground, doubt.index) == (Ground.WRONG_STEP, 1)


@pytest.mark.parametrize("lie", range(9))
@pytest.mark.parametrize("field", ["amount", "receipt"])
def test_what_was_posted_otherwise_than_said_is_asked_for_until_it_is_shown(lie: int, field: str) -> None:
    said = [charge(job) for job in range(1, 10)]
    made, _ = epoch_of(*said)
    true, posted = epoch_of(*(charge(job, **({field: 77} if job == lie + 1 else {})) for job in range(1, 10)))
    shown = {}
    while doubt := unseen(DOMAIN, posted, made, (), shown):
        assert doubt.ground is Ground.UNSEEN and doubt.index not in shown
        shown[doubt.index] = true.steps[doubt.index]
    assert lie in shown
    assert len(shown) <= (4 if field == "amount" else lie + 1)


def test_a_step_of_which_nothing_was_said_is_asked_for_first() -> None:
    true, posted = epoch_of(charge(1), charge(2))
    shown = dict(enumerate(true.steps))
    cases = [((0, 1), {}), ((1,), {}), ((0, 1), {0: shown[0]}), ((0, 1), shown)]
    asked = [unseen(DOMAIN, posted, None, untold, seen) for untold, seen in cases]
    assert [each and each.index for each in asked] == [0, 1, 1, None]


@pytest.mark.parametrize("more", [charge(4), charge(4, amount=0)])
def test_steps_beyond_those_that_were_said_are_asked_for_until_one_is_shown(more: Charge) -> None:
    made, _ = epoch_of(*(charge(job) for job in range(1, 4)))
    true, posted = epoch_of(*(charge(job) for job in range(1, 4)), more)
    shown: dict[int, Step] = {}
    while doubt := unseen(DOMAIN, posted, made, (), shown):
        assert doubt.index not in shown
        shown[doubt.index] = true.steps[doubt.index]
    assert 3 in shown


def test_of_an_epoch_of_fewer_steps_than_were_said_none_is_asked_for_that_it_has_not() -> None:
    made, _ = epoch_of(*(charge(job) for job in range(1, 4)), charge(4, amount=0))
    for count in (2, 3):
        true, posted = epoch_of(*(charge(job) for job in range(1, count + 1)))
        shown: dict[int, Step] = {}
        while doubt := unseen(DOMAIN, posted, made, (), shown):
            shown[doubt.index] = true.steps[doubt.index]
        assert shown
