"""Verifiers: what they announced, what stands behind them, what they have in hand; and the service's secret."""

import secrets
from collections.abc import Sequence
from typing import Final

from assay.schema.audit import VerifierAnnounced
from assay.schema.offer import StakeChanged
from assay.schema.values import BOND_PER_VERIFIER
from assay.store import Transaction
from assay.verification.domain import Candidate

SECRET: Final = "audits"
REST_MS, REST_MS_MAX = 15_000, 600_000
DECLINED_MS = 3_000
"""The first rest of who declines: it was in time."""


async def remember(tx: Transaction, announced: VerifierAnnounced) -> None:
    """Keep what a verifier says that it can; the later statement stands."""
    sql = """insert into verifiers (verifier, announced, expires_ms) values ($1, $2, $3)
             on conflict (verifier) do update set announced = excluded.announced, expires_ms = excluded.expires_ms
             where verifiers.expires_ms <= excluded.expires_ms"""
    await tx.execute(sql, announced.verifier, announced.model_dump_json(), announced.expires_ms)


async def withdraw(tx: Transaction, verifier: str, now_ms: int) -> None:
    """Keep that a verifier has left."""
    await tx.execute("update verifiers set expires_ms = least(expires_ms, $2) where verifier = $1", verifier, now_ms)


async def bond(tx: Transaction, said: StakeChanged) -> None:
    """Keep what stands behind an address. What was taken from it was promised, as far as anything was."""
    sql = """insert into bonds (address, amount, turn, is_covered) values ($1, $2, $3, $4)
             on conflict (address) do update set amount = excluded.amount, turn = excluded.turn,
             is_covered = excluded.is_covered,
             promised = greatest(bonds.promised - greatest(bonds.amount - excluded.amount, 0), 0)
             where bonds.turn <= excluded.turn"""
    await tx.execute(sql, said.provider[1:], said.amount, said.turn, said.is_covered)


async def promise(tx: Transaction, overruled: Sequence[str]) -> None:
    """Keep that these, each as often as it is named, lose a bond: it stands for nothing from now on."""
    sql = "update bonds set promised = promised + $2 where address = $1"
    await tx.executemany(sql, sorted((verifier[1:], BOND_PER_VERIFIER) for verifier in overruled))


async def candidates(tx: Transaction, now_ms: int) -> list[Candidate]:
    """All verifiers that have not left, with what they have in hand, and what of their bond is free.

    Who claims nothing, or not what its stake covers, has none.
    """
    sql = """select v.announced, v.rests_until_ms, coalesce(b.amount - b.promised - coalesce(
                        (select sum(l.amount) from bond_locks l where l.address = b.address), 0), 0) as bond,
                    (select count(*) from audits a where a.verifier = v.verifier
                     and a.state in ('assigned', 'sealed', 'called')) as in_hand
             from verifiers v left join bonds b on b.address = substr(v.verifier, 2) and b.is_covered
             where v.expires_ms > $1 order by v.verifier"""
    return [
        Candidate(
            VerifierAnnounced.model_validate_json(row["announced"]),
            int(row["bond"]),
            row["in_hand"],
            row["rests_until_ms"],
        )
        for row in await tx.fetch(sql, now_ms)
    ]


async def rest(tx: Transaction, verifiers: Sequence[str], now_ms: int, first_ms: int = REST_MS) -> None:
    """Draw these for a while no more, the longer the more often they had no answer one after the other."""
    sql = """update verifiers set lapses = lapses + 1,
             rests_until_ms = $2::bigint + least($3::bigint * power(2, least(lapses, 10)), $4::bigint)::bigint
             where verifier = any($1::text[])"""
    await tx.execute(sql, sorted(set(verifiers)), now_ms, first_ms, REST_MS_MAX)


async def was_in_time(tx: Transaction, verifier: str) -> None:
    """Forget that a verifier was late before."""
    await tx.execute("update verifiers set lapses = 0 where verifier = $1 and lapses > 0", verifier)


async def secret(tx: Transaction) -> bytes:
    """The service's secret, made when it is first asked for."""
    made = "insert into secrets values ($1, $2) on conflict do nothing"
    await tx.execute(made, SECRET, secrets.token_bytes(32))
    return bytes(await tx.fetchval("select value from secrets where name = $1", SECRET))
