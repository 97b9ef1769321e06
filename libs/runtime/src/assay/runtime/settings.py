"""Settings: one frozen class for each process, read once from the environment; an unknown name is an error.

A subclass names its prefix: `class Settings(ServiceSettings, env_prefix="ASSAY_MATCHING_")`.
"""

import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, ValidationError, model_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from assay.schema.errors import BadSettings
from assay.schema.event import first_problem


class ProcessSettings(BaseSettings):
    """What every process of Assay knows: where the bus is, and how to tell how it fares."""

    model_config = SettingsConfigDict(frozen=True, extra="forbid")

    nats_url: str = "nats://127.0.0.1:4222"
    """Where the bus is; several servers of a cluster parted by commas."""
    nats_creds_file: Path | None = None
    """The account's credentials. None only where the server asks for none."""
    http_port: Annotated[int, Field(ge=0, lt=65536)] = 0
    """Port of /livez, /readyz and /metrics; 0 takes any free one and logs it."""
    http_host: str = "127.0.0.1"
    """Address that the port is opened on; in a container 0.0.0.0, so that the outside can probe it."""
    otlp_endpoint: str | None = None
    """Where traces go (OTLP over HTTP, up to `/v1/traces`); None makes no spans at all."""
    trace_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01
    """The share of new chains of events that is traced; each traced event costs about 0.1 ms."""
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    """The least weighty lines that are logged."""
    start_s: Annotated[float, Field(ge=0, le=600)] = 30.0
    """How long servers are waited for at the start, before the process gives up with exit code 3."""

    @classmethod
    def parse(cls, environment: Mapping[str, str]) -> Self:
        """The settings that the variables say. Raises BadSettings, naming the variable, never its value."""
        prefix = str(cls.model_config.get("env_prefix", ""))
        given = {name[len(prefix) :].lower(): text for name, text in environment.items() if name.startswith(prefix)}
        unknown = sorted(set(given) - set(cls.model_fields))
        if unknown:
            raise BadSettings(f"Unknown variable {prefix}{unknown[0].upper()}.")
        try:
            return cls()
        except ValidationError as error:
            raise BadSettings(f"{prefix}{first_problem(error).upper()}") from None

    @classmethod
    def read(cls) -> Self:
        """The settings of this process; ends it with exit code 2 and a sentence if they are not right."""
        try:
            return cls.parse(os.environ)
        except BadSettings as error:
            sys.stderr.write(f"{error}\n")
            raise SystemExit(error.exit_code) from None


class ServiceSettings(ProcessSettings):
    """What every service of the operator knows besides: where its part of the database is."""

    nats_monitoring_url: str | None = None
    """The server's monitoring address, only where the account cannot ask the servers for their settings."""
    postgres_dsn: str | None = Field(default=None, repr=False)
    """The database, with role and password. Only for one machine: elsewhere use the file."""
    postgres_dsn_file: Path | None = None
    """A file that holds the DSN: a secret that no list of processes shows."""

    stream_replicas: Annotated[int, Field(ge=1, le=5)] = 1
    """How many servers of the bus keep each stream: 1 of 1, 3 in production. All services say the same."""
    stream_bytes: Annotated[int, Field(ge=2**20)] = 16 * 2**30
    """How many bytes a stream of events holds at most, set aside on the servers' disks; a job takes some 5,000 of one.
    One that is full refuses, and outboxes wait. All services say the same; the gateway alone changes it."""
    blobs_url: str | None = None
    """Where blobs are kept, if not on the bus: `s3://bucket/prefix`, with endpoint and keys in the usual AWS_* names,
    or `file:///folder`. All services say the same."""

    @model_validator(mode="after")
    def _has_one_dsn(self) -> Self:
        if (self.postgres_dsn is None) == (self.postgres_dsn_file is None):
            raise ValueError("give one of postgres_dsn and postgres_dsn_file")
        return self

    @property
    def dsn(self) -> str:
        """The database's address. Raises BadSettings if its file cannot be read."""
        if self.postgres_dsn is not None:
            return self.postgres_dsn
        assert self.postgres_dsn_file is not None
        try:
            return self.postgres_dsn_file.read_text().strip()
        except OSError as error:
            raise BadSettings(f"postgres_dsn_file cannot be read: {error.strerror}.") from None
