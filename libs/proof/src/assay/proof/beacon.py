"""The beacon: the randomness of an epoch that is fixed in advance, known to nobody before, and recomputed by anyone.

It is a round of a public source, as the hash of a block that comes after the epoch's root is anchored, combined with
what verifiers committed to before the root was anchored and revealed after the round was known. One honest verifier,
or one honest block, is enough; who withholds a reveal is named. A reveal is signed over the round that the verifier
was shown, so nobody can take another round once a value is known.
The analysis of grinding is in docs/adr/0012-beacon-and-policy.md.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from typing import Final, NamedTuple, Protocol

from blake3 import blake3

from assay.proof.digest import prefixed
from assay.proof.eip712 import Domain
from assay.proof.statement import check_signature
from assay.schema.beacon import BeaconRevealed, RevealedShare, beacon_fact
from assay.schema.errors import Refused, Reject
from assay.schema.event import Envelope
from assay.schema.values import Digest, EpochId

COMMIT, BEACON = b"assay.beacon.commit.2", b"assay.beacon.1"
VALUE_BYTES: Final = 32
BEACON_BLOCKS: Final = 2
"""Where a chain's blocks are the rounds: so many after the anchor comes the one whose hash is the beacon's."""


class Reveal(NamedTuple):
    """What a verifier committed to: its share of the randomness, and the salt that hid it."""

    value: bytes
    salt: bytes


class Pulse(NamedTuple):
    """A round of a public source and its value."""

    round: int
    value: bytes


class Combined(NamedTuple):
    """An epoch's randomness; `missing` are the verifiers that committed and did not reveal what they had committed."""

    value: bytes
    revealed: tuple[str, ...]
    missing: tuple[str, ...]


class Beacon(Protocol):
    """A public source of rounds, such as a chain's blocks: each is due later, and its value cannot be known before."""

    def round_after(self, anchor: int) -> int:
        """The one round that an anchor in this block fixes; nobody knows its value when the anchor is made."""

    async def next_round(self) -> int:
        """The first round whose value nobody can know now."""

    async def pulse(self, round_: int) -> Pulse:
        """A round whose value stays what it is. Raises Retry while it is not there yet."""


def commit(value: bytes, salt: bytes, verifier: str, epoch_id: EpochId) -> Digest:
    """The digest by which a verifier binds itself to `value` for one epoch. Raises Reject unless both are 32 bytes."""
    if len(value) != VALUE_BYTES or len(salt) != VALUE_BYTES:
        raise Reject(f"A share and its salt are {VALUE_BYTES} bytes each.")
    return blake3(COMMIT + prefixed(verifier.encode()) + prefixed(epoch_id.encode()) + value + salt).hexdigest()


def combine(block_hash: bytes, reveals: Sequence[bytes]) -> bytes:
    """The epoch's 32 bytes: BLAKE3 of the tag, the round's value, the number of reveals, and these in rising order.

    The value stands behind its length (4 bytes), the number in 8 bytes, each reveal as its 32 bytes. Raises Reject.
    """
    if any(len(value) != VALUE_BYTES for value in reveals):
        raise Reject(f"A reveal is {VALUE_BYTES} bytes.")
    return blake3(BEACON + prefixed(block_hash) + len(reveals).to_bytes(8, "big") + b"".join(sorted(reveals))).digest()


def assemble(
    epoch_id: EpochId, block_hash: bytes, committed: Mapping[str, Digest], revealed: Mapping[str, Reveal]
) -> Combined:
    """The beacon of an epoch: only reveals of what was committed count; the others' verifiers are named as missing."""
    true = sorted(name for name in committed if is_true(epoch_id, name, committed[name], revealed.get(name)))
    value = combine(block_hash, [revealed[name].value for name in true])
    return Combined(value, tuple(true), names_left(committed, true))


def is_true(epoch_id: EpochId, verifier: str, committed: Digest, reveal: Reveal | None) -> bool:
    """Whether a reveal is what the verifier committed to for this epoch."""
    if reveal is None or {len(reveal.value), len(reveal.salt)} != {VALUE_BYTES}:
        return False
    return commit(reveal.value, reveal.salt, verifier, epoch_id) == committed


def names_left(names: Iterable[str], taken: Sequence[str]) -> tuple[str, ...]:
    """The names that are not among the taken, in order."""
    return tuple(sorted(set(names) - set(taken)))


def reveal_of(share: RevealedShare) -> Reveal:
    """The reveal that a share stands for."""
    return Reveal(bytes.fromhex(share.value), bytes.fromhex(share.salt))


def said_of(share: RevealedShare, epoch_id: EpochId, pulse: Pulse) -> Envelope[BeaconRevealed]:
    """The statement by which a share was revealed over a round, in its one form; unsigned."""
    event = BeaconRevealed(
        **beacon_fact(epoch_id, share.verifier),
        block=pulse.round,
        block_hash=pulse.value.hex(),
        value=share.value,
        salt=share.salt,
    )
    return Envelope.wrap(event, share.verifier, share.time_ms)


def is_signed(share: RevealedShare, epoch_id: EpochId, pulse: Pulse, domain: Domain) -> bool:
    """Whether the verifier signed its reveal for this epoch, over this round."""
    try:
        check_signature(replace(said_of(share, epoch_id, pulse), signature=share.signature), domain)
    except Refused:
        return False
    return True
