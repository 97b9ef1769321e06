"""A verifier's memory: that of any participant, audits in hand with what it sealed, and shares of the beacon."""

from pathlib import Path
from typing import Final

from assay.proof.beacon import Reveal
from assay.schema.audit import AuditAssigned, AuditRevealed
from assay.schema.beacon import BeaconCalled
from assay.store.journal import Journal

AUDITS: Final = """
create table if not exists audit (
    audit_id text primary key,
    assigned blob not null,
    answer blob,
    is_open integer not null
)
"""
SHARES: Final = """
create table if not exists share (
    beacon_id text primary key,
    called blob not null,
    value blob not null,
    salt blob not null,
    is_open integer not null
)
"""


class AuditJournal(Journal):
    """The journal in the file `path`, made if it is not there. Raises Mismatch if another version made it."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._db.execute(AUDITS)
        self._db.execute(SHARES)

    def put_audit(self, assigned: AuditAssigned) -> bool:
        """Whether the audit was taken in hand now, and never before."""
        row = (assigned.audit_id, assigned.model_dump_json())
        sql = "insert into audit values (?, ?, null, 1) on conflict (audit_id) do nothing"
        return self._db.execute(sql, row).rowcount == 1

    def open_audits(self) -> list[AuditAssigned]:
        """The audits in hand."""
        rows = self._db.execute("select assigned from audit where is_open order by rowid")
        return [AuditAssigned.model_validate_json(assigned) for (assigned,) in rows]

    def audit(self, audit_id: str) -> AuditAssigned | None:
        """The audit as it was taken in hand, if it ever was."""
        assigned = self._one("select assigned from audit where audit_id = ?", audit_id)
        return AuditAssigned.model_validate_json(assigned) if assigned else None

    def put_answer(self, answer: AuditRevealed) -> None:
        """Keeps what will be revealed, with its salt; the first answer stands."""
        row = (answer.model_dump_json(), answer.audit_id)
        self._db.execute("update audit set answer = ? where audit_id = ? and answer is null", row)

    def answer(self, audit_id: str) -> AuditRevealed | None:
        """What was found, if it was kept."""
        found = self._one("select answer from audit where audit_id = ?", audit_id)
        return AuditRevealed.model_validate_json(found) if found else None

    def close_audit(self, audit_id: str) -> None:
        """The audit is over for this verifier."""
        self._db.execute("update audit set is_open = 0 where audit_id = ?", (audit_id,))

    def put_share(self, called: BeaconCalled, share: Reveal) -> bool:
        """Whether the share is kept now, and none was before."""
        row = (called.beacon_id, called.model_dump_json(), share.value, share.salt)
        sql = "insert into share values (?, ?, ?, ?, 1) on conflict (beacon_id) do nothing"
        return self._db.execute(sql, row).rowcount == 1

    def share(self, beacon_id: str) -> Reveal | None:
        """The share, if it was kept."""
        row = self._db.execute("select value, salt from share where beacon_id = ?", (beacon_id,)).fetchone()
        return Reveal(*row) if row else None

    def open_shares(self) -> list[tuple[BeaconCalled, Reveal]]:
        """The shares that are neither revealed nor over."""
        rows = self._db.execute("select called, value, salt from share where is_open order by rowid")
        return [(BeaconCalled.model_validate_json(called), Reveal(value, salt)) for called, value, salt in rows]

    def close_share(self, beacon_id: str) -> None:
        """The share is revealed, or over."""
        self._db.execute("update share set is_open = 0 where beacon_id = ?", (beacon_id,))
