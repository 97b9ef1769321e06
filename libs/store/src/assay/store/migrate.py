"""Migrations: numbered SQL files, each applied once in a transaction of its own, known by its digest ever after."""

import hashlib
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from assay.schema.errors import Mismatch

OWN: Final = Path(__file__).parent / "migrations"
TABLE: Final = """
create table if not exists migration (
    name text primary key, digest text not null, applied_at timestamptz not null default now()
)
"""


@dataclass(frozen=True, slots=True)
class Migration:
    """One file: its name with its home, and its statements."""

    name: str
    sql: str

    @property
    def digest(self) -> str:
        """What tells whether an applied file was changed afterwards."""
        return hashlib.sha256(self.sql.encode()).hexdigest()


def read_migrations(home: str, directory: Path) -> list[Migration]:
    """The migrations of a directory in the order of their numbers."""
    return [Migration(f"{home}/{path.name}", path.read_text()) for path in sorted(directory.glob("[0-9]*.sql"))]


async def migrate(connection: Any, service: str, directory: Path) -> None:
    """Applies what is missing: first the shell's, then the service's. Raises Mismatch."""
    wanted = read_migrations("shell", OWN) + read_migrations(service, directory)
    await connection.execute("select pg_advisory_lock(hashtextextended($1, 0))", f"migrate:{service}")
    try:
        await connection.execute(TABLE)
        applied = dict(await connection.fetch("select name, digest from migration"))
        check_applied(applied, wanted)
        for migration in wanted:
            if migration.name not in applied:
                await _apply(connection, migration)
    finally:
        await connection.execute("select pg_advisory_unlock(hashtextextended($1, 0))", f"migrate:{service}")


def check_applied(applied: dict[str, str], wanted: list[Migration]) -> None:
    """Raises Mismatch if the database holds a migration that the code lacks, or that reads otherwise now.

    Or one that comes after another which it lacks: nobody has tried them in that order.
    """
    digests = {migration.name: migration.digest for migration in wanted}
    for name, digest in sorted(applied.items()):
        if name not in digests:
            raise Mismatch(f"The database has migration {name}, which this version does not know.")
        if digests[name] != digest:
            raise Mismatch(f"Migration {name} was changed after it had been applied.")
        for missing in digests.keys() - applied.keys():
            if missing.partition("/")[0] == name.partition("/")[0] and missing < name:
                raise Mismatch(f"Migration {missing} comes before {name}, which the database has already.")


async def _apply(connection: Any, migration: Migration) -> None:
    async with connection.transaction():
        await connection.execute(migration.sql)
        await connection.execute(
            "insert into migration (name, digest) values ($1, $2)", migration.name, migration.digest
        )
