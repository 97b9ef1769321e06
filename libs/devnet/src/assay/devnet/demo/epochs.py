"""What became of the epochs while the story was told: their roots, what was drawn, who answered and was paid."""

from collections.abc import Callable
from dataclasses import dataclass, field

from assay.schema.audit import AuditOverruled, AuditPaid, AuditUpheld
from assay.schema.epoch import (
    EpochAnchored,
    EpochClosed,
    EpochCommitted,
    EpochDrawn,
    EpochPassed,
    EpochPooled,
    EpochRejected,
)
from assay.schema.event import Event
from assay.schema.payment import PaymentFinalised, PaymentPosted

Name = Callable[[str], str]


@dataclass
class EpochTold:
    """One epoch, as far as it has come."""

    provider: str
    number: int
    segments: int
    leases: int
    root: str
    anchored: int = 0
    beacon: int = 0
    drawn: list[int] = field(default_factory=list)
    outcome: str = "open"


@dataclass
class Epochs:
    """All epochs and audits of the story."""

    by_id: dict[str, EpochTold] = field(default_factory=dict)
    upheld: list[str] = field(default_factory=list)
    overruled: list[str] = field(default_factory=list)
    paid: int = 0
    fees: int = 0

    def hear(self, event: Event, name: Name) -> str | None:
        """The sentence that an event adds to the story, if any."""
        match event:
            case EpochCommitted() | EpochPooled():
                self.by_id[event.epoch_id] = EpochTold(
                    event.provider, event.number, event.segments, leases_in(event), event.root
                )
            case AuditUpheld(verifier=verifier):
                self.upheld.append(verifier)
                return f"{name(verifier)} ran a drawn segment again, blind: its answer stands"
            case AuditOverruled(verifier=verifier):
                self.overruled.append(verifier)
                return f"{name(verifier)} answered falsely and loses its bond"
            case AuditPaid(amount=amount):
                self.paid, self.fees = self.paid + 1, self.fees + amount
            case PaymentPosted(number=number, steps=steps, block=block):
                return f"epoch {number} of payments: {steps} charges under one root, posted in block {block}"
            case PaymentFinalised(number=number):
                return f"epoch {number} of payments is final: what it credits is paid out"
        told = self.by_id.get(event.about)
        return self._advance(told, event, name) if told else None

    def _advance(self, told: EpochTold, event: Event, name: Name) -> str | None:
        match event:
            case EpochAnchored(block=block):
                told.anchored = block
                whose = f"epoch {told.number} of {name(told.provider)}"
                return f"{whose}: {told.segments} segments under one root, on chain in block {block}"
            case EpochDrawn(block=block, drawn=drawn):
                told.beacon, told.drawn = block, [each.segment for each in drawn]
                return f"block {block}, which nobody knew before, draws segment {', '.join(map(str, told.drawn))}"
            case EpochPassed():
                told.outcome = "passed"
            case EpochRejected():
                told.outcome = "rejected"
        return None


def leases_in(closed: EpochClosed) -> int:
    """How many leases stand in an epoch."""
    return len(closed.entries) if isinstance(closed, EpochCommitted) else closed.size
