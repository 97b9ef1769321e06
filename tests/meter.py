"""How many statements a batch costs a service."""

from collections.abc import Sequence

import pytest
from tests.desk import Desk

from assay.schema.event import Event
from assay.store import Transaction


class Meter:
    """Counts the statements of handlers; those of the shell go another way."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.count = 0
        for name in ("fetch", "fetchrow", "fetchval", "execute"):
            self._count(monkeypatch, name)

    def _count(self, monkeypatch: pytest.MonkeyPatch, name: str) -> None:
        plain = getattr(Transaction, name)

        async def counted(tx: Transaction, sql: str, *args: object) -> object:
            # The desk of these tests reads what was said.
            self.count += "from outbox" not in sql
            return await plain(tx, sql, *args)

        monkeypatch.setattr(Transaction, name, counted)

    async def cost(self, desk: Desk, events: Sequence[Event]) -> tuple[int, list[Event]]:
        """What a batch costs, and what is said to it."""
        self.count = 0
        said = await desk.tell(*events)
        return self.count, said
