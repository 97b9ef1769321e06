"""The committee for operators of ordinary kernels, whose results honest machines round differently.

Five members drawn by a seed each measure by a random projection (Freivalds) how far either output lies from the product
of the agreed inputs, as a multiple of honest noise. A party is wrong if a majority finds it beyond the tolerance; if
neither is, the difference lies inside honest noise: stakes go back and the tolerance is measured again, nobody is
slashed.

A library: no service draws a committee (docs/adr/0009-court.md).
"""

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from typing import Final

from blake3 import blake3

from assay.proof.court.game import Dispute, rule
from assay.proof.court.moves import Party
from assay.proof.court.states import State
from assay.proof.eip712 import typed_digest, uint_word
from assay.proof.keccak import keccak256
from assay.proof.keys import Key, recover
from assay.schema.errors import Refused

SIZE: Final = 5
MAJORITY: Final = SIZE // 2 + 1
TOLERANCE: Final = 20
"""Multiples of honest noise; the mildest cheat that was measured lies at 290."""
MILLI: Final = 1000
DRAW: Final = b"assay.committee.1"
VOTE_HASH: Final = keccak256(b"Vote(bytes32 dispute,bytes32 case,uint256 workerMilli,uint256 challengerMilli)")
RESIDUAL_MAX: Final = 2**64


@dataclass(frozen=True)
class Vote:
    """What a member measured: either output's residual in thousandths of honest noise."""

    dispute: bytes
    case: bytes
    worker_milli: int
    challenger_milli: int
    signature: str = ""


def draw_members(seed: bytes, candidates: Iterable[str], parties: Iterable[str]) -> tuple[str, ...]:
    """The members, by the seed: fewer than SIZE if there are not more candidates apart from the parties."""
    barred = {address.lower() for address in parties}
    able = {address.lower() for address in candidates} - barred
    return tuple(sorted(able, key=lambda address: blake3(DRAW + seed + address.encode()).digest())[:SIZE])


def case_of(dispute: Dispute) -> bytes:
    """The 32 bytes that stand for what the committee looks at: the last move, which binds both outputs."""
    if dispute.state is not State.REFEREED or dispute.awaits:
        raise Refused("court.bad_vote", f"No committee sits in {dispute.state}.")
    return dispute.last


def sign_vote(key: Key, dispute: Dispute, worker_milli: int, challenger_milli: int) -> Vote:
    """A member's signed vote."""
    vote = Vote(dispute.terms.id, case_of(dispute), worker_milli, challenger_milli)
    return replace(vote, signature=key.sign(_digest(dispute, vote)))


def decide(dispute: Dispute, members: Sequence[str], votes: Sequence[Vote]) -> Dispute:
    """The dispute after the committee's votes. Raises Refused until enough members have voted for a majority."""
    case, voters = case_of(dispute), Counter[str]()
    for vote in votes:
        voters[_voter(dispute, case, members, vote)] += 1
    if len(members) != SIZE or max(voters.values(), default=0) > 1 or len(voters) < MAJORITY:
        raise Refused("court.bad_vote", f"{MAJORITY} different members of {SIZE} must vote.")
    residuals = {
        Party.WORKER: [vote.worker_milli for vote in votes],
        Party.CHALLENGER: [vote.challenger_milli for vote in votes],
    }
    at_fault = frozenset(party for party, found in residuals.items() if _is_beyond(found))
    return replace(
        rule(dispute, at_fault, "voted" if at_fault else "noise"),
        deadline_s=dispute.deadline_s + dispute.terms.appeal_s,
    )


def _is_beyond(residuals: Sequence[int]) -> bool:
    """Whether a majority of the whole committee finds the party beyond the tolerance."""
    return sum(residual > TOLERANCE * MILLI for residual in residuals) >= MAJORITY


def _voter(dispute: Dispute, case: bytes, members: Sequence[str], vote: Vote) -> str:
    if vote.dispute != dispute.terms.id or vote.case != case:
        raise Refused("court.bad_vote", "The vote is on another case.")
    if not all(0 <= residual < RESIDUAL_MAX for residual in (vote.worker_milli, vote.challenger_milli)):
        raise Refused("court.bad_vote", "A residual is out of bounds.")
    voter = recover(_digest(dispute, vote), vote.signature)
    if voter not in members:
        raise Refused("court.bad_vote", "The voter was not drawn.")
    return voter


def _digest(dispute: Dispute, vote: Vote) -> bytes:
    content = vote.dispute + vote.case + uint_word(vote.worker_milli) + uint_word(vote.challenger_milli)
    return typed_digest(dispute.terms.domain, VOTE_HASH + content)
