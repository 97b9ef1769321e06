"""Ordering: which drawn segments are answered at whose cost, and by how many at once. Pure.

An order pays for the segments that it has drawn besides its provider's epoch, and by replication for all of its own.
The audit fund pays for the others, for each epoch no more than the epoch's work brings it in fees: else whoever holds
verifiers would earn by ordering from itself.
"""

from collections.abc import Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass

from assay.proof.policy import answers_max, full_fee, fund_fee, ordered_max
from assay.schema.epoch import DrawnSegment
from assay.schema.job import JobSpec
from assay.schema.values import AUDIT_FEE_PPM
from assay.verification.domain.case import Case

MILLION = 1_000_000


@dataclass(frozen=True, slots=True)
class Asking:
    """A question to be asked: by whose order, of how many at once, and what the fund pays for an answer at most.

    Of a question and its planted twin one `is_second`: it is not asked before the other.
    """

    lease_id: str
    segment: int
    share: int
    ordered_by: str | None = None
    replicas: int = 1
    is_planted: bool = False
    is_second: bool = False


@dataclass(frozen=True, slots=True)
class Fund:
    """What the fund pays in an epoch: from its fees, for planted questions too, and gifts that raise each answer."""

    fees: int
    planted_ppm: int
    gift_ppm: int

    def share(self, spec: JobSpec, mega_unit_price: int, questions: int) -> int:
        """What an answer earns at most, of an epoch that has so many questions for the fund."""
        answers = -(-questions * MILLION // (MILLION - self.planted_ppm))
        given = full_fee(spec, mega_unit_price) * self.gift_ppm // MILLION
        return max(given, fund_fee(spec, mega_unit_price, self.fees, answers))


def fees_of(pay: int) -> int:
    """What the fund gets of an epoch's pay."""
    return pay * AUDIT_FEE_PPM // MILLION


def askings(
    drawn: Sequence[DrawnSegment],
    extra: AbstractSet[tuple[str, int]],
    cases: Mapping[str, Case],
    before: Mapping[str, int],
    fund: Fund,
) -> list[Asking]:
    """The questions about a draw. `extra` was drawn for orders alone; `before` is what jobs have had of theirs."""
    places = [(each.lease_id, each.segment) for each in drawn]
    ordered = orders_of(places, extra, cases, before)
    for_fund = sum(place not in ordered for place in places)
    return [asking_of(place, cases[place[0]], ordered.get(place), for_fund, fund) for place in places]


def orders_of(
    places: Sequence[tuple[str, int]],
    extra: AbstractSet[tuple[str, int]],
    cases: Mapping[str, Case],
    before: Mapping[str, int],
) -> dict[tuple[str, int], str]:
    """The job whose order pays, of each place that one does; never for more than its price limit holds."""
    found: dict[tuple[str, int], str] = {}
    had = dict(before)
    for place in places:
        granted = cases[place[0]].granted
        spec, job = granted.spec, granted.job_id
        most = ordered_max(spec) // answers_max(spec.policy)
        if (spec.policy.is_replicated or place in extra) and had.get(job, 0) < most:
            found[place], had[job] = job, had.get(job, 0) + 1
    return found


def asking_of(place: tuple[str, int], case: Case, ordered_by: str | None, for_fund: int, fund: Fund) -> Asking:
    """One question."""
    spec = case.granted.spec
    replicas = spec.policy.replicas if spec.policy.is_replicated else 1
    return Asking(*place, fund.share(spec, case.granted.mega_unit_price, for_fund), ordered_by, replicas)
