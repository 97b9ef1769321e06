"""What is remembered: Postgres for services, an SQLite file for a provider. Only importer of asyncpg and sqlite3."""

from typing import TYPE_CHECKING, Final

from assay.schema.lazily import lazily

if TYPE_CHECKING:
    from assay.store.journal import Journal as Journal
    from assay.store.journal import Outgoing as Outgoing
    from assay.store.outbox import Outbox as Outbox
    from assay.store.roles import provision as provision
    from assay.store.store import Store as Store
    from assay.store.transaction import Transaction as Transaction

HOMES: Final = {
    "journal": ("Journal", "Outgoing"),
    "outbox": ("Outbox",),
    "roles": ("provision",),
    "store": ("Store",),
    "transaction": ("Transaction",),
}
"""Loaded when first asked for: a provider has the journal, but no asyncpg."""

__getattr__ = lazily(__name__, HOMES)
