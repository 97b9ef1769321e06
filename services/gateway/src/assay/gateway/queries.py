"""The SQL of the door, named after the questions it answers: who may speak, what was let in, whose is what."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from assay.gateway.domain import (
    AuditHeld,
    BeaconHeld,
    ChallengeHeld,
    DisputeHeld,
    JobHeld,
    Known,
    LeaseHeld,
    SpareHeld,
    Speaker,
)
from assay.schema.values import Role
from assay.store import Transaction

SPEAKERS: Final = "select account, role, participant, revoked_ms from account where account = any($1::text[])"
TAKEN: Final = "select event_id from ingested where event_id = any($1::text[])"
LEASES: Final = """
select l.lease_id, l.job_id, l.provider, l.fence, s.state
from lease l left join life s on s.entity = 'lease' and s.id = l.lease_id where l.lease_id = any($1::text[])
"""
JOBS: Final = """
select j.job_id, j.requester, s.state
from job j left join life s on s.entity = 'job' and s.id = j.job_id where j.job_id = any($1::text[])
"""
AUDITS: Final = """
select a.audit_id, a.verifier, s.state
from audit a left join life s on s.entity = 'audit' and s.id = a.audit_id where a.audit_id = any($1::text[])
"""
BEACONS: Final = """
select b.beacon_id, b.verifier, b.epoch_id, s.state
from beacon b left join life s on s.entity = 'beacon' and s.id = b.beacon_id where b.beacon_id = any($1::text[])
"""
DISPUTES: Final = """
select d.dispute_id, d.provider, d.verifier, s.state
from dispute d left join life s on s.entity = 'dispute' and s.id = d.dispute_id where d.dispute_id = any($1::text[])
"""
EPOCHS: Final = "select id, state from life where entity = 'epoch' and id = any($1::text[])"
CHALLENGES: Final = """
select c.challenge_id, c.provider, c.due_ms, s.state from challenge c
left join life s on s.entity = 'challenge' and s.id = c.challenge_id where c.challenge_id = any($1::text[])
"""
SPARES: Final = """
select h.spare_id, h.job_id, h.provider, s.state
from spare h left join life s on s.entity = 'spare' and s.id = h.spare_id where h.spare_id = any($1::text[])
"""
LET_IN: Final = """
insert into ingested (event_id, account, at_ms) select * from unnest($1::text[], $2::text[], $3::bigint[])
on conflict do nothing returning event_id
"""
SUBMIT: Final = """
insert into job (job_id, requester, submitted_ms) select * from unnest($1::text[], $2::text[], $3::bigint[])
on conflict do nothing returning job_id
"""
REFUSE: Final = """
insert into refusal (account, event_type, event_id, code, detail, at_ms)
select * from unnest($1::text[], $2::text[], $3::text[], $4::text[], $5::text[], $6::bigint[])
"""
REFUSALS: Final = """
select event_type, event_id, code, detail, at_ms from refusal where account = $1 order by position desc limit $2
"""
PRUNES: Final = (
    "delete from refusal where at_ms < $1",
    "delete from challenge where due_ms < $1",
    "delete from spare where due_ms < $1",
    "delete from key_right r using data_key d where d.digest = r.digest and d.destroyed_ms < $1",
)
GRANT: Final = """
insert into account (account, role, participant, name, granted_ms) values ($1, $2, $3, $4, $5)
on conflict (account) do update set name = excluded.name
where account.role = excluded.role and account.participant = excluded.participant and account.revoked_ms is null
returning account
"""
RECEIPTS: Final = "insert into receipt (digest) select unnest($1::text[]) on conflict do nothing"
IS_RECEIPT: Final = "select exists (select from receipt where digest = $1)"
REVOKE: Final = "update account set revoked_ms = coalesce(revoked_ms, $2) where account = $1 returning account"


@dataclass(frozen=True, slots=True)
class RefusalRow:
    """A refusal, as its sender can look it up later."""

    account: str
    event_type: str
    event_id: str
    code: str
    detail: str
    at_ms: int


class Registry:
    """The questions of the door within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._receipts: list[str] = []

    async def speaker(self, account: str) -> Speaker | None:
        """Whose an account is, if it was ever granted."""
        return (await self.speakers([account])).get(account)

    async def speakers(self, accounts: Iterable[str]) -> dict[str, Speaker]:
        """Whose each account is, of those that were ever granted."""
        rows = await self.tx.fetch(SPEAKERS, sorted(set(accounts)))
        return {r[0]: Speaker(r[0], Role(r[1]), r[2], r[3] is not None) for r in rows}

    async def known(
        self,
        accounts: Iterable[str],
        events: Iterable[str],
        leases: Iterable[str],
        jobs: Iterable[str],
        audits: Iterable[str],
        beacons: Iterable[str],
        disputes: Iterable[str] = (),
        epochs: Iterable[str] = (),
        challenges: Iterable[str] = (),
        spares: Iterable[str] = (),
    ) -> Known:
        """All that is known of what a batch names."""
        speakers = await self.speakers(accounts)
        taken = {row[0] for row in await self.tx.fetch(TAKEN, sorted(set(events)))}
        held = await self._held(LEASES, leases)
        jobs_held = await self._held(JOBS, jobs)
        audits_held = await self._held(AUDITS, audits)
        beacons_held = await self._held(BEACONS, beacons)
        disputes_held = await self._held(DISPUTES, disputes)
        return Known(
            speakers,
            frozenset(taken),
            {row[0]: LeaseHeld(row[1], row[2], row[3], row[4]) for row in held},
            {row[0]: JobHeld(row[1], row[2]) for row in jobs_held},
            {row[0]: AuditHeld(row[1], row[2]) for row in audits_held},
            {row[0]: BeaconHeld(row[1], row[2], row[3]) for row in beacons_held},
            {row[0]: DisputeHeld(row[1], row[2], row[3]) for row in disputes_held},
            {row[0]: row[1] for row in await self._held(EPOCHS, epochs)},
            {row[0]: ChallengeHeld(row[1], row[2], row[3]) for row in await self._held(CHALLENGES, challenges)},
            {row[0]: SpareHeld(row[1], row[2], row[3]) for row in await self._held(SPARES, spares)},
        )

    async def job(self, job_id: str) -> JobHeld | None:
        """Whose a job is, and how far it came."""
        rows = await self._held(JOBS, [job_id])
        return JobHeld(rows[0][1], rows[0][2]) if rows else None

    async def let_in(self, rows: Sequence[tuple[str, str, int]]) -> set[str]:
        """The events (id, account, time) that were not in before; from now on they are."""
        return await self._claim(LET_IN, rows)

    async def submit(self, rows: Sequence[tuple[str, str, int]]) -> set[str]:
        """The jobs (id, requester, time) whose id was free; from now on it is taken."""
        return await self._claim(SUBMIT, rows)

    async def refuse(self, rows: Sequence[RefusalRow]) -> None:
        """Keeps refusals for their senders."""
        if rows:
            names = ("account", "event_type", "event_id", "code", "detail", "at_ms")
            await self.tx.execute(REFUSE, *([getattr(row, name) for row in rows] for name in names))

    async def refusals(self, account: str, limit: int) -> list[dict[str, Any]]:
        """An account's latest refusals."""
        return [dict(row) for row in await self.tx.fetch(REFUSALS, account, limit)]

    async def prune(self, before_ms: int) -> None:
        """Forgets older refusals, challenges and spares that were over by then, rights to keys destroyed by then."""
        for sql in PRUNES:
            await self.tx.execute(sql, before_ms)

    async def grant(self, speaker: Speaker, name: str, now_ms: int) -> bool:
        """Whether the account is bound so from now on; one that is bound otherwise, or was revoked, stays as it is."""
        values = (speaker.account, speaker.role.value, speaker.participant, name, now_ms)
        return await self.tx.fetchval(GRANT, *values) is not None

    async def revoke(self, account: str, now_ms: int) -> bool:
        """Whether there is such an account; from now on it has no access."""
        return await self.tx.fetchval(REVOKE, account, now_ms) is not None

    def open_blob(self, digest: str) -> None:
        """Notes a blob that everybody may read: a receipt, or what one can be made again from."""
        self._receipts.append(digest)

    async def write(self) -> None:
        """Keeps what was noted."""
        if self._receipts:
            receipts, self._receipts = sorted(self._receipts), []
            await self.tx.execute(RECEIPTS, receipts)

    async def is_receipt(self, digest: str) -> bool:
        """Whether a blob is a receipt."""
        return bool(await self.tx.fetchval(IS_RECEIPT, digest))

    async def _held(self, sql: str, ids: Iterable[str]) -> Sequence[Any]:
        wanted = sorted(set(ids))
        return await self.tx.fetch(sql, wanted) if wanted else []

    async def _claim(self, sql: str, rows: Sequence[tuple[str, str, int]]) -> set[str]:
        # In the order of the ids, so that two batches wait for one another instead of deadlocking.
        columns: Mapping[int, list[Any]] = {at: [row[at] for row in sorted(rows)] for at in range(3)}
        return {row[0] for row in await self.tx.fetch(sql, *columns.values())} if rows else set()
