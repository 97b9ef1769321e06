"""An offer must end in the future, and near enough that it is renewed while its provider lives."""

from typing import Final

from assay.discovery.domain import Objection, Standing, Terms
from assay.schema.offer import Offer

LIFE_MS_MAX: Final = 7 * 86_400_000


def check(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
    """The objection to an offer's expiry, if any."""
    if offer.expires_ms <= now_ms:
        return Objection("offer.expired", f"It ended {(now_ms - offer.expires_ms) // 1000} s ago.")
    if offer.expires_ms > now_ms + LIFE_MS_MAX:
        return Objection("offer.overlong", "It ends in more than seven days: announce a nearer end, and renew it.")
    return None
