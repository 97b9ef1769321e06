"""A provider's memory: what it said, in order; how far it read its feed; which leases it holds.

One SQLite file, on disk before anything of it is said aloud: the journal is the truth, the bus carries it from a
cursor. Many writes share one `sync`: what a power cut takes back, nobody has heard. A lease's course needs no table of
its own, since it is what the provider said about the lease.
"""

import json
import os
import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.schema.errors import Mismatch
from assay.schema.event import Envelope, Event, decode
from assay.schema.lease import LeaseCommitted, LeaseGranted
from assay.store.dispute_notes import DisputeNotes
from assay.store.draw_notes import DrawNotes
from assay.store.voucher_notes import VoucherNotes

VERSION: Final = 1
SCHEMA: Final = """
create table outgoing (
    seq integer primary key autoincrement,
    id text not null unique,
    type text not null,
    about text not null,
    headers text not null,
    data blob not null,
    state text not null default 'waiting' check (state in ('waiting', 'sent', 'refused')),
    code text
);
create index outgoing_waiting on outgoing (seq) where state = 'waiting';
create index outgoing_about on outgoing (about, type, seq);
create table lease (lease_id text primary key, fence integer not null, granted blob not null, is_open integer not null);
create table cursor (name text primary key, seq integer not null);
"""


@dataclass(frozen=True, slots=True)
class Outgoing:
    """One thing the provider said, and what became of it; `code` is that of a refusal."""

    seq: int
    envelope: Envelope[Event]
    state: str
    code: str | None


class Journal:
    """The journal in the file `path`, made if it is not there. Raises Mismatch if another version made it."""

    def __init__(self, path: Path | str) -> None:
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        self._log = f"{path}-wal"
        self._db.execute("pragma journal_mode = wal")
        self._db.execute("pragma synchronous = full")
        version = self._db.execute("pragma user_version").fetchone()[0]
        if version == 0:
            with self.transaction():
                for statement in SCHEMA.split(";"):
                    self._db.execute(statement)
        elif version != VERSION:
            raise Mismatch(f"The journal {path} is of version {version}, not {VERSION}.")
        # This write makes the log and has SQLite sync it with its folder; from now on `sync` does.
        self._db.execute(f"pragma user_version = {VERSION}")
        self._db.execute("pragma synchronous = normal")

    @property
    def disputes(self) -> DisputeNotes:
        """What was heard of disputes."""
        return DisputeNotes(self._db)

    @property
    def draws(self) -> DrawNotes:
        """What was drawn of one's own work, until it is opened."""
        return DrawNotes(self._db)

    @property
    def vouchers(self) -> VoucherNotes:
        """The vouchers of one's leases."""
        return VoucherNotes(self._db, self.sync)

    @contextmanager
    def transaction(self) -> Iterator[None]:
        """What is written in the block is kept after it, all or nothing. Blocks may not nest."""
        self._db.execute("begin immediate")
        try:
            yield
        except BaseException:
            self._db.execute("rollback")
            raise
        self._db.execute("commit")

    def sync(self) -> None:
        """All that was written until now is on disk when this returns. May be called from any thread."""
        log = os.open(self._log, os.O_RDONLY)
        try:
            os.fdatasync(log)
        finally:
            os.close(log)

    def append(self, envelope: Envelope[Any]) -> int:
        """The sequence of an event to be sent; one that is there already keeps the sequence it has."""
        row = (envelope.id, envelope.event.type, envelope.event.about, json.dumps(envelope.headers()), envelope.data)
        self._db.execute(
            "insert into outgoing (id, type, about, headers, data) values (?, ?, ?, ?, ?) on conflict (id) do nothing",
            row,
        )
        return int(self._one("select seq from outgoing where id = ?", envelope.id))

    def unsent(self, limit: int = 256) -> list[tuple[int, Envelope[Event]]]:
        """What is still to be sent, oldest first."""
        rows = self._db.execute(
            "select seq, headers, data from outgoing where state = 'waiting' order by seq limit ?", (limit,)
        )
        return [(seq, decode(json.loads(headers), data)) for seq, headers, data in rows]

    def waiting(self) -> int:
        """How many statements are still to be sent."""
        return int(self._one("select count(*) from outgoing where state = 'waiting'"))

    def mark_sent(self, seq: int) -> None:
        """The gateway has taken it."""
        self._db.execute("update outgoing set state = 'sent' where seq = ?", (seq,))

    def mark_refused(self, seq: int, code: str) -> None:
        """The gateway will never take it."""
        self._db.execute("update outgoing set state = 'refused', code = ? where seq = ?", (code, seq))

    def said(self, about: str) -> list[Outgoing]:
        """All that was said about one aggregate, in order."""
        rows = self._db.execute(
            "select seq, headers, data, state, code from outgoing where about = ? order by seq", (about,)
        )
        return [
            Outgoing(seq, decode(json.loads(headers), data), state, code) for seq, headers, data, state, code in rows
        ]

    def committed(self, lease_id: str) -> list[LeaseCommitted]:
        """The commitments of a lease, in order: from the last of them work goes on after a crash."""
        rows = self._db.execute(
            "select data from outgoing where about = ? and type = ? order by seq", (lease_id, LeaseCommitted.type)
        )
        return [LeaseCommitted.model_validate_json(data) for (data,) in rows]

    def put_lease(self, granted: LeaseGranted) -> None:
        """Takes a lease in hand; a repeat changes nothing."""
        row = (granted.lease_id, granted.fence, granted.model_dump_json())
        self._db.execute("insert into lease values (?, ?, ?, 1) on conflict (lease_id) do nothing", row)

    def has_lease(self, lease_id: str) -> bool:
        """Whether the lease was ever taken in hand."""
        return self._one("select 1 from lease where lease_id = ?", lease_id) is not None

    def open_leases(self) -> list[LeaseGranted]:
        """The leases in hand."""
        rows = self._db.execute("select granted from lease where is_open order by rowid")
        return [LeaseGranted.model_validate_json(granted) for (granted,) in rows]

    def lease(self, lease_id: str) -> LeaseGranted | None:
        """The lease as it was taken in hand, if it ever was."""
        granted = self._one("select granted from lease where lease_id = ?", lease_id)
        return LeaseGranted.model_validate_json(granted) if granted else None

    def close_lease(self, lease_id: str) -> None:
        """The lease is over for this provider."""
        self._db.execute("update lease set is_open = 0 where lease_id = ?", (lease_id,))

    def cursor(self) -> int:
        """Up to where the feed was read; 0 at the start."""
        return int(self._one("select seq from cursor where name = 'feed'") or 0)

    def set_cursor(self, seq: int) -> None:
        """The feed was read up to `seq`; never goes back."""
        self._db.execute(
            "insert into cursor values ('feed', ?) on conflict (name) do update set seq = max(seq, excluded.seq)",
            (seq,),
        )

    def close(self) -> None:
        """Leaves the file."""
        self._db.close()

    def _one(self, sql: str, *args: object) -> Any:
        row = self._db.execute(sql, args).fetchone()
        return row[0] if row else None
