"""The dispute as a pure function: `advance` by a signed move, `default` by silence.

The parties search for the first state of the lease that they do not share, then for the first operator of that step
whose output they do not share. What precedes it is agreed by both, so a referee needs to look at one element of one
output. An honest party only has to tell the truth in time: then every root that it stands by is true, and whatever the
other one says, the element that is judged in the end is right on its side.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any, Final

from assay.proof.court import moves
from assay.proof.court.leaf import Agreed, Leaf, leaf_of
from assay.proof.court.moves import PARTIES, Move, Party, Signed
from assay.proof.court.search import Interval, places_of
from assay.proof.court.standing import check_output, check_parts, check_signer
from assay.proof.court.states import ENDS, SILENCE, TABLE, State
from assay.proof.court.terms import Record, Terms, check_terms
from assay.proof.court.trace import EMPTY
from assay.proof.court.tree import HASH_BYTES, TOLD_BYTES, is_root
from assay.schema.errors import Refused

Awaited = tuple[type[Move], ...]
NOBODY: Final = frozenset[Party]()


@dataclass(frozen=True)
class Dispute:
    """A dispute at one moment: its state, which moves are awaited until when, and what the search has come to."""

    terms: Terms
    state: State
    awaits: Awaited
    deadline_s: int
    last: bytes
    interval: Interval
    step: int | None = None
    base: bytes = b""
    roots: tuple[bytes, ...] = ()
    leaf: Leaf | None = None
    at_fault: frozenset[Party] = NOBODY
    cause: str = ""
    rounds: int = 0

    @property
    def turn(self) -> Party:
        """Whose move is awaited, while it is not over."""
        return self.awaits[0].by

    @property
    def is_over(self) -> bool:
        """Whether it has come to its end."""
        return self.state in ENDS

    @property
    def places(self) -> tuple[int, ...]:
        """Where the search asks for roots."""
        return places_of(self.interval, self.terms.record.steps if self.step is None else 1)


def lodge(record: Record, terms: Terms, claim: Signed, now: int) -> Dispute:
    """The dispute that a claim opens, held to what is on record of the lease. Raises Refused."""
    check_terms(terms)
    if terms.record != record:
        raise Refused("court.terms", "The lease is on record otherwise.")
    interval = Interval(0, record.length, record.start, record.claimed)
    dispute = Dispute(terms, State.CLAIMED, (moves.Claim,), now, terms.id, interval)
    _check_move(dispute, claim, now)
    awaits: Awaited = (moves.Accept, moves.Contest)
    return replace(dispute, awaits=awaits, deadline_s=now + terms.contest_s, last=claim.digest(terms, terms.id))


def summon(record: Record, terms: Terms, now: int) -> Dispute:
    """The dispute that the clerk opens on an answer which the challenger has signed already, so that it claims no more.

    The challenger stands by it with its bond once the worker contests. Raises Refused.
    """
    check_terms(terms)
    if terms.record != record:
        raise Refused("court.terms", "The lease is on record otherwise.")
    interval = Interval(0, record.length, record.start, record.claimed)
    awaits: Awaited = (moves.Accept, moves.Contest)
    return Dispute(terms, State.CLAIMED, awaits, now + terms.contest_s, terms.id, interval)


def advance(dispute: Dispute, signed: Signed, now: int) -> Dispute:
    """The dispute after a move. Raises Refused, and then nothing has changed."""
    _check_move(dispute, signed, now)
    last = signed.digest(dispute.terms, dispute.last)
    after = replace(dispute, last=last, deadline_s=now + dispute.terms.move_s)
    moved = HANDLERS[type(signed.move)](after, signed.move)
    assert moved.state in TABLE[dispute.state, type(signed.move)]
    return moved


def default(dispute: Dispute, now: int) -> Dispute:
    """The dispute after the one whose turn it was let the deadline pass. Raises Refused before that."""
    _check_running(dispute)
    if now <= dispute.deadline_s:
        raise Refused("court.early", f"{dispute.turn} has until {dispute.deadline_s}.")
    silent = dispute.turn
    state = State.SLASHED if dispute.state is State.CLAIMED else SILENCE[silent]
    return end(dispute, state, frozenset({silent}), "silence")


def end(dispute: Dispute, state: State, at_fault: frozenset[Party], cause: str) -> Dispute:
    """The dispute at its end."""
    return replace(dispute, state=state, awaits=(), at_fault=at_fault, cause=cause)


def rule(dispute: Dispute, at_fault: frozenset[Party], cause: str) -> Dispute:
    """The dispute at its end by who is wrong; if both are, it is the worker's fault and the challenger's as well."""
    states = {Party.WORKER: State.WORKER_FAULT, Party.CHALLENGER: State.CHALLENGER_FAULT}
    return end(dispute, next(states[party] for party in states if party in at_fault), at_fault, cause)


def _check_running(dispute: Dispute) -> None:
    if dispute.is_over:
        raise Refused("court.closed", f"It ended as {dispute.state}.")


def _check_move(dispute: Dispute, signed: Signed, now: int) -> None:
    _check_running(dispute)
    if not signed.follows(dispute.last):
        raise Refused("court.replayed", "The move does not follow the last one.")
    if type(signed.move) not in dispute.awaits:
        raise Refused("court.out_of_turn", f"{dispute.state} awaits {[move.__name__ for move in dispute.awaits]}.")
    if now > dispute.deadline_s:
        raise Refused("court.late", f"The deadline was {dispute.deadline_s}.")
    check_signer(dispute.terms, signed.digest(dispute.terms, dispute.last), signed.signature, signed.move.by)


def _accept(dispute: Dispute, _: moves.Accept) -> Dispute:
    return end(dispute, State.SLASHED, frozenset({Party.WORKER}), "accepted")


def _contest(dispute: Dispute, move: moves.Contest) -> Dispute:
    _check_bond(dispute, move.bond)
    return replace(dispute, state=State.CONTESTED, awaits=(moves.Join,))


def _join(dispute: Dispute, move: moves.Join) -> Dispute:
    _check_bond(dispute, move.bond)
    return _search(dispute, dispute.interval)


def _check_bond(dispute: Dispute, bond: int) -> None:
    if bond < dispute.terms.bond:
        raise Refused("court.unbonded", f"The bond is {dispute.terms.bond}.")


def _probe(dispute: Dispute, move: moves.Probe) -> Dispute:
    if len(move.roots) != len(dispute.places) or any(len(root) != TOLD_BYTES for root in move.roots):
        raise Refused("court.malformed", f"{len(dispute.places)} roots of {TOLD_BYTES} bytes are asked for.")
    return replace(dispute, roots=move.roots, awaits=(moves.Choose,))


def _choose(dispute: Dispute, move: moves.Choose) -> Dispute:
    if not 0 <= move.index <= len(dispute.roots):
        raise Refused("court.malformed", f"There are {len(dispute.roots)} probes.")
    interval = dispute.interval.narrow(dispute.places, dispute.roots, move.index)
    return _search(replace(dispute, roots=(), rounds=dispute.rounds + 1), interval)


def _search(dispute: Dispute, interval: Interval) -> Dispute:
    """The dispute with its search at this interval; a single step is searched by operators, the last being its end."""
    record, step = dispute.terms.record, dispute.step
    if step is not None and interval.width == 1:
        return _close_in(replace(dispute, interval=interval, state=State.BISECT_OPERATOR))
    if step is not None:
        return replace(dispute, interval=interval, state=State.BISECT_OPERATOR, awaits=(moves.Probe,))
    if interval.width == 1:
        operators = Interval(0, record.operators + 1, EMPTY.root, interval.disputed)
        return _search(replace(dispute, step=interval.low, base=interval.agreed), operators)
    state = State.BISECT_SEGMENT if interval.width > record.steps else State.BISECT_STEP
    return replace(dispute, interval=interval, state=state, awaits=(moves.Probe,))


def _close_in(dispute: Dispute) -> Dispute:
    """The dispute about one operator, which the worker opens; the closing of a step has nothing to be opened."""
    if dispute.interval.low < dispute.terms.record.operators:
        return replace(dispute, awaits=(moves.Open,))
    return _at(dispute, leaf_of(_agreed(dispute), None, (), dispute.interval.disputed))


def _at(dispute: Dispute, leaf: Leaf) -> Dispute:
    """The dispute at a leaf: the challenger points, or asks what it cannot see, if there is anything to be shown."""
    awaits: Awaited = (moves.Point,) if leaf.descent.is_at_leaves else (moves.Point, moves.Demand)
    return replace(dispute, leaf=leaf, state=State.LEAF_OPENED, awaits=awaits)


def _agreed(dispute: Dispute) -> Agreed:
    assert dispute.step is not None
    interval = dispute.interval
    return Agreed(dispute.terms.record, dispute.step, dispute.base, interval.low, interval.agreed)


def _open(dispute: Dispute, move: moves.Open) -> Dispute:
    agreed = _agreed(dispute)
    agreed.check_operator(move.operator, move.path, move.inputs)
    agreed.check_extended(move.peaks, move.output, dispute.interval.disputed)
    leaf = leaf_of(agreed, move.operator, tuple(found.root for found in move.inputs), move.output)
    check_output(dispute.terms, leaf, move.output, move.signature, Party.WORKER)
    return _at(dispute, leaf)


def _demand(dispute: Dispute, move: moves.Demand) -> Dispute:
    leaf = _leaf(dispute)
    return replace(dispute, leaf=replace(leaf, descent=leaf.descent.ask(move.index)), awaits=(moves.Reveal,))


def _reveal(dispute: Dispute, move: moves.Reveal) -> Dispute:
    leaf = _leaf(dispute)
    shown = replace(leaf, descent=leaf.descent.show(move.hashes, leaf.is_top))
    return _at(replace(dispute, rounds=dispute.rounds + 1), shown)


def _point(dispute: Dispute, move: moves.Point) -> Dispute:
    leaf = _leaf(dispute)
    if is_root(move.output, leaf.output) or len(move.output) != HASH_BYTES:
        raise Refused("court.undisputed", "The challenger's output is the worker's, or none.")
    check_output(dispute.terms, leaf, move.output, move.signature, Party.CHALLENGER)
    leaf.check_chunk(move.output, move.chunk, move.opening)
    pointed = replace(leaf, countered=move.output, chunk=move.chunk, pointed=move.opening.data)
    return replace(dispute, leaf=pointed, awaits=(moves.Answer,))


def _answer(dispute: Dispute, move: moves.Answer) -> Dispute:
    leaf = _leaf(dispute)
    leaf.check_chunk(leaf.output, leaf.chunk, move.opening)
    difference = leaf.first_difference(move.opening.data, leaf.pointed)
    if difference is None:
        return rule(dispute, frozenset({Party.CHALLENGER}), "undisputed")
    place, words = difference
    leaf = replace(leaf, place=place, words=words)
    leaf = replace(leaf, parts=check_parts(dispute.terms, leaf, move.parts, Party.WORKER))
    return replace(dispute, leaf=leaf, state=State.REFEREED, awaits=(moves.Prove,))


def _prove(dispute: Dispute, move: moves.Prove) -> Dispute:
    leaf = _leaf(dispute)
    if parts := check_parts(dispute.terms, leaf, move.parts, Party.CHALLENGER):
        leaf = leaf.at_part(parts)
    if leaf.operator is not None:
        truth = leaf.truth(move.operands)
    elif move.source is None or move.found is None:
        raise Refused("court.malformed", "The closing is judged by the source of the slot.")
    else:
        truth = leaf.closing_truth(move.source, move.path, move.found)
    wrong = frozenset(party for party in PARTIES if leaf.word_of(party) != truth)
    return rule(replace(dispute, leaf=leaf), wrong, "judged")


def _leaf(dispute: Dispute) -> Leaf:
    assert dispute.leaf is not None
    return dispute.leaf


HANDLERS: Final[dict[type[Move], Callable[[Dispute, Any], Dispute]]] = {
    moves.Accept: _accept,
    moves.Contest: _contest,
    moves.Join: _join,
    moves.Probe: _probe,
    moves.Choose: _choose,
    moves.Open: _open,
    moves.Demand: _demand,
    moves.Reveal: _reveal,
    moves.Point: _point,
    moves.Answer: _answer,
    moves.Prove: _prove,
}
