"""What a span of the chain's logs may answer, and what comes of it."""

from dataclasses import dataclass, field
from typing import Any

from assay.chain import events as chain
from assay.chain.payment import events as payment
from assay.schema.event import Event
from assay.settlement.intents import Body, anchor_name
from assay.settlement.queries import Intent

# The contracts answer each member of a batch with one of these.
ANSWERS = (
    *(chain.Anchored, chain.AnchorRefused, chain.Ruled),
    payment.Posted,
)


@dataclass(frozen=True, slots=True)
class Log:
    """A chain event in its place: its transaction, its turn among the transaction's logs, and its share of the gas."""

    event: chain.ChainEvent
    tx: str
    turn: int
    block: int
    is_own: bool
    gas: int = 0

    @property
    def id(self) -> str:
        """What the ledger knows it by."""
        return f"{self.tx}:{self.turn}"


@dataclass(slots=True)
class Docket:
    """The unfinished intents that a span of logs may answer, and what came of them."""

    intents: dict[tuple[str, str, int], Intent]
    done: list[int] = field(default_factory=list)
    later: list[int] = field(default_factory=list)
    refused: list[int] = field(default_factory=list)
    troubles: list[str] = field(default_factory=list)
    events: list[tuple[Event, str]] = field(default_factory=list)
    staked: dict[str, Log] = field(default_factory=dict)
    terms: Log | None = None

    def find(self, kind: str, about: str, fence: int = 0) -> Any:
        """The body of the unfinished intent, or None."""
        intent = self.intents.get((kind, about, fence))
        return intent.body if intent else None

    def put_off(self, body: Body) -> None:
        """The chain cannot do it yet."""
        self.later.append(self.intents[body.key].position)

    def finish(self, body: Body, *events: Event, is_done: bool = True) -> None:
        """The chain has answered an intent, and these events follow from what had led to it."""
        intent = self.intents.pop(body.key)
        (self.done if is_done else self.refused).append(intent.position)
        self.events += [(event, intent.cause) for event in events]


def about(event: chain.ChainEvent) -> str | None:
    """What a chain event is about, as intents that the docket answers name it: a dispute, or an epoch of a provider."""
    if isinstance(event, chain.Anchored | chain.AnchorRefused):
        return anchor_name(event.provider, event.number)
    if isinstance(event, chain.Ruled):
        return event.dispute.hex()
    return None
