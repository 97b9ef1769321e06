"""The keys of a session: what a member advertises, how it deals its secrets in shares, how shares open them again.

Shamir's scheme is pycryptodome's. What a member deals is bound to by what it advertised before, so a share that is
false is found out by whoever puts shares together.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations, islice
from typing import Any, Final

from Crypto.Protocol.SecretSharing import Shamir

from assay.workloads.federated import secrets
from assay.workloads.federated.errors import Mismasked, TooFew
from assay.workloads.federated.masking import private_of
from assay.workloads.federated.params import TURNS_MAX

TRIES_MAX: Final = 200
LETTER: Final = "letter"
Shares = Mapping[int, bytes]
"""Shares of one secret, by the place of who held them."""


@dataclass(frozen=True)
class Sealed:
    """A member's secrets in a session, all of which follow from its seed."""

    seed: bytes
    session: str

    @cached_property
    def letters(self) -> bytes:
        """The private key by which letters to this member are opened."""
        return secrets.derive(self.seed, "letters", self.session)

    def pair(self, turn: int) -> bytes:
        """What the turn's pairwise masks follow from."""
        return secrets.derive(self.seed, "pair", self.session, turn)[: secrets.SHARED_BYTES]

    def own(self, turn: int) -> bytes:
        """What the turn's own mask follows from."""
        return secrets.derive(self.seed, "own", self.session, turn)[: secrets.SHARED_BYTES]


def advertise(sealed: Sealed) -> dict[str, Any]:
    """Return what a member says of its keys: public ones, and what binds it to its own masks."""
    turns = range(TURNS_MAX)
    return {
        "letters": secrets.public_of(sealed.letters).hex(),
        "pairs": [secrets.public_of(private_of(sealed.pair(turn))).hex() for turn in turns],
        "owns": [secrets.commit(sealed.own(turn)) for turn in turns],
    }


def deal(sealed: Sealed, own: int, letters: Sequence[bytes], threshold: int) -> list[bytes]:
    """Return a letter to each member with its shares of all turns' secrets. Raises ValueError for a bad key."""
    count = len(letters)
    bundles = [b""] * count
    for turn in range(TURNS_MAX):
        for dealt in (sealed.pair(turn), sealed.own(turn)):
            for number, share in Shamir.split(threshold, count, dealt):  # type: ignore[call-arg]
                bundles[number - 1] += bytes(share)
    return [
        secrets.seal(key_between(sealed, own, place, public), bundle, about(sealed.session, own, place))
        for place, (bundle, public) in enumerate(zip(bundles, letters, strict=True))
    ]


def opened(sealed: Sealed, own: int, dealer: int, public: bytes, letter: bytes, turn: int) -> tuple[bytes, bytes]:
    """Return the shares of a dealer's pairwise and own secret of a turn. Raises ValueError."""
    bundle = secrets.unseal(key_between(sealed, dealer, own, public), letter, about(sealed.session, dealer, own))
    if len(bundle) != 2 * TURNS_MAX * secrets.SHARED_BYTES:
        raise ValueError("The letter holds no shares of all turns.")
    at = 2 * turn * secrets.SHARED_BYTES
    return bundle[at : at + secrets.SHARED_BYTES], bundle[at + secrets.SHARED_BYTES : at + 2 * secrets.SHARED_BYTES]


def key_between(sealed: Sealed, dealer: int, to: int, public: bytes) -> bytes:
    """Return the key of the letter from a dealer to a member; each of the two has it."""
    return secrets.agree(sealed.letters, public, LETTER, sealed.session, dealer, to)


def about(session: str, dealer: int, to: int) -> bytes:
    """Return what a letter is about."""
    return f"{session}/{dealer}/{to}".encode()


def combine(shares: Shares, threshold: int, is_it: Any, whose: int) -> bytes:
    """Return the secret that enough of the shares agree on, false ones among them or not.

    `is_it` says whether a secret is the one that its dealer is bound to. Raises TooFew, Mismasked.
    """
    if len(shares) < threshold:
        raise TooFew(f"{len(shares)} shares of member {whose}'s secret are here, {threshold} open it.")
    numbered = [(place + 1, share) for place, share in sorted(shares.items())]
    for chosen in islice(combinations(numbered, threshold), TRIES_MAX):
        found = bytes(Shamir.combine(list(chosen)))  # type: ignore[call-arg]
        if is_it(found):
            return found
    raise Mismasked(f"No {threshold} of the shares of member {whose}'s secret open it.")


def opens_pair(public: str) -> Any:
    """Return the check of a pairwise secret against the public key that was advertised."""
    return lambda found: secrets.public_of(private_of(found)).hex() == public


def opens_own(commitment: str) -> Any:
    """Return the check of an own secret against what its member is bound to."""
    return lambda found: secrets.commit(found) == commitment
