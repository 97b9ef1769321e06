"""Who can check a job: so many of all verifiers that its requester has not chosen its own judges. Pure.

What an order demands of a machine decides who is drawn for its audits (docs/adr/0040-who-can-check.md).
"""

from typing import Final

SHARE: Final = 2
"""One in so many verifiers of a kind must be able to check a job: nobody's share of who is drawn grows by more."""
LEAST: Final = 3
"""So many decide where the first answer is doubted."""


def checkers_needed(verifiers: int) -> int:
    """How many of so many verifiers of a kind must be able to check a job: half, three at least, all of fewer."""
    return min(verifiers, max(LEAST, -(-verifiers // SHARE)))
