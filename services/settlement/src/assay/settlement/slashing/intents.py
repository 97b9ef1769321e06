"""What Slashing is to be told: whom to accuse of what, and to execute or dismiss what has waited."""

from typing import ClassVar, TypeAlias

from assay.chain import values as chain
from assay.chain.encode import encode_call
from assay.chain.governed.accusations import Accusation, accusation_id, encode_propose
from assay.chain.governed.purses import Loss, encode_share
from assay.chain.governed.terms import NOBODY
from assay.schema.lease import SlashReason
from assay.schema.slash import SlashVictim
from assay.schema.values import Address, Digest, Money, ProviderId, Value, VerifierId, address_of, job_word
from assay.settlement.paying.intents import Count, Key

SLASH_REASONS = {reason: turn for turn, reason in enumerate(SlashReason)}


class Accuse(Value):
    """Accuse a participant of an offence, which the id of an epoch, lease, audit, dispute or challenge names.

    Nobody earns by it: the accuser is nobody. `evidence` is the event that says so. `victim` lost `loss`, in native
    units, that its payment did not give back; where several did, it is the purse of all `victims`.
    """

    kind: ClassVar[str] = "accuse"
    accused: ProviderId | VerifierId
    reason: SlashReason
    offence: str
    happened_s: Count
    evidence: Digest
    victim: Address | None = None
    loss: Money = 0
    victims: tuple[SlashVictim, ...] = ()

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.accusation, 0)

    @property
    def accusation(self) -> str:
        """What the contract knows it by."""
        return accusation_id(address_of(self.accused), job_word(self.offence)).hex()

    def call(self) -> bytes:
        """The call."""
        reason = chain.SlashReason(SLASH_REASONS[self.reason])
        what = (address_of(self.accused), reason, job_word(self.offence), self.happened_s)
        parties = (NOBODY, self.victim or NOBODY, self.loss)
        return encode_propose(Accusation(*what, *parties, bytes.fromhex(self.evidence)))


class Execute(Value):
    """Have stake taken that was accused, and not appealed or in vain."""

    kind: ClassVar[str] = "execute"
    accusation: Digest

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.accusation, 0)

    def call(self) -> bytes:
        """The call."""
        return encode_call("execute(bytes32)", bytes.fromhex(self.accusation))


class Lapse(Value):
    """Have an accusation dismissed that was not ruled on, or not executed, in time."""

    kind: ClassVar[str] = "lapse"
    accusation: Digest

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.accusation, 0)

    def call(self) -> bytes:
        """The call."""
        return encode_call("lapse(bytes32)", bytes.fromhex(self.accusation))


class Refund(Value):
    """Have the insurance pool pay the victim of an executed slash what it is due."""

    kind: ClassVar[str] = "refund"
    accusation: Digest

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.accusation, 0)

    def call(self) -> bytes:
        """The call."""
        return encode_call("refund(bytes32)", bytes.fromhex(self.accusation))


class Share(Value):
    """Have what has arrived in the purse of an accusation shared among its victims."""

    kind: ClassVar[str] = "share"
    accusation: Digest
    victims: tuple[SlashVictim, ...]

    @property
    def key(self) -> Key:
        """What there is one intent of."""
        return (self.kind, self.accusation, 0)

    def call(self) -> bytes:
        """The call."""
        losses = [Loss(each.victim, each.loss) for each in self.victims]
        return encode_share(bytes.fromhex(self.accusation), losses)


SlashingBody: TypeAlias = Accuse | Execute | Lapse | Refund | Share
SLASHING_KINDS: tuple[type[SlashingBody], ...] = (Accuse, Execute, Lapse, Refund, Share)
