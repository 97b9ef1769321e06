"""The receipt: the signed lineage of a result, an in-toto Statement v1 sealed in a DSSE envelope by the operator.

It holds what each party said, under that party's own signature: the requester's order, every commitment of every
provider. So it can be checked without trust in the operator (`report.verify`).
"""

from collections.abc import Iterator, Mapping, Sequence
from types import MappingProxyType
from typing import Any, Final, Literal

from pydantic import BaseModel, Field

from assay.proof.digest import blob_digest
from assay.proof.dsse import seal_payload
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.proof.order import spec_digest
from assay.proof.provenance import EpochPart, Growing, Part, ProvenancePart, runs_of
from assay.proof.provenance_chain import ChainPart, chain_over, cut
from assay.proof.provenance_disputes import DisputePart
from assay.proof.provenance_keys import KeyPart
from assay.proof.provenance_said import SaidPart
from assay.schema.event import Envelope
from assay.schema.job import JobSubmitted, Payout
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, ResumePoint
from assay.schema.values import Address, Digest, Fence, JobId, LeaseId, Money, ProviderId
from assay.schema.verdict import VerdictReached

STATEMENT_TYPE: Final = "https://in-toto.io/Statement/v1"
PREDICATE_TYPE: Final = "urn:assay:receipt:1"
NOTHING_DOUBLED: Final[Mapping[LeaseId, Sequence[Envelope[Any]]]] = MappingProxyType({})


class LeasePart(Growing):
    """One lease: its terms as granted, and all that its provider signed.

    `doubled` are statements that contradict each other: two commitments to one segment.
    """

    lease_id: LeaseId
    provider: ProviderId
    fence: Fence
    mega_unit_price: Money
    resume: ResumePoint | None
    said: tuple[SaidPart, ...]
    doubled: tuple[SaidPart, ...] = ()


class DeploymentPart(Part):
    """Where the money is: the chain, and Payment on it."""

    chain_id: int
    payment: Address

    @property
    def domain(self) -> Domain:
        """The domain of every signature in the receipt."""
        return Domain(self.chain_id, self.payment)


class Predicate(Growing):
    """The lineage: order, leases, verdicts and money; the epochs that proved it, disputes, what went in, the chain.

    `fee` is the sum of the payouts' fees, which pay for audits; `audited` what verifiers got for answers that
    it asked for. `keys` is who was given the keys of sealed inputs by then, of any job, as the operator's holder says.
    """

    job: JobId
    deployment: DeploymentPart
    spec_digest: Digest
    order: SaidPart
    leases: tuple[LeasePart, ...]
    verdicts: tuple[VerdictReached, ...]
    payouts: tuple[Payout, ...]
    refunded: Money
    fee: Money = 0
    audited: Money = 0
    epochs: tuple[EpochPart, ...] = ()
    disputes: tuple[DisputePart, ...] = ()
    keys: tuple[KeyPart, ...] = ()
    provenance: ProvenancePart | None = None
    chain: ChainPart | None = None


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

    def chained(self) -> "Statement":
        """The statement, which has none yet, with the chain over its parts."""
        chain = chain_over(list(cut(self.encode(), anchors_of(self))))
        return self.model_copy(update={"predicate": self.predicate.model_copy(update={"chain": chain})})


