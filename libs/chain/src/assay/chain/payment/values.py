"""What Payment and Challenges keep, and what they were deployed with; money in base units, times in seconds."""

from dataclasses import dataclass
from enum import IntEnum
from typing import Final

DAY_S: Final = 24 * 3600
NATIVE_UNIT: Final = 10**18


class VoidReason(IntEnum):
    """Why an epoch is void."""

    UNANSWERED = 0
    WRONG_STEP = 1
    WRONG_SUM = 2
    CHARGED_TWICE = 3


class Demanded(IntEnum):
    """What can be demanded of an epoch."""

    STEP = 0
    LEAF = 1


@dataclass(frozen=True, slots=True)
class Windows:
    """How long an epoch can be doubted, a demand waits, epochs stand apart, and who leaves can still be charged.

    The contract takes none that is longer than these.
    """

    window_s: int = DAY_S
    answer_s: int = DAY_S
    interval_s: int = 240
    notice_s: int = 7 * DAY_S


@dataclass(frozen=True, slots=True)
class Terms:
    """What poster and challenger put up, in native units, what of a slashed bond a challenger gets, the windows."""

    bond: int = 1000 * NATIVE_UNIT
    demand_bond: int = 5 * NATIVE_UNIT
    refund: int = 2 * NATIVE_UNIT
    windows: Windows = Windows()


@dataclass(frozen=True, slots=True)
class Account:
    """An account's place in the tree (0: none), what it was paid, deposited and took out, and what it announced to.

    From `cutoff` on no new epoch charges what is leaving.
    """

    index: int = 0
    paid: int = 0
    deposited: int = 0
    withdrawn: int = 0
    leaving: int = 0
    cutoff: int = 0

    @property
    def left(self) -> int:
        """What it deposited and did not take out."""
        return self.deposited - self.withdrawn

    def funds_at(self, posted_at: int) -> int:
        """What an epoch posted at that second may charge it altogether."""
        if self.leaving == 0 or posted_at < self.cutoff:
            return self.left
        return max(0, self.left - self.leaving)


@dataclass(frozen=True, slots=True)
class Head:
    """The numbers of the last epoch posted and of the last final one, when the last was posted, and all funds."""

    posted: int = 0
    last: int = 0
    posted_at: int = 0
    funds: int = 0


@dataclass(frozen=True, slots=True)
class Poster:
    """A poster's bond; from when it can be taken out (0: it is not leaving); what was posted when it began to leave."""

    bond: int = 0
    ready_at: int = 0
    number: int = 0
    is_appointed: bool = False


@dataclass(frozen=True, slots=True)
class Outflow:
    """What all accounts were paid so far, and the treasury."""

    paid: int = 0
    fees: int = 0


@dataclass(frozen=True, slots=True)
class Demand:
    """Who made a demand, and until when it waits for its answer; 0 once it is over."""

    challenger: str
    deadline: int


@dataclass(frozen=True, slots=True)
class Term:
    """From when until when epochs may rest on verdicts by a key."""

    begins: int
    ends: int


@dataclass(frozen=True, slots=True)
class Signing:
    """What a requester's next signatures hang on: its nonces at the token and at Payment, and the token's domain."""

    separator: bytes
    permit_nonce: int
    nonce: int


@dataclass(frozen=True, slots=True)
class Evidence:
    """The signed order and verdict that a charge rests on."""

    price_limit: int
    deadline: int
    spec_digest: bytes
    order_signature: bytes
    verdict_signature: bytes
