"""What a party has heard of its disputes, so that after a restart it goes on where it was."""

import sqlite3
from typing import Final

from assay.schema.dispute import DisputeFact
from assay.schema.event import Event, event_class_of

NOTES: Final = """
create table if not exists dispute_note (
    seq integer primary key autoincrement,
    dispute_id text not null,
    type text not null,
    data blob not null,
    unique (dispute_id, type, data)
)
"""
OPEN: Final = """
select dispute_id from dispute_note where type = 'dispute.lodged'
and dispute_id not in (select dispute_id from dispute_note where type = 'dispute.ruled') order by seq
"""


class DisputeNotes:
    """The notes in a participant's journal."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.execute(NOTES)

    def note(self, event: DisputeFact) -> None:
        """Keep what was heard, once."""
        assert isinstance(event, Event)
        row = (event.dispute_id, event.type, event.model_dump_json())
        self._db.execute(
            "insert into dispute_note (dispute_id, type, data) values (?, ?, ?) on conflict do nothing", row
        )

    def heard(self, dispute_id: str) -> list[Event]:
        """All that was heard of a dispute, in order."""
        sql = "select type, data from dispute_note where dispute_id = ? order by seq"
        rows = self._db.execute(sql, (dispute_id,)).fetchall()
        return [event_class_of(type_).model_validate_json(data) for type_, data in rows]

    def open(self) -> list[str]:
        """The disputes that are not ruled."""
        return [dispute_id for (dispute_id,) in self._db.execute(OPEN)]
