"""Draws whose segments a provider has still to open, so that a restart in between withholds nothing."""

import sqlite3
from typing import Final

from assay.schema.epoch import EpochDrawn

NOTES: Final = "create table if not exists draw_note (epoch_id text primary key, drawn blob not null)"


class DrawNotes:
    """The notes in a provider's journal."""

    def __init__(self, db: sqlite3.Connection) -> None:
        self._db = db
        self._db.execute(NOTES)

    def note(self, drawn: EpochDrawn) -> None:
        """Keep a draw, once."""
        row = (drawn.epoch_id, drawn.model_dump_json())
        self._db.execute("insert into draw_note values (?, ?) on conflict do nothing", row)

    def open(self) -> list[EpochDrawn]:
        """The draws that are not over."""
        rows = self._db.execute("select drawn from draw_note order by rowid").fetchall()
        return [EpochDrawn.model_validate_json(drawn) for (drawn,) in rows]

    def close(self, epoch_id: str) -> None:
        """The draw is over: all of it is opened, or it is too late."""
        self._db.execute("delete from draw_note where epoch_id = ?", (epoch_id,))
