"""Proofs and openings that are none: each is refused at the door with its typed code, and nobody pays for another's.

All are said while their speaker's lease runs on: in the end it is paid, and nobody is slashed.
"""

import math
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass, replace
from typing import Any, Final

import pytest
from tests.network import REGION, SECOND, STEADY, VERIFIERS, Net
from tests.resting import resting
from tests.scenarios.knocking import Claim, claim, commitment, encoded, knock

from assay.client.sdk import Assay
from assay.proof.keys import Key
from assay.schema.audit import AuditUpheld
from assay.schema.beacon import beacon_fact
from assay.schema.epoch import EpochDrawn, epoch_id_of
from assay.schema.event import EVENT_BYTES_MAX, Event
from assay.schema.lease import LeaseGranted
from assay.schema.values import NO_DIGEST, Policy, Role, derive_id, participant_id

pytestmark = pytest.mark.server

SEGMENTS: Final = 60
SLOWLY: Final = {"pause_ms": 1_000}
"""So that the lease is open until it is stopped, however slow the machine is."""
NAN: Final = float("nan")
SHORT: Final = NO_DIGEST[:-1]


@dataclass(frozen=True)
class Held:
    """A lease of the second provider that runs, one that is settled, its epoch, and an audit of it."""

    open: LeaseGranted
    over: LeaseGranted
    drawn: EpochDrawn
    upheld: AuditUpheld

    def verifier(self, net: Net) -> str:
        """The name of the verifier whose audit it was."""
        return net.name_of(self.upheld.verifier)

    def stranger(self, net: Net) -> str:
        """The name of another."""
        return next(name for name in VERIFIERS if name != self.verifier(net))


def committed(net: Net, held: Held, **changes: Any) -> Claim:
    """A commitment to a segment of the open lease."""
    return commitment(net, held.open, SECOND, **changes)


def opening(net: Net, held: Held, party: str = SECOND, **changes: Any) -> Claim:
    """A trace of a segment that was drawn."""
    place = {"epoch_id": held.drawn.epoch_id, "provider": net.party(party).id, "number": held.drawn.number}
    body = {**place, "lease_id": held.over.lease_id, "segment": 0, "root": NO_DIGEST, "trace": NO_DIGEST, **changes}
    return claim(net, party, "epoch.traced", body["epoch_id"], encoded(body))


def sealed(net: Net, held: Held, party: str, audit: str) -> Claim:
    """A seal of the answer to an audit."""
    body = {"audit_id": audit, "verifier": net.party(party).id, "seal": NO_DIGEST}
    return claim(net, party, "audit.sealed", audit, encoded(body))


def revealed(net: Net, held: Held, **changes: Any) -> Claim:
    """The answer to the audit that is over, by the verifier whose it was."""
    party, digests = held.verifier(net), dict.fromkeys(("answer", "state", "checkpoint", "salt"), NO_DIGEST)
    body = {"audit_id": held.upheld.audit_id, "verifier": net.party(party).id, **digests, "compute_ms": 1, **changes}
    return claim(net, party, "audit.revealed", held.upheld.audit_id, encoded(body))


def share(net: Net, held: Held, party: str, epoch_id: str, **changes: Any) -> Claim:
    """A share of an epoch's beacon."""
    fact, own = beacon_fact(epoch_id, net.party(party).id), {"value": NO_DIGEST, "salt": NO_DIGEST}
    body = {**fact, **own, "block": held.drawn.block, "block_hash": NO_DIGEST, **changes}
    return claim(net, party, "beacon.revealed", fact["beacon_id"], encoded(body))


def bound(net: Net, held: Held, party: str) -> Claim:
    """What a verifier binds itself to for the beacon of the epoch that is settled."""
    body = {**beacon_fact(held.drawn.epoch_id, net.party(party).id), "commit": "ab" * 32}
    return claim(net, party, "beacon.committed", body["beacon_id"], encoded(body))


def cut(said: Claim) -> Claim:
    """The same, signed as it should be, without its end."""
    return replace(said, data=said.data[:-9])


def by_a_stranger(said: Claim) -> Claim:
    """The same in the name of a key that nobody knows, and well signed by it."""
    key = Key.generate()
    return replace(said, signer=key, source=participant_id(Role.PROVIDER, key.address))


def sharer(net: Net, held: Held) -> str:
    """A verifier whose share counted in the epoch that is settled."""
    return net.name_of(held.drawn.revealed[0].verifier)


