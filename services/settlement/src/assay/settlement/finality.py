"""How much of what the chain credited counts, by how final its blocks are; pure.

Little counts once it is in a block, more once the node calls that block safe, all once it is final. What a fork can
take is the sum over all accounts, and accounts cost nothing: so the limits hold for all of a token together, whoever
came first, and no account has more than a share of them, so that none alone keeps the others waiting.
"""

from collections import Counter
from collections.abc import Iterator, Sequence
from types import MappingProxyType
from typing import Final, NamedTuple

from assay.settlement.ledger import Asset

# One account's part of the limits is one in so many: who would have others wait has to bring so much money, each time.
ACCOUNTS: Final = 100


class Limits(NamedTuple):
    """What of all credits of a token counts before their blocks are safe, and before they are final; in base units."""

    included: int
    safe: int

    @property
    def each(self) -> "Limits":
        """What of one account's."""
        return Limits(self.included // ACCOUNTS, self.safe // ACCOUNTS)


class Credit(NamedTuple):
    """What a block that is not final credited to an account, and what of it counts; the turn is that of its coming."""

    turn: int
    account: str
    amount: int
    is_safe: bool
    counted: int


class Waiting(NamedTuple):
    """What does not count yet: what of it as a rule does once all blocks are safe, what only once they are final."""

    safe: int
    final: int


NOTHING: Final = Waiting(0, 0)
# Under this name stand all accounts together.
ALL: Final = ""
# An order waits for a deposit that nobody has seen yet.
MISSING: Final = "deposit.missing"
# Where no fork costs anything: on a chain that has none.
UNLIMITED: Final = Limits(10**40, 10**40)
ALL_AT_ONCE: Final = MappingProxyType(dict.fromkeys(Asset, UNLIMITED))


class Room:
    """What still fits below the limits."""

    def __init__(self, limits: Limits) -> None:
        self._limits = limits
        self._fresh: Counter[str] = Counter()
        self._open: Counter[str] = Counter()

    def left(self, credit: Credit) -> int:
        """How much more of this credit may count."""
        each, account = self._limits.each, credit.account
        found = min(each.safe - self._open[account], self._limits.safe - self._open[ALL])
        if not credit.is_safe:
            found = min(found, each.included - self._fresh[account], self._limits.included - self._fresh[ALL])
        return max(0, found)

    def take(self, credit: Credit, amount: int) -> None:
        """So much more of it counts."""
        for name in (credit.account, ALL):
            self._open[name] += amount
            self._fresh[name] += 0 if credit.is_safe else amount


def raised(credits: Sequence[Credit], limits: Limits) -> Iterator[Credit]:
    """Those, oldest first, of which more counts now, as they count now. What once counted goes on to."""
    room = Room(limits)
    for each in credits:
        room.take(each, each.counted)
    for each in credits:
        more = min(each.amount - each.counted, room.left(each))
        if more > 0:
            room.take(each, more)
            yield each._replace(counted=each.counted + more)


def waiting(amount: int, counted: int, limits: Limits) -> Waiting:
    """What of an account's credits, of which so much counts, does not yet."""
    before_final = max(counted, min(amount, limits.each.safe))
    return Waiting(before_final - counted, amount - before_final)


def reason_of(lack: int, credited: Waiting) -> str:
    """The name of what an order waits for that lacks so much; none if it lacks nothing."""
    if lack <= 0:
        return ""
    if lack > sum(credited):
        return MISSING
    return "deposit.not_final" if lack > credited.safe else "deposit.not_safe"
