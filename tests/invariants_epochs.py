"""What must hold of the epochs and audits of a network at rest: read from its public events and its chain."""

import asyncio
from collections import Counter
from collections.abc import Collection, Iterator
from typing import Final

from tests.invariants import Said, of

from assay.devnet.devnet import Devnet
from assay.schema.audit import AuditOverruled, AuditPaid, AuditUpheld, VerifierSlashed, VerifierSpared
from assay.schema.epoch import EpochAnchored, EpochCommitted, EpochPooled, EpochSettled
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.values import NO_DIGEST, address_of

FIRST: Final = (0, NO_DIGEST)


def wrong_epochs(said: Said, jobs: Collection[str]) -> list[str]:
    """What is wrong with a history in which every epoch of these jobs should be settled, and every audit answered."""
    return [*chains(said), *unsettled(said, jobs), *audits(said)]


def chains(said: Said) -> Iterator[str]:
    """Epochs that do not follow the one before them, or are not anchored as they were committed."""
    last: dict[str, tuple[int, str]] = {}
    closed = [*of(said, EpochCommitted), *of(said, EpochPooled)]
    for epoch in sorted(closed, key=lambda epoch: (epoch.provider, epoch.number)):
        number, root = last.get(epoch.provider, FIRST)
        if (epoch.number, epoch.previous) != (number + 1, root):
            yield f"epoch {epoch.number} of {epoch.provider} does not follow epoch {number}"
        last[epoch.provider] = (epoch.number, epoch.root)
    roots = {epoch.epoch_id: epoch.root for epoch in closed}
    for anchored in of(said, EpochAnchored):
        if roots.get(anchored.epoch_id, anchored.root) != anchored.root:
            yield f"{anchored.epoch_id} was anchored with another root than it was committed with"


def unsettled(said: Said, jobs: Collection[str]) -> Iterator[str]:
    """Epochs with leases of these jobs, or of so many that an event names none, that are not settled once."""
    settled = Counter(event.epoch_id for event in of(said, EpochSettled))
    for pooled in of(said, EpochPooled):
        if settled[pooled.epoch_id] != 1:
            yield f"{pooled.epoch_id} was settled {settled[pooled.epoch_id]} times"
    for epoch in of(said, EpochCommitted):
        if {entry.job_id for entry in epoch.entries} & set(jobs) and settled[epoch.epoch_id] != 1:
            yield f"{epoch.epoch_id} was settled {settled[epoch.epoch_id]} times"


def audits(said: Said) -> Iterator[str]:
    """Audits that were upheld and not paid once, and overruled ones that did not cost a bond once, nor were spared."""
    spared = Counter(event.audit_id for event in of(said, VerifierSpared))
    upheld = [(event.audit_id, event.verifier, event.fee) for event in of(said, AuditUpheld)]
    paid = [(event.audit_id, event.verifier, event.amount) for event in of(said, AuditPaid)]
    overruled = [(event.audit_id, event.verifier, event.reason) for event in of(said, AuditOverruled)]
    slashed = [(event.audit_id, event.verifier, event.reason) for event in of(said, VerifierSlashed)]
    ordered = {event.job_id: event.audited for event in (*of(said, JobSettled), *of(said, JobRefunded))}
    for event in of(said, AuditUpheld):
        if event.ordered_by in ordered:
            ordered[event.ordered_by] -= event.fee
    yield from (f"the audits that {job} ordered leave {left}" for job, left in ordered.items() if left)
    for name, due, done in (("paid", upheld, paid), ("slashed", overruled, slashed)):
        for what, times in (Counter(due) - Counter(done)).items():
            if name == "slashed" and spared[what[0]] == times:
                continue  # Whoever has nothing left at stake cannot be accused.
            yield f"audit {what} was not {name} ({times})"
        for what, times in (Counter(done) - Counter(due)).items():
            yield f"audit {what} was {name} {times} times too often"


async def wrong_anchors(devnet: Devnet, said: Said) -> list[str]:
    """Anchored roots that the chain does not hold."""
    anchored = of(said, EpochAnchored)
    asked = [devnet.chain.root_of(address_of(epoch.provider), epoch.number) for epoch in anchored]
    held = zip(anchored, await asyncio.gather(*asked), strict=True)
    return [f"the chain holds {root.hex()} for {epoch}" for epoch, root in held if root.hex() != epoch.root]
