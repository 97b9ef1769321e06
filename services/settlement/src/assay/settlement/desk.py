"""What the tasks of settlement share: the shell, the chain, the operator's key, and the knobs."""

from dataclasses import dataclass
from typing import Protocol

from assay.chain.port import Chain
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.runtime.context import Context
from assay.settlement.bell import Bell

# What the contracts would refuse now is tried again after so long.
POSTPONE_MS = 30_000


class Knobs(Protocol):
    """The settings that the desk reads."""

    @property
    def confirmations(self) -> int: ...
    @property
    def bump_after_s(self) -> float: ...
    @property
    def fee_max_gwei(self) -> int: ...


@dataclass(frozen=True, slots=True)
class Desk:
    """Where money is moved; one at a time works for a key."""

    context: Context
    chain: Chain
    key: Key
    knobs: Knobs
    bell: Bell

    @property
    def domain(self) -> Domain:
        """The domain that orders and statements are signed in."""
        return Domain(self.chain.deployment.chain_id, self.chain.deployment.escrow)
