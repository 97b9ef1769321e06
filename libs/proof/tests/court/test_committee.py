"""A committee's majority finds who lies beyond honest noise; what lies inside it is a tie, and nobody is slashed."""

from dataclasses import replace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.court import committee, moves
from assay.proof.court.committee import SIZE, case_of, decide, draw_members, sign_vote
from assay.proof.court.game import advance, is_final
from assay.proof.court.moves import Party
from assay.proof.court.operations import Operation
from assay.proof.court.primitives import Op
from assay.proof.court.program import Operator
from assay.proof.court.states import State
from assay.proof.eip712 import typed_digest, uint_word
from assay.proof.keccak import keccak256
from assay.proof.keys import Key, recover
from assay.schema.errors import Refused

KEYS = [Key.generate() for _ in range(12)]
SEED = b"beacon"
HONEST, BEYOND = 1_300, 290_000


@pytest.fixture(scope="module")
def dispute(make_court):
    """A dispute over an operator of ordinary kernels, of which both have said what they got."""
    court = make_court(5, "true")
    opened = court.until(moves.Point)
    native = Operator(Operation(Op.NATIVE, 4, 4, ((4, 9), (4, 9))), ())
    opened = replace(opened, leaf=replace(opened.leaf, operator=native, roots=()), awaits=(moves.Point,))
    point = court.challenger.point(opened)
    return advance(opened, court.sign(opened, point), 0)


@pytest.fixture(scope="module")
def members(dispute):
    parties = dispute.terms.record.worker, dispute.terms.challenger
    return draw_members(SEED, [key.address for key in KEYS] + list(parties), parties)


def votes_of(dispute, members, residuals):
    keys = [key for address in members for key in KEYS if key.address == address]
    return [sign_vote(key, dispute, *pair) for key, pair in zip(keys, residuals, strict=False)]


def test_members_are_drawn_by_the_seed_and_are_no_parties(dispute, members):
    parties = dispute.terms.record.worker, dispute.terms.challenger
    everyone = [key.address for key in KEYS]
    assert len(members) == len(set(members)) == SIZE and not set(members) & set(parties)
    assert draw_members(SEED, reversed([*everyone, *everyone]), parties) == members
    plain = [f"0x{number:040x}" for number in range(8)]
    assert [plain.index(each) for each in draw_members(SEED, plain, plain[:1])] == [7, 1, 5, 3, 4]
    drawn = {address for number in range(60) for address in draw_members(bytes([number]), everyone, parties)}
    assert drawn == {key.address for key in KEYS}


def test_an_operator_of_ordinary_kernels_goes_to_the_committee(dispute):
    assert dispute.state is State.REFEREED and dispute.turn is Party.COMMITTEE and dispute.awaits == ()
    assert dispute.leaf.countered not in (b"", dispute.leaf.output)


@pytest.mark.parametrize(
    ("pair", "state", "at_fault"),
    [
        ((BEYOND, HONEST), State.WORKER_FAULT, {Party.WORKER}),
        ((HONEST, BEYOND), State.CHALLENGER_FAULT, {Party.CHALLENGER}),
        ((BEYOND, BEYOND), State.WORKER_FAULT, {Party.WORKER, Party.CHALLENGER}),
        ((20_000, 20_000), State.NUMERIC_TIE, set()),
        ((20_001, 0), State.WORKER_FAULT, {Party.WORKER}),
    ],
)
def test_residuals_beyond_twenty_times_honest_noise_are_faults(dispute, members, pair, state, at_fault):
    ended = decide(dispute, members, votes_of(dispute, members, [pair] * 3))
    assert ended.state is state and ended.at_fault == at_fault
    assert ended.cause == ("voted" if at_fault else "noise")
    assert ended.deadline_s == dispute.deadline_s + dispute.terms.appeal_s
    assert not is_final(ended, ended.deadline_s)


def test_a_vote_is_signed_as_the_type_that_it_is(dispute):
    kind = keccak256(b"Vote(bytes32 dispute,bytes32 case,uint256 workerMilli,uint256 challengerMilli)")
    digest = typed_digest(dispute.terms.domain, kind + dispute.terms.id + dispute.last + uint_word(1) + uint_word(2))
    assert recover(digest, sign_vote(KEYS[0], dispute, 1, 2).signature) == KEYS[0].address.lower()


@settings(max_examples=60, deadline=None)
@given(data=st.data())
def test_two_of_five_who_lie_change_nothing(dispute, members, data):
    true = data.draw(st.sampled_from([(BEYOND, HONEST), (HONEST, BEYOND), (HONEST, HONEST)]))
    lies = data.draw(st.lists(st.tuples(st.integers(0, 10**6), st.integers(0, 10**6)), min_size=2, max_size=2))
    residuals = data.draw(st.permutations([true] * 3 + lies))
    honest = decide(dispute, members, votes_of(dispute, members, [true] * SIZE))
    assert decide(dispute, members, votes_of(dispute, members, residuals)).at_fault == honest.at_fault


def test_only_drawn_members_vote_once_on_this_case(dispute, members):
    votes = votes_of(dispute, members, [(BEYOND, HONEST)] * 3)
    outsider = next(key for key in KEYS if key.address not in members)
    drawn = next(key for key in KEYS if key.address == members[2])

    def said_otherwise(**changes):
        vote = replace(votes[2], **changes)
        return replace(vote, signature=drawn.sign(committee._digest(dispute, vote)))

    assert decide(dispute, members, [*votes[:2], said_otherwise(challenger_milli=2**64 - 1)]).at_fault == {Party.WORKER}
    for bad in (
        votes[:2],
        [*votes, votes[0]],
        [*votes[:2], said_otherwise(case=bytes(32))],
        [*votes[:2], said_otherwise(dispute=bytes(32))],
        [*votes[:2], said_otherwise(worker_milli=2**64)],
        [*votes[:2], said_otherwise(challenger_milli=2**64)],
        [*votes[:2], votes[1]],
        [*votes[:2], sign_vote(outsider, dispute, BEYOND, HONEST)],
        [*votes[:2], replace(votes[2], worker_milli=1)],
        [*votes[:2], replace(votes[2], case=bytes(32))],
        [*votes[:2], replace(votes[2], dispute=bytes(32))],
    ):
        with pytest.raises(Refused, match=r"court\.bad_vote"):
            decide(dispute, members, bad)
    for seats in (members[:4], (*members, outsider.address)):
        with pytest.raises(Refused, match=r"court\.bad_vote"):
            decide(dispute, seats, votes)
    with pytest.raises(Refused, match=r"court\.bad_vote"):
        decide(decide(dispute, members, votes), members, votes)


def test_a_silent_committee_is_a_tie(dispute, make_court):
    ended = make_court(5, "true").lapse(dispute)
    assert ended.state is State.NUMERIC_TIE and not ended.at_fault


def test_no_committee_sits_where_the_judge_does(make_court):
    with pytest.raises(Refused, match=r"court\.bad_vote"):
        case_of(make_court(5, "true").until(moves.Prove))
