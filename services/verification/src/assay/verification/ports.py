"""What verification's handlers may reach."""

from dataclasses import dataclass, field

from assay.schema.event import Envelope
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.store import Transaction
from assay.verification.bells import Bells
from assay.verification.queries import cases


@dataclass(frozen=True, slots=True)
class Ports:
    """The transaction that the runtime opened, and the bells. Grants and commitments are gathered, written at once."""

    tx: Transaction
    bells: Bells
    granted: list[LeaseGranted] = field(default_factory=list)
    committed: list[Envelope[LeaseCommitted]] = field(default_factory=list)

    async def write(self) -> None:
        """Keep what was gathered."""
        if self.granted:
            await cases.remember_grants(self.tx, self.granted)
            self.granted.clear()
        if self.committed:
            await cases.remember_commits(self.tx, self.committed)
            self.committed.clear()


async def flush(ports: Ports) -> None:
    """Write what the handlers of a transaction have gathered."""
    await ports.write()
