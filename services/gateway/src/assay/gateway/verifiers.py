"""The gateway's own view of verifiers: what they said of themselves, and what stands behind them."""

from typing import Any, Final

from assay.schema.audit import VerifierAnnounced
from assay.schema.job import JobSpec
from assay.schema.offer import StakeChanged
from assay.schema.values import BOND_PER_VERIFIER
from assay.store import Transaction

ANNOUNCE: Final = """
insert into verifier (verifier, terms, is_announced) values ($1, $2, true)
on conflict (verifier) do update set terms = excluded.terms, is_announced = true
"""
WITHDRAW: Final = "update verifier set is_announced = false where verifier = $1"
STAKE: Final = """
insert into stake (address, amount, turn, is_covered) values ($1, $2, $3, $4)
on conflict (address) do update set amount = excluded.amount, turn = excluded.turn, is_covered = excluded.is_covered
where stake.turn <= excluded.turn
"""
LIST: Final = """
select v.terms, v.is_announced, coalesce(s.amount, 0) as bond, coalesce(s.is_covered, false) as is_covered
from verifier v left join stake s on s.address = substr(v.verifier, 2)
order by v.is_announced desc, v.verifier limit $1
"""
ABLE: Final = """
select count(*) filter (where (said ->> 'memory_bytes')::bigint >= $5
                        and coalesce((said ->> 'input_bytes')::bigint, $6) >= $6), count(*)
from (select v.terms::jsonb as said from verifier v join stake s on s.address = substr(v.verifier, 2)
      where v.is_announced and s.is_covered and s.amount >= $1) announced
where (said ->> 'expires_ms')::bigint > $2 and said -> 'kinds' ? $3
and (not $4::boolean or coalesce((said ->> 'egress')::boolean, false))
"""


class Verifiers:
    """Verifiers and bonds within one transaction."""

    def __init__(self, tx: Transaction) -> None:
        self.tx = tx
        self._able: dict[tuple[str, bool, int, int], tuple[int, int]] = {}

    async def able(self, spec: JobSpec, now_ms: int) -> tuple[int, int]:
        """How many of the verifiers that may be drawn for such work can check this job, and how many there are.

        None are counted where nothing is demanded. Equal demands are counted once: a batch's jobs are mostly alike.
        """
        needs = spec.requirements
        if not needs.memory_bytes and not needs.input_bytes:
            return 0, 0
        key = (spec.kind, spec.reaches, needs.memory_bytes, needs.input_bytes)
        if key not in self._able:
            row = await self.tx.fetchrow(ABLE, BOND_PER_VERIFIER, now_ms, *key)
            assert row is not None
            self._able[key] = (row[0], row[1])
        return self._able[key]

    async def announce(self, said: VerifierAnnounced) -> None:
        """Keeps what a verifier says of itself."""
        await self.tx.execute(ANNOUNCE, said.verifier, said.model_dump_json())

    async def withdraw(self, verifier: str) -> None:
        """Shows a verifier as gone."""
        await self.tx.execute(WITHDRAW, verifier)

    async def stake(self, changed: StakeChanged) -> None:
        """Keeps what stands behind an address; what was said earlier changes nothing."""
        await self.tx.execute(STAKE, changed.provider[1:], changed.amount, changed.turn, changed.is_covered)

    async def network(self, limit: int, now_ms: int) -> list[dict[str, Any]]:
        """Verifiers as the network is shown them, those who are there first."""
        rows = await self.tx.fetch(LIST, limit)
        return [verifier_row(row[0], row[1], row[2], row[3], now_ms) for row in rows]


def verifier_row(terms: str, is_announced: bool, bond: Any, is_covered: bool, now_ms: int) -> dict[str, Any]:
    """One verifier: whether it is drawn, for which its stake has to be claimed too, what it checks, and its bond."""
    said = VerifierAnnounced.model_validate_json(terms)
    state = "withdrawn" if not is_announced else "expired" if said.expires_ms <= now_ms else "announced"
    if state == "announced" and not (is_covered and bond >= BOND_PER_VERIFIER):
        state = "unbonded"
    row = said.model_dump(mode="json", exclude={"expires_ms"})
    return row | {"state": state, "bond": int(bond), "bond_needed": BOND_PER_VERIFIER, "expires_ms": said.expires_ms}
