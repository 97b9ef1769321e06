"""Whatever the other side says, an honest party never loses, and whoever is wrong always ends at fault."""

import random
from dataclasses import fields, is_dataclass, replace

from hypothesis import given, settings
from hypothesis import strategies as st

from assay.proof.court import moves
from assay.proof.court.judge import Opening
from assay.proof.court.machine import Tensor
from assay.proof.court.moves import Party
from assay.proof.court.trace import prefixes
from assay.proof.court.tree import told

KINDS = (moves.Choose(0), moves.Demand(0), moves.Answer(Opening(b"", ())), moves.Reveal(()), moves.Probe(()))


def spoil(value, dice):
    """A value of the same kind that is another: bytes turned, lists cut, grown or mixed, numbers anywhere."""
    if isinstance(value, str):
        return dice.choice(["", value[:-1], value[::-1], "0x" + "11" * 65])
    if isinstance(value, int):
        return dice.choice([value + 1, value - 1, 0, -1, 2**31, 2**62])
    if isinstance(value, bytes):
        turned = bytes([value[0] ^ 1]) + value[1:] if value else b"\0"
        return dice.choice([turned, value[:-1], value + bytes(4), b"", bytes(32), dice.randbytes(40_000)])
    if isinstance(value, tuple):
        one = dice.randrange(len(value)) if value else 0
        inner = (*value[:one], spoil(value[one], dice), *value[one + 1 :]) if value else (bytes(32),)
        return dice.choice([inner, inner, value[:-1], value[1:], value + value, value[::-1], ()])
    if is_dataclass(value) and fields(value):
        name = dice.choice([field.name for field in fields(value)])
        return replace(value, **{name: spoil(getattr(value, name), dice)})
    return value


class Liar:
    """Says what its holding says, but at some moves something else, or nothing."""

    def __init__(self, holding, seed, silence, garbage):
        self.holding, self.dice, self.silence, self.garbage = holding, random.Random(seed), silence, garbage

    def __call__(self, dispute, last):
        true = self.holding.move(dispute, last)
        if isinstance(true, moves.Contest | moves.Join):
            return true
        if self.dice.random() < self.silence:
            return None
        if self.dice.random() >= self.garbage:
            return true
        if isinstance(true, moves.Choose):
            return moves.Choose(self.dice.randrange(len(dispute.roots) + 1))
        if isinstance(true, moves.Probe):
            roots = list(true.roots)
            roots[self.dice.randrange(len(roots))] = self.dice.randbytes(32)
            return moves.Probe(tuple(roots))
        if isinstance(true, moves.Demand) and self.dice.random() < 0.7:
            return moves.Demand(self.dice.randrange(max(1, len(dispute.leaf.descent.hashes))))
        return self.dice.choice([*(spoil(true, self.dice) for _ in range(4)), self.dice.choice(KINDS)])


liars = st.tuples(
    st.integers(0, 2**32), st.sampled_from([0, 0, 0.1]), st.sampled_from([0.2, 0.5, 1.0]), st.integers(0, 7)
)


@settings(max_examples=60, deadline=None)
@given(liar=liars)
def test_an_honest_worker_never_loses(make_court, liar):
    seed, silence, garbage, operator = liar
    court = make_court("true", operator)
    account = court.play(challenger=Liar(court.challenger, seed, silence, garbage))
    assert account.dispute.at_fault == {Party.CHALLENGER}


@settings(max_examples=60, deadline=None)
@given(liar=liars, is_published=st.booleans())
def test_an_honest_challenger_never_loses_and_the_wrong_worker_is_at_fault(make_court, liar, is_published):
    seed, silence, garbage, operator = liar
    court = make_court(operator, "true", is_published)
    account = court.play(worker=Liar(court.worker, seed, silence, garbage))
    assert account.dispute.at_fault == {Party.WORKER}


@settings(max_examples=20, deadline=None)
@given(seed=st.integers(0, 2**32))
def test_a_worker_whose_lies_do_not_hang_together_is_at_fault(make_court, seed):
    """It changes several outputs, each at random, and computes nothing from them."""
    dice, court = random.Random(seed), make_court(7, "true")
    steps = list(court.worker_steps)
    for number in dice.sample(range(len(steps)), 3):
        outputs = list(steps[number].outputs)
        place = dice.randrange(len(outputs))
        outputs[place] = Tensor(outputs[place].shape, dice.randbytes(len(outputs[place].data)))
        steps[number] = replace(steps[number], outputs=tuple(outputs))
    court.worker.step = steps.__getitem__
    assert court.play().dispute.at_fault == {Party.WORKER}


def test_a_trace_that_changes_what_was_agreed_cannot_be_opened(make_court):
    """The worker's output is right, but the trace that it ends puts another entry in an earlier place."""
    court = make_court(7, "true")
    outputs = [tensor.root for tensor in court.challenger_steps[4].outputs]
    other = prefixes([*outputs[:2], bytes(32), *outputs[3:]])

    def speak(dispute, last):
        true = court.worker.move(dispute, last)
        if dispute.step == 4 and isinstance(true, moves.Probe):
            traces = (prefixes(outputs) if at < 6 else other for at in dispute.places)
            return moves.Probe(tuple(told(each[at].root) for each, at in zip(traces, dispute.places, strict=True)))
        return true

    court.worker.step = court.challenger_steps.__getitem__
    account = court.play(worker=speak)
    assert account.dispute.at_fault == {Party.WORKER} and account.refused == ("court.bad_opening",)
    assert account.dispute.interval.low == 5


@settings(max_examples=20, deadline=None)
@given(first=liars, second=liars)
def test_between_two_liars_a_dispute_ends_all_the_same(make_court, first, second):
    court = make_court(first[3], "true")
    speakers = {"worker": Liar(court.worker, *first[:3]), "challenger": Liar(court.challenger, *second[:3])}
    assert court.play(**speakers).dispute.is_over
