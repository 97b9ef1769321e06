"""A small lease, run truly and with a lie, and what the parties of a dispute hold of it; made once."""

from dataclasses import dataclass, field
from functools import cache

import pytest

from assay.proof.court.game import advance, default, lodge
from assay.proof.court.machine import Step
from assay.proof.court.moves import Claim, Party, sign_move
from assay.proof.court.play import play
from assay.proof.court.rehearsal import BLOCK, Rehearsal, changed

LIE_STEP = 4


@cache
def lease() -> Rehearsal:
    """Two segments of three steps of eight operators."""
    return Rehearsal(2, 3, BLOCK, 2)


@cache
def truth() -> list[Step]:
    return lease().run_all()


@cache
def lie(operator: int, place: int = 0) -> list[Step]:
    """The steps of one who puts one bit wrong in one operator's output and goes on from there."""
    true = truth()[LIE_STEP].outputs[operator]
    return lease().run_all({LIE_STEP: {operator: changed(true, place)}})


@dataclass
class Court:
    """A dispute between a worker and a challenger, each with the steps that it holds for true."""

    worker_steps: list[Step]
    challenger_steps: list[Step]
    is_published: bool = True
    lease: Rehearsal = field(default_factory=lambda: lease())

    def __post_init__(self):
        seen = {root: tensor for step in self.worker_steps for root, tensor in step.tensors.items()}
        self.worker = self.lease.hold(Party.WORKER, self.worker_steps)
        self.challenger = self.lease.hold(Party.CHALLENGER, self.challenger_steps, seen if self.is_published else None)
        self.terms = self.lease.terms(self.worker, self.challenger)
        self.keys = self.lease.keys
        self.holdings = {Party.WORKER: self.worker, Party.CHALLENGER: self.challenger}

    def play(self, **speakers):
        """The account of the dispute, with other speakers in a party's place."""
        spoken = {party: speakers.get(party, holding.move) for party, holding in self.holdings.items()}
        return play(self.terms, self.keys, spoken)

    def open(self, now=0):
        claim = sign_move(self.keys[Party.CHALLENGER], self.terms, self.terms.id, Claim())
        return lodge(self.terms.record, self.terms, claim, now)

    def sign(self, dispute, move, party=None):
        return sign_move(self.keys[party or move.by], self.terms, dispute.last, move)

    def next(self, dispute, last=None):
        """The move that an honest party makes now."""
        return self.holdings[dispute.turn].move(dispute, last)

    def until(self, kind, now=0):
        """The dispute at which a move of this kind is awaited first."""
        dispute, last = self.open(now), None
        while kind not in dispute.awaits:
            last = self.next(dispute, last)
            dispute = advance(dispute, self.sign(dispute, last), now)
        return dispute

    def lapse(self, dispute):
        return default(dispute, dispute.deadline_s + 1)


@pytest.fixture
def false_worker():
    """The worker put one bit wrong in operator 5 of step 4."""
    return Court(lie(5), truth())


@pytest.fixture
def false_challenger():
    """The challenger has the wrong bit."""
    return Court(truth(), lie(5))


@pytest.fixture(scope="session")
def make_court():
    """A court over what both hold: `true`, the number of the operator that is a lie, or other outputs for it."""

    def make(worker, challenger, is_published=True):
        def steps(held):
            if isinstance(held, dict):
                return lease().run_all({LIE_STEP: held})
            return truth() if held == "true" else lie(held)

        return Court(steps(worker), steps(challenger), is_published)

    return make