Make = Callable[[Net, Held], Claim]
COMMITMENTS: Final[dict[str, tuple[str, Make]]] = {
    "to another's lease": ("lease.unknown", lambda net, held: commitment(net, held.open, STEADY)),
    "to a lease that is over": ("fence.stale", lambda net, held: commitment(net, held.over, SECOND)),
    "to another job's lease": ("lease.unknown", lambda net, held: committed(net, held, job_id=held.over.job_id)),
    "under another fence": ("fence.stale", lambda net, held: committed(net, held, fence=held.open.fence + 1)),
    "for another's provider": ("event.forged", lambda net, held: committed(net, held, provider=net.party(STEADY).id)),
    "cut short": ("event.malformed", lambda net, held: cut(committed(net, held))),
    "of another shape": ("event.malformed", lambda net, held: replace(committed(net, held), data=b"[1, 2]")),
    "with a number that is none": ("event.malformed", lambda net, held: committed(net, held, metrics={"loss": NAN})),
    "with an infinite one": ("event.malformed", lambda net, held: committed(net, held, metrics={"loss": -math.inf})),
    "to segment 10^12": ("event.malformed", lambda net, held: committed(net, held, segment=10**12)),
    "of 10^30 units": ("event.malformed", lambda net, held: committed(net, held, units=10**30)),
    "of a time that no table holds": ("event.malformed", lambda net, held: committed(net, held, compute_ms=10**30)),
    "with a digest too short": ("event.malformed", lambda net, held: committed(net, held, state_out=SHORT)),
    "longer than any": ("event.oversized", lambda net, held: committed(net, held, more="x" * EVENT_BYTES_MAX)),
    "to what is not stored": ("blob.missing", lambda net, held: committed(net, held, checkpoint="ab" * 32)),
    "by an unknown key": ("speaker.unknown", lambda net, held: by_a_stranger(committed(net, held))),
    "signed by an unknown key": (
        "event.forged",
        lambda net, held: replace(committed(net, held), signer=Key.generate()),
    ),
}
OPENINGS: Final[dict[str, tuple[str, Make]]] = {
    "of another's epoch": ("epoch.unknown", lambda net, held: opening(net, held, STEADY)),
    "of an epoch that is over": ("epoch.over", opening),
    "of no epoch": (
        "epoch.unknown",
        lambda net, held: opening(net, held, epoch_id=epoch_id_of(net.party(SECOND).id, 2**40), number=2**40),
    ),
    "cut short": ("event.malformed", lambda net, held: cut(opening(net, held))),
    "with a root too short": ("event.malformed", lambda net, held: opening(net, held, root=SHORT)),
    "by an unknown key": ("speaker.unknown", lambda net, held: by_a_stranger(opening(net, held))),
}
ANSWERS: Final[dict[str, tuple[str, Make]]] = {
    "to no audit": ("audit.unknown", lambda net, held: sealed(net, held, held.verifier(net), derive_id("a", "none"))),
    "to another's audit": (
        "audit.unknown",
        lambda net, held: sealed(net, held, held.stranger(net), held.upheld.audit_id),
    ),
    "to an audit that is over": ("audit.over", revealed),
    "that took longer than any table holds": (
        "event.malformed",
        lambda net, held: revealed(net, held, compute_ms=10**30),
    ),
    "that took no number of milliseconds": ("event.malformed", lambda net, held: revealed(net, held, compute_ms=NAN)),
    "cut short": ("event.malformed", lambda net, held: cut(revealed(net, held))),
    "with a state too short": ("event.malformed", lambda net, held: revealed(net, held, state=SHORT)),
}
SHARES: Final[dict[str, tuple[str, Make]]] = {
    "of no epoch": ("beacon.unknown", lambda net, held: share(net, held, sharer(net, held), derive_id("x", "none"))),
    "for an epoch that is over": ("beacon.over", lambda net, held: bound(net, held, sharer(net, held))),
    "with a value too short": (
        "event.malformed",
        lambda net, held: share(net, held, sharer(net, held), held.drawn.epoch_id, value=SHORT),
    ),
}
KINDS: Final = {"commitment": COMMITMENTS, "opening": OPENINGS, "answer": ANSWERS, "share": SHARES}
CASES: Final = {f"{kind} {name}": case for kind, cases in KINDS.items() for name, case in cases.items()}


LOSSES: Final = ("lease.rejected", "lease.slashed", "audit.overruled", "verifier.slashed")
at_rest = resting("module")


@pytest.fixture(scope="module")
async def held(net: Net) -> AsyncIterator[Held]:
    """What the second provider has; in the end all that it did is paid, and nobody has lost anything by another."""
    since = len(net.chronicle.said)
    over = await net.submit(2, REGION[SECOND], policy=Policy(audit_segments=2))
    await net.ended(over)
    lease = (await net.until_said(over, "lease.granted"))[0].event
    running = await net.submit(SEGMENTS, REGION[SECOND], params=SLOWLY)
    await net.until_said(running, "lease.committed")
    granted = (await net.until_said(running, "lease.granted"))[0].event
    assert isinstance(lease, LeaseGranted) and isinstance(granted, LeaseGranted)
    drawn = await first(net, since, lambda e: isinstance(e, EpochDrawn) and lease.lease_id in lease_ids(e))
    upheld = await first(net, since, lambda e: isinstance(e, AuditUpheld) and e.lease_id == lease.lease_id)
    yield Held(granted, lease, drawn, upheld)
    await net.assay.cancel(running)
    await net.ended(running)
    await net.until_said(running, "lease.paid")
    own = {net.party(name).id for name in (SECOND, *VERIFIERS)}
    lost = [said.event for said in net.chronicle.said[since:] if said.event.type in LOSSES]
    assert not [event for event in lost if {getattr(event, each, "") for each in ("provider", "verifier")} & own]


async def first(net: Net, since: int, is_it: Callable[[Event], bool]) -> Any:
    """The first event of its kind that was said since."""

    def found() -> Event | None:
        return next((said.event for said in net.chronicle.said[since:] if is_it(said.event)), None)

    return await net.chronicle.until(found, "the draw and an audit of the lease that is over")


def lease_ids(drawn: EpochDrawn) -> set[str]:
    """The leases of which segments were drawn."""
    return {each.lease_id for each in drawn.drawn}


@pytest.mark.parametrize("case", CASES)
async def test_is_refused_with_its_code_and_let_in_nowhere(net: Net, held: Held, case: str) -> None:
    code, make = CASES[case]
    said = make(net, held)
    assert await knock(net, said) == code
    async with Assay.connect(net.devnet.profile(said.party)) as sender:
        seen = (await sender.door.ask("refusals", {}))["refusals"]
    assert [(row["code"], row["event_type"]) for row in seen if row["event_id"] == said.id] == [(code, said.type)]
    assert said.id not in {envelope.id for envelope in net.chronicle.said}
