"""What each provider did in a period of rewards, made from what is said in public alone.

A period counts the epochs of payments that were posted in it and are not void: what a verdict stood for, a signed order
paid for, and anybody could doubt. Nothing challenges all machines at once, and speeds measured at different times count
one machine twice; so capacity counts in the seconds in which it was challenged, by work of which every segment could be
drawn: that is the work itself. Stake is the least that stood behind a provider from the last epoch before the period to
the last one in it. No measurement tells places apart, so all stand at one.
"""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple

from assay.proof.digest import blob_digest
from assay.proof.rewards import WEIGHT_BITS, Entry, Inputs, Period, Terms, period_of
from assay.proof.settlement_events import standing
from assay.schema.event import Event
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.lease import LeaseVerified
from assay.schema.offer import StakeChanged
from assay.schema.payment import PaymentPosted
from assay.schema.values import address_of

ONE_PLACE: Final = bytes(32)
MOST: Final = 2**WEIGHT_BITS - 1


class Span(NamedTuple):
    """The steps that a period counts, the end not among them, and the blocks from and until which stake counts."""

    first_step: int
    end_step: int
    since_block: int
    until_block: int


NOTHING: Final = Span(0, 0, 0, 0)


def span_of(posted: Sequence[PaymentPosted], start_s: int, end_s: int) -> Span:
    """What a period counts, by the epochs of payments that stand, in their order."""
    counted = [each for each in posted if start_s <= each.posted_at < end_s]
    if not counted:
        return NOTHING
    since = max((each.block for each in posted if each.posted_at < start_s), default=0)
    first, last = counted[0], counted[-1]
    return Span(first.first_step, last.first_step + last.steps, since, last.block)


def work_in(span: Span, events: Iterable[Event]) -> Counter[str]:
    """The verified units of each provider, by address, that were paid for in these steps."""
    known = list(events)
    units = {each.lease_id: each.units for each in known if isinstance(each, LeaseVerified)}
    ended = {each.job_id: each for each in known if isinstance(each, JobSettled | JobRefunded)}
    done: Counter[str] = Counter()
    for job in ended.values():
        if job.step is not None and span.first_step <= job.step < span.end_step:
            for payout in job.payouts:
                if payout.amount + payout.fee:
                    done[address_of(payout.provider)] += units[payout.lease_id]
    return done


def stakes_in(span: Span, events: Iterable[Event]) -> dict[str, int]:
    """The least that stood behind each provider, own and lent, by address."""
    said: dict[str, list[tuple[int, int]]] = {}
    for event in events:
        if isinstance(event, StakeChanged):
            known = said.setdefault(address_of(event.provider), [])
            # What a later statement says of an earlier block is so instead: a fork has taken the other back.
            known[:] = [each for each in known if each[0] < event.block]
            known.append((event.block, event.amount + event.backing))
    return {address: least(history, span) for address, history in said.items()}


def least(history: Sequence[tuple[int, int]], span: Span) -> int:
    """The least of (block, amount) in rising blocks, from what stood at the first block of a span on."""
    before = [amount for block, amount in history if block <= span.since_block]
    within = [amount for block, amount in history if span.since_block < block <= span.until_block]
    return min([*(before[-1:] or [0]), *within])


def entries(work: Mapping[str, int], stakes: Mapping[str, int]) -> list[Entry]:
    """What the formula takes, in the order of the leaves; of who did nothing there is none."""
    return [
        Entry(address, ONE_PLACE, Inputs(min(units, MOST), min(units, MOST), min(stakes.get(address, 0), MOST)))
        for address, units in sorted(work.items())
        if units
    ]


def entries_of(events: Sequence[Event], start_s: int, end_s: int) -> list[Entry]:
    """What the formula takes of a period, by public events in the order in which they were said.

    Raises KeyError for a lease that was paid and of which no verdict is known.
    """
    span = span_of(standing(events), start_s, end_s)
    return entries(work_in(span, events), stakes_in(span, events))


def period_by(events: Sequence[Event], number: int, begun_s: int, length_s: int, emission: int, terms: Terms) -> Period:
    """A period, the first of which begins at `begun_s`, as anybody makes it of public events.

    Raises KeyError for a lease that was paid and of which no verdict is known.
    """
    start_s = begun_s + (number - 1) * length_s
    return period_of(number, entries_of(events, start_s, start_s + length_s), emission, terms)


def inputs_digest(rows: Sequence[Entry]) -> str:
    """The digest that is posted with a period's root: of its rows, a line each."""
    lines = (f"{row.provider} {row.place.hex()} {' '.join(map(str, row.inputs))}\n" for row in rows)
    return blob_digest("".join(lines).encode())
