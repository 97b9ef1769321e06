"""A dispute ends with whoever is wrong at fault, by the table of states, and refuses every other move."""

from dataclasses import replace

import pytest

from assay.proof.court import moves
from assay.proof.court.game import HANDLERS, advance, default, lodge, summon
from assay.proof.court.holding import open_span
from assay.proof.court.judge import Opening
from assay.proof.court.moves import Party, sign_move
from assay.proof.court.rehearsal import Rehearsal, changed, play_lie
from assay.proof.court.states import ENDS, TABLE, State
from assay.proof.court.trace import EMPTY
from assay.proof.keys import Key
from assay.schema.errors import Refused


def refused(code, dispute, signed, now=0):
    with pytest.raises(Refused) as caught:
        advance(dispute, signed, now)
    assert caught.value.code == code


@pytest.mark.parametrize("operator", range(8))
def test_a_lie_in_any_operator_is_found_and_judged(make_court, operator):
    account = make_court(operator, "true").play()
    assert account.dispute.state is State.WORKER_FAULT and account.dispute.cause == "judged"
    assert account.dispute.at_fault == {Party.WORKER} and account.refused == ()
    assert (account.dispute.step, account.dispute.interval.low) == (4, operator)
    assert account.dispute.awaits == ()


@pytest.mark.parametrize("operator", range(8))
def test_a_false_challenge_ends_with_the_challenger_at_fault(make_court, operator):
    account = make_court("true", operator).play()
    assert account.dispute.state is State.CHALLENGER_FAULT and account.dispute.at_fault == {Party.CHALLENGER}


def test_the_same_end_is_no_dispute(make_court):
    with pytest.raises(Refused, match=r"court\.undisputed"):
        make_court(5, 5).play()


def test_both_are_at_fault_where_neither_has_the_true_element(make_court):
    """Each has another wrong bit in the same element."""
    court = make_court(6, "true")
    false = court.worker_steps[4].outputs[6]
    other = replace(false, data=bytes([false.data[0] ^ 0xFF]) + false.data[1:])
    account = make_court(6, {6: other}).play()
    assert account.dispute.state is State.WORKER_FAULT
    assert account.dispute.at_fault == {Party.WORKER, Party.CHALLENGER}


def test_a_worker_that_hides_its_output_must_reveal_its_chunks(make_court):
    court = make_court(5, "true", is_published=False)
    dispute = court.until(moves.Reveal)
    true = court.next(dispute).hashes
    short = (true[0], true[1][:-1])
    for hashes, code in (
        (true[::-1], "court.bad_opening"),
        (true[:-1], "court.malformed"),
        ((*true, bytes(32)), "court.malformed"),
        (short, "court.malformed"),
        ((), "court.malformed"),
    ):
        refused(code, dispute, court.sign(dispute, moves.Reveal(hashes)))
    account = court.play()
    assert account.dispute.at_fault == {Party.WORKER} and account.dispute.cause == "judged"


def test_a_lie_in_the_middle_of_an_output_is_judged_in_its_place_by_what_the_worker_itself_has_there(make_court):
    true = make_court("true", 6).worker_steps[4].outputs[6]
    court = make_court({6: changed(true, 3)}, "true")
    dispute = court.until(moves.Answer)
    assert (dispute.leaf.chunk, dispute.leaf.countered) == (1, true.root)
    lie = court.worker_steps[4].outputs[6]
    for opening in (open_span(true, 1, 2), open_span(lie, 0, 1)):
        refused("court.bad_opening", dispute, court.sign(dispute, moves.Answer(opening)))
    account = court.play()
    assert account.dispute.leaf.place == 3 and account.dispute.at_fault == {Party.WORKER}


def test_a_lie_about_the_state_after_a_step_is_judged_by_its_source(make_court):
    """Every operator is right, but a slot of the next state is not the output that the program puts there."""
    court = make_court(7, "true")
    false = court.worker_steps[4]
    mixed = replace(court.challenger_steps[4], after=false.after)
    court.worker.step = [*court.challenger_steps[:4], mixed, *court.worker_steps[5:]].__getitem__
    assert court.until(moves.Point).awaits == (moves.Point, moves.Demand)
    dispute = court.until(moves.Prove)
    true = court.next(dispute)
    for move in (replace(true, source=None), replace(true, found=None), moves.Prove(true.operands)):
        refused("court.malformed", dispute, court.sign(dispute, move))
    account = court.play()
    assert account.dispute.interval.low == 8 and account.dispute.leaf.operator is None
    assert account.dispute.at_fault == {Party.WORKER} and account.dispute.cause == "judged"
    turned = make_court("true", 7)
    mixed = replace(turned.worker_steps[4], after=turned.challenger_steps[4].after)
    turned.challenger.step = [*turned.worker_steps[:4], mixed, *turned.challenger_steps[5:]].__getitem__
    assert turned.play().dispute.at_fault == {Party.CHALLENGER}


