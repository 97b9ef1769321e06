"""A market in memory for what cheats earn: the real draw, the real asking, the real ruling and the real amounts.

One segment costs one stable token, and what its work costs is all of its price, so a cheat saves the most that it can.
Native tokens count at par. Gains are against honest work by the same party, in base units of the stable token.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from typing import Final

from blake3 import blake3

from assay.chain.governed.terms import StakeTerms
from assay.proof.epoch import Entry, Range
from assay.proof.policy import full_fee
from assay.schema.audit import VerifierAnnounced
from assay.schema.dispute import DisputeOutcome
from assay.schema.job import JobSpec
from assay.schema.values import BOND_PER_VERIFIER, DISPUTE_BOND, cost_of, encode_token
from assay.settlement.domain import audit_fee
from assay.verification.domain import (
    Asked,
    Candidate,
    Fund,
    Vote,
    Want,
    choose,
    count_of,
    draw_segments,
    fees_of,
    rule,
    wanted,
)
from assay.verification.domain.dispute import ANSWERS_MAX, REDRAWN, recount, ruling_of
from assay.verification.domain.draws import Draw
from assay.verification.domain.judging import Ruling

PRICE: Final = 1_000_000
SPEC: Final = JobSpec(kind="noop", segments=1, segment_units=1_000_000)
FEE: Final = full_fee(SPEC, PRICE)
PAR: Final = 10**12
"""So many base units of the native token for one of the stable token's."""
PPM: Final = 1_000_000
SEVERE_PPM: Final = 500_000
CARELESS_PPM: Final = 200_000
LIGHT_PPM: Final = 100_000
"""What the contract takes of stake: of who claims what is false, answers without looking, or keeps what was drawn."""
SLASH: Final = StakeTerms().base * SEVERE_PPM // PPM // PAR
WITHHELD: Final = StakeTerms().base * LIGHT_PPM // PPM // PAR
PLANTED_PPM: Final = 50_000
BOND: Final = BOND_PER_VERIFIER * CARELESS_PPM // PPM // PAR
DISPUTE: Final = DISPUTE_BOND // PAR
"""What each party of a dispute has locked."""
TRUTH: Final = 1
"""The group of those who say what a false segment really comes to."""
LIE: Final = 2
PARTIES: Final = ("p" + encode_token(bytes(20)), "r" + encode_token(bytes([1] * 20)))
ROOT: Final = "e" * 64
SECRET: Final = b"s" * 32
"""The service's own, by which all but the first are drawn."""
COMMON, OWN = "c" * 64, "d" * 64
"""Classes of machine: that of the honest, and one that only colluding parties state."""

Says = Callable[[str], int]
"""The group of the answer that a verifier gives."""


@dataclass(frozen=True)
class Answered:
    """What a question came to: whether the claim stands, who answered in vain, and who with success.

    Of one that was contested, how it ended, and with whom it was disputed: that party has a bond in it, too.
    """

    stands: bool
    overruled: frozenset[str]
    upheld: frozenset[str]
    outcome: DisputeOutcome | None = None
    accuser: str = ""

    @property
    def is_tied(self) -> bool:
        """Whether nobody is to blame: its lease is not paid."""
        return self.outcome is DisputeOutcome.NUMERIC_TIE

    @property
    def lost_bond(self) -> frozenset[str]:
        """The accuser, if it loses the bond of the dispute."""
        return frozenset({self.accuser} if self.outcome is DisputeOutcome.CHALLENGER_FAULT else ())


