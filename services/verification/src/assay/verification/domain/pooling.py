"""Pooling: when a provider's stopped leases become an epoch, and the root that they stand under. Pure.

The provider does not sign the root: it is a pure function of commitments that it signed, so nothing can be left out,
and the work of a provider that is gone still counts.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from typing import Final

from assay.proof.digest import blake3_hex
from assay.proof.epoch import Entry, epoch_root, range_of
from assay.proof.order import spec_digest
from assay.proof.policy import Numerics, Reputation, Tier, Work, numerics_of, segments_needed, tiers_of, work_of
from assay.proof.pool import write_entries
from assay.schema.beacon import BeaconShare
from assay.schema.epoch import (
    DRAWN_MAX,
    ENTRIES_MAX,
    INLINE_MAX,
    EpochClosed,
    EpochCommitted,
    EpochEntry,
    EpochPooled,
    epoch_id_of,
)
from assay.schema.job import JobSpec
from assay.schema.lease import LeaseGranted
from assay.schema.values import Digest, ProviderId
from assay.verification.domain.case import Case

POOLING: Final = "epoch.pooling"
HASTENED: Final = "epoch.hastened"


@dataclass(frozen=True, slots=True)
class Part:
    """One lease's part of an epoch: its entry, the job that it is of, and whether that reaches hosts."""

    entry: Entry
    job_id: str
    reaches: bool = False


@dataclass(frozen=True, slots=True)
class Waiting:
    """A provider's parts that wait: how many of how many segments, since when the oldest does.

    Proof is cheap with `needed` segments of such work; from `presses_ms` on one of the jobs presses.
    """

    provider: ProviderId
    parts: int
    since_ms: int
    segments: int = 0
    needed: int = 1
    presses_ms: int = 0


@dataclass(frozen=True, slots=True)
class Patience:
    """How long an epoch stays open in any case, and how long at most for its proof to be cheap, both in ms."""

    least_ms: int
    most_ms: int = 0


@dataclass(frozen=True, slots=True)
class Closing:
    """When an epoch closes at the latest; `code` says for what it stays open until then, if it does."""

    at_ms: int
    code: str | None = None


def part_of(case: Case) -> Part:
    """The part that a lease's counted commitments make."""
    granted = case.granted
    return Part(range_of(case.commits, spec_digest(granted.spec)).entry, granted.job_id, granted.spec.reaches)


def fitting(parts: Sequence[Part]) -> list[Part]:
    """The parts that the next epoch takes, in their order: those that are like the first, the others wait for another.

    What reaches hosts stands alone: few verifiers may check it, and no other work is to wait for them. And an epoch
    takes of it no more than is all drawn, for what is not is not paid.
    """
    taken, reached = list[Part](), 0
    for part in parts:
        segments = part.entry.segments if part.reaches else 0
        if part.reaches == parts[0].reaches and (not reached or reached + segments <= DRAWN_MAX):
            taken.append(part)
            reached += segments
    return taken


def closing_of(waiting: Waiting, patience: Patience) -> Closing:
    """When the epoch closes: at once if it is full, else once its oldest part has waited long enough.

    That is `least_ms`, if then it holds the segments that its proof needs to be cheap, or a job presses; else it stays
    open until so, for `most_ms` at most.
    """
    if waiting.parts >= ENTRIES_MAX:
        return Closing(waiting.since_ms)
    soon_ms, late_ms = waiting.since_ms + patience.least_ms, waiting.since_ms + patience.most_ms
    if waiting.segments >= waiting.needed or waiting.presses_ms <= soon_ms or late_ms <= soon_ms:
        return Closing(soon_ms)
    return Closing(waiting.presses_ms, HASTENED) if waiting.presses_ms < late_ms else Closing(late_ms, POOLING)


def presses_ms(granted: LeaseGranted, now_ms: int, proof_ms: int) -> int:
    """From when on a lease's job presses: at once in haste, else so long before its deadline as proof takes."""
    return now_ms if granted.spec.policy.haste else max(granted.deadline_ms - proof_ms, now_ms)


def needed_of(spec: JobSpec, passed_epochs: int) -> int:
    """The segments of an epoch at which the proof of such work costs no more than the policy's budget.

    Of a provider that passed so many epochs: of a newcomer more are drawn.
    """
    tiers = tiers_of(spec.kind, spec.params, spec.policy)
    return _needed(work_of(spec.kind), numerics_of(spec.params), tiers, passed_epochs)


@lru_cache(maxsize=256)
def _needed(work: Work, numerics: Numerics, tiers: tuple[Tier, ...], passed_epochs: int) -> int:
    return segments_needed(work, numerics, tiers, Reputation(passed_epochs))


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
