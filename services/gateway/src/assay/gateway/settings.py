"""The knobs of the gateway."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from assay.bus.parts import BLOB_BYTES_MAX
from assay.runtime import ServiceSettings


class Settings(ServiceSettings, env_prefix="ASSAY_GATEWAY_"):
    """What the gateway is told from outside."""

    deployment_file: Path
    """Where the contracts stand, as `assay chain deploy` wrote it: signatures count for its Payment only."""
    talk_seed_file: Path | None = None
    """The seed of the NATS account TALK, which `assay.devnet.provision` makes: with it the two sides of a lease that
    serves are let into their talk. Without it no job is served."""
    holder_key_file: Path | None = None
    """The key for which the keys of sealed data are wrapped, the same for all replicas: who has it and the tables can
    read that data. Without it no sealed data is taken; if it is lost, what is sealed is."""
    events_per_s: Annotated[float, Field(ge=1, le=1_000_000)] = 500.0
    """How many messages an account may send each second for long; of beats, parts of blobs and questions as many again.
    Too small holds up a busy provider; too large lets one account crowd out the others."""
    burst_events: Annotated[int, Field(ge=1, le=1_000_000)] = 2_000
    """How many messages an account may send at once after a silence."""
    blob_bytes_max: Annotated[int, Field(ge=1, le=BLOB_BYTES_MAX)] = BLOB_BYTES_MAX
    """The largest blob that is taken."""
