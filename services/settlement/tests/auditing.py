"""Verification, played: epochs of stories' leases, their beacon and draw as anyone can repeat them, and audits."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from services.settlement.tests.market import Market
from services.settlement.tests.stories import Story, key_of, provider_of

from assay.proof import spec_digest
from assay.proof.beacon import BEACON_BLOCKS
from assay.proof.digest import blake3_hex
from assay.proof.epoch import Range, combine, draw, epoch_root, in_order, range_of, seed
from assay.proof.pool import PLACES, SegmentPlace, write_entries
from assay.schema import Envelope, Event
from assay.schema.audit import AuditOverruled, AuditUpheld
from assay.schema.epoch import (
    DrawnSegment,
    EpochCommitted,
    EpochDrawn,
    EpochEntry,
    EpochPassed,
    EpochPooled,
    EpochRejected,
)
from assay.schema.lease import LeaseCommitted, LeaseRejected, SlashReason
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id
from assay.schema.verdict import Finding, VerdictReached

FEE = 40


def verifier_of(name: str) -> str:
    return participant_id(Role.VERIFIER, key_of(name).address)


@dataclass
class Epoch:
    """One epoch of a provider over leases of stories."""

    provider: str
    number: int
    stories: Sequence[Story]
    previous: str = NO_DIGEST
    drawn: EpochDrawn | None = None
    audits: int = 0
    defended: tuple[str, int] | None = None
    """The segment that was disputed and stands."""
    commits: dict[str, list[LeaseCommitted]] = field(default_factory=dict)
    is_great: bool = False
    """Whether its entries stand in a blob, which the test stores."""

    def __post_init__(self) -> None:
        pairs = [(story, lease) for story in self.stories for lease in story.leases() if lease.commits]
        mine = [(story, lease) for story, lease in pairs if lease.share.provider == provider_of(self.provider)]
        self.commits = {lease.share.lease_id: lease.commits for _, lease in mine}
        self.ranges: list[Range] = [range_of(lease.commits, spec_digest(story.spec)) for story, lease in mine]
        self.root = epoch_root([range_.entry for range_ in self.ranges])

    @property
    def fact(self) -> dict[str, Any]:
        provider = provider_of(self.provider)
        return {"epoch_id": derive_id("x", provider, self.number), "provider": provider, "number": self.number}

    @property
    def address(self) -> str:
        return key_of(self.provider).address

    @property
    def entries(self) -> tuple[EpochEntry, ...]:
        return tuple(
            EpochEntry(
                lease_id=range_.entry.lease_id,
                job_id=self.commits[range_.entry.lease_id][0].job_id,
                fence=range_.entry.fence,
                first_segment=range_.entry.first_segment,
                segments=range_.entry.segments,
                root=range_.entry.range_root,
                units=range_.entry.units,
            )
            for range_ in in_order(self.ranges)
        )

    def committed(self) -> Envelope[Any]:
        entries = self.entries
        sums = {"units": self.root.total, "segments": sum(entry.segments for entry in entries)}
        names = self.fact | sums | {"previous": self.previous, "root": self.root.root}
        if self.is_great:
            return said(EpochPooled(**names, size=len(entries), entries=blake3_hex(write_entries(entries))))
        return said(EpochCommitted(**names, entries=entries))

    async def draw(self, market: Market) -> Envelope[Any]:
        """The draw by the block that the anchor fixed, which is mined if it is not there yet."""
        (anchored,) = [e for e in await market.said("epoch.anchored") if e["epoch_id"] == self.fact["epoch_id"]]
        while (await market.chain.block()).number < anchored["block"] + BEACON_BLOCKS:
            market.chain.mine()
        block = await market.chain.block(anchored["block"] + BEACON_BLOCKS)
        beacon = combine(block.hash, [])
        number = seed(beacon, self.root.root, self.fact["provider"], self.number)
        segments = [DrawnSegment(lease_id=lease, segment=at) for lease, at in draw(number, self.ranges, 2)]
        longer = [range_ for range_ in self.ranges if len(range_.costs) > 1]
        by_lease = {range_.entry.lease_id: range_ for range_ in longer if self.is_great}
        found = [SegmentPlace.of(by_lease[e.lease_id], e.segment) for e in segments if e.lease_id in by_lease]
        places = await market.context.bus.blobs.put(PLACES.dump_json(tuple(found))) if found else None
        fields = {"drawn": segments, "places": places}
        self.drawn = EpochDrawn(
            **self.fact, root=self.root.root, block=block.number, beacon=beacon.hex(), seed=number, **fields
        )
        return said(self.drawn)

    def ended(self, *, is_true: bool = True) -> Envelope[Any]:
        assert self.drawn is not None
        fault = self.drawn.drawn[0].model_dump() | {"code": "segment.mismatch"}
        names = self.fact | {"audits": self.audits, "disputes": int(self.defended is not None)}
        return said(EpochPassed(**names) if is_true else EpochRejected(**names, **fault))

    def upheld(self, verifier: str = "beta") -> list[Envelope[Any]]:
        """An answer to each drawn segment that agrees; the epoch does not end in receipts without them."""
        assert self.drawn is not None
        self.audits = len(self.drawn.drawn)
        places = [{"epoch_id": self.drawn.epoch_id} | each.model_dump() for each in self.drawn.drawn]
        return [
            upheld(f"{self.number} {at} {verifier}", verifier, method="replay", agreed=True, **place)
            for at, place in enumerate(places)
        ]

    def judge(self, work: Sequence[Envelope[Any]]) -> list[Envelope[Any]]:
        """The story's work with verdicts that name this epoch and its draw."""
        return [self._judged(envelope) for envelope in work]

    def _judged(self, envelope: Envelope[Any]) -> Envelope[Any]:
        event = envelope.event
        if isinstance(event, LeaseRejected) and event.lease_id in self.commits:
            return said(event.model_copy(update={"epoch_id": self.fact["epoch_id"]}), envelope.time_ms)
        if not isinstance(event, VerdictReached) or event.lease_id not in self.commits:
            return envelope
        assert self.drawn is not None
        segments = tuple(each.segment for each in self.drawn.drawn if each.lease_id == event.lease_id)
        claimed = {commit.segment: commit.state_out for commit in self.commits[event.lease_id]}
        known = event.findings if event.outcome == "rejected" else ()
        findings = [
            Finding(
                segment=segment,
                method="replay",
                passed=True,
                code="segment.defended" if (event.lease_id, segment) == self.defended else "segment.equal",
                claimed=claimed[segment],
            )
            for segment in segments
            if segment not in {finding.segment for finding in known}
        ]
        changes = {"block": self.drawn.block, "seed": self.drawn.seed, "drawn": segments}
        named = {"epoch_id": self.drawn.epoch_id, "findings": (*known, *findings)}
        return said(event.model_copy(update=changes | named), envelope.time_ms)


def said(event: Event, time_ms: int = 1_800_000_000_000) -> Envelope[Any]:
    return Envelope.wrap(event, "verification", time_ms)


def upheld(name: str, verifier: str, fee: int = FEE, **place: Any) -> Envelope[Any]:
    return said(AuditUpheld(audit_id=derive_id("a", name), verifier=verifier_of(verifier), fee=fee, **place))


def overruled(name: str, verifier: str, reason: SlashReason = SlashReason.LAZY_VERIFIER) -> Envelope[Any]:
    return said(AuditOverruled(audit_id=derive_id("a", name), verifier=verifier_of(verifier), reason=reason))
