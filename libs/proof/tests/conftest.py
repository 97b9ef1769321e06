"""One job that two providers did, from order to payout, with every statement signed: what a receipt is made of."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import pytest
from blake3 import blake3

from assay.proof import Domain, Key, chain, draw, leaf_of, root_of, seed, sign_event, sign_order, spec_digest
from assay.schema import Envelope
from assay.schema.job import JobSpec, JobSubmitted, Payout
from assay.schema.lease import LeaseCommitted, LeaseExecuted, LeaseGranted, ResumePoint
from assay.schema.values import NO_DIGEST, Policy, Role, cost_of, derive_id, participant_id
from assay.schema.verdict import Finding, VerdictReached

DOMAIN = Domain(31337, "0x" + "5a" * 20)
NOW_MS = 1_800_000_000_000
PRICE = 3_000_000
UNITS = 1000


def key_of(name: str) -> Key:
    """A key that is the same in every run."""
    return Key.from_hex(blake3(name.encode()).hexdigest())


def digest_of(*parts: object) -> str:
    return blake3(repr(parts).encode()).hexdigest()


@dataclass(frozen=True)
class Lineage:
    """The arguments of `compose`, and who seals."""

    operator: Key
    submitted: Envelope[Any]
    leases: tuple[tuple[LeaseGranted, Sequence[Envelope[Any]]], ...]
    verdicts: tuple[VerdictReached, ...]
    payouts: tuple[Payout, ...]
    refunded: int
    domain: Domain = DOMAIN


SPEC = JobSpec(kind="noop", params={"segments": 5}, segments=5, segment_units=UNITS, policy=Policy(audit_segments=2))
JOB_ID = derive_id("j", "lineage")


def submit(key: Key, spec: JobSpec = SPEC, price_limit: int = 20_000, **changes: Any) -> JobSubmitted:
    """A job whose order is signed by `key`."""
    terms: dict[str, Any] = {
        "job_id": JOB_ID,
        "requester": participant_id(Role.REQUESTER, key.address),
        "spec": spec,
        "price_limit": price_limit,
        "deadline_ms": NOW_MS + 600_999,
    }
    return JobSubmitted(**{**terms, "order_signature": sign_order(key, DOMAIN, **terms), **changes})


def commits_of(name: str, fence: int, first: int, count: int, resume: ResumePoint | None) -> list[LeaseCommitted]:
    """A lease's commitments to `count` segments from `first` on."""
    provider = participant_id(Role.PROVIDER, key_of(name).address)
    previous = resume.commitment if resume else NO_DIGEST
    commits: list[LeaseCommitted] = []
    for segment in range(first, first + count):
        bare = LeaseCommitted(
            lease_id=derive_id("l", name),
            job_id=JOB_ID,
            provider=provider,
            fence=fence,
            segment=segment,
            state_in=digest_of("state", segment),
            state_out=digest_of("state", segment + 1),
            checkpoint=digest_of("blob", segment + 1),
            units=UNITS,
            previous=previous,
            commitment=NO_DIGEST,
            compute_ms=7,
            metrics={"loss": 1.5},
            machine=digest_of("machine", fence),
            code=digest_of("code", 1),
        )
        previous = chain(previous, leaf_of(bare, spec_digest(SPEC)))
        commits.append(bare.model_copy(update={"commitment": previous}))
    return commits


def granted_to(first: LeaseCommitted, requester: str, resume: ResumePoint | None) -> LeaseGranted:
    return LeaseGranted(
        lease_id=first.lease_id,
        job_id=JOB_ID,
        provider=first.provider,
        fence=first.fence,
        requester=requester,
        offer_id=derive_id("f", first.provider),
        spec=SPEC,
        mega_unit_price=PRICE,
        resume=resume,
        deadline_ms=NOW_MS + 600_000,
    )


def verdict_on(commits: Sequence[LeaseCommitted], requester: str) -> VerdictReached:
    """The verdict that a lease passed its audit."""
    root = root_of(commits, spec_digest(SPEC))
    seed_ = seed(b"\x07" * 32, root)
    places = draw(seed_, [commit.units for commit in commits], SPEC.policy.audit_segments)
    drawn = [commits[place] for place in places]
    first = commits[0]
    start = Finding(
        segment=first.segment, method="start", passed=True, code="segment.start_matches", claimed=first.state_in
    )
    return VerdictReached(
        verdict_id=derive_id("d", root),
        lease_id=commits[0].lease_id,
        job_id=JOB_ID,
        provider=commits[0].provider,
        requester=requester,
        outcome="passed",
        root=root,
        block=9,
        seed=seed_,
        drawn=tuple(commit.segment for commit in drawn),
        findings=(
            start,
            *(
                Finding(segment=c.segment, method="replay", passed=True, code="replay.equal", claimed=c.state_out)
                for c in drawn
            ),
        ),
        audit_ms=1,
        job_ms=100,
    )


@pytest.fixture(scope="session")
def lineage() -> Lineage:
    """Two segments by one provider, then three by another that carried on from there."""
    requester = key_of("requester")
    early = commits_of("early", fence=1, first=0, count=2, resume=None)
    end = early[-1]
    resume = ResumePoint(segment=end.segment, state=end.state_out, checkpoint=end.checkpoint, commitment=end.commitment)
    late = commits_of("late", fence=2, first=2, count=3, resume=resume)
    last = late[-1]
    executed = LeaseExecuted(
        lease_id=last.lease_id,
        job_id=JOB_ID,
        provider=last.provider,
        fence=2,
        segments=3,
        root=root_of(late, spec_digest(SPEC)),
        result=digest_of("result"),
    )
    order = submit(requester)
    said = [
        [
            sign_event(key_of(name), DOMAIN, event, events[0].provider, NOW_MS + turn)
            for turn, event in enumerate(events)
        ]
        for name, events in (("early", early), ("late", [*late, executed]))
    ]
    payouts = tuple(
        Payout(lease_id=c[0].lease_id, provider=c[0].provider, fence=c[0].fence, amount=cost_of(len(c) * UNITS, PRICE))
        for c in (early, late)
    )
    return Lineage(
        operator=key_of("operator"),
        submitted=sign_event(requester, DOMAIN, order, order.requester, NOW_MS),
        leases=(
            (granted_to(early[0], order.requester, None), said[0]),
            (granted_to(late[0], order.requester, resume), said[1]),
        ),
        verdicts=(verdict_on(early, order.requester), verdict_on(late, order.requester)),
        payouts=payouts,
        refunded=order.price_limit - sum(payout.amount for payout in payouts),
    )
