"""The receipt: the signed lineage of a result, an in-toto Statement v1 sealed in a DSSE envelope by the operator.

It holds what each party said, under that party's own signature: the requester's order, every commitment of every
provider. So it can be checked without trust in the operator (`report.verify`).
"""

import base64
from collections.abc import Sequence
from typing import Annotated, Any, Final, Literal

from pydantic import ConfigDict, Field, StringConstraints

from assay.proof.digest import blob_digest
from assay.proof.dsse import seal_payload
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.order import spec_digest
from assay.schema.errors import Reject
from assay.schema.event import PREFIX, Envelope, to_rfc3339
from assay.schema.job import JobSubmitted, Payout
from assay.schema.lease import LeaseExecuted, LeaseGranted, ResumePoint
from assay.schema.values import Digest, Fence, JobId, LeaseId, Millis, Money, ProviderId, Signature, Value
from assay.schema.verdict import VerdictReached

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:assay:receipt:1"
Address = Annotated[str, StringConstraints(pattern=r"^0x[0-9a-f]{40}$")]


class Part(Value):
    """A part of a receipt: unknown fields are refused, for what is not checked must not be shown as proven."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True)


class SaidPart(Part):
    """One signed statement as it was said; `data` is base64."""

    type: str
    id: str
    source: str
    time_ms: Millis
    data: str
    signature: Signature

    @classmethod
    def of(cls, said: Envelope[Any]) -> "SaidPart":
        """The statement in an envelope. Raises Reject if it is unsigned."""
        if not said.signature:
            raise Reject(f"The statement {said.id} carries no signature.")
        data = base64.b64encode(said.data).decode()
        return cls(
            type=said.event.type,
            id=said.id,
            source=said.source,
            time_ms=said.time_ms,
            data=data,
            signature=said.signature,
        )

    def headers(self) -> dict[str, str]:
        """The statement's headers, as it was sent."""
        return {
            "ce-id": self.id,
            "ce-type": f"{PREFIX}.{self.type}",
            "ce-source": self.source,
            "ce-time": to_rfc3339(self.time_ms),
            "ce-signature": self.signature,
        }


class LeasePart(Part):
    """One lease: its terms as granted, and all that its provider signed."""

    lease_id: LeaseId
    provider: ProviderId
    fence: Fence
    mega_unit_price: Money
    resume: ResumePoint | None
    said: tuple[SaidPart, ...]


class DeploymentPart(Part):
    """Where the money is: the chain, and the escrow contract on it."""

    chain_id: int
    escrow: Address

    @property
    def domain(self) -> Domain:
        """The domain of every signature in the receipt."""
        return Domain(self.chain_id, self.escrow)


class Predicate(Part):
    """The lineage: order, leases, verdicts and money."""

    job: JobId
    deployment: DeploymentPart
    spec_digest: Digest
    order: SaidPart
    leases: tuple[LeasePart, ...]
    verdicts: tuple[VerdictReached, ...]
    payouts: tuple[Payout, ...]
    refunded: Money


class SubjectDigest(Part):
    blake3: Digest


class Subject(Part):
    """What the receipt is about: the result's blob, or the spec where there is no result."""

    name: Literal["result", "spec"]
    digest: SubjectDigest


class Statement(Part):
    """An in-toto Statement v1 with one subject."""

    type_: Literal["https://in-toto.io/Statement/v1"] = Field(alias="_type", default=STATEMENT_TYPE)
    subject: tuple[Subject]
    predicate_type: Literal["urn:assay:receipt:1"] = Field(alias="predicateType", default=PREDICATE_TYPE)
    predicate: Predicate

    def encode(self) -> bytes:
        """The statement's JSON, in its one form."""
        return self.model_dump_json(by_alias=True).encode()


def compose(
    domain: Domain,
    submitted: Envelope[JobSubmitted],
    leases: Sequence[tuple[LeaseGranted, Sequence[Envelope[Any]]]],
    verdicts: Sequence[VerdictReached],
    payouts: Sequence[Payout],
    refunded: int,
) -> Statement:
    """The receipt of a job: each lease comes with the commitments (and `lease.executed`) its provider signed."""
    order = submitted.event
    predicate = Predicate(
        job=order.job_id,
        deployment=DeploymentPart(chain_id=domain.chain_id, escrow=domain.verifying_contract.lower()),
        spec_digest=spec_digest(order.spec),
        order=SaidPart.of(submitted),
        leases=tuple(lease_part(granted, said) for granted, said in leases),
        verdicts=tuple(verdicts),
        payouts=tuple(payouts),
        refunded=refunded,
    )
    ends = (said.event for _, all_said in leases for said in all_said)
    results = [end.result for end in ends if isinstance(end, LeaseExecuted)]
    return Statement(subject=(subject_of(predicate.spec_digest, results),), predicate=predicate)


def lease_part(granted: LeaseGranted, said: Sequence[Envelope[Any]]) -> LeasePart:
    """A lease's part of the receipt, its statements in the order of the segments."""
    return LeasePart(
        lease_id=granted.lease_id,
        provider=granted.provider,
        fence=granted.fence,
        mega_unit_price=granted.mega_unit_price,
        resume=granted.resume,
        said=tuple(map(SaidPart.of, said)),
    )


def subject_of(spec: str, results: Sequence[str]) -> Subject:
    """The subject: the result of the lease that executed, or else the spec."""
    if results:
        return Subject(name="result", digest=SubjectDigest(blake3=results[-1]))
    return Subject(name="spec", digest=SubjectDigest(blake3=spec))


def seal(statement: Statement, key: Key) -> str:
    """The receipt signed by the operator's key, as one line of JSON."""
    return seal_payload(statement.encode(), key)


def receipt_digest(sealed: str) -> str:
    """The digest that goes on chain: of the sealed text, so that the receipt is the blob of that name."""
    return blob_digest(sealed.encode())
