"""What the handlers of settlement reach."""

from dataclasses import dataclass, field
from typing import Any

from assay.proof.eip712 import Domain
from assay.schema.event import Envelope
from assay.settlement import queries
from assay.settlement.bell import Bell
from assay.store import Transaction


@dataclass(frozen=True, slots=True)
class Ports:
    """What the handlers reach: the transaction, the domain that orders are signed in, the bell of the desk.

    What is heard and what it touches is gathered, and written at once.
    """

    tx: Transaction
    domain: Domain
    bell: Bell
    heard: list[Envelope[Any]] = field(default_factory=list)
    touched: set[str] = field(default_factory=set)

    async def write(self) -> None:
        """Keeps what was gathered."""
        if self.heard:
            await queries.remember(self.tx, self.heard)
            self.heard.clear()
        if self.touched:
            await queries.touch(self.tx, sorted(self.touched))
            self.touched.clear()
            self.tx.on_commit(self.bell.ring)


async def flush(ports: Ports) -> None:
    """Writes what the handlers of a transaction have gathered."""
    await ports.write()