def compose(
    domain: Domain,
    submitted: Envelope[JobSubmitted],
    leases: Sequence[tuple[LeaseGranted, Sequence[Envelope[Any]]]],
    verdicts: Sequence[VerdictReached],
    payouts: Sequence[Payout],
    refunded: int,
    fee: int = 0,
    epochs: Sequence[EpochPart] = (),
    doubled: Mapping[LeaseId, Sequence[Envelope[Any]]] = NOTHING_DOUBLED,
    disputes: Sequence[DisputePart] = (),
    audited: int = 0,
    keys: Sequence[KeyPart] = (),
) -> Statement:
    """The receipt of a job: each lease comes with the commitments (and `lease.executed`) its provider signed.

    `epochs` are those that its verdicts name; `doubled` the commitments of a lease that contradict each other;
    `disputes` those of its segments; `keys` who was given the keys of its sealed inputs.
    """
    order = submitted.event
    commits = [each.event for _, said in leases for each in said if isinstance(each.event, LeaseCommitted)]
    predicate = Predicate(
        job=order.job_id,
        deployment=DeploymentPart(chain_id=domain.chain_id, payment=domain.verifying_contract.lower()),
        spec_digest=spec_digest(order.spec),
        order=SaidPart.of(submitted),
        leases=tuple(lease_part(granted, said, doubled.get(granted.lease_id, ())) for granted, said in leases),
        verdicts=tuple(verdicts),
        payouts=tuple(payouts),
        refunded=refunded,
        fee=fee,
        audited=audited,
        epochs=tuple(epochs),
        provenance=ProvenancePart.of(order.spec, runs_of(commits)),
        disputes=tuple(disputes),
        keys=tuple(keys),
    )
    ends = (said.event for _, all_said in leases for said in all_said)
    results = [end.result for end in ends if isinstance(end, LeaseExecuted)]
    return Statement(subject=(subject_of(predicate.spec_digest, results),), predicate=predicate).chained()


def lease_part(
    granted: LeaseGranted, said: Sequence[Envelope[Any]], doubled: Sequence[Envelope[Any]] = ()
) -> LeasePart:
    """A lease's part of the receipt, its statements in the order of the segments."""
    return LeasePart(
        lease_id=granted.lease_id,
        provider=granted.provider,
        fence=granted.fence,
        mega_unit_price=granted.mega_unit_price,
        resume=granted.resume,
        said=tuple(map(SaidPart.of, said)),
        doubled=tuple(map(SaidPart.of, doubled)),
    )


def subject_of(spec: str, results: Sequence[str]) -> Subject:
    """The subject: the result of the lease that executed, or else the spec."""
    if results:
        return Subject(name="result", digest=SubjectDigest(blake3=results[-1]))
    return Subject(name="spec", digest=SubjectDigest(blake3=spec))


def anchors_of(statement: Statement) -> list[tuple[str, bytes]]:
    """The statement's parts in their order, each by its name and the JSON that it ends in."""
    predicate = statement.predicate
    fee = "".join(f',"{name}":{sum_}' for name in ("fee", "audited") if (sum_ := getattr(predicate, name)))
    anchors = [("subject", encode(statement.subject[0])), ("deployment", encode(predicate.deployment))]
    anchors += [("order", encode(predicate.order))]
    anchors += [anchor for lease in predicate.leases for anchor in lease_anchors(lease)]
    anchors += [(f"verdict {each.verdict_id}", encode(each)) for each in predicate.verdicts]
    anchors += [(f"payout {each.lease_id}", encode(each)) for each in predicate.payouts]
    anchors += [("refund", f'"refunded":{predicate.refunded}{fee}'.encode())]
    anchors += [(each.name, encode(each)) for each in predicate.epochs]
    anchors += [(each.name, encode(each)) for each in predicate.disputes]
    anchors += [(f"key for {each.reader}", encode(each)) for each in predicate.keys]
    return anchors + ([("provenance", encode(predicate.provenance))] if predicate.provenance else [])


def lease_anchors(lease: LeasePart) -> Iterator[tuple[str, bytes]]:
    """A lease's terms, then each of its statements."""
    bare = lease.model_dump_json(exclude={"said", "doubled"}).encode()
    yield f"lease {lease.lease_id}, terms", bare.removesuffix(b"}")
    for kind, statements in (("statement", lease.said), ("doubled", lease.doubled)):
        for at, said in enumerate(statements):
            yield f"lease {lease.lease_id}, {kind} {at}", encode(said)


def encode(part: BaseModel) -> bytes:
    """A part's JSON as it stands in the statement."""
    return part.model_dump_json(by_alias=True).encode()


def seal(statement: Statement, key: Key) -> str:
    """The receipt signed by the operator's key, as one line of JSON."""
    return seal_payload(statement.encode(), key)


def receipt_digest(sealed: str) -> str:
    """The digest that goes on chain: of the sealed text, so that the receipt is the blob of that name."""
    return blob_digest(sealed.encode())
