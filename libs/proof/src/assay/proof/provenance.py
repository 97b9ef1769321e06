"""The parts of a receipt that say where a result comes from: what went in, what ran, and the epochs that proved it.

Each is optional: a receipt without them is checked as far as it goes, and says no more than it can.
"""

from collections.abc import Iterable, Sequence
from operator import not_
from typing import Annotated, Any, Literal, TypeVar, cast

from pydantic import ConfigDict, Field

from assay.proof.epoch import Entry
from assay.proof.pool import PoolPart, SegmentPlace, Shown, plain
from assay.schema.audit import OpenedTrace
from assay.schema.beacon import RevealedShare
from assay.schema.epoch import EpochAnchored, EpochClosed, EpochCommitted, EpochDrawn, EpochEntry, StakeBehind, Unproven
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseCommitted
from assay.schema.values import (
    Code,
    Digest,
    EpochId,
    EpochNumber,
    LeaseId,
    MethodName,
    ProviderId,
    SegmentIndex,
    TxHash,
    Units,
    Value,
    VerifierId,
)


class Part(Value):
    """A part of a receipt: unknown fields are refused, for what is not checked must not be shown as proven."""

    model_config = ConfigDict(frozen=True, extra="forbid", populate_by_name=True, defer_build=True)


class Growing(Part):
    """A part that later fields were added to: one that is absent is not written, so that older receipts keep form."""

    @classmethod
    def __pydantic_init_subclass__(cls, **kwargs: Any) -> None:
        super().__pydantic_init_subclass__(**kwargs)
        for field in cls.model_fields.values():
            field.exclude_if = None if field.is_required() else not_


def is_none(value: object) -> bool:
    """Whether a field that was added later is absent."""
    return value is None


class MaterialPart(Part):
    """Something that went in, by the name that the order gives it: a model, a text."""

    name: Annotated[str, Field(max_length=64)]
    digest: Digest


class RunPart(Growing):
    """What a lease ran on, as its provider signed it: the class whose bits agree, the digest of the workload's code.

    One for each class and code that its commitments state. `hardware_challenge` is one that the machine passed.
    """

    lease_id: LeaseId
    determinism_class: Annotated[str, Field(max_length=200)] | None = None
    code: Digest | None = None
    hardware_challenge: Digest | None = None


class ProvenancePart(Part):
    """What went in and what ran; `code` is the digest of the workload's code, where all of it ran the same."""

    materials: tuple[MaterialPart, ...]
    code: Digest | None = None
    runs: tuple[RunPart, ...] = ()

    @classmethod
    def of(cls, spec: JobSpec, runs: tuple[RunPart, ...] = ()) -> "ProvenancePart":
        """The provenance that follows from the order, every parameter that is a digest, and from these runs."""
        return cls(materials=materials_of(spec), code=code_of(runs), runs=runs)


def code_of(runs: Sequence[RunPart]) -> Digest | None:
    """The code that all of these ran, if it is one."""
    codes = {run.code for run in runs}
    return codes.pop() if len(codes) == 1 else None


def runs_of(commits: Iterable[LeaseCommitted]) -> tuple[RunPart, ...]:
    """What the leases of these commitments ran on, as far as they state it, in their order."""
    stated = dict.fromkeys((each.lease_id, each.machine, each.code) for each in commits if each.machine or each.code)
    return tuple(RunPart(lease_id=lease, determinism_class=machine, code=code) for lease, machine, code in stated)


def materials_of(spec: JobSpec) -> tuple[MaterialPart, ...]:
    """Each parameter of the order that is a digest, by name; then the inputs that no parameter names."""
    named = {name: value for name, value in sorted(spec.params.items()) if is_digest(value)}
    others = [digest for digest in spec.inputs if digest not in named.values()]
    unnamed = [MaterialPart(name=f"input {at}", digest=digest) for at, digest in enumerate(others)]
    return (*(MaterialPart(name=name[:64], digest=str(value)) for name, value in named.items()), *unnamed)


def is_digest(value: object) -> bool:
    """Whether a parameter is a digest: 64 lower-case hex digits."""
    return isinstance(value, str) and len(value) == 64 and set(value) <= set("0123456789abcdef")


Same = TypeVar("Same", bound=Value)


def taken_as(part: type[Same], said: Value) -> Same:
    """What an event said as a part with the same fields: they were checked when the event was made."""
    return cast(Same, part.model_construct(**dict(said)))


class EntryPart(EpochEntry):
    """One lease's entry in an epoch, of this job or another."""

    model_config = Part.model_config

    @property
    def entry(self) -> Entry:
        """The entry as it stands under the epoch's root."""
        return plain(self)


class AnchorPart(Part):
    """Where the root was put on chain before anything was drawn."""

    tx: TxHash
    block: Annotated[int, Field(ge=0)]


