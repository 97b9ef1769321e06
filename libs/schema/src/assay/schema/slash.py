"""The slash: stake that is accused on chain, waits out an appeal, and is taken or freed.

Whose offence it is stands on chain: of an epoch, or of a lease or an audit that stands in none, of a dispute, or of a
share of a beacon that was withheld.
"""

from typing import Annotated

from pydantic import Field

from assay.schema.event import Event
from assay.schema.lease import SlashReason
from assay.schema.values import Address, Digest, Money, Role, SlashId, TxHash, Value

Seconds = Annotated[int, Field(ge=0, description="seconds since 1970, by the chain's clock")]


class SlashFact(Value):
    """What every event of an accusation names: `accusation` is what the contract knows it by."""

    slash_id: SlashId
    accusation: Digest
    tx: TxHash
    block: Annotated[int, Field(ge=0)]


class SlashVictim(Value):
    """Who lost how much by an offence, in native units, that payment did not give back."""

    victim: Address
    loss: Annotated[Money, Field(gt=0)]


class SlashProposed(SlashFact, Event, type="slash.proposed", by=Role.SETTLEMENT):
    """Emitted when somebody is accused on chain: so much of its own and delegated stake is at stake.

    `offence` is the id of an epoch, lease, audit, dispute or share of a beacon, or the hex digits of what somebody else
    named. Where settlement accuses, `victim` is whom it says to have lost `loss`, in native units, that payment did not
    give back. Where several lost, it is the purse of all `victims`, which stand there by rising address.
    """

    accused: Address
    reason: SlashReason
    offence: Annotated[str, Field(pattern=r"^[0-9a-z]{27,64}$")]
    own: Money
    backing: Money
    appeal_until_s: Seconds
    evidence: Digest
    victim: Address | None = None
    loss: Money = 0
    victims: tuple[SlashVictim, ...] = ()


class SlashAppealed(SlashFact, Event, type="slash.appealed", by=Role.SETTLEMENT):
    """Emitted when the accused contests it, with the digest of its evidence and a bond."""

    evidence: Digest
    bond: Money
    rule_until_s: Seconds


class SlashRuled(SlashFact, Event, type="slash.ruled", by=Role.SETTLEMENT):
    """Emitted when an arbiter upholds an appeal or rejects it."""

    is_upheld: bool
    grounds: Digest


class SlashExecuted(SlashFact, Event, type="slash.executed", by=Role.SETTLEMENT):
    """Emitted when the stake is taken: so much, of which `burned`; the rest is in the insurance pool."""

    accused: Address
    amount: Money
    burned: Money


class SlashDismissed(SlashFact, Event, type="slash.dismissed", by=Role.SETTLEMENT):
    """Emitted when an accusation ends without a slash: an appeal was upheld, or not ruled on in time."""


class SlashRefunded(SlashFact, Event, type="slash.refunded", by=Role.SETTLEMENT):
    """Emitted when the insurance pool has paid the victim of a slash so much, in native units; `left` is still due."""

    victim: Address
    amount: Money
    left: Money


class SlashShared(SlashFact, Event, type="slash.shared", by=Role.SETTLEMENT):
    """Emitted when one of several victims was paid so much out of their purse, in native units; `left` of its loss is
    not made good."""

    victim: Address
    amount: Money
    left: Money
