"""What must hold of Payment at rest: each root is what was said in public, and everybody has what it earned."""

from collections.abc import Iterator

from tests.invariants import Said, of

from assay.client.standing import read_epoch
from assay.devnet.devnet import Devnet
from assay.devnet.holdings import Holdings
from assay.proof.settlement import epoch_digest
from assay.proof.settlement_events import charged, verify_epochs
from assay.schema.audit import AuditPaid
from assay.schema.job import JobRefunded, JobSettled
from assay.schema.lease import LeasePaid
from assay.schema.payment import PaymentPosted


async def wrong_payments(devnet: Devnet, said: Said) -> list[str]:
    """What is wrong with the epochs of Payment."""
    return [*await wrong_roots(devnet, said), *wrong_places(said)]


async def wrong_roots(devnet: Devnet, said: Said) -> list[str]:
    """Epochs that are not what their events make, or not what the chain holds."""
    domain, faults = devnet.chain.deployment.domain, []
    for found in verify_epochs(domain, [envelope.event for envelope in said]):
        faults += [] if found.is_right else [f"epoch {found.number} of Payment: {found.fault}"]
        posted = read_epoch(found.posted.model_dump())
        if await devnet.chain.epoch_digest(found.number) != epoch_digest(domain, posted):
            faults.append(f"epoch {found.number} of Payment is not on the chain as it was said")
    return faults


def wrong_places(said: Said) -> Iterator[str]:
    """Charges that do not follow one another, or are not in the epoch by which they were said to be posted."""
    place = 1
    for job in charged(envelope.event for envelope in said):
        if job.step != place:
            yield f"{job.about} was charged at step {job.step}, after step {place - 1}"
        place = job.end
    posted = {event.number: event for event in of(said, PaymentPosted)}
    for event in (each for kind in (JobSettled, JobRefunded, LeasePaid, AuditPaid) for each in of(said, kind)):
        if event.step is None:
            continue
        epoch = posted.get(event.payment)
        if epoch is None or not epoch.first_step <= event.step < epoch.first_step + epoch.steps:
            yield f"{event.type} of {event.about}: step {event.step} is not in epoch {event.payment}"


def unpaid(rows: Holdings) -> Iterator[str]:
    """What somebody earned and did not get."""
    for name, row in rows.items():
        for kind in ("earned", "fees"):
            if row.get(kind):
                yield f"{name} did not get {row[kind]} of what it earned"
