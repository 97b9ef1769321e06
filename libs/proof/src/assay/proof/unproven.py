"""What is not paid where no verifier could answer a drawn segment: what the segment stood for in the draw.

Of k segments that are drawn from a whole epoch each stands for a k-th of it. So where u of them are unproven, each
lease that was not looked at whole goes unpaid with chance u/k, by the epoch's seed. On average that takes what the
unproven work was to be paid, whatever its share: who makes its false segments unanswerable gains nothing, and who
orders what nobody can answer takes no more from its provider than its own order was worth.
"""

from typing import Final

from blake3 import blake3

TAG: Final = b"assay.epoch.unproven.1"
TICKETS: Final = 2**64


def is_spoken_for(seed: str, lease_id: str, counted: int, of: int) -> bool:
    """Whether a lease goes unpaid because `counted` segments `of` those drawn could not be answered."""
    ticket = int.from_bytes(blake3(TAG + bytes.fromhex(seed) + lease_id.encode()).digest(length=8), "big")
    return ticket * of < counted * TICKETS
