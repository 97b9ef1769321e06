"""A dispute about one operator of a long lease, played out, then heard once more by the clerk's clock."""

import time
from collections.abc import Mapping
from dataclasses import dataclass, replace

from assay.proof.court.game import Dispute, advance, lodge
from assay.proof.court.holding import Holding
from assay.proof.court.machine import Step, Tensor, state_root
from assay.proof.court.moves import Claim, Move, Party, Prove, sign_move
from assay.proof.court.play import Account, Speaker, play
from assay.proof.court.primitives import Op
from assay.proof.court.rehearsal import changed
from assay.proof.court.terms import Terms
from assay.proof.court.tree import HASH_BYTES
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from bench.court.wide import WideRehearsal


@dataclass(frozen=True)
class Heard:
    """A dispute that was played: what it took, its moves, and the clerk's processor time, judging apart."""

    op: Op
    terms: Terms
    account: Account
    moves: tuple[Move, ...]
    clerk_s: float
    judging_s: float

    @property
    def size_bytes(self) -> int:
        """All that was sent."""
        return self.account.move_bytes + self.account.opening_bytes

    def said(self, kind: type[Move]) -> Move:
        """The move of this kind that was made."""
        return next(move for move in self.moves if isinstance(move, kind))


def hear(lease: WideRehearsal, step: int, operator: int, domain: Domain) -> Heard:
    """The dispute in which the worker lied about one operator of one step."""
    true = lease.run(lease.state, step)
    false = lease.run(lease.state, step, {operator: changed(true.outputs[operator])})
    honest = imagine(lease, Party.CHALLENGER, step, true, b"true", false.tensors)
    liar = imagine(lease, Party.WORKER, step, false, b"false", {})
    terms = replace(lease.terms(liar, honest), domain=domain)
    made: list[Move] = []
    speakers = {Party.WORKER: noted(liar.move, made), Party.CHALLENGER: noted(honest.move, made)}
    account = play(terms, lease.keys, speakers)
    op = lease.program.operators[operator].operation.op
    return Heard(op, terms, account, tuple(made), *times_of(lease.keys, terms, made))


def noted(speaker: Speaker, made: list[Move]) -> Speaker:
    """The speaker, with its moves written down."""

    def speak(dispute: Dispute, last: Move | None) -> Move | None:
        move = speaker(dispute, last)
        if move is not None:
            made.append(move)
        return move

    return speak


def times_of(keys: Mapping[Party, Key], terms: Terms, made: list[Move]) -> tuple[float, float]:
    """Processor seconds of the clerk: of all moves, and of the one that is judged by computing."""
    claim = sign_move(keys[Party.CHALLENGER], terms, terms.id, Claim())
    begun = time.process_time()
    dispute = lodge(terms.record, terms, claim, 0)
    spent, judging = time.process_time() - begun, 0.0
    for move in made:
        signed = sign_move(keys[move.by], terms, dispute.last, move)
        begun = time.process_time()
        dispute = advance(dispute, signed, 0)
        taken = time.process_time() - begun
        spent, judging = spent + taken, taken if isinstance(move, Prove) else judging
    assert dispute.at_fault == {Party.WORKER}
    return spent, judging


def imagine(
    lease: WideRehearsal, party: Party, step: int, real: Step, mark: bytes, seen: Mapping[bytes, Tensor]
) -> Holding:
    """What a party holds: one step that was run; other states are made up, alike before and unlike after."""
    before = [place.to_bytes(HASH_BYTES, "big") for place in range(step)]
    after = [mark.ljust(28) + place.to_bytes(4, "big") for place in range(step + 2, lease.length + 1)]
    states = [*before, state_root(real.state), state_root(real.after), *after]
    return Holding(lease.keys[party], lease.program, states, lambda _: real, lease.data_roots, seen)
