"""Jobs as they may go: every event from submission to verdict, signed by who says it."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

from blake3 import blake3

from assay.proof import Domain, Key, chain, leaf_of, root_of, sign_event, sign_order, spec_digest
from assay.schema import Envelope, Event
from assay.schema.job import (
    JobCancelled,
    JobExecuted,
    JobExpired,
    JobFailed,
    JobRejected,
    JobSpec,
    JobSubmitted,
    JobVerified,
    LeaseShare,
)
from assay.schema.lease import (
    LeaseCommitted,
    LeaseExecuted,
    LeaseGranted,
    LeaseRejected,
    LeaseVerified,
    ResumePoint,
)
from assay.schema.values import NO_DIGEST, Role, cost_of, derive_id, participant_id
from assay.schema.verdict import Finding, VerdictReached

NOW_MS = 1_800_000_000_000
UNITS = 1000
PRICE = 3_000_000


def key_of(name: str) -> Key:
    """A key that is the same in every run."""
    return Key.from_hex(blake3(name.encode()).hexdigest())


def digest_of(*parts: object) -> str:
    return blake3(repr(parts).encode()).hexdigest()


def net_of(segments: int, limit: int | None = None) -> int:
    """What a lease of so many segments is paid: its price, as far as the limit goes, less the audit fee."""
    cost = cost_of(segments * UNITS, PRICE)
    cost = cost if limit is None else min(cost, limit)
    return cost - cost // 100


def provider_of(name: str) -> str:
    return participant_id(Role.PROVIDER, key_of(name).address)


@dataclass(frozen=True)
class Part:
    """One lease of a story: who had it, how many segments it closed, whether they stand, and if not, by which code."""

    provider: str
    segments: int
    is_true: bool = True
    code: str = "segment.mismatch"


@dataclass(frozen=True)
class Story:
    """One job: `end` is how the work ended; `executed` ends in verified or rejected by the parts' truth."""

    name: str
    parts: tuple[Part, ...]
    end: str = "executed"
    price_limit: int = 20_000
    requester: str = "requester"
    domain: Domain = field(default_factory=lambda: Domain(31337, "0x" + "5a" * 20))
    now_ms: int = NOW_MS

    @property
    def job_id(self) -> str:
        return derive_id("j", self.name)

    @property
    def requester_id(self) -> str:
        return participant_id(Role.REQUESTER, key_of(self.requester).address)

    @property
    def spec(self) -> JobSpec:
        return JobSpec(kind="noop", segments=max(1, sum(part.segments for part in self.parts)), segment_units=UNITS)

    def submitted(self, **changes: Any) -> Envelope[Any]:
        terms: dict[str, Any] = {
            "job_id": self.job_id,
            "requester": self.requester_id,
            "spec": self.spec,
            "price_limit": self.price_limit,
            "deadline_ms": self.now_ms + 600_000,
        }
        signature = sign_order(key_of(self.requester), self.domain, **terms)
        event = JobSubmitted(**{**terms, "order_signature": signature, **changes})
        return sign_event(key_of(self.requester), self.domain, event, self.requester_id, self.now_ms)

    def leases(self) -> list["Lease"]:
        """The leases, each carrying on where the one before it ended."""
        leases: list[Lease] = []
        first, resume = 0, None
        for fence, part in enumerate(self.parts, 1):
            leases.append(self._lease(fence, part, first, resume))
            if commits := leases[-1].commits:
                last = commits[-1]
                first += part.segments
                resume = ResumePoint(
                    segment=last.segment,
                    state=last.state_out,
                    checkpoint=last.checkpoint,
                    commitment=last.commitment,
                )
        return leases

    def work(self) -> list[Envelope[Any]]:
        """All that follows upon the funding, in the order in which it happens."""
        leases = self.leases()
        said = [envelope for lease in leases for envelope in lease.said]
        ends = [envelope for lease in leases for envelope in lease.verdict]
        stop = self._say("matching", self._stop(tuple(lease.share for lease in leases)))
        return [*said, stop, *ends, *self._judge()]

    def _stop(self, shares: tuple[LeaseShare, ...]) -> Event:
        who = {"job_id": self.job_id, "requester": self.requester_id, "leases": shares}
        if self.end == "executed":
            return JobExecuted(**who, result=digest_of(self.name, "result"))
        if self.end == "failed":
            return JobFailed(**who, code="job.bad_params", reason="It cannot be done.")
        return {"expired": JobExpired, "cancelled": JobCancelled}[self.end](**who)

    def _judge(self) -> list[Envelope[Any]]:
        if self.end != "executed":
            return []
        who: dict[str, Any] = {"job_id": self.job_id, "requester": self.requester_id, "cost_share_ppm": 1}
        false = any(part.segments and not part.is_true for part in self.parts)
        return [self._say("verification", JobRejected(**who, reason="no") if false else JobVerified(**who))]

    def _say(self, source: str, event: Event) -> Envelope[Any]:
        return Envelope.wrap(event, source, self.now_ms)

    def _lease(self, fence: int, part: Part, first: int, resume: ResumePoint | None) -> "Lease":
        fact = {
            "lease_id": derive_id("l", self.name, fence),
            "job_id": self.job_id,
            "provider": provider_of(part.provider),
            "fence": fence,
        }
        granted = LeaseGranted(
            **fact,
            requester=self.requester_id,
            offer_id=derive_id("f", part.provider),
            spec=self.spec,
            mega_unit_price=PRICE,
            resume=resume,
            deadline_ms=self.now_ms + 600_000,
        )
        commits = self._commits(fact, first, part.segments, resume.commitment if resume else NO_DIGEST)
        root = root_of(commits, spec_digest(self.spec)) if commits else NO_DIGEST
        share = LeaseShare(
            lease_id=fact["lease_id"],
            provider=fact["provider"],
            fence=fence,
            first_segment=first,
            segments=part.segments,
            mega_unit_price=PRICE,
            root=root,
        )
        signed: list[Event] = list(commits)
        if self.end == "executed" and fence == len(self.parts):
            result = digest_of(self.name, "result")
            signed.append(LeaseExecuted(**fact, segments=part.segments, root=root, result=result))
        key = key_of(part.provider)
        said = [self._say("matching", granted)]
        for turn, event in enumerate(signed):
            said.append(sign_event(key, self.domain, event, fact["provider"], self.now_ms + turn))
        return Lease(share, commits, said, self._verdict(fact, part, commits, root))

    def _commits(self, fact: dict[str, Any], first: int, count: int, previous: str) -> list[LeaseCommitted]:
        commits: list[LeaseCommitted] = []
        for segment in range(first, first + count):
            bare = LeaseCommitted(
                **fact,
                segment=segment,
                state_in=digest_of(self.name, "state", segment),
                state_out=digest_of(self.name, "state", segment + 1),
                checkpoint=digest_of(self.name, "blob", segment + 1),
                units=UNITS,
                previous=previous,
                commitment=NO_DIGEST,
                compute_ms=7,
            )
            previous = chain(previous, leaf_of(bare, spec_digest(self.spec)))
            commits.append(bare.model_copy(update={"commitment": previous}))
        return commits

    def _verdict(
        self, fact: dict[str, Any], part: Part, commits: Sequence[LeaseCommitted], root: str
    ) -> list[Envelope[Any]]:
        if not commits:
            return []
        verdict_id, last = derive_id("d", root), commits[-1]
        code = "segment.equal" if part.is_true else part.code
        finding = Finding(segment=last.segment, method="replay", passed=part.is_true, code=code, claimed=last.state_out)
        verdict = VerdictReached(
            verdict_id=verdict_id,
            lease_id=fact["lease_id"],
            job_id=self.job_id,
            provider=fact["provider"],
            requester=self.requester_id,
            outcome="passed" if part.is_true else "rejected",
            root=root,
            block=9,
            seed=digest_of(root),
            drawn=(last.segment,),
            findings=(finding,),
            audit_ms=1,
            job_ms=100,
        )
        about = {**fact, "verdict_id": verdict_id, "root": root}
        if part.is_true:
            outcome: Event = LeaseVerified(**about, segments=len(commits), units=UNITS * len(commits))
        else:
            outcome = LeaseRejected(**about, segment=last.segment, code=code)
        return [self._say("verification", verdict), self._say("verification", outcome)]


@dataclass(frozen=True)
class Lease:
    """One lease's part of a story."""

    share: LeaseShare
    commits: list[LeaseCommitted]
    said: list[Envelope[Any]]
    verdict: list[Envelope[Any]]
