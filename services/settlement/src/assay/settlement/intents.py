"""What settlement wants done on the chain: one class per kind, kept as JSON until the chain has done it, or refused."""

import base64
from collections import Counter
from typing import Annotated, ClassVar, Literal, TypeAlias

from pydantic import Field

from assay.chain import values as chain
from assay.schema.audit import AuditUpheld
from assay.schema.dispute import DisputeRuled, Forfeit
from assay.schema.job import Payout
from assay.schema.lease import SlashReason
from assay.schema.values import (
    AuditId,
    Digest,
    DisputeId,
    EpochId,
    EpochNumber,
    Fence,
    JobId,
    LeaseId,
    Money,
    ProviderId,
    RequesterId,
    Signature,
    Units,
    Value,
    VerifierId,
    address_of,
    job_word,
)

Key: TypeAlias = tuple[str, str, int]
SLASH_REASONS = {reason: turn for turn, reason in enumerate(SlashReason)}
OFFENCE = 0
"""The fence of a verifier's offence; those of leases begin at 1."""


class Open(Value):
    """Lock an order's price limit."""

    kind: ClassVar[str] = "open"
    job_id: JobId
    requester: RequesterId
    price_limit: Money
    deadline_s: int
    spec_digest: Digest
    signature: Signature

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.job_id, 0)

    def call(self) -> chain.SignedOrder:
        """The order as the contract takes it."""
        order = chain.Order(
            job_id=job_word(self.job_id),
            requester=address_of(self.requester),
            price_limit=self.price_limit,
            deadline=self.deadline_s,
            spec_digest=bytes.fromhex(self.spec_digest),
        )
        return chain.SignedOrder(order, bytes.fromhex(self.signature[2:]))


class AuditFee(Value):
    """What an audit earns that a job's order asked for."""

    audit_id: AuditId
    verifier: VerifierId
    amount: Money


class Settle(Value):
    """Pay a job's leases and the audits it ordered, refund the rest, and close it with `event`."""

    kind: ClassVar[str] = "settle"
    job_id: JobId
    requester: RequesterId
    event: Literal["job.settled", "job.refunded"]
    payouts: tuple[Payout, ...]
    fee: Money = 0
    audits: tuple[AuditFee, ...] = ()
    refunded: Money
    receipt: Digest

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.job_id, 0)

    def call(self) -> chain.Settlement:
        """The settlement as the contract takes it: after the leases' fences come the verifiers, one payout each."""
        payouts = [chain.Payout(address_of(payout.provider), payout.fence, payout.amount) for payout in self.payouts]
        last = max((payout.fence for payout in self.payouts), default=0)
        earned: Counter[str] = Counter()
        for audit in self.audits:
            earned[address_of(audit.verifier)] += audit.amount
        payouts += [chain.Payout(who, last + turn, sum_) for turn, (who, sum_) in enumerate(sorted(earned.items()), 1)]
        return chain.Settlement(job_word(self.job_id), tuple(payouts), self.fee, bytes.fromhex(self.receipt))

    @property
    def audited(self) -> int:
        """What the ordered audits earn together."""
        return sum(audit.amount for audit in self.audits)


class Slash(Value):
    """Take stake for a rejected lease."""

    kind: ClassVar[str] = "slash"
    job_id: JobId
    lease_id: LeaseId
    provider: ProviderId
    fence: Fence
    amount: Annotated[int, Field(ge=0)]
    reason: SlashReason

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.job_id, self.fence)

    def call(self) -> chain.Slash:
        """The penalty as the contract takes it."""
        reason = SLASH_REASONS[self.reason]
        return chain.Slash(address_of(self.provider), self.amount, reason, job_word(self.job_id), self.fence)


class Anchor(Value):
    """Put the root of an epoch on chain."""

    kind: ClassVar[str] = "anchor"
    epoch_id: EpochId
    provider: ProviderId
    number: EpochNumber
    previous: Digest
    root: Digest
    units: Units

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, anchor_name(address_of(self.provider), self.number), 0)

    def call(self) -> chain.Anchor:
        """The root as the contract takes it."""
        previous, root = bytes.fromhex(self.previous), bytes.fromhex(self.root)
        return chain.Anchor(address_of(self.provider), self.number, previous, root, self.units)


class PayAudit(Value):
    """Pay a verifier for an audit, out of the fund."""

    kind: ClassVar[str] = "pay_audit"
    audit_id: AuditId
    verifier: VerifierId
    fee: Money

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.audit_id, 0)

    def call(self) -> chain.AuditPayment:
        """The payment as the contract takes it."""
        return chain.AuditPayment(job_word(self.audit_id), address_of(self.verifier), self.fee)


def pay_audit(audit: AuditUpheld) -> PayAudit:
    """What pays for an audit that no order does."""
    return PayAudit(audit_id=audit.audit_id, verifier=audit.verifier, fee=audit.fee)


class SlashVerifier(Value):
    """Take the bond of a verifier whose audit was overruled. No lease has the offence's name, and none its fence."""

    kind: ClassVar[str] = "slash_verifier"
    audit_id: AuditId
    verifier: VerifierId
    amount: Annotated[int, Field(ge=0)]
    reason: SlashReason

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.audit_id, OFFENCE)

    def call(self) -> chain.Slash:
        """The penalty as the contract takes it."""
        reason = SLASH_REASONS[self.reason]
        return chain.Slash(address_of(self.verifier), self.amount, reason, job_word(self.audit_id), OFFENCE)


class SlashBond(Value):
    """Take what a dispute's loser had locked for it. Of both parties of a dispute each has an offence of its own."""

    kind: ClassVar[str] = "slash_bond"
    dispute_id: DisputeId
    provider: ProviderId
    verifier: VerifierId
    party: ProviderId | VerifierId
    amount: Annotated[int, Field(ge=0)]

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.dispute_id, int(self.party == self.verifier))

    def call(self) -> chain.Slash:
        """The penalty as the contract takes it."""
        reason = SlashReason.FALSE_ACCUSATION if self.party == self.verifier else SlashReason.INVALID_RESULT
        word, fence = job_word(self.dispute_id), self.key[2]
        return chain.Slash(address_of(self.party), self.amount, SLASH_REASONS[reason], word, fence)


class Judge(Value):
    """Have the contract judge the end of a dispute, which it knows by `case`."""

    kind: ClassVar[str] = "judge"
    dispute_id: DisputeId
    provider: ProviderId
    verifier: VerifierId
    case: Digest
    content: str

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.case, 0)

    def call(self) -> bytes:
        """The call as it was proven."""
        return base64.b64decode(self.content)


def bond_of(ruled: DisputeRuled, lost: Forfeit) -> SlashBond:
    """What takes a lost bond."""
    names = {"dispute_id": ruled.dispute_id, "provider": ruled.provider, "verifier": ruled.verifier}
    return SlashBond(**names, party=lost.party, amount=lost.amount)


def anchor_name(address: str, number: int) -> str:
    """What an epoch is called where the chain speaks of it."""
    return f"{address.lower()}/{number}"


Body: TypeAlias = Open | Settle | Slash | Anchor | PayAudit | SlashVerifier | SlashBond | Judge
KINDS: dict[str, type[Body]] = {
    kind.kind: kind for kind in (Open, Settle, Slash, Anchor, PayAudit, SlashVerifier, SlashBond, Judge)
}
