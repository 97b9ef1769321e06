"""Shares that were bound and not revealed: kept, excused by a late reveal, and judged."""

from collections.abc import Sequence

from assay.proof.beacon import Reveal, is_true
from assay.schema.beacon import BeaconExcused
from assay.store import Transaction
from assay.verification.domain.withholding import GRACE_MS, INCIDENT_MS, Miss


async def note(tx: Transaction, beacon_ids: Sequence[str], now_ms: int) -> None:
    """Keep that these shares were bound and not revealed; what was revealed falsely cannot be excused."""
    sql = "update shares set missed_ms = $2, can_excuse = (state <> 'false') where beacon_id = any($1::text[])"
    await tx.execute(sql, sorted(beacon_ids), now_ms)


async def excuse(tx: Transaction, said: BeaconExcused, now_ms: int) -> None:
    """Keep that a share is revealed late, if it is in time for that, and what its verifier was bound to."""
    row = await tx.fetchrow("select bound, missed_ms, can_excuse from shares where beacon_id = $1", said.beacon_id)
    if row is None or row["bound"] is None or not row["can_excuse"] or now_ms > row["missed_ms"] + GRACE_MS:
        return
    reveal = Reveal(bytes.fromhex(said.value), bytes.fromhex(said.salt))
    if is_true(said.epoch_id, said.verifier, row["bound"], reveal):
        await tx.execute("update shares set is_excused = true where beacon_id = $1", said.beacon_id)


async def suspects(tx: Transaction, now_ms: int) -> list[str]:
    """The verifiers with an incident that is over (`is_over`) and not judged."""
    sql = """select distinct verifier from shares where missed_ms is not null and not is_judged
             and missed_ms <= $1 order by verifier"""
    return [row["verifier"] for row in await tx.fetch(sql, now_ms - INCIDENT_MS - GRACE_MS)]


async def misses_of(tx: Transaction, verifier: str) -> list[Miss]:
    """All that a verifier was bound to and did not reveal."""
    sql = """select beacon_id, epoch_id, missed_ms, is_excused, is_judged from shares
             where verifier = $1 and missed_ms is not null"""
    return [Miss(**row) for row in await tx.fetch(sql, verifier)]


async def judged(tx: Transaction, beacon_ids: Sequence[str]) -> None:
    """Keep that these are judged."""
    await tx.execute("update shares set is_judged = true where beacon_id = any($1::text[])", sorted(beacon_ids))
