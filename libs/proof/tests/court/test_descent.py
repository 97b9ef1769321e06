"""The way down to one chunk of an output: bound to its root at every level, in as few moves as there can be."""

from dataclasses import replace
from functools import cache

import pytest

from assay.proof.court import moves
from assay.proof.court.descent import descend, nodes_of
from assay.proof.court.game import advance
from assay.proof.court.holding import open_span
from assay.proof.court.moves import Party
from assay.proof.court.rehearsal import BLOCK, Rehearsal, changed
from assay.proof.court.tree import hash_leaf, top_of
from assay.schema.errors import Refused

from .conftest import Court

SIDE, OPERATOR = 40, 5


def leaves_of(size, mark=b""):
    return [hash_leaf(mark + place.to_bytes(4, "big")) for place in range(size)]


@pytest.mark.parametrize("size", [2, 3, 15, 16, 17, 31, 32, 33, 40, 257, 4097, 6144])
def test_every_chunk_is_reached_by_nodes_that_lead_to_the_root(size):
    leaves = leaves_of(size)
    for chunk in {0, 1, size // 3, size - 2, size - 1}:
        found, rounds = descend(size), 0
        while not found.is_at_leaves:
            found = found.ask((chunk >> found.level) - found.first)
            level, first, last = found.below
            nodes = nodes_of(leaves, level)[first:last]
            assert len(nodes) <= 16
            found, rounds = found.show(nodes, top_of(leaves).__eq__), rounds + 1
        assert found.hashes[chunk - found.first] == leaves[chunk]
        assert 16 ** (rounds - 1) < size <= 16**rounds


def test_sixteen_million_chunks_take_six_rounds_of_sixteen():
    found, told = descend(2**24), []
    while not found.is_at_leaves:
        level, first, last = found.below
        told.append(last - first)
        found = replace(found, level=level, first=first, hashes=(bytes(32),) * (last - first))
    assert told == [16] * 6


def test_levels_are_shared_out_so_that_no_round_tells_more_than_it_must():
    found, told = descend(2**5), []
    while not found.is_at_leaves:
        level, first, last = found.below
        told.append(last - first)
        found = replace(found, level=level, first=first, hashes=(bytes(32),) * (last - first))
    assert told == [8, 4]


def refuses(code, function, *arguments):
    with pytest.raises(Refused) as caught:
        function(*arguments)
    assert caught.value.code == code


def test_nodes_that_do_not_lead_to_the_one_asked_about_are_refused_at_every_level():
    leaves, other = leaves_of(300), leaves_of(300, b"other")
    found = descend(300)
    while not found.is_at_leaves:
        found = found.ask(max(len(found.hashes) - 1, 0))
        level, first, last = found.below
        true, false = (nodes_of(each, level)[first:last] for each in (leaves, other))
        swapped = [true[1], true[0], *true[2:]]
        for wrong in (false, [*true[:-1], false[-1]], swapped):
            refuses("court.bad_opening", found.show, wrong, top_of(leaves).__eq__)
        for wrong in (true[:-1], [*true, true[0]], [], [*true[:-1], true[-1][:20]]):
            refuses("court.malformed", found.show, wrong, top_of(leaves).__eq__)
        found = found.show(true, top_of(leaves).__eq__)
        for index in (-1, len(true), 2**40):
            refuses("court.malformed", found.ask, index)


def test_below_a_chunk_there_is_nothing():
    refuses("court.malformed", descend(1).ask, 0)


@cache
def lease():
    """One step on tensors of forty rows: outputs of forty chunks, two rounds."""
    return Rehearsal(1, 1, BLOCK, SIDE)


@cache
def steps(place=None):
    if place is None:
        return lease().run_all()
    return lease().run_all({0: {OPERATOR - 1: changed(steps()[0].outputs[OPERATOR - 1], place)}})


def court_of(worker, challenger):
    return Court(steps(worker), steps(challenger), False, lease())


@pytest.mark.parametrize("place", [0, SIDE * 17 + 3, SIDE * SIDE - 1])
@pytest.mark.parametrize("is_worker_false", [True, False])
def test_a_lie_in_any_chunk_of_a_hidden_output_is_found(place, is_worker_false):
    court = court_of(place, None) if is_worker_false else court_of(None, place)
    account = court.play()
    wrong = Party.WORKER if is_worker_false else Party.CHALLENGER
    assert (account.dispute.at_fault, account.dispute.cause) == ({wrong}, "judged")
    assert account.dispute.leaf.place == place and account.refused == ()
    # Of forty chunks eight nodes are told, then eight; the search for the operator takes one round.
    assert account.rounds == 3


def shown(court, count):
    """The dispute at which something is asked, after so many have been shown."""
    dispute, last = court.open(), None
    while moves.Reveal not in dispute.awaits or count:
        count -= moves.Reveal in dispute.awaits
        last = court.next(dispute, last)
        dispute = advance(dispute, court.sign(dispute, last), 0)
    return dispute


@pytest.mark.parametrize("count", [0, 1])
def test_a_worker_cannot_show_nodes_of_another_output_and_loses_by_silence(count):
    court = court_of(77, None)
    dispute = shown(court, count)
    true = court.challenger.reveal(dispute)
    with pytest.raises(Refused, match=r"court\.bad_opening"):
        advance(dispute, court.sign(dispute, true), 0)
    assert court.lapse(dispute).at_fault == {Party.WORKER}


def test_a_challenger_that_stops_asking_loses_by_silence():
    court = court_of(None, 77)
    dispute = shown(court, 0)
    dispute = advance(dispute, court.sign(dispute, court.next(dispute)), 0)
    assert dispute.awaits == (moves.Point, moves.Demand)
    assert court.lapse(dispute).at_fault == {Party.CHALLENGER}


def test_a_challenger_that_descends_where_nothing_differs_is_at_fault():
    """Below any node it may ask what it likes: in the chunk that it points at both say the same."""
    court = court_of(None, SIDE * SIDE - 1)
    dispute = shown(court, 0)
    dispute = advance(dispute, court.sign(dispute, court.next(dispute)), 0)
    dispute = advance(dispute, court.sign(dispute, moves.Demand(0)), 0)
    dispute = advance(dispute, court.sign(dispute, court.next(dispute)), 0)
    assert dispute.awaits == (moves.Point,)
    output = court.challenger_steps[0].outputs[dispute.interval.low]
    point = replace(court.next(dispute), chunk=1, opening=open_span(output, 1, 2))
    dispute = advance(dispute, court.sign(dispute, point), 0)
    ended = advance(dispute, court.sign(dispute, court.next(dispute)), 0)
    assert (ended.at_fault, ended.cause) == ({Party.CHALLENGER}, "undisputed")


@pytest.mark.parametrize("index", [-1, 8, 2**60])
def test_only_what_was_shown_is_asked_about(index):
    court = court_of(None, 77)
    dispute = shown(court, 0)
    dispute = advance(dispute, court.sign(dispute, court.next(dispute)), 0)
    with pytest.raises(Refused, match=r"court\.malformed"):
        advance(dispute, court.sign(dispute, moves.Demand(index)), 0)


def test_an_output_of_one_chunk_is_pointed_at_without_being_shown():
    single = Rehearsal(1, 1, BLOCK, 1)
    true = single.run_all()
    false = single.run_all({0: {7: changed(true[0].outputs[7], 0)}})
    court = Court(false, true, False, single)
    dispute = court.until(moves.Point)
    assert dispute.awaits == (moves.Point,)
    assert court.play().dispute.at_fault == {Party.WORKER}
