"""The games of cheats in the market of `market`: what each gains beside honest work, and whom it harms."""

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Final, TypeAlias

from assay.proof.policy import TIERS
from assay.schema.values import derive_id
from assay.settlement.domain import audit_fee
from assay.verification.domain import Want, is_doubled, is_twin_first, spoil_seed
from assay.verification.domain.judging import CLAIM
from bench.verification.market import (
    BOND,
    COMMON,
    DISPUTE,
    FEE,
    LIE,
    OWN,
    PLANTED_PPM,
    PRICE,
    SECRET,
    SLASH,
    TRUTH,
    WITHHELD,
    Order,
    Verifiers,
    draw_from,
    share_of,
    want_of,
)

EPOCH_JOBS: Final = 100
JOB_SEGMENTS: Final = 4
ASKED_MAX: Final = 512
READING: Final = PRICE * next(tier.audit_ppm for tier in TIERS if tier.name == "prefill") // 1_000_000
"""What the dearest reading costs."""
GUESSED: Final = bytes(32)
"""What colluding verifiers take for the service's secret."""


@dataclass(frozen=True, slots=True)
class Played:
    """What came of a game: the gain in base units, and how often somebody honest was slashed for it."""

    gain: int
    harmed: int = 0


Game: TypeAlias = Callable[[int, random.Random], Played]
"""So many jobs, played with these chances."""
Lies: TypeAlias = Callable[[Verifiers, Want, random.Random], bool]


