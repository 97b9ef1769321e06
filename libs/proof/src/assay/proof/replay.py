"""Every balance, stake and reputation, made again from what is said in public.

Each event is kept under the name of what it is about (a job, a step, a lease, an account), and a later state of the
same replaces an earlier one by a number that the event itself carries. So it does not matter how often an event comes,
nor in which order: whoever has the same events has the same accounts.
"""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, Self

from assay.proof.reputation import Blame, blame_of, dropped_of, reputation_of
from assay.proof.settlement_events import Charged, charge_of
from assay.schema.audit import AuditPaid
from assay.schema.event import Event
from assay.schema.job import JobExecuted, JobFunded, JobRefunded, JobSettled
from assay.schema.lease import LeaseRejected, LeaseVerified
from assay.schema.payment import AccountChanged
from assay.schema.values import address_of


@dataclass(frozen=True, slots=True)
class Account:
    """What an address has, in base units: stable tokens first, native ones at stake, then its leases as a provider.

    `deposit` is free to order with; `held` was taken from it for jobs that have not ended, `charged` for those that
    have. `earned` was charged for this account and is not `paid` to it yet.
    """

    deposit: int = 0
    held: Mapping[str, int] = field(default_factory=dict)
    charged: int = 0
    earned: int = 0
    paid: int = 0
    stake: int = 0
    unbonding: int = 0
    verified: int = 0
    rejected: int = 0
    dropped: int = 0

    @property
    def reputation(self) -> int:
        """In parts per million."""
        return reputation_of(self.verified, self.rejected, self.dropped)


@dataclass(slots=True)
class Replay:
    """What was read so far."""

    shown: dict[str, AccountChanged] = field(default_factory=dict)
    funded: dict[str, JobFunded] = field(default_factory=dict)
    ended: set[str] = field(default_factory=set)
    charges: dict[int, Charged] = field(default_factory=dict)
    verified: dict[str, str] = field(default_factory=dict)
    rejected: dict[str, str] = field(default_factory=dict)
    dropped: dict[str, str] = field(default_factory=dict)
    unproven: dict[str, str] = field(default_factory=dict)
    """Leases of which nobody could prove what was done: they count as dropped, besides, where another finished them."""

    @classmethod
    def of(cls, events: Iterable[Event]) -> Self:
        """What these events come to."""
        replay = cls()
        for event in events:
            replay.take(event)
        return replay

    def take(self, event: Event) -> None:
        """Takes an event in; of other kinds than these it takes nothing."""
        if rule := RULES.get(type(event)):
            rule(self, event)

    def accounts(self) -> dict[str, Account]:
        """What each address has of which anything is known."""
        held: dict[str, dict[str, int]] = {}
        for job, event in self.funded.items():
            if job not in self.ended:
                held.setdefault(address_of(event.requester), {})[job] = event.amount
        credits, debits = self._sums()
        kept = (self.verified, self.rejected, self.dropped)
        verified, rejected, dropped = (Counter(leases.values()) for leases in kept)
        dropped += Counter(self.unproven.values())
        known = {*self.shown, *held, *credits, *debits, *verified, *rejected, *dropped}
        return {
            each: Account(
                deposit=self._shown(each, "deposited") - debits[each] - sum(held.get(each, {}).values()),
                held=held.get(each, {}),
                charged=debits[each],
                earned=credits[each] - self._shown(each, "paid"),
                paid=self._shown(each, "paid"),
                stake=self._shown(each, "stake"),
                unbonding=self._shown(each, "unbonding"),
                verified=verified[each],
                rejected=rejected[each],
                dropped=dropped[each],
            )
            for each in sorted(known)
        }

    def _shown(self, address: str, name: str) -> int:
        event = self.shown.get(address)
        return getattr(event, name) if event else 0

    def _sums(self) -> tuple[Counter[str], Counter[str]]:
        """What each address was credited and debited by all charges."""
        credits: Counter[str] = Counter()
        debits: Counter[str] = Counter()
        for charge in self.charges.values():
            for part in charge.settlement.payouts:
                credits[part.provider] += part.amount
                debits[charge.settlement.requester] += part.amount + part.fee
        return credits, debits


def _changed(replay: Replay, event: AccountChanged) -> None:
    known = replay.shown.get(event.account)
    if known is None or known.transfer < event.transfer:
        replay.shown[event.account] = event


def _funded(replay: Replay, event: JobFunded) -> None:
    replay.funded[event.job_id] = event


def _closed(replay: Replay, event: JobSettled | JobRefunded) -> None:
    replay.ended.add(event.job_id)
    _charged(replay, event)


def _charged(replay: Replay, event: JobSettled | JobRefunded | AuditPaid) -> None:
    if charge := charge_of(event):
        replay.charges[charge.step] = charge


def _verified(replay: Replay, event: LeaseVerified) -> None:
    replay.verified[event.lease_id] = address_of(event.provider)


def _rejected(replay: Replay, event: LeaseRejected) -> None:
    if blame := blame_of(event):
        kept = replay.rejected if blame is Blame.REJECTED else replay.unproven
        kept[event.lease_id] = address_of(event.provider)


def _executed(replay: Replay, event: JobExecuted) -> None:
    replay.dropped |= {lease: address_of(provider) for lease, provider in dropped_of(event).items()}


RULES: Final[Mapping[type[Event], Callable[[Replay, Any], None]]] = {
    AccountChanged: _changed,
    JobFunded: _funded,
    JobExecuted: _executed,
    JobSettled: _closed,
    JobRefunded: _closed,
    AuditPaid: _charged,
    LeaseVerified: _verified,
    LeaseRejected: _rejected,
}
