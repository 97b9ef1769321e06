"""The draw of an epoch, repeated from the public events: an honest one holds, and each lie about it has its place."""

from collections.abc import Callable
from typing import Any

import pytest
from blake3 import blake3
from libs.proof.tests.conftest import DOMAIN, JOB_ID, SPEC, commits_of, key_of, submit
from libs.proof.tests.test_provenance import ABSENT, BLOCK, entry_of, revealed_share

from assay.proof import epoch, spec_digest
from assay.proof.beacon import Pulse, reveal_of
from assay.proof.pool import read_entries, write_entries
from assay.proof.redraw import checks_of, told_of
from assay.schema.beacon import BeaconShare
from assay.schema.epoch import DrawnSegment, EpochAnchored, EpochCommitted, EpochDrawn, EpochPooled
from assay.schema.errors import Refused
from assay.schema.event import Event
from assay.schema.values import NO_DIGEST, Policy, derive_id

OTHER = derive_id("j", "another")
HUNGRY = SPEC.model_copy(update={"policy": Policy(audit_segments=6)})
"""An order of another job, which has six segments of its own drawn."""
HASH = blake3(b"block").digest()


def told(k: int = 3) -> dict[str, Any]:
    """What was said of one epoch of two leases, of 9 and 12 segments, by what each is."""
    first = commits_of("early", 1, 0, 9, None)
    provider = first[0].provider
    names = {"provider": provider, "job_id": OTHER}
    second = [each.model_copy(update=names) for each in commits_of("late", 2, 3, 12, None)]
    ranges = {JOB_ID: epoch.range_of(first, spec_digest(SPEC)), OTHER: epoch.range_of(second, spec_digest(HUNGRY))}
    entries = [entry_of(job, range_.entry) for job, range_ in ranges.items()]
    entries.sort(key=lambda entry: entry.lease_id)
    root = epoch.epoch_root([range_.entry for range_ in ranges.values()])
    fact = {"epoch_id": derive_id("x", provider, 4), "provider": provider, "number": 4}
    shares = [revealed_share(name, fact["epoch_id"], Pulse(BLOCK, HASH)) for name in ("one", "two")]
    beacon = epoch.combine(HASH, [reveal_of(share).value for share in shares])
    seed = epoch.seed(beacon, root.root, provider, 4)
    drawn = {*epoch.draw(seed, [*ranges.values()], k), *epoch.draw(seed, [ranges[OTHER]], 6)}
    bound = [BeaconShare(verifier=each.verifier, commit=each.commit) for each in shares]
    bound.append(BeaconShare(verifier=ABSENT, commit=NO_DIGEST))
    sums = {"previous": NO_DIGEST, "root": root.root, "units": root.total, "segments": 21, "shares": bound}
    segments = [DrawnSegment(lease_id=lease, segment=at) for lease, at in sorted(drawn)]
    digests = {"root": root.root, "beacon": beacon.hex(), "seed": seed}
    key = key_of("requester")
    return {
        "jobs": [submit(key), submit(key, HUNGRY, job_id=OTHER)],
        "commits": [*first, *second],
        "closed": EpochCommitted(**fact, **sums, entries=entries),
        "anchored": EpochAnchored(**fact, root=root.root, block=BLOCK - 2, tx="0x" + "ab" * 32, gas=1),
        "drawn": EpochDrawn(**fact, **digests, block=BLOCK, drawn=segments, revealed=shares, missing=[ABSENT]),
    }


def broken(said: dict[str, Any], block_hash: bytes = HASH) -> set[str]:
    """The names of the checks that fail."""
    events: list[Event] = [*said["jobs"], *said["commits"], said["closed"], said["anchored"], said["drawn"]]
    told_ = told_of(events, said["closed"].epoch_id)
    return {each.name for each in checks_of(told_, said["closed"].entries, block_hash, DOMAIN) if not each.passed}


@pytest.mark.parametrize("k", [1, 3, 9, 21])
def test_a_draw_and_what_orders_asked_for_besides_follow_from_what_was_said_in_public(k: int) -> None:
    assert broken(told(k)) == set()


def test_an_epoch_of_which_the_entries_stand_in_a_blob_is_drawn_from_alike() -> None:
    said = told()
    closed, blob = said["closed"], write_entries(said["closed"].entries)
    names = closed.model_dump(exclude={"entries"})
    pooled = EpochPooled(**names, size=2, entries=NO_DIGEST)
    found = told_of([*said["jobs"], *said["commits"], pooled, said["anchored"], said["drawn"]], closed.epoch_id)
    assert all(each.passed for each in checks_of(found, read_entries(blob, pooled).entries, HASH, DOMAIN))


def changed(part: str, **changes: Any) -> Callable[[dict[str, Any]], None]:
    def change(said: dict[str, Any]) -> None:
        said[part] = said[part].model_copy(update=changes)

    return change


def leave_out(said: dict[str, Any]) -> None:
    said["drawn"] = said["drawn"].model_copy(update={"drawn": said["drawn"].drawn[1:]})


def draw_another(said: dict[str, Any]) -> None:
    drawn = said["drawn"].drawn
    every = [(each.lease_id, each.segment) for each in said["commits"]]
    lease, at = next(each for each in every if each not in [(d.lease_id, d.segment) for d in drawn])
    said["drawn"] = said["drawn"].model_copy(update={"drawn": (*drawn, DrawnSegment(lease_id=lease, segment=at))})


def leave_a_reveal_out(said: dict[str, Any]) -> None:
    said["drawn"] = said["drawn"].model_copy(update={"revealed": said["drawn"].revealed[1:]})


def bind_nobody_to_it(said: dict[str, Any]) -> None:
    said["closed"] = said["closed"].model_copy(update={"shares": said["closed"].shares[1:]})


def commit_to_less(said: dict[str, Any]) -> None:
    said["commits"] = said["commits"][1:]


LIES: dict[str, tuple[Callable[[dict[str, Any]], None], set[str]]] = {
    "a drawn segment is left out": (leave_out, {"draw"}),
    "another is drawn": (draw_another, {"draw"}),
    "another seed": (changed("drawn", seed="5e" * 32), {"seed", "draw"}),
    "a reveal is left out": (leave_a_reveal_out, {"shares", "beacon"}),
    "a share that nobody was bound to": (bind_nobody_to_it, {"shares"}),
    "a later block than the anchor fixed": (changed("anchored", block=BLOCK - 3), {"beacon"}),
    "another root is drawn from": (changed("drawn", root="5e" * 32), {"root"}),
    "fewer units": (changed("closed", units=1), {"root"}),
    "a segment that nobody committed to": (commit_to_less, {"root", "draw"}),
}


@pytest.mark.parametrize("lie", LIES)
def test_each_lie_about_a_draw_is_named_by_its_step(lie: str) -> None:
    said = told()
    tell, names = LIES[lie]
    tell(said)
    assert broken(said) == names


def test_another_hash_of_the_block_is_another_beacon() -> None:
    assert "beacon" in broken(told(), blake3(b"another").digest())


def test_of_an_epoch_that_is_not_drawn_nothing_is_repeated() -> None:
    said = told()
    with pytest.raises(Refused, match="not drawn"):
        told_of([said["closed"], said["anchored"]], said["closed"].epoch_id)
