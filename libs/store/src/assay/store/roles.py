"""Makes the database, and for each service a schema and a login role that can reach nothing else."""

import re
import secrets
from collections.abc import Iterable, Mapping
from typing import Any, Final
from urllib.parse import quote, urlsplit, urlunsplit

import asyncpg  # type: ignore[import-untyped]

from assay.store.faults import reaching

DATABASE: Final = "assay"
NAME: Final = re.compile(r"[a-z][a-z0-9_]{0,40}")


async def provision(
    admin_dsn: str, services: Iterable[str], passwords: Mapping[str, str] | None = None, database: str = DATABASE
) -> dict[str, str]:
    """The DSN of each service. May be run again: what is there is kept, but roles get a new password unless given.

    `admin_dsn` names a superuser, or a role that may create databases and roles. Raises Unreachable.
    """
    names = sorted(services)
    if bad := [name for name in (*names, database) if not NAME.fullmatch(name)]:
        raise ValueError(f"not a name for a role: {bad[0]}")
    given = dict(passwords or {})
    secret = {name: given.get(name) or secrets.token_urlsafe(24) for name in names}
    with reaching():
        await _run(admin_dsn, _make_database, database)
        await _run(in_database(admin_dsn, database), _make_schemas, database, secret)
    return {name: as_role(in_database(admin_dsn, database), role_of(name), secret[name]) for name in names}


def role_of(service: str) -> str:
    """The login role of a service."""
    return f"assay_{service}"


def in_database(dsn: str, database: str) -> str:
    """The same server, another database."""
    return urlunsplit(urlsplit(dsn)._replace(path=f"/{database}"))


def as_role(dsn: str, role: str, password: str) -> str:
    """The same database, another role."""
    parts = urlsplit(dsn)
    host = parts.netloc.rpartition("@")[2]
    return urlunsplit(parts._replace(netloc=f"{quote(role)}:{quote(password, safe='')}@{host}"))


async def _run(dsn: str, work: Any, *args: object) -> None:
    connection = await asyncpg.connect(dsn)
    try:
        await work(connection, *args)
    finally:
        await connection.close()


async def _make_database(connection: Any, database: str) -> None:
    if not await connection.fetchval("select 1 from pg_database where datname = $1", database):
        await connection.execute(f'create database "{database}"')
    await connection.execute(f'revoke all on database "{database}" from public')


async def _make_schemas(connection: Any, database: str, secret: Mapping[str, str]) -> None:
    async with connection.transaction():
        await connection.execute("select pg_advisory_xact_lock(hashtextextended('provision', 0))")
        await connection.execute("revoke all on schema public from public")
        for service, password in secret.items():
            await _make_schema(connection, database, service, password)


async def _make_schema(connection: Any, database: str, service: str, password: str) -> None:
    role = role_of(service)
    verb = "alter" if await connection.fetchval("select 1 from pg_roles where rolname = $1", role) else "create"
    # DDL takes no parameters; the name fits NAME, and the server itself quotes the password.
    quoted = await connection.fetchval("select quote_literal($1::text)", password)
    for statement in (
        f"{verb} role {role} login password {quoted}",
        f"grant {role} to current_user",
        f'grant connect on database "{database}" to {role}',
        f"create schema if not exists {service} authorization {role}",
        f'alter role {role} in database "{database}" set search_path = {service}',
    ):
        await connection.execute(statement)
