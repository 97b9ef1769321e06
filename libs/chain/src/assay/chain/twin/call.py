"""What a contract's code sees while it runs: who calls, when, what is stored, and where events go."""

from collections.abc import Callable
from dataclasses import dataclass, field, replace
from typing import Any

from assay.chain.errors import Reverted
from assay.chain.events import ChainEvent
from assay.chain.governed.terms import GovernedTerms
from assay.chain.payment.values import Terms
from assay.chain.values import Deployment

DEFAULT_TERMS, GOVERNED = Terms(), GovernedTerms()
# Everything stored is a number, a text, bytes or a tuple of these, so that a shallow copy is a snapshot.
Storage = dict[tuple[Any, ...], Any]


@dataclass(frozen=True)
class Call:
    """One call of one contract; `storage` and `events` are shared by the calls of a transaction.

    `terms` are those of Payment, `governed` those of what votes govern, `begun` is when the contracts were deployed.
    """

    sender: str
    to: str
    now: int
    storage: Storage
    deployment: Deployment
    roles: dict[str, str]
    terms: Terms = DEFAULT_TERMS
    begun: int = 0
    governed: GovernedTerms = GOVERNED
    events: list[ChainEvent] = field(default_factory=list)

    def number(self, *key: Any) -> int:
        """Returns a stored number, 0 where nothing was stored."""
        return int(self.storage.get(key, 0))

    def add(self, amount: int, *key: Any) -> None:
        """Changes a stored number by an amount that may be negative."""
        self.storage[key] = self.number(*key) + amount

    def emit(self, event: ChainEvent) -> None:
        """Writes an event to the transaction's log."""
        self.events.append(event)

    def demand_role(self, role: str) -> None:
        """Raises Reverted unless the caller holds the role."""
        if self.sender != self.roles[role]:
            raise Reverted(f"AccessControlUnauthorizedAccount({self.sender}, {role}).")

    def demand(self, office: str) -> None:
        """Raises Reverted unless the caller holds an office that votes give."""
        if self.sender != self.roles[office]:
            raise Reverted(f"NotAllowed({self.sender}).")

    def by(self, sender: str, to: str) -> "Call":
        """Returns the call that a contract makes in turn."""
        return replace(self, sender=sender, to=to)


Function = Callable[..., object]
