"""The knobs of a provider's worker."""

from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from assay.runtime.cache import CACHE_BYTES
from assay.runtime.participant import ParticipantSettings
from assay.schema.values import InputLimit, Kind, Region
from assay.workloads.pods.manifest import ACCOUNT, API, IMAGE, NAMESPACE, RUNTIME_CLASS
from assay.workloads.registry import EVERYWHERE
from assay.workloads.sandbox import Level


class Settings(ParticipantSettings, env_prefix="ASSAY_EXECUTION_"):
    """ASSAY_EXECUTION_*: read once at start."""

    models_dir: Path
    """The content-addressed model store; several workers of a machine may share it."""
    private_dir: Path | None = None
    """Data sets that never leave this machine, a folder each (`assay provider hold`); an offer names them."""
    region: Region = "de"
    """ISO 3166 code of the country that the machine stands in; jobs may demand it."""
    kinds: tuple[Kind, ...] = EVERYWHERE
    """The kinds of work that are offered."""
    slots: Annotated[int, Field(ge=1, le=4096)] = 1
    """Leases held at a time. What is claimed of the stake has to cover the speed of all, a unit a second at least."""
    units_per_s: Annotated[int, Field(ge=0, lt=2**48)] = 0
    """Cost units a second that a slot does, listed up to what challenges show; 0 says nothing of it, and is preferred
    for no deadline."""
    processes: Annotated[int, Field(ge=1, le=64)] = 1
    """Child processes that work at a time; a lease beyond them waits for one. With GPUs, at most one for each."""
    preload: bool = True
    """Whether idle children hold the libraries of the offered kinds in memory (some 400 MB each): a lease then begins
    seconds earlier."""
    spare: bool = False
    """Whether idle children keep warm for jobs that others run and that ask for a spare: unpaid, but the lease comes
    here if the other provider falls. Inputs and checkpoints of such jobs are fetched; a lease always goes before."""
    memory_bytes: int = 4 * 2**30
    """Memory that a lease may use; a child that takes more is ended."""
    disk_bytes: Annotated[int, Field(ge=2**20, le=2**50)] = 64 * 2**30
    """What a lease may have written at a time; a child that writes more is ended."""
    rooms_dir: Path | None = None
    """Where leases read and write while they are worked on; by default beside the journal. In a folder in memory
    (tmpfs) nothing of them lies on a disk in the clear; it needs room for all that a lease reads and writes."""
    cache_bytes: Annotated[int, Field(ge=2**20, le=2**50)] = CACHE_BYTES
    """What inputs and checkpoints may take of the disk; what was used longest ago goes first."""
    input_bytes: InputLimit = 16 * 2**30
    """What the inputs of a lease may have at most, in bytes. Offers say it, and jobs that bring more go elsewhere: what
    is fetched is not paid by itself, so who takes more asks for more by its price. The default is 8 billion numbers
    in bfloat16."""
    sandbox: Level = "full"
    """What must hold a child: full (landlock, seccomp, limits), or limits alone where the kernel has no more. With less
    than this the worker does not start; what else the kernel has is used at either level."""
    egress: bool = False
    """Whether programs of jobs may reach the hosts that those name: names and ports of the internet, from this
    machine's address, by a proxy that leads nowhere else. Offers say it, and such jobs go nowhere else."""
    pod_class: Annotated[str, Field(pattern=RUNTIME_CLASS)] | None = None
    """The RuntimeClass (gvisor, kata) by which a Kubernetes cluster runs commands, each segment a Pod; without it they
    run in a box on this machine. Where the cluster lacks the class the worker does not start."""
    pod_image: Annotated[str, Field(pattern=IMAGE)] | None = None
    """The worker's own image as the cluster's nodes pull it, by digest (NAME@sha256:...); jobs' images run in it."""
    pod_namespace: Annotated[str, Field(pattern=NAMESPACE)] = "assay-commands"
    """Where those Pods are made; nothing else lies there."""
    pod_api: str = API
    """Address of the cluster's API."""
    pod_account_dir: Path = ACCOUNT
    """The folder with the `token` for that API, read anew at each call, and with its authority, `ca.crt`."""
    attestation_file: Path | None = None
    """A recorded report of this machine, presented with each offer: a JSON object of `technology` (sev-snp, tdx) and
    `evidence`, its parts in base64. Untried on such hardware."""
    mega_unit_price: Annotated[int, Field(ge=0)] = 1_000_000
    """Price of a million cost units, in the stable token's base unit."""
    offer_s: Annotated[int, Field(ge=5, le=3600)] = 60
    """How long an offer stands; it is renewed at half of that."""
    progress_s: Annotated[int, Field(ge=2, le=3600)] = 10
    """Between two statements of how far a lease's segment is; shorter segments say nothing but that they are closed."""
    unvouched_s: Annotated[float, Field(gt=0, le=3600)] = 30.0
    """How long a lease that serves waits for a voucher before it ends: a step of its work is unpaid then."""
    beat_s: Annotated[float, Field(ge=0.2, le=60)] = 1.0
    """Between heartbeats. Above a third of the network's lapse time, leases lapse by chance."""

    @model_validator(mode="after")
    def _pods_are_whole(self) -> Self:
        if (self.pod_class is None) != (self.pod_image is None):
            raise ValueError("pod_class and pod_image go together")
        if self.pod_class and self.egress:
            raise ValueError("pods reach nobody: leave egress or pod_class")
        return self
