"""Pooling: when a provider's stopped leases become an epoch, and the root that they stand under. Pure.

The provider does not sign the root: it is a pure function of commitments that it signed, so nothing can be left out,
and the work of a provider that is gone still counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from assay.proof.digest import blake3_hex
from assay.proof.epoch import Entry, epoch_root, range_of
from assay.proof.order import spec_digest
from assay.proof.pool import write_entries
from assay.schema.beacon import BeaconShare
from assay.schema.epoch import (
    ENTRIES_MAX,
    INLINE_MAX,
    EpochClosed,
    EpochCommitted,
    EpochEntry,
    EpochPooled,
    epoch_id_of,
)
from assay.schema.values import Digest, ProviderId
from assay.verification.domain.case import Case


@dataclass(frozen=True, slots=True)
class Part:
    """One lease's part of an epoch: its entry, and the job that it is of."""

    entry: Entry
    job_id: str


@dataclass(frozen=True, slots=True)
class Waiting:
    """A provider's parts that wait: how many, and since when the oldest does."""

    provider: ProviderId
    parts: int
    since_ms: int


def part_of(case: Case) -> Part:
    """The part that a lease's counted commitments make."""
    return Part(range_of(case.commits, spec_digest(case.granted.spec)).entry, case.granted.job_id)


def due_ms(waiting: Waiting, epoch_ms: int) -> int:
    """When the epoch closes: once its oldest part has waited long enough, or at once if it is full."""
    return waiting.since_ms + (0 if waiting.parts >= ENTRIES_MAX else epoch_ms)


def pool(
    provider: ProviderId, number: int, previous: Digest, parts: Sequence[Part], shares: Sequence[BeaconShare] = ()
) -> tuple[EpochClosed, bytes]:
    """The provider's epoch of that number over its parts, whatever the order they come in, and the blob that it names.

    Where the event carries the entries itself it names no blob, and the bytes are empty.
    """
    ordered = sorted(parts, key=lambda part: part.entry.lease_id)
    root = epoch_root([part.entry for part in ordered])
    entries = tuple(entry_of(part) for part in ordered)
    names = {
        "epoch_id": epoch_id_of(provider, number),
        "provider": provider,
        "number": number,
        "previous": previous,
        "root": root.root,
        "units": root.total,
        "segments": sum(entry.segments for entry in entries),
        "shares": tuple(shares),
    }
    if len(entries) <= INLINE_MAX:
        return EpochCommitted(**names, entries=entries), b""
    blob = write_entries(entries)
    return EpochPooled(**names, size=len(entries), entries=blake3_hex(blob)), blob


def entry_of(part: Part) -> EpochEntry:
    """The part as the event names it."""
    entry = part.entry
    return EpochEntry(
        lease_id=entry.lease_id,
        job_id=part.job_id,
        fence=entry.fence,
        first_segment=entry.first_segment,
        segments=entry.segments,
        root=entry.range_root,
        units=entry.units,
    )
