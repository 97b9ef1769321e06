"""The ledger's values: accounts, entries and transfers; double entry, money as integers of the token's base unit."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from enum import StrEnum

OUTSIDE = "outside"
FEES = "fees"
POOL = "pool"
BOUNTIES = "bounties"
BURNED = "burned"
TAKEN = "taken"
"""What a slash took and has not passed on; nothing, after its last log."""


class Asset(StrEnum):
    """The two tokens: one pays, the other answers."""

    STABLE = "stable"
    NATIVE = "native"


@dataclass(frozen=True, slots=True)
class Entry:
    """One line of a transfer: `amount` comes to the account, or leaves it if negative."""

    account: str
    asset: Asset
    amount: int


@dataclass(frozen=True, slots=True)
class Transfer:
    """What one chain log moved: `log` is the transaction's hash and the log's turn in it.

    Or what was decided about a job, which is of no block: then `log` is the decision and the job.
    """

    log: str
    kind: str
    block: int | None
    entries: tuple[Entry, ...]


Account = tuple[str, Asset]


@dataclass(slots=True)
class Book:
    """What a posting may have to know: balances."""

    balances: dict[Account, int] = field(default_factory=dict)

    def balance(self, account: str, asset: Asset) -> int:
        """What the account holds after all that was posted so far."""
        return self.balances.get((account, asset), 0)

    def post(self, entries: Iterable[Entry]) -> None:
        """Take the entries into the balances."""
        for account, amount in fold(entries).items():
            self.balances[account] = self.balances.get(account, 0) + amount


def deposit(address: str) -> str:
    """The account of what a requester has in Payment and can order for."""
    return f"deposit:{address.lower()}"


def hold(job: str) -> str:
    """The account of what is held for a job, or for an audit that the operator pays."""
    return f"hold:{job}"


def earned(address: str) -> str:
    """The account of what was charged for an account and not paid to it yet."""
    return f"earned:{address.lower()}"


def stake(address: str) -> str:
    """The account of a provider's active stake."""
    return f"stake:{address.lower()}"


def unbonding(address: str) -> str:
    """The account of a provider's stake that is on its way out and can still be slashed."""
    return f"unbonding:{address.lower()}"


def backing(address: str) -> str:
    """The account of what delegators put behind a provider."""
    return f"backing:{address.lower()}"


def leaving(address: str) -> str:
    """The account of what delegators take back from behind a provider; a slash reaches it until it has left."""
    return f"leaving:{address.lower()}"


def bond(accusation: bytes) -> str:
    """The account of what the accused put up for an appeal."""
    return f"bond:0x{accusation.hex()}"


def job_name(word: bytes) -> str:
    """The id of what the contracts' bytes32 names, or its hex digits if somebody used what is no id."""
    text = word.rstrip(b"\0")
    is_id = len(text) == 27 and text.isascii() and text.isalnum() and text == text.lower()
    return text.decode() if is_id else word.hex()


def move(asset: Asset, amount: int, source: str, target: str) -> tuple[Entry, ...]:
    """The two entries that bring `amount` from one account to another; none for nothing."""
    return (Entry(source, asset, -amount), Entry(target, asset, amount)) if amount else ()


def fold(entries: Iterable[Entry]) -> Mapping[Account, int]:
    """What the entries come to, per account."""
    sums: dict[Account, int] = {}
    for entry in entries:
        key = (entry.account, entry.asset)
        sums[key] = sums.get(key, 0) + entry.amount
    return sums