def test_a_long_lease_is_judged_in_seven_rounds_and_ten_kilobytes():
    account = play_lie(Rehearsal(100, 100, 496, 4), 7371, 302)
    assert account.dispute.at_fault == {Party.WORKER} and account.dispute.cause == "judged"
    assert account.rounds <= 7 and account.moves == 21
    assert account.move_bytes <= 4_000 and account.move_bytes + account.opening_bytes <= 5_000


def test_a_search_closes_in_on_segments_then_steps_then_operators(make_court):
    """Always on the second part of what is asked, in a lease of 105 segments of 96 steps of 49 operators."""
    court = make_court(5, "true")
    terms = replace(court.terms, record=replace(court.terms.record, segments=105, steps=96, operators=49))

    def say(dispute, move):
        return advance(dispute, sign_move(court.keys[move.by], terms, dispute.last, move), 0)

    dispute, seen = summon(terms.record, terms, 0), []
    dispute = say(say(dispute, moves.Contest(terms.bond)), moves.Join(terms.bond))
    while dispute.awaits == (moves.Probe,):
        seen.append((dispute.state, dispute.interval.low, dispute.interval.high))
        roots = tuple(bytes([len(seen), number]) * 10 for number in range(len(dispute.places)))
        before, dispute = dispute, say(say(dispute, moves.Probe(roots)), moves.Choose(1))
        assert (dispute.roots, dispute.rounds) == ((), len(seen)) and dispute.interval.disputed == roots[1]
        if dispute.step != before.step:
            assert (dispute.base, dispute.interval.agreed) == (roots[0], EMPTY.root)
        else:
            assert dispute.interval.agreed == roots[0]
    segment, step, operator = State.BISECT_SEGMENT, State.BISECT_STEP, State.BISECT_OPERATOR
    assert seen == [
        *((segment, 0, 10_080), (segment, 960, 1920), (step, 1056, 1152), (step, 1066, 1076)),
        *((operator, 0, 50), (operator, 7, 14)),
    ]
    assert (dispute.awaits, dispute.step, dispute.interval.low) == ((moves.Open,), 1067, 8)


def test_an_accepted_claim_is_slashed_and_so_is_an_unanswered_one(false_worker):
    dispute = false_worker.open()
    accepted = advance(dispute, false_worker.sign(dispute, moves.Accept()), 7)
    lapsed = default(dispute, 3601)
    assert accepted.state is lapsed.state is State.SLASHED
    assert accepted.at_fault == lapsed.at_fault == {Party.WORKER}


@pytest.mark.parametrize(
    ("kind", "silent"),
    [
        (moves.Join, Party.CHALLENGER),
        (moves.Probe, Party.WORKER),
        (moves.Choose, Party.CHALLENGER),
        (moves.Open, Party.WORKER),
        (moves.Point, Party.CHALLENGER),
        (moves.Answer, Party.WORKER),
        (moves.Prove, Party.CHALLENGER),
        (moves.Reveal, Party.WORKER),
    ],
)
def test_silence_loses(make_court, kind, silent):
    court = make_court(5, "true", is_published=kind is not moves.Reveal)
    dispute = court.until(kind)
    with pytest.raises(Refused, match=r"court\.early"):
        default(dispute, dispute.deadline_s)
    ended = court.lapse(dispute)
    assert ended.at_fault == {silent} and ended.is_over
    with pytest.raises(Refused, match=r"court\.closed"):
        default(ended, ended.deadline_s + 1)


def test_a_move_is_taken_once_in_its_own_dispute_by_its_own_party_in_time(make_court):
    court, other = make_court(5, "true"), make_court(6, "true")
    dispute = court.until(moves.Probe)
    probe = court.sign(dispute, court.next(dispute))
    refused("court.forged", dispute, court.sign(dispute, probe.move, Party.CHALLENGER))
    refused("court.forged", dispute, sign_move(Key.generate(), court.terms, dispute.last, probe.move))
    refused("event.forged", dispute, replace(probe, signature="0x" + "00" * 65))
    refused("court.late", dispute, probe, dispute.deadline_s + 1)
    refused("court.replayed", other.until(moves.Probe), probe)
    refused("court.forged", other.until(moves.Probe), replace(probe, after=other.until(moves.Probe).last[:8]))
    refused("court.replayed", dispute, replace(probe, after=bytes(8)))
    refused("court.replayed", dispute, replace(probe, after=b""))
    refused("court.out_of_turn", dispute, court.sign(dispute, moves.Choose(0)))
    after = advance(dispute, probe, dispute.deadline_s)
    refused("court.replayed", after, probe)
    refused("court.closed", court.lapse(after), court.sign(after, moves.Choose(0)))


