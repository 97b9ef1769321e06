"""Sharing the beacon: who is called to bind itself for an epoch, and when the set of those who did is closed. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from blake3 import blake3

from assay.proof.beacon import Pulse, Reveal, is_true, reveal_of, said_of
from assay.schema.beacon import SHARES_MAX, BeaconRevealed, BeaconShare, RevealedShare
from assay.schema.epoch import EpochClosed
from assay.schema.event import Envelope
from assay.schema.values import Digest, EpochId, derive_id

ORDER = b"assay.beacon.order.1"
CALL_MS: Final = 2_000
"""An epoch that is due waits at most so long for those who were called; one that was called early does not wait."""


@dataclass(frozen=True, slots=True)
class Next:
    """A provider's next epoch, and the seed by which its verifiers are drawn: of its last draw, if there was one."""

    epoch_id: EpochId
    seed: Digest
    number: int


@dataclass(frozen=True, slots=True)
class Willing:
    """A verifier that can be called, and its network."""

    verifier: str
    network: str


@dataclass(frozen=True, slots=True)
class Share:
    """One verifier's share of an epoch's beacon as it is kept."""

    beacon_id: str
    verifier: str
    state: str
    called_ms: int
    commit: Digest | None = None
    revealed: RevealedShare | None = None


def next_of(provider: str, number: int, seed: Digest | None) -> Next:
    """The provider's epoch of that number. A provider that was never drawn from has a seed of its own."""
    epoch_id = derive_id("x", provider, number)
    return Next(epoch_id, seed or blake3(epoch_id.encode()).hexdigest(), number)


def draw_sharers(epoch: Next, provider: str, willing: Sequence[Willing]) -> tuple[Willing, ...]:
    """Whom the seed draws, on as many networks as there are; never the provider's own verifier."""
    others = (each for each in willing if each.verifier[1:] != provider[1:])
    left = sorted(others, key=lambda each: rank(epoch, each.verifier))
    drawn: list[Willing] = []
    while left and len(drawn) < SHARES_MAX:
        networks = [each.network for each in drawn]
        drawn.append(min(left, key=lambda each: networks.count(each.network)))
        left.remove(drawn[-1])
    return tuple(drawn)


def rank(epoch: Next, verifier: str) -> bytes:
    """A verifier's place in the order that the seed makes for an epoch; nobody can choose it."""
    return blake3(ORDER + bytes.fromhex(epoch.seed) + f"{epoch.epoch_id}/{verifier}".encode()).digest()


def gathered_ms(shares: Sequence[Share]) -> int:
    """From when on nobody who was called is waited for; 0 if all have come."""
    return max((share.called_ms + CALL_MS for share in shares if share.state == "called"), default=0)


def committed_of(shares: Sequence[Share]) -> tuple[BeaconShare, ...]:
    """The set that an epoch is closed with, in the order of names."""
    bound = sorted((share.verifier, share.commit) for share in shares if share.commit is not None)
    return tuple(BeaconShare(verifier=verifier, commit=commit) for verifier, commit in bound)


def counted_of(said: Envelope[BeaconRevealed], epoch: EpochClosed, pulse: Pulse) -> RevealedShare | None:
    """The share that a reveal makes, if it is what was committed, over this very round, in its one form."""
    event = said.event
    commit = next((share.commit for share in epoch.shares if share.verifier == event.verifier), None)
    if commit is None or said.signature is None:
        return None
    share = RevealedShare(
        verifier=event.verifier,
        commit=commit,
        value=event.value,
        salt=event.salt,
        time_ms=said.time_ms,
        signature=said.signature,
    )
    is_counted = is_true(epoch.epoch_id, share.verifier, commit, reveal_of(share))
    return share if is_counted and said_of(share, epoch.epoch_id, pulse).data == said.data else None


def reveals_of(shares: Sequence[RevealedShare]) -> dict[str, Reveal]:
    """The reveals by name, as the beacon is assembled from them."""
    return {share.verifier: reveal_of(share) for share in shares}