class SharePart(RevealedShare):
    """What one verifier was bound to, what that was, and when and under which signature it said so."""

    model_config = Part.model_config


class BeaconPart(Part):
    """What the draw follows from: a later block's hash, and the shares that verifiers revealed over it."""

    block: Annotated[int, Field(ge=0)]
    block_hash: Digest
    reveals: tuple[SharePart, ...] = ()
    missing: tuple[VerifierId, ...] = ()
    value: Digest


class DrawnPart(Part):
    """One drawn segment."""

    lease_id: LeaseId
    segment: SegmentIndex


class AuditPart(Part):
    """One verifier's answer about one drawn segment; equal answers are of one group, the claim's is 0."""

    lease_id: LeaseId
    segment: SegmentIndex
    verifier: VerifierId
    method: MethodName
    outcome: Literal["agreed", "differed", "overruled"]
    state: Digest | None = None
    group: int | None = Field(default=None, exclude_if=is_none)


class TracePart(OpenedTrace):
    """The trace of one drawn segment that verifiers looked at."""

    model_config = Part.model_config

    lease_id: LeaseId
    segment: SegmentIndex


class FaultPart(Part):
    """Why a whole epoch was forfeit."""

    lease_id: LeaseId
    segment: SegmentIndex
    code: Code


class StakePart(StakeBehind):
    """What answered for the provider when its draw was made."""

    model_config = Part.model_config


class UnprovenPart(Unproven):
    """The drawn segments that no verifier could answer."""

    model_config = Part.model_config


class EpochPart(Part):
    """One epoch in which leases of this job were proven: its entries, its root, its draw and its audits.

    All entries are shown, or with a `pool` those of this job and of what was drawn, proven under the root. What it had
    not always is not written where it is absent: older receipts keep form.
    """

    epoch_id: EpochId
    provider: ProviderId
    number: EpochNumber
    root: Digest
    total: Units
    entries: tuple[EntryPart, ...]
    anchor: AnchorPart
    beacon: BeaconPart
    seed: Digest
    drawn: Annotated[tuple[DrawnPart, ...], Field(min_length=1)]
    audits: tuple[AuditPart, ...] = ()
    fault: FaultPart | None = None
    attestation: Digest | None = Field(default=None, exclude_if=not_)
    """The report of the provider's machine that lowered how many were drawn."""
    stake: StakePart | None = Field(default=None, exclude_if=not_)
    """What was at stake behind the provider, beside the pay that was held; the draw does not depend on it."""
    traces: tuple[TracePart, ...] = Field(default=(), exclude_if=not_)
    pool: PoolPart | None = Field(default=None, exclude_if=not_)
    unproven: UnprovenPart | None = Field(default=None, exclude_if=not_)

    @property
    def name(self) -> str:
        """How checks call it."""
        return f"epoch {self.epoch_id}"

    @classmethod
    def of(
        cls,
        closed: EpochClosed,
        anchored: EpochAnchored,
        drawn: EpochDrawn,
        block_hash: bytes,
        audits: tuple[AuditPart, ...] = (),
        fault: FaultPart | None = None,
        traces: tuple[TracePart, ...] = (),
        unproven: Unproven | None = None,
    ) -> "EpochPart":
        """The epoch that these events tell of; `block_hash` is that of the beacon's block.

        Of one whose entries stand in a blob none are here: `showing` tells what a receipt shows.
        """
        beacon = BeaconPart(
            block=drawn.block,
            block_hash=block_hash.hex(),
            reveals=tuple(taken_as(SharePart, share) for share in drawn.revealed),
            missing=drawn.missing,
            value=drawn.beacon,
        )
        return cls(
            epoch_id=closed.epoch_id,
            provider=closed.provider,
            number=closed.number,
            root=closed.root,
            total=closed.units,
            entries=tuple(taken_as(EntryPart, each) for each in inline_of(closed)),
            anchor=AnchorPart(tx=anchored.tx, block=anchored.block),
            beacon=beacon,
            seed=drawn.seed,
            drawn=tuple(DrawnPart(lease_id=each.lease_id, segment=each.segment) for each in drawn.drawn),
            audits=audits,
            fault=fault,
            attestation=drawn.attestation,
            stake=taken_as(StakePart, drawn.stake) if drawn.stake else None,
            traces=traces,
            unproven=taken_as(UnprovenPart, unproven) if unproven else None,
        )

    def showing(self, size: int, shown: Shown, segments: Iterable[SegmentPlace]) -> "EpochPart":
        """The epoch of so many entries with these that are shown, and the places of these segments in their leases."""
        entries = tuple(taken_as(EntryPart, each) for each in shown.entries)
        return self.model_copy(update={"entries": entries, "pool": PoolPart.of(size, shown, segments)})


def inline_of(closed: EpochClosed) -> tuple[EpochEntry, ...]:
    """The entries that the event carries itself."""
    return closed.entries if isinstance(closed, EpochCommitted) else ()
