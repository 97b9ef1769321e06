"""Whose an audit, a share of a beacon, a dispute or a challenge is, and which jobs an epoch pools."""

from collections.abc import Iterable
from typing import Final

from assay.store import Transaction

ASSIGN: Final = "insert into audit (audit_id, verifier) values ($1, $2) on conflict do nothing"
CALL: Final = "insert into beacon (beacon_id, epoch_id, verifier) values ($1, $2, $3) on conflict do nothing"
DISPUTE: Final = "insert into dispute (dispute_id, provider, verifier) values ($1, $2, $3) on conflict do nothing"
CHALLENGE: Final = "insert into challenge (challenge_id, provider, due_ms) values ($1, $2, $3) on conflict do nothing"
POOL: Final = """
insert into epoch_job (epoch_id, job_id) select distinct $1, job_id from unnest($2::text[]) as job_id
on conflict do nothing
"""

OPEN: Final = """
insert into open_epoch (provider, epoch_id) values ($1, $2)
on conflict (provider) do update set epoch_id = excluded.epoch_id
"""


class Audits:
    """Audits and epochs within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx

    async def assign(self, audit_id: str, verifier: str) -> None:
        """Keeps whose an audit is."""
        await self.tx.execute(ASSIGN, audit_id, verifier)

    async def call(self, beacon_id: str, epoch_id: str, verifier: str) -> None:
        """Keeps whose a share of an epoch's beacon is."""
        await self.tx.execute(CALL, beacon_id, epoch_id, verifier)

    async def dispute(self, dispute_id: str, provider: str, verifier: str) -> None:
        """Keeps whose a dispute is."""
        await self.tx.execute(DISPUTE, dispute_id, provider, verifier)

    async def challenge(self, challenge_id: str, provider: str, due_ms: int) -> None:
        """Keeps who was challenged, and until when."""
        await self.tx.execute(CHALLENGE, challenge_id, provider, due_ms)

    async def open_epoch(self, provider: str, epoch_id: str) -> None:
        """Keeps that a provider's epoch stays open: its jobs wait for it."""
        await self.tx.execute(OPEN, provider, epoch_id)

    async def pool(self, epoch_id: str, job_ids: Iterable[str]) -> None:
        """Keeps which jobs an epoch is about."""
        await self.tx.execute(POOL, epoch_id, sorted(set(job_ids)))
