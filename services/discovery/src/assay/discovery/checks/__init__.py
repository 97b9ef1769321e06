"""Admission: every check, one file each, in the order in which a provider is told of its first fault."""

from collections.abc import Callable, Sequence

from assay.discovery.checks import capacity, expiry, kinds, reputation, stake
from assay.discovery.domain import Objection, Standing, Terms
from assay.schema.offer import Offer

Check = Callable[[Offer, Standing, Terms, int], Objection | None]

CHECKS: tuple[Check, ...] = (expiry.check, kinds.check, stake.check, reputation.check, capacity.check)


def admit(
    offer: Offer, standing: Standing, terms: Terms, now_ms: int, checks: Sequence[Check] = CHECKS
) -> Objection | None:
    """The first objection to listing an offer, or None."""
    return next(filter(None, (check(offer, standing, terms, now_ms) for check in checks)), None)
