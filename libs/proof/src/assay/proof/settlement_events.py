"""The epochs of Payment, made again from what is said in public: places, postings, and how each job's money ended.

A step has one place among all there ever were, so whatever became void and was posted again, what was said of a job
stays true. Nothing here is taken from the operator but what it said, and the roots must come out as posted.
"""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import NamedTuple

from assay.proof.eip712 import Domain
from assay.proof.settlement import Payout, Settlement, as_charged, charges_of
from assay.proof.settlement_epoch import Book, Epoch, lay
from assay.schema.audit import AuditPaid
from assay.schema.errors import Reject
from assay.schema.event import Event
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.payment import PaymentEnlisted, PaymentFinalised, PaymentPosted, PaymentVoided
from assay.schema.values import address_of, job_word


class Charged(NamedTuple):
    """A job, or an audit that the operator pays, and the place of its first step."""

    step: int
    about: str
    settlement: Settlement

    @property
    def end(self) -> int:
        """The place after its last step."""
        return self.step + len(self.settlement.payouts)


@dataclass(frozen=True, slots=True)
class Found:
    """A standing epoch: what was posted, whether it is final, the jobs in it, and what is wrong (empty: nothing).

    `epoch` and the books `before` and `after` are what the jobs make, where all of them are known.
    """

    posted: PaymentPosted
    is_final: bool
    jobs: tuple[Charged, ...]
    fault: str = ""
    epoch: Epoch | None = None
    before: Book | None = None
    after: Book | None = None

    @property
    def number(self) -> int:
        """The epoch's number."""
        return self.posted.number

    @property
    def is_right(self) -> bool:
        """Whether the root that was posted is that of what was said."""
        return not self.fault


def charged(events: Iterable[Event]) -> list[Charged]:
    """What was charged, in the order of the steps; what earned nothing is no step."""
    found = {each.step: each for event in events if (each := charge_of(event)) is not None}
    return [found[step] for step in sorted(found)]


def charge_of(event: Event) -> Charged | None:
    """What an event says of a charge, if anything. An audit that an order pays stands in what is said of the job."""
    if isinstance(event, JobSettled | JobRefunded) and event.step is not None:
        leases = [Payout(address_of(each.provider), each.amount, each.fee) for each in event.payouts]
        parts = [part for part in leases if part.amount + part.fee]
        parts += [Payout(address_of(each.verifier), each.amount) for each in event.verifiers if each.amount]
        return _charged(event.step, event.job_id, event.requester, parts, event.receipt)
    if isinstance(event, AuditPaid) and event.step is not None and event.job_id is None:
        parts = [Payout(address_of(event.verifier), event.amount)]
        return _charged(event.step, event.audit_id, event.requester, parts, event.receipt)
    return None


def standing(events: Iterable[Event]) -> list[PaymentPosted]:
    """The epochs that were posted and are not void, in their order; `events` in the order in which they were said."""
    posted: dict[int, PaymentPosted] = {}
    for event in events:
        if isinstance(event, PaymentPosted):
            posted[event.number] = event
        elif isinstance(event, PaymentVoided):
            posted = {number: each for number, each in posted.items() if number < event.number}
    return [posted[number] for number in sorted(posted)]


def verify_epochs(domain: Domain, events: Sequence[Event]) -> Iterator[Found]:
    """Each standing epoch, made again. After one that is wrong, or not wholly known, none can be."""
    places = {event.account: event.place for event in events if isinstance(event, PaymentEnlisted)}
    final = max((event.number for event in events if isinstance(event, PaymentFinalised)), default=0)
    jobs, book, fault, next_step = charged(events), Book(domain, places), "", 1
    for posted in standing(events):
        own = tuple(job for job in jobs if posted.first_step <= job.step < posted.first_step + posted.steps)
        is_final = posted.number <= final
        fault = fault or gap(posted, own, next_step)
        if fault:
            yield Found(posted, is_final, own, fault)
            continue
        try:
            charges = [charge for job in own for charge in as_charged(job.settlement)]
            epoch, after = lay(book, posted.number, charges)
        except Reject as error:
            fault = error.detail or str(error)
            yield Found(posted, is_final, own, fault)
            continue
        fault = difference(posted, epoch) or unlawful(own, jobs)
        yield Found(posted, is_final, own, fault, epoch, book, after)
        book, next_step = after, posted.first_step + posted.steps


def unlawful(own: Sequence[Charged], jobs: Sequence[Charged]) -> str:
    """Which charge of an epoch breaks a rule, if one does: its fee, or that it was made before, by all `jobs`."""
    first: dict[tuple[str, bytes], int] = {}
    for job in jobs:
        first.setdefault((job.settlement.requester, job.settlement.job), job.step)
    for job in own:
        if (before := first[job.settlement.requester, job.settlement.job]) < job.step:
            return f"Step {job.step} charges {job.about} again: step {before} did."
        try:
            charges_of(job.settlement)
        except Reject as error:
            return f"Step {job.step} breaks a rule. {error.detail or error}"
    return ""


def gap(posted: PaymentPosted, jobs: Sequence[Charged], next_step: int) -> str:
    """Which step of an epoch was not said of any job, if one was not."""
    if posted.first_step != next_step:
        return f"Epoch {posted.number} begins at step {posted.first_step}, not at {next_step}."
    at, whole = said_until(posted, jobs), posted.first_step + posted.steps
    return "" if at == whole else f"Nothing is said of step {min(at, whole)} of epoch {posted.number}."


def said_until(posted: PaymentPosted, jobs: Sequence[Charged]) -> int:
    """The place up to which each step of an epoch was said of a job."""
    at = posted.first_step
    for job in jobs:
        if job.step != at:
            break
        at = job.end
    return at


def untold(posted: PaymentPosted, steps: int, jobs: Sequence[Charged]) -> Iterator[int]:
    """Which of an epoch's steps, from its first on, were said of no job; `steps` is how many the chain says it has."""
    told = {place for job in jobs for place in range(job.step, job.end)}
    return (index for index in range(steps) if posted.first_step + index not in told)


def difference(posted: PaymentPosted, epoch: Epoch) -> str:
    """In what a posting differs from what was said; empty if in nothing."""
    made = (len(epoch.steps), epoch.steps_root.hex(), epoch.state.hash.hex(), epoch.state.credits, epoch.state.debits)
    said = (posted.steps, posted.steps_root, posted.root, posted.credits, posted.debits)
    names = ("number of steps", "root of steps", "root", "credits", "debits")
    wrong = [name for name, one, other in zip(names, made, said, strict=True) if one != other]
    return f"Epoch {posted.number} was posted with another {', '.join(wrong)}." if wrong else ""


def _charged(step: int, about: str, requester: str, parts: Sequence[Payout], receipt: str) -> Charged:
    settlement = Settlement(job_word(about), address_of(requester), tuple(parts), bytes.fromhex(receipt))
    return Charged(step, about, settlement)