def falsifies(
    share: float,
    verifiers: Verifiers | None = None,
    epoch_jobs: int = EPOCH_JOBS,
    job_segments: int = JOB_SEGMENTS,
    machine: str = COMMON,
    contests: bool = False,
) -> Game:
    """A provider falsifies that share of its segments; those of the verifiers who collude uphold it.

    It gives in when it is found out, or contests everything that it is accused of.
    """

    def play(jobs: int, chance: random.Random) -> Played:
        gain, harmed, passed = 0, 0, 0
        for _ in range(jobs // epoch_jobs):
            orders = orders_of(epoch_jobs, job_segments, chance)
            false = falsified(share, orders, chance)
            won, is_found, slashed = epoch(verifiers or Verifiers(), orders, false, passed, chance, machine, contests)
            gain, harmed, passed = gain + won, harmed + slashed, 0 if is_found else passed + 1
        return Played(gain, harmed)

    return play


def orders_of(jobs: int, segments: int, chance: random.Random) -> list[Order]:
    """The jobs of an epoch."""
    return [Order(derive_id("l", chance.randbytes(8).hex()), segments) for _ in range(jobs)]


def falsified(share: float, orders: Sequence[Order], chance: random.Random) -> set[tuple[str, int]]:
    """So many false segments, anywhere in the epoch."""
    places = [(order.lease_id, segment) for order in orders for segment in range(order.segments)]
    return set(chance.sample(places, max(1, round(share * len(places)))))


def epoch(
    verifiers: Verifiers,
    orders: Sequence[Order],
    false: set[tuple[str, int]],
    passed: int,
    chance: random.Random,
    machine: str = COMMON,
    contests: bool = False,
) -> tuple[int, bool, int]:
    """What an epoch gains, whether it is found out, and how many honest verifiers are slashed in it."""
    draw, fellows = draw_from(orders, passed, chance.randbytes(8).hex()), verifiers.fellows
    drawn = [place for each in draw.segments if (place := (each.lease_id, each.segment)) in false]
    gain, is_found, harmed, tied = PRICE * len(false), bool(drawn) and not fellows, 0, set[str]()
    fee = share_of(orders, len(draw.segments) - len(draw.extra))
    for place in drawn if fellows else ():
        question = want_of(draw.seed, place, machine)
        answered = verifiers.ask(question, lambda verifier: CLAIM if verifier in fellows else TRUTH, contests)
        # Who upholds what it did not compute saves the segment's cost; who is overruled has no fee, and no cost.
        gain += PRICE * len(answered.upheld & fellows) - (BOND + fee - PRICE) * len(answered.overruled & fellows)
        harmed += len(answered.overruled - fellows)
        is_found = is_found or not answered.stands
        tied |= {place[0]} if answered.is_tied else set()
    # One bond serves all that it contests in an epoch.
    lost = is_found * (sum(order.pay for order in orders) + SLASH + contests * DISPUTE)
    unpaid = 0 if is_found else sum(order.pay for order in orders if order.lease_id in tied)
    return gain - lost - unpaid, is_found, harmed


def states_own_class(colluding: int, epoch_jobs: int = EPOCH_JOBS, job_segments: int = JOB_SEGMENTS) -> Game:
    """A provider falsifies everything and states a class of machine that only its own verifiers state."""
    return falsifies(1.0, Verifiers(colluding=colluding, machine=OWN), epoch_jobs, job_segments, OWN)


def withholds(share: float) -> Game:
    """A provider falsifies that share of its segments, and opens nothing of those that are drawn: the lighter slash."""

    def play(jobs: int, chance: random.Random) -> Played:
        gain, passed = 0, 0
        for _ in range(jobs // EPOCH_JOBS):
            orders = orders_of(EPOCH_JOBS, JOB_SEGMENTS, chance)
            false, draw = falsified(share, orders, chance), draw_from(orders, passed, chance.randbytes(8).hex())
            is_drawn = any((each.lease_id, each.segment) in false for each in draw.segments)
            gain += PRICE * len(false) - is_drawn * (sum(order.pay for order in orders) + WITHHELD)
            passed = 0 if is_drawn else passed + 1
        return Played(gain)

    return play


def hides_behind_own_orders(jobs: int, chance: random.Random) -> Played:
    """A provider orders cheap work from itself, asks for all the draws there, and falsifies everybody else's."""
    gain = 0
    for _ in range(jobs // EPOCH_JOBS):
        first, *others = sorted(orders_of(EPOCH_JOBS, JOB_SEGMENTS, chance), key=lambda order: order.lease_id)
        own = Order(first.lease_id, ASKED_MAX, units=1, asked=ASKED_MAX)
        gain += epoch(Verifiers(), [own, *others], falsified(1.0, others, chance), 0, chance)[0]
    return Played(gain)


def answers_falsely(verifiers: Verifiers, lies: Lies, contests: bool = True) -> Game:
    """Colluding verifiers say the same made-up thing about true claims, where they decide to, and compute nothing.

    The provider contests what falls by it, as its worker does.
    """

    def play(jobs: int, chance: random.Random) -> Played:
        gain, harmed, fellows = 0, 0, verifiers.fellows
        for number in range(jobs // EPOCH_JOBS):
            orders = orders_of(EPOCH_JOBS, JOB_SEGMENTS, chance)
            draw = draw_from(orders, number, chance.randbytes(8).hex())
            fee, accusers = share_of(orders, len(draw.segments)), set[str]()
            for each in draw.segments:
                question = want_of(draw.seed, (each.lease_id, each.segment))
                if lies(verifiers, question, chance):
                    answered = verifiers.ask(question, lambda verifier: LIE if verifier in fellows else CLAIM, contests)
                    # Without the lie the first alone had answered, for its fee, at the segment's cost.
                    gain += (
                        fee * (len(answered.upheld & fellows) - 1) + PRICE - BOND * len(answered.overruled & fellows)
                    )
                    harmed += len(answered.overruled - fellows) + (not answered.stands)
                    accusers |= answered.lost_bond
            # An accuser has one bond in all its disputes of an epoch.
            gain -= DISPUTE * len(accusers & fellows)
        return Played(gain, harmed)

    return play


def sometimes(share: float) -> Lies:
    """In that share of the audits in which it is asked first."""
    return lambda verifiers, question, chance: fellows_among(verifiers, question, 1) > 0 and chance.random() < share


def where_it_wins(verifiers: Verifiers, question: Want, chance: random.Random) -> bool:
    """Where one is asked first and another is asked next, by what can be known without the service's secret."""
    known = replace(question, secret=GUESSED)
    return fellows_among(verifiers, known, 1) > 0 and fellows_among(verifiers, known, 3) > 1


def fellows_among(verifiers: Verifiers, question: Want, count: int) -> int:
    """How many of the first who are asked collude."""
    return sum(each.verifier in verifiers.fellows for each in verifiers.first(question, count))


def orders_from_itself(colluding: int, segments: int = 1, asked: int = 2) -> Game:
    """A requester, a provider and verifiers of one owner: it orders from itself what costs it nothing to check."""

    def play(jobs: int, chance: random.Random) -> Played:
        verifiers, gain = Verifiers(colluding=colluding), 0
        for plain in orders_of(jobs // segments, segments, chance):
            order = replace(plain, asked=asked)
            draw = draw_from([order], 0, chance.randbytes(8).hex())
            share = share_of([order], len(draw.segments) - len(draw.extra))
            # What it asked for besides it pays for in full, to its own verifiers and to others.
            gain -= audit_fee(order.cost) + FEE * len(draw.extra)
            for each in draw.segments:
                fee = FEE if (each.lease_id, each.segment) in draw.extra else share
                gain += fee * fellows_among(verifiers, want_of(draw.seed, (each.lease_id, each.segment)), 1)
        return Played(gain)

    return play


def reads(at_first: bool, at_second: bool = False) -> Game:
    """Verifiers, each for itself, of claims that are read: each reads what it is asked as the first, or as a second.

    What it does not read it upholds. It repeats whom the seed draws first: that is all that is public of what it is
    asked. A reading costs a part of the segment, and no more is saved.
    """

    def play(jobs: int, chance: random.Random) -> Played:
        verifiers, gain = Verifiers(), 0
        for number in range(jobs // EPOCH_JOBS):
            orders = orders_of(EPOCH_JOBS, JOB_SEGMENTS, chance)
            draw = draw_from(orders, number, chance.randbytes(8).hex())
            caught = BOND + share_of(orders, len(draw.segments))
            for each in draw.segments:
                question = want_of(draw.seed, (each.lease_id, each.segment))
                asked, planted = twins_of(verifiers, question)
                unread = [place for place in range(asked) if not (at_first, at_second)[place]]
                is_spoiled = spoil_seed(SECRET, f"{question.question_id} twin") is not None
                gain += READING * len(unread) - caught * (is_spoiled and planted in unread)
        return Played(gain)

    return play


def twins_of(verifiers: Verifiers, question: Want) -> tuple[int, int | None]:
    """How many are asked a question, or it and its twin, one after the other; and which of them has the twin."""
    draw = (SECRET, question.seed, question.question_id, PLANTED_PPM)
    if not is_doubled(*draw):
        return len(verifiers.first(question, 1)), None
    return len(verifiers.first(question, 2)), int(not is_twin_first(*draw))
