"""What providers offer: standing, signed statements of capacity, price, region and expiry; and their stake."""

from typing import Annotated, Final

from pydantic import Field

from assay.schema.attestation import PresentedReport, ReportFinding
from assay.schema.event import Event
from assay.schema.values import (
    Capacity,
    Code,
    HeldData,
    Kind,
    Millis,
    Money,
    OfferId,
    ProviderId,
    Reason,
    Region,
    Role,
    Units,
    Value,
)

UNPROVEN: Final = "offer.unproven"
"""Why an offer is not listed whose provider was challenged and showed nothing."""


class Offer(Value):
    """The terms of one offer. A later `sequence` of the same provider replaces an earlier one.

    `data` are data sets that stay with it: jobs on them come to nobody else. `spare`: free slots keep warm for jobs of
    others that ask for a spare, unpaid, until there is work for them. `egress`: programs may reach the hosts that their
    job names.
    """

    offer_id: OfferId
    provider: ProviderId
    sequence: Annotated[int, Field(ge=1, lt=2**53)]
    kinds: Annotated[tuple[Kind, ...], Field(min_length=1, max_length=64)]
    capacity: Capacity
    region: Region
    mega_unit_price: Money
    expires_ms: Millis
    data: Annotated[tuple[HeldData, ...], Field(max_length=64)] = ()
    spare: bool = False
    egress: bool = False


class Measurement(Value):
    """What the provider's machine has shown by challenges, in cost units a second of all its slots; at which block.

    `claimed` is what its offer says that they do.
    """

    units_per_s: Units
    block: Annotated[int, Field(ge=0)]
    claimed: Units


class OfferAnnounced(Offer, Event, type="offer.announced", by=Role.PROVIDER):
    """Emitted when a provider states or renews its offer. Consumed by discovery.

    `attestation` is a recorded report of its machine; an offer without one is worth no less.
    """

    attestation: PresentedReport | None = None


class OfferListed(Offer, Event, type="offer.listed", by=Role.DISCOVERY, tells=("provider",)):
    """Emitted when an offer's stake covers its claim, with what is known of the provider. Consumed by matching and
    verification.

    `attestation` is what was found in the report that it presented, if any: where it stands, verification has fewer
    segments drawn. `capacity` is what it offers up to what was `measured`; its speed is 0 until something was.
    """

    reputation: Annotated[int, Field(ge=0, le=1_000_000, description="parts per million")]
    stake: Money
    attestation: ReportFinding | None = None
    measured: Measurement | None = None


class OfferRefused(Event, type="offer.refused", by=Role.DISCOVERY, tells=("provider",)):
    """Emitted when an announced offer is not listed: the code says why. Nothing else changes."""

    offer_id: OfferId
    provider: ProviderId
    code: Code
    reason: Reason


class OfferWithdrawn(Event, type="offer.withdrawn", by=Role.PROVIDER):
    """Emitted when a provider takes its offer back (drain, planned exit). Consumed by discovery."""

    offer_id: OfferId
    provider: ProviderId


class OfferDelisted(Event, type="offer.delisted", by=Role.DISCOVERY, tells=("provider",)):
    """Emitted when a listed offer ends: withdrawn, expired, silent, its stake fell, or its idle machine showed nothing.

    Consumed by matching and verification.
    """

    offer_id: OfferId
    provider: ProviderId
    code: Code
    reason: Reason


class StakeChanged(Event, type="stake.changed", by=Role.SETTLEMENT, tells=("provider",), key="provider"):
    """Emitted when the chain shows another stake, backing or claim of a provider, or other terms of claims. Consumed by
    discovery and verification.

    `amount` is its own active stake, `backing` what delegators put behind it, as far as it counts: what came in a block
    that a fork could take back does by its value. `claim` is the cost units a second that it says they stand for, and
    `needed` what that asks of its own stake beside this backing. Of two of one provider that of the higher `turn` is
    the later one, also where a fork took something back.
    """

    provider: ProviderId
    amount: Money
    backing: Money = 0
    claim: Units = 0
    needed: Money = 0
    block: Annotated[int, Field(ge=0)]
    turn: Annotated[int, Field(ge=0)] = 0

    @property
    def is_covered(self) -> bool:
        """Whether it claims something, and its own stake is what that asks for."""
        return self.claim > 0 and self.amount >= self.needed > 0
