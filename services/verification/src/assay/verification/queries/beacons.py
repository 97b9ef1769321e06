"""Shares of the beacon: who was called for which epoch, what it is bound to, what it revealed, and who stays away."""

from collections.abc import Sequence
from typing import Final

from assay.proof.beacon import Pulse
from assay.schema.beacon import BeaconCommitted, RevealedShare, beacon_fact
from assay.schema.values import BOND_PER_VERIFIER
from assay.store import Transaction
from assay.verification.domain.sharing import Next, Share, Willing, next_of
from assay.verification.queries.epochs import Kept, kept_of

# Who stays away is not called for a while, twice as long each time in a row: from 15 s to a day.
AWAY_MS, AWAY_MS_MAX = 15_000, 86_400_000
# Who was bound this many times in a row and did not reveal is not called for a day.
ABSENCES_MAX: Final = 3


async def next_epoch(tx: Transaction, provider: str) -> Next:
    """The provider's next epoch."""
    sql = """select coalesce(max(number), 0) + 1 as number,
                    (array_agg(seed order by number desc) filter (where seed is not null))[1] as seed
             from epochs where provider = $1"""
    row = await tx.fetchrow(sql, provider)
    assert row is not None
    return next_of(provider, row["number"], row["seed"])


async def willing(tx: Transaction, now_ms: int) -> list[Willing]:
    """The bonded verifiers that are there, and neither rest nor stay away."""
    sql = """select v.verifier, v.announced->>'network' as network
             from verifiers v join bonds b on b.address = substr(v.verifier, 2) and b.is_covered
             where v.expires_ms > $1 and v.rests_until_ms <= $1 and v.away_until_ms <= $1
             and b.amount - b.promised >= $2"""
    return [Willing(row["verifier"], row["network"]) for row in await tx.fetch(sql, now_ms, BOND_PER_VERIFIER)]


async def call(tx: Transaction, epoch_id: str, verifiers: Sequence[str], now_ms: int) -> None:
    """Keep who is called."""
    sql = "insert into shares (beacon_id, epoch_id, verifier, called_ms) values ($1, $2, $3, $4)"
    await tx.executemany(sql, [(beacon_fact(epoch_id, v)["beacon_id"], epoch_id, v, now_ms) for v in verifiers])


async def commit(tx: Transaction, said: BeaconCommitted) -> None:
    """Keep what a verifier is bound to."""
    sql = "update shares set state = 'committed', bound = $2 where beacon_id = $1 and state = 'called'"
    await tx.execute(sql, said.beacon_id, said.commit)


async def shares_of(tx: Transaction, epoch_id: str) -> list[Share]:
    """The shares of an epoch, in the order of their ids, in which they are locked too."""
    rows = await tx.fetch("select * from shares where epoch_id = $1 order by beacon_id", epoch_id)
    return [
        Share(
            row["beacon_id"],
            row["verifier"],
            row["state"],
            row["called_ms"],
            row["bound"],
            RevealedShare.model_validate_json(row["revealed"]) if row["revealed"] else None,
        )
        for row in rows
    ]


async def lock(tx: Transaction, epoch_id: str) -> None:
    """Lock the lives of an epoch's shares until the commit: first the life, then the row, as the handlers do."""
    rows = await tx.fetch("select beacon_id from shares where epoch_id = $1", epoch_id)
    await tx.life("beacon", [row["beacon_id"] for row in rows])


async def miss(tx: Transaction, beacon_ids: Sequence[str]) -> None:
    """Keep that these shares do not count."""
    await tx.execute("update shares set state = 'missed' where beacon_id = any($1::text[])", sorted(beacon_ids))


async def open_shares(tx: Transaction, epoch_id: str, pulse: Pulse, due_ms: int) -> None:
    """Keep the block that the shares are to be revealed over, and until when."""
    await tx.execute("update shares set state = 'opened' where epoch_id = $1 and state = 'committed'", epoch_id)
    sql = """update epochs set state = 'awaiting', beacon_block = $2, beacon_hash = $3, beacon_due_ms = $4,
             claimed_until_ms = 0 where epoch_id = $1"""
    await tx.execute(sql, epoch_id, pulse.round, pulse.value, due_ms)


async def reveal(tx: Transaction, beacon_id: str, share: RevealedShare | None) -> None:
    """Keep what was revealed; nothing, if it was false."""
    sql = "update shares set state = $2, revealed = $3 where beacon_id = $1 and state = 'opened'"
    row = ("revealed", share.model_dump_json()) if share else ("false", None)
    await tx.execute(sql, beacon_id, *row)


async def claim_revealed(tx: Transaction, now_ms: int, claim_ms: int, limit: int) -> list[Kept]:
    """Epochs whose shares are all revealed, or overdue, that nobody else works on until `now_ms + claim_ms`."""
    sql = """update epochs set claimed_until_ms = $1 + $2 where epoch_id in (
                 select epoch_id from epochs e where state = 'awaiting' and claimed_until_ms <= $1
                 and (beacon_due_ms <= $1
                      or not exists (select 1 from shares s where s.epoch_id = e.epoch_id and s.state = 'opened'))
                 order by claimed_until_ms limit $3 for update skip locked)
             returning *"""
    return [kept_of(row) for row in await tx.fetch(sql, now_ms, claim_ms, limit)]


async def stay_away(tx: Transaction, verifiers: Sequence[str], now_ms: int) -> None:
    """Call these for a while no more."""
    sql = """update verifiers set aways = aways + 1,
             away_until_ms = $2::bigint + least($3::bigint * power(2, least(aways, 16)), $4::bigint)::bigint
             where verifier = any($1::text[])"""
    await tx.execute(sql, sorted(verifiers), now_ms, AWAY_MS, AWAY_MS_MAX)


async def withhold(tx: Transaction, verifiers: Sequence[str], now_ms: int) -> None:
    """Keep that these were bound and did not reveal; whoever did so too often is called for a day no more."""
    sql = """update verifiers set absences = absences + 1,
             away_until_ms = case when absences + 1 >= $3 then $2::bigint + $4::bigint else away_until_ms end
             where verifier = any($1::text[])"""
    await tx.execute(sql, sorted(verifiers), now_ms, ABSENCES_MAX, AWAY_MS_MAX)


async def appear(tx: Transaction, verifiers: Sequence[str]) -> None:
    """Forget that these were away before."""
    sql = "update verifiers set aways = 0, absences = 0 where verifier = any($1::text[]) and aways + absences > 0"
    await tx.execute(sql, sorted(verifiers))
