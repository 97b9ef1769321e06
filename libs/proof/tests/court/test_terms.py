"""How a dispute is opened: by the clerk on what is on record, on terms that can be kept, and on no others."""

from dataclasses import replace

import pytest

from assay.proof.court import moves
from assay.proof.court.encoding import encode
from assay.proof.court.game import advance, default, lodge, summon
from assay.proof.court.moves import Party, sign_move
from assay.proof.court.states import State
from assay.proof.court.terms import SIZE_MAX, check_terms
from assay.proof.keccak import keccak256
from assay.schema.errors import Refused

SIZES = ("segments", "steps", "operators", "slots")
ROOTS = ("program", "data", "start", "claimed")


def refuses(code, terms):
    with pytest.raises(Refused) as caught:
        check_terms(terms)
    assert caught.value.code == code


def test_terms_that_cannot_be_kept_are_none(make_court):
    terms = make_court(5, "true").terms
    check_terms(replace(terms, move_s=1, contest_s=1, appeal_s=0, bond=0, record=replace(terms.record, data_slots=0)))
    ends = {"segments": 1, "steps": 2**31 - 1, "operators": 1, "slots": 1}
    check_terms(replace(terms, record=replace(terms.record, **ends)))
    assert terms.id == keccak256(b"assay.dispute.1" + encode(terms))
    records = [{name: size} for name in SIZES for size in (0, -1, SIZE_MAX)]
    records += [{"data_slots": -1}, {"segments": 2**16, "steps": 2**15}]
    records += [{name: bytes(size)} for name in ROOTS for size in (31, 33)]
    for changes in records:
        refuses("court.terms", replace(terms, record=replace(terms.record, **changes)))
    for changes in (
        {"move_s": 0},
        {"contest_s": 0},
        {"appeal_s": -1},
        {"bond": -1},
        {"challenger": terms.record.worker},
    ):
        refuses("court.terms", replace(terms, **changes))
    for countered in (terms.record.claimed, bytes(31), bytes(33)):
        refuses("court.undisputed", replace(terms, countered=countered))


def test_the_clerk_opens_on_what_is_on_record_alone(make_court):
    court = make_court(5, "true")
    terms, other = court.terms, replace(court.terms.record, start=bytes(32))
    claim = sign_move(court.keys[Party.CHALLENGER], terms, terms.id, moves.Claim())
    for begin in (lambda: lodge(other, terms, claim, 0), lambda: summon(other, terms, 0)):
        with pytest.raises(Refused, match=r"court\.terms"):
            begin()
    with pytest.raises(Refused, match=r"court\.terms"):
        summon(terms.record, replace(terms, bond=-1), 0)


def test_a_claim_opens_what_the_clerk_would(make_court):
    court = make_court(5, "true")
    terms = court.terms
    claim = sign_move(court.keys[Party.CHALLENGER], terms, terms.id, moves.Claim())
    lodged, summoned = lodge(terms.record, terms, claim, 7), summon(terms.record, terms, 7)
    assert lodged == replace(summoned, last=claim.digest(terms, terms.id))


def test_what_the_clerk_opens_is_contested_in_time_or_lost(make_court):
    court = make_court(5, "true")
    dispute = summon(court.terms.record, court.terms, 7)
    last_s = 7 + court.terms.contest_s
    assert (dispute.state, dispute.deadline_s, dispute.last) == (State.CLAIMED, last_s, court.terms.id)
    assert dispute.awaits == (moves.Accept, moves.Contest) and dispute.turn is Party.WORKER
    contest = court.sign(dispute, court.next(dispute))
    with pytest.raises(Refused, match=r"court\.late"):
        advance(dispute, contest, last_s + 1)
    joined = advance(dispute, contest, last_s)
    assert (joined.awaits, joined.deadline_s) == ((moves.Join,), last_s + court.terms.move_s)
    lapsed = default(dispute, last_s + 1)
    assert (lapsed.state, lapsed.at_fault) == (State.SLASHED, {Party.WORKER})
    searched = advance(joined, court.sign(joined, court.next(joined)), last_s)
    record = court.terms.record
    assert (searched.interval.low, searched.interval.high) == (0, record.segments * record.steps)
    assert (searched.interval.agreed, searched.interval.disputed) == (record.start, record.claimed)
