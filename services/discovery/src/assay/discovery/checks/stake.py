"""What an offer says it can do must be claimed on chain, and covered: then a false claim costs more than it gains.

Who says little to stake little is found out by its own work: what was verified of it in a day is at most its claim.
"""

from assay.discovery.domain import Objection, Standing, Terms
from assay.schema.offer import Offer


def check(offer: Offer, standing: Standing, terms: Terms, now_ms: int) -> Objection | None:
    """The objection to the stake behind an offer, if any."""
    claimed, offered = standing.claim, offer.capacity.claim
    if claimed < offered:
        reason = f"It offers {offered} cost units a second of all slots, its stake is claimed to stand for {claimed}."
        return Objection("offer.unclaimed", reason)
    if not standing.is_covered:
        stake = f"The stake that counts is {standing.stake}, with a backing of {standing.backing}"
        return Objection("offer.understaked", f"{stake}: the claim of {claimed} asks for {standing.needed} of its own.")
    measured = standing.output.units_per_s(now_ms)
    if measured > claimed:
        reason = f"{measured} cost units a second were verified in a day, its stake stands for {claimed}."
        return Objection("offer.outgrown", reason)
    return None
