"""The knobs of a verifier's worker."""

from pathlib import Path
from typing import Annotated

from pydantic import Field

from assay.runtime.cache import CACHE_BYTES
from assay.runtime.participant import ParticipantSettings
from assay.schema.values import InputLimit, Kind, Region
from assay.workloads.registry import EVERYWHERE
from assay.workloads.sandbox import Level


class Settings(ParticipantSettings, env_prefix="ASSAY_VERIFIER_"):
    """ASSAY_VERIFIER_*: read once at start."""

    models_dir: Path
    """The content-addressed model store; several workers of a machine may share it."""
    region: Region = "de"
    """ISO 3166 code of the country that the machine stands in."""
    network: Annotated[str, Field(pattern=r"^[a-z0-9-]{1,32}$")] = "home"
    """Whose wires the machine hangs on: an ASN, a site. Verifiers of one question are drawn from several."""
    kinds: tuple[Kind, ...] = EVERYWHERE
    """The kinds of work that are checked."""
    slots: Annotated[int, Field(ge=1, le=256)] = 4
    """Audits held at a time; they are run one after the other."""
    memory_bytes: Annotated[int, Field(ge=0, le=2**50)] = 4 * 2**30
    """Memory that an audit may use; a child that takes more is ended."""
    input_bytes: InputLimit = CACHE_BYTES
    """What the inputs of a job may have at most that is checked here. Not below what providers take: work that nobody
    can answer for is not paid."""
    cache_bytes: Annotated[int, Field(ge=2**20, le=2**50)] = CACHE_BYTES
    """What inputs and checkpoints may take of the disk between audits; what was used longest ago goes first. Above what
    the largest model brings that is checked here, or it is fetched again for each audit."""
    sandbox: Level = "full"
    """What must hold the child: full (landlock, seccomp, limits), or limits alone where the kernel has no more."""
    egress: bool = False
    """Whether programs of jobs may reach the hosts that those name, from this machine's address. Who lets none is not
    drawn for such work."""
    announce_s: Annotated[int, Field(ge=1, le=3600)] = 30
    """Between announcements; each stands for three times as long."""
