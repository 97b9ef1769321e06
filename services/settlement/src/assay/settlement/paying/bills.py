"""A bill: how the money of a job ended, or of an audit that the operator pays, and what is said of it; pure.

Each payout that costs anything is a step, then each verifier that the job's own audits earned something.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Annotated, Any, ClassVar, Literal, NamedTuple, TypeAlias

from pydantic import Field

from assay.proof.settlement import Payout as Part
from assay.proof.settlement import Settlement
from assay.schema.audit import AuditPaid, AuditUpheld
from assay.schema.event import Event
from assay.schema.job import JobRefunded, JobSettled, Payout, VerifierPayout
from assay.schema.lease import LeasePaid
from assay.schema.values import (
    AuditId,
    Digest,
    JobId,
    Money,
    RequesterId,
    Signature,
    Value,
    VerifierId,
    address_of,
    job_word,
)


class Place(NamedTuple):
    """Where the first step of a bill stands: in which epoch, at which place of all, by which transaction and gas."""

    payment: int
    step: int
    tx: str
    gas: int


class AuditFee(Value):
    """What an audit earns."""

    audit_id: AuditId
    verifier: VerifierId
    amount: Money


class JobBill(Value):
    """What a job paid to its leases and to verifiers for the audits that it ordered, and what went back."""

    kind: ClassVar[str] = "job"
    event: Literal["job.settled", "job.refunded"]
    job_id: JobId
    requester: RequesterId
    payouts: tuple[Payout, ...]
    audits: tuple[AuditFee, ...] = ()
    refunded: Money
    receipt: Digest

    @property
    def about(self) -> str:
        """The job."""
        return self.job_id

    @property
    def verifiers(self) -> tuple[VerifierPayout, ...]:
        """What each verifier earned, in the order of its steps."""
        sums: Counter[str] = Counter()
        for audit in self.audits:
            sums[audit.verifier] += audit.amount
        return tuple(VerifierPayout(verifier=who, amount=sums[who]) for who in sorted(sums) if sums[who])

    def settlement(self) -> Settlement | None:
        """What is charged; None if nothing was earned."""
        leases = [Part(address_of(each.provider), each.amount, each.fee) for each in self.payouts if _cost(each)]
        audits = [Part(address_of(each.verifier), each.amount) for each in self.verifiers]
        parts = (*leases, *audits)
        receipt = bytes.fromhex(self.receipt)
        return Settlement(job_word(self.job_id), address_of(self.requester), parts, receipt) if parts else None

    def events(self, place: Place | None) -> Iterator[Event]:
        """What is said once it is posted there; without a place if nothing was earned."""
        step = 0
        for payout in self.payouts:
            names = {"lease_id": payout.lease_id, "provider": payout.provider, "fence": payout.fence}
            yield LeasePaid(
                **names, job_id=self.job_id, amount=payout.amount, **_at(place if _cost(payout) else None, step)
            )
            step += bool(_cost(payout))
        turns = {each.verifier: step + turn for turn, each in enumerate(self.verifiers)}
        whose = {"requester": self.requester, "job_id": self.job_id, "receipt": self.receipt}
        for audit in self.audits:
            where = _at(place, turns[audit.verifier]) if audit.amount else {}
            yield AuditPaid(**audit.model_dump(), **whose, **where)
        yield self._closing(place)

    def _closing(self, place: Place | None) -> Event:
        closing = JobSettled if self.event == JobSettled.type else JobRefunded
        verifiers = self.verifiers
        sums = {"fee": sum(each.fee for each in self.payouts), "audited": sum(each.amount for each in verifiers)}
        money = {"payouts": self.payouts, "verifiers": verifiers, "refunded": self.refunded} | sums
        names = {"job_id": self.job_id, "requester": self.requester, "receipt": self.receipt}
        return closing(**names, **money, **_at(place, 0), gas=place.gas if place else 0)


class AuditBill(Value):
    """What the operator pays a verifier, by an order that it signed itself; `receipt` is of what upheld the audit."""

    kind: ClassVar[str] = "audit"
    audit_id: AuditId
    verifier: VerifierId
    requester: RequesterId
    amount: Money
    receipt: Digest
    deadline_s: Annotated[int, Field(ge=0)]
    order_signature: Signature

    @property
    def about(self) -> str:
        """The audit."""
        return self.audit_id

    def settlement(self) -> Settlement | None:
        """What is charged; None for a fee of nothing."""
        parts = (Part(address_of(self.verifier), self.amount),)
        receipt = bytes.fromhex(self.receipt)
        return Settlement(job_word(self.audit_id), address_of(self.requester), parts, receipt) if self.amount else None

    def events(self, place: Place | None) -> Iterator[Event]:
        """What is said once it is posted there."""
        names = {"audit_id": self.audit_id, "verifier": self.verifier, "requester": self.requester}
        yield AuditPaid(**names, amount=self.amount, receipt=self.receipt, **_at(place, 0))


def fee_of(audit: AuditUpheld) -> AuditFee:
    """What an ordered audit earns."""
    return AuditFee(audit_id=audit.audit_id, verifier=audit.verifier, amount=audit.fee)


def _at(place: Place | None, turn: int) -> dict[str, Any]:
    return {"payment": place.payment, "step": place.step + turn, "tx": place.tx} if place else {}


def _cost(payout: Payout) -> int:
    return payout.amount + payout.fee


Bill: TypeAlias = JobBill | AuditBill
BILLS: Mapping[str, type[Bill]] = {kind.kind: kind for kind in (JobBill, AuditBill)}
