"""The beacon: the randomness of a round that is fixed in advance, known to nobody before, and recomputed by anyone.

It is the hash of a block that comes after the epoch's root is final, combined with what verifiers committed to before
that block and revealed after it. One honest verifier, or one honest block, is enough; who withholds a reveal is named.
The analysis of grinding is in docs/adr/0012-beacon-and-policy.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from typing import Final, NamedTuple, Protocol

from blake3 import blake3

from assay.proof.digest import prefixed
from assay.schema.errors import Reject
from assay.schema.values import Digest

COMMIT, BEACON = b"assay.beacon.commit.1", b"assay.beacon.1"
VALUE_BYTES: Final = 32


class Reveal(NamedTuple):
    """What a verifier committed to: its share of the randomness, and the salt that hid it."""

    value: bytes
    salt: bytes


class Pulse(NamedTuple):
    """One round's randomness; `missing` are the verifiers that committed and did not reveal what they had committed."""

    round: int
    value: bytes
    revealed: tuple[str, ...]
    missing: tuple[str, ...]


class Beacon(Protocol):
    """A source of rounds: each is due at a known moment, and its value cannot be known before."""

    def round_after(self, time_ms: int) -> int:
        """The first round whose value nobody knows at that time."""

    async def pulse(self, round_: int) -> Pulse:
        """The value of a round. Raises Retry while it is not there yet."""


def commit(value: bytes, salt: bytes, verifier: str, round_: int) -> Digest:
    """The digest by which a verifier binds itself to `value` for one round. Raises Reject unless both are 32 bytes."""
    if len(value) != VALUE_BYTES or len(salt) != VALUE_BYTES:
        raise Reject(f"A share and its salt are {VALUE_BYTES} bytes each.")
    head = COMMIT + prefixed(verifier.encode()) + round_.to_bytes(8, "big")
    return blake3(head + value + salt).hexdigest()


def combine(block_hash: bytes, reveals: Sequence[bytes]) -> bytes:
    """The round's 32 bytes: BLAKE3 of the tag, the block's hash, the number of reveals, and these in rising order.

    The hash stands behind its length (4 bytes), the number in 8 bytes, each reveal as its 32 bytes. Raises Reject.
    """
    if any(len(value) != VALUE_BYTES for value in reveals):
        raise Reject(f"A reveal is {VALUE_BYTES} bytes.")
    return blake3(BEACON + prefixed(block_hash) + len(reveals).to_bytes(8, "big") + b"".join(sorted(reveals))).digest()


def assemble(round_: int, block_hash: bytes, committed: Mapping[str, Digest], revealed: Mapping[str, Reveal]) -> Pulse:
    """The pulse of a round: only reveals of what was committed count; the others' verifiers are named as missing."""
    true = sorted(name for name in committed if is_true(round_, name, committed[name], revealed.get(name)))
    value = combine(block_hash, [revealed[name].value for name in true])
    return Pulse(round_, value, tuple(true), names_left(committed, true))


def is_true(round_: int, verifier: str, committed: Digest, reveal: Reveal | None) -> bool:
    """Whether a reveal is what the verifier committed to for this round."""
    if reveal is None or {len(reveal.value), len(reveal.salt)} != {VALUE_BYTES}:
        return False
    return commit(reveal.value, reveal.salt, verifier, round_) == committed


def names_left(names: Iterable[str], taken: Sequence[str]) -> tuple[str, ...]:
    """The names that are not among the taken, in order."""
    return tuple(sorted(set(names) - set(taken)))
