"""A verifier's memory: that of any participant, and the audits it has in hand with what it sealed about them."""

from pathlib import Path
from typing import Final

from assay.schema.audit import AuditAssigned, AuditRevealed
from assay.store.journal import Journal

AUDITS: Final = """
create table if not exists audit (
    audit_id text primary key,
    assigned blob not null,
    answer blob,
    is_open integer not null
)
"""


class AuditJournal(Journal):
    """The journal in the file `path`, made if it is not there. Raises Mismatch if another version made it."""

    def __init__(self, path: Path | str) -> None:
        super().__init__(path)
        self._db.execute(AUDITS)

    def put_audit(self, assigned: AuditAssigned) -> bool:
        """Whether the audit was taken in hand now, and never before."""
        row = (assigned.audit_id, assigned.model_dump_json())
        sql = "insert into audit values (?, ?, null, 1) on conflict (audit_id) do nothing"
        return self._db.execute(sql, row).rowcount == 1

    def open_audits(self) -> list[AuditAssigned]:
        """The audits in hand."""
        rows = self._db.execute("select assigned from audit where is_open order by rowid")
        return [AuditAssigned.model_validate_json(assigned) for (assigned,) in rows]

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
