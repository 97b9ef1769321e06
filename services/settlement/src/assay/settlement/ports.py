"""What the handlers of settlement reach."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from assay.proof.eip712 import Domain
from assay.schema.event import Envelope, Event
from assay.schema.lease import LeaseExecuted, LeaseVerified
from assay.settlement import queries
from assay.settlement.bell import Bell
from assay.settlement.finality import ALL_AT_ONCE, Limits
from assay.settlement.ledger import Asset
from assay.settlement.paying.holds import Holder
from assay.settlement.pools import Pools
from assay.settlement.relaying.checks import RELAYS_PER_DAY
from assay.store import Transaction

# What has to wait for the commitments that it counts.
ENDS = (LeaseExecuted, LeaseVerified)


@dataclass(frozen=True, slots=True)
class Ports:
    """What the handlers reach: the transaction, the domain of signatures, the bell of the desk, great epochs' entries.

    An order waits `fund_wait_ms` for its requester's deposit; `relays_per_day` are paid for each requester; `limits`
    say what of fresh credits counts. What is heard and what it touches is gathered, and written at once.
    `commits` counts those of the leases that end in a batch: what was known before it, and what is heard in it.
    """

    tx: Transaction
    domain: Domain
    bell: Bell
    fund_wait_ms: int
    pools: Pools
    relays_per_day: int = RELAYS_PER_DAY
    limits: Mapping[Asset, Limits] = field(default_factory=lambda: ALL_AT_ONCE)
    heard: list[Envelope[Any]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)
    commits: Counter[str] = field(default_factory=Counter)
    holder: Holder = field(init=False)

    def __post_init__(self) -> None:
        object.__setattr__(self, "holder", Holder(self.tx, self.limits[Asset.STABLE]))

    async def write(self) -> None:
        """Keeps what was gathered."""
        await self.holder.write()
        if self.heard:
            await queries.remember(self.tx, self.heard)
            self.heard.clear()
        if self.touched:
            await queries.touch(self.tx, sorted(self.touched))
            self.touched.clear()
            self.tx.on_commit(self.bell.ring)


async def prepare(ports: Ports, events: Sequence[Event]) -> None:
    """Counts the commitments of the leases that come to an end in a batch."""
    if ends := [event for event in events if isinstance(event, ENDS)]:
        ports.commits.update(await queries.count_commits(ports.tx, ends))


async def flush(ports: Ports) -> None:
    """Writes what the handlers of a transaction have gathered."""
    await ports.write()
