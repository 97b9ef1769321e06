"""What the chain shows of epochs of payments by itself: how each was posted, and what was demanded of it.

Read from the logs of Payment and Challenges, from now backwards: what can be doubted is young.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Final

from assay.chain.events import LoggedEvent
from assay.chain.payment.events import Answered, DemandMade, Posted
from assay.chain.payment.values import Demanded, Head
from assay.chain.port import Chain
from assay.proof import settlement
from assay.proof.settlement import epoch_digest
from assay.proof.settlement_tree import ZERO

# Public nodes refuse wider ranges of logs.
LOG_SPAN_BLOCKS: Final = 2_000


@dataclass(frozen=True, slots=True)
class Asked:
    """A demand: of what, by whom, until when it waits, and the transaction that answered it."""

    kind: Demanded
    index: int
    challenger: str
    deadline: int
    answered: bytes | None = None

    def is_overdue(self, now_s: int) -> bool:
        """Whether nobody answered in time: anyone can have the epoch void."""
        return self.answered is None and now_s > self.deadline


@dataclass(frozen=True, slots=True)
class Docket:
    """An epoch as it was posted, its digest, and what was demanded of it."""

    epoch: settlement.Posted
    digest: bytes
    demands: tuple[Asked, ...] = ()

    def can_be_final(self, now_s: int, window_s: int) -> bool:
        """Whether its window is over and every demand of it is answered."""
        return now_s > self.epoch.posted_at + window_s and all(each.answered for each in self.demands)


async def dockets_of(chain: Chain, numbers: Iterable[int]) -> dict[int, Docket]:
    """Those epochs of these numbers that are neither void nor forgotten, by number. Raises ChainUnreachable."""
    digests = {number: await chain.epoch_digest(number) for number in numbers if number}
    wanted = {number: digest for number, digest in digests.items() if digest != ZERO}
    found: dict[int, Docket] = {}
    logged: list[LoggedEvent] = []
    last, first = (await chain.block()).number, chain.deployment.deployed_block
    while last >= first and found.keys() < wanted.keys():
        start = max(first, last - LOG_SPAN_BLOCKS + 1)
        logged, last = await chain.events(start, last) + logged, start - 1
        made = dockets_in(chain, logged)
        found = {each.epoch.number: each for each in made if wanted.get(each.epoch.number) == each.digest}
    return found


async def every_docket(chain: Chain, number: int) -> list[Docket]:
    """Every epoch that was ever posted under this number, void ones too, oldest first. Raises ChainUnreachable."""
    logged = await chain.events(chain.deployment.deployed_block, (await chain.block()).number)
    return [docket for docket in dockets_in(chain, logged) if docket.epoch.number == number]


def dockets_in(chain: Chain, logged: Sequence[LoggedEvent]) -> list[Docket]:
    """What these logs, in the chain's order, say was posted, and demanded of it."""
    demands: dict[bytes, dict[tuple[int, int], Asked]] = {}
    for log in logged:
        if isinstance(event := log.event, DemandMade):
            asked = Asked(Demanded(event.kind), event.index, event.challenger, event.deadline)
            demands.setdefault(event.epoch, {})[event.kind, event.index] = asked
        elif isinstance(event, Answered) and (known := demands.get(event.epoch, {}).get((event.kind, event.index))):
            answer = Asked(known.kind, known.index, known.challenger, known.deadline, log.tx_hash)
            demands[event.epoch][event.kind, event.index] = answer
    posted = [log.event.epoch for log in logged if isinstance(log.event, Posted)]
    return [
        Docket(epoch, digest, tuple(demands.get(digest, {}).values())) for epoch, digest in with_digests(chain, posted)
    ]


def with_digests(chain: Chain, posted: Sequence[settlement.Posted]) -> list[tuple[settlement.Posted, bytes]]:
    """Epochs with their digests."""
    return [(epoch, epoch_digest(chain.deployment.domain, epoch)) for epoch in posted]


def last_final(head: Head, dockets: dict[int, Docket], now_s: int, window_s: int) -> int:
    """The number of the last epoch that is final, or that anyone can make so now; 0 if there is none."""
    last = head.last
    while (docket := dockets.get(last + 1)) and docket.can_be_final(now_s, window_s):
        last += 1
    return last
