"""The best voucher of each lease, on disk before anything more is delivered on it, and whether it was handed in."""

import sqlite3
from collections.abc import Callable
from typing import Final

NOTES: Final = """
create table if not exists voucher_note (
    lease_id text primary key, units integer not null, signature text not null, presented integer not null default 0
)
"""
KEEP: Final = """
insert into voucher_note (lease_id, units, signature) values (?, ?, ?) on conflict (lease_id) do update
set units = excluded.units, signature = excluded.signature where excluded.units > voucher_note.units
"""


class VoucherNotes:
    """The notes in a provider's journal. What is kept is on disk once `sync`, the journal's own, has returned.

    They are written as the journal is, by its own connection: another one would wait for its transactions, in the
    middle of which a voucher is handed in, and never get its turn.
    """

    def __init__(self, db: sqlite3.Connection, sync: Callable[[], None]) -> None:
        self._db, self.sync = db, sync
        self._db.execute(NOTES)

    def keep(self, lease_id: str, units: int, signature: str) -> None:
        """Keep a voucher, unless a higher one is kept."""
        self._db.execute(KEEP, (lease_id, units, signature))

    def best(self, lease_id: str) -> tuple[int, str] | None:
        """Units and signature of the highest voucher of a lease."""
        row = self._db.execute("select units, signature from voucher_note where lease_id = ?", (lease_id,)).fetchone()
        return (int(row[0]), str(row[1])) if row else None

    def presented(self, lease_id: str) -> int:
        """The units of the last voucher of a lease that was handed in."""
        row = self._db.execute("select presented from voucher_note where lease_id = ?", (lease_id,)).fetchone()
        return int(row[0]) if row else 0

    def present(self, lease_id: str, units: int) -> None:
        """A voucher of so many units is handed in."""
        self._db.execute("update voucher_note set presented = ? where lease_id = ?", (units, lease_id))