@dataclass(frozen=True)
class Verifiers:
    """All verifiers; those who collude are the first of them."""

    count: int = 20
    colluding: int = 0
    machine: str = COMMON
    """The class that colluding ones state."""
    network: str = ""
    """The network that all honest ones state, if they state one."""
    candidates: list[Candidate] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.candidates.extend(self._candidate(number) for number in range(self.count))

    @property
    def fellows(self) -> frozenset[str]:
        """Those who collude."""
        return frozenset(candidate.verifier for candidate in self.candidates[: self.colluding])

    def _candidate(self, number: int) -> Candidate:
        is_fellow = number < self.colluding
        announced = VerifierAnnounced(
            verifier="v" + encode_token(bytes([number + 2]) * 20),
            kinds=("noop",),
            memory_bytes=2**40,
            machine=self.machine if is_fellow else COMMON,
            region="de",
            network=f"net-{number}" if is_fellow or not self.network else self.network,
            slots=256,
            expires_ms=2**50,
        )
        return Candidate(announced, BOND_PER_VERIFIER)

    def first(self, want: Want, count: int, asked: Sequence[Asked] = ()) -> list[Asked]:
        """The first verifiers that the seed draws for a question, these before others; as many as there are."""
        drawn = list(asked)
        while len(drawn) < count:
            chosen = choose(replace(want, asked=tuple(drawn)), self.candidates, 0)
            if isinstance(chosen, dict):
                break
            drawn.append(Asked(chosen.verifier, chosen.announced.network))
        return drawn

    def ask(self, want: Want, says: Says, contests: bool = False) -> Answered:
        """How a question ends if verifiers answer so; where there are none left to decide it, the claim stands.

        A claim that falls is contested or not.
        """
        drawn: list[Asked] = []
        count = 1
        while len(drawn := self.first(want, count, drawn)) == count:
            votes = [Vote(each.verifier, says(each.verifier)) for each in drawn]
            if ruling := rule(votes):
                is_disputed = contests and not ruling.stands
                return self._recount(want, says, drawn, ruling) if is_disputed else answered_of(votes, ruling)
            count = wanted(votes)
        return Answered(True, frozenset(), frozenset())

    def _recount(self, want: Want, says: Says, drawn: list[Asked], standing: Ruling) -> Answered:
        """How a contested question ends: two more are asked, then one at a time while they decide nothing."""
        accuser = min(each.verifier for each in drawn if each.verifier not in standing.overruled)
        more = REDRAWN
        while True:
            before, drawn = len(drawn), self.first(want, len(drawn) + more, drawn)
            votes = [Vote(each.verifier, says(each.verifier)) for each in drawn]
            outcome = recount(votes)
            is_open = before < len(drawn) < ANSWERS_MAX
            if outcome is not DisputeOutcome.NUMERIC_TIE or not is_open:
                found = answered_of(votes, ruling_of(outcome, standing, votes))
                return replace(found, outcome=outcome, accuser=accuser)
            more = 1


def answered_of(votes: Sequence[Vote], ruling: Ruling) -> Answered:
    """What a ruling comes to for those who answered."""
    overruled = frozenset(ruling.overruled)
    return Answered(ruling.stands, overruled, frozenset(vote.audit_id for vote in votes) - overruled)


def want_of(seed: str, place: tuple[str, int], machine: str = COMMON) -> Want:
    """The question about a drawn segment, of a provider that states this class."""
    return Want(f"q {place[0]} {place[1]}", seed, SECRET, SPEC, PARTIES, machine=machine)


@dataclass(frozen=True, slots=True)
class Order:
    """A job of an epoch: its lease, how many segments of how many units, and how many of them it asks to be drawn."""

    lease_id: str
    segments: int
    units: int = PRICE
    asked: int = 2

    @property
    def cost(self) -> int:
        """What it costs its requester."""
        return cost_of(self.segments * self.units, PRICE)

    @property
    def pay(self) -> int:
        """What it earns, after the part for audits."""
        return self.cost - audit_fee(self.cost)


def share_of(orders: Sequence[Order], questions: int) -> int:
    """What the fund pays for an answer in an epoch of these, that has so many questions for it."""
    return Fund(fees_of(sum(order.cost for order in orders)), PLANTED_PPM, 0).share(SPEC, PRICE, questions)


def draw_from(orders: Sequence[Order], passed_epochs: int, turn: str) -> Draw:
    """The draw from an epoch of a provider that has passed so many."""
    ranges = {
        order.lease_id: [
            Range(
                Entry(order.lease_id, 1, 0, order.segments, ROOT, order.segments * order.units),
                (),
                (order.units,) * order.segments,
            )
        ]
        for order in orders
    }
    asked = {order.lease_id: order.asked for order in orders}
    segments = sum(order.segments for order in orders)
    beacon = blake3(turn.encode()).digest()
    return draw_segments(1, beacon, ROOT, PARTIES[0], 1, ranges, asked, count_of(segments, passed_epochs))
