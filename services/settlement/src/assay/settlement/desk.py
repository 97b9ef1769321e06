"""What the tasks of settlement share: the shell, the chain, the operator's key, and the knobs."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Protocol, Self

from assay.chain.port import Chain
from assay.proof.eip712 import Domain
from assay.proof.keys import Key
from assay.runtime.context import Context
from assay.runtime.metrics import Metrics
from assay.settlement.bell import Bell
from assay.settlement.finality import Limits
from assay.settlement.ledger import Asset
from assay.settlement.pools import Pools, pools_of

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
    @property
    def payment_steps_max(self) -> int: ...
    @property
    def payment_value_max(self) -> int: ...
    @property
    def payment_age_s(self) -> float: ...
    @property
    def voucher_wait_s(self) -> float: ...
    @property
    def payment_posts_max(self) -> int: ...
    @property
    def native_price(self) -> int: ...
    @property
    def limits(self) -> Mapping[Asset, Limits]: ...


class Gauge(Protocol):
    """Where a figure is shown."""

    def set(self, value: float) -> None:
        """Show this value."""


class Counter(Protocol):
    """What only grows."""

    def inc(self, amount: float) -> None:
        """Add so much."""


@dataclass(frozen=True, slots=True)
class Gauges:
    """What an operator watches: each must be 0, but for what is under way and the gas that was paid for requesters."""

    drift: Gauge
    stalled: Gauge
    struck: Gauge
    lost: Gauge
    dues: Gauge
    overdue: Gauge
    under_way: Gauge
    relayed: Counter

    @classmethod
    def of(cls, metrics: Metrics) -> Self:
        """Those of a process; made once."""
        return cls(
            drift=metrics.gauge("settlement_drift", "Base units by which ledger and chain differ; must be 0."),
            stalled=metrics.gauge("settlement_stalled", "1 while nothing is posted until a person has looked."),
            struck=metrics.gauge("settlement_struck", "Charges that cannot be proven by now, and wait outside epochs."),
            lost=metrics.gauge("settlement_lost", "Charges that never can be proven: their order is too old."),
            dues=metrics.gauge("settlement_dues", "Audits that wait for a deposit of the operator's own."),
            overdue=metrics.gauge("settlement_slashes_overdue", "1 while a slash is half way to being lost."),
            under_way=metrics.gauge(
                "settlement_transaction_age_seconds", "Age of the oldest transaction that is not final; 0 if none is."
            ),
            relayed=metrics.counter("settlement_relayed_gas", "Gas paid to send what requesters signed."),
        )


@dataclass(frozen=True, slots=True)
class Desk:
    """Where money is moved; one at a time works for a key."""

    context: Context
    chain: Chain
    key: Key
    knobs: Knobs
    bell: Bell
    gauges: Gauges

    @property
    def pools(self) -> Pools:
        """The blobs of great epochs."""
        return pools_of(self.context.bus.blobs)

    @property
    def domain(self) -> Domain:
        """What orders, statements, receipts and epochs are signed and hashed in."""
        return self.chain.deployment.domain