def test_a_refused_move_changes_nothing_and_can_be_mended(false_worker):
    dispute = false_worker.until(moves.Probe)
    short = (*[bytes(20)] * (len(dispute.places) - 1), bytes(19))
    for roots in ((), (bytes(20),) * 3, short, (bytes(20),) * 10_000):
        refused("court.malformed", dispute, false_worker.sign(dispute, moves.Probe(roots)))
    assert advance(dispute, false_worker.sign(dispute, false_worker.next(dispute)), 0).awaits == (moves.Choose,)


@pytest.mark.parametrize("index", [-1, 6, 2**40])
def test_a_choice_beyond_the_probes_is_refused(false_worker, index):
    dispute = false_worker.until(moves.Choose)
    refused("court.malformed", dispute, false_worker.sign(dispute, moves.Choose(index)))


def test_both_put_up_the_whole_bond(false_worker):
    dispute = false_worker.open()
    refused("court.unbonded", dispute, false_worker.sign(dispute, moves.Contest(10**18 - 1)))
    dispute = false_worker.until(moves.Join)
    refused("court.unbonded", dispute, false_worker.sign(dispute, moves.Join(0)))


def test_the_opened_operator_must_be_the_programs_on_agreed_inputs_after_the_agreed_trace(false_worker):
    dispute = false_worker.until(moves.Open)
    true = false_worker.next(dispute)
    other = lease_operators(false_worker)[4]
    second = true.inputs[0]
    for move in (
        replace(true, operator=other),
        replace(true, path=true.path[:-1]),
        replace(true, inputs=()),
        replace(true, inputs=(replace(second, root=bytes(32)), *true.inputs[1:])),
        replace(true, inputs=(replace(second, path=second.path[::-1]), *true.inputs[1:])),
        replace(true, peaks=()),
        replace(true, peaks=true.peaks[::-1]),
        replace(true, output=false_worker.challenger_steps[4].outputs[5].root),
    ):
        refused("court.bad_opening", dispute, false_worker.sign(dispute, move))
    unsigned = replace(true, signature=false_worker.keys[Party.CHALLENGER].sign(bytes(32)))
    refused("court.forged", dispute, false_worker.sign(dispute, unsigned))


def lease_operators(court):
    return court.worker.program.operators


def test_the_challenger_points_at_a_difference_that_it_stands_by(false_worker):
    dispute = false_worker.until(moves.Point)
    assert dispute.awaits == (moves.Point, moves.Demand)
    true = false_worker.next(dispute)
    for move, code in (
        (replace(true, output=dispute.leaf.output), "court.undisputed"),
        (replace(true, output=b""), "court.undisputed"),
        (replace(true, chunk=1), "court.bad_opening"),
        (replace(true, chunk=2), "court.bad_opening"),
        (replace(true, opening=Opening(true.opening.data + bytes(4), true.opening.path)), "court.bad_opening"),
        (replace(true, opening=Opening(true.opening.data, (bytes(32),) * 1000)), "court.bad_opening"),
        (replace(true, signature=""), "event.forged"),
    ):
        refused(code, dispute, false_worker.sign(dispute, move))


def test_whoever_points_where_both_say_the_same_is_at_fault(make_court):
    court = make_court("true", 5)
    dispute = court.until(moves.Point)
    point = court.next(dispute)
    other = 1 - point.chunk
    output = court.challenger_steps[4].outputs[5]
    point = moves.Point(point.output, other, open_span(output, other, other + 1), point.signature)
    dispute = advance(dispute, court.sign(dispute, point), 0)
    ended = advance(dispute, court.sign(dispute, court.next(dispute)), 0)
    assert ended.state is State.CHALLENGER_FAULT and ended.cause == "undisputed"


def test_terms_that_are_not_on_record_open_nothing(false_worker):
    terms = false_worker.terms
    claim = sign_move(false_worker.keys[Party.CHALLENGER], terms, terms.id, moves.Claim())
    for record in (replace(terms.record, claimed=bytes(32)), replace(terms.record, worker="0x" + "00" * 20)):
        with pytest.raises(Refused, match=r"court\.terms"):
            lodge(record, terms, claim, 0)
    for bad in (
        replace(terms, move_s=0),
        replace(terms, record=replace(terms.record, steps=2**31)),
        replace(terms, record=replace(terms.record, program=b"")),
        replace(terms, challenger=terms.record.worker),
    ):
        claim = sign_move(false_worker.keys[Party.CHALLENGER], bad, bad.id, moves.Claim())
        with pytest.raises(Refused, match=r"court\.terms"):
            lodge(bad.record, bad, claim, 0)
    with pytest.raises(Refused, match=r"court\.replayed"):
        lodge(terms.record, terms, claim, 0)


def test_the_table_knows_every_state_and_every_move():
    sources = {state for state, _ in TABLE}
    assert sources | ENDS == set(State) and not sources & ENDS
    assert {move for _, move in TABLE} == set(HANDLERS)
