"""The knobs of a provider's worker."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from assay.runtime.participant import ParticipantSettings
from assay.schema.values import Kind, Region


class Settings(ParticipantSettings, env_prefix="ASSAY_EXECUTION_"):
    """ASSAY_EXECUTION_*: read once at start."""

    models_dir: Path
    """The content-addressed model store; several workers of a machine may share it."""
    region: Region = "de"
    """ISO 3166 code of the country that the machine stands in; jobs may demand it."""
    kinds: tuple[Kind, ...] = ("noop", "finetune", "generate")
    """The kinds of work that are offered."""
    slots: Annotated[int, Field(ge=1, le=4096)] = 1
    """Leases held at a time. Stake is needed for each."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Child processes that work at a time; a lease beyond them waits for one."""
    memory_bytes: int = 4 * 2**30
    """Memory that a lease may use."""
    attestation_file: Path | None = None
    """A recorded report of this machine, presented with each offer: a JSON object of `technology` (sev-snp, tdx) and
    `evidence`, its parts in base64. Untried on such hardware."""
    mega_unit_price: Annotated[int, Field(ge=0)] = 1_000_000
    """Price of a million cost units, in the stable token's base unit."""
    offer_s: Annotated[int, Field(ge=5, le=3600)] = 60
    """How long an offer stands; it is renewed at half of that."""
    beat_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0
    """Between heartbeats. Above a third of the network's lapse time, leases lapse by chance."""
