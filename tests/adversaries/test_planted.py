"""A verifier that looks only where it takes a question for planted: whatever is public, it may as well guess.

It makes again what follows from public parts: the ids and seeds, whom the epoch's seed draws first, and which segments'
ends are said already. Thousands of questions are planted, asked and named as the network does it; what a verifier sees
of each is counted beside what was planted. Where any one of the tells is open it knows all that there is to know.
"""

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import pytest
from bench.verification.market import PARTIES, SPEC, Verifiers
from services.verification.tests.samples import Work

from assay.proof.opened import question_id_of
from assay.schema.values import derive_id
from assay.verification.domain import (
    Asked,
    Asking,
    Candidate,
    Case,
    Planting,
    Want,
    audit_id_of,
    choose,
    doubled,
    look_seed,
)
from assay.verification.domain.asking import rank
from assay.verification.domain.planting import number_of

QUESTIONS: Final = 4_000
PLANTED_PPM: Final = 100_000
BUSY: Final = 0.15
SECRET: Final = bytes(range(32))
EPOCH: Final = derive_id("x", "an epoch")
SEED: Final = "5e" * 32
TELLS: Final = ("time", "id", "seed", "verifier")
CHANCE: Final = 16.0
"""Chi squared of three kinds of sights beside whether they were planted: beyond it by chance once in 3,000 times."""

ANSWERS_MS: Final = (1_000, 60_000)
"""Within what time verifiers answer."""


@dataclass(frozen=True)
class Seen:
    """What one verifier sees of one question, and what it does not: whether that is planted."""

    is_planted: bool
    sight: tuple[object, ...]


class Market:
    """Questions as the network asks them, of verifiers of which some have no time; `leaks` are the tells left open."""

    def __init__(self, leaks: Sequence[str] = (), has_fair_coin: bool = False, questions: int = QUESTIONS) -> None:
        self.leaks, self.has_fair_coin, self.chance = leaks, has_fair_coin, random.Random(1)
        self.questions = questions
        self.all = Verifiers(6).candidates
        self.case: Case = Work(1, segments=1).case()
        self.planting = Planting(SECRET, EPOCH, SEED, PLANTED_PPM)

    def play(self) -> list[Seen]:
        """All that verifiers see."""
        return [seen for segment in range(self.questions) for seen in self.ask(segment)]

    def ask(self, segment: int) -> list[Seen]:
        """What those see who are asked about one segment."""
        asking = Asking(self.case.granted.lease_id, segment, share=1)
        twins = sorted(doubled(asking, self.planting, self.case, self.all, 0), key=lambda each: each.is_second)
        if "verifier" in self.leaks:
            twins = sorted(twins, key=lambda each: each.is_planted)
        elif self.has_fair_coin and number_of(b"coin", SECRET, SEED, str(segment)) % 2:
            twins = twins[::-1]
        question_id, asked = question_id_of(EPOCH, asking.lease_id, segment), list[Asked]()
        free = [each for each in self.all if self.chance.random() > BUSY] or self.all
        for _ in twins:
            chosen = choose(self.want(question_id, asked), free, 0)
            chosen = chosen if isinstance(chosen, Candidate) else next(c for c in self.all if c not in free)
            asked.append(Asked(chosen.verifier, chosen.announced.network))
        given = {each.is_planted: self.chance.uniform(*ANSWERS_MS) for each in twins}
        is_waited = "time" not in self.leaks
        # Without the wait the question ends when it is answered; what was planted is answered after that, now or later.
        ended = max(given.values()) if is_waited else given[False]
        return [
            Seen(
                each.is_planted,
                self.look(by.verifier, question_id, segment, each.is_planted, ended < given[each.is_planted]),
            )
            for each, by in zip(twins, asked, strict=True)
        ]

    def want(self, question_id: str, asked: Sequence[Asked]) -> Want:
        return Want(question_id, SEED, SECRET, SPEC, PARTIES, tuple(asked))

    def look(
        self, verifier: str, question_id: str, segment: int, is_planted: bool, is_ended: bool
    ) -> tuple[object, ...]:
        """What the verifier makes of what it is told and of what is public."""
        own = question_id_of(EPOCH, self.case.granted.lease_id, segment, is_planted)
        audit_id = audit_id_of(SECRET, own, verifier, 0)
        if "id" in self.leaks:
            audit_id = derive_id("a", own, verifier)
        seed = look_seed(SEED, own if "seed" in self.leaks else question_id)
        guessed = question_id_of(EPOCH, self.case.granted.lease_id, segment, is_planted=True)
        is_id, is_seed = audit_id == derive_id("a", guessed, verifier), seed == look_seed(SEED, guessed)
        # With its end the true root of a question's trace is said: whoever is shown another one then, sees it.
        return is_ended, is_id, is_seed, self.place_of(verifier, question_id)

    def place_of(self, verifier: str, question_id: str) -> int:
        """Its place in the seed's order, repeated without knowing who had time: first, second, or behind."""
        want = self.want(question_id, ())
        return min(2, sum(rank(want, each.verifier) < rank(want, verifier) for each in self.all))


def chi_squared(seen: Sequence[Seen]) -> float:
    """How far what is planted depends on what is seen."""
    both, sights = Counter((each.is_planted, each.sight) for each in seen), Counter(each.sight for each in seen)
    planted = Counter(each.is_planted for each in seen)
    expected = {(is_it, sight): planted[is_it] * sights[sight] / len(seen) for is_it in planted for sight in sights}
    return sum((both[key] - due) ** 2 / due for key, due in expected.items())


def advantage(seen: Sequence[Seen]) -> float:
    """How much more of the planted than of the others it takes for planted, by the best rule, found on half of them."""
    known, tried = seen[::2], seen[1::2]
    both, of_all = Counter((each.is_planted, each.sight) for each in known), Counter(each.is_planted for each in known)
    share = {
        each.sight: both[True, each.sight] / of_all[True] - both[False, each.sight] / of_all[False] for each in known
    }
    taken = Counter(each.is_planted for each in tried if share.get(each.sight, 0) > 0)
    return sum(
        (1 if is_it else -1) * taken[is_it] / max(1, sum(s.is_planted is is_it for s in tried)) for is_it in taken
    )


def test_who_sees_all_that_is_public_may_as_well_guess() -> None:
    seen = Market().play()
    planted = sum(each.is_planted for each in seen)
    assert 0.09 < planted / len(seen) < 0.11
    assert chi_squared(seen) < CHANCE
    assert abs(advantage(seen)) < 4 * (2 / planted) ** 0.5
    for place in range(3):
        here = [each.is_planted for each in seen if each.sight[3] == place]
        assert abs(sum(here) / len(here) - planted / len(seen)) < 4 * (0.09 / len(here)) ** 0.5


@pytest.mark.parametrize(
    ("left_open", "least"), [(("time",), 0.3), (("id",), 0.99), (("seed",), 0.99), (("verifier",), 0.6), (TELLS, 0.99)]
)
def test_one_tell_left_open_is_enough(left_open: tuple[str, ...], least: float) -> None:
    seen = Market(left_open, questions=800).play()
    assert advantage(seen) > least and chi_squared(seen) > 10 * CHANCE


def test_a_fair_coin_between_the_two_would_tell_the_second() -> None:
    seen = Market(has_fair_coin=True, questions=800).play()
    assert advantage(seen) > 0.2 and chi_squared(seen) > 5 * CHANCE
