"""What goes unpaid for drawn segments that nobody could answer: a share of the rest, by the seed alone."""

import pytest

from assay.proof.replay import Replay
from assay.proof.reputation import Blame, blame_of
from assay.proof.unproven import is_spoken_for
from assay.schema.lease import FORFEIT, NO_QUORUM, UNCHECKED, UNPROVEN, LeaseRejected
from assay.schema.values import NO_DIGEST, Role, derive_id, participant_id

LEASES = [derive_id("l", number) for number in range(4_000)]
SEED = "5e" * 32


def rejected(code: str) -> LeaseRejected:
    names = {
        "lease_id": LEASES[0],
        "job_id": derive_id("j", 1),
        "provider": participant_id(Role.PROVIDER, "0x" + "0a" * 20),
        "fence": 1,
    }
    return LeaseRejected(**names, verdict_id=derive_id("d", 1), root=NO_DIGEST, segment=0, code=code)


@pytest.mark.parametrize(("counted", "of"), [(1, 90), (1, 4), (45, 90), (3, 4)])
def test_as_large_a_share_goes_unpaid_as_could_not_be_answered(counted: int, of: int) -> None:
    found = sum(is_spoken_for(SEED, lease, counted, of) for lease in LEASES)
    assert found / len(LEASES) == pytest.approx(counted / of, abs=0.03)


def test_all_goes_unpaid_where_nothing_was_answered_and_none_where_everything_was() -> None:
    assert all(is_spoken_for(SEED, lease, 7, 7) for lease in LEASES)
    assert not any(is_spoken_for(SEED, lease, 0, 7) for lease in LEASES)


def test_who_is_spoken_for_by_few_is_by_more() -> None:
    few = {lease for lease in LEASES if is_spoken_for(SEED, lease, 2, 90)}
    assert few and all(is_spoken_for(SEED, lease, 3, 90) for lease in few)


@pytest.mark.parametrize(
    ("code", "blame"),
    [
        ("segment.mismatch", Blame.REJECTED),
        (FORFEIT, Blame.REJECTED),
        (UNPROVEN, Blame.DROPPED),
        (UNCHECKED, None),
        (NO_QUORUM, None),
    ],
)
def test_a_record_counts_by_whose_fault_it_is_and_is_made_again_so(code: str, blame: Blame | None) -> None:
    event = rejected(code)
    assert blame_of(event) is blame
    counts = [(each.rejected, each.dropped) for each in Replay.of([event, event]).accounts().values()]
    assert counts == {Blame.REJECTED: [(1, 0)], Blame.DROPPED: [(0, 1)], None: []}[blame]
