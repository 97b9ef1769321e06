"""What is remembered: Postgres for services, an SQLite file for a provider. Only importer of asyncpg and sqlite3."""

from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from assay.store.journal import Journal, Outgoing
    from assay.store.outbox import Outbox
    from assay.store.roles import provision
    from assay.store.store import Store
    from assay.store.transaction import Transaction

_HOMES = {
    "Journal": "journal",
    "Outbox": "outbox",
    "Outgoing": "journal",
    "Store": "store",
    "Transaction": "transaction",
    "provision": "roles",
}

__all__ = ["Journal", "Outbox", "Outgoing", "Store", "Transaction", "provision"]


def __getattr__(name: str) -> object:
    """The public name, imported when first asked for: a provider has the journal, but no asyncpg."""
    if name not in _HOMES:
        raise AttributeError(name)
    return getattr(import_module(f"assay.store.{_HOMES[name]}"), name)
